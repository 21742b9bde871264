/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/keeper.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS UINT64_C(1000000)
#define NEVER     UINT64_MAX

/* Events come in bursts: a moment later there are more of them for the same work. */
#define GATHER_NS (50 * NS_PER_MS)
/* How often references are looked at. */
#define RETIRE_MIN_NS (2 * NS_PER_MS)
#define RETIRE_MAX_NS (100 * NS_PER_MS)
/* Where inotify does not reach, if nothing else is said. */
#define RESCAN_DEFAULT_NS (60 * 1000 * NS_PER_MS)
#define TAKEN_POLL_NS     (NS_PER_MS / 10)
/* Verification goes on so long before changes are looked at. */
#define VERIFY_STEP_NS (5 * NS_PER_MS)

enum retired_state {
    RETIRED_ANSWERING, /* responses refer to it */
    RETIRED_LEAVING,   /* no more; packets may be on their way to a port */
    RETIRED_SENDING,   /* all of them are with the ports */
};

struct retired {
    uint32_t index;
    enum retired_state state;
};

struct keeper {
    struct updater *u;
    struct pool_readers readers;
    uint64_t rescan_ns;
    int wake_fd;
    pthread_t thread;

    /* The thread's. */
    struct scopes scopes;
    uint64_t scopes_ns; /* when they are looked at; NEVER: there are none */
    uint64_t rescan_at;
    uint64_t serial;
    struct retired *retired;
    size_t retired_count, retired_max;
    uint64_t retire_at, retire_wait_ns;
    uint64_t versions, rescans;
    struct verify *verify;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t reloaded;
    uint64_t reloads_wanted, reloads_done;
    struct keeper_report report;
    struct verify_request verify_request;
    bool verify_wanted;
    struct verify_report verify_report;
    bool ended;
    bool stop; /* read without the lock, too */
};

static uint64_t monotonic_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sleep_ns(uint64_t ns)
{
    struct timespec t = { .tv_nsec = (long)ns };

    nanosleep(&t, NULL);
}

static bool stopping(const struct keeper *k)
{
    return __atomic_load_n(&k->stop, __ATOMIC_RELAXED);
}

/* ---- versions ---- */

/* Posts the newest version and waits until all have it: a turn or two, a sleeping worker is woken.
 */
static void publish(struct keeper *k)
{
    k->readers.publish(k->readers.ctx, k->u->catalogue, ++k->serial);
    while (!k->readers.taken(k->readers.ctx, k->serial))
        sleep_ns(TAKEN_POLL_NS);
}

/* Without memory to remember it the file is never given back; but a row of 8 bytes will be there.
 */
static void retire(struct keeper *k, uint32_t index)
{
    if (k->retired_count == k->retired_max) {
        size_t max = 2 * k->retired_max + 64;
        struct retired *bigger = realloc(k->retired, max * sizeof(*bigger));
        if (bigger == NULL)
            return;
        k->retired = bigger;
        k->retired_max = max;
    }
    k->retired[k->retired_count++] = (struct retired){ .index = index };
}

static void switch_to(struct keeper *k, struct update_changes *changes)
{
    struct catalogue *old = k->u->catalogue;

    k->u->catalogue = changes->next;
    changes->next = NULL;
    k->versions++;
    publish(k);
    catalogue_destroy(old);
    for (uint32_t i = 0; i < changes->directory_count; i++)
        catalogue_directory_drop(k->u->catalogue, changes->directories[i]);
    for (uint32_t i = 0; i < changes->file_count; i++)
        retire(k, changes->files[i]);
    k->retire_wait_ns = RETIRE_MIN_NS;
    k->retire_at = monotonic_ns();
}

static void report_update(struct keeper *k, const struct scopes *scopes, bool said,
                          const struct update_counts *before, uint64_t started_ns)
{
    const struct update_counts *now = &k->u->counts;
    uint64_t ms = (monotonic_ns() - started_ns) / NS_PER_MS;

    (said ? pool_log_info : pool_log_debug)(
        k->u->log,
        "%s looked at: %" PRIu64 " files added, %" PRIu64 " changed, %" PRIu64 " removed, %" PRIu64
        " without room, in %" PRIu64 " ms; %" PRIu32 " files",
        scopes->all ? "all of ROOT" : "changes", now->added - before->added,
        now->changed - before->changed, now->removed - before->removed, now->full - before->full,
        ms, catalogue_files(k->u->catalogue) - k->u->listings.count);
    pool_log_summary(k->u->log);
}

