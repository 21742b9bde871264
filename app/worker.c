/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_pause.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "app/access_log.h"
#include "app/log.h"
#include "app/sandbox.h"
#include "app/stream_link.h"
#include "app/wild.h"
#include "base/assert.h"
#include "drivers_cfg/rss.h"
#include "io/eth.h"
#include "io/pools.h"
#include "io/rx.h"
#include "io/strays.h"
#include "io/tap.h"
#include "io/tx.h"

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
    struct stack *stack;
    struct io_tx *tx;
    struct rte_ring *inbox;
    const struct stream_link *stream; /* NULL: nothing is streamed */
    uint64_t idle_since;              /* 0: the last turn had work */
    uint64_t wall_next;
    bool stop;
    bool ending; /* drained or aborted: publish quiet */
    struct io_rx rx;
    struct io_strays strays; /* frames from other workers' queues */

    /* When idle. */
    enum config_idle_wait idle_wait;
    uint64_t idle_spin_ns, idle_sleep_ns;
    uint64_t nap_first_ns, nap_ns;
    bool interrupts; /* the queue's rx interrupt is in epfd */
    bool armed;      /* it is on, and others know that they must wake us */
    int epfd, wake_fd;
    struct rte_epoll_event wake_event;

    /* Set up once. */
    struct io_eth eth;
    struct io_tap tap; /* fd >= 0: instead of eth */
    struct rte_epoll_event tap_event;
    struct http_server *http;
    struct access_log_ring *access_log;
    struct worker *const *peers;
    unsigned peer_count, index;
    const struct rss *rss; /* NULL: which flows are whose is not known */
    enum config_sandbox sandbox;
    enum device_kind device;
    char name[16];
    struct memory memory;

    /* Read by others. */
    struct counters counters __attribute__((aligned(64)));
    bool quiet __attribute__((aligned(64)));
    uint64_t catalogue_serial;
    bool asleep;
};

static int64_t wall_offset(const struct clock *clock)
{
    struct timespec wall;

    clock_gettime(CLOCK_REALTIME, &wall); /* vDSO: no system call */
    return (int64_t)wall.tv_sec * (int64_t)NS_PER_S + wall.tv_nsec - (int64_t)clock_now(clock);
}

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
    struct worker *w = ctx;
    struct worker_message message = { .kind = WORKER_NEWS, .news = *news };

    if (news->kind == STACK_NEWS_DUPLICATE)
        report_duplicate(news);
    /* A full inbox loses the news: that worker asks the wire itself for a neighbour, and routers
     * repeat what they say. */
    for (unsigned i = 0; i < w->peer_count; i++)
        if (w->peers[i] != w)
            (void)worker_post(w->peers[i], &message);
}

/* Whose queue the port hands frames from remote to local to; NULL: that is not known. */
static struct worker *owner_of(const struct worker *w, const struct tcp_peer *local,
                               const struct tcp_peer *remote)
{
    int queue = rss_queue(w->rss, &remote->ip, remote->port, &local->ip, local->port);

    return queue >= 0 && (unsigned)queue < w->peer_count ? w->peers[queue] : NULL;
}

static bool flow_is_ours(void *ctx, const struct tcp_peer *local, const struct tcp_peer *remote)
{
    struct worker *w = ctx, *owner = owner_of(w, local, remote);

    return owner == NULL || owner == w;
}

