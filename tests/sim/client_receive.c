/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <string.h>

#include "client.h"
#include "network.h"

#define READ_TICK_NS (5 * NS_PER_MS)

/* ----------------------------------------------------------------------------------- reassembly */

static void ring_write(struct client_conn *c, int64_t at, const uint8_t *data, int64_t len)
{
    for (int64_t done = 0; done < len;) {
        uint32_t start = (uint32_t)((uint64_t)(at + done) % c->rx_capacity);
        int64_t run = c->rx_capacity - start < len - done ? c->rx_capacity - start : len - done;
        memcpy(c->rx + start, data + done, (size_t)run);
        done += run;
    }
}

static bool ring_equal(const struct client_conn *c, int64_t at, const uint8_t *data, int64_t len)
{
    for (int64_t i = 0; i < len; i++)
        if (c->rx[(uint64_t)(at + i) % c->rx_capacity] != data[i])
            return false;
    return true;
}

/* Bytes sent twice must be the same bytes. */
static void check_overlap(struct client *client, int64_t start, int64_t end, const uint8_t *data)
{
    struct client_conn *c = &client->conn;

    for (unsigned i = intervals_beyond(&c->early, start);
         i < c->early.count && c->early.at[i].start < end; i++) {
        int64_t from = start > c->early.at[i].start ? start : c->early.at[i].start;
        int64_t to = end < c->early.at[i].end ? end : c->early.at[i].end;
        if (!ring_equal(c, from, data + (from - start), to - from))
            sim_fail(client->node.sim,
                     "client %u: bytes [%" PRId64 ", %" PRId64 ") were different when sent again",
                     client->index, from, to);
    }
}

static void note_duplicate(struct client *client, int64_t start, int64_t end)
{
    struct client_conn *c = &client->conn;

    c->ack_now = true;
    if (!client->config->dsack || start >= end)
        return;
    c->duplicate = (struct sack_block){ c->irs + (uint32_t)start, c->irs + (uint32_t)end };
    c->has_duplicate = true;
}

static bool known(const struct client_conn *c, int64_t start, int64_t end)
{
    unsigned i = intervals_beyond(&c->early, start);

    return i < c->early.count && c->early.at[i].start <= start && end <= c->early.at[i].end;
}

static void store(struct client *client, int64_t start, int64_t end, const uint8_t *data)
{
    struct client_conn *c = &client->conn;

    check_overlap(client, start, end, data);
    if (known(c, start, end))
        note_duplicate(client, start, end);
    if (start > c->rcv && sim_chance(&client->prng, client->config->renege)) {
        intervals_clear(&c->early);
        c->ack_now = true;
        return;
    }
    if (start > c->rcv || c->early.count > 0)
        c->ack_now = true; /* RFC 5681 section 4.2: at once while there is a hole */
    if (start > c->rcv) {
        intervals_add(&c->early, start, end);
        ring_write(c, start, data, end - start);
        return;
    }
    ring_write(c, start, data, end - start);
    c->rcv = end;
    intervals_drop_below(&c->early, c->rcv);
    if (c->early.count > 0 && c->early.at[0].start <= c->rcv) {
        c->rcv = c->early.at[0].end;
        intervals_drop_below(&c->early, c->rcv);
    }
}

static void receive_data(struct client *client, const struct segment *s)
{
    struct client_conn *c = &client->conn;
    int64_t start = c->rcv + (int32_t)(s->seq - (c->irs + (uint32_t)c->rcv));
    int64_t end = start + s->payload_len;
    int64_t limit = c->advertised;
    const uint8_t *data = s->payload;

    if (c->fin != 0 && end > c->fin) {
        sim_fail(client->node.sim, "client %u: data behind the FIN", client->index);
        return;
    }
    if (start < c->rcv) {
        int64_t old = end < c->rcv ? end : c->rcv;
        note_duplicate(client, start, old);
        data += old - start;
        start = old;
    }
    if (end > limit) {
        c->ack_now = true;
        end = limit;
    }
    if (start < end) {
        if (++c->unacked >= client->config->ack_every)
            c->ack_now = true;
        else if (c->ack_at == TIME_NEVER)
            c->ack_at = client->node.sim->now + client->config->ack_delay_ns;
        store(client, start, end, data);
    }
}

