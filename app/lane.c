/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/lane.h"

#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>

#include <rte_ethdev.h>

#include "app/access_log.h"
#include "app/stream_link.h"
#include "base/assert.h"
#include "io/pools.h"

/* Cache lines that others read are not written each turn, but for the counters', which are in lines
 * of their own. A lane ends with them, so that the next one begins with a line. */
static_assert(offsetof(struct lane, strays.ring) % 64 == 0 &&
                  offsetof(struct lane, strays.mbuf_count) % 64 == 0,
              "other workers read where a lane's strays go");
static_assert(offsetof(struct lane, counters) % 64 == 0 && sizeof(struct lane) % 64 == 0 &&
                  offsetof(struct lane, counters) + RTE_ALIGN_CEIL(sizeof(struct counters), 64) ==
                      sizeof(struct lane),
              "others read a lane's counters");

int64_t lane_wall_offset(const struct clock *clock)
{
    struct timespec wall;

    clock_gettime(CLOCK_REALTIME, &wall); /* vDSO: no system call */
    return (int64_t)wall.tv_sec * (int64_t)NS_PER_S + wall.tv_nsec - (int64_t)clock_now(clock);
}

/* --- made and unmade ---------------------------------------------------------------------------
 */

static bool create_stack(struct lane *lane, const struct lane_config *config,
                         const struct clock *clock)
{
    struct http_config http = config->http;
    struct stack_config stack = config->stack;

    http.wall_offset_ns = lane_wall_offset(clock);
    http.log_ctx = lane;
    http.counters = &lane->counters;
    http.memory = config->memory;
    if (getrandom(http.seed, sizeof(http.seed), 0) != sizeof(http.seed))
        return false;
    lane->http = http_server_create(&http);
    if (lane->http == NULL || getrandom(stack.seed, sizeof(stack.seed), 0) != sizeof(stack.seed))
        return false;
    stack.app = &http_app;
    stack.app_ctx = lane->http;
    stack.counters = &lane->counters;
    stack.memory = config->memory;
    lane->stack = stack_create(&stack, clock_now(clock));
    return lane->stack != NULL;
}

static bool create_io(struct lane *lane, const struct lane_config *config)
{
    const struct port_caps *caps = &config->port->caps;

    lane->eth = (struct io_eth){ .port = config->port->id,
                                 .queue = (uint16_t)config->queue,
                                 .tx_done = caps->tx_done };
    lane->tap.fd = -1;
    if (config->queue < config->port->tap.queues)
        lane->tap =
            (struct io_tap){ .fd = config->port->tap.fd[config->queue], .rx = config->pools->rx };
    struct io_tx_config tx = {
        .wire =
            lane->tap.fd >= 0 ? io_tap_wire(&lane->tap) : io_eth_wire(&lane->eth, caps->tx_prepare),
        .heads = config->pools->heads,
        .extents = config->pools->extents,
        .arena = config->arena,
        .page_split = caps->tx_page_split,
        .extents_max = caps->tx_extents_max,
        .ip_checksum = caps->tx_ip_checksum,
        .tcp_checksum = caps->tx_tcp_checksum,
        .linear = caps->tx_linear,
        .counters = &lane->counters,
        .memory = config->memory,
    };

    io_rx_init(&lane->rx, tx.wire, &lane->counters);
    if (config->rss != NULL && !io_strays_create(&lane->strays, lane->port, config->queue))
        return false;
    lane->tx = io_tx_create(&tx);
    return lane->tx != NULL;
}

void lane_log(void *ctx, const struct http_record *record)
{
    struct lane *lane = ctx;

    access_log_put(lane->access_log, record, &lane->counters);
}

bool lane_create(struct lane *lane, const struct lane_config *config, const struct clock *clock)
{
    lane->stream = config->stream;
    lane->rss = config->rss;
    lane->access_log = config->access_log;
    lane->interrupts = config->port->caps.rx_interrupts;
    return create_stack(lane, config, clock) && create_io(lane, config);
}

void lane_release_mbufs(struct lane *lane)
{
    io_tx_destroy(lane->tx);
    lane->tx = NULL;
    io_strays_destroy(&lane->strays);
    io_tap_release(&lane->tap);
}

