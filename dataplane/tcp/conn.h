/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP's inside: the connection, its worker's context, and who calls whom.
 *
 *   stack/input  -> tcp_accept, tcp_input           (input.c)
 *                     -> tcp_ack_input               (ack.c)   what the ACK says
 *                          -> recovery_*             (recovery.c) what was lost, how much may be
 * sent
 *                     -> tcp_data_input              (receive.c) what the peer sent
 *   stack/output -> tcp_timers                       (timer.c)
 *                -> tcp_output                       (output.c) packets into slots
 *
 * Positions are stream offsets (base/seq.h): 0 the SYN, 1 the first byte. Application offsets are
 * one less. Whatever changes a connection puts it on the worker's ready list (conn_touch); the
 * stack takes it off in stack_output(), sends what it may, and sets its timer once.
 */
#ifndef TCP_CONN_H
#define TCP_CONN_H

#include "base/counters.h"
#include "base/memory.h"
#include "base/prng.h"
#include "base/seq.h"
#include "base/time.h"
#include "base/tx_slot.h"
#include "tcp/bbr.h"
#include "tcp/cc.h"
#include "tcp/cookie.h"
#include "tcp/ranges.h"
#include "tcp/reassembly.h"
#include "tcp/rtt.h"
#include "tcp/tcp.h"
#include "wire/ipv6.h"
#include "wire/tcp_segment.h"

#define CONN_NONE UINT32_MAX
/* Local ports of connections opened from here (RFC 6056 section 3.2). */
#define EPHEMERAL_FIRST    1024u
#define EPHEMERAL_PORTS    (65536u - EPHEMERAL_FIRST)
#define EPHEMERAL_COUNTERS 16

#define TIMESTAMPS_BYTES   12 /* of the TCP option, with its padding */

/* RFC 9293 section 3.3.2. CLOSED is a slot of the table that is free or about to be. */
enum tcp_state {
    TCP_STATE_CLOSED,
    TCP_STATE_SYN_SENT,
    TCP_STATE_SYN_RECEIVED,
    TCP_STATE_ESTABLISHED,
    TCP_STATE_FIN_WAIT_1,
    TCP_STATE_FIN_WAIT_2,
    TCP_STATE_CLOSE_WAIT,
    TCP_STATE_CLOSING,
    TCP_STATE_LAST_ACK,
    TCP_STATE_TIME_WAIT,
};

/* Where loss recovery stands. */
enum tcp_recovery {
    TCP_RECOVERY_OPEN,
    TCP_RECOVERY_FAST, /* losses found from ACKs: proportional rate reduction */
    TCP_RECOVERY_LOSS, /* after a retransmission time-out: slow start */
};

/* What a reduction of cwnd changed, until it is known whether there was cause for it (undo.c). */
struct undo {
    uint32_t cwnd : 31; /* before it; 0: nothing to undo */
    uint32_t sent : 1;  /* something was sent again */
    uint32_t ssthresh;  /* before it */
    uint32_t first_ms;  /* tcp_ctx.now_ms of the first retransmission */
    uint32_t doubtful;  /* bytes sent again and not reported as received twice */
    uint32_t span;      /* bytes below recovery_end that this is about */
};

/* What segment size the path takes (mtu.c). Payload bytes, as mss. */
struct mtu_search {
    uint16_t ceiling; /* what was agreed on */
    uint16_t high;    /* larger ones do not get through; ceiling: that is not known yet */
    uint16_t probe;   /* of the probe outstanding; 0: none */
    uint16_t due_s;   /* low bits of the clock from which on larger sizes are tried */
};

struct tcp_key {
    struct ip_addr remote, local;
    uint16_t remote_port, local_port;
};

static inline bool tcp_key_equal(const struct tcp_key *a, const struct tcp_key *b)
{
    return a->remote_port == b->remote_port && a->local_port == b->local_port &&
           ip_addr_equal(&a->remote, &b->remote) && ip_addr_equal(&a->local, &b->local);
}

/*
 * In order of use: what each segment and each packet touches comes first, and what only losses,
 * handshakes and the end of a connection need comes last. "Low bits" are those of a stream offset,
 * where all that it is compared with is less than 2^31 away.
 */
