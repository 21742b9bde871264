/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_pause.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "app/lane.h"
#include "app/log.h"
#include "app/sandbox.h"
#include "app/wild.h"
#include "base/assert.h"
#include "drivers_cfg/rss.h"

#define INBOX_MESSAGES 256

/* Longest sleep: the wall clock is looked at this often. */
#define SLEEP_MAX_NS  NS_PER_S
#define WALL_CHECK_NS NS_PER_S

/* First of a row of doubling sleeps where the driver has no rx interrupt. */
#define NAP_MIN_NS (10 * NS_PER_US)

static_assert(sizeof(struct worker_message) % 4 == 0, "an rte_ring holds elements of whole words");

struct worker {
    /* Each turn. */
    struct clock clock;
    struct rte_ring *inbox;
    unsigned lane_count;
    uint64_t idle_since; /* 0: the last turn had work */
    uint64_t wall_next;
    bool stop;
    bool ending; /* drained or aborted: publish quiet */

    /* When idle. */
    enum config_idle_wait idle_wait;
    uint64_t idle_spin_ns, idle_sleep_ns;
    uint64_t nap_first_ns, nap_ns;
    bool interrupts; /* all lanes' rx interrupts are in epfd */
    bool armed;      /* they are on, and others know that they must wake us */
    int epfd, wake_fd;
    struct rte_epoll_event wake_event;

    /* Set up once. */
    struct worker *const *peers;
    unsigned peer_count, index;
    enum config_sandbox sandbox;
    unsigned devices;
    char name[16];
    struct memory memory;

    /* Read by others. */
    struct counters counters __attribute__((aligned(64))); /* of the loop */
    bool quiet __attribute__((aligned(64)));
    uint64_t catalogue_serial;
    bool asleep;

    struct lane lanes[];
};

/* In lines of their own: others read them, or write to what comes next in memory. */
static_assert(offsetof(struct worker, counters) % 64 == 0 &&
                  offsetof(struct worker, quiet) % 64 == 0 &&
                  offsetof(struct worker, lanes) % 64 == 0 &&
                  offsetof(struct worker, lanes) == offsetof(struct worker, quiet) + 64 &&
                  sizeof(struct worker) % 64 == 0,
              "cache lines of a worker");

static void report_duplicate(const struct stack_news *news)
{
    char ip[IP_ADDR_TEXT_BYTES];
    const uint8_t *m = news->mac.b;

    log_line(CONFIG_LOG_ERROR,
             "address %s is in use by the host with MAC address %02x:%02x:%02x:%02x:%02x:%02x: it "
             "is given up; choose another with --address",
             ip_addr_format(&news->ip, ip), m[0], m[1], m[2], m[3], m[4], m[5]);
}

static void tell_peers(void *ctx, const struct stack_news *news)
{
    const struct lane *lane = ctx;
    struct worker *w = lane->worker;
    struct worker_message message = { .kind = WORKER_NEWS,
                                      .port = (uint16_t)lane->port,
                                      .news = *news };

    if (news->kind == STACK_NEWS_DUPLICATE)
        report_duplicate(news);
    /* A full inbox loses the news: that worker asks the wire itself for a neighbour, and routers
     * repeat what they say. */
    for (unsigned i = 0; i < w->peer_count; i++)
        if (w->peers[i] != w)
            (void)worker_post(w->peers[i], &message);
}

/* Where the port hands frames from remote to local to; NULL: that is not known. */
static struct lane *owner_of(const struct lane *lane, const struct tcp_peer *local,
                             const struct tcp_peer *remote)
{
    const struct worker *w = lane->worker;
    int queue = rss_queue(lane->rss, &remote->ip, remote->port, &local->ip, local->port);

    return queue >= 0 && (unsigned)queue < w->peer_count ? &w->peers[queue]->lanes[lane->port]
                                                         : NULL;
}

static bool flow_is_ours(void *ctx, const struct tcp_peer *local, const struct tcp_peer *remote)
{
    struct lane *lane = ctx, *owner = owner_of(lane, local, remote);

    return owner == NULL || owner == lane;
}