void lane_destroy(struct lane *lane)
{
    lane_release_mbufs(lane);
    if (lane->stack != NULL)
        stack_destroy(lane->stack);
    if (lane->http != NULL)
        http_server_destroy(lane->http);
    lane->stack = NULL;
    lane->http = NULL;
}

/* --- a turn ------------------------------------------------------------------------------------
 */

bool lane_receive(struct lane *lane)
{
    lane->frames = UNLIKELY(lane->gone) ? 0 : io_rx_burst(&lane->rx);
    return lane->rx.mbuf_count > 0;
}

/* Frames from other workers' queues. Returns whether there were any. */
static bool read_strays(struct lane *lane, uint64_t now)
{
    if (io_strays_empty(&lane->strays))
        return false;
    unsigned n = io_strays_burst(&lane->strays);
    stack_input(lane->stack, lane->strays.frames, n, now);
    io_strays_release(&lane->strays);
    return n != 0;
}

bool lane_input(struct lane *lane, uint64_t now)
{
    if (lane->rx.mbuf_count > 0) {
        stack_input(lane->stack, lane->rx.frames, lane->frames, now);
        io_rx_release(&lane->rx);
    }
    return LIKELY(!lane->gone) && read_strays(lane, now);
}

/* Returns whether packets were made, or wait for the port or for mbufs. */
static bool send_burst(struct lane *lane, uint64_t now)
{
    unsigned room;

    if (!io_tx_flush(lane->tx, now))
        return true;
    struct tx_slot *slots = io_tx_slots(lane->tx, &room);
    unsigned n = stack_output(lane->stack, slots, room, now);
    io_tx_send(lane->tx, n, now);
    return n > 0 || room < IO_TX_BURST;
}

bool lane_output(struct lane *lane, uint64_t now)
{
    bool work = false;

    if (UNLIKELY(lane->stream != NULL))
        work |= stream_link_read(lane->stream, lane->stack, lane->http, now);
    work |= LIKELY(!lane->gone) && send_burst(lane, now);
    if (UNLIKELY(lane->stream != NULL))
        work |= stream_link_ask(lane->stream, lane->http);
    return work;
}

uint64_t lane_deadline(const struct lane *lane)
{
    return LIKELY(!lane->gone) ? stack_deadline(lane->stack) : TIME_NEVER;
}

/* --- no work -----------------------------------------------------------------------------------
 */

void lane_reclaim(struct lane *lane)
{
    if (!lane->gone)
        io_tx_reclaim(lane->tx);
}

void lane_idle(struct lane *lane)
{
    if (UNLIKELY(lane->stream != NULL && http_stream_ending(lane->http)))
        lane_reclaim(lane);
}

static bool watch_queue(struct lane *lane, int epfd, bool watch)
{
    if (lane->tap.fd < 0)
        return rte_eth_dev_rx_intr_ctl_q(lane->eth.port, lane->eth.queue, epfd,
                                         watch ? RTE_INTR_EVENT_ADD : RTE_INTR_EVENT_DEL,
                                         NULL) == 0;
    lane->tap_event.epdata.event = EPOLLIN;
    return rte_epoll_ctl(epfd, watch ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, lane->tap.fd,
                         &lane->tap_event) == 0;
}

void lane_epoll(struct lane *lane, int epfd, bool watch)
{
    if (watch != lane->epoll && !lane->gone && watch_queue(lane, epfd, watch))
        lane->epoll = watch;
}

/* Drivers whose queue is a file need no switch; they answer ENOTSUP. */
void lane_interrupt(struct lane *lane, bool on)
{
    if (lane->gone || lane->tap.fd >= 0)
        return;
    if (on)
        (void)rte_eth_dev_rx_intr_enable(lane->eth.port, lane->eth.queue);
    else
        (void)rte_eth_dev_rx_intr_disable(lane->eth.port, lane->eth.queue);
}

/* --- the port is gone --------------------------------------------------------------------------
 */

/* Connections end by being given a turn each; what they would send has no way to go. */
void lane_end(struct lane *lane, uint64_t now)
{
    unsigned room, made;

    if (lane->gone)
        return;
    stack_abort_all(lane->stack, now);
    do {
        struct tx_slot *slots = io_tx_slots(lane->tx, &room);
        made = stack_output(lane->stack, slots, room, now);
    } while (made > 0 && stack_connections(lane->stack) > 0);
    __atomic_store_n(&lane->gone, true, __ATOMIC_RELEASE);
}
