/* SPDX-License-Identifier: BSD-3-Clause */
#include "stack/routes.h"

static struct ip_addr mask_of(unsigned bits)
{
    struct ip_addr mask = { .u64 = { 0, 0 } };

    for (unsigned i = 0; i < bits; i++)
        mask.b[i / 8] |= (uint8_t)(0x80 >> i % 8);
    return mask;
}

static void route_remove(struct routes *table, uint32_t i)
{
    table->count--;
    memmove(&table->entry[i], &table->entry[i + 1], (table->count - i) * sizeof(table->entry[0]));
}

static struct route *route_find(struct routes *table, const struct route *like)
{
    for (uint32_t i = 0; i < table->count; i++) {
        struct route *r = &table->entry[i];
        if (r->bits == like->bits && ip_addr_equal(&r->net, &like->net) &&
            ip_addr_equal(&r->via, &like->via))
            return r;
    }
    return NULL;
}

bool routes_set(struct routes *table, const struct ip_addr *net, unsigned prefix_len,
                const struct ip_addr *via, uint64_t expires_ns, uint64_t now)
{
    struct route route = { .expires_ns = expires_ns,
                           .bits = (uint8_t)(prefix_len + (ip_addr_is_v4(net) ? 96 : 0)) };

    route.mask = mask_of(route.bits);
    for (unsigned i = 0; i < 2; i++)
        route.net.u64[i] = net->u64[i] & route.mask.u64[i];
    if (via != NULL)
        route.via = *via;

    struct route *old = route_find(table, &route);
    if (old != NULL) {
        if (old->expires_ns != TIME_NEVER)
            old->expires_ns = expires_ns;
        routes_expire(table, now);
        return true;
    }
    if (expires_ns <= now)
        return true;
    if (table->count == ROUTES_MAX)
        return false;
    /* Behind all that are as long: of several routers the first stays in use. */
    uint32_t at = 0;
    while (at < table->count && table->entry[at].bits >= route.bits)
        at++;
    memmove(&table->entry[at + 1], &table->entry[at],
            (table->count - at) * sizeof(table->entry[0]));
    table->entry[at] = route;
    table->count++;
    return true;
}

uint64_t routes_expire(struct routes *table, uint64_t now)
{
    uint64_t next = TIME_NEVER;

    for (uint32_t i = table->count; i-- > 0;) {
        if (table->entry[i].expires_ns <= now)
            route_remove(table, i);
        else
            next = time_min(next, table->entry[i].expires_ns);
    }
    return next;
}
