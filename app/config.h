/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration of `hugewire serve`: defaults, then the file's keys, then the flags, each over
 * the one before. docs/CONFIGURATION.md is the reader's side of the table of settings below.
 *
 * A setting is text everywhere outside this module: the file, a flag and the default all pass
 * through the same parser and the same range check (config_set).
 */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "http/http.h"
#include "mempool/arena_plan.h"
#include "stack/stack.h"

#define CONFIG_CORES_MAX    128
#define CONFIG_DEVICE_BYTES 256
#define CONFIG_ERROR_BYTES  512
#define CONFIG_LIST_BYTES   1024 /* of a setting that is a list, as text */
#define CONFIG_USER_BYTES   33   /* a user's name (useradd takes 32 bytes) */
#define CONFIG_SETTINGS_MAX 128
#define CONFIG_PORTS_MAX    8
#define CONFIG_PORT_KEYS    6 /* settings of one port */

/* In the order of how much is said. */
enum config_log_level {
    CONFIG_LOG_ERROR,
    CONFIG_LOG_WARNING,
    CONFIG_LOG_INFO,
    CONFIG_LOG_DEBUG,
};

/* What a worker without work does once idle_spin_ns have passed. */
enum config_idle_wait {
    CONFIG_IDLE_AUTO,  /* sleeps until a frame or a timer: rx interrupt where the driver has one */
    CONFIG_IDLE_SLEEP, /* short sleeps of at most idle_sleep_ns */
    CONFIG_IDLE_POLL,  /* never sleeps */
};

/* What happens to system calls that the server has no use for (sandbox.h). */
enum config_sandbox {
    CONFIG_SANDBOX_ON,
    CONFIG_SANDBOX_LOG, /* they are made, and the kernel's audit log names them */
    CONFIG_SANDBOX_OFF,
};

enum config_access_format {
    CONFIG_ACCESS_COMBINED,
    CONFIG_ACCESS_JSON,
};

/* Congestion control (tcp/cc.h). */
enum config_congestion {
    CONFIG_CUBIC,
    CONFIG_NEWRENO,
    CONFIG_BBR,
};

/* Which symlinks are followed (mempool/scan.h). */
enum config_symlinks {
    CONFIG_SYMLINKS_WITHIN_ROOT,
    CONFIG_SYMLINKS_SAME_OWNER,
    CONFIG_SYMLINKS_NEVER,
    CONFIG_SYMLINKS_FOLLOW,
};

struct config_sites;

/* A port: its device, and what it is on its link. */
struct config_port {
    char device[CONFIG_DEVICE_BYTES]; /* KIND:NAME, KIND one of tap af_packet af_xdp pci vdev, NAME
                                         not empty and of the kind's form */
    struct stack_address address[STACK_ADDRESSES_MAX]; /* prefixes 1..30 or 1..128 */
    uint32_t address_count;                            /* at least 1 */
    struct ip_addr gateway;  /* none: no other nets; else in the net of an address */
    struct ip_addr gateway6; /* the same for IPv6, or link-local; none: routers tell */
    bool slaac;              /* IPv6 addresses of routers' prefixes as well */
    uint32_t vlan;           /* 802.1Q: 1..4094; 0: none */
    uint32_t mtu;            /* of the IP packet: 576..9216; with IPv6 at least 1280 */

    unsigned line;                       /* of its item in the file's list of ports; 0: no item */
    unsigned key_line[CONFIG_PORT_KEYS]; /* of its settings there; 0: not given */
};

struct config {
    /* server */
    char root[PATH_MAX]; /* as given; not checked here. Empty: not given */
    struct config_port ports[CONFIG_PORTS_MAX];
    uint32_t port_count;              /* at least 1 */
    bool unsafe_no_iommu;             /* a pci: device may do DMA without an IOMMU */
    uint32_t port;                    /* 1..65535 */
    uint32_t core_count;              /* 0: one core, which serve chooses */
    uint16_t cores[CONFIG_CORES_MAX]; /* ascending, each once; not checked against the machine */
    uint32_t drain_seconds;           /* transfers under way may go on this long after SIGTERM */
    char media_types[PATH_MAX];       /* the system's table of file extensions (mime.types) */
    enum config_log_level log_level;

    /* security */
    char user[CONFIG_USER_BYTES]; /* who root becomes once it serves; empty: nobody */
    enum config_sandbox sandbox;