/* Looks at scopes, which are then forgotten. */
static void look(struct keeper *k, struct scopes *scopes, bool trusted, bool said)
{
    struct updater *u = k->u;
    struct update_counts before = u->counts;
    struct update_changes changes = { 0 };
    char error[POOL_ERROR_BYTES];
    uint64_t now = monotonic_ns();

    k->rescans += scopes->all;
    if (update_scan(u, scopes, error, sizeof(error)) != 0)
        pool_log_warning(u->log, "%s: what was served before is served on", error);
    else if (update_apply(u, scopes, trusted, now, &changes) != 0)
        pool_log_warning(u->log, "out of memory: changes of files are not served");
    else if (changes.next != NULL)
        switch_to(k, &changes);
    catalogue_destroy(changes.next);
    update_changes_free(&changes);
    report_update(k, scopes, said, &before, now);
    scopes_clear(scopes);
}

/* Looks at everything, for which there is no need to look at a part any more. */
static void look_at_all(struct keeper *k, bool trusted, bool said)
{
    scopes_add_all(&k->scopes);
    scopes_clear(&k->u->later);
    scopes_clear(&k->u->starved);
    k->u->later_ns = NEVER;
    k->scopes_ns = NEVER;
    look(k, &k->scopes, trusted, said);
}

/* ---- retired files ---- */

/* References that are left: of responses, or of packets. */
static bool is_referred_to(const struct keeper *k, const struct retired *retired)
{
    struct file_pin pins = k->readers.pins(k->readers.ctx, retired->index);

    return retired->state == RETIRED_ANSWERING ? pins.responses != 0 : pins.in_flight != 0;
}

/* Moves files from one state to the next if nobody refers to them in this one; returns how many. */
static size_t retired_advance(struct keeper *k, enum retired_state from)
{
    size_t moved = 0, kept = 0;

    for (size_t i = 0; i < k->retired_count; i++) {
        struct retired r = k->retired[i];
        if (r.state == from && (from == RETIRED_LEAVING || !is_referred_to(k, &r))) {
            moved++;
            if (from == RETIRED_SENDING) {
                update_file_drop(k->u, r.index);
                continue;
            }
            r.state++;
        }
        k->retired[kept++] = r;
    }
    k->retired_count = kept;
    return moved;
}

static void take_back(struct scopes *from, struct keeper *k, uint64_t now)
{
    for (size_t i = 0; i < from->count; i++)
        scopes_add(&k->scopes, from->list[i].path, from->list[i].complete, from->list[i].tries);
    if (from->all)
        scopes_add_all(&k->scopes);
    scopes_clear(from);
    k->scopes_ns = now;
}

static void retired_look(struct keeper *k, uint64_t now)
{
    if (k->retired_count == 0 || now < k->retire_at)
        return;
    if (retired_advance(k, RETIRED_ANSWERING) > 0) {
        publish(k);
        retired_advance(k, RETIRED_LEAVING);
    }
    size_t freed = retired_advance(k, RETIRED_SENDING);
    if (freed > 0 && !scopes_empty(&k->u->starved))
        take_back(&k->u->starved, k, now);
    k->retire_wait_ns = freed > 0 ? RETIRE_MIN_NS : 2 * k->retire_wait_ns;
    if (k->retire_wait_ns > RETIRE_MAX_NS)
        k->retire_wait_ns = RETIRE_MAX_NS;
    k->retire_at = monotonic_ns() + k->retire_wait_ns;
}

static uint64_t retired_bytes(const struct keeper *k, struct part_usage parts[ARENA_PARTS_MAX])
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < k->retired_count; i++) {
        const struct content *content = k->u->content_of[k->retired[i].index];
        if (content->refs > 1)
            continue;
        bytes += content->id.size;
        contents_add_retired(k->u->contents, content, parts);
    }
    return bytes;
}

/* ---- the loop ---- */

static void on_event(void *ctx, const struct watch_event *event)
{
    struct keeper *k = ctx;

    scopes_add(&k->scopes, event->path, event->complete, 0);
}

