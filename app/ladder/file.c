/* SPDX-License-Identifier: BSD-3-Clause */
/* The file that is sent. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "ladder/passes.h"

/* Bytes that no disk or link can shorten: a key stream from a random seed. */
bool file_make(struct ladder *l)
{
    static uint8_t block[1 << 20];
    uint8_t key[crypto_stream_KEYBYTES], nonce[crypto_stream_NONCEBYTES] = { 0 };
    crypto_generichash_state hash;

    snprintf(l->directory, sizeof(l->directory), "%.4000s/hugewire-ladder.XXXXXX",
             l->options.directory);
    if (mkdtemp(l->directory) == NULL) {
        l->directory[0] = '\0';
        return FAIL(l, "no directory in %.200s: %s", l->options.directory, strerror(errno));
    }
    chmod(l->directory, 0755); /* hugewire gives up root */
    snprintf(l->file, sizeof(l->file), "%s/file.bin", l->directory);
    int fd = open(l->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool good = fd >= 0;
    randombytes_buf(key, sizeof(key));
    crypto_generichash_init(&hash, NULL, 0, HASH_BYTES);
    for (uint64_t at = 0; good && at < l->options.size; at += sizeof(block)) {
        uint64_t rest = l->options.size - at, n = rest < sizeof(block) ? rest : sizeof(block);
        memcpy(nonce, &at, sizeof(at));
        crypto_stream(block, n, nonce, key);
        crypto_generichash_update(&hash, block, n);
        good = write_all(fd, block, n);
    }
    crypto_generichash_final(&hash, l->hash, HASH_BYTES);
    good = good && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good || FAIL(l, "%.200s: %s", l->file, strerror(errno));
}

void file_remove(struct ladder *l)
{
    if (l->directory[0] == '\0')
        return;
    unlink(l->file);
    rmdir(l->directory);
}