    /* pool */
    uint64_t pool_bytes; /* 0: what ROOT needs, and some for changes */
    uint32_t pool_files; /* most files at a time; 0: what ROOT has, and some */
    uint64_t rescan_ns;  /* 0: ROOT is looked through only where the kernel tells of no changes */
    uint64_t stream_cache_bytes;    /* of it, for chunks of files that do not fit; 0: half */
    char pinned[CONFIG_LIST_BYTES]; /* patterns with commas between: files that must fit */
    uint32_t node_count;            /* 0: the device's NUMA node, then the nearest ones */
    int nodes[ARENA_NODES_MAX];     /* NUMA nodes for the pool, in this order */
    enum config_symlinks symlinks;
    char persist[PATH_MAX]; /* a file of a hugetlbfs that keeps it; empty: none */
    bool allow_small_pages; /* locked 4 KiB pages where there are no hugepages */

    /* http */
    char server_name[HTTP_SERVER_NAME_MAX + 1]; /* the field Server; empty: none */
    bool precompressed; /* send "x.br", "x.zst", "x.gz" for x to who accepts them */

    /* limits */
    uint32_t connections_max;    /* per worker and port, as all limits */
    uint32_t syn_backlog;        /* half-open connections; beyond: SYN cookies */
    uint32_t time_waits_max;     /* connections in TIME-WAIT; beyond: the oldest is forgotten */
    uint32_t requests_max;       /* requests received in part, each with a parser */
    uint32_t responses_max;      /* responses not yet acknowledged */
    uint32_t streams_max;        /* of them, of streamed files; beyond: 503 */
    uint32_t keepalive_probes;   /* without an answer */
    uint32_t challenge_acks_max; /* a second, about */
    uint32_t pipeline_max;       /* requests of one connection answered ahead */
    uint32_t request_line_max;   /* bytes; beyond: 414 */
    uint32_t header_bytes_max;   /* of all fields of one request; beyond: 431 */
    uint32_t header_fields_max;  /* beyond: 431 */
    uint64_t body_bytes_max;     /* of a request, read to be thrown away; beyond: closed */
    uint32_t clients_max;        /* addresses whose requests and connections are counted */
    uint32_t inline_bytes_max;   /* bodies up to this are copied beside the header */

    /* timeouts */
    uint64_t header_timeout_ns;
    uint64_t body_timeout_ns;
    uint64_t idle_timeout_ns;
    uint64_t write_timeout_ns;
    uint64_t user_timeout_ns;   /* RFC 9293 section 3.8.3: R2 */
    uint64_t keepalive_idle_ns; /* 0: no keep-alive probes */
    uint64_t keepalive_interval_ns;
    uint64_t fin_wait_2_ns;
    uint64_t time_wait_ns; /* 2 MSL */

    /* tcp */
    enum config_congestion congestion;
    bool pacing;
    bool mtu_probing;
    bool ecn;

    struct config_sites *sites; /* NULL: one, with all that is below root */

    /* access_log */
    char access_path[PATH_MAX]; /* "-": stdout; empty: no log */
    enum config_access_format access_format;
    uint32_t access_ring; /* records of one worker that wait to be written */

    /* idle */
    enum config_idle_wait idle_wait;
    uint64_t idle_spin_ns;  /* polls this long without work before it waits */
    uint64_t idle_sleep_ns; /* longest single sleep where there is no rx interrupt */
};

/* Every setting at its default; root empty. */
void config_defaults(struct config *config);

/*
 * Sets one setting ("server.port") from its text. False: error says what was expected and what was
 * found, without naming the setting, and config is unchanged.
 */
bool config_set(struct config *config, const char *setting, const char *text,
                char error[CONFIG_ERROR_BYTES]);

/* Settings that do not go together. */
struct config_conflict {
    char setting[64];               /* the one at fault */
    unsigned line;                  /* in the file; 0: not known here */
    char error[CONFIG_ERROR_BYTES]; /* what was expected and what was found */
};

/* Checks what no single setting can show (a gateway is in the net of an address), and completes the
 * list of sites. False: all is well. */
bool config_conflicts(struct config *config, struct config_conflict *conflict);

/* Gives back what config_load() has allocated. */
void config_release(struct config *config);

/*
 * Reads a YAML file over config. Each mistake becomes a line "FILE:LINE: SETTING: ..." on errors.
 * Returns the number of mistakes; if there are any, config must not be used. Conflicts are left to
 * the caller: flags may still resolve them.
 */
unsigned config_load(struct config *config, const char *file, FILE *errors);

/* The same for a file that stands alone: conflicts are mistakes, with their lines. */
unsigned config_load_whole(struct config *config, const char *file, FILE *errors);

/* Writes the effective configuration as YAML that config_load() accepts and that gives the same
 * configuration. False: memory or writing failed. */
bool config_print(const struct config *config, FILE *out);

#endif
