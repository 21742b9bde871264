/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "fixed.h"

#define MIB (UINT64_C(1) << 20)

const struct variant variants[] = {
    { "app/software", false, NIC_SOFTWARE },
    { "app/tso", false, NIC_TSO },
    { "http/software", true, NIC_SOFTWARE },
    { "http/checksum", true, NIC_CHECKSUM },
};
const unsigned variant_count = sizeof(variants) / sizeof(variants[0]);

struct client_config *one_client(struct scenario *s, uint64_t bytes)
{
    struct client_config *c = scenario_add_client(s);

    scenario_request(s, c, bytes);
    return c;
}

/* ------------------------------------------------------------------------------- the line's faults
 */

static void lossless(struct scenario *s)
{
    one_client(s, 4 * MIB);
}

static void loss_1(struct scenario *s)
{
    s->down.loss = s->up.loss = 0.01;
    one_client(s, 4 * MIB);
}

static void loss_5(struct scenario *s)
{
    s->down.loss = s->up.loss = 0.05;
    one_client(s, 2 * MIB);
}

static void burst_loss(struct scenario *s)
{
    s->down.burst_enter = s->up.burst_enter = 0.003;
    s->down.burst_leave = s->up.burst_leave = 0.2;
    s->down.burst_loss = s->up.burst_loss = 0.7;
    one_client(s, 2 * MIB);
}

static void reordering(struct scenario *s)
{
    s->down.reorder = s->up.reorder = 0.3;
    s->down.reorder_ns = s->up.reorder_ns = 5 * NS_PER_MS;
    one_client(s, 4 * MIB);
}

static void ack_loss(struct scenario *s)
{
    s->up.loss = 0.3;
    one_client(s, 4 * MIB);
}

/* As on a telephone line: ACKs wait for each other. */
static void asymmetric(struct scenario *s)
{
    s->up.rate_bps = 500e3;
    s->up.queue_bytes = 10000;
    one_client(s, 4 * MIB);
}

static void duplication(struct scenario *s)
{
    s->down.duplicate = s->up.duplicate = 0.2;
    s->down.reorder_ns = s->up.reorder_ns = 2 * NS_PER_MS;
    one_client(s, 4 * MIB);
}

static void corruption(struct scenario *s)
{
    s->down.corrupt = s->up.corrupt = 0.02;
    one_client(s, 2 * MIB);
}

static void tail_drop(struct scenario *s)
{
    s->down.queue_bytes = 20000;
    one_client(s, 4 * MIB);
}

static void link_flap(struct scenario *s)
{
    s->down.down_from = s->up.down_from = 100 * NS_PER_MS;
    s->down.down_until = s->up.down_until = 3100 * NS_PER_MS;
    one_client(s, 4 * MIB);
}

/* A handover, a radio that waits: time-outs for nothing. */
static void delay_spikes(struct scenario *s)
{
    s->down.hold_from = 300 * NS_PER_MS;
    s->down.hold_until = 900 * NS_PER_MS;
    s->down.queue_bytes = 20000000;
    one_client(s, 8 * MIB);
}

static void delay_spikes_plain(struct scenario *s)
{
    delay_spikes(s);
    s->client[0].timestamps = false;
}

static void last_segment_lost(struct scenario *s)
{
    struct client_config *c = one_client(s, 100000);

    scenario_end(s, c, END_SERVER, 0);
    s->rule[0] = (struct drop_rule){ .from_server = true, .flags_set = FLAG_FIN, .count = 2 };
}

static void crowd(struct scenario *s)
{
    s->down.queue_bytes = 60000;
    s->server.connections_max = 128;
    for (unsigned i = 0; i < 100; i++) {
        struct client_config *c = one_client(s, 256 * 1024);
        c->delay_ns = i * 300 * NS_PER_US;
    }
}

/* --------------------------------------------------------------------------- what clients can do
 */

static void no_sack(struct scenario *s)
{
    s->down.loss = s->up.loss = 0.01;
    one_client(s, 2 * MIB)->sack = false;
}

static void no_timestamps(struct scenario *s)
{
    s->down.loss = s->up.loss = 0.01;
    one_client(s, 2 * MIB)->timestamps = false;
}

