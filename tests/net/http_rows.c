/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rows of requests and answers (tests/unit/http/rows.h) against a running server:
 *
 *   http_rows docroot DIR      makes the files that the rows are about
 *   http_rows run ADDRESS PORT sends each row on a connection of its own, once whole and once in
 *                              pieces, and ends its side; what comes back to the end is checked
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "unit/http/rows.h"
#include "unit/http/site_files.h"

#define OUT_MAX   (1u << 20)
#define TIMEOUT_S 20
#define PIECE_LEN 7
#define WHOLE     SIZE_MAX

static void die(const char *what)
{
    perror(what);
    exit(2);
}

/* ---- docroot ---- */

static void file_make(const struct site_file *file)
{
    const struct timespec mtime = { SITE_MTIME - file->older_s, SITE_MTIME_NS };
    const struct timespec times[2] = { mtime, mtime };
    uint8_t *bytes = malloc(file->size + 1);
    int fd = open(file->name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    if (bytes == NULL || fd < 0)
        die(file->name);
    for (uint64_t i = 0; i < file->size; i++)
        bytes[i] = site_byte(file->name, i);
    if (write(fd, bytes, file->size) != (ssize_t)file->size || futimens(fd, times) != 0)
        die(file->name);
    close(fd);
    free(bytes);
}

static int docroot(const char *directory)
{
    if (mkdir(directory, 0755) != 0 || chdir(directory) != 0)
        die(directory);
    for (unsigned i = 1; site_directories[i] != NULL; i++)
        if (mkdir(site_directories[i], 0755) != 0)
            die(site_directories[i]);
    for (const struct site_file *file = site_files; file->name != NULL; file++)
        file_make(file);
    return 0;
}

/* ---- run ---- */

static int dial(const char *address, const char *port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
    const struct timeval limit = { .tv_sec = TIMEOUT_S };
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        die(address);
    return fd;
}

/* Sends all of text; a server that has closed may well not take it. */
static void send_text(int fd, const char *text, size_t piece)
{
    for (size_t len = strlen(text), at = 0; at < len;) {
        ssize_t n = send(fd, text + at, piece < len - at ? piece : len - at, MSG_NOSIGNAL);
        if (n < 0)
            return;
        at += (size_t)n;
    }
}

/* All that the server sends until it ends its side. False: it does not. */
static bool receive_all(int fd, char *out, size_t *len)
{
    ssize_t n;

    for (*len = 0; *len < OUT_MAX; *len += (size_t)n) {
        n = recv(fd, out + *len, OUT_MAX - *len, 0);
        if (n <= 0) {
            out[*len] = '\0';
            return n == 0;
        }
    }
    return false;
}

static bool row_passes(const struct row *row, const char *address, const char *port, size_t piece)
{
    static char out[OUT_MAX + 1];
    char error[ROW_ERROR_BYTES];
    size_t len;
    int fd = dial(address, port);

    send_text(fd, row->request, piece);
    send_text(fd, ROW_PROBE, piece);
    shutdown(fd, SHUT_WR);
    bool ended = receive_all(fd, out, &len);
    if (!ended)
        snprintf(error, sizeof(error), "%s after %zu bytes", strerror(errno), len);
    bool good = ended && row_check(row, out, len, error);
    if (!good)
        printf("not as the row says (%s%s): %s\n    %s\n", row->section,
               piece == WHOLE ? "" : ", in pieces", row->request, error);
    close(fd);
    return good;
}

static int run(const char *address, const char *port)
{
    unsigned rows = 0, bad = 0;

    for (const struct row *row; (row = row_number(rows)) != NULL; rows++) {
        bad += !row_passes(row, address, port, WHOLE);
        bad += !row_passes(row, address, port, PIECE_LEN);
    }
    printf("%u rows, %u connections, %u not as the rows say\n", rows, 2 * rows, bad);
    return bad == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "docroot") == 0)
        return docroot(argv[2]);
    if (argc == 4 && strcmp(argv[1], "run") == 0)
        return run(argv[2], argv[3]);
    fprintf(stderr, "usage: http_rows docroot DIR | http_rows run ADDRESS PORT\n");
    return 2;
}
