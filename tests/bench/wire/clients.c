/* SPDX-License-Identifier: BSD-3-Clause */
#include "clients.h"

#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>

#include "base/seq.h"
#include "base/time.h"
#include "response.h"

#define STAT(cs, name) ((cs)->config.stats->name++)

/* Ports of one client, used in turn: a closed connection's comes again much later. */
#define PORT_FIRST 1024
#define PORT_COUNT 60000

/* Per turn. */
#define CONNECTS_MAX 8
#define REQUESTS_MAX 64
/* Handshakes under way: the server's backlog is twice this. */
#define CONNECTING_MAX 512
#define SCANNED_MAX    4

static uint32_t now_ms(uint64_t now)
{
    return (uint32_t)(now / NS_PER_MS);
}

static uint32_t index_of(const struct clients *cs, const struct client *c)
{
    return (uint32_t)(c - cs->client);
}

/* --- sending -------------------------------------------------------------------------------------
 */

static struct departure *send_frame(struct clients *cs, const struct client *c,
                                    enum departure_kind kind, uint32_t seq, uint64_t now)
{
    struct departure *d = network_send(cs->config.network, now);

    d->client = index_of(cs, c);
    d->seq = seq;
    d->ack = c->rcv_nxt;
    d->ts_echo = c->ts_recent;
    d->port = c->port;
    d->kind = (uint8_t)kind;
    d->sack_count = 0;
    return d;
}

static void send_ack(struct clients *cs, struct client *c, uint64_t now)
{
    struct departure *d = send_frame(cs, c, DEPART_ACK, c->snd_nxt, now);

    if (c->reorder != 0)
        d->sack_count = (uint8_t)reorder_sack(&cs->reorder[c->reorder - 1], d->sack, SACK_BLOCKS);
    c->unacked = 0;
    STAT(cs, acks);
}

static void send_request(struct clients *cs, struct client *c, uint64_t due, uint64_t now)
{
    const struct request_text *requests = cs->config.network->requests;

    c->file = c->file + 1 < cs->config.files ? c->file + 1 : 0;
    send_frame(cs, c, DEPART_REQUEST, c->snd_nxt, now)->file = c->file;
    c->snd_nxt += requests[c->file].len;
    c->state = CLIENT_HEAD;
    c->due_ns = due;
    c->unacked = 0;
    STAT(cs, requests);
}

/* Whether nobody asks for anything yet: those that have connections to keep wait until everybody
 * has one. Else the first ones' files would hold up the others' handshakes, round after round. */
static bool gathering(const struct clients *cs)
{
    return !cs->config.one_per_connection && cs->config.stats->established < cs->config.count;
}

/* At once, or when its turn comes. */
static void next_request(struct clients *cs, struct client *c, uint64_t now)
{
    if (cs->config.request_interval_ns == 0 && !gathering(cs)) {
        send_request(cs, c, now, now);
        return;
    }
    c->state = CLIENT_IDLE;
    cs->idle[cs->idle_end++ & cs->idle_mask] = index_of(cs, c);
}

static void send_fin(struct clients *cs, struct client *c, uint64_t now)
{
    send_frame(cs, c, DEPART_FIN, c->snd_nxt, now);
    c->snd_nxt++;
    c->state = CLIENT_CLOSING;
    c->unacked = 0;
}

static void forget_reorder(struct clients *cs, struct client *c)
{
    if (c->reorder == 0)
        return;
    cs->reorder[c->reorder - 1].count = 0;
    cs->reorder_free[cs->reorder_free_count++] = c->reorder;
    c->reorder = 0;
}

static void connect_next(struct clients *cs, struct client *c, uint64_t now)
{
    forget_reorder(cs, c);
    c->port =
        c->port < PORT_FIRST || c->port == PORT_FIRST + PORT_COUNT - 1 ? PORT_FIRST : c->port + 1;
    c->rcv_nxt = 0;
    c->ts_recent = 0;
    c->snd_nxt = (uint32_t)prng_next(&cs->prng);
    send_frame(cs, c, DEPART_SYN, c->snd_nxt, now);
    c->snd_nxt++;
    c->heard_ms = now_ms(now);
    c->unacked = 0;
    c->state = CLIENT_SYN_SENT;
    STAT(cs, connects);
}

