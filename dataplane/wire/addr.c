/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/addr.h"

#include <arpa/inet.h>

const char *ip_addr_format(const struct ip_addr *a, char text[IP_ADDR_TEXT_BYTES])
{
    if (ip_addr_is_v4(a))
        inet_ntop(AF_INET, &a->b[12], text, IP_ADDR_TEXT_BYTES);
    else
        inet_ntop(AF_INET6, a->b, text, IP_ADDR_TEXT_BYTES);
    return text;
}

bool ip_addr_parse(const char *text, struct ip_addr *a)
{
    uint8_t v4[4];

    if (inet_pton(AF_INET, text, v4) == 1) {
        *a = ip_addr_from_v4(0);
        memcpy(&a->b[12], v4, sizeof(v4));
        return true;
    }
    return inet_pton(AF_INET6, text, a->b) == 1;
}

bool ip_addr_same_net(const struct ip_addr *a, const struct ip_addr *b, unsigned prefix)
{
    if (ip_addr_is_v4(a) != ip_addr_is_v4(b))
        return false;
    if (ip_addr_is_v4(a))
        prefix += 96;

    unsigned whole = prefix / 8, rest = prefix % 8;
    if (memcmp(a->b, b->b, whole) != 0)
        return false;
    return rest == 0 || (a->b[whole] ^ b->b[whole]) >> (8 - rest) == 0;
}
