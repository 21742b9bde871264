/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: one loop on one core, which owns a lane of each port (lane.h): a queue pair, a stack,
 * an HTTP server, their memory and counters. Nothing of it is shared. Others speak to it through
 * its inbox, and read its counters and state while it runs.
 */
#ifndef APP_WORKER_H
#define APP_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/clock.h"
#include "app/config.h"
#include "app/lane.h"

struct worker;

struct worker_config {
    unsigned index; /* its queue pair of each port, too */
    struct clock clock;
    const struct lane_config *lanes; /* one for each port, but for what the worker sets itself */
    unsigned lane_count;
    enum config_idle_wait idle_wait;
    uint64_t idle_spin_ns, idle_sleep_ns;
    enum config_sandbox sandbox;
    unsigned devices; /* DEVICE_BIT()s: which calls the sandbox leaves it */
    struct memory memory;
};

enum worker_message_kind {
    WORKER_NEWS,      /* what another worker's stack has learnt of a port's link */
    WORKER_CATALOGUE, /* a version of the catalogue, to be used from now on */
    WORKER_PORT_GONE, /* a port was taken away: lane_end() */
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
    uint16_t kind;
    uint16_t port; /* news, port gone */
};

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

/* Any thread, at any time: what it counts of one port; and all of it, the loop's included. */
const struct counters *worker_port_counters(const struct worker *worker, unsigned port);
void worker_counters_sum(const struct worker *worker, struct counters *sum);

/* Any thread. After WORKER_DRAIN or WORKER_ABORT: no connections are left and all is sent. */
bool worker_is_quiet(const struct worker *worker);

/* Any thread. After WORKER_PORT_GONE: it uses the port no more. */
bool worker_port_ended(const struct worker *worker, unsigned port);

/* Any thread: serial of the version taken last, between two turns; 0: that of the start. */
uint64_t worker_catalogue_serial(const struct worker *worker);
/* Any thread: its references to one file. */
struct file_pin worker_file_pin(const struct worker *worker, uint32_t index);

/* Any thread. When the ports are closed, so that every mbuf is back: references to file bytes that
 * are left. */
struct file_pin worker_pins(const struct worker *worker);

/* Gives back the mbufs it holds of a port: before the port's pools go, after the loop has ended or
 * worker_port_ended(). */
void worker_release_mbufs(struct worker *worker, unsigned port);

/* When the ports are closed: drivers free mbufs that point into the worker's memory. NULL is
 * allowed.
 */
void worker_destroy(struct worker *worker);

#endif
