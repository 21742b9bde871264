/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How file bytes travel from the pool to the wire: by reference. A tx_extent is a run of bytes that
 * the NIC will read where it lies; its pin says that somebody still refers to it.
 */
#ifndef BASE_EXTENT_H
#define BASE_EXTENT_H

#include <stdint.h>

/*
 * References that one worker holds on one file. Written by that worker only (no atomics): the
 * memory of a file may be reused when the pins of all workers are zero.
 */
struct file_pin {
    uint32_t in_flight; /* packets handed to the NIC and not completed */
    uint32_t responses; /* responses not acknowledged to their end */
};

/* By another thread: each count as it was at some moment. */
static inline struct file_pin file_pin_read(const struct file_pin *pin)
{
    return (struct file_pin){
        .in_flight = __atomic_load_n(&pin->in_flight, __ATOMIC_RELAXED),
        .responses = __atomic_load_n(&pin->responses, __ATOMIC_RELAXED),
    };
}

struct tx_extent {
    const uint8_t *data;  /* in the pool; immutable while pinned */
    uint32_t len;         /* bytes, > 0 */
    uint32_t sum;         /* ones'-complement sum of the bytes as if the first were at an even
                             position, not inverted and not folded (base/checksum.h); only if asked
                             for (base/tx_fill.h) */
    struct file_pin *pin; /* whoever keeps the extent past the call adds 1 to in_flight and takes it
                             off when the NIC is done */
};

#endif
