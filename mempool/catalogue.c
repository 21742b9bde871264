/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Open addressing with linear probing over SipHash (libsodium) of the path, at most two thirds
 * full. A slot holds the number of a key and 32 bits of its hash, so that a probe reads the key,
 * and the path, only of what is almost certainly the right one. The hash key is drawn anew for each
 * catalogue: who may place files in ROOT cannot choose names that collide. No result depends on it.
 *
 * Strings and extents live in blocks that are freed as a whole: no per-string heap overhead, which
 * for millions of small files would outweigh the strings.
 */
#include "mempool/catalogue.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/date.h"

#define BLOCK_BYTES  (256u << 10) /* of strings: a few thousand files */
#define TYPE_LEN_MAX 255          /* RFC 6838 section 4.2: 127 + '/' + 127 */
#define NO_FILE      UINT32_MAX

struct block {
    struct block *next;
    size_t used, size;
    max_align_t data[];
};

struct key {
    const char *path;
    uint32_t path_len;
    uint32_t file; /* index, or NO_FILE: a directory */
};

struct slot {
    uint32_t key; /* number + 1; 0: free */
    uint32_t tag; /* upper half of the hash; the lower half chose the slot */
};

struct catalogue {
    struct slot *slots;
    size_t slot_mask;
    struct key *keys;
    uint32_t key_count;
    struct file *files;
    uint32_t file_count, file_max;
    uint32_t directory_count, directory_max;
    uint64_t bytes;
    struct block *blocks;
    const char **types; /* distinct media types met so far; few */
    uint32_t type_count;
    unsigned codings; /* catalogue_codings() */
    unsigned char hash_key[crypto_shorthash_KEYBYTES];
};

/* ---- memory that goes with the catalogue ---- */

static void *block_alloc(struct catalogue *c, size_t len, size_t align)
{
    struct block *b = c->blocks;
    size_t at = b != NULL ? (b->used + align - 1) & ~(align - 1) : 0;

    if (b == NULL || at > b->size || len > b->size - at) {
        size_t size = len > BLOCK_BYTES / 8 ? len : BLOCK_BYTES;
        b = malloc(sizeof(*b) + size);
        if (b == NULL)
            return NULL;
        b->size = size;
        at = 0;
        if (size != BLOCK_BYTES && c->blocks != NULL) { /* keep filling the block under way */
            b->next = c->blocks->next;
            c->blocks->next = b;
        } else {
            b->next = c->blocks;
            c->blocks = b;
        }
    }
    b->used = at + len;
    return (char *)b->data + at;
}

static const char *string_copy(struct catalogue *c, const char *text, size_t len)
{
    char *copy = block_alloc(c, len + 1, 1);

    if (copy == NULL)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

/* One copy of each distinct type. */
static const char *type_intern(struct catalogue *c, const char *type)
{
    for (uint32_t i = 0; i < c->type_count; i++)
        if (strcmp(c->types[i], type) == 0)
            return c->types[i];

    const char *copy = string_copy(c, type, strlen(type));
    const char **types = realloc(c->types, (c->type_count + 1) * sizeof(*types));
    if (types != NULL)
        c->types = types;
    if (copy == NULL || types == NULL)
        return NULL;
    c->types[c->type_count++] = copy;
    return copy;
}

/* ---- hash table ---- */

static uint64_t path_hash(const struct catalogue *c, const char *path, size_t len)
{
    unsigned char out[crypto_shorthash_BYTES];
    uint64_t hash;

    static_assert(sizeof(out) == sizeof(hash), "one word");
    crypto_shorthash(out, (const unsigned char *)path, len, c->hash_key);
    memcpy(&hash, out, sizeof(hash));
    return hash;
}

/* The slot of path, or the free slot where it would go. */
static struct slot *slot_find(const struct catalogue *c, const char *path, size_t len,
                              uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32);

    for (size_t i = hash & c->slot_mask;; i = (i + 1) & c->slot_mask) {
        struct slot *slot = &c->slots[i];
        if (slot->key == 0)
            return slot;
        if (slot->tag != tag)
            continue;
        const struct key *key = &c->keys[slot->key - 1];
        if (key->path_len == len && memcmp(key->path, path, len) == 0)
            return slot;
    }
}

struct catalogue_entry catalogue_find(const struct catalogue *c, const char *path, size_t path_len)
{
    const struct slot *slot = slot_find(c, path, path_len, path_hash(c, path, path_len));

    if (slot->key == 0)
        return (struct catalogue_entry){ .kind = CATALOGUE_ABSENT };
    uint32_t file = c->keys[slot->key - 1].file;
    if (file == NO_FILE)
        return (struct catalogue_entry){ .kind = CATALOGUE_DIRECTORY };
    return (struct catalogue_entry){ .kind = CATALOGUE_FILE, .file = &c->files[file] };
}

/* Enters path, which must be new; file is NO_FILE for a directory. */
static int key_add(struct catalogue *c, const char *path, size_t path_len, uint32_t file)
{
    if (path_len >= UINT32_MAX)
        return -1;
    uint64_t hash = path_hash(c, path, path_len);
    struct slot *slot = slot_find(c, path, path_len, hash);
    if (slot->key != 0)
        return -1;
    const char *copy = string_copy(c, path, path_len);
    if (copy == NULL)
        return -1;
    c->keys[c->key_count++] =
        (struct key){ .path = copy, .path_len = (uint32_t)path_len, .file = file };
    *slot = (struct slot){ .key = c->key_count, .tag = (uint32_t)(hash >> 32) };
    return 0;
}

