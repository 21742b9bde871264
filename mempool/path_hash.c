/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/path_hash.h"

#include <string.h>

#include <sodium.h>

#include "base/assert.h"
#include "base/hash.h"

void path_hash_key_draw(struct path_hash_key *key)
{
    randombytes_buf(key, sizeof(*key));
}

static uint64_t word_at(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static uint32_t half_word_at(const char *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

/* One term of the sum: keys i and i + 1. */
static unsigned __int128 term(const struct path_hash_key *key, size_t i, uint64_t a, uint64_t b)
{
    return (unsigned __int128)(key->word[i] + a) * (key->word[i + 1] + b);
}

/* Of each length the words hold all bytes, some twice: the last words end where the path does. */
static unsigned __int128 sum_short(const struct path_hash_key *key, const char *path, size_t len)
{
    unsigned __int128 sum = len;
    size_t i = 0;

    if (len > 16) {
        for (; i * 8 + 16 < len; i += 2)
            sum += term(key, i, word_at(path + i * 8), word_at(path + i * 8 + 8));
        return sum + term(key, i, word_at(path + len - 16), word_at(path + len - 8));
    }
    if (len >= 8)
        return sum + term(key, 0, word_at(path), word_at(path + len - 8));
    if (len >= 4)
        return sum + term(key, 0, half_word_at(path), half_word_at(path + len - 4));
    if (len != 0)
        sum += term(key, 0, (uint8_t)path[0] | (uint32_t)(uint8_t)path[len / 2] << 8,
                    (uint8_t)path[len - 1]);
    return sum;
}

uint64_t path_hash(const struct path_hash_key *key, const char *path, size_t len)
{
    if (len <= PATH_HASH_SHORT) {
        unsigned __int128 sum = sum_short(key, path, len);
        return hash_mix((uint64_t)sum ^ key->fold[0], (uint64_t)(sum >> 64) ^ key->fold[1]);
    }

    unsigned char out[crypto_shorthash_BYTES];
    uint64_t hash;
    static_assert(sizeof(out) == sizeof(hash), "one word");
    crypto_shorthash(out, (const unsigned char *)path, len, key->sip);
    memcpy(&hash, out, sizeof(hash));
    return hash;
}
