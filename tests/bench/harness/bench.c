/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "app/stream_thread.h"
#include "base/assert.h"
#include "json.h"
#include "wire/content.h"

__attribute__((format(printf, 1, 2))) static bool fail(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    return false;
}

/* Windows open, caches fill. */
#define WARM_NS (300 * NS_PER_MS)
/* A round trip of virtual time is a few turns. */
#define VIRTUAL_WARM_NS (20 * NS_PER_MS)

/* --- DPDK ----------------------------------------------------------------------------------------
 */

/* The last CPUs first: the first one has most of the machine's interrupts. */
static bool worker_cores(unsigned workers, char *text, size_t bytes)
{
    cpu_set_t set;
    unsigned n = 0;
    int len = snprintf(text, bytes, "--lcores=");

    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return fail("CPUs: %s", strerror(errno));
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0 && n < workers; cpu--) {
        if (!CPU_ISSET(cpu, &set))
            continue;
        len += snprintf(text + len, bytes - (size_t)len, "%s%u@%d", n == 0 ? "" : ",", n, cpu);
        n++;
    }
    return n == workers || fail("%u workers, and %u CPUs", workers, n);
}

static bool start_eal(const struct bench_options *o)
{
    static char cores[16 * RTE_MAX_LCORE], text[][20] = { "bench", "--no-pci", "--no-telemetry",
                                                          "--iova-mode=va", "--log-level=error" };
    static char *args[16]; /* EAL keeps them */
    int count = 0;

    for (unsigned i = 0; i < RTE_DIM(text); i++)
        args[count++] = text[i];
    if (o->single)
        snprintf(cores, sizeof(cores), "--lcores=0@%u", o->server_cpu);
    else if (o->workers > 0 && !worker_cores(o->workers, cores, sizeof(cores)))
        return false;
    else if (o->workers == 0)
        snprintf(cores, sizeof(cores), "--lcores=0@%u,1@%u", o->nic_cpu, o->server_cpu);
    args[count++] = cores;
    if (o->small_pages) {
        static char small[][20] = { "--no-huge", "--no-shconf", "-m", "1024" };
        for (unsigned i = 0; i < RTE_DIM(small); i++)
            args[count++] = small[i];
    } else {
        static char in_memory[] = "--in-memory";
        args[count++] = in_memory;
    }
    return rte_eal_init(count, args) >= 0 ||
           fail("DPDK does not start: %s; without hugepages: --small-pages",
                rte_strerror(rte_errno));
}

static void *table_alloc(void *ctx, size_t bytes, size_t align)
{
    return rte_zmalloc("bench", bytes, (unsigned)align);
}

static void table_release(void *ctx, void *block)
{
    rte_free(block);
}

/* --- files ---------------------------------------------------------------------------------------
 */

static bool write_file(const char *path, uint32_t file, uint64_t bytes)
{
    FILE *out = fopen(path, "w");
    bool ok = out != NULL;

    for (uint64_t at = 0; ok && at < bytes; at += CONTENT_RUN) {
        size_t len = bytes - at < CONTENT_RUN ? (size_t)(bytes - at) : CONTENT_RUN;
        ok = fwrite(content_at(file, at), 1, len, out) == len;
    }
    if (out != NULL)
        ok = fclose(out) == 0 && ok;
    return ok || fail("%s: %s", path, strerror(errno));
}

static bool write_set(const char *root, const struct bench_files *set)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", root, set->folder);
    if (mkdir(path, 0700) != 0)
        return fail("%s: %s", path, strerror(errno));
    for (uint32_t i = 0; i < set->count; i++) {
        snprintf(path, sizeof(path), "%s/%s/%u", root, set->folder, i);
        if (!write_file(path, i, set->bytes))
            return false;
    }
    return true;
}

static void remove_set(const char *root, const struct bench_files *set)
{
    char path[256];

    for (uint32_t i = 0; i < set->count; i++) {
        snprintf(path, sizeof(path), "%s/%s/%u", root, set->folder, i);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/%s", root, set->folder);
    rmdir(path);
}

static void pool_line(void *ctx, enum pool_log_level level, const char *line)
{
    if (level == POOL_LOG_WARNING)
        fprintf(stderr, "bench: %s\n", line);
}

static uint32_t files_wanted(const struct bench *bench)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < bench->file_sets; i++)
        count += bench->files[i].count;
    return count;
}

