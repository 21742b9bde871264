/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/leases.h"

#include "base/assert.h"
#include "base/hash.h"
#include "mempool/prefix_sum.h"

#define NONE LEASE_NONE

/* Of those whose packets are in flight, looked at for one message. */
#define ENDING_LOOKS 8

static_assert(CHUNK_SUMS == CHUNK_BYTES / PREFIX_SUM_BLOCK + 1, "an entry per block and the end");

enum list { LIST_NONE, LIST_FREE, LIST_ASK, LIST_ENDING, LISTS };

struct lease_list {
    uint32_t first, last;
};

struct leases {
    struct leases_config config;
    struct lease *lease;
    uint32_t *bucket;
    uint32_t bucket_mask;
    struct lease_list list[LISTS];
    uint8_t *failed; /* a bit for each file */
};

/* ---- lists and hash ---- */

static void list_append(struct leases *l, uint32_t i, enum list which)
{
    struct lease_list *list = &l->list[which];
    struct lease *lease = &l->lease[i];

    DEBUG_ASSERT(lease->list == LIST_NONE);
    lease->list = (uint8_t)which;
    lease->list_prev = list->last;
    lease->list_next = NONE;
    if (list->last != NONE)
        l->lease[list->last].list_next = i;
    else
        list->first = i;
    list->last = i;
}

static void list_remove(struct leases *l, uint32_t i)
{
    struct lease *lease = &l->lease[i];
    struct lease_list *list = &l->list[lease->list];

    ASSERT(lease->list != LIST_NONE);
    if (lease->list_prev != NONE)
        l->lease[lease->list_prev].list_next = lease->list_next;
    else
        list->first = lease->list_next;
    if (lease->list_next != NONE)
        l->lease[lease->list_next].list_prev = lease->list_prev;
    else
        list->last = lease->list_prev;
    lease->list = LIST_NONE;
}

static uint32_t *bucket_of(const struct leases *l, uint32_t file, uint32_t chunk)
{
    uint64_t hash =
        hash_mix(((uint64_t)file << 32 | chunk) ^ 0x9e3779b97f4a7c15u, 0xd6e8feb86659fd93u);
    return &l->bucket[hash & l->bucket_mask];
}

static void unhash(struct leases *l, uint32_t i)
{
    uint32_t *at = bucket_of(l, l->lease[i].file, l->lease[i].chunk);

    while (*at != i)
        at = &l->lease[*at].next;
    *at = l->lease[i].next;
}

/* Nothing refers to it any more. */
static void lease_free(struct leases *l, uint32_t i)
{
    l->lease[i].state = LEASE_FREE;
    list_append(l, i, LIST_FREE);
}

/* ---- users ---- */

uint32_t leases_hold(struct leases *l, uint32_t file, uint32_t chunk)
{
    uint32_t *bucket = bucket_of(l, file, chunk);
    uint32_t i = *bucket;

    while (i != NONE && (l->lease[i].file != file || l->lease[i].chunk != chunk))
        i = l->lease[i].next;
    if (i != NONE) {
        struct lease *lease = &l->lease[i];
        if (lease->list == LIST_ENDING)
            list_remove(l, i);
        lease->hits++;
        lease->pin.responses++;
        return i;
    }
    i = l->list[LIST_FREE].first;
    if (i == NONE)
        return NONE;
    list_remove(l, i);
    ASSERT(file < l->config.files && l->lease[i].pin.in_flight == 0);
    l->lease[i] = (struct lease){
        .pin.responses = 1,
        .file = file,
        .chunk = chunk,
        .next = *bucket,
        .waiters = NONE,
        .state = LEASE_TO_ASK,
    };
    *bucket = i;
    list_append(l, i, LIST_ASK);
    return i;
}

void leases_drop(struct leases *l, uint32_t i)
{
    struct lease *lease = &l->lease[i];

    ASSERT(lease->state != LEASE_FREE && lease->pin.responses > 0);
    if (--lease->pin.responses != 0)
        return;
    switch ((enum lease_state)lease->state) {
    case LEASE_TO_ASK:
        list_remove(l, i);
        unhash(l, i);
        lease_free(l, i);
        break;
    case LEASE_READY:
        list_append(l, i, LIST_ENDING);
        break;
    case LEASE_FAILED:
        lease_free(l, i);
        break;
    case LEASE_ASKED: /* until the answer is there */
    case LEASE_FREE:
        break;
    }
}

struct lease *leases_get(const struct leases *l, uint32_t i)
{
    return &l->lease[i];
}

bool leases_available(const struct leases *l)
{
    return l->list[LIST_FREE].first != NONE;
}

bool leases_file_failed(const struct leases *l, uint32_t file)
{
    return (l->failed[file / 8] >> file % 8 & 1) != 0;
}

bool leases_ending(const struct leases *l)
{
    return l->list[LIST_ENDING].first != NONE;
}