static void no_options(struct scenario *s)
{
    struct client_config *c = one_client(s, MIB);

    s->down.loss = s->up.loss = 0.01;
    c->mss = 0;
    c->wscale = -1;
    c->timestamps = c->sack = c->dsack = false;
    c->buffer = 65535;
}

static void tiny_mss(struct scenario *s)
{
    s->down.loss = 0.01;
    one_client(s, 200000)->mss = 100;
}

static void jumbo(struct scenario *s)
{
    s->down.loss = 0.005;
    s->server.mtu = 9000;
    one_client(s, 8 * MIB)->mss = 8960;
}

static void reneging(struct scenario *s)
{
    s->down.loss = 0.02;
    one_client(s, MIB)->renege = 0.05;
}

static void rare_acks(struct scenario *s)
{
    struct client_config *c = one_client(s, 2 * MIB);

    c->ack_every = 16;
    c->ack_delay_ns = 200 * NS_PER_MS;
}

/* --------------------------------------------------------------------------------- flow control */

static void zero_window(struct scenario *s)
{
    struct client_config *c = one_client(s, 2 * MIB);

    c->buffer = 100000;
    c->pause_at = 500000;
    c->pause_ns = 20 * NS_PER_S;
}

static void window_update_lost(struct scenario *s)
{
    zero_window(s);
    s->up.down_from = 20 * NS_PER_S; /* from before the reader wakes up */
    s->up.down_until = 25 * NS_PER_S;
}

static void slow_reader(struct scenario *s)
{
    struct client_config *c = one_client(s, MIB);

    c->buffer = 20000;
    c->wscale = 0;
    c->read_bps = 2e6;
}

static void tiny_window(struct scenario *s)
{
    struct client_config *c = one_client(s, 100000);

    c->buffer = 1000; /* below the MSS: the sender must not wait for a full segment for ever */
    c->wscale = -1;
}

static void window_shrink(struct scenario *s)
{
    struct client_config *c = one_client(s, 2 * MIB);

    c->shrink_at = 400000;
    c->shrink_to = 5000;
    c->shrink_ns = 2 * NS_PER_S;
}

/* ------------------------------------------------------------------------------ sequence numbers
 */

static void sequence_wrap(struct scenario *s)
{
    s->wrap = true;
    s->down.loss = s->up.loss = 0.02;
    struct client_config *c = one_client(s, MIB);
    c->isn = UINT32_MAX - 20; /* the client's wrap in the first request */
    c->ts_base = (uint32_t) - (int32_t)(s->epoch / NS_PER_MS) - 100;
}

static void beyond_4_gib(struct scenario *s)
{
    s->down.rate_bps = s->up.rate_bps = s->server.nic.rate_bps = 10e9;
    s->down.delay_ns = s->up.delay_ns = 100 * NS_PER_US;
    s->down.queue_bytes = 4000000;
    s->down.loss = 0.0001;
    s->server.mtu = 9000;
    struct client_config *c = one_client(s, (UINT64_C(1) << 32) + 50 * MIB);
    c->mss = 8960;
}

/* ----------------------------------------------------------------------------- opening and closing
 */

static void syn_lost(struct scenario *s)
{
    s->rule[0] = (struct drop_rule){ .flags_set = FLAG_SYN, .count = 2 };
    one_client(s, 100000);
}

static void syn_duplicated(struct scenario *s)
{
    s->up.duplicate = 1;
    s->up.reorder_ns = 50 * NS_PER_MS;
    one_client(s, 100000);
}

static void syn_ack_lost(struct scenario *s)
{
    s->rule[0] = (struct drop_rule){ .from_server = true, .flags_set = FLAG_SYN, .count = 2 };
    one_client(s, 100000);
}

static void handshake_ack_lost(struct scenario *s)
{
    s->rule[0] = (struct drop_rule){ .flags_set = FLAG_ACK, .flags_clear = FLAG_SYN, .count = 2 };
    one_client(s, 100000);
}

static void request_with_ack(struct scenario *s)
{
    one_client(s, 100000)->request_with_ack = true;
}

static void half_close(struct scenario *s)
{
    scenario_end(s, one_client(s, 2 * MIB), END_HALF, 0);
}

