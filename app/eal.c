/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/eal.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "app/config.h"
#include "app/host.h"
#include "base/assert.h"

/* Of the runtime directory; the process id follows. */
#define PREFIX    "hugewire-"
#define SOCKET    "dpdk_telemetry.v2"

#define ARGS_MAX  (16 + 2 * CONFIG_PORTS_MAX)
#define ARG_BYTES (DEVICE_ARG_BYTES + HOST_CPUS_TEXT_BYTES + CONFIG_CORES_MAX * 9)
#define MIB       (UINT64_C(1) << 20)

/* One lcore is the main thread's. */
static_assert(CONFIG_CORES_MAX <= RTE_MAX_LCORE, "every core needs an lcore");

struct args {
    int count;
    char *list[ARGS_MAX + 1];
    char text[ARGS_MAX][ARG_BYTES];
};

static struct {
    bool verbose;
    char first_error[256];
    bool dma_failed; /* it went on without, which nobody notices until packets are lost */
    char runtime_dir[PATH_MAX];
    char socket[PATH_MAX + sizeof(SOCKET)];
} eal;

__attribute__((format(printf, 2, 3))) static void add(struct args *args, const char *format, ...)
{
    va_list values;

    ASSERT(args->count < ARGS_MAX);
    va_start(values, format);
    vsnprintf(args->text[args->count], ARG_BYTES, format, values);
    va_end(values);
    args->list[args->count] = args->text[args->count];
    args->list[++args->count] = NULL;
}

/* The main thread floats over all cores; each worker is pinned to its own. */
static void add_lcores(struct args *args, const struct eal_config *config)
{
    char text[ARG_BYTES], all[HOST_CPUS_TEXT_BYTES];

    host_all_cpus(all);
    int len = snprintf(text, sizeof(text), "0@(%s)", all);
    for (unsigned i = 0; i < config->workers; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, ",%u@%u", eal_worker_lcore(i),
                        config->cpus[i]);
    add(args, "--lcores=%s", text);
    add(args, "--main-lcore=0");
}

static void add_devices(struct args *args, const struct eal_config *config)
{
    char device[DEVICE_ARG_BYTES];
    const char *option;
    bool pci = false;

    for (unsigned i = 0; i < config->device_count; i++) {
        pci |= device_is_pci(config->devices[i]);
        device_eal_argument(config->devices[i], (uint16_t)config->workers, &option, device);
        if (option == NULL)
            continue;
        add(args, "%s", option);
        add(args, "%s", device);
    }
    if (!pci) {
        add(args, "--no-pci");
        add(args, "--iova-mode=va"); /* nobody does DMA */
    }
}

static void make_args(struct args *args, const struct eal_config *config)
{
    add(args, "hugewire");
    add(args, "--file-prefix=" PREFIX "%d", (int)getpid());
    if (config->hugepages) {
        add(args, "--in-memory"); /* no files, and nothing to find again after a crash */
    } else {
        add(args, "--no-huge");
        add(args, "--no-shconf"); /* EAL takes --in-memory with hugepages only */
    }
    add_lcores(args, config);
    add(args, "-m");
    add(args, "%llu", (unsigned long long)((config->memory_bytes + MIB - 1) / MIB));
    add_devices(args, config);
    add(args, "--log-level=%s", config->verbose ? "debug" : "error");
}

/* DPDK's log: to stderr if verbose; its first error is kept as the reason of a failure. What it
 * says before it aborts is for all to see. */
static ssize_t log_write(void *cookie, const char *text, size_t len)
{
    static const char dma[] = "DMA remapping";

    if (rte_log_cur_msg_loglevel() <= (int)RTE_LOG_ERR) {
        if (memmem(text, len, dma, strlen(dma)) != NULL)
            eal.dma_failed = true;
        if (eal.first_error[0] == '\0')
            snprintf(eal.first_error, sizeof(eal.first_error), "%.*s", (int)strcspn(text, "\n"),
                     text);
    }
    if (eal.verbose || rte_log_cur_msg_loglevel() <= (int)RTE_LOG_CRIT)
        return (ssize_t)fwrite(text, 1, len, stderr);
    return (ssize_t)len;
}

