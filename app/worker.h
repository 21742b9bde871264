/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: one loop on one core, which owns a queue pair of the port, a stack, an HTTP server,
 * their memory and its counters. Nothing of it is shared. Others speak to it through its inbox, and
 * read its counters and state while it runs.
 */
#ifndef APP_WORKER_H
#define APP_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/clock.h"
#include "app/config.h"
#include "base/counters.h"
#include "base/extent.h"
#include "drivers_cfg/port.h"
#include "http/http.h"
#include "mempool/arena.h"
#include "stack/stack.h"

struct access_log_ring;
struct io_pools;
struct rss;
struct stream_link;
struct worker;

struct worker_config {
    unsigned index; /* its queue pair, too */
    struct clock clock;
    const struct port *port;
    const struct io_pools *pools;
    const struct arena *arena;
    const struct rss *rss; /* NULL: which flows are whose is not known, or there is one worker */
    bool shared;           /* other workers receive from the port */
    const struct stream_link *stream; /* to the streamer; NULL: nothing is streamed */
    struct stack_config
        stack; /* what concerns one worker (counters, app, memory, seed) is set here */
    struct http_config http;            /* log: NULL or worker_log */
    struct access_log_ring *access_log; /* for worker_log */
    enum config_idle_wait idle_wait;
    uint64_t idle_spin_ns, idle_sleep_ns;
    enum config_sandbox sandbox;
    enum device_kind device; /* which calls the sandbox leaves it */
    struct memory memory;
};

enum worker_message_kind {
    WORKER_NEWS,      /* what another worker's stack has learnt of the link */
    WORKER_CATALOGUE, /* a version of the catalogue, to be used from now on */
    WORKER_DRAIN,     /* stack_drain() */
    WORKER_ABORT,     /* stack_abort_all() */
    WORKER_STOP,      /* end the loop */
#ifdef HW_DEBUG
    WORKER_WILD, /* wild_send() */
#endif
};

struct worker_message {
    union {
        struct stack_news news;
        struct {
            const struct catalogue *catalogue;
            uint64_t serial;
        } version;
    };
    uint32_t kind;
};

/* What http.log is if there is an access log. */
void worker_log(void *worker, const struct http_record *record);

/* NULL: out of memory or file descriptors. */
struct worker *worker_create(const struct worker_config *config);

/* All workers of the program, this one included: whom it tells of neighbours. Before it runs; the
 * array must outlive it. */
void worker_set_peers(struct worker *worker, struct worker *const *peers, unsigned count);

/* The loop; returns 0 after WORKER_STOP. To be launched on the worker's lcore, which can do no more
 * than that from then on (sandbox.h). */
int worker_main(void *worker);

/* Any thread. False: the inbox is full, try again. */
bool worker_post(struct worker *worker, const struct worker_message *message);

/* Any thread, after it put something into a ring of the worker's. */
void worker_wake(struct worker *worker);

/* Any thread, at any time. */
const struct counters *worker_counters(const struct worker *worker);

/* Any thread. After WORKER_DRAIN or WORKER_ABORT: no connections are left and all is sent. */
bool worker_is_quiet(const struct worker *worker);

/* Any thread: serial of the version taken last, between two turns; 0: that of the start. */
uint64_t worker_catalogue_serial(const struct worker *worker);
/* Any thread: its references to one file. */
struct file_pin worker_file_pin(const struct worker *worker, uint32_t index);

/* Any thread. When the port is closed, so that every mbuf is back: references to file bytes that
 * are left. */
struct file_pin worker_pins(const struct worker *worker);

/* Gives back the mbufs it holds: before the port's pools go, after the loop has ended. */
void worker_release_mbufs(struct worker *worker);

/* When the port is closed: drivers free mbufs that point into the worker's memory. NULL is allowed.
 */
void worker_destroy(struct worker *worker);

#endif
