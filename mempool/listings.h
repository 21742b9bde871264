/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Listings of directories: texts made from the catalogue, never on the dataplane, and put into the
 * arena and the catalogue like files, so that they are served as files are. Of a directory "a" the
 * listing by rule number n is the file "a//n" (of ROOT: "//n"), which is no path that a request can
 * name.
 *
 * A directory's listing is made anew when something in it was added, changed or removed. So that
 * large ones do not keep the pool's thread busy, a pass that took a while is followed by no other
 * one for LISTINGS_REST times as long.
 *
 * Names that begin with a dot are served but not listed, as nginx does it. A directory that has one
 * of the rule's index files has no listing.
 */
#ifndef MEMPOOL_LISTINGS_H
#define MEMPOOL_LISTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "mempool/listing_page.h"

struct catalogue;
struct scan;
struct update_changes;
struct updater;

#define LISTINGS_REST     20
#define LISTINGS_RETRY_NS UINT64_C(10000000000)
#define LISTING_NAME_MAX  8 /* bytes of "//n" */

struct listing_rule {
    struct text root; /* this directory and all below it; a catalogue's path */
    const struct text *index;
    uint32_t index_count;
    enum listing_format format;
};

struct listings {
    /* Set by the owner, to stay. */
    const struct listing_rule *rules;
    uint32_t rule_count; /* 0: there are no listings */

    /* Its own. */
    struct listing_directory *directories; /* under the catalogue's number */
    bool dirty;                            /* one of them at least is to be listed anew */
    uint64_t rest_until_ns;
    uint64_t due_ns; /* when the next pass may be; UINT64_MAX: there is nothing to do */
    uint64_t serial; /* of contents */
    uint64_t made;   /* since the start */
    uint32_t count;  /* in the newest version */
    uint64_t bytes;  /* of these */
};

/* -1: out of memory. */
int listings_open(struct listings *listings, uint32_t directories_max);
void listings_close(struct listings *listings);

/* Room that all of them will need, about, and how many there will be. */
uint64_t listings_room(const struct listings *listings, const struct scan *scan, uint32_t unit,
                       uint64_t *count);

/* The path is another from now on: the listing of what it is in changes with it. version: the one
 * being made. */
void listings_touch(struct listings *listings, const struct catalogue *version, const char *path,
                    size_t len);
/* A directory is in the version being made, with this time of its last change. */
void listings_directory(struct listings *listings, const struct catalogue *version,
                        const char *path, uint32_t number, bool is_new, int64_t mtime_s);

/* Whether the path is a listing's. */
bool listings_is(const char *path);
/* The listing with this path is damaged: it is made anew at once. */
void listings_spoilt(struct listings *listings, const struct catalogue *newest, const char *path);

/*
 * Makes what is to be made into the next version, if it is time. -1: out of memory.
 * force: no rest.
 */
int listings_run(struct updater *u, struct update_changes *changes, bool force, uint64_t now_ns,
                 int64_t wall_s);

#endif
