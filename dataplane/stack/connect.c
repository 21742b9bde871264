/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening a connection from here: between which addresses and ports. */
#include "stack/internal.h"

/* The address to speak from to remote: of its net, else of the next hop's, else any that is not for
 * the link alone (RFC 6724 section 5, rules 2 and 8 of it). NULL: none is ready. */
static const struct address *source_for(const struct stack *s, const struct ip_addr *remote)
{
    const struct ip_addr *hop = routes_next_hop(&s->routes, remote);
    const struct address *best = NULL;
    unsigned best_rank = 0;

    for (uint32_t i = 0; i < s->addresses.used; i++) {
        const struct address *a = &s->addresses.entry[i];
        if (a->state != ADDRESS_READY || ip_addr_is_v4(&a->ip) != ip_addr_is_v4(remote) ||
            ip_addr_is_link_local(&a->ip) != ip_addr_is_link_local(remote))
            continue;
        unsigned rank = ip_addr_same_net(&a->ip, remote, a->prefix_len) ? 3
                        : ip_addr_same_net(&a->ip, hop, a->prefix_len)  ? 2
                                                                        : 1;
        if (rank > best_rank) {
            best_rank = rank;
            best = a;
        }
    }
    return best;
}

/* Whether nobody has this four-tuple, not even in TIME-WAIT, and replies to it come to this stack.
 */
static bool key_is_free(const struct stack *s, const struct tcp_key *key, uint32_t *hash)
{
    struct tcp_peer local = { key->local, key->local_port };
    struct tcp_peer remote = { key->remote, key->remote_port };

    if (s->config.flow_is_ours != NULL &&
        !s->config.flow_is_ours(s->config.flow_ctx, &local, &remote))
        return false;
    *hash = flow_hash(&s->flows, key);
    return flow_table_find_any(&s->flows, key, *hash) == FLOW_NONE;
}

/* RFC 6056 section 3.3.4. False: all ports to this destination are in use. */
static bool choose_port(struct stack *s, struct tcp_key *key, uint32_t *hash)
{
    uint32_t offset;
    uint32_t *next = tcp_ephemeral_start(&s->tcp, key, &offset);

    for (uint32_t tries = 0; tries < EPHEMERAL_PORTS; tries++) {
        key->local_port = (uint16_t)(EPHEMERAL_FIRST + (offset + (*next)++) % EPHEMERAL_PORTS);
        if (!stack_listens(s, key->local_port) && key_is_free(s, key, hash))
            return true;
    }
    return false;
}

/* Fills in the local side of key. */
static enum stack_connect_result choose_local(struct stack *s, const struct tcp_peer *local,
                                              struct tcp_key *key, uint32_t *hash)
{
    const struct address *own = ip_addr_is_none(&local->ip)
                                    ? source_for(s, &key->remote)
                                    : addresses_ready(&s->addresses, &local->ip);

    if (own == NULL || ip_addr_is_v4(&own->ip) != ip_addr_is_v4(&key->remote))
        return STACK_CONNECT_NO_SOURCE;
    if (!stack_source_ok(s, own, &key->remote) || ip_addr_is_none(&key->remote))
        return STACK_CONNECT_BAD_REMOTE;
    key->local = own->ip;
    key->local_port = local->port;
    bool free = local->port != 0 ? key_is_free(s, key, hash) : choose_port(s, key, hash);
    return free ? STACK_CONNECT_OK : STACK_CONNECT_NO_PORT;
}

enum stack_connect_result stack_connect(struct stack *s, const struct tcp_peer *local,
                                        const struct tcp_peer *remote, struct tcp_conn **conn,
                                        uint64_t now)
{
    struct tcp_key key = { .remote = remote->ip, .remote_port = remote->port };
    static const struct tcp_peer any;
    uint32_t hash = 0;

    stack_set_now(s, now);
    if (s->tcp.draining)
        return STACK_CONNECT_DRAINING;
    if (remote->port == 0)
        return STACK_CONNECT_BAD_REMOTE;
    enum stack_connect_result result = choose_local(s, local != NULL ? local : &any, &key, &hash);
    if (result != STACK_CONNECT_OK)
        return result;
    struct tcp_conn *c = tcp_connect(&s->tcp, &key);
    if (c == NULL)
        return STACK_CONNECT_FULL;
    stack_conn_insert(s, hash, c);
    *conn = c;
    return STACK_CONNECT_OK;
}
