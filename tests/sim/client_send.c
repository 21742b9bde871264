/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "network.h"
#include "trace.h"

#define RTO_MIN_NS   (200 * NS_PER_MS)
#define RTO_FIRST_NS NS_PER_S
#define RTO_MAX_NS   (30 * NS_PER_S)
#define FLIGHT_MAX   32

static uint32_t timestamp(const struct client *client)
{
    return client->config->ts_base + (uint32_t)(client->node.sim->now / client->config->ts_tick_ns);
}

static void address(const struct client *client, struct segment *s)
{
    memcpy(s->src_mac, client->config->far ? gateway_mac : client->mac, 6);
    memcpy(s->dst_mac, client->server, 6);
    s->v6 = client->config->v6;
    s->src_ip = client->ip;
    s->dst_ip = SERVER_IP;
    s->src_port = client->port;
    s->dst_port = SERVER_PORT;
    s->wscale = -1;
}

static void transmit(struct client *client, const struct segment *s)
{
    network_from_client(client->network, packet_build_tcp(s), client->config->delay_ns);
}

/* ------------------------------------------------------------------------------------ windows,
 * SACK */

/* Moves the right edge of our window, but in no sillier steps than RFC 9293 section 3.8.6.2.2 says.
 */
static uint16_t window_field(struct client *client)
{
    struct client_conn *c = &client->conn;
    int64_t right = c->read + client->buffer;
    int64_t step = client->buffer / 2 < 1460 ? client->buffer / 2 : 1460;

    if (right >= c->advertised + step || client->shrunk)
        c->advertised = right > c->rcv ? right : c->rcv;

    unsigned scale = c->established ? c->wscale_in : 0;
    uint64_t window = (uint64_t)(c->advertised - c->rcv);
    /* Rounded up, so that rounding does not shrink it: the ring has room for that. */
    uint64_t field = (window + (UINT64_C(1) << scale) - 1) >> scale;
    if (field > 65535) {
        field = 65535;
        c->advertised = c->rcv + (int64_t)(field << scale);
    }
    return (uint16_t)field;
}

static void add_sack(struct client *client, struct segment *s)
{
    struct client_conn *c = &client->conn;
    unsigned room = c->timestamps ? 3 : 4;
    struct interval recent[4];

    if (!c->sack)
        return;
    if (c->has_duplicate)
        s->sack[s->sack_count++] = c->duplicate;
    c->has_duplicate = false;
    unsigned n = intervals_recent(&c->early, recent, room - s->sack_count);
    for (unsigned i = 0; i < n; i++)
        s->sack[s->sack_count++] = (struct sack_block){ c->irs + (uint32_t)recent[i].start,
                                                        c->irs + (uint32_t)recent[i].end };
}

/* -------------------------------------------------------------------------------------- segments
 */

/* RFC 3168 section 6.1: new data may be marked; retransmissions, pure ACKs and probes may not. */
static void add_ecn(struct client *client, struct segment *s, int64_t from)
{
    struct client_conn *c = &client->conn;

    if (!c->ecn)
        return;
    if (c->ecn_echo)
        s->flags |= FLAG_ECE;
    if (s->payload_len == 0 || from < c->top || from + s->payload_len > c->right)
        return;
    s->ecn = ECN_ECT_0;
    if (c->ecn_tell)
        s->flags |= FLAG_CWR;
    c->ecn_tell = false;
}

/* The server tells of marks: half as much, once per window. */
static void hear_echo(struct client *client)
{
    struct client_conn *c = &client->conn;

    client->echoes++;
    if (c->una <= c->ecn_end)
        return;
    c->ecn_end = c->top;
    c->ecn_tell = true;
    c->flight_max = c->flight_max > 2 ? c->flight_max / 2 : 1;
}

static void send_segment(struct client *client, int64_t from, uint32_t len, uint8_t flags)
{
    struct client_conn *c = &client->conn;
    struct segment s = { .flags = flags, .seq = c->iss + (uint32_t)from, .payload_len = len };

    address(client, &s);
    if (len > 0)
        s.payload = c->tx + (from - 1);
    if ((flags & FLAG_ACK) != 0)
        s.ack = c->irs + (uint32_t)c->rcv;
    s.window = window_field(client);
    if (c->timestamps) {
        s.timestamps = true;
        s.tsval = timestamp(client);
        s.tsecr = c->ts_recent;
    }
    if ((flags & FLAG_SYN) != 0) {
        s.mss = client->config->mss;
        s.wscale = client->config->wscale;
        s.sack_permitted = client->config->sack;
        s.flags |= client->config->ecn ? FLAG_ECE | FLAG_CWR : 0;
    } else {
        s.aligned = client->config->aligned;
        add_ecn(client, &s, from);
        add_sack(client, &s);
        c->ts_ack = c->rcv;
        c->unacked = 0;
        c->ack_now = false;
        c->ack_at = TIME_NEVER;
    }
    transmit(client, &s);
}

void client_connect(struct client *client)
{
    struct client_conn *c = &client->conn;

    c->timestamps = client->config->timestamps;
    c->rto_ns = RTO_FIRST_NS;
    c->flight_max = 10;
    c->rto_at = client->node.sim->now + c->rto_ns;
    c->next = c->top = 1;
    send_segment(client, 0, 0, FLAG_SYN);
}

void client_send_reset(struct client *client)
{
    client->conn.rst_sent = true;
    send_segment(client, client->conn.top, 0, FLAG_RST | FLAG_ACK);
}