bool bench_write(const char *root, const struct bench_files *files, unsigned file_sets)
{
    for (unsigned i = 0; i < file_sets; i++)
        if (!write_set(root, &files[i]))
            return false;
    return true;
}

static void close_pool(struct bench *bench)
{
    stream_thread_destroy(bench->streams);
    bench->streams = NULL;
    pool_destroy(bench->pool);
    bench->pool = NULL;
}

/* For one run: files on a disk, of which some are streamed. */
static bool open_pool(struct bench *bench)
{
    const struct bench_options *o = &bench->options;
    char error[POOL_ERROR_BYTES], why[STREAM_THREAD_ERROR_BYTES];
    struct pool_config config = {
        .root = o->root,
        .bytes = o->pool_bytes,
        .stream_bytes = o->stream_bytes,
        .node = -1,
        .allow_small_pages = o->small_pages,
        .log = pool_line,
    };

    bench->pool = pool_create(&config, error, sizeof(error));
    if (bench->pool == NULL)
        return fail("%s", error);
    if (stream_thread_open(&bench->streams, bench->pool, 1, false, pool_line, &bench->streaming,
                           error, sizeof(error)) &&
        pool_seal(bench->pool, error, sizeof(error)) == 0) {
        if (stream_thread_start(bench->streams, NULL, NULL, why))
            return true;
        close_pool(bench);
        return fail("%s", why);
    }
    close_pool(bench);
    return fail("%s", error);
}

/* The files are on disk (or tmpfs) only while the pool reads them. */
static bool load_pool(struct bench *bench)
{
    char root[128], error[POOL_ERROR_BYTES];
    const char *tmp = getenv("TMPDIR");
    struct pool_config config = {
        .root = root,
        .node = -1,
        .allow_small_pages = bench->options.small_pages,
        .log = pool_line,
    };
    bool ok;

    snprintf(root, sizeof(root), "%s/bench.XXXXXX", tmp != NULL ? tmp : "/dev/shm");
    if (mkdtemp(root) == NULL)
        return fail("%s: %s", root, strerror(errno));
    ok = bench_write(root, bench->files, bench->file_sets);
    bench->pool = ok ? pool_create(&config, error, sizeof(error)) : NULL;
    if (ok && bench->pool == NULL)
        fail("%s", error);
    for (unsigned i = 0; i < bench->file_sets; i++)
        remove_set(root, &bench->files[i]);
    rmdir(root);
    if (bench->pool == NULL)
        return false;
    if (catalogue_files(pool_catalogue(bench->pool)) != files_wanted(bench))
        return fail("the pool could not read all files");
    return pool_seal(bench->pool, error, sizeof(error)) == 0 || fail("%s", error);
}

bool bench_start(struct bench *bench, const struct bench_files *files, unsigned file_sets,
                 const struct bench_options *options)
{
    *bench = (struct bench){ .files = files, .file_sets = file_sets, .options = *options };
    bench->memory = options->small_pages
                        ? memory_heap
                        : (struct memory){ .alloc = table_alloc, .release = table_release };
    if (!start_eal(options))
        return false;
    bench->clock.tsc = clock_start();
    bench->virtual_ns = NS_PER_S;
    if (options->virtual_time)
        bench->clock.virtual_ns = &bench->virtual_ns;
    if (options->root != NULL || load_pool(bench))
        return true;
    bench_stop(bench);
    return false;
}

void bench_stop(struct bench *bench)
{
    close_pool(bench);
    rte_eal_cleanup();
}

/* --- the program ---------------------------------------------------------------------------------
 */

static const char usage[] =
    "Each run prints a line of JSON. Options:\n"
    "  --rounds N       over all rows (1)\n"
    "  --seconds S      measured of each run (1)\n"
    "  --only TEXT      rows whose name contains TEXT, or is TEXT; and the one their load is a "
    "share of\n"
    "  --skip NAME      all but this row\n"
    "  --list           names of the rows\n"
    "  --verify         the wire compares every byte and every checksum\n"
    "  --single         server and wire in turns in one thread, for profiles\n"
    "  --virtual-time   --single, and a turn takes 10 us, however long it took\n"
    "  --small-pages    no hugepages\n"
    "  --cpus NIC,SERVER  (0,1)\n"
    "  --root DIR       serve the files that lie there, through a pool of\n"
    "  --pool MIB       of which\n"
    "  --cache MIB      are for chunks of streamed files\n";

