/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/host.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/sysfs.h"

#define HUGEPAGES        "/sys/kernel/mm/hugepages"
#define MIB              (UINT64_C(1) << 20)

#define FAIL(error, ...) (snprintf((error), HOST_ERROR_BYTES, __VA_ARGS__), false)

static unsigned allowed_cpus(cpu_set_t *set)
{
    CPU_ZERO(set);
    if (sched_getaffinity(0, sizeof(*set), set) != 0)
        CPU_SET(0, set);
    return (unsigned)CPU_COUNT(set);
}

static bool cpu_usable(unsigned cpu, const cpu_set_t *allowed, char error[HOST_ERROR_BYTES])
{
    int64_t online;

    if (cpu >= CONFIG_CORES_MAX)
        return FAIL(error, "core %u: DPDK takes cores 0 to %d", cpu, CONFIG_CORES_MAX - 1);
    if (!sysfs_exists("", "/sys/devices/system/cpu/cpu%u", cpu))
        return FAIL(error, "core %u: this machine has cores up to %ld only", cpu,
                    sysconf(_SC_NPROCESSORS_CONF) - 1);
    /* The first core often cannot be taken offline, and has no such file. */
    if (sysfs_number("", &online, "/sys/devices/system/cpu/cpu%u/online", cpu) && online == 0)
        return FAIL(
            error, "core %u is offline: echo 1 > /sys/devices/system/cpu/cpu%u/online brings it up",
            cpu, cpu);
    if (!CPU_ISSET(cpu, allowed))
        return FAIL(error, "core %u is not allowed to this process (taskset or cpuset)", cpu);
    return true;
}

bool host_worker_cpus(const struct config *config, uint16_t cpus[CONFIG_CORES_MAX], unsigned *count,
                      char error[HOST_ERROR_BYTES])
{
    cpu_set_t allowed;

    allowed_cpus(&allowed);
    if (config->core_count == 0) {
        *count = 1;
        for (unsigned cpu = 0; cpu < CONFIG_CORES_MAX; cpu++)
            if (CPU_ISSET(cpu, &allowed))
                cpus[0] = (uint16_t)cpu;
        return true;
    }
    if (config->core_count >= CONFIG_CORES_MAX)
        return FAIL(error, "%u cores are named: DPDK takes %d workers at most", config->core_count,
                    CONFIG_CORES_MAX - 1);
    for (unsigned i = 0; i < config->core_count; i++) {
        if (!cpu_usable(config->cores[i], &allowed, error))
            return false;
        cpus[i] = config->cores[i];
    }
    *count = config->core_count;
    return true;
}

void host_all_cpus(char text[HOST_CPUS_TEXT_BYTES])
{
    cpu_set_t allowed;
    size_t len = 0;

    allowed_cpus(&allowed);
    text[0] = '\0';
    for (unsigned cpu = 0; cpu < CONFIG_CORES_MAX; cpu++)
        if (CPU_ISSET(cpu, &allowed))
            len += (size_t)snprintf(text + len, HOST_CPUS_TEXT_BYTES - len, len == 0 ? "%u" : ",%u",
                                    cpu);
}

bool host_hugepages(uint64_t bytes, char error[HOST_ERROR_BYTES])
{
    struct sysfs_name *sizes;
    size_t count = sysfs_list("", HUGEPAGES, "hugepages-", &sizes);
    uint64_t free_bytes = 0;
    int64_t reserved = 0, kib = 0, pages = 0;

    for (size_t i = 0; i < count; i++)
        if (sysfs_number("", &pages, HUGEPAGES "/%s/free_hugepages", sizes[i].text) &&
            sscanf(sizes[i].text, "hugepages-%" SCNd64 "kB", &kib) == 1)
            free_bytes += (uint64_t)pages * (uint64_t)kib * 1024;
    free(sizes);
    if (free_bytes >= bytes)
        return true;

    if (!sysfs_number("", &reserved, HUGEPAGES "/hugepages-2048kB/nr_hugepages"))
        return FAIL(error,
                    "this kernel has no 2 MiB hugepages: give --allow-small-pages to do without");
    uint64_t page = 2 * MIB;
    uint64_t missing = (bytes - free_bytes + page - 1) / page;
    return FAIL(error,
                "%" PRIu64 " MiB of hugepages for packets and connections are needed, %" PRIu64
                " MiB are free: echo %" PRIu64 " > " HUGEPAGES "/hugepages-2048kB/nr_hugepages",
                (bytes + MIB - 1) / MIB, free_bytes / MIB, (uint64_t)reserved + missing);
}

uint64_t host_capabilities(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    uint64_t set = 0;

    if (status == NULL)
        return 0;
    while (fgets(line, sizeof(line), status) != NULL) {
        if (sscanf(line, "CapEff: %" SCNx64, &set) == 1)
            break;
    }
    fclose(status);
    return set;
}

bool host_memlock(uint64_t bytes, char error[HOST_ERROR_BYTES])
{
    struct rlimit limit;

    if ((host_capabilities() >> CAP_IPC_LOCK & 1) != 0 || getrlimit(RLIMIT_MEMLOCK, &limit) != 0 ||
        limit.rlim_cur >= bytes)
        return true;
    return FAIL(error,
                "%" PRIu64 " KiB must be locked for the device's DMA, %" PRIu64
                " KiB are allowed: ulimit -l %" PRIu64 ", or LimitMEMLOCK= of the service",
                (bytes + 1023) / 1024, (uint64_t)limit.rlim_cur / 1024, (bytes + 1023) / 1024);
}

bool host_root(const char *root, char error[HOST_ERROR_BYTES + PATH_MAX])
{
    DIR *directory = opendir(root);

    if (directory == NULL) {
        snprintf(error, HOST_ERROR_BYTES + PATH_MAX, "ROOT '%s' cannot be read: %s", root,
                 errno == ENOTDIR ? "it is not a directory" : strerror(errno));
        return false;
    }
    closedir(directory);
    return true;
}