static void hear(struct keeper *k, uint64_t now)
{
    if (k->u->watch == NULL)
        return;
    if (!watch_read(k->u->watch, on_event, k)) {
        pool_log_info(k->u->log, "more changes than the kernel keeps (raise "
                                 "fs.inotify.max_queued_events): all of ROOT is looked at");
        scopes_add_all(&k->scopes);
    }
    if (k->scopes_ns == NEVER && !scopes_empty(&k->scopes))
        k->scopes_ns = now + GATHER_NS;
}

static uint64_t rescan_ns(const struct keeper *k)
{
    if (k->rescan_ns != 0)
        return k->rescan_ns;
    return k->u->watch == NULL || watch_refused(k->u->watch) > 0 ? RESCAN_DEFAULT_NS : NEVER;
}

static void snapshot(struct keeper *k)
{
    struct updater *u = k->u;
    struct keeper_report report = {
        .counts = u->counts,
        .usage = extent_map_usage(contents_map(u->contents)),
        .padding = contents_padding(u->contents),
        .versions = k->versions,
        .rescans = k->rescans,
        .files = catalogue_files(u->catalogue) - u->listings.count,
        .file_bytes = catalogue_bytes(u->catalogue) - u->listings.bytes,
        .listings = u->listings.count,
        .listing_bytes = u->listings.bytes,
        .listings_made = u->listings.made,
        .retired = (uint32_t)k->retired_count,
        .watched = u->watch != NULL ? watch_directories(u->watch) : 0,
    };

    contents_usage(u->contents, report.parts);
    report.retired_bytes = retired_bytes(k, report.parts);
    pthread_mutex_lock(&k->lock);
    k->report = report;
    pthread_mutex_unlock(&k->lock);
}

/* ---- verification ---- */

static void wake(struct keeper *k)
{
    uint64_t one = 1;

    (void)!write(k->wake_fd, &one, sizeof(one));
}

static void on_wrong(void *ctx, const char *path)
{
    struct keeper *k = ctx;

    if (listings_is(path)) {
        listings_spoilt(&k->u->listings, k->u->catalogue, path);
        return;
    }
    scopes_add(&k->scopes, path, false, 0);
    k->scopes_ns = 0; /* at once */
}

static void verify_on(struct keeper *k)
{
    struct verify_request request;

    pthread_mutex_lock(&k->lock);
    bool wanted = k->verify_wanted;
    k->verify_wanted = false;
    if (wanted)
        request = k->verify_request;
    pthread_mutex_unlock(&k->lock);
    if (wanted)
        verify_begin(k->verify, &request);
    else if (!verify_report(k->verify)->running)
        return;
    verify_step(k->verify, VERIFY_STEP_NS, on_wrong, k);
    pthread_mutex_lock(&k->lock);
    k->verify_report = *verify_report(k->verify);
    pthread_mutex_unlock(&k->lock);
}

uint64_t keeper_verify(struct keeper *k, const struct verify_request *request)
{
    uint64_t serial = 0;

    pthread_mutex_lock(&k->lock);
    if (!k->ended && !k->verify_wanted && !k->verify_report.running) {
        serial = k->verify_report.serial + 1;
        k->verify_request = *request;
        k->verify_report = (struct verify_report){ .running = true, .serial = serial };
        k->verify_wanted = true;
        wake(k);
    }
    pthread_mutex_unlock(&k->lock);
    return serial;
}