static bool pass_on(void *ctx, const struct frame *frame, const struct tcp_peer *local,
                    const struct tcp_peer *remote)
{
    struct worker *w = ctx, *owner = owner_of(w, local, remote);

    if (owner == NULL || owner == w)
        return false;
    struct rte_mbuf *m = io_rx_take(&w->rx, frame);
    if (m != NULL && io_strays_put(&owner->strays, m)) {
        worker_wake(owner);
        return true;
    }
    rte_pktmbuf_free(m);
    COUNT(&w->counters, flow_stray_lost);
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

static bool create_stack(struct worker *w, const struct worker_config *config)
{
    struct http_config http = config->http;
    struct stack_config stack = config->stack;

    http.wall_offset_ns = wall_offset(&config->clock);
    http.log_ctx = w;
    http.counters = &w->counters;
    http.memory = config->memory;
    if (getrandom(http.seed, sizeof(http.seed), 0) != sizeof(http.seed))
        return false;
    w->http = http_server_create(&http);
    if (w->http == NULL || getrandom(stack.seed, sizeof(stack.seed), 0) != sizeof(stack.seed))
        return false;
    stack.app = &http_app;
    stack.app_ctx = w->http;
    stack.counters = &w->counters;
    stack.memory = config->memory;
    stack.tell = tell_peers;
    stack.tell_ctx = w;
    stack.shared = config->shared;
    if (config->rss != NULL) {
        stack.flow_is_ours = flow_is_ours;
        stack.pass_on = pass_on;
        stack.flow_ctx = w;
    }
    w->stack = stack_create(&stack, clock_now(&config->clock));
    return w->stack != NULL;
}

static bool create_io(struct worker *w, const struct worker_config *config)
{
    const struct port_caps *caps = &config->port->caps;

    w->eth = (struct io_eth){ .port = config->port->id,
                              .queue = (uint16_t)config->index,
                              .tx_done = caps->tx_done };
    if (w->index < config->port->tap.queues)
        w->tap = (struct io_tap){ .fd = config->port->tap.fd[w->index], .rx = config->pools->rx };
    struct io_tx_config tx = {
        .wire = w->tap.fd >= 0 ? io_tap_wire(&w->tap) : io_eth_wire(&w->eth, caps->tx_prepare),
        .heads = config->pools->heads,
        .extents = config->pools->extents,
        .arena = config->arena,
        .page_split = caps->tx_page_split,
        .extents_max = caps->tx_extents_max,
        .ip_checksum = caps->tx_ip_checksum,
        .tcp_checksum = caps->tx_tcp_checksum,
        .linear = caps->tx_linear,
        .counters = &w->counters,
        .memory = config->memory,
    };

    io_rx_init(&w->rx, tx.wire, &w->counters);
    if (config->rss != NULL && !io_strays_create(&w->strays, config->index))
        return false;
    w->tx = io_tx_create(&tx);
    return w->tx != NULL;
}

void worker_log(void *worker, const struct http_record *record)
{
    struct worker *w = worker;

    access_log_put(w->access_log, record, &w->counters);
}

struct worker *worker_create(const struct worker_config *config)
{
    struct worker *w = memory_alloc(&config->memory, 1, sizeof(*w));

    if (w == NULL)
        return NULL;
    w->memory = config->memory;
    w->epfd = w->wake_fd = w->tap.fd = -1;
    w->clock = config->clock;
    w->rss = config->rss;
    w->stream = config->stream;
    w->index = config->index;
    w->access_log = config->access_log;
    w->sandbox = config->sandbox;
    w->device = config->device;
    snprintf(w->name, sizeof(w->name), "hw-worker-%u", config->index % 1000);
    w->idle_wait = config->idle_wait;
    w->idle_spin_ns = config->idle_spin_ns;
    w->idle_sleep_ns = config->idle_sleep_ns;
    w->nap_first_ns = w->nap_ns = RTE_MIN(NAP_MIN_NS, config->idle_sleep_ns);
    w->interrupts = config->port->caps.rx_interrupts && config->idle_wait == CONFIG_IDLE_AUTO;
    if (create_inbox(w, config) && create_stack(w, config) && create_io(w, config))
        return w;
    worker_destroy(w);
    return NULL;
}

void worker_set_peers(struct worker *w, struct worker *const *peers, unsigned count)
{
    w->peers = peers;
    w->peer_count = count;
}

void worker_release_mbufs(struct worker *w)
{
    io_tx_destroy(w->tx);
    w->tx = NULL;
    io_strays_destroy(&w->strays);
    io_tap_release(&w->tap);
}

void worker_destroy(struct worker *w)
{
    if (w == NULL)
        return;
    worker_release_mbufs(w);
    if (w->stack != NULL)
        stack_destroy(w->stack);
    if (w->http != NULL)
        http_server_destroy(w->http);
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

const struct counters *worker_counters(const struct worker *w)
{
    return &w->counters;
}

bool worker_is_quiet(const struct worker *w)
{
    return __atomic_load_n(&w->quiet, __ATOMIC_ACQUIRE);
}

uint64_t worker_catalogue_serial(const struct worker *w)
{
    return __atomic_load_n(&w->catalogue_serial, __ATOMIC_ACQUIRE);
}

struct file_pin worker_file_pin(const struct worker *w, uint32_t index)
{
    return http_server_file_pin(w->http, index);
}

struct file_pin worker_pins(const struct worker *w)
{
    return http_server_pins(w->http);
}

/* --- the loop ----------------------------------------------------------------------------------
 */

/* Returns whether there was a message. */
static bool read_inbox(struct worker *w, uint64_t now)
{
    struct worker_message message;

    if (LIKELY(rte_ring_empty(w->inbox)) ||
        rte_ring_dequeue_elem(w->inbox, &message, sizeof(message)) != 0)
        return false;
    switch (message.kind) {
    case WORKER_NEWS:
        stack_hear(w->stack, &message.news, now);
        break;
    case WORKER_CATALOGUE:
        /* All packets of the turns before are with the port, or counted in its backlog. */
        http_server_catalogue(w->http, message.version.catalogue);
        __atomic_store_n(&w->catalogue_serial, message.version.serial, __ATOMIC_RELEASE);
        break;
    case WORKER_DRAIN:
        stack_drain(w->stack, now);
        w->ending = true;
        break;
    case WORKER_ABORT:
        stack_abort_all(w->stack, now);
        w->ending = true;
        break;
    case WORKER_STOP:
        w->stop = true;
        break;
#ifdef HW_DEBUG
    case WORKER_WILD:
        wild_send(w->tx, now);
        break;
#endif
    }
    return true;
}

/* Frames from other workers' queues. Returns whether there were any. */
static bool read_strays(struct worker *w, uint64_t now)
{
    if (io_strays_empty(&w->strays))
        return false;
    unsigned n = io_strays_burst(&w->strays);
    stack_input(w->stack, w->strays.frames, n, now);
    io_strays_release(&w->strays);
    return n != 0;
}

/* Returns whether packets were made, or wait for the port or for mbufs. */
static bool send_burst(struct worker *w, uint64_t now)
{
    unsigned room;

    if (!io_tx_flush(w->tx, now))
        return true;
    struct tx_slot *slots = io_tx_slots(w->tx, &room);
    unsigned n = stack_output(w->stack, slots, room, now);
    io_tx_send(w->tx, n, now);
    return n > 0 || room < IO_TX_BURST;
}

/* Before sleeping: interrupts on, and others are told to wake us. There is one more turn between
 * this and the sleep, for what came in before. */
static void arm(struct worker *w)
{
    w->armed = true;
    io_tx_reclaim(w->tx);
    /* Drivers whose queue is a file need no switch; they answer ENOTSUP. */
    if (w->tap.fd < 0)
        (void)rte_eth_dev_rx_intr_enable(w->eth.port, w->eth.queue);
    __atomic_store_n(&w->asleep, true, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void disarm(struct worker *w)
{
    w->armed = false;
    __atomic_store_n(&w->asleep, false, __ATOMIC_RELAXED);
    if (w->tap.fd < 0)
        (void)rte_eth_dev_rx_intr_disable(w->eth.port, w->eth.queue);
}

static void sleep_until_frame(struct worker *w, uint64_t room)
{
    struct rte_epoll_event events[2];
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
    (void)rte_epoll_wait(w->epfd, events, 2, ms);
    disarm(w);
}

static void nap(struct worker *w, uint64_t room)
{
    uint64_t ns = w->nap_ns < room ? w->nap_ns : room;
    struct timespec duration = { .tv_sec = (time_t)(ns / NS_PER_S),
                                 .tv_nsec = (long)(ns % NS_PER_S) };

    if (w->nap_ns == w->nap_first_ns)
        io_tx_reclaim(w->tx);
    COUNT(&w->counters, loop_idle_waits);
    nanosleep(&duration, NULL);
    w->nap_ns = RTE_MIN(2 * w->nap_ns, w->idle_sleep_ns);
}

static void idle(struct worker *w, uint64_t now)
{
    if (w->idle_since == 0)
        w->idle_since = now;
    if (w->idle_wait == CONFIG_IDLE_POLL || now - w->idle_since < w->idle_spin_ns) {
        rte_pause();
        return;
    }
    uint64_t deadline = stack_deadline(w->stack);
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

static void turn(struct worker *w)
{
    unsigned frames = io_rx_burst(&w->rx);
    uint64_t now = clock_now(&w->clock);
    bool work = w->rx.mbuf_count > 0;

    if (work) {
        stack_input(w->stack, w->rx.frames, frames, now);
        io_rx_release(&w->rx);
    }
    work |= read_strays(w, now);
    work |= read_inbox(w, now);
    if (UNLIKELY(w->stream != NULL))
        work |= stream_link_read(w->stream, w->stack, w->http, now);
    work |= send_burst(w, now);
    if (UNLIKELY(w->stream != NULL))
        work |= stream_link_ask(w->stream, w->http);
    COUNT(&w->counters, loop_turns);

    if (UNLIKELY(now >= w->wall_next)) {
        w->wall_next = now + WALL_CHECK_NS;
        http_server_wall_offset(w->http, wall_offset(&w->clock));
    }
    if (UNLIKELY(w->ending))
        __atomic_store_n(&w->quiet, !work && stack_connections(w->stack) == 0, __ATOMIC_RELEASE);
    if (work) {
        busy(w);
        return;
    }
    if (UNLIKELY(w->stream != NULL && http_stream_ending(w->http)))
        io_tx_reclaim(w->tx);
    idle(w, now);
}

/* Whether a frame in the queue shall end a sleep. False: the driver cannot tell. */
static bool watch_queue(struct worker *w, bool watch)
{
    if (w->tap.fd < 0)
        return rte_eth_dev_rx_intr_ctl_q(w->eth.port, w->eth.queue, w->epfd,
                                         watch ? RTE_INTR_EVENT_ADD : RTE_INTR_EVENT_DEL,
                                         NULL) == 0;
    w->tap_event.epdata.event = EPOLLIN;
    return rte_epoll_ctl(w->epfd, watch ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, w->tap.fd,
                         &w->tap_event) == 0;
}

int worker_main(void *arg)
{
    struct worker *w = arg;
    char error[SANDBOX_ERROR_BYTES];

    pthread_setname_np(pthread_self(), w->name);
    if (w->interrupts)
        w->interrupts = watch_queue(w, true);
    if (w->index == 0)
        stack_announce(w->stack);
    if (!sandbox_worker(w->sandbox, w->device, w->name, error))
        log_line(CONFIG_LOG_WARNING, "%s", error);
    while (!w->stop)
        turn(w);
    if (w->interrupts)
        (void)watch_queue(w, false);
    return 0;
}