struct tcp_conn {
    /* Send. */
    struct tcp_ctx *ctx;
    uint64_t snd_una;  /* first offset not acknowledged */
    uint64_t snd_nxt;  /* next offset to send for the first time */
    uint64_t snd_max;  /* end of all that was ever sent: snd_nxt, unless that went back */
    uint64_t snd_end;  /* end of the stream so far; the FIN, if any, stands here */
    uint64_t snd_edge; /* the peer's window ends here */
    struct range_list ranges;
    uint32_t cwnd, ssthresh; /* bytes */
    uint32_t snd_window_max; /* largest window the peer ever offered */
    uint32_t snd_wl1;        /* sequence number of the last window update (RFC 9293: SND.WL1) */
    uint32_t iss, irs;
    uint16_t mss;      /* payload bytes of a full-sized segment, options taken off */
    uint8_t state;     /* enum tcp_state */
    uint8_t recovery;  /* enum tcp_recovery */
    uint8_t snd_scale; /* the peer's window scale */
    uint8_t backoff;   /* consecutive time-outs */
    uint8_t dup_acks;  /* without SACK; saturates */
    uint8_t reo_wnd_mult;
    uint8_t reo_wnd_persist; /* recoveries until it is 1 again */
    uint8_t frto;            /* step of F-RTO (undo.c) */
    uint8_t keepalives;      /* probes sent since the peer was heard */
    uint8_t mtu_fails;       /* probes of a size that were lost */

    bool sack_ok : 1;
    bool ts_ok : 1;
    bool scale_ok : 1;
    bool fin_queued : 1;     /* the application closed */
    bool ack_pending : 1;    /* the peer is owed an ACK */
    bool reset_pending : 1;  /* send RST, then be gone */
    bool probe_pending : 1;  /* persist timer: one byte beyond the window */
    bool tlp_pending : 1;    /* tail loss probe due */
    bool tlp_out : 1;        /* a tail loss probe is outstanding ... */
    bool tlp_retransmit : 1; /* ... that repeats old data */
    bool reordering_seen : 1;
    bool app_open : 1;       /* open() succeeded, closed() is owed */
    bool resume_pending : 1; /* the application takes input again */
    bool receive_ended : 1;  /* receive_end() was called */
    bool app_blocked : 1;    /* the application took less than it was given */
    bool on_ready : 1;
    bool in_wheel : 1;
    bool in_flows : 1;
    bool syn_resent : 1;
    bool challenged : 1; /* challenge_ms is valid */
    bool keepalive_pending : 1;
    bool ecn_ok : 1;      /* negotiated */
    bool ecn_echo : 1;    /* the peer is told of marks until it answers with CWR */
    bool ecn_tell : 1;    /* cwnd was reduced: CWR with the next new data */
    bool ecn_fresh : 1;   /* cwnd was reduced, and ecn_end is not acknowledged yet */
    bool pace_held : 1;   /* something waits for pace_ns */
    bool connecting : 1;  /* opened from here, and open() was not called yet: closed() is owed */
    bool unreachable : 1; /* while connecting: an ICMP error said so */

    /* Receive. */
    uint64_t rcv_nxt;   /* next offset expected */
    uint64_t rcv_taken; /* the application has taken everything below */
    uint64_t rcv_fin;   /* offset of the peer's FIN once known, else 0 */
    struct rx_buffer *rx;
    uint32_t rcv_edge;      /* right edge advertised last, low bits; never moves back */
    uint32_t last_ack_sent; /* low bits of rcv_nxt then: no more than a window ago */
    uint32_t ts_recent;
    uint32_t ts_offset;   /* our timestamps = milliseconds + this (RFC 7323 section 7.1) */
    uint32_t ts_recent_s; /* when ts_recent was taken */

    /* Time. TIME_NEVER: off. */
    struct rtt rtt;
    uint64_t heard_ns;        /* last acceptable segment from the peer */
    uint64_t rtx_base_ns;     /* retransmission and persist timers count from here */
    uint64_t reo_deadline_ns; /* RACK: a range may count as lost then */
    union {
        uint64_t tlp_deadline_ns;
        uint64_t life_deadline_ns; /* in FIN-WAIT-2 and TIME-WAIT, where nothing is in flight */
    };
    uint64_t app_deadline_ns;
    uint64_t pace_ns;  /* at the paced rate, what was sent would have left by then */
    uint64_t rate_max; /* bytes a second by order of the application; 0: no limit */