bool keeper_verify_report(struct keeper *k, struct verify_report *report)
{
    pthread_mutex_lock(&k->lock);
    *report = k->verify_report;
    bool there = !k->ended;
    pthread_mutex_unlock(&k->lock);
    return there;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What is due now. */
static void act(struct keeper *k, uint64_t now)
{
    struct updater *u = k->u;

    pthread_mutex_lock(&k->lock);
    uint64_t wanted = k->reloads_wanted;
    bool reload = wanted != k->reloads_done;
    pthread_mutex_unlock(&k->lock);

    if (reload)
        look_at_all(k, true, true);
    else if (now >= k->rescan_at)
        look_at_all(k, false, false);
    if (now >= u->later_ns) {
        u->later_ns = NEVER;
        take_back(&u->later, k, now);
    }
    /* With listings alone to be made, scopes are empty. */
    if (now >= earlier(k->scopes_ns, u->listings.due_ns)) {
        k->scopes_ns = u->listings.due_ns = NEVER;
        if (k->scopes.all)
            look_at_all(k, false, false);
        else
            look(k, &k->scopes, false, false);
    }
    retired_look(k, now);
    verify_on(k);
    if (reload || now >= k->rescan_at || k->rescan_at == NEVER)
        k->rescan_at = rescan_ns(k) == NEVER ? NEVER : monotonic_ns() + rescan_ns(k);

    snapshot(k);
    if (reload) {
        pthread_mutex_lock(&k->lock);
        k->reloads_done = wanted;
        pthread_cond_broadcast(&k->reloaded);
        pthread_mutex_unlock(&k->lock);
    }
}

static void wait_for_work(struct keeper *k)
{
    uint64_t due = earlier(earlier(k->scopes_ns, k->u->later_ns), k->rescan_at), now, value;
    struct pollfd fds[2] = {
        { .fd = k->wake_fd, .events = POLLIN },
        { .fd = k->u->watch != NULL ? watch_fd(k->u->watch) : -1, .events = POLLIN },
    };

    due = earlier(due, k->u->listings.due_ns);
    if (k->retired_count > 0)
        due = earlier(due, k->retire_at);
    if (verify_report(k->verify)->running)
        due = 0;
    now = monotonic_ns();
    uint64_t ms = due <= now ? 0 : (due - now + NS_PER_MS - 1) / NS_PER_MS;
    /* While events are gathered more of them need not wake us. */
    poll(fds, k->scopes_ns == NEVER ? 2 : 1,
         due == NEVER       ? -1
         : ms > 3600 * 1000 ? 3600 * 1000
                            : (int)ms);
    if ((fds[0].revents & POLLIN) != 0)
        (void)!read(k->wake_fd, &value, sizeof(value));
}

static void *keeper_main(void *arg)
{
    struct keeper *k = arg;

    pthread_setname_np(pthread_self(), "hw-pool");
    while (!stopping(k)) {
        wait_for_work(k);
        hear(k, monotonic_ns());
        act(k, monotonic_ns());
    }
    pthread_mutex_lock(&k->lock);
    k->ended = true;
    pthread_cond_broadcast(&k->reloaded);
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

/* ---- from outside ---- */

struct keeper *keeper_start(const struct keeper_config *config, char *error, size_t error_bytes)
{
    struct keeper *k = calloc(1, sizeof(*k));

    if (k == NULL) {
        pool_error(error, error_bytes, "pool: out of memory");
        return NULL;
    }
    *k = (struct keeper){
        .u = config->updater,
        .readers = config->readers,
        .rescan_ns = config->rescan_ns,
        .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        .scopes_ns = NEVER,
        .versions = 1,
        .retire_wait_ns = RETIRE_MIN_NS,
    };
    k->verify = verify_create(k->u);
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->reloaded, NULL);
    k->rescan_at = rescan_ns(k) == NEVER ? NEVER : monotonic_ns() + rescan_ns(k);
    k->u->stop = &k->stop;
    snapshot(k);
    int failed = k->verify == NULL ? ENOMEM
                 : k->wake_fd < 0  ? errno
                                   : pthread_create(&k->thread, NULL, keeper_main, k);
    if (failed == 0)
        return k;
    pool_error(error, error_bytes, "pool: its thread does not start: %s", strerror(failed));
    if (k->wake_fd >= 0)
        close(k->wake_fd);
    verify_destroy(k->verify);
    free(k);
    return NULL;
}

void keeper_stop(struct keeper *k)
{
    if (k == NULL || stopping(k))
        return;
    __atomic_store_n(&k->stop, true, __ATOMIC_RELAXED);
    wake(k);
    pthread_join(k->thread, NULL);
}

void keeper_destroy(struct keeper *k)
{
    if (k == NULL)
        return;
    k->u->stop = NULL;
    verify_destroy(k->verify);
    scopes_destroy(&k->scopes);
    close(k->wake_fd);
    free(k->retired);
    free(k);
}

bool keeper_reload(struct keeper *k, bool wait)
{
    pthread_mutex_lock(&k->lock);
    uint64_t mine = ++k->reloads_wanted;
    wake(k);
    while (wait && k->reloads_done < mine && !k->ended)
        pthread_cond_wait(&k->reloaded, &k->lock);
    bool done = k->reloads_done >= mine;
    pthread_mutex_unlock(&k->lock);
    return done;
}

void keeper_report(struct keeper *k, struct keeper_report *report)
{
    pthread_mutex_lock(&k->lock);
    *report = k->report;
    pthread_mutex_unlock(&k->lock);
}
