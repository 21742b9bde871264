/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bad wire between two Ethernet ports, for tests on kernels without netem:
 *
 *   bridge [options] PORT PORT      PORT: packet:IFNAME[@NETNS] or tap:IFNAME[@NETNS]
 *
 * Frames that arrive at one port leave by the other, less what the options take or do to them.
 * Every option takes one value for both directions or two, VALUE,VALUE: from the first port to the
 * second, and back. Prints "ready" once both ports are open, runs until SIGTERM or SIGINT, then
 * prints what it did, one line per direction.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "bridge_port.h"
#include "impair.h"

#define FRAME_BYTES_MAX 65536
/* Frames taken from one port before the other gets its turn. */
#define BURST_FRAMES 64

struct options {
    struct impair_config config[2];
    const char *port[2];
};

static volatile sig_atomic_t stop_requested;

static void on_signal(int signo)
{
    stop_requested = 1;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void usage(FILE *out)
{
    fputs(
        "usage: bridge [options] PORT PORT    PORT: packet:IFNAME[@NETNS] | tap:IFNAME[@NETNS]\n"
        "each option: VALUE for both directions, or VALUE,VALUE (first to second port, and back)\n"
        "  --loss PERCENT        frames lost, independently of each other\n"
        "  --reorder PERCENT     frames held back until later ones have passed\n"
        "  --reorder-ms MS       how long these are held back (default 1)\n"
        "  --duplicate PERCENT   frames sent twice\n"
        "  --corrupt PERCENT     frames with one bit flipped behind the Ethernet header\n"
        "  --delay MS            every frame is held back by this\n"
        "  --rate MBIT           megabits per second, 0: no limit\n"
        "  --frame-overhead N    bytes that the line takes for each frame besides (default 0)\n"
        "  --queue-bytes N       bytes that may wait for the line, 0: no limit (default)\n"
        "  --queue FRAMES        frames held at the most, waiting or delayed (default 4096)\n"
        "  --late MS             what leaves so much after its time is counted (default 1)\n"
        "  --seed N              of the random numbers (default 1,2)\n",
        out);
}

/* "3" or "3,0.5" to two numbers that are not negative; -1: it is neither. */
static int parse_pair(const char *text, double value[2])
{
    char *end;

    value[0] = value[1] = strtod(text, &end);
    if (end == text)
        return -1;
    if (*end == ',') {
        text = end + 1;
        value[1] = strtod(text, &end);
        if (end == text)
            return -1;
    }
    return *end != '\0' || !(value[0] >= 0) || !(value[1] >= 0) ? -1 : 0;
}

static int set_option(struct impair_config *c, int option, double v)
{
    switch (option) {
    case 'l':
        c->loss = v / 100;
        break;
    case 'r':
        c->reorder = v / 100;
        break;
    case 'R':
        c->reorder_ns = (uint64_t)(v * NS_PER_MS);
        break;
    case 'd':
        c->duplicate = v / 100;
        break;
    case 'c':
        c->corrupt = v / 100;
        break;
    case 'D':
        c->delay_ns = (uint64_t)(v * NS_PER_MS);
        break;
    case 'b':
        c->rate_bps = (uint64_t)(v * 1e6);
        break;
    case 'o':
        c->frame_overhead = (uint32_t)v;
        break;
    case 'B':
        c->queue_bytes = (uint64_t)v;
        break;
    case 'L':
        c->late_ns = (uint64_t)(v * NS_PER_MS);
        break;
    case 'q':
        c->queue_frames = (uint32_t)v;
        break;
    case 's':
        c->seed = (uint64_t)v;
        break;
    default:
        return -1;
    }
    return 0;
}

static int parse_options(struct options *options, int argc, char **argv)
{
    static const struct option longs[] = {
        { "loss", required_argument, NULL, 'l' },
        { "reorder", required_argument, NULL, 'r' },
        { "reorder-ms", required_argument, NULL, 'R' },
        { "duplicate", required_argument, NULL, 'd' },
        { "corrupt", required_argument, NULL, 'c' },
        { "delay", required_argument, NULL, 'D' },
        { "rate", required_argument, NULL, 'b' },
        { "frame-overhead", required_argument, NULL, 'o' },
        { "queue-bytes", required_argument, NULL, 'B' },
        { "queue", required_argument, NULL, 'q' },
        { "late", required_argument, NULL, 'L' },
        { "seed", required_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option, which;

    for (int i = 0; i < 2; i++)
        options->config[i] = (struct impair_config){ .reorder_ns = NS_PER_MS,
                                                     .queue_frames = 4096,
                                                     .late_ns = NS_PER_MS,
                                                     .seed = 1 + (uint64_t)i };
    while ((option = getopt_long(argc, argv, "", longs, &which)) != -1) {
        double value[2];

        if (option == 'h') {
            usage(stdout);
            exit(0);
        }
        if (option == '?')
            return -1;
        if (parse_pair(optarg, value) < 0 ||
            set_option(&options->config[0], option, value[0]) < 0 ||
            set_option(&options->config[1], option, value[1]) < 0) {
            fprintf(stderr, "bridge: --%s %s: want N or N,N\n", longs[which].name, optarg);
            return -1;
        }
    }
    if (argc - optind != 2) {
        usage(stderr);
        return -1;
    }
    options->port[0] = argv[optind];
    options->port[1] = argv[optind + 1];
    return 0;
}

/* Takes what waits at a port into its link. -1: the port is gone. */
static int take(struct bridge_port *from, struct impair *link, uint64_t now)
{
    static uint8_t frame[FRAME_BYTES_MAX];

    for (int i = 0; i < BURST_FRAMES; i++) {
        ssize_t len = bridge_port_receive(from, frame, sizeof(frame));

        if (len < 0) {
            fprintf(stderr, "bridge: port '%s': %s\n", from->spec, strerror(errno));
            return -1;
        }
        if (len == 0)
            break;
        impair_push(link, frame, (uint32_t)len, now);
    }
    return 0;
}

static void deliver(struct impair *link, struct bridge_port *to, uint64_t now)
{
    struct held_frame *frame;

    while ((frame = impair_pop(link, now))) {
        bridge_port_send(to, frame->data, frame->len);
        free(frame);
    }
}

/* Runs until a signal (0) or until a port is gone (-1). link[i] leads from port[i] to the other. */
static int run(struct bridge_port port[2], struct impair *link[2])
{
    sigset_t open_mask, blocked;
    int result = 0;

    /* Signals come through inside ppoll only: none can slip in between the test and the wait. */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, &open_mask);
    while (!stop_requested && result == 0) {
        struct pollfd fds[2] = { { port[0].fd, POLLIN, 0 }, { port[1].fd, POLLIN, 0 } };
        uint64_t now = now_ns();
        uint64_t due = time_min(impair_deadline(link[0]), impair_deadline(link[1]));
        uint64_t wait_ns = due > now ? due - now : 0;
        struct timespec wait = { (time_t)(wait_ns / NS_PER_S), (long)(wait_ns % NS_PER_S) };

        if (ppoll(fds, 2, due == TIME_NEVER ? NULL : &wait, &open_mask) < 0 && errno != EINTR)
            return -1;
        now = now_ns();
        for (int i = 0; i < 2 && result == 0; i++) {
            if (fds[i].revents)
                result = take(&port[i], link[i], now);
            deliver(link[i], &port[1 - i], now);
        }
    }
    return result;
}

static void print_stats(struct bridge_port *from, struct bridge_port *to, const struct impair *link)
{
    const struct impair_stats *s = impair_stats(link);

    printf(
        "%s -> %s: received %lu forwarded %lu lost %lu reordered %lu duplicated %lu corrupted %lu "
        "full %lu overflowed %lu refused %lu missed %u late %lu late-mean-us %lu late-max-us %lu\n",
        from->spec, to->spec, s->received, s->forwarded, s->lost, s->reordered, s->duplicated,
        s->corrupted, s->full, s->overflowed, to->send_refused, bridge_port_missed(from), s->late,
        s->forwarded ? s->late_sum_ns / s->forwarded / NS_PER_US : 0, s->late_max_ns / NS_PER_US);
}

int main(int argc, char **argv)
{
    struct options options;
    struct bridge_port port[2] = { { .fd = -1 }, { .fd = -1 } };
    struct impair *link[2] = { NULL, NULL };
    struct sigaction action = { .sa_handler = on_signal };
    int status = 1;

    if (parse_options(&options, argc, argv) < 0)
        return 2;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    prctl(PR_SET_TIMERSLACK, 1); /* a frame's time is up when it is, not 50 us later */
    for (int i = 0; i < 2; i++) {
        if (!(link[i] = impair_create(&options.config[i]))) {
            fprintf(stderr, "bridge: out of memory\n");
            goto out;
        }
        if (bridge_port_open(&port[i], options.port[i]) < 0)
            goto out;
    }
    puts("ready");
    fflush(stdout);
    status = run(port, link) == 0 ? 0 : 1;
    print_stats(&port[0], &port[1], link[0]);
    print_stats(&port[1], &port[0], link[1]);

out:
    for (int i = 0; i < 2; i++) {
        bridge_port_close(&port[i]);
        impair_destroy(link[i]);
    }
    return status;
}