    /* RACK. */
    uint64_t rack_sent_ns; /* of the most recently sent range that was delivered */
    uint64_t rack_rtt_ns;  /* its round trip */
    uint64_t recovery_end; /* recovery is over when this is acknowledged */
    uint32_t rack_end;     /* low bits: looked at for what was sent at the same instant */
    uint32_t rack_fack;    /* highest offset delivered, low bits: not below snd_una, with SACK */

    uint32_t pace_free; /* bytes that may leave unpaced */

    /* Place in the stack. */
    uint32_t index;     /* of ctx->conn */
    uint32_t neighbour; /* index of the next hop in the stack's table */
    uint32_t flow_hash;
    struct tcp_key key;
    uint16_t pseudo_sum; /* of the pseudo-header without the length */
    uint16_t wheel_slot;
    uint32_t ready_next;
    uint32_t wheel_tick; /* when the wheel fires for it, low bits */
    uint32_t wheel_next, wheel_prev;
    struct mtu_search mtu;

    struct cc cc;

    /* Losses, and other things out of the ordinary. */
    struct undo undo;
    uint64_t reo_round_end;
    uint32_t prr_delivered, prr_out, prr_flight;
    uint32_t tlp_end;      /* low bits of snd_nxt at the probe that is outstanding */
    uint32_t ecn_end;      /* low bits of snd_nxt when cwnd was last reduced */
    uint32_t silent_ms;    /* now_ms at the first of the consecutive time-outs (backoff > 0) */
    uint32_t challenge_ms; /* when the last ACK out of turn was sent (challenge.c) */
};

/* TCP's share of an idle connection. The table begins at a cache line. */
static_assert(sizeof(struct tcp_conn) == 7 * 64, "seven cache lines");

/* Challenge ACKs that the whole stack may still send in the second that began at since_ms. */
struct challenge_budget {
    uint32_t left, since_ms;
    bool begun;
};

/* The SACK blocks that an ACK brought last, of some connections (ack.c). */
#define SACK_SEEN_CONNS 256

struct sack_seen {
    uint32_t conn, iss; /* whose they are */
    uint32_t count;
    struct sack_block block[TCP_SACK_BLOCKS_MAX];
};

/* Extents that one run of packets may have: of 16 packets, two for each, which is what it takes
 * where a file lies in pieces larger than a segment. */
#define CUT_EXTENTS 32

/* What TCP keeps per worker. */
struct tcp_ctx {
    uint64_t now;
    uint32_t now_ms; /* of now, for timestamps */
    struct counters *counters;
    const struct tcp_app *app;
    void *app_ctx;
    struct tcp_conn *conn;
    struct bbr *bbr; /* of each connection; NULL: another algorithm controls */
    uint32_t conns_max, conns_open, conns_time_wait;
    uint32_t conns_half_open; /* in SYN-RECEIVED */
    uint32_t free_head;
    uint32_t ready_head, ready_tail;
    struct range_pool ranges;
    struct sack_seen sack_seen[SACK_SEEN_CONNS];
    struct rx_pool rx;
    struct tcp_limits limits;

    /* The port. */
    bool tx_tcp_checksum;
    uint32_t tso_bytes_max;
    uint16_t tso_mss_min; /* smaller segments go one by one: some NICs refuse to cut them */
    uint8_t extents_max;
    uint32_t slots_left;                      /* for the connection whose turn it is */
    struct tx_extent cut_extent[CUT_EXTENTS]; /* of a run of packets: from resolve() to the slots */
    uint16_t mss_max;                         /* of the port's MTU, no TCP options: IPv4 */
    uint16_t mss_max_v6;                      /* IPv6; routers may lower it */

    bool draining;
    struct challenge_budget challenge;
    struct cookies cookies;
    struct prng prng;
    uint8_t isn_key[16];
    uint8_t port_key[16];                   /* connect.c */
    uint32_t port_next[EPHEMERAL_COUNTERS]; /* RFC 6056 section 3.3.4 */
};

/* conn.c: the table */

static inline uint32_t conn_index(const struct tcp_conn *c)
{
    return c->index;
}

/* A zeroed connection, or NULL: the table is full. */
struct tcp_conn *conn_take(struct tcp_ctx *ctx);
/* The same for this key, with our SYN still to be sent; or NULL: nor are there ranges for it. */
struct tcp_conn *conn_open(struct tcp_ctx *ctx, const struct tcp_key *key, uint32_t iss);
/* Returns ranges, buffer and the slot. The caller took it out of flow table, wheel and ready list.
 */