void client_refuse(struct client *client, const struct segment *segment)
{
    struct segment s = { .flags = FLAG_RST };

    if ((segment->flags & FLAG_RST) != 0)
        return;
    address(client, &s);
    s.src_port = segment->dst_port;
    if ((segment->flags & FLAG_ACK) != 0) {
        s.seq = segment->ack;
    } else {
        s.flags |= FLAG_ACK;
        s.ack = segment->seq + segment->payload_len + ((segment->flags & FLAG_SYN) != 0);
    }
    transmit(client, &s);
}

/* ------------------------------------------------------------------------------------ the sender
 */

static int64_t stream_end(const struct client_conn *c)
{
    return 1 + (int64_t)c->tx_len;
}

static void arm(struct client *client)
{
    struct client_conn *c = &client->conn;

    if (c->rto_at == TIME_NEVER)
        c->rto_at = client->node.sim->now + c->rto_ns;
}

/* One segment at c->next, as large as the windows let it be. False: nothing may be sent. */
static bool send_next(struct client *client)
{
    struct client_conn *c = &client->conn;
    int64_t end = stream_end(c);
    int64_t limit = c->una + (int64_t)c->flight_max * c->mss;

    if (c->next > end || (c->next == end && (!c->fin_wanted || c->top > end + 1)))
        return false;
    if (limit > c->right)
        limit = c->right;
    int64_t len = end - c->next < c->mss ? end - c->next : c->mss;
    if (len > limit - c->next)
        len = limit - c->next;
    bool fin = c->fin_wanted && c->next + len == end && len >= 0;
    if (len <= 0 && !(fin && c->next == end))
        return false;
    if (len < 0)
        len = 0;

    send_segment(client, c->next, (uint32_t)len,
                 (uint8_t)(FLAG_ACK | (fin ? FLAG_FIN : 0) | (len > 0 ? FLAG_PSH : 0)));
    if (c->timed == 0 && c->next >= c->top) {
        c->timed = c->next + len;
        c->sent_at = client->node.sim->now;
    }
    c->next += len + fin;
    if (c->next > c->top)
        c->top = c->next;
    arm(client);
    return true;
}

void client_flush(struct client *client)
{
    struct client_conn *c = &client->conn;

    if (!c->established || c->rst_sent)
        return;
    while (send_next(client))
        ;
    /* Something to send and no window: the timer probes it. */
    if (c->una < stream_end(c) + c->fin_wanted)
        arm(client);
    if (c->ack_now)
        send_segment(client, c->next, 0, FLAG_ACK);
}

void client_retransmit(struct client *client)
{
    struct client_conn *c = &client->conn;

    c->rto_ns = 2 * c->rto_ns < RTO_MAX_NS ? 2 * c->rto_ns : RTO_MAX_NS;
    c->rto_at = TIME_NEVER;
    c->timed = 0;
    c->backoffs++;
    arm(client);
    if (!c->established) {
        send_segment(client, 0, 0, FLAG_SYN);
        return;
    }
    if (c->una >= stream_end(c) + c->fin_wanted) {
        c->rto_at = TIME_NEVER;
        return;
    }
    c->next = c->una;
    c->flight_max = 2;
    c->duplicate_acks = 0;
    if (c->right <= c->una && c->una < stream_end(c)) {
        /* Zero window: one byte beyond it. */
        send_segment(client, c->una, 1, FLAG_ACK | FLAG_PSH);
        if (c->top < c->una + 1)
            c->top = c->una + 1;
        return;
    }
    client_flush(client);
}

static void measure(struct client *client)
{
    struct client_conn *c = &client->conn;

    if (c->timed == 0 || c->una < c->timed)
        return;
    uint64_t rtt = client->node.sim->now - c->sent_at;
    c->rto_ns = 2 * rtt + client->config->ack_delay_ns;
    if (c->rto_ns < RTO_MIN_NS)
        c->rto_ns = RTO_MIN_NS;
    c->timed = 0;
}

void client_receive_ack(struct client *client, const struct segment *s)
{
    struct client_conn *c = &client->conn;
    int64_t ack = c->una + (int32_t)(s->ack - (c->iss + (uint32_t)c->una));
    int64_t seq = c->rcv + (int32_t)(s->seq - (c->irs + (uint32_t)c->rcv));
    int64_t right = ack + ((int64_t)s->window << c->wscale_out);

    if (ack > c->top) {
        sim_fail(client->node.sim,
                 "client %u: ACK %" PRId64 " of bytes never sent (top %" PRId64 ")", client->index,
                 ack, c->top);
        return;
    }
    if (ack > c->una) {
        c->una = ack;
        c->duplicate_acks = 0;
        c->flight_max = c->flight_max < FLIGHT_MAX ? c->flight_max + 1 : FLIGHT_MAX;
        c->rto_at = TIME_NEVER;
        if (c->next < c->una)
            c->next = c->una;
        measure(client);
        if (c->una < c->top)
            arm(client);
    } else if (ack == c->una && s->payload_len == 0 && c->top > c->una && right == c->right &&
               ++c->duplicate_acks == 3) {
        c->next = c->una;
        c->timed = 0;
    }
    if (c->ecn && (s->flags & FLAG_ECE) != 0)
        hear_echo(client);
    if (seq > c->window_seq || (seq == c->window_seq && ack >= c->window_ack)) {
        c->window_seq = seq;
        c->window_ack = ack;
        c->right = right;
    }
    if (c->fin_wanted && c->una == stream_end(c) + 1)
        c->fin_acked = true;
}