/* Acknowledges at once if enough is owed, else later. */
static void ack_soon(struct clients *cs, struct client *c, uint64_t now)
{
    if (c->unacked >= cs->config.ack_every) {
        send_ack(cs, c, now);
        return;
    }
    if (c->unacked == 0 || c->ack_queued)
        return;
    c->ack_queued = true;
    cs->delayed[cs->delayed_end++ & cs->delayed_mask] =
        (struct delayed_ack){ now + cs->config.ack_delay_ns, index_of(cs, c) };
}

/* --- receiving -----------------------------------------------------------------------------------
 */

/* n bytes arrived in order, the first of them at the start of text. Closes on what is wrong: the
 * error is counted, and the rest would only be errors again. */
static void consume(struct clients *cs, struct client *c, uint32_t n, const uint8_t *text,
                    uint32_t text_len, uint64_t now)
{
    if (c->state == CLIENT_HEAD) {
        uint32_t head = response_head(cs, c->file, (const char *)text, text_len);
        if (head == 0 || head > n) {
            STAT(cs, error_response);
            return;
        }
        c->left = cs->config.file_bytes;
        c->state = CLIENT_BODY;
        n -= head;
    }
    if (c->state != CLIENT_BODY || n > c->left) {
        STAT(cs, error_response);
        return;
    }
    c->left -= n;
    cs->config.stats->body_bytes += n;
    if (c->left > 0)
        return;
    STAT(cs, responses);
    latency_add(&cs->latency, now - c->due_ns);
    if (cs->config.one_per_connection)
        c->state = CLIENT_END;
    else
        next_request(cs, c, now);
}

static bool keep(struct clients *cs, struct client *c, uint32_t start, uint32_t end)
{
    if (c->reorder == 0) {
        if (cs->reorder_free_count == 0)
            return false;
        c->reorder = cs->reorder_free[--cs->reorder_free_count];
    }
    return reorder_insert(&cs->reorder[c->reorder - 1], start, end);
}

/* Stream bytes [seq, seq + len) in `segments` segments. */
static void receive(struct clients *cs, struct client *c, uint32_t seq, uint32_t len,
                    uint32_t segments, const uint8_t *text, uint32_t text_len, uint64_t now)
{
    uint32_t end = seq + len, old = c->rcv_nxt;

    if (seq_lt(seq, c->seen))
        cs->config.stats->retransmissions += segments;
    else
        c->seen = end;
    if (seq_lt(old, seq)) {
        STAT(cs, out_of_order);
        if (!keep(cs, c, seq, end))
            STAT(cs, not_kept);
        send_ack(cs, c, now);
        return;
    }
    if (seq_leq(end, old)) {
        STAT(cs, duplicates);
        send_ack(cs, c, now);
        return;
    }
    c->rcv_nxt = end;
    c->unacked += (uint16_t)segments;
    if (c->reorder != 0) {
        struct reorder *r = &cs->reorder[c->reorder - 1];
        c->rcv_nxt = reorder_advance(r, end);
        c->unacked = cs->config.ack_every; /* RFC 5681 section 4.2: at once while there are holes */
        if (r->count == 0)
            forget_reorder(cs, c);
    }
    uint32_t skip = old - seq < text_len ? old - seq : text_len;
    consume(cs, c, c->rcv_nxt - old, text + skip, text_len - skip, now);
    ack_soon(cs, c, now);
}

static bool is_lost(struct clients *cs)
{
    return cs->loss_bound != 0 && (uint32_t)prng_next(&cs->prng) < cs->loss_bound;
}

/* The network cuts super-segments where it matters: where a segment may be lost or acknowledged on
 * its own. Returns whether the last byte came through. */
static bool receive_payload(struct clients *cs, struct client *c, const struct server_packet *p,
                            uint64_t now)
{
    uint32_t segments = p->mss != 0 ? (p->payload_len + p->mss - 1) / p->mss : 1;
    bool whole = cs->loss_bound == 0 && segments <= cs->config.ack_every;
    uint32_t step = whole || p->mss == 0 ? p->payload_len : p->mss;
    bool lost = false;

    cs->config.stats->segments += segments;
    for (uint32_t at = 0; at < p->payload_len; at += step) {
        uint32_t len = p->payload_len - at < step ? p->payload_len - at : step;
        lost = is_lost(cs);
        if (lost) {
            STAT(cs, lost);
            continue;
        }
        uint32_t skip = at < p->text_len ? at : p->text_len;
        receive(cs, c, p->seq + at, len, whole ? segments : 1, p->text + skip, p->text_len - skip,
                now);
    }
    return !lost;
}