void conn_give(struct tcp_conn *c);

/* Puts c on the ready list: stack_output() will look at it. */
void conn_touch(struct tcp_conn *c);
/* NULL: empty. */
struct tcp_conn *conn_next_ready(struct tcp_ctx *ctx);

/* The application is told (once) and forgotten; c stays in its state. */
void conn_app_closed(struct tcp_conn *c, enum tcp_close_reason reason);
/* To CLOSED, at once; the stack frees it when it comes off the ready list. */
void conn_finish(struct tcp_conn *c, enum tcp_close_reason reason);
void conn_enter_time_wait(struct tcp_conn *c);
/* Sends RST with the next output, then finishes. */
void conn_abort(struct tcp_conn *c);

static inline const struct cc_ops *conn_cc(const struct tcp_conn *c)
{
    return c->ctx->limits.cc;
}

static inline bool conn_is_v4(const struct tcp_conn *c)
{
    return ip_addr_is_v4(&c->key.remote);
}

static inline uint32_t conn_ip_header_bytes(const struct tcp_conn *c)
{
    return conn_is_v4(c) ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
}

/* Whether the handshake is not over yet. */
static inline bool conn_opening(const struct tcp_conn *c)
{
    return c->state == TCP_STATE_SYN_SENT || c->state == TCP_STATE_SYN_RECEIVED;
}

/* Largest segment that the link takes, no TCP options. */
static inline uint16_t conn_mss_max(const struct tcp_conn *c)
{
    return conn_is_v4(c) ? c->ctx->mss_max : c->ctx->mss_max_v6;
}

/* The end of what there is to send in sequence space: stream and FIN. */
static inline uint64_t conn_send_limit(const struct tcp_conn *c)
{
    return c->snd_end + c->fin_queued;
}

static inline bool conn_fin_acked(const struct tcp_conn *c)
{
    return c->fin_queued && c->snd_una > c->snd_end;
}

/* Whether something waits to be sent or acknowledged: the retransmission or persist timer runs. */
static inline bool conn_waits(const struct tcp_conn *c)
{
    return c->snd_una != c->snd_nxt || c->snd_nxt < conn_send_limit(c);
}

/* RFC 6928 section 2, the ten segments being configurable. */
uint32_t conn_initial_window(const struct tcp_conn *c);

/* Bytes thought to be in the network (RFC 6675 "pipe"). */
uint32_t conn_pipe(const struct tcp_conn *c);

/* input.c */

/* A SYN for a listening port: a new connection in SYN-RECEIVED, or NULL: refused (counted). */
struct tcp_conn *tcp_accept(struct tcp_ctx *ctx, const struct tcp_segment *syn, uint32_t iss);
/* Whether a SYN is to be answered with a cookie: the backlog is full, the table is not. */
bool tcp_backlog_full(const struct tcp_ctx *ctx);
/* A connection whose SYN-ACK was a cookie: as tcp_accept(), ready for the ACK that brought it back.
 */
struct tcp_conn *tcp_accept_cookie(struct tcp_ctx *ctx, const struct tcp_segment *syn, uint32_t iss,
                                   uint32_t ts_offset);
/* False: the segment is to be answered with a RST, as one for no connection. */
bool tcp_input(struct tcp_conn *c, const struct tcp_segment *seg);
/* The initial sequence number for a key (RFC 6528). */
uint32_t tcp_initial_seq(const struct tcp_ctx *ctx, const struct tcp_key *key);

/* Takes in what the peer's SYN says: its numbers, window and options. */
void tcp_syn_taken(struct tcp_conn *c, const struct tcp_segment *syn);
/* The handshake is over: the application is asked. */
void tcp_established(struct tcp_conn *c);
/* Where our timestamps begin, at random (RFC 7323 section 7.1). */
uint32_t tcp_timestamp_offset(struct tcp_ctx *ctx);

/* connect.c */

/* A connection in SYN-SENT, or NULL: the table is full. key is in no table. */
struct tcp_conn *tcp_connect(struct tcp_ctx *ctx, const struct tcp_key *key);
/* Once, when the keys of the context are set. */
void tcp_ephemeral_init(struct tcp_ctx *ctx);
/*
 * Local ports for key, whose own does not matter: the first is EPHEMERAL_FIRST + (offset +
 * *counter) % EPHEMERAL_PORTS; the counter, which is returned, grows by one for each that is looked
 * at. Where a destination begins and which counter it shares are secrets, so that what a peer sees
 * of its ports tells little of others' (RFC 6056 section 3.3.4).
 */
