/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A version is a hash table: open addressing with linear probing over a keyed hash of the path
 * (path_hash.h), at most two thirds full. A slot holds the number of a key and 32 bits of its hash,
 * so that a probe reads the key, and the path, only of what is almost certainly the right one. The
 * hash key is drawn anew for each catalogue: who may place files in ROOT cannot choose names that
 * collide. No result depends on it.
 *
 * Keys and files are in tables that all versions share: to make the next version is to copy the
 * slots, 8 bytes each. Key number n is file n, or directory n - file_max.
 */
#include "mempool/catalogue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/date.h"
#include "mempool/path_hash.h"

#define TYPE_LEN_MAX 255 /* RFC 6838 section 4.2: 127 + '/' + 127 */
#define NO_KEY       UINT32_MAX

struct key {
    char *path; /* with all other strings of the key behind it, in one block; NULL: no such key */
    struct file_extent *extents; /* of a file: if they are its own */
    uint32_t path_len;
    uint32_t next; /* free key */
};

/* Numbers of keys to be had: those given back, and those from `fresh` to `end`, never used. */
struct numbers {
    uint32_t given_back; /* first of a list; NO_KEY: none */
    uint32_t fresh, end;
};

/* What all versions share. */
struct store {
    struct key *keys;
    struct file *files;
    uint32_t file_max, directory_max;
    struct numbers file_numbers, directory_numbers;
    char **types; /* distinct media types met so far; few */
    uint32_t type_count;
    uint32_t versions;
    struct path_hash_key hash_key;
};

struct slot {
    uint32_t key; /* number + 1; 0: free */
    uint32_t tag; /* upper half of the hash; the lower half chose the slot */
};

struct catalogue {
    struct store *store;
    struct slot *slots;
    size_t slot_mask;
    uint32_t file_count;
    uint64_t bytes;
    unsigned codings; /* catalogue_codings() */
};

/* ---- keys ---- */

static uint32_t number_take(struct store *s, struct numbers *numbers)
{
    uint32_t number = numbers->given_back;

    if (number != NO_KEY)
        numbers->given_back = s->keys[number].next;
    else if (numbers->fresh < numbers->end)
        number = numbers->fresh++;
    return number;
}

/* Frees what belongs to the key, and its number. */
static void key_drop(struct store *s, struct numbers *numbers, uint32_t number)
{
    struct key *key = &s->keys[number];

    ASSERT(key->path != NULL);
    free(key->path);
    free(key->extents);
    *key = (struct key){ .next = numbers->given_back };
    numbers->given_back = number;
}

/* One copy of each distinct type. */
static const char *type_intern(struct store *s, const char *type)
{
    for (uint32_t i = 0; i < s->type_count; i++)
        if (strcmp(s->types[i], type) == 0)
            return s->types[i];

    size_t bytes = strlen(type) + 1;
    char *copy = malloc(bytes);
    char **types = realloc(s->types, (s->type_count + 1) * sizeof(*types));
    if (types != NULL)
        s->types = types;
    if (copy == NULL || types == NULL) {
        free(copy);
        return NULL;
    }
    memcpy(copy, type, bytes);
    s->types[s->type_count++] = copy;
    return copy;
}

/* ---- hash table ---- */

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
        const struct key *key = &c->store->keys[slot->key - 1];
        if (key->path_len == len && memcmp(key->path, path, len) == 0)
            return slot;
    }
}

static struct catalogue_entry slot_entry(const struct catalogue *c, const struct slot *slot)
{
    const struct store *s = c->store;

    if (slot->key == 0)
        return (struct catalogue_entry){ .kind = CATALOGUE_ABSENT };
    uint32_t number = slot->key - 1;
    if (number >= s->file_max)
        return (struct catalogue_entry){ .kind = CATALOGUE_DIRECTORY,
                                         .directory = number - s->file_max };
    return (struct catalogue_entry){ .kind = CATALOGUE_FILE, .file = &s->files[number] };
}

struct catalogue_entry catalogue_find(const struct catalogue *c, const char *path, size_t path_len)
{
    return slot_entry(c,
                      slot_find(c, path, path_len, path_hash(&c->store->hash_key, path, path_len)));
}

/*
 * Enters path, which must be new, with room for string_bytes more in its block. Returns the key's
 * number, or NO_KEY.
 */