static bool parse_options(int argc, char **argv, struct bench_options *o, bool *list)
{
    static const struct option longs[] = {
        { "rounds", required_argument, NULL, 'r' }, { "seconds", required_argument, NULL, 's' },
        { "only", required_argument, NULL, 'o' },   { "skip", required_argument, NULL, 'x' },
        { "list", no_argument, NULL, 'l' },         { "verify", no_argument, NULL, 'v' },
        { "single", no_argument, NULL, '1' },       { "virtual-time", no_argument, NULL, 't' },
        { "small-pages", no_argument, NULL, 'p' },  { "cpus", required_argument, NULL, 'c' },
        { "root", required_argument, NULL, 'd' },   { "pool", required_argument, NULL, 'm' },
        { "cache", required_argument, NULL, 'k' },  { NULL, 0, NULL, 0 },
    };
    int c;

    *o = (struct bench_options){
        .rounds = 1, .seconds = 1, .warm_ns = WARM_NS, .nic_cpu = 0, .server_cpu = 1
    };
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (c) {
        case 'r':
            o->rounds = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            o->seconds = strtod(optarg, NULL);
            break;
        case 'o':
            o->only = optarg;
            break;
        case 'x':
            o->skip = optarg;
            break;
        case 'l':
            *list = true;
            break;
        case 'v':
            o->verify = true;
            break;
        case '1':
            o->single = true;
            break;
        case 't':
            o->single = o->virtual_time = true;
            o->warm_ns = VIRTUAL_WARM_NS;
            break;
        case 'p':
            o->small_pages = true;
            break;
        case 'c':
            if (sscanf(optarg, "%u,%u", &o->nic_cpu, &o->server_cpu) != 2)
                return fail("--cpus wants two numbers: NIC,SERVER");
            break;
        case 'd':
            o->root = optarg;
            break;
        case 'm':
            o->pool_bytes = strtoull(optarg, NULL, 10) << 20;
            break;
        case 'k':
            o->stream_bytes = strtoull(optarg, NULL, 10) << 20;
            break;
        default:
            fputs(usage, stderr);
            return false;
        }
    }
    return (optind == argc && o->rounds > 0 && o->seconds > 0) || fail("%s", usage);
}

/* A row's whole name means that row alone. */
static bool named(const char *only, unsigned row, const struct bench_row *rows, unsigned row_count)
{
    for (unsigned i = 0; only != NULL && i < row_count; i++)
        if (strcmp(rows[i].name, only) == 0)
            return row == i;
    return only == NULL || strstr(rows[row].name, only) != NULL;
}

/* A load is a share of what the last row without one served: that one is run, too. */
static bool wanted(const struct bench_options *o, unsigned row, const struct bench_row *rows,
                   unsigned row_count)
{
    if (o->skip != NULL && strcmp(rows[row].name, o->skip) == 0)
        return false;
    if (named(o->only, row, rows, row_count))
        return true;
    if (rows[row].load != 0)
        return false;
    for (unsigned i = row + 1; i < row_count && rows[i].load != 0; i++)
        if (named(o->only, i, rows, row_count))
            return true;
    return false;
}

int bench_main(int argc, char **argv, const struct bench_files *files, unsigned file_sets,
               const struct bench_row *rows, unsigned row_count)
{
    static struct bench_result result;
    struct bench_options options;
    struct bench bench;
    bool list = false;
    int code = 0;

    if (!parse_options(argc, argv, &options, &list))
        return 2;
    for (unsigned i = 0; list && i < row_count; i++)
        puts(rows[i].name);
    if (list)
        return 0;
    for (unsigned i = 0; i < row_count; i++)
        options.workers = RTE_MAX(options.workers, rows[i].workers);
    if (!bench_start(&bench, files, file_sets, &options))
        return 2;
    for (unsigned round = 0; round < options.rounds; round++) {
        for (unsigned i = 0; i < row_count; i++) {
            if (!wanted(&options, i, rows, row_count))
                continue;
            if (options.root != NULL && !open_pool(&bench)) {
                code = 2;
                goto stop;
            }
            bench_run(&bench, &rows[i], &result);
            if (options.root != NULL)
                close_pool(&bench);
            json_run(stdout, &rows[i], round, &result);
            if (result.failure[0] != '\0')
                code = 1;
        }
    }
stop:
    bench_stop(&bench);
    return code;
}
