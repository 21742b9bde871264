/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of hugewire-ladder share: options, links, senders, and what was measured. */
#ifndef LADDER_LADDER_H
#define LADDER_LADDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ladder/steps.h"

#define ERROR_BYTES 512
#define PATH_BYTES  4096
#define ROUNDS_MAX  64
#define HASH_BYTES  32

struct options {
    char directory[PATH_BYTES]; /* of the file that is sent; made in one of its own */
    char hugewire[PATH_BYTES];  /* the server's program */
    char java_source[PATH_BYTES];
    const char *json, *plot; /* NULL: none */
    const char *only;        /* names of steps, with commas; NULL: all */
    uint64_t size;
    uint32_t buffer;
    unsigned rounds, clients;
    int sender_cpu, receiver_cpu;
};

/* What lies between sender and receiver. */
enum link {
    LINK_OFFLOADS, /* packets of up to 64 KiB cross it in one piece (TSO, GSO, GRO) */
    LINK_PACKETS,  /* packets of at most the MTU of 1500, each with a finished checksum */
    LINKS,
};
extern const char *const link_names[LINKS];

/* --- network.c: two namespaces that live as long as this process --------------------------------
 */

struct network {
    int client_ns; /* the receivers' namespace behind the veth pairs */
    pid_t holder;
};
/* Moves this process to a namespace of its own. False: error. */
bool network_make(struct network *network, char error[ERROR_BYTES]);
/* hugewire's TAP devices, when they are there. */
bool network_tap_up(enum link link, char error[ERROR_BYTES]);
/* The address to connect to. */
const char *network_address(const struct step *step, enum link link);
/* Moves this (receiving) process to where it reaches that address. */
bool network_enter(const struct network *network, const struct step *step);
void network_remove(struct network *network);

/* --- sender.c, java.c, hugewire.c: processes that wait for clients ------------------------------
 */

struct sender {
    const struct step *step;
    pid_t pid[LINKS]; /* 0: does not run. One process may serve both links */
    uint16_t port;
    struct step_tally *tally;
    char why[STEP_WHY_BYTES]; /* it does not run */
};
/* False: error, or sender->why says why the step is left out. */
bool sender_start(struct sender *sender, const struct step *step, const struct options *options,
                  const char *file, uint64_t size, char error[ERROR_BYTES]);
void sender_stop(struct sender *sender);
bool java_start(struct sender *sender, const struct options *options, const char *file);
bool hugewire_start(struct sender *sender, const struct options *options, const char *file,
                    char error[ERROR_BYTES]);
/* A counter of the server; UINT64_MAX: it does not tell. */
uint64_t hugewire_counter(const struct options *options, pid_t pid, const char *name);

/* --- receiver.c --------------------------------------------------------------------------------
 */

/* A process that fetches the file once. It reads and counts; hash: it also takes the content's. */
struct receiver {
    pid_t pid;
    int go, result;
};
struct receipt {
    uint64_t bytes, ns; /* of the body; from the request to the last byte */
    uint8_t hash[HASH_BYTES];
    uint64_t user_ns, kernel_ns; /* CPU time of the receiver */
    int error;                   /* errno, or 0 */
};
/* Connects, and waits for the word. */
bool receiver_open(struct receiver *receiver, const struct network *network,
                   const struct sender *sender, enum link link, int cpu, bool hash);
void receiver_go(struct receiver *receiver);
/* Waits for its end. False: it did not get a response. */
bool receiver_close(struct receiver *receiver, struct receipt *receipt);

/* --- measure.c: what one fetch cost -------------------------------------------------------------
 */

struct cost {
    uint64_t cpu_ns;           /* of all threads */
    uint64_t user, kernel;     /* the same in clock ticks, apart */
    uint64_t voluntary, taken; /* context switches */
    uint64_t disk_bytes;       /* read from disk */
};
struct cost cost_now(pid_t pid);

/* Pages of the file that the page cache holds, and how to empty it of them. */
uint64_t cache_pages(const char *file, uint64_t size);
void cache_drop(const char *file);

/* System calls of a process, counted by strace while it is attached. */
struct calls {
    pid_t tracer;
    char path[64];
};
bool calls_start(struct calls *calls, pid_t pid, char error[ERROR_BYTES]);
/* UINT64_MAX: strace failed. */
uint64_t calls_stop(struct calls *calls);

uint64_t clock_ns(void);
bool cpu_pin(int cpu);
/* Runs a program to its end. False: error says what it said. */
bool run(char error[ERROR_BYTES], const char *const argv[]);

/* --- what was measured --------------------------------------------------------------------------
 */

struct samples {
    unsigned count;
    double gbps[ROUNDS_MAX];
    double sender_s_per_gb[ROUNDS_MAX], receiver_s_per_gb[ROUNDS_MAX];
    uint64_t user_ticks, kernel_ticks;
    uint64_t receiver_user_ns, receiver_kernel_ns;
    uint64_t switches, bytes;
};

struct fan_out {
    double disk_copies; /* bytes read from disk / bytes of the file; < 0: not measured */
    double gbps;
};

struct result {
    struct sender sender;
    double calls_per_mb;                /* < 0: not counted */
    double cached_before, cached_after; /* of the file; cold before, where that is possible */
    double cold_gbps;                   /* with the hash taken, too */
    double copied_by_kernel;            /* of the sends asked for without copy; < 0: none were */
    uint64_t hugewire_copied, hugewire_referenced;
    struct samples link[LINKS];
    struct fan_out fan_out;
};

struct summary {
    double median, low, high;
};
struct summary summarize(const double *values, unsigned count);

/* report.c, plot.c */
void report_print(const struct options *options, const struct result *results, unsigned count);
bool report_json(const struct options *options, const struct result *results, unsigned count,
                 char error[ERROR_BYTES]);
bool plot_svg(const struct options *options, const struct result *results, unsigned count,
              char error[ERROR_BYTES]);

#endif