static bool pass_on(void *ctx, const struct frame *frame, const struct tcp_peer *local,
                    const struct tcp_peer *remote)
{
    struct lane *lane = ctx, *owner = owner_of(lane, local, remote);

    if (owner == NULL || owner == lane)
        return false;
    struct rte_mbuf *m = io_rx_take(&lane->rx, frame);
    if (m != NULL && io_strays_put(&owner->strays, m)) {
        worker_wake(owner->worker);
        return true;
    }
    rte_pktmbuf_free(m);
    COUNT(&lane->counters, flow_stray_lost);
    return true;
}

static bool create_inbox(struct worker *w, const struct worker_config *config)
{
    char name[RTE_RING_NAMESIZE];
    struct rte_epoll_event *event = &w->wake_event;

    snprintf(name, sizeof(name), "hw_inbox_%u", config->index);
    w->inbox = rte_ring_create_elem(name, sizeof(struct worker_message), INBOX_MESSAGES,
                                    SOCKET_ID_ANY, RING_F_SC_DEQ);
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->epfd = epoll_create1(EPOLL_CLOEXEC);
    /* Edge-triggered: the counter never needs to be read. */
    event->epdata.event = EPOLLIN | EPOLLET;
    return w->inbox != NULL && w->wake_fd >= 0 && w->epfd >= 0 &&
           rte_epoll_ctl(w->epfd, EPOLL_CTL_ADD, w->wake_fd, event) == 0;
}

static bool create_lanes(struct worker *w, const struct worker_config *config)
{
    w->interrupts = config->idle_wait == CONFIG_IDLE_AUTO;
    for (unsigned i = 0; i < config->lane_count; i++) {
        struct lane_config lane = config->lanes[i];

        w->lane_count = i + 1;
        w->lanes[i].worker = w;
        w->lanes[i].port = i;
        lane.queue = config->index;
        lane.stack.tell = tell_peers;
        lane.stack.tell_ctx = &w->lanes[i];
        if (lane.rss != NULL) {
            lane.stack.flow_is_ours = flow_is_ours;
            lane.stack.pass_on = pass_on;
            lane.stack.flow_ctx = &w->lanes[i];
        }
        if (!lane_create(&w->lanes[i], &lane, &config->clock))
            return false;
        w->interrupts &= w->lanes[i].interrupts;
    }
    return true;
}

struct worker *worker_create(const struct worker_config *config)
{
    struct worker *w =
        memory_alloc(&config->memory, 1, sizeof(*w) + config->lane_count * sizeof(struct lane));

    if (w == NULL)
        return NULL;
    w->memory = config->memory;
    w->epfd = w->wake_fd = -1;
    w->clock = config->clock;
    w->index = config->index;
    w->sandbox = config->sandbox;
    w->devices = config->devices;
    snprintf(w->name, sizeof(w->name), "hw-worker-%u", config->index % 1000);
    w->idle_wait = config->idle_wait;
    w->idle_spin_ns = config->idle_spin_ns;
    w->idle_sleep_ns = config->idle_sleep_ns;
    w->nap_first_ns = w->nap_ns = RTE_MIN(NAP_MIN_NS, config->idle_sleep_ns);
    if (create_inbox(w, config) && create_lanes(w, config))
        return w;
    worker_destroy(w);
    return NULL;
}

void worker_set_peers(struct worker *w, struct worker *const *peers, unsigned count)
{
    w->peers = peers;
    w->peer_count = count;
}

void worker_release_mbufs(struct worker *w, unsigned port)
{
    lane_release_mbufs(&w->lanes[port]);
}

void worker_destroy(struct worker *w)
{
    if (w == NULL)
        return;
    for (unsigned i = 0; i < w->lane_count; i++)
        lane_destroy(&w->lanes[i]);
    if (w->epfd >= 0)
        close(w->epfd);
    if (w->wake_fd >= 0)
        close(w->wake_fd);
    rte_ring_free(w->inbox);
    struct memory memory = w->memory;
    memory_release(&memory, w);
}

bool worker_post(struct worker *w, const struct worker_message *message)
{
    if (rte_ring_enqueue_elem(w->inbox, (void *)(uintptr_t)message, sizeof(*message)) != 0)
        return false;
    worker_wake(w);
    return true;
}