static void half_close_with_request(struct scenario *s)
{
    struct client_config *c = one_client(s, 2 * MIB);

    s->down.loss = s->up.loss = 0.02;
    c->request_with_ack = true; /* and FIN, all in one segment */
    scenario_end(s, c, END_HALF, 0);
}

static void simultaneous_close(struct scenario *s)
{
    for (unsigned i = 0; i < 20; i++) {
        struct client_config *c = one_client(s, 20000 + 1000 * i);
        c->start_ns = i * 20 * NS_PER_MS;
        scenario_end(s, c, END_SIMULTANEOUS, 0);
    }
}

/* Each way to end, among others, on lines that lose FINs and the ACKs of FINs. */
static void fin_orders(struct scenario *s)
{
    s->down.loss = s->up.loss = 0.2;
    s->finish_ns = 900 * NS_PER_S;
    for (unsigned i = 0; i < 40; i++) {
        struct client_config *c = one_client(s, 1000 * (i % 5));
        scenario_end(s, c, (enum client_end)(i % (END_HALF + 1)), 0);
        c->start_ns = i * 100 * NS_PER_MS;
        c->linger_ns = i % 3 * 10 * NS_PER_S;
    }
}

static void vanish(struct scenario *s)
{
    scenario_end(s, one_client(s, 4 * MIB), END_VANISH, 500000);
    scenario_end(s, one_client(s, 100000), END_SYN_ONLY, 0);
}

/* SYNs that nobody stands behind fill the backlog; clients of all kinds come in by cookies. */
static void syn_cookies(struct scenario *s)
{
    s->server.connections_max = 128;
    s->server.syn_backlog = 3;
    for (unsigned i = 0; i < 60; i++) {
        struct client_config *c = one_client(s, 100000);
        c->start_ns = NS_PER_MS + i * 5 * NS_PER_MS;
        c->timestamps = i % 3 != 1;
        c->sack = c->dsack = i % 4 != 1;
        c->wscale = i % 5 == 1 ? -1 : 7;
        c->buffer = c->wscale < 0 || !c->timestamps ? 65535 : 1 << 20;
        if (i < 5 || i % 10 == 0)
            scenario_end(s, c, END_SYN_ONLY, 0);
    }
}

/* SYNs, cookies and the ACKs that bring them back are lost. */
static void syn_cookies_loss(struct scenario *s)
{
    syn_cookies(s);
    s->down.loss = s->up.loss = 0.1;
    for (unsigned i = 0; i < s->client_count; i++)
        s->client[i].v6 = i % 2 == 0;
}

static void reset(struct scenario *s)
{
    for (unsigned i = 0; i < 10; i++)
        scenario_end(s, one_client(s, 4 * MIB), END_RST, i * 70000);
}

static void close_early(struct scenario *s)
{
    for (unsigned i = 0; i < 10; i++)
        scenario_end(s, one_client(s, 4 * MIB), END_CLOSE_EARLY, 1 + i * 70000);
}

static void keep_alive(struct scenario *s)
{
    struct client_config *c = scenario_add_client(s);

    for (unsigned i = 0; i < REQUESTS_MAX; i++)
        scenario_request(s, c, i * i * 1000);
}

static void pipelining(struct scenario *s)
{
    struct client_config *c = scenario_add_client(s);

    s->down.loss = s->up.loss = 0.01;
    c->pipeline = REQUESTS_MAX;
    for (unsigned i = 0; i < REQUESTS_MAX; i++)
        scenario_request(s, c, i * i * 1000);
}

static void same_port(struct scenario *s)
{
    struct client_config *c = one_client(s, 100000);

    scenario_end(s, c, END_SERVER, 0);
    c->sessions = SESSIONS_MAX;
    c->same_port = true;
    c->linger_ns = 0;
}

/* What comes in order while the server does not read, and out of order; only the test application.
 */
