/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A streamer's thread and two workers' threads, with nothing between them but rings of messages:
 * what a worker reads of a chunk, bytes and sums, was written by another thread, into a frame that
 * had another chunk before. For ThreadSanitizer (tests/tsan) as much as for its own checks.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/prng.h"
#include "docroot.h"
#include "mempool/prefix_sum.h"
#include "mempool/scan.h"
#include "mempool/streamer.h"
#include "suites.h"

enum { WORKERS = 2, FILES = 3, CHUNKS = 4, LEASES = 4, FRAMES = WORKERS * LEASES + 1 };
enum { ROUNDS = 1500, RING = 64 };

#define FILE_BYTES ((CHUNKS - 1) * CHUNK_BYTES + 7000)

/* One writes, one reads, as rte_ring does it between two threads. */
struct ring {
    struct chunk_message slot[RING];
    unsigned head __attribute__((aligned(64))); /* the reader's */
    unsigned tail __attribute__((aligned(64))); /* the writer's */
};

static bool ring_put(struct ring *ring, const struct chunk_message *message)
{
    if (ring->tail - __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) == RING)
        return false;
    ring->slot[ring->tail % RING] = *message;
    __atomic_store_n(&ring->tail, ring->tail + 1, __ATOMIC_RELEASE);
    return true;
}

static bool ring_take(struct ring *ring, struct chunk_message *message)
{
    if (ring->head == __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE))
        return false;
    *message = ring->slot[ring->head % RING];
    __atomic_store_n(&ring->head, ring->head + 1, __ATOMIC_RELEASE);
    return true;
}

static const char *const names[FILES] = { "a", "b", "c" };
static struct docroot root;
static struct scan scan;
static struct stream_file files[FILES];
static uint8_t *region, *wanted[FILES];
static struct streamer *streamer;
static struct worker {
    struct ring asks, answers;
    struct leases *leases;
    unsigned number;
    unsigned wrong;
    bool ended;
} workers[WORKERS];

static void tell(void *ctx, uint32_t worker, const struct chunk_message *message)
{
    if (!ring_put(&workers[worker].answers, message))
        abort();
}

/* ---- threads ---- */

static void *streamer_main(void *arg)
{
    struct chunk_message message;
    bool all_ended = false;

    while (!all_ended) {
        unsigned heard = 0;
        all_ended = true;
        for (unsigned i = 0; i < WORKERS; i++) {
            all_ended &= __atomic_load_n(&workers[i].ended, __ATOMIC_ACQUIRE);
            for (; ring_take(&workers[i].asks, &message); heard++)
                streamer_input(streamer, i, &message);
        }
        if (streamer_poll(streamer, 0) == 0 && heard == 0)
            sched_yield();
    }
    return NULL;
}

static void worker_turn(struct worker *w)
{
    struct chunk_message message;

    while (ring_take(&w->answers, &message))
        leases_input(w->leases, &message);
    while (leases_output(w->leases, &message))
        while (!ring_put(&w->asks, &message))
            sched_yield();
}

/* The chunk's bytes, and the sum of some of them by the table. */
static bool chunk_is_right(const struct lease *lease, struct prng *prng)
{
    uint64_t start = (uint64_t)lease->chunk * CHUNK_BYTES;
    uint32_t len = FILE_BYTES - start < CHUNK_BYTES ? (uint32_t)(FILE_BYTES - start) : CHUNK_BYTES;
    uint32_t from = (uint32_t)prng_below(prng, len), n = len - from < 1448 ? len - from : 1448;

    const struct prefix_run run = { lease->data, len, lease->sums };
    uint32_t sum =
        prefix_sum_between(prefix_sum_before(&run, from), prefix_sum_before(&run, from + n), from);

    return memcmp(lease->data, wanted[lease->file] + start, len) == 0 &&
           sum % 0xffff == checksum_bytes(wanted[lease->file] + start + from, n) % 0xffff;
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct prng prng = { .state = w->number + 1 };

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint32_t held[LEASES], count = 1 + (uint32_t)prng_below(&prng, LEASES);
        for (uint32_t i = 0; i < count; i++)
            while ((held[i] = leases_hold(w->leases, (uint32_t)prng_below(&prng, FILES),
                                          (uint32_t)prng_below(&prng, CHUNKS))) == LEASE_NONE)
                worker_turn(w); /* some are still on their way back */
        for (uint32_t i = 0; i < count; i++) {
            const struct lease *lease = leases_get(w->leases, held[i]);
            for (worker_turn(w); lease->state != LEASE_READY; worker_turn(w))
                sched_yield();
            w->wrong += !chunk_is_right(lease, &prng);
        }
        while (count > 0)
            leases_drop(w->leases, held[--count]);
        worker_turn(w);
    }
    while (leases_usage(w->leases).used != 0)
        worker_turn(w);
    __atomic_store_n(&w->ended, true, __ATOMIC_RELEASE);
    return NULL;
}

