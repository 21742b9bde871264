/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A lane: what one worker has of one port. A queue pair, a stack, an HTTP server, their counters.
 * Nothing of it is shared with another lane but the worker's thread (worker.c), which gives each of
 * its lanes a turn. So ports differ in what they can do (TSO, checksums, MTU, VLAN) without one
 * knowing of the other, and the load of one cannot use up the tables of another.
 */
#ifndef APP_LANE_H
#define APP_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_interrupts.h>

#include "app/clock.h"
#include "base/counters.h"
#include "base/extent.h"
#include "drivers_cfg/port.h"
#include "http/http.h"
#include "io/eth.h"
#include "io/rx.h"
#include "io/strays.h"
#include "io/tap.h"
#include "io/tx.h"
#include "mempool/arena.h"
#include "stack/stack.h"

struct access_log_ring;
struct io_pools;
struct rss;
struct stream_link;
struct worker;

struct lane_config {
    unsigned queue; /* its queue pair of the port: the worker's number */
    const struct port *port;
    const struct io_pools *pools;
    const struct arena *arena;
    const struct rss *rss; /* NULL: which flows are whose is not known, or there is one worker */
    const struct stream_link *stream; /* to the streamer; NULL: nothing is streamed */
    struct stack_config
        stack;               /* what concerns one lane (counters, app, memory, seed) is set here */
    struct http_config http; /* log: NULL or lane_log */
    struct access_log_ring *access_log; /* for lane_log: the worker's */
    struct memory memory;
};

struct lane {
    /* Each turn. */
    struct stack *stack;
    struct io_tx *tx;
    const struct stream_link *stream;
    struct http_server *http;
    bool gone;       /* the port was taken away: nothing comes in or goes out any more */
    unsigned frames; /* of this turn */
    struct io_rx rx;
    struct io_strays strays; /* frames from other workers' queues of this port */

    const struct rss *rss;
    bool interrupts; /* a worker may sleep until the queue has a frame */
    bool epoll;      /* its rx interrupt is in the worker's set */
    struct io_eth eth;
    struct io_tap tap; /* fd >= 0: instead of eth */
    struct rte_epoll_event tap_event;
    struct access_log_ring *access_log;
    struct worker *worker;
    unsigned port; /* which of the server's, from 0 on */

    /* Read by others. */
    struct counters counters __attribute__((aligned(64)));
};

/* What http.log is if there is an access log. */
void lane_log(void *lane, const struct http_record *record);

/* Fills in a lane of zeros. False: out of memory; lane_destroy() is still due. */
bool lane_create(struct lane *lane, const struct lane_config *config, const struct clock *clock);
/* When the port is closed: drivers free mbufs that point into the lane's memory. */
void lane_destroy(struct lane *lane);

/* A turn, in this order: lane_receive(), then with the time read after it, the other two. Each
 * returns whether there was work. */
bool lane_receive(struct lane *lane);
bool lane_input(struct lane *lane, uint64_t now);
bool lane_output(struct lane *lane, uint64_t now);

/* When it must have a turn even if nothing arrives; TIME_NEVER: never. */
uint64_t lane_deadline(const struct lane *lane);

/* The next turn may be a while off: has the driver free what is sent. */
void lane_reclaim(struct lane *lane);
/* The same where something waits for that. */
void lane_idle(struct lane *lane);

/* Rx interrupts of its queue, into the set epfd and out of it; on and off. */
void lane_epoll(struct lane *lane, int epfd, bool watch);
void lane_interrupt(struct lane *lane, bool on);

/* The port is gone: connections end without a word. What the lane holds of the streamer is given
 * back in its further turns, as packets in flight come to their end. */
void lane_end(struct lane *lane, uint64_t now);

/* Gives back the mbufs it holds: before the port's pools go, when it has no turns any more. */
void lane_release_mbufs(struct lane *lane);

/* Unix time minus the worker's clock. */
int64_t lane_wall_offset(const struct clock *clock);

#endif