static void upload(struct scenario *s)
{
    struct client_config *c = scenario_add_client(s);

    s->down.loss = s->up.loss = 0.02;
    s->up.reorder = 0.1;
    s->up.reorder_ns = 5 * NS_PER_MS;
    c->pipeline = REQUESTS_MAX;
    if (s->server.http) {
        for (unsigned i = 0; i < REQUESTS_MAX; i++)
            scenario_request(s, c, 5000);
        return;
    }
    scenario_request_kind(s, c, REQUEST_ECHO, 12345, 200000);
    scenario_request_kind(s, c, REQUEST_WAIT, 0, 3 * NS_PER_S);
    scenario_request_kind(s, c, REQUEST_DISCARD, 54321, 300000);
    scenario_request_kind(s, c, REQUEST_SOURCE, 99, 100000);
    scenario_request_kind(s, c, REQUEST_ECHO, 1, 1);
    scenario_request_kind(s, c, REQUEST_SOURCE, 77, 300000);
}

static void unknown_neighbours(struct scenario *s)
{
    s->down.loss = 0.3;
    for (unsigned i = 0; i < 8; i++) {
        struct client_config *c = one_client(s, 10000);
        c->knows_server = i % 2 == 0;
        c->far = i % 4 == 3;
    }
}

/* More hosts at work than the neighbour table holds: slow, but no storm of ARP requests. */
static void few_neighbours(struct scenario *s)
{
    s->server.neighbours_max = 4;
    s->arp_requests_max = 2000;
    for (unsigned i = 0; i < 8; i++)
        one_client(s, 100000)->delay_ns = i * NS_PER_MS;
}

static void drain(struct scenario *s)
{
    s->server.drain_at = 200 * NS_PER_MS;
    one_client(s, 4 * MIB);
    struct client_config *late = one_client(s, 1000);
    late->start_ns = 300 * NS_PER_MS;
    late->refused_ok = true;
}

static void abort_all(struct scenario *s)
{
    s->server.abort_at = 200 * NS_PER_MS;
    for (unsigned i = 0; i < 10; i++)
        one_client(s, 4 * MIB)->refused_ok = true;
}

#define FIXED(name, what)                                                                          \
    {                                                                                              \
#name, what, name                                                                          \
    }