static void receive_fin(struct clients *cs, struct client *c, const struct server_packet *p,
                        uint64_t now)
{
    if (p->seq + p->payload_len != c->rcv_nxt) {
        if (seq_lt(p->seq + p->payload_len, c->rcv_nxt))
            send_ack(cs, c, now);
        return; /* beyond a hole: it comes again */
    }
    if (c->state != CLIENT_END) {
        STAT(cs, error_response);
        return;
    }
    c->rcv_nxt++;
    send_fin(cs, c, now);
}

static void established(struct clients *cs, struct client *c, const struct server_packet *p,
                        uint64_t now)
{
    if ((p->flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK) || p->ack != c->snd_nxt) {
        STAT(cs, error_sequence);
        return;
    }
    c->rcv_nxt = c->seen = p->seq + 1;
    c->ts_recent = p->ts_value;
    STAT(cs, established);
    send_ack(cs, c, now);
    next_request(cs, c, now);
}

static void connected_input(struct clients *cs, struct client *c, const struct server_packet *p,
                            uint64_t now)
{
    if (seq_lt(c->snd_nxt, p->ack)) {
        STAT(cs, error_sequence);
        return;
    }
    if ((p->flags & TCP_SYN) != 0) { /* a SYN-ACK again: our ACK was late */
        send_ack(cs, c, now);
        return;
    }
    if (seq_leq(p->seq, c->rcv_nxt))
        c->ts_recent = p->ts_value;
    bool through = p->payload_len == 0 || receive_payload(cs, c, p, now);
    if (c->state == CLIENT_CLOSING && p->ack == c->snd_nxt) {
        STAT(cs, closes);
        connect_next(cs, c, now);
    } else if (through && (p->flags & TCP_FIN) != 0) {
        receive_fin(cs, c, p, now);
    }
}

void clients_input(struct clients *cs, const struct server_packet *p, uint64_t now)
{
    struct client *c = &cs->client[p->client];

    if (p->port != c->port || c->state == CLIENT_UNUSED) {
        STAT(cs, stale);
        return;
    }
    if ((p->flags & TCP_RST) != 0) {
        STAT(cs, error_reset);
        connect_next(cs, c, now);
        return;
    }
    c->heard_ms = now_ms(now);
    if (c->state == CLIENT_SYN_SENT)
        established(cs, c, p, now);
    else
        connected_input(cs, c, p, now);
}

unsigned clients_frames_max(const struct clients *cs)
{
    enum { SEGMENTS_MAX = 65536 / 536 };
    unsigned acks = cs->loss_bound != 0 ? SEGMENTS_MAX : SEGMENTS_MAX / cs->config.ack_every;

    return acks + 3 /* the delayed rest, a request, a FIN */;
}

bool clients_file_offset(struct clients *cs, const struct server_packet *p, int64_t *offset)
{
    const struct client *c = &cs->client[p->client];
    int64_t ahead = seq_diff(p->seq, c->rcv_nxt);

    if (p->port != c->port)
        return false;
    if (c->state == CLIENT_HEAD && ahead == 0) {
        *offset = -(int64_t)response_head(cs, c->file, (const char *)p->text, p->text_len);
        return *offset != 0;
    }
    *offset = (int64_t)(cs->config.file_bytes - c->left) + ahead;
    return c->state == CLIENT_BODY;
}

/* --- time ----------------------------------------------------------------------------------------
 */

static bool delayed_acks(struct clients *cs, uint64_t now)
{
    uint32_t before = cs->delayed_first;

    while (cs->delayed_first != cs->delayed_end && network_room(cs->config.network) > 0) {
        const struct delayed_ack *d = &cs->delayed[cs->delayed_first & cs->delayed_mask];
        struct client *c = &cs->client[d->client];
        if (d->due > now)
            break;
        cs->delayed_first++;
        c->ack_queued = false;
        if (c->unacked > 0)
            send_ack(cs, c, now);
    }
    return cs->delayed_first != before;
}

static void resend(struct clients *cs, struct client *c, uint64_t now)
{
    const struct request_text *requests = cs->config.network->requests;

    c->heard_ms = now_ms(now);
    switch (c->state) {
    case CLIENT_SYN_SENT:
        send_frame(cs, c, DEPART_SYN, c->snd_nxt - 1, now);
        break;
    case CLIENT_HEAD:
        send_frame(cs, c, DEPART_REQUEST, c->snd_nxt - requests[c->file].len, now)->file = c->file;
        break;
    case CLIENT_CLOSING:
        send_frame(cs, c, DEPART_FIN, c->snd_nxt - 1, now);
        break;
    default:
        return; /* it is the server's turn */
    }
    STAT(cs, client_resends);
}

