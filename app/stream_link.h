/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's way to the streamer's thread (app/stream_thread.h) and back: two rings of struct
 * chunk_message. The worker makes no system call for them, but for one when the thread sleeps,
 * which it does when no worker has wanted anything for a while.
 */
#ifndef APP_STREAM_LINK_H
#define APP_STREAM_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#include "http/http.h"
#include "stack/stack.h"

/* The thread, for those who may have to wake it. */
struct stream_sleeper {
    bool asleep __attribute__((aligned(64)));
    int fd; /* an eventfd: it sleeps in a read of it */
};

struct stream_link {
    struct rte_ring *to_streamer, *to_worker;
    struct stream_sleeper *sleeper;
};

/* Takes in the streamer's answers. Returns whether there were any. */
bool stream_link_read(const struct stream_link *link, struct stack *stack, struct http_server *http,
                      uint64_t now);

/* Says what the connections want of the streamer, as much as the ring takes. Returns whether there
 * was anything. */
bool stream_link_ask(const struct stream_link *link, struct http_server *http);

/* Any thread, after it put something where the thread looks when it wakes. */
void stream_sleeper_wake(struct stream_sleeper *sleeper);

#endif