uint32_t *tcp_ephemeral_start(struct tcp_ctx *ctx, const struct tcp_key *key, uint32_t *offset);
/* tcp_input() in SYN-SENT. */
bool tcp_syn_sent_input(struct tcp_conn *c, const struct tcp_segment *seg);
/* An ICMP error for our SYN at seq; hard: nothing is gained by trying again. False: not heeded. */
bool tcp_unreachable(struct tcp_conn *c, uint32_t seq, bool hard);
/* Why an attempt failed, where a connection would have ended for that reason. */
enum tcp_close_reason tcp_connect_reason(const struct tcp_conn *c, enum tcp_close_reason reason);

/* mtu.c */

/* The segment size was agreed on. */
void mtu_start(struct tcp_conn *c);
/* An ICMP "fragmentation needed" or "packet too big" for a segment at seq (RFC 1191, RFC 8201,
 * checked as RFC 5927 section 4 asks). */
bool tcp_path_mtu(struct tcp_conn *c, uint32_t seq, uint32_t mtu);
/* The retransmission timer has fired, c->backoff times in a row. */
void mtu_timeout(struct tcp_conn *c);
/* Bytes of a probe that may be sent with new data; 0: none now. Only for c->mss < c->mtu.ceiling.
 */
uint32_t mtu_probe_size(struct tcp_conn *c);
/* The len bytes that were sent last are one. */
void mtu_probe_sent(struct tcp_conn *c, uint32_t len);
void mtu_probe_delivered(struct tcp_conn *c);
/* It is being sent again. */
void mtu_probe_lost(struct tcp_conn *c);
/* Whether all that counts as lost are probes: no sign of congestion. */
bool mtu_only_probes_lost(const struct tcp_conn *c);

/* challenge.c */

/* Owes the peer a challenge ACK (RFC 5961), unless a limit forbids it. */
void challenge_ack(struct tcp_conn *c);
/* The same for a segment outside the window; none for RST. */
void unacceptable_ack(struct tcp_conn *c, const struct tcp_segment *seg);
/* Takes one from the stack's limit alone. False: none left (counted). */
bool challenge_budget_take(struct tcp_ctx *ctx);

/* ack.c: seg has ACK, c is synchronised, ack_offset is in (.., snd_max]. */
void tcp_ack_input(struct tcp_conn *c, const struct tcp_segment *seg, uint64_t ack_offset);
/* Something that was SACKed does not count as such any more: its block is to be heeded again. */
void tcp_sack_forget(const struct tcp_conn *c);
/* Whether nothing is missing that was sent. */
bool tcp_calm(const struct tcp_conn *c);
/* Whether it does not matter how many ACKs there are, as long as the last says all. */
bool tcp_hears_trains(const struct tcp_conn *c);
/* Whether what a segment acknowledges was sent. */
static inline bool tcp_ack_sent(const struct tcp_conn *c, uint32_t ack)
{
    return seq_to_offset(c->iss, c->snd_una, ack) <= (int64_t)c->snd_max;
}

/* recovery.c */

/* What one ACK told. */
struct ack_info {
    uint32_t delivered;      /* bytes newly acknowledged or SACKed */
    uint32_t acked;          /* bytes newly acknowledged */
    uint32_t flight;         /* bytes unacknowledged before this ACK */
    uint64_t newest_sent_ns; /* of the delivered ranges never sent twice; 0: none */
    uint64_t dsack_start;    /* where what came twice begins, and how long it is */
    uint32_t dsack_bytes;
    uint32_t prior_fack; /* rack_fack before this ACK */
    uint32_t rtt_us;     /* the round trip that it measured; 0: none */
    uint32_t lost;       /* bytes that it showed to be lost */
    struct rate_sample rate;
    uint32_t echo_ms;   /* our clock when the segment left that made the peer acknowledge ... */
    bool has_echo;      /* ... where it says so */
    bool early;         /* ... which was before the oldest bytes were sent again */
    bool retransmitted; /* some of the delivered ranges were sent twice */
    bool original;      /* ... were sent once, before recovery began */
    bool ece;           /* the peer reports marks (RFC 3168) */
    bool beyond;        /* ... were sent after recovery began */
    bool dsack;         /* the peer received something twice (RFC 2883) */
    bool duplicate;     /* a duplicate ACK in the sense of RFC 5681 section 2 */
};