/* A few at a time: what they wait for takes much longer than a round over all. */
static void scan(struct clients *cs, uint64_t now)
{
    uint32_t patience_ms = now_ms(cs->config.resend_ns);

    for (unsigned i = 0; i < SCANNED_MAX && network_room(cs->config.network) > 0; i++) {
        struct client *c = &cs->client[cs->scan_next];
        cs->scan_next = cs->scan_next + 1 < cs->opened ? cs->scan_next + 1 : 0;
        if (now_ms(now) - c->heard_ms > patience_ms)
            resend(cs, c, now);
    }
}

/* Whether clients may begin something by themselves. Packets are taken while half of the network is
 * free (nic.c): neither starves the other. */
static bool may_begin(const struct clients *cs)
{
    return network_room(cs->config.network) > network_size(cs->config.network) / 4;
}

/* What is due and nobody is free to ask stays due: its time runs on. Without an interval all are
 * due that waited for the last one to connect, some per call. */
static bool requests_due(struct clients *cs, uint64_t now)
{
    bool any = false;

    if (gathering(cs))
        return false;
    if (cs->next_due_ns == 0)
        cs->next_due_ns = (double)now;
    for (unsigned i = 0; i < REQUESTS_MAX && cs->idle_first != cs->idle_end &&
                         cs->next_due_ns <= (double)now && may_begin(cs);
         i++) {
        struct client *c = &cs->client[cs->idle[cs->idle_first++ & cs->idle_mask]];
        send_request(cs, c, (uint64_t)cs->next_due_ns, now);
        c->heard_ms = now_ms(now); /* silence counts from here */
        cs->next_due_ns += cs->config.request_interval_ns;
        any = true;
    }
    return any;
}

bool clients_timers(struct clients *cs, uint64_t now)
{
    bool work = delayed_acks(cs, now);

    if (cs->idle_first != cs->idle_end)
        work |= requests_due(cs, now);

    for (unsigned i = 0; i < CONNECTS_MAX && cs->opened < cs->config.count; i++) {
        if (cs->opened >= cs->config.stats->established + CONNECTING_MAX || !may_begin(cs))
            break;
        connect_next(cs, &cs->client[cs->opened++], now);
        work = true;
    }
    if (cs->opened > 0)
        scan(cs, now);
    return work;
}

/* --- life ----------------------------------------------------------------------------------------
 */

bool clients_init(struct clients *cs, const struct clients_config *config)
{
    uint32_t delayed = rte_align32pow2(config->count);

    *cs = (struct clients){ .config = *config, .prng.state = config->seed };
    cs->loss_bound = (uint32_t)(config->loss * 0x1p32);
    cs->delayed_mask = cs->idle_mask = delayed - 1;
    cs->length_field_len =
        (unsigned)snprintf(cs->length_field, sizeof(cs->length_field), "Content-Length: %llu\r\n",
                           (unsigned long long)config->file_bytes);
    cs->client = rte_zmalloc("bench", config->count * sizeof(*cs->client), 64);
    cs->shape = rte_zmalloc("bench", config->files * sizeof(*cs->shape), 64);
    cs->reorder = rte_zmalloc("bench", REORDERS_MAX * sizeof(*cs->reorder), 64);
    cs->reorder_free = rte_zmalloc("bench", REORDERS_MAX * sizeof(*cs->reorder_free), 64);
    cs->idle = rte_zmalloc("bench", delayed * sizeof(*cs->idle), 64);
    cs->delayed = rte_zmalloc("bench", delayed * sizeof(*cs->delayed), 64);
    if (cs->client == NULL || cs->shape == NULL || cs->reorder == NULL ||
        cs->reorder_free == NULL || cs->delayed == NULL || cs->idle == NULL) {
        clients_release(cs);
        return false;
    }
    for (uint32_t i = 0; i < config->count; i++)
        cs->client[i].file = i % config->files;
    for (uint32_t i = REORDERS_MAX; i > 0; i--)
        cs->reorder_free[cs->reorder_free_count++] = i;
    return true;
}

void clients_release(struct clients *cs)
{
    rte_free(cs->client);
    rte_free(cs->shape);
    rte_free(cs->reorder);
    rte_free(cs->reorder_free);
    rte_free(cs->delayed);
    rte_free(cs->idle);
    *cs = (struct clients){ 0 };
}