/* ---- what the table holds ---- */

uint32_t catalogue_files(const struct catalogue *c)
{
    return c->file_count;
}

unsigned catalogue_codings(const struct catalogue *c)
{
    return c->codings;
}

uint64_t catalogue_bytes(const struct catalogue *c)
{
    return c->bytes;
}

const struct file *catalogue_file(const struct catalogue *c, uint32_t index)
{
    ASSERT(index < c->file_count);
    return &c->files[index];
}

/* ---- building ---- */

struct catalogue *catalogue_create(uint32_t files, uint32_t directories)
{
    uint64_t keys = (uint64_t)files + directories;
    size_t slots = 16;

    if (keys >= UINT32_MAX)
        return NULL;
    while (slots < keys + keys / 2 + 1)
        slots *= 2;

    struct catalogue *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->slots = calloc(slots, sizeof(*c->slots));
    c->keys = calloc(keys + 1, sizeof(*c->keys)); /* + 1: calloc(0) may be NULL */
    c->files = calloc((size_t)files + 1, sizeof(*c->files));
    if (c->slots == NULL || c->keys == NULL || c->files == NULL) {
        catalogue_destroy(c);
        return NULL;
    }
    c->slot_mask = slots - 1;
    c->file_max = files;
    c->directory_max = directories;
    crypto_shorthash_keygen(c->hash_key);
    return c;
}

/* Sets head, type, etag. The tag tells apart any two states that the file system's clock tells
 * apart. */
static int file_describe(struct catalogue *c, struct file *file, const char *type)
{
    char etag[FILE_ETAG_BYTES], date[DATE_TEXT_BYTES],
        head[TYPE_LEN_MAX + sizeof(etag) + sizeof(date) + 128];
    uint64_t mtime_ns_total = (uint64_t)file->mtime_s * 1000000000u + file->mtime_ns;

    snprintf(etag, sizeof(etag), "\"%" PRIx64 "-%" PRIx64 "\"", mtime_ns_total, file->size);
    date_format(file->mtime_s, date);
    int len = snprintf(head, sizeof(head),
                       "Content-Type: %s\r\nLast-Modified: %.*s\r\nETag: %s\r\n"
                       "Accept-Ranges: bytes\r\n",
                       type, DATE_TEXT_BYTES, date, etag);
    ASSERT(len > 0 && (size_t)len < sizeof(head));
    file->head_len = (uint16_t)len;
    file->head = string_copy(c, head, (size_t)len);
    file->etag = string_copy(c, etag, strlen(etag));
    file->type = type_intern(c, type);
    return file->head == NULL || file->etag == NULL || file->type == NULL ? -1 : 0;
}

static unsigned path_coding(const char *path, size_t path_len)
{
    static const char *const suffixes[CODING_COUNT] = {
        [CODING_BR] = ".br", [CODING_ZSTD] = ".zst", [CODING_GZIP] = ".gz"
    };

    for (unsigned i = 0; i < CODING_COUNT; i++) {
        size_t len = strlen(suffixes[i]);
        if (path_len > len && memcmp(path + path_len - len, suffixes[i], len) == 0)
            return 1u << i;
    }
    return 0;
}

struct file *catalogue_add_file(struct catalogue *c, const char *path, size_t path_len,
                                uint64_t size, int64_t mtime_s, uint32_t mtime_ns, const char *type)
{
    if (c->file_count == c->file_max || strlen(type) > TYPE_LEN_MAX)
        return NULL;
    struct file *file = &c->files[c->file_count];
    *file = (struct file){
        .size = size, .index = c->file_count, .mtime_s = mtime_s, .mtime_ns = mtime_ns
    };
    if (file_describe(c, file, type) != 0 || key_add(c, path, path_len, file->index) != 0)
        return NULL;
    c->codings |= path_coding(path, path_len);
    c->file_count++;
    c->bytes += size;
    return file;
}

int catalogue_add_directory(struct catalogue *c, const char *path, size_t path_len)
{
    if (c->directory_count == c->directory_max || key_add(c, path, path_len, NO_FILE) != 0)
        return -1;
    c->directory_count++;
    return 0;
}

int catalogue_set_extents(struct catalogue *c, struct file *file, const struct file_extent *extents,
                          uint32_t count)
{
    uint64_t offset = 0;

    for (uint32_t i = 0; i < count; i++) {
        ASSERT(extents[i].offset == offset && extents[i].len > 0);
        offset += extents[i].len;
    }
    ASSERT(offset == file->size);
    file->extents = NULL;
    file->extent_count = count;
    if (count == 0)
        return 0;
    struct file_extent *copy = block_alloc(c, count * sizeof(*copy), _Alignof(struct file_extent));
    if (copy == NULL)
        return -1;
    memcpy(copy, extents, count * sizeof(*copy));
    file->extents = copy;
    return 0;
}

void catalogue_destroy(struct catalogue *c)
{
    if (c == NULL)
        return;
    for (struct block *b = c->blocks, *next; b != NULL; b = next) {
        next = b->next;
        free(b);
    }
    free(c->types);
    free(c->files);
    free(c->keys);
    free(c->slots);
    free(c);
}
