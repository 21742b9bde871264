/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A directory of files to serve, made for one test and removed after it, and what the pool said
 * about it. On a disk: below $HW_TEST_DIR, or else the working directory.
 */
#ifndef TESTS_UNIT_MEMPOOL_DOCROOT_H
#define TESTS_UNIT_MEMPOOL_DOCROOT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mempool/log.h"

struct docroot {
    char path[PATH_MAX];
    char said[1 << 16]; /* all log lines, each ended by a newline */
    struct pool_log log;
};

void docroot_create(struct docroot *root);
void docroot_remove(struct docroot *root);

/* name below ROOT; its directories are made. The contents follow from name and size. */
void docroot_write(struct docroot *root, const char *name, size_t size);
void docroot_symlink(struct docroot *root, const char *name, const char *target);
void docroot_directory(struct docroot *root, const char *name);

/* The path of name; valid until the next call. */
const char *docroot_path(const struct docroot *root, const char *name);

/* Whether bytes are those docroot_write() gave this file. */
bool docroot_content_is(const char *name, const uint8_t *bytes, size_t size);

/* Whether something was said that contains text. */
bool docroot_said(const struct docroot *root, const char *text);

/* How often. */
unsigned docroot_said_count(const struct docroot *root, const char *text);

/* For pool_log.line; ctx is the docroot. */
void docroot_log(void *ctx, enum pool_log_level level, const char *text);

/* Gives up root's power to read what its mode forbids. False: could not. */
bool privileges_drop(void);

#endif
