/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/file.h"

#include <string.h>

#include "base/assert.h"
#include "base/checksum.h"
#include "mempool/prefix_sum.h"

static_assert(FILE_EXTENT_MAX <= UINT16_MAX, "an external mbuf's length has 16 bits");

/* The extent that holds file byte `at` (< size). */
static const struct file_extent *extent_find(const struct file *file, uint64_t at)
{
    uint32_t low = 0, high = file->extent_count;

    while (high - low > 1) { /* extents[low].offset <= at < extents[high].offset */
        uint32_t middle = low + (high - low) / 2;
        if (file->extents[middle].offset <= at)
            low = middle;
        else
            high = middle;
    }
    return &file->extents[low];
}

/* Bytes that lie together in extent from file byte `at` on, at most len. */
static uint64_t extent_run(const struct file_extent *extent, uint64_t at, uint64_t len)
{
    uint64_t run = extent->offset + extent->len - at;
    return run < len ? run : len;
}

enum { PACKETS_AHEAD = 16 };

/*
 * A transfer goes on, and each end of a packet needs an entry of the sums and the line around it,
 * all of them far from anything used before. Asked for now, they are there when their turn comes.
 */
static inline void prefetch_ahead(const struct prefix_run *run, uint64_t at, uint32_t len)
{
    uint64_t end = at + (uint64_t)PACKETS_AHEAD * len;

    if (end <= run->len)
        prefix_sum_prefetch(run, end);
}

/* How long the next reference may be; 0: none fits. */
static inline uint32_t reference_len(const struct tx_fill *fill, uint32_t left)
{
    uint32_t room = tx_fill_room(fill);

    if (room > FILE_EXTENT_MAX && fill->packet_bytes == 0)
        room = FILE_EXTENT_MAX;
    return room < left ? room : left;
}

/* A reference to the n bytes from `from` on with their sum, given what is before them, which
 * becomes what is before the next: the end of one packet is the start of the next. */
static inline void reference_with_sum(struct tx_extent *out, const struct prefix_run *run,
                                      uint64_t from, uint32_t n, struct file_pin *pin,
                                      int32_t *before)
{
    int32_t before_end = prefix_sum_before(run, from + n);

    *out = (struct tx_extent){ .data = run->data + from,
                               .len = n,
                               .sum = prefix_sum_between(*before, before_end, from),
                               .pin = pin };
    *before = before_end;
    prefetch_ahead(run, from + n, n);
}

/* As many packets as bytes [from, from + len) fill whole, with a reference each. Returns their
 * bytes. */
static inline uint32_t packets_with_sums(const struct prefix_run *run, uint64_t from, uint32_t len,
                                         struct file_pin *pin, struct tx_fill *fill,
                                         int32_t *before)
{
    const uint32_t packet = fill->packet_bytes;
    struct tx_extent *out = fill->extent + fill->extent_count;
    uint32_t covered = 0;

    if (packet == 0 || fill->packet_used != 0)
        return 0;
    const uint64_t room = (uint64_t)(fill->extents_max - fill->extent_count) * packet;
    if (len > room)
        len = (uint32_t)room;
    for (; len - covered >= packet; covered += packet)
        reference_with_sum(out++, run, from + covered, packet, pin, before);
    fill->extent_count = (uint32_t)(out - fill->extent);
    return covered;
}

/* Vectors twice as wide where the processor has them: a sixth of the instructions less. Which it is
 * to be is asked while the program is loaded, when ThreadSanitizer cannot be called yet. */
#ifdef __SANITIZE_THREAD__
#define WIDE_VECTORS
#else
#define WIDE_VECTORS __attribute__((target_clones("avx2", "default")))
#endif

/* With the sums of the table. On its own, so that ports which compute checksums do not pay for its
 * registers. */
static WIDE_VECTORS uint32_t run_resolve_with_sums(const struct prefix_run *of, uint64_t from,
                                                   uint32_t len, struct file_pin *pin,
                                                   struct tx_fill *fill)
{
    const struct prefix_run run = *of; /* which no store goes to */
    int32_t before = from != 0 ? prefix_sum_before(&run, from) : 0;
    uint32_t covered = 0, n;

    for (;;) {
        covered += packets_with_sums(&run, from + covered, len - covered, pin, fill, &before);
        if (covered == len || (n = reference_len(fill, len - covered)) == 0)
            return covered;
        struct tx_extent out;
        reference_with_sum(&out, &run, from + covered, n, pin, &before);
        tx_fill_extent(fill, &out);
        covered += n;
    }
}

static inline uint32_t run_resolve(const struct prefix_run *run, uint64_t from, uint32_t len,
                                   struct file_pin *pin, struct tx_fill *fill)
{
    uint32_t covered, n;

    if (fill->want_sums && run->sums != NULL)
        return run_resolve_with_sums(run, from, len, pin, fill);
    for (covered = 0; covered < len && (n = reference_len(fill, len - covered)) != 0;
         covered += n) {
        struct tx_extent out = { .data = run->data + from + covered, .len = n, .pin = pin };
        if (UNLIKELY(fill->want_sums))
            out.sum = checksum_bytes(out.data, n);
        tx_fill_extent(fill, &out);
    }
    return covered;
}

uint32_t file_run_resolve(const struct prefix_run *run, uint64_t from, uint32_t len,
                          struct file_pin *pin, struct tx_fill *fill)
{
    return run_resolve(run, from, len, pin, fill);
}

uint32_t file_resolve(const struct file *file, uint64_t from, uint32_t len, struct file_pin *pin,
                      struct tx_fill *fill)
{
    uint32_t covered = 0;

    ASSERT(from <= file->size && len <= file->size - from);
    if (len == 0)
        return 0;
    for (const struct file_extent *extent = extent_find(file, from);; extent++) {
        const struct prefix_run run = { extent->data, extent->len, extent->sums };
        uint64_t at = from + covered;
        uint32_t wanted = (uint32_t)extent_run(extent, at, len - covered);
        uint32_t n = run_resolve(&run, at - extent->offset, wanted, pin, fill);
        covered += n;
        if (n < wanted || covered == len)
            return covered;
    }
}

void file_copy(const struct file *file, uint64_t from, uint32_t len, uint8_t *to)
{
    ASSERT(from <= file->size && len <= file->size - from);
    if (len == 0)
        return;
    for (const struct file_extent *extent = extent_find(file, from);; extent++) {
        uint64_t run = extent_run(extent, from, len);
        memcpy(to, extent->data + (from - extent->offset), run);
        from += run;
        to += run;
        len -= (uint32_t)run;
        if (len == 0)
            return;
    }
}
