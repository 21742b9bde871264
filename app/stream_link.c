/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/stream_link.h"

#include <unistd.h>

#include <rte_ring_elem.h>

#include "base/assert.h"

/* Messages to and from the streamer in one turn. */
#define STREAM_BURST 32

static_assert(sizeof(struct chunk_message) % 4 == 0, "an rte_ring holds elements of whole words");

bool stream_link_read(const struct stream_link *link, struct stack *stack, struct http_server *http,
                      uint64_t now)
{
    struct chunk_message messages[STREAM_BURST];

    if (LIKELY(rte_ring_empty(link->to_worker)))
        return false;
    unsigned n = rte_ring_sc_dequeue_burst_elem(link->to_worker, messages, sizeof(messages[0]),
                                                STREAM_BURST, NULL);
    stack_time(stack, now);
    for (unsigned i = 0; i < n; i++)
        http_stream_input(http, &messages[i], now);
    return n != 0;
}

bool stream_link_ask(const struct stream_link *link, struct http_server *http)
{
    struct chunk_message messages[STREAM_BURST];
    unsigned room = RTE_MIN(rte_ring_free_count(link->to_streamer), (unsigned)STREAM_BURST), n = 0;

    while (n < room && http_stream_output(http, &messages[n]))
        n++;
    if (n == 0)
        return false;
    rte_ring_sp_enqueue_bulk_elem(link->to_streamer, messages, sizeof(messages[0]), n, NULL);
    stream_sleeper_wake(link->sleeper);
    return true;
}

void stream_sleeper_wake(struct stream_sleeper *sleeper)
{
    /* Pairs with the fence before it sleeps: either we see it asleep, or it sees the message. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    /* Whoever wakes it does so once. */
    if (__atomic_load_n(&sleeper->asleep, __ATOMIC_RELAXED) &&
        __atomic_exchange_n(&sleeper->asleep, false, __ATOMIC_RELAXED)) {
        uint64_t one = 1;
        (void)!write(sleeper->fd, &one, sizeof(one));
    }
}
