/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A process that removes the server's runtime directory once the server is gone, however it went. A
 * server that has given up root may not: the directory above is root's. It is forked before there
 * are threads and memory, keeps root's files but none of root's capabilities, and may make four
 * system calls: read, unlink, rmdir, exit.
 */
#ifndef APP_JANITOR_H
#define APP_JANITOR_H

#include <stdbool.h>
#include <sys/types.h>

struct janitor {
    pid_t pid; /* 0: there is none */
    int fd;    /* it ends when this is closed */
};

/* With SIGTERM and its like blocked, which it inherits, and no_new_privs set. False: errno. */
bool janitor_start(struct janitor *janitor);

/* What is to be removed: socket (a file), then directory. */
void janitor_tell(const struct janitor *janitor, const char *socket, const char *directory);

/* Now; returns when it is done. Harmless if there is none. */
void janitor_end(struct janitor *janitor);

#endif
