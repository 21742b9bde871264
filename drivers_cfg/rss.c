/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers_cfg/rss.h"

#include <string.h>

#include <rte_ethdev.h>
#include <rte_thash.h>

#include "drivers_cfg/tap_steer.h"

#define RSS_KEY_BYTES_USUAL 40

/* Two IPv6 addresses and two ports, in words. */
#define TUPLE_WORDS_MAX 9

/* rte_softrss() looks at the word of the key behind the one that belongs to the tuple's last. */
static_assert(RSS_KEY_BYTES_MAX >= 4 * (TUPLE_WORDS_MAX + 1), "the key covers any tuple");

static enum rss_input input_of(uint64_t functions, uint64_t tcp, uint64_t addresses)
{
    return (functions & tcp) != 0         ? RSS_PORTS
           : (functions & addresses) != 0 ? RSS_ADDRESSES
                                          : RSS_UNKNOWN;
}

static bool read_key(struct rss *rss, uint16_t port, uint8_t key_bytes)
{
    /* Drivers that do not tell its length have the usual one. */
    struct rte_eth_rss_conf conf = {
        .rss_key = rss->key,
        .rss_key_len = key_bytes != 0 ? key_bytes : RSS_KEY_BYTES_USUAL,
    };

    if (key_bytes > RSS_KEY_BYTES_MAX || rte_eth_dev_rss_hash_conf_get(port, &conf) != 0)
        return false;
    rss->v4 = input_of(conf.rss_hf, RTE_ETH_RSS_NONFRAG_IPV4_TCP, RTE_ETH_RSS_IPV4);
    rss->v6 = input_of(conf.rss_hf, RTE_ETH_RSS_NONFRAG_IPV6_TCP, RTE_ETH_RSS_IPV6);
    return true;
}

static bool read_queues(struct rss *rss, uint16_t port, uint16_t entries)
{
    struct rte_eth_rss_reta_entry64 groups[RSS_QUEUES_MAX / RTE_ETH_RETA_GROUP_SIZE];

    if (entries == 0 || entries > RSS_QUEUES_MAX)
        return false;
    memset(groups, 0, sizeof(groups));
    for (uint16_t i = 0; i < entries; i++)
        groups[i / RTE_ETH_RETA_GROUP_SIZE].mask |= UINT64_C(1) << i % RTE_ETH_RETA_GROUP_SIZE;
    if (rte_eth_dev_rss_reta_query(port, groups, entries) != 0)
        return false;
    for (uint16_t i = 0; i < entries; i++)
        rss->queue[i] = groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
    rss->entries = entries;
    return true;
}

bool rss_read(struct rss *rss, uint16_t port)
{
    struct rte_eth_dev_info info;

    memset(rss, 0, sizeof(*rss));
    if (rte_eth_dev_info_get(port, &info) == 0 && read_key(rss, port, info.hash_key_size) &&
        read_queues(rss, port, info.reta_size))
        return true;
    rss->v4 = rss->v6 = RSS_UNKNOWN;
    return false;
}

void rss_of_tap(struct rss *rss, uint16_t queues)
{
    memset(rss, 0, sizeof(*rss));
    rss->v4 = rss->v6 = RSS_PORTS;
    rss->tap = true;
    rss->entries = queues;
    for (uint16_t i = 0; i < queues; i++)
        rss->queue[i] = i;
}

static uint32_t word(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The address's words; of IPv4 the last of them. */
static unsigned put_address(uint32_t *words, const struct ip_addr *ip)
{
    unsigned first = ip_addr_is_v4(ip) ? 3 : 0;

    for (unsigned i = first; i < 4; i++)
        words[i - first] = word(&ip->b[4 * i]);
    return 4 - first;
}

uint32_t rss_hash(const struct rss *rss, const struct ip_addr *src, uint16_t src_port,
                  const struct ip_addr *dst, uint16_t dst_port)
{
    enum rss_input input = ip_addr_is_v4(src) ? rss->v4 : rss->v6;
    uint32_t tuple[TUPLE_WORDS_MAX];
    unsigned n = put_address(tuple, src);

    n += put_address(tuple + n, dst);
    if (input == RSS_PORTS)
        tuple[n++] = (uint32_t)src_port << 16 | dst_port;
    return rss->tap ? tap_steer_hash(tuple, n) : rte_softrss(tuple, n, rss->key);
}

int rss_queue(const struct rss *rss, const struct ip_addr *src, uint16_t src_port,
              const struct ip_addr *dst, uint16_t dst_port)
{
    enum rss_input input = ip_addr_is_v4(src) ? rss->v4 : rss->v6;

    if (input == RSS_UNKNOWN || ip_addr_is_v4(src) != ip_addr_is_v4(dst))
        return -1;
    return rss->queue[rss_hash(rss, src, src_port, dst, dst_port) % rss->entries];
}
