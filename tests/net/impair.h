/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One direction of a bad link: seeded loss, corruption, duplication, reordering, delay and a rate
 * limit, before a bounded queue. Sans-I/O: the caller brings frames and the clock.
 *
 * The random draws of a frame depend on the seed and on the frame's number only, so a run with the
 * same frames in the same order loses the same ones.
 */
#ifndef NET_IMPAIR_H
#define NET_IMPAIR_H

#include <stdbool.h>
#include <stdint.h>

struct impair_config {
    double loss; /* this and the next three: probability per frame, 0..1 */
    double reorder;
    double duplicate;
    double corrupt;
    uint64_t delay_ns;
    uint64_t reorder_ns;     /* a reordered frame is held back by this on top of the delay */
    uint64_t rate_bps;       /* 0: no limit */
    uint32_t frame_overhead; /* bytes that the line takes for each frame besides its own */
    uint64_t queue_bytes;    /* that may wait for the line, 0: no limit (drop-tail) */
    uint32_t queue_frames;   /* that may be held in all: waiting, and on their way */
    uint64_t late_ns;        /* a frame that leaves so much after its time is counted as late */
    uint64_t seed;
};

struct impair_stats {
    uint64_t received;
    uint64_t forwarded;
    uint64_t lost;
    uint64_t reordered;
    uint64_t duplicated;
    uint64_t corrupted;
    uint64_t overflowed; /* dropped because queue_frames were held */
    uint64_t full;       /* dropped because queue_bytes waited */
    /* How well the caller kept time. */
    uint64_t late;
    uint64_t late_max_ns;
    uint64_t late_sum_ns; /* over all that were forwarded */
};

struct held_frame {
    uint64_t due;
    uint64_t number; /* order of arrival: breaks ties, so equal delays keep the order */
    uint32_t len;
    uint8_t data[];
};

struct impair;

/* NULL: out of memory. */
struct impair *impair_create(const struct impair_config *config);
void impair_destroy(struct impair *link);

/* The bytes are copied. */
void impair_push(struct impair *link, const uint8_t *data, uint32_t len, uint64_t now);

/* The next frame that is due at now, to be freed by the caller; NULL: none yet. */
struct held_frame *impair_pop(struct impair *link, uint64_t now);

/* When the next frame falls due; TIME_NEVER: the queue is empty. */
uint64_t impair_deadline(const struct impair *link);

const struct impair_stats *impair_stats(const struct impair *link);

#endif