const struct fixed_scenario fixed_scenarios[] = {
    FIXED(lossless, "4 MiB over 100 Mb/s and 20 ms"),
    FIXED(loss_1, "1% loss in each direction"),
    FIXED(loss_5, "5% loss in each direction"),
    FIXED(burst_loss, "losses in bursts (Gilbert-Elliott)"),
    FIXED(reordering, "30% of packets up to 5 ms late"),
    FIXED(ack_loss, "30% of what the client sends is lost"),
    FIXED(asymmetric, "100 Mb/s there, 0.5 Mb/s back"),
    FIXED(duplication, "20% of packets arrive twice"),
    FIXED(corruption, "2% of packets have a bit flipped"),
    FIXED(tail_drop, "a queue of 20 kB at the bottleneck"),
    FIXED(link_flap, "the link is down for 3 s"),
    FIXED(delay_spikes, "the link holds everything back for 600 ms"),
    FIXED(delay_spikes_plain, "the same for a client without timestamps"),
    FIXED(last_segment_lost, "the tail with the FIN is lost twice"),
    FIXED(crowd, "100 clients at once through a small queue"),
    FIXED(black_hole, "packets above 1400 bytes vanish, both ways"),
    FIXED(black_hole_midway, "packets above 1300 bytes vanish from 300 ms on"),
    FIXED(black_hole_upward, "only what the client sends vanishes when it is large"),
    FIXED(black_hole_narrow, "packets above 600 bytes vanish"),
    FIXED(black_hole_loss, "packets above 1280 bytes vanish, and 1% of the others"),
    FIXED(black_hole_jumbo, "an MTU of 9000 on a path that takes 2000"),
    FIXED(black_hole_no_sack, "packets above 1400 bytes vanish, for a client without SACK"),
    FIXED(black_hole_healed, "packets above 1030 bytes vanish for 140 s of 13 minutes"),
    FIXED(bbr_loss, "BBR, 3% loss"),
    FIXED(bbr_small_queue, "BBR, a queue of a quarter of the path"),
    FIXED(bbr_pauses, "BBR, pauses of 12 s between answers"),
    FIXED(no_sack, "a client without SACK, 1% loss"),
    FIXED(no_timestamps, "a client without timestamps, 1% loss"),
    FIXED(no_options, "a client without any option: segments of 536 bytes"),
    FIXED(tiny_mss, "an MSS of 100"),
    FIXED(jumbo, "an MTU of 9000"),
    FIXED(reneging, "a client that throws away what it reported by SACK"),
    FIXED(rare_acks, "an ACK per 16 segments or 200 ms"),
    FIXED(zero_window, "the reader stops for 20 s"),
    FIXED(window_update_lost, "and the news that it reads again is lost"),
    FIXED(slow_reader, "the reader is slower than the link"),
    FIXED(tiny_window, "a window smaller than a segment"),
    FIXED(window_shrink, "the client takes back window it offered"),
    FIXED(ecn_queue, "a queue that marks: no loss, nothing sent again"),
    FIXED(ecn_random, "2% of packets marked"),
    FIXED(ecn_all, "every packet marked: one reduction per window"),
    FIXED(ecn_and_loss, "marks and losses, both ways"),
    FIXED(ecn_upload, "what the client sends is marked"),
    FIXED(ipv6, "IPv6 clients near and far, 1% loss"),
    FIXED(ipv6_unknown_neighbours, "neighbours must be solicited, 30% loss"),
    FIXED(ipv6_no_options, "IPv6 without any option: segments of 1220 bytes"),
    FIXED(ipv6_damaged, "2% of IPv6 packets have a bit flipped"),
    FIXED(dual_stack, "40 clients of both families through a small queue"),
    FIXED(vlan, "the same behind a VLAN tag"),
    FIXED(sequence_wrap, "both sides' sequence numbers and the timestamp wrap"),
    FIXED(syn_lost, "the SYN is lost twice"),
    FIXED(syn_duplicated, "everything the client sends arrives twice"),
    FIXED(syn_ack_lost, "the SYN-ACK is lost twice"),
    FIXED(handshake_ack_lost, "the handshake's ACK and the first request are lost"),
    FIXED(request_with_ack, "the third packet carries the request"),
    FIXED(half_close, "the client closes behind its request and gets its file"),
    FIXED(half_close_with_request, "ACK, request and FIN in one segment, 2% loss"),
    FIXED(simultaneous_close, "both close at the same time"),
    FIXED(fin_orders, "FINs in every order, 20% loss"),
    FIXED(vanish, "clients fall silent"),
    FIXED(syn_cookies, "the backlog is full of SYNs that nobody stands behind"),
    FIXED(syn_cookies_loss, "the same with 10% loss, IPv6 among them"),
    FIXED(reset, "clients reset in mid transfer"),
    FIXED(close_early, "clients close in mid transfer and reset what still comes"),
    FIXED(keep_alive, "requests one after the other"),
    FIXED(pipelining, "16 requests at once, 1% loss"),
    FIXED(same_port, "connections one after the other from the same port"),
    FIXED(upload, "echo and discard, loss and reordering on the way to the server"),
    FIXED(unknown_neighbours, "the server must resolve addresses, 30% loss"),
    FIXED(few_neighbours, "8 clients, a neighbour table of 4"),
    FIXED(drain, "the server stops accepting while a file is on its way"),
    FIXED(abort_all, "the server aborts all connections"),
    FIXED(own_client, "a client that is the stack itself, four connections"),
    FIXED(own_client_loss, "20 of them, 5% loss in each direction"),
    FIXED(own_client_upload, "one that sends as much as it receives, loss and reordering"),
    FIXED(own_client_black_hole, "the same where packets above 1200 bytes vanish, both ways"),
    FIXED(own_client_ends, "40 that close, reset or are closed upon, 10% loss"),
    FIXED(simultaneous_open, "client and server open at once"),
    FIXED(simultaneous_open_loss, "the same, 20% loss"),
    FIXED(beyond_4_gib, "one answer longer than the sequence space"),
};
const unsigned fixed_scenario_count = sizeof(fixed_scenarios) / sizeof(fixed_scenarios[0]);

void scenario_fixed(struct scenario *scenario, const struct fixed_scenario *fixed,
                    const struct variant *variant)
{
    scenario_defaults(scenario, variant->http, variant->mode);
    snprintf(scenario->name, sizeof(scenario->name), "%s %s", fixed->name, variant->name);
    fixed->setup(scenario);
}
