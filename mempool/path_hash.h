/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hash of a path under a secret key that is drawn at random. Two paths collide by chance only, for
 * those, too, who may choose the paths: they see neither the key nor a hash.
 *
 * Paths of up to 64 bytes, nearly all that there are, take the universal hash NH of UMAC (Black et
 * al., CRYPTO 1999; RFC 4418 section 5.2) with words of 64 bits: a product of two keyed words for
 * each 16 bytes. A pair of them has the same sum under one key in about 2^64. Longer ones take
 * SipHash (libsodium).
 */
#ifndef MEMPOOL_PATH_HASH_H
#define MEMPOOL_PATH_HASH_H

#include <stddef.h>
#include <stdint.h>

#include <sodium/crypto_shorthash.h>

#define PATH_HASH_SHORT 64 /* bytes */

struct path_hash_key {
    uint64_t word[PATH_HASH_SHORT / 8]; /* of each word of a path */
    uint64_t fold[2];
    unsigned char sip[crypto_shorthash_KEYBYTES];
};

void path_hash_key_draw(struct path_hash_key *key);
uint64_t path_hash(const struct path_hash_key *key, const char *path, size_t len);

#endif
