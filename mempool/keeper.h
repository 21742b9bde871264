/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pool's own thread: it hears of changes, makes the next version of the catalogue, hands it to
 * the workers, and gives back the room of files that nobody refers to any more. Workers never wait
 * for it, nor share anything with it that both write.
 *
 * How a file ends:
 *  1. The version without it is posted to every worker, and each says that it has taken it, between
 *     two turns. From then on no new response can refer to the file.
 *  2. Its responses end, one after the other: acknowledged, or their connection gone.
 *  3. When the keeper sees none left, packets may still be between a stack and its port, which is
 *     within a turn; so it posts the version once more. When all have taken that, every packet is
 *     with the port, and counted in in_flight.
 *  4. When in_flight is 0, its index and its room are free.
 */
#ifndef MEMPOOL_KEEPER_H
#define MEMPOOL_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/extent.h"
#include "mempool/update.h"
#include "mempool/verify.h"

/* The workers, as the keeper sees them. */
struct pool_readers {
    /* Posts a version to all of them; serial goes up by one each time. */
    void (*publish)(void *ctx, const struct catalogue *catalogue, uint64_t serial);
    /* Whether all have taken the version posted with serial. */
    bool (*taken)(void *ctx, uint64_t serial);
    /* Sum of their pins of one file. */
    struct file_pin (*pins)(void *ctx, uint32_t index);
    void *ctx;
};

struct keeper_config {
    struct updater *updater; /* with a first version, which the readers have. The keeper's until
                                keeper_stop() */
    struct pool_readers readers;
    uint64_t rescan_ns; /* all of ROOT is looked at this often; 0: only where there is no inotify */
};

/* What it knows, at one moment. */
struct keeper_report {
    struct update_counts counts;
    struct extent_usage usage;
    struct part_usage parts[ARENA_PARTS_MAX]; /* of the arena */
    uint64_t padding;
    uint64_t versions; /* so far */
    uint64_t rescans;  /* of all of ROOT */
    uint32_t files;    /* in the newest version */
    uint64_t file_bytes;
    uint32_t listings; /* of directories, in it, too */
    uint64_t listing_bytes;
    uint64_t listings_made; /* so far */
    uint32_t retired;       /* files taken out that are still referred to */
    uint64_t retired_bytes; /* of them, unless a file in the catalogue has the same content */
    uint32_t watched;       /* directories */
};

struct keeper;

/* Starts the thread. NULL: error says why. */
struct keeper *keeper_start(const struct keeper_config *config, char *error, size_t error_bytes);
/* Ends the thread, while the readers still run, and waits for that. NULL is allowed. */
void keeper_stop(struct keeper *keeper);
/* When no other thread asks it any more. NULL is allowed. */
void keeper_destroy(struct keeper *keeper);

/* Any thread: all of ROOT is looked at. wait: until that is done; false if the keeper has ended.
 */
bool keeper_reload(struct keeper *keeper, bool wait);
/* Any thread: begins to verify; the serial of the run, or 0: one runs, or the keeper has ended. */
uint64_t keeper_verify(struct keeper *keeper, const struct verify_request *request);
/* Any thread: how far it is. False: the keeper has ended. */
bool keeper_verify_report(struct keeper *keeper, struct verify_report *report);
/* Any thread. */
void keeper_report(struct keeper *keeper, struct keeper_report *report);

#endif
