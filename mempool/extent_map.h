/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which parts of an arena are free: bookkeeping only, with memory of its own, so that the arena may
 * be sealed or not be mapped at all. Offsets are bytes from the arena's start. One thread at a
 * time.
 *
 * Space is given out in units: the block size of direct I/O (512 on most disks), since a read fills
 * whole blocks and must not touch a neighbour. A file of 1 to 16 KiB wastes half a unit on average,
 * 3% at 512. One bit per unit says that it is free: neighbours that are freed are one run again
 * without further ado. 4096 units are a group (2 MiB at 512); what is larger than a group is cut
 * from whole free groups, from the arena's end downward, and smaller things are packed into groups
 * from its beginning upward, so that the two do not break up each other's space. An arena of parts
 * that are not equally near is filled part by part (extent_map_prefer), each in that way.
 *
 * Metadata: 1 bit per unit and 4 bytes per group, 1/4096 of the arena at 512: 2 bytes for a file of
 * 8 KiB.
 */
#ifndef MEMPOOL_EXTENT_MAP_H
#define MEMPOOL_EXTENT_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

#define EXTENT_UNIT_MIN    512
#define EXTENT_GROUP_UNITS 4096
#define EXTENT_REGIONS_MAX 16

struct extent_map;

/* Bytes [offset, offset + bytes) of the arena, both multiples of the unit. */
struct extent_range {
    uint64_t offset, bytes;
};

struct extent_usage {
    uint64_t bytes;        /* that the map manages */
    uint64_t free_bytes;   /* of them */
    uint64_t largest_free; /* one request of this size would get one range */
};

/* All free. bytes is a multiple of unit, unit a power of two. NULL: out of memory. */
struct extent_map *extent_map_create(uint64_t bytes, uint32_t unit, const struct memory *memory);
/*
 * Says in which order the arena is filled: all of ranges[0] before ranges[1], and so on, but for
 * what finds room only across ranges. Together they are the arena, without overlap; each begins and
 * ends where it likes, and is preferred in whole groups. count at most EXTENT_REGIONS_MAX; while
 * nothing is taken.
 */
void extent_map_prefer(struct extent_map *map, const struct extent_range *ranges, unsigned count);
/* NULL is allowed. */
void extent_map_destroy(struct extent_map *map);

uint32_t extent_map_unit(const struct extent_map *map);

/*
 * Finds room for bytes (> 0): at most max ranges in the order in which they are to be filled, each
 * but the last full; together they are bytes rounded up to the unit. One range if there is such a
 * run; several if free space is broken up. False, with nothing taken: there is not enough, or only
 * in more than max pieces.
 */
bool extent_map_alloc(struct extent_map *map, uint64_t bytes, struct extent_range *out,
                      unsigned max, unsigned *count);

/*
 * One run of whole groups, at least bytes: room for fixed frames, which the taker divides as it
 * likes. offset is a multiple of the group (EXTENT_GROUP_UNITS units). False: there is none.
 */
bool extent_map_reserve(struct extent_map *map, uint64_t bytes, struct extent_range *out);

/* Takes just this range, as one that was given out before. False, with nothing taken: it is not
 * within the map, no whole units, empty, or not all free. */
bool extent_map_take(struct extent_map *map, struct extent_range range);

/* Gives back a range that was taken, or a part of one. */
void extent_map_free(struct extent_map *map, struct extent_range range);

struct extent_usage extent_map_usage(const struct extent_map *map);
/* Of a part of the arena, whole units. */
struct extent_usage extent_map_usage_within(const struct extent_map *map,
                                            struct extent_range range);

#endif