static uint32_t key_add(struct catalogue *c, struct numbers *numbers, const char *path,
                        size_t path_len, size_t string_bytes)
{
    struct store *s = c->store;

    if (path_len >= UINT32_MAX)
        return NO_KEY;
    uint64_t hash = path_hash(&s->hash_key, path, path_len);
    struct slot *slot = slot_find(c, path, path_len, hash);
    char *block = slot->key == 0 ? malloc(path_len + 1 + string_bytes) : NULL;
    uint32_t number = block != NULL ? number_take(s, numbers) : NO_KEY;
    if (number == NO_KEY) {
        free(block);
        return NO_KEY;
    }
    memcpy(block, path, path_len);
    block[path_len] = '\0';
    s->keys[number] = (struct key){ .path = block, .path_len = (uint32_t)path_len };
    *slot = (struct slot){ .key = number + 1, .tag = (uint32_t)(hash >> 32) };
    return number;
}

/* Closes the gap at slot `gap`: what linear probing put behind it moves up. */
static void slot_clear(struct catalogue *c, size_t gap)
{
    for (size_t i = (gap + 1) & c->slot_mask; c->slots[i].key != 0; i = (i + 1) & c->slot_mask) {
        const struct key *key = &c->store->keys[c->slots[i].key - 1];
        size_t home = path_hash(&c->store->hash_key, key->path, key->path_len) & c->slot_mask;
        if (((i - home) & c->slot_mask) >= ((i - gap) & c->slot_mask)) {
            c->slots[gap] = c->slots[i];
            gap = i;
        }
    }
    c->slots[gap] = (struct slot){ 0 };
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

uint32_t catalogue_files_max(const struct catalogue *c)
{
    return c->store->file_max;
}

uint32_t catalogue_directories_max(const struct catalogue *c)
{
    return c->store->directory_max;
}

static const char *key_path(const struct store *s, uint32_t number, size_t *len)
{
    *len = s->keys[number].path_len;
    return s->keys[number].path;
}

const char *catalogue_file_path(const struct catalogue *c, uint32_t index, size_t *len)
{
    ASSERT(index < c->store->file_max);
    return key_path(c->store, index, len);
}

const char *catalogue_directory_path(const struct catalogue *c, uint32_t number, size_t *len)
{
    ASSERT(number < c->store->directory_max);
    return key_path(c->store, c->store->file_max + number, len);
}

const struct file *catalogue_file(const struct catalogue *c, uint32_t index)
{
    ASSERT(index < c->store->file_max);
    return c->store->keys[index].path != NULL ? &c->store->files[index] : NULL;
}

/* ---- versions ---- */

static void store_destroy(struct store *s)
{
    for (uint64_t i = 0; s->keys != NULL && i < (uint64_t)s->file_max + s->directory_max; i++) {
        free(s->keys[i].path);
        free(s->keys[i].extents);
    }
    for (uint32_t i = 0; i < s->type_count; i++)
        free(s->types[i]);
    free(s->types);
    free(s->files);
    free(s->keys);
    free(s);
}

static struct store *store_create(uint32_t files, uint32_t directories)
{
    struct store *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    *s = (struct store){
        .keys = calloc((uint64_t)files + directories + 1, sizeof(*s->keys)),
        .files = calloc((size_t)files + 1, sizeof(*s->files)), /* + 1: calloc(0) may be NULL */
        .file_max = files,
        .directory_max = directories,
        .file_numbers = { .given_back = NO_KEY, .fresh = 0, .end = files },
        .directory_numbers = { .given_back = NO_KEY, .fresh = files, .end = files + directories },
    };
    path_hash_key_draw(&s->hash_key);
    if (s->keys != NULL && s->files != NULL)
        return s;
    store_destroy(s);
    return NULL;
}

struct catalogue *catalogue_create(uint32_t files, uint32_t directories)
{
    uint64_t keys = (uint64_t)files + directories;
    size_t slots = 16;

    if (keys >= NO_KEY)
        return NULL;
    while (slots < keys + keys / 2 + 1)
        slots *= 2;

    struct catalogue *c = calloc(1, sizeof(*c));
    struct store *store = store_create(files, directories);
    struct slot *table = calloc(slots, sizeof(*table));
    if (c == NULL || store == NULL || table == NULL) {
        free(c);
        if (store != NULL)
            store_destroy(store);
        free(table);
        return NULL;
    }
    *c = (struct catalogue){ .store = store, .slots = table, .slot_mask = slots - 1 };
    store->versions = 1;
    return c;
}

struct catalogue *catalogue_next(const struct catalogue *version)
{
    struct catalogue *c = malloc(sizeof(*c));
    struct slot *slots = malloc((version->slot_mask + 1) * sizeof(*slots));

    if (c == NULL || slots == NULL) {
        free(c);
        free(slots);
        return NULL;
    }
    memcpy(slots, version->slots, (version->slot_mask + 1) * sizeof(*slots));
    *c = *version;
    c->slots = slots;
    c->store->versions++;
    return c;
}

void catalogue_destroy(struct catalogue *c)
{
    if (c == NULL)
        return;
    if (--c->store->versions == 0)
        store_destroy(c->store);
    free(c->slots);
    free(c);
}

/* ---- building ---- */

/* Room for file_head(). */
#define HEAD_BYTES (TYPE_LEN_MAX + FILE_ETAG_BYTES + DATE_TEXT_BYTES + 192)

struct description {
    char text[HEAD_BYTES]; /* file_head() */
    size_t len, fields_at, etag_at;
};

/* The tag tells apart any two states that the file system's clock tells apart. Of the size it has
 * 60 bits, so that all tags are of one length. */
static struct description file_describe(const struct file *file, const char *type)
{
    struct description d;
    char date[DATE_TEXT_BYTES];
    uint64_t mtime_ns_total = (uint64_t)file->mtime_s * 1000000000u + file->mtime_ns;

    date_format(file->mtime_s, date);
    d.fields_at =
        (size_t)snprintf(d.text, HEAD_BYTES, "Content-Length: %" PRIu64 "\r\n", file->size);
    d.etag_at =
        d.fields_at + (size_t)snprintf(d.text + d.fields_at, HEAD_BYTES - d.fields_at,
                                       "Content-Type: %s\r\nLast-Modified: %.*s\r\nETag: ", type,
                                       DATE_TEXT_BYTES, date);
    d.len = d.etag_at + (size_t)snprintf(d.text + d.etag_at, HEAD_BYTES - d.etag_at,
                                         "\"%016" PRIx64 "-%015" PRIx64 "\"\r\n"
                                         "Accept-Ranges: bytes\r\n\r\n",
                                         mtime_ns_total, file->size & (UINT64_MAX >> 4));
    ASSERT(d.len < HEAD_BYTES && d.text[d.etag_at + FILE_ETAG_BYTES - 1] == '"');
    return d;
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
    struct store *s = c->store;
    struct file file = { .size = size, .mtime_s = mtime_s, .mtime_ns = mtime_ns };

    if (strlen(type) > TYPE_LEN_MAX)
        return NULL;
    const struct description d = file_describe(&file, type);
    file.type = type_intern(s, type);
    if (file.type == NULL)
        return NULL;
    file.index = key_add(c, &s->file_numbers, path, path_len, d.len);
    if (file.index == NO_KEY)
        return NULL;
    const char *text = memcpy(s->keys[file.index].path + path_len + 1, d.text, d.len);
    file.head = text + d.fields_at;
    file.head_len = (uint16_t)(d.len - d.fields_at - 2);
    file.length_len = (uint16_t)d.fields_at;
    file.etag = text + d.etag_at;
    s->files[file.index] = file;
    c->codings |= path_coding(path, path_len);
    c->file_count++;
    c->bytes += size;
    return &s->files[file.index];
}

int catalogue_add_directory(struct catalogue *c, const char *path, size_t path_len)
{
    return key_add(c, &c->store->directory_numbers, path, path_len, 0) != NO_KEY ? 0 : -1;
}

int catalogue_set_extents(struct catalogue *c, struct file *file, const struct file_extent *extents,
                          uint32_t count)
{
    struct key *key = &c->store->keys[file->index];
    uint64_t offset = 0;

    for (uint32_t i = 0; i < count; i++) {
        ASSERT(extents[i].offset == offset && extents[i].len > 0);
        offset += extents[i].len;
    }
    ASSERT(offset == file->size);
    free(key->extents);
    key->extents = NULL;
    file->extents = NULL;
    file->extent_count = 0;
    if (count == 0)
        return 0;
    key->extents = malloc(count * sizeof(*extents));
    if (key->extents == NULL)
        return -1;
    memcpy(key->extents, extents, count * sizeof(*extents));
    file->extents = key->extents;
    file->extent_count = count;
    return 0;
}

struct catalogue_entry catalogue_remove(struct catalogue *c, const char *path, size_t path_len)
{
    struct slot *slot =
        slot_find(c, path, path_len, path_hash(&c->store->hash_key, path, path_len));
    struct catalogue_entry entry = slot_entry(c, slot);

    if (entry.kind == CATALOGUE_ABSENT)
        return entry;
    if (entry.kind == CATALOGUE_FILE) {
        c->file_count--;
        c->bytes -= entry.file->size;
    }
    slot_clear(c, (size_t)(slot - c->slots));
    return entry;
}

void catalogue_file_drop(struct catalogue *c, uint32_t index)
{
    ASSERT(index < c->store->file_max);
    key_drop(c->store, &c->store->file_numbers, index);
}

void catalogue_directory_drop(struct catalogue *c, uint32_t number)
{
    ASSERT(number < c->store->directory_max);
    key_drop(c->store, &c->store->directory_numbers, c->store->file_max + number);
}