/* RFC 3168 section 6.1.3. */
static void receive_mark(struct client *client, const struct segment *s)
{
    struct client_conn *c = &client->conn;

    if (!c->ecn)
        return;
    if ((s->flags & FLAG_CWR) != 0)
        c->ecn_echo = false;
    if (s->ecn == ECN_CE)
        c->ecn_echo = c->ack_now = true;
}

static void receive_fin(struct client *client, const struct segment *s)
{
    struct client_conn *c = &client->conn;
    int64_t at = c->rcv + (int32_t)(s->seq - (c->irs + (uint32_t)c->rcv)) + s->payload_len;

    if (c->fin != 0 && at != c->fin)
        sim_fail(client->node.sim, "client %u: FIN moved from %" PRId64 " to %" PRId64,
                 client->index, c->fin, at);
    c->fin = at;
    c->ack_now = true;
}

/* ---------------------------------------------------------------------------------- the segment */

static void receive_syn_ack(struct client *client, const struct segment *s)
{
    struct client_conn *c = &client->conn;
    const struct client_config *config = client->config;

    if ((s->flags & FLAG_ACK) != 0 && s->ack != c->iss + 1) {
        /* An old connection of the same ports (RFC 9293 section 3.10.7.3). */
        client_refuse(client, s);
        return;
    }
    if ((s->flags & FLAG_SYN) == 0 || (s->flags & FLAG_ACK) == 0)
        return;
    c->irs = s->seq;
    c->rcv = c->read = c->advertised = 1;
    c->una = c->next = c->top = 1;
    c->established = true;
    c->timestamps = s->timestamps && config->timestamps;
    c->ts_recent = s->tsval;
    c->sack = s->sack_permitted && config->sack;
    c->ecn = config->ecn && (s->flags & (FLAG_ECE | FLAG_CWR)) == FLAG_ECE;
    c->wscale_out = s->wscale >= 0 && config->wscale >= 0 ? (unsigned)s->wscale : 0;
    c->wscale_in = s->wscale >= 0 && config->wscale >= 0 ? (unsigned)config->wscale : 0;
    c->mss = (uint16_t)((s->mss != 0 ? s->mss : 536) - (c->timestamps ? 12 : 0));
    if (config->mss != 0 && c->mss > config->mss)
        c->mss = config->mss;
    c->right = 1 + (int64_t)s->window;
    c->rto_at = TIME_NEVER;
    c->ack_now = true;
    if (!config->request_with_ack)
        client_flush(client);
    client_progress(client);
}

static bool check_reset(struct client *client, const struct segment *s)
{
    struct client_conn *c = &client->conn;

    if (!c->established)
        return (s->flags & FLAG_ACK) != 0 && s->ack == c->iss + 1;
    if (s->seq == c->irs + (uint32_t)c->rcv)
        return true;
    c->ack_now = true; /* RFC 5961 section 3.2: a challenge */
    return false;
}

static void receive_reset(struct client *client)
{
    struct client_conn *c = &client->conn;
    bool finished = dialogue_complete(&client->dialogue) && c->fin != 0 && c->fin_wanted;
    /* A cookie comes back with the handshake's ACK or the first byte. If something else comes
     * before both, it is for no connection (as with Linux). */
    bool forgotten = client->watch[0].cookies && c->rcv == 1;

    if (c->fin_acked && c->fin != 0 && c->rcv > c->fin && c->read < c->fin)
        return; /* closed on both sides: only the reader is not through */
    if (!finished && !c->rst_sent && !c->gone && !client->config->refused_ok && !forgotten)
        sim_fail(client->node.sim, "client %u: unexpected RST, %u of %u answers complete",
                 client->index, client->dialogue.answered, client->dialogue.plan->count);
    client_end_session(client, 0);
}

