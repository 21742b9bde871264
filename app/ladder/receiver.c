/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "ladder/ladder.h"

#define BUFFER_BYTES (256u << 10)
#define TIMEOUT_S    60

static int connect_to(const char *ip, uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct timeval timeout = { .tv_sec = TIMEOUT_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, ip, &address.sin_addr);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
        connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Reads the head of the response. Returns bytes of the body that came with it, moved to the
 * buffer's begin; *length is what the body shall have. < 0: no response. */
static ssize_t read_head(int fd, char *buffer, uint64_t *length)
{
    size_t at = 0;

    for (;;) {
        ssize_t n = read(fd, buffer + at, BUFFER_BYTES - 1 - at);
        if (n <= 0)
            return -1;
        at += (size_t)n;
        buffer[at] = '\0';
        char *end = strstr(buffer, "\r\n\r\n");
        char *field = strcasestr(buffer, "\r\nContent-Length:");
        if (end == NULL)
            continue;
        if (strncmp(buffer, "HTTP/1.1 200 ", 13) != 0 || field == NULL || field > end)
            return -1;
        *length = strtoull(field + strlen("\r\nContent-Length:"), NULL, 10);
        at -= (size_t)(end + 4 - buffer);
        memmove(buffer, end + 4, at);
        return (ssize_t)at;
    }
}

static void read_body(int fd, char *buffer, struct receipt *receipt, bool hash)
{
    crypto_generichash_state state;
    uint64_t length = 0;

    crypto_generichash_init(&state, NULL, 0, HASH_BYTES);
    ssize_t n = read_head(fd, buffer, &length);
    receipt->error = n < 0 ? EPROTO : 0;
    while (n > 0 || (n == 0 && receipt->bytes == 0 && length > 0)) {
        if (hash)
            crypto_generichash_update(&state, (const uint8_t *)buffer, (size_t)n);
        receipt->bytes += (uint64_t)n;
        if (receipt->bytes >= length)
            break;
        n = read(fd, buffer, BUFFER_BYTES);
    }
    if (n < 0)
        receipt->error = errno;
    if (receipt->bytes != length && receipt->error == 0)
        receipt->error = EPIPE; /* it ended early */
    crypto_generichash_final(&state, receipt->hash, HASH_BYTES);
}

static uint64_t timeval_ns(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

static _Noreturn void receive(int fd, int go, int result, bool hash)
{
    static const char request[] = "GET /file.bin HTTP/1.1\r\nHost: ladder\r\n"
                                  "Connection: close\r\n\r\n";
    struct receipt receipt = { 0 };
    struct rusage before, after;
    char *buffer = malloc(BUFFER_BYTES), byte = 'r';

    memset(buffer, 1, BUFFER_BYTES); /* its pages are there before the clock runs */
    if (write(result, &byte, 1) != 1 || read(go, &byte, 1) != 1)
        _exit(1);
    getrusage(RUSAGE_SELF, &before);
    uint64_t start = clock_ns();
    if (write(fd, request, strlen(request)) != (ssize_t)strlen(request))
        _exit(1);
    read_body(fd, buffer, &receipt, hash);
    receipt.ns = clock_ns() - start;
    getrusage(RUSAGE_SELF, &after);
    receipt.user_ns = timeval_ns(after.ru_utime) - timeval_ns(before.ru_utime);
    receipt.kernel_ns = timeval_ns(after.ru_stime) - timeval_ns(before.ru_stime);
    _exit(write(result, &receipt, sizeof(receipt)) == sizeof(receipt) ? 0 : 1);
}

bool receiver_open(struct receiver *receiver, const struct network *network,
                   const struct sender *sender, enum link link, int cpu, bool hash)
{
    int go[2], result[2];
    char byte;

    if (pipe2(go, O_CLOEXEC) != 0)
        return false;
    if (pipe2(result, O_CLOEXEC) != 0)
        return close(go[0]), close(go[1]), false;
    receiver->pid = fork();
    if (receiver->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        cpu_pin(cpu);
        close(go[1]);
        close(result[0]);
        int fd = network_enter(network, sender->step)
                     ? connect_to(network_address(sender->step, link), sender->port)
                     : -1;
        if (fd < 0)
            _exit(1);
        receive(fd, go[0], result[1], hash);
    }
    close(go[0]);
    close(result[1]);
    receiver->go = go[1];
    receiver->result = result[0];
    return receiver->pid > 0 && read(receiver->result, &byte, 1) == 1;
}

void receiver_go(struct receiver *receiver)
{
    (void)!write(receiver->go, "g", 1);
}

bool receiver_close(struct receiver *receiver, struct receipt *receipt)
{
    bool good = read(receiver->result, receipt, sizeof(*receipt)) == sizeof(*receipt);

    close(receiver->go);
    close(receiver->result);
    if (receiver->pid > 0)
        waitpid(receiver->pid, NULL, 0);
    return good && receipt->error == 0;
}