/* ---- messages ---- */

/* A chunk that nobody needs any more. */
static bool output_release(struct leases *l, struct chunk_message *message)
{
    for (unsigned n = 0; n < ENDING_LOOKS && leases_ending(l); n++) {
        uint32_t i = l->list[LIST_ENDING].first;
        struct lease *lease = &l->lease[i];
        list_remove(l, i);
        if (lease->pin.in_flight != 0) {
            list_append(l, i, LIST_ENDING);
            continue;
        }
        *message = (struct chunk_message){ .kind = CHUNK_RELEASE,
                                           .lease = i,
                                           .file = lease->file,
                                           .chunk = lease->chunk,
                                           .frame = lease->frame,
                                           .hits = lease->hits };
        unhash(l, i);
        lease_free(l, i);
        return true;
    }
    return false;
}

/* What is given back comes first: the streamer never sees more frames held than there are leases.
 */
bool leases_output(struct leases *l, struct chunk_message *message)
{
    if (output_release(l, message))
        return true;
    uint32_t i = l->list[LIST_ASK].first;
    if (i == NONE)
        return false;
    struct lease *lease = &l->lease[i];
    list_remove(l, i);
    lease->state = LEASE_ASKED;
    *message = (struct chunk_message){
        .kind = CHUNK_ASK, .lease = i, .file = lease->file, .chunk = lease->chunk
    };
    return true;
}

uint32_t leases_input(struct leases *l, const struct chunk_message *message)
{
    uint32_t i = message->lease;
    struct lease *lease = &l->lease[i];
    const struct chunk_frames *frames = &l->config.frames;

    ASSERT(i < l->config.leases && lease->state == LEASE_ASKED);
    if (message->kind == CHUNK_FAILED) {
        l->failed[lease->file / 8] |= (uint8_t)(1 << lease->file % 8);
        lease->state = LEASE_FAILED;
        unhash(l, i);
        if (lease->pin.responses != 0)
            return i;
        lease_free(l, i);
        return NONE;
    }
    ASSERT(message->kind == CHUNK_READY);
    lease->state = LEASE_READY;
    lease->frame = message->frame;
    lease->data = frames->base + ((uint64_t)message->frame << CHUNK_SHIFT);
    lease->sums =
        frames->sums != NULL ? frames->sums + (uint64_t)message->frame * CHUNK_SUMS : NULL;
    if (lease->pin.responses != 0)
        return i;
    list_append(l, i, LIST_ENDING);
    return NONE;
}

/* ---- the whole ---- */

struct leases_usage leases_usage(const struct leases *l)
{
    struct leases_usage usage = { .leases = l->config.leases };

    for (uint32_t i = 0; i < l->config.leases; i++) {
        const struct lease *lease = &l->lease[i];
        usage.used += lease->state != LEASE_FREE;
        usage.ending += lease->list == LIST_ENDING;
        usage.in_flight += lease->pin.in_flight;
        usage.users += lease->pin.responses;
    }
    return usage;
}

static uint32_t bucket_count(const struct leases_config *config)
{
    uint32_t buckets = 1;

    while (buckets < config->leases)
        buckets *= 2;
    return buckets;
}

static size_t failed_bytes(const struct leases_config *config)
{
    return config->files / 8 + 1;
}

size_t leases_memory_bytes(const struct leases_config *config)
{
    return sizeof(struct leases) + config->leases * sizeof(struct lease) +
           bucket_count(config) * sizeof(uint32_t) + failed_bytes(config);
}

struct leases *leases_create(const struct leases_config *config)
{
    const struct memory *memory = &config->memory;
    struct leases *l = memory_alloc(memory, 1, sizeof(*l));

    ASSERT(config->leases > 0);
    if (l == NULL)
        return NULL;
    l->config = *config;
    l->bucket_mask = bucket_count(config) - 1;
    l->lease = memory_alloc(memory, config->leases, sizeof(*l->lease));
    l->bucket = memory_alloc(memory, l->bucket_mask + 1, sizeof(*l->bucket));
    l->failed = memory_alloc(memory, 1, failed_bytes(config));
    if (l->lease == NULL || l->bucket == NULL || l->failed == NULL) {
        leases_destroy(l);
        return NULL;
    }
    for (unsigned i = 0; i < LISTS; i++)
        l->list[i] = (struct lease_list){ NONE, NONE };
    for (uint32_t i = 0; i <= l->bucket_mask; i++)
        l->bucket[i] = NONE;
    for (uint32_t i = 0; i < config->leases; i++)
        list_append(l, i, LIST_FREE);
    return l;
}

void leases_destroy(struct leases *l)
{
    if (l == NULL)
        return;
    const struct memory memory = l->config.memory;

    memory_release(&memory, l->failed);
    memory_release(&memory, l->bucket);
    memory_release(&memory, l->lease);
    memory_release(&memory, l);
}