void client_receive(struct client *client, const struct segment *s)
{
    struct client_conn *c = &client->conn;

    client->segments++;
    if ((s->flags & FLAG_RST) != 0) {
        if (check_reset(client, s))
            receive_reset(client);
        else
            client_flush(client);
        return;
    }
    if (!c->established) {
        receive_syn_ack(client, s);
        return;
    }
    if ((s->flags & FLAG_SYN) != 0) {
        c->ack_now = true; /* the SYN-ACK again: our ACK was lost */
        client_flush(client);
        return;
    }
    if (c->gone && s->payload_len > 0) {
        client_send_reset(client);
        client_end_session(client, 0);
        return;
    }
    int64_t start = c->rcv + (int32_t)(s->seq - (c->irs + (uint32_t)c->rcv));
    if (c->timestamps && (int32_t)(s->tsval - c->ts_recent) < 0) {
        c->ack_now = true; /* PAWS: older than what we have */
        client_flush(client);
        return;
    }
    if (c->timestamps && start <= c->ts_ack)
        c->ts_recent = s->tsval;

    receive_mark(client, s);
    client_receive_ack(client, s);
    if (s->payload_len > 0)
        receive_data(client, s);
    if ((s->flags & FLAG_FIN) != 0)
        receive_fin(client, s);
    if (c->fin != 0 && c->rcv == c->fin)
        c->rcv++;
    client_read(client);
    client_progress(client);
}

/* ------------------------------------------------------------------------------------ the reader
 */

static bool may_read(struct client *client)
{
    const struct client_config *config = client->config;
    uint64_t now = client->node.sim->now;

    if (config->pause_at != 0 && !client->paused && client->heard >= config->pause_at) {
        client->paused = true;
        client->paused_until = now + config->pause_ns;
    }
    if (config->shrink_at != 0 && client->shrunk_until == 0 && client->heard >= config->shrink_at) {
        client->shrunk = true;
        client->shrunk_until = now + config->shrink_ns;
        client->buffer = config->shrink_to;
        client->conn.ack_now = true;
    }
    if (client->paused && now < client->paused_until) {
        client->read_at = client->paused_until;
        return false;
    }
    return client->read_at == TIME_NEVER || client->read_at <= now;
}

static void hear(struct client *client, const uint8_t *data, uint32_t len)
{
    uint64_t now = client->node.sim->now;

    if (!dialogue_hear(&client->dialogue, data, len))
        sim_fail(client->node.sim, "client %u: %s", client->index, client->dialogue.why);
    if (client->first_byte_ns == 0)
        client->first_byte_ns = now;
    else if (now - client->last_byte_ns > client->longest_gap_ns)
        client->longest_gap_ns = now - client->last_byte_ns;
    client->last_byte_ns = now;
    client->heard += len;
}

void client_read(struct client *client)
{
    struct client_conn *c = &client->conn;
    const struct client_config *config = client->config;
    int64_t end = client_readable(c);
    int64_t quantum = INT64_MAX;

    if (!c->established || c->read >= end || !may_read(client))
        return;
    client->read_at = TIME_NEVER;
    if (config->read_bps > 0) {
        quantum = (int64_t)(config->read_bps / 8 * READ_TICK_NS / 1e9) + 1;
        client->read_at = client->node.sim->now + READ_TICK_NS;
    }
    while (c->read < end && quantum > 0 && !client->node.sim->failed) {
        uint32_t start = (uint32_t)((uint64_t)c->read % c->rx_capacity);
        int64_t run = end - c->read < quantum ? end - c->read : quantum;
        if (run > c->rx_capacity - start)
            run = c->rx_capacity - start;
        hear(client, c->rx + start, (uint32_t)run);
        c->read += run;
        quantum -= run;
    }
    /* A window update, as soon as the window may be used again. */
    int64_t room = c->read + client->buffer - c->advertised;
    int64_t step = client->buffer / 2 < 2 * 1460 ? client->buffer / 2 : 2 * 1460;
    if (room >= step && c->advertised - c->rcv < step)
        c->ack_now = true;
}
