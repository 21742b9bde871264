/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/stream_thread.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_lcore.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "app/config.h"
#include "base/assert.h"
#include "base/time.h"

/* Messages taken from one lane before the next one's turn. */
#define BURST 64

/* Without work: naps from MIN to MAX, each twice as long as the one before; then sleep. While reads
 * are under way the next one's end is waited for, and the rings are looked at this often. */
#define NAP_MIN_NS   (20 * NS_PER_US)
#define NAP_MAX_NS   NS_PER_MS
#define READ_WAIT_NS (100 * NS_PER_US)

/* Who asks: each worker's lane of each port (app/lane.h). */
#define LANES_MAX (CONFIG_CORES_MAX * CONFIG_PORTS_MAX)

struct stream_thread {
    struct streamer *streamer;
    unsigned lane_count;
    uint32_t leases; /* of each lane */
    struct stream_link links[LANES_MAX];
    struct stream_sleeper sleeper;
    void (*wake)(void *ctx, unsigned lane); /* NULL: nobody need be woken */
    void *wake_ctx;
    bool told[LANES_MAX]; /* since its worker was woken last */
    bool stop;
    bool running;
    pthread_t thread;
};

/* --- the loop ----------------------------------------------------------------------------------
 */

static void tell(void *ctx, uint32_t lane, const struct chunk_message *message)
{
    struct stream_thread *t = ctx;
    int full = rte_ring_sp_enqueue_elem(t->links[lane].to_worker, (void *)(uintptr_t)message,
                                        sizeof(*message));

    ASSERT(full == 0); /* there is room for an answer to each lease */
    t->told[lane] = true;
}

static unsigned read_lane(struct stream_thread *t, unsigned lane)
{
    struct chunk_message messages[BURST];
    unsigned n = rte_ring_sc_dequeue_burst_elem(t->links[lane].to_streamer, messages,
                                                sizeof(messages[0]), BURST, NULL);

    for (unsigned i = 0; i < n; i++)
        streamer_input(t->streamer, lane, &messages[i]);
    return n;
}

/* Waits for reads that are under way at most wait_ns. Returns whether there was something to do. */
static bool turn(struct stream_thread *t, uint64_t wait_ns)
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->lane_count; i++)
        n += read_lane(t, i);
    n += streamer_poll(t->streamer, n == 0 ? wait_ns : 0);
    for (unsigned i = 0; i < t->lane_count; i++) {
        if (t->told[i]) {
            t->told[i] = false;
            if (t->wake != NULL)
                t->wake(t->wake_ctx, i);
        }
    }
    return n != 0;
}

static bool stopping(const struct stream_thread *t)
{
    return __atomic_load_n(&t->stop, __ATOMIC_ACQUIRE);
}

/* Until a worker has something to say, or the end. */
static void sleep_until_woken(struct stream_thread *t)
{
    bool quiet = true;
    uint64_t woken;

    __atomic_store_n(&t->sleeper.asleep, true, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < t->lane_count; i++)
        quiet &= rte_ring_empty(t->links[i].to_streamer) != 0;
    if (!quiet || stopping(t)) {
        __atomic_store_n(&t->sleeper.asleep, false, __ATOMIC_RELAXED);
        return;
    }
    /* EINTR, or a wake-up that came too late to be needed: just another turn. */
    (void)!read(t->sleeper.fd, &woken, sizeof(woken));
}

static void *thread_main(void *arg)
{
    struct stream_thread *t = arg;
    uint64_t nap_ns = NAP_MIN_NS;

    while (!stopping(t)) {
        if (turn(t, READ_WAIT_NS)) {
            nap_ns = NAP_MIN_NS;
        } else if (!streamer_busy(t->streamer) && nap_ns > NAP_MAX_NS) {
            sleep_until_woken(t);
            nap_ns = NAP_MIN_NS;
        } else if (!streamer_busy(t->streamer)) {
            struct timespec nap = { .tv_sec = 0, .tv_nsec = (long)nap_ns };
            nanosleep(&nap, NULL);
            nap_ns *= 2;
        }
    }
    return NULL;
}

/* --- set-up ------------------------------------------------------------------------------------
 */

static struct rte_ring *ring_create(const char *to, unsigned lane, uint32_t messages)
{
    char name[RTE_RING_NAMESIZE];