/* A range was delivered up to offset end (RFC 8985 section 6.2 steps 2 and 3). */
void recovery_delivered(struct tcp_conn *c, const struct tcp_range *range, uint64_t end,
                        const struct ack_info *info);
/* After the list was updated: find losses, enter or leave recovery, set cwnd. */
void recovery_ack(struct tcp_conn *c, struct ack_info *info);
void recovery_timeout(struct tcp_conn *c);
void recovery_reorder_timeout(struct tcp_conn *c);
/* Arms the tail loss probe where RFC 8985 section 7.2 allows it. */
void recovery_arm_tlp(struct tcp_conn *c);
/* len bytes were sent, first or again. */
void recovery_sent(struct tcp_conn *c, uint32_t len);

/* pace.c */

/* How many bytes may leave now, UINT32_MAX: as many as cwnd allows. 0: none before pace_ns. */
uint32_t pace_room(const struct tcp_conn *c);
/* len bytes were sent. */
void pace_sent(struct tcp_conn *c, uint32_t len);
/* Nothing is in flight: an initial window may leave as a burst (RFC 9002 section 7.7 for QUIC). */
void pace_from_idle(struct tcp_conn *c);
/* What comes next does not wait: the first retransmission of a recovery. */
void pace_at_once(struct tcp_conn *c);

/* ecn.c */

/* Configured, and the algorithm heeds marks. */
bool ecn_wanted(const struct tcp_ctx *ctx);
void ecn_negotiate(struct tcp_conn *c, const struct tcp_segment *syn);
/* An acceptable segment arrived. */
void ecn_input(struct tcp_conn *c, const struct tcp_segment *seg);
/* An ACK with ECE: reduces cwnd, found with a window of so many bytes. False: not again. */
bool ecn_reduce(struct tcp_conn *c, uint32_t window);
/* Whether cwnd was reduced for marks since what was lost now left: not again (section 6.1.2). */
bool ecn_covers_loss(const struct tcp_conn *c);
/* cwnd was reduced, for whatever reason: CWR is owed. */
void ecn_reduced(struct tcp_conn *c);
/* What goes with these TCP flags. */
uint8_t ecn_flags(const struct tcp_conn *c, uint8_t flags);
/* For a segment of new data: adds CWR if it is owed; returns the IP header's ECN bits. */
uint8_t ecn_new_data(struct tcp_conn *c, uint8_t *flags);

/* undo.c */

/* cwnd is about to be reduced, for the first time since all was well. */
void undo_begin(struct tcp_conn *c);
/* recovery_end was set; it was old_end. */
void undo_extend(struct tcp_conn *c, uint64_t old_end);
/* len bytes were sent again. */
void undo_resent(struct tcp_conn *c, uint32_t len);
/* True: the ACK shows that the reduction had no cause; it is undone and recovery is over. */
bool undo_ack(struct tcp_conn *c, const struct ack_info *info);
/* The retransmission timer fired; first: not while the last time-out's recovery lasts. */
void frto_begin(struct tcp_conn *c, bool first);
/* Whether new bytes go before those that count as lost, to see what becomes of the latter. */
bool frto_new_first(const struct tcp_conn *c);

/* receive.c */
void tcp_data_input(struct tcp_conn *c, const struct tcp_segment *seg);
/* Hands buffered bytes to the application, then the end of the stream. */
void tcp_deliver(struct tcp_conn *c);
uint32_t tcp_receive_window(const struct tcp_conn *c);

/* output.c */

/*
 * Fills at most n > 0 slots with the connection's next packets, one run of its stream: TCP header
 * at slot->head + at, inline bytes behind it, extents. Returns how many; 0: nothing may or need be
 * sent now.
 */
unsigned tcp_output(struct tcp_conn *c, struct tx_slot *slots, unsigned n, uint32_t at);

/* timer.c */

/* Runs what is due. */
void tcp_timers(struct tcp_conn *c);
/* The retransmission time-out, backed off. */
uint64_t tcp_rto(const struct tcp_conn *c);
/* When tcp_timers must run next. */
uint64_t tcp_deadline(const struct tcp_conn *c);

#endif
