/* SPDX-License-Identifier: BSD-3-Clause */
#include "stack/addresses.h"

struct address *addresses_find(struct addresses *table, const struct ip_addr *ip)
{
    for (uint32_t i = 0; i < table->used; i++)
        if (table->entry[i].state != ADDRESS_FREE && ip_addr_equal(&table->entry[i].ip, ip))
            return &table->entry[i];
    return NULL;
}

struct address *addresses_add(struct addresses *table, const struct ip_addr *ip, uint8_t prefix_len)
{
    uint32_t i = 0;

    while (i < table->used && table->entry[i].state != ADDRESS_FREE)
        i++;
    if (i == ADDRESSES_MAX)
        return NULL;
    if (i == table->used)
        table->used++;
    table->entry[i] =
        (struct address){ .ip = *ip, .prefix_len = prefix_len, .state = ADDRESS_TENTATIVE };
    return &table->entry[i];
}

const struct address *addresses_source(const struct addresses *table, const struct ip_addr *peer)
{
    const struct address *best = NULL;

    for (uint32_t i = 0; i < table->used; i++) {
        const struct address *a = &table->entry[i];
        if (a->state != ADDRESS_READY || ip_addr_is_v4(&a->ip) != ip_addr_is_v4(peer))
            continue;
        if (ip_addr_same_net(&a->ip, peer, a->prefix_len))
            return a;
        if (best == NULL || ip_addr_is_link_local(&a->ip))
            best = a;
    }
    return best;
}