    snprintf(name, sizeof(name), "hw_chunks_%s_%u", to, lane);
    return rte_ring_create_elem(name, sizeof(struct chunk_message), messages, SOCKET_ID_ANY,
                                RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
}

static bool links_create(struct stream_thread *t)
{
    for (unsigned i = 0; i < t->lane_count; i++) {
        t->links[i] = (struct stream_link){ .to_streamer = ring_create("in", i, t->leases + 1),
                                            .to_worker = ring_create("out", i, t->leases + 1),
                                            .sleeper = &t->sleeper };
        if (t->links[i].to_streamer == NULL || t->links[i].to_worker == NULL)
            return false;
    }
    return true;
}

static struct stream_thread *stream_thread_create(struct streamer_config *config, unsigned lanes,
                                                  char error[STREAM_THREAD_ERROR_BYTES])
{
    struct stream_thread *t = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*t), 64));
    uint64_t frames = config->region.bytes >> CHUNK_SHIFT;

    /* A quarter of the frames is always free to be a cache. */
    uint32_t leases = (uint32_t)(frames * 3 / 4 / lanes);
    if (t == NULL || leases < 2) {
        snprintf(error, STREAM_THREAD_ERROR_BYTES,
                 "pool.stream_cache: %llu MiB are too few for %u workers and ports: "
                 "give it %u MiB",
                 (unsigned long long)(config->region.bytes >> 20), lanes, lanes);
        config->reader->ops->destroy(config->reader);
        free(t);
        return NULL;
    }
    memset(t, 0, sizeof(*t));
    t->sleeper.fd = eventfd(0, EFD_CLOEXEC);
    t->lane_count = lanes;
    t->leases = leases;
    config->leases = leases * lanes;
    config->tell = tell;
    config->tell_ctx = t;
    t->streamer = streamer_create(config);
    if (t->sleeper.fd >= 0 && t->streamer != NULL && links_create(t))
        return t;
    snprintf(error, STREAM_THREAD_ERROR_BYTES,
             "no memory or file descriptor for the cache of chunks");
    stream_thread_destroy(t);
    return NULL;
}

uint32_t stream_thread_leases_guess(const struct config *config, unsigned lanes)
{
    uint64_t cache =
        config->stream_cache_bytes != 0 ? config->stream_cache_bytes : config->pool_bytes / 2;

    return config->pool_bytes != 0 ? (uint32_t)(cache / CHUNK_BYTES / lanes) : 0;
}

bool stream_thread_open(struct stream_thread **thread, struct pool *pool, unsigned lanes,
                        bool want_sums,
                        void (*line)(void *ctx, enum pool_log_level level, const char *text),
                        struct http_config *http, char *error, size_t error_bytes)
{
    struct streamer_config config = { .want_sums = want_sums, .log = { .line = line } };
    int result = pool_streaming(pool, &config, error, error_bytes);

    *thread = NULL;
    if (result <= 0)
        return result == 0;
    *thread = stream_thread_create(&config, lanes, error);
    if (*thread == NULL)
        return false;
    http->leases = (*thread)->leases;
    http->stream_files = config.file_count;
    http->frames = streamer_frames((*thread)->streamer);
    return true;
}

const struct stream_link *stream_thread_link(const struct stream_thread *t, unsigned lane)
{
    return &t->links[lane];
}

const struct counters *stream_thread_counters(const struct stream_thread *t)
{
    return streamer_counters(t->streamer);
}

bool stream_thread_start(struct stream_thread *t, void (*wake)(void *ctx, unsigned lane), void *ctx,
                         char error[STREAM_THREAD_ERROR_BYTES])
{
    if (t == NULL)
        return true;
    snprintf(error, STREAM_THREAD_ERROR_BYTES, "no thread for streamed files");
    t->wake = wake;
    t->wake_ctx = ctx;
    t->running = rte_ctrl_thread_create(&t->thread, "hw-streamer", NULL, thread_main, t) == 0;
    return t->running;
}

void stream_thread_stop(struct stream_thread *t)
{
    if (t == NULL || !t->running)
        return;
    __atomic_store_n(&t->stop, true, __ATOMIC_RELEASE);
    stream_sleeper_wake(&t->sleeper);
    pthread_join(t->thread, NULL);
    t->running = false;
}

void stream_thread_destroy(struct stream_thread *t)
{
    if (t == NULL)
        return;
    stream_thread_stop(t);
    streamer_destroy(t->streamer);
    for (unsigned i = 0; i < t->lane_count; i++) {
        rte_ring_free(t->links[i].to_streamer);
        rte_ring_free(t->links[i].to_worker);
    }
    if (t->sleeper.fd >= 0)
        close(t->sleeper.fd);
    free(t);
}