/*
 * net_tap asks for a realtime signal per received packet, to spare itself the reads that find
 * nothing. The signal would interrupt some thread of ours for every packet of a load, when reads do
 * find something. It takes a signal only if one is free; without, it reads at every poll, and an
 * idle worker waits on its file.
 */
static void keep_signals_from_tap(void)
{
    for (int signo = SIGRTMIN + 1; signo < SIGRTMAX; signo++)
        signal(signo, SIG_IGN);
}

static int init(struct args *args, bool verbose)
{
    static const cookie_io_functions_t functions = { .write = log_write };
    FILE *log = fopencookie(NULL, "w", functions);
    FILE *real_stderr = stderr;
    FILE *null = verbose ? NULL : fopen("/dev/null", "w");

    if (log != NULL) {
        setvbuf(log, NULL, _IOLBF, 0);
        rte_openlog_stream(log);
    }
    /* EAL prints its fatal errors past its log, too. */
    if (null != NULL)
        stderr = null;
    int rc = rte_eal_init(args->count, args->list);
    stderr = real_stderr;
    if (null != NULL)
        fclose(null);
    return rc;
}

/* Whether the process that made this runtime directory is gone: killed, it could not clean up. One
 * of another PID namespace is known by its socket alone; of one that is stopped nobody takes who
 * connects, and to wait for that is to wait for ever. */
static bool is_stale(const char *name, const struct sockaddr_un *address)
{
    int pid;

    if (sscanf(name, PREFIX "%d", &pid) != 1 || kill(pid, 0) == 0 || errno != ESRCH)
        return false;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused = fd >= 0 &&
                   connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
                   errno == ECONNREFUSED;

    if (fd >= 0)
        close(fd);
    return refused;
}

/* Removes what killed servers left beside our own runtime directory. */
static void sweep_stale(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char parent[PATH_MAX], path[sizeof(address.sun_path)];
    struct dirent *entry;

    snprintf(parent, sizeof(parent), "%s", eal.runtime_dir);
    DIR *directory = opendir(dirname(parent));
    if (directory == NULL)
        return;
    while ((entry = readdir(directory)) != NULL) {
        int len = snprintf(path, sizeof(path), "%s/%s/" SOCKET, parent, entry->d_name);
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0 || len >= (int)sizeof(path))
            continue;
        memcpy(address.sun_path, path, sizeof(path));
        if (!is_stale(entry->d_name, &address))
            continue;
        unlink(path);
        rmdir(dirname(path));
    }
    closedir(directory);
}

bool eal_start(const struct eal_config *config, char error[EAL_ERROR_BYTES])
{
    static struct args args; /* EAL keeps pointers to it */

    eal.verbose = config->verbose;
    make_args(&args, config);
    for (unsigned i = 0; i < config->device_count; i++)
        if (strncmp(config->devices[i]->name, "net_tap", strlen("net_tap")) == 0)
            keep_signals_from_tap();
    int rc = init(&args, config->verbose);
    snprintf(eal.runtime_dir, sizeof(eal.runtime_dir), "%s", rte_eal_get_runtime_dir());
    snprintf(eal.socket, sizeof(eal.socket), "%s/" SOCKET, eal.runtime_dir);
    if (rc >= 0 && !eal.dma_failed) {
        sweep_stale();
        return true;
    }
    snprintf(error, EAL_ERROR_BYTES, "DPDK does not start: %s",
             eal.first_error[0] != '\0' ? eal.first_error : rte_strerror(rte_errno));
    eal_stop();
    return false;
}

const char *eal_first_error(void)
{
    return eal.first_error;
}

const char *eal_socket(void)
{
    return eal.socket;
}

const char *eal_directory(void)
{
    return eal.runtime_dir;
}

void eal_stop(void)
{
    rte_eal_cleanup();
    /* With --in-memory only the telemetry socket is there; EAL leaves its directory behind. */
    unlink(eal.socket);
    rmdir(eal.runtime_dir);
}