/* ---- */

static uint8_t *contents_of(const char *name)
{
    uint8_t *bytes = malloc(FILE_BYTES);
    int fd = open(docroot_path(&root, name), O_RDONLY);

    ck_assert_ptr_nonnull(bytes);
    ck_assert_int_eq(read(fd, bytes, FILE_BYTES), FILE_BYTES);
    close(fd);
    return bytes;
}

static void setup(void)
{
    char error[POOL_ERROR_BYTES];

    docroot_create(&root);
    for (unsigned i = 0; i < FILES; i++) {
        docroot_write(&root, names[i], FILE_BYTES);
        wanted[i] = contents_of(names[i]);
    }
    ck_assert_int_eq(scan_root(&scan, root.path, &root.log, error, sizeof(error)), 0);
    ck_assert_uint_eq(scan.file_count, FILES);
    for (size_t i = 0; i < FILES; i++) {
        const struct scan_file *file = &scan.files[i];
        unsigned n = (unsigned)(scan_string(&scan, file->path)[0] - 'a');
        files[n] = (struct stream_file){ .real_path = scan_string(&scan, file->real_path),
                                         .dev = file->dev,
                                         .ino = file->ino,
                                         .size = file->size,
                                         .mtime_s = file->mtime_s,
                                         .mtime_ns = file->mtime_ns };
    }
    region = mmap(NULL, (size_t)FRAMES << CHUNK_SHIFT, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(region, MAP_FAILED);
}

static void teardown(void)
{
    for (unsigned i = 0; i < FILES; i++)
        free(wanted[i]);
    munmap(region, (size_t)FRAMES << CHUNK_SHIFT);
    scan_destroy(&scan);
    docroot_remove(&root);
}

START_TEST(chunks_pass_between_threads)
{
    const struct streamer_config config = {
        .files = files,
        .file_count = FILES,
        .root_fd = scan.root_fd,
        .direct_align = scan.direct_align,
        .region = { .base = region, .bytes = (uint64_t)FRAMES << CHUNK_SHIFT },
        .reader = reader_create_pread(),
        .want_sums = true,
        .leases = WORKERS * LEASES,
        .tell = tell,
        .log = root.log,
    };
    pthread_t thread, worker_thread[WORKERS];

    streamer = streamer_create(&config);
    ck_assert_ptr_nonnull(streamer);
    for (unsigned i = 0; i < WORKERS; i++) {
        const struct leases_config leases = { .leases = LEASES,
                                              .files = FILES,
                                              .frames = streamer_frames(streamer),
                                              .memory = memory_heap };
        workers[i] = (struct worker){ .number = i, .leases = leases_create(&leases) };
        ck_assert_ptr_nonnull(workers[i].leases);
    }
    ck_assert_int_eq(pthread_create(&thread, NULL, streamer_main, NULL), 0);
    for (unsigned i = 0; i < WORKERS; i++)
        ck_assert_int_eq(pthread_create(&worker_thread[i], NULL, worker_main, &workers[i]), 0);
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_join(worker_thread[i], NULL);
    pthread_join(thread, NULL);
    for (unsigned i = 0; i < WORKERS; i++) {
        ck_assert_uint_eq(workers[i].wrong, 0);
        leases_destroy(workers[i].leases);
    }
    /* Frames did change hands. */
    ck_assert_uint_gt(counter_read(&streamer_counters(streamer)->stream_evicted), FRAMES);
    ck_assert_uint_eq(counter_read(&streamer_counters(streamer)->stream_read_failed), 0);
    streamer_destroy(streamer);
}
END_TEST

Suite *stream_threads_suite(void)
{
    Suite *suite = suite_create("stream threads");
    TCase *tcase = tcase_create("stream threads");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, chunks_pass_between_threads);
    suite_add_tcase(suite, tcase);
    return suite;
}