void worker_wake(struct worker *w)
{
    /* Pairs with the fence in arm(): either we see it asleep, or it sees the message. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&w->asleep, __ATOMIC_RELAXED)) {
        uint64_t one = 1;
        (void)!write(w->wake_fd, &one, sizeof(one));
    }
}

const struct counters *worker_port_counters(const struct worker *w, unsigned port)
{
    return &w->lanes[port].counters;
}

void worker_counters_sum(const struct worker *w, struct counters *sum)
{
    counters_sum(sum, &w->counters);
    for (unsigned i = 0; i < w->lane_count; i++)
        counters_sum(sum, &w->lanes[i].counters);
}

bool worker_port_ended(const struct worker *w, unsigned port)
{
    return __atomic_load_n(&w->lanes[port].gone, __ATOMIC_ACQUIRE);
}

bool worker_is_quiet(const struct worker *w)
{
    return __atomic_load_n(&w->quiet, __ATOMIC_ACQUIRE);
}

uint64_t worker_catalogue_serial(const struct worker *w)
{
    return __atomic_load_n(&w->catalogue_serial, __ATOMIC_ACQUIRE);
}

static void pin_add(struct file_pin *sum, struct file_pin pin)
{
    sum->in_flight += pin.in_flight;
    sum->responses += pin.responses;
}

struct file_pin worker_file_pin(const struct worker *w, uint32_t index)
{
    struct file_pin sum = { 0 };

    for (unsigned i = 0; i < w->lane_count; i++)
        pin_add(&sum, http_server_file_pin(w->lanes[i].http, index));
    return sum;
}

struct file_pin worker_pins(const struct worker *w)
{
    struct file_pin sum = { 0 };

    for (unsigned i = 0; i < w->lane_count; i++)
        pin_add(&sum, http_server_pins(w->lanes[i].http));
    return sum;
}

/* --- the loop ----------------------------------------------------------------------------------
 */

#define FOR_EACH_LANE(w, lane)                                                                     \
    for (struct lane *lane = (w)->lanes; lane < (w)->lanes + (w)->lane_count; lane++)

static void drain(struct worker *w, void (*end)(struct stack *, uint64_t), uint64_t now)
{
    FOR_EACH_LANE (w, lane)
        end(lane->stack, now);
    w->ending = true;
}

/* Returns whether there was a message. */
static bool read_inbox(struct worker *w, uint64_t now)
{
    struct worker_message message;

    if (LIKELY(rte_ring_empty(w->inbox)) ||
        rte_ring_dequeue_elem(w->inbox, &message, sizeof(message)) != 0)
        return false;
    switch (message.kind) {
    case WORKER_NEWS:
        stack_hear(w->lanes[message.port].stack, &message.news, now);
        break;
    case WORKER_CATALOGUE:
        /* All packets of the turns before are with the ports, or counted in their backlogs. */
        FOR_EACH_LANE (w, lane)
            http_server_catalogue(lane->http, message.version.catalogue);
        __atomic_store_n(&w->catalogue_serial, message.version.serial, __ATOMIC_RELEASE);
        break;
    case WORKER_PORT_GONE:
        lane_epoll(&w->lanes[message.port], w->epfd, false);
        lane_end(&w->lanes[message.port], now);
        break;
    case WORKER_DRAIN:
        drain(w, stack_drain, now);
        break;
    case WORKER_ABORT:
        drain(w, stack_abort_all, now);
        break;
    case WORKER_STOP:
        w->stop = true;
        break;
#ifdef HW_DEBUG
    case WORKER_WILD:
        wild_send(w->lanes[0].tx, now);
        break;
#endif
    }
    return true;
}

/* Before sleeping: interrupts on, and others are told to wake us. There is one more turn between
 * this and the sleep, for what came in before. */
static void arm(struct worker *w)
{
    w->armed = true;
    FOR_EACH_LANE (w, lane) {
        lane_reclaim(lane);
        lane_interrupt(lane, true);
    }
    __atomic_store_n(&w->asleep, true, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void disarm(struct worker *w)
{
    w->armed = false;
    __atomic_store_n(&w->asleep, false, __ATOMIC_RELAXED);
    FOR_EACH_LANE (w, lane)
        lane_interrupt(lane, false);
}

static void sleep_until_frame(struct worker *w, uint64_t room)
{
    struct rte_epoll_event events[CONFIG_PORTS_MAX + 1];
    int ms = (int)(room / NS_PER_MS);

    if (ms == 0) { /* too short for epoll: the timer would be late */
        rte_pause();
        return;
    }
    if (!w->armed) {
        arm(w);
        return;
    }
    COUNT(&w->counters, loop_idle_waits);
    (void)rte_epoll_wait(w->epfd, events, RTE_DIM(events), ms);
    disarm(w);
}

static void nap(struct worker *w, uint64_t room)
{
    uint64_t ns = w->nap_ns < room ? w->nap_ns : room;
    struct timespec duration = { .tv_sec = (time_t)(ns / NS_PER_S),
                                 .tv_nsec = (long)(ns % NS_PER_S) };

    if (w->nap_ns == w->nap_first_ns)
        FOR_EACH_LANE (w, lane)
            lane_reclaim(lane);
    COUNT(&w->counters, loop_idle_waits);
    nanosleep(&duration, NULL);
    w->nap_ns = RTE_MIN(2 * w->nap_ns, w->idle_sleep_ns);
}

static uint64_t next_deadline(struct worker *w)
{
    uint64_t deadline = TIME_NEVER;

    FOR_EACH_LANE (w, lane)
        deadline = RTE_MIN(deadline, lane_deadline(lane));
    return deadline;
}

static void idle(struct worker *w, uint64_t now)
{
    if (w->idle_since == 0)
        w->idle_since = now;
    if (w->idle_wait == CONFIG_IDLE_POLL || now - w->idle_since < w->idle_spin_ns) {
        rte_pause();
        return;
    }
    uint64_t deadline = next_deadline(w);
    if (deadline <= now)
        return;
    uint64_t room = RTE_MIN(deadline - now, SLEEP_MAX_NS);
    if (w->interrupts)
        sleep_until_frame(w, room);
    else
        nap(w, room);
}

static void busy(struct worker *w)
{
    w->idle_since = 0;
    w->nap_ns = w->nap_first_ns;
    if (w->armed)
        disarm(w);
}

/* No connection is left, and what they had to say is sent. */
static bool is_quiet(struct worker *w)
{
    uint32_t connections = 0;

    FOR_EACH_LANE (w, lane)
        connections += lane->gone ? 0 : stack_connections(lane->stack);
    return connections == 0;
}

static void check_wall(struct worker *w, uint64_t now)
{
    int64_t offset = lane_wall_offset(&w->clock);

    w->wall_next = now + WALL_CHECK_NS;
    FOR_EACH_LANE (w, lane)
        http_server_wall_offset(lane->http, offset);
}

static void turn(struct worker *w)
{
    bool work = false;

    FOR_EACH_LANE (w, lane)
        work |= lane_receive(lane);
    uint64_t now = clock_now(&w->clock);
    FOR_EACH_LANE (w, lane)
        work |= lane_input(lane, now);
    work |= read_inbox(w, now);
    FOR_EACH_LANE (w, lane)
        work |= lane_output(lane, now);
    COUNT(&w->counters, loop_turns);

    if (UNLIKELY(now >= w->wall_next))
        check_wall(w, now);
    if (UNLIKELY(w->ending))
        __atomic_store_n(&w->quiet, !work && is_quiet(w), __ATOMIC_RELEASE);
    if (work) {
        busy(w);
        return;
    }
    FOR_EACH_LANE (w, lane)
        lane_idle(lane);
    idle(w, now);
}

/* Sleeping until a frame comes is possible only where each port would wake us. */
static void watch_queues(struct worker *w, bool add)
{
    FOR_EACH_LANE (w, lane) {
        lane_epoll(lane, w->epfd, add);
        w->interrupts &= lane->epoll;
    }
}

int worker_main(void *arg)
{
    struct worker *w = arg;
    char error[SANDBOX_ERROR_BYTES];

    pthread_setname_np(pthread_self(), w->name);
    if (w->interrupts)
        watch_queues(w, true);
    if (w->index == 0)
        FOR_EACH_LANE (w, lane)
            stack_announce(lane->stack);
    if (!sandbox_worker(w->sandbox, w->devices, w->name, error))
        log_line(CONFIG_LOG_WARNING, "%s", error);
    while (!w->stop)
        turn(w);
    watch_queues(w, false);
    return 0;
}
