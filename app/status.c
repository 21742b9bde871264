/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/status.h"

#include <time.h>
#include <unistd.h>

#include "app/control.h"

static long long value(const json_t *counters, const char *name)
{
    return json_integer_value(json_object_get(counters, name));
}

static double rate(const json_t *before, const json_t *now, const char *name, double seconds)
{
    return (double)(value(now, name) - value(before, name)) / seconds;
}

void status_print(const json_t *before, const json_t *now, double seconds, FILE *out)
{
    fprintf(out,
            "connections  %lld established (%.0f/s); closed: %lld in order, %lld reset, %lld "
            "aborted, %lld gone; %lld refused\n",
            value(now, "tcp_established"), rate(before, now, "tcp_established", seconds),
            value(now, "tcp_close_orderly"), value(now, "tcp_close_reset"),
            value(now, "tcp_close_aborted"), value(now, "tcp_close_timeout"),
            value(now, "tcp_refused_full"));
    fprintf(out, "requests     %lld (%.0f/s): %lld 2xx, %lld 3xx, %lld 4xx, %lld 5xx\n",
            value(now, "http_requests"), rate(before, now, "http_requests", seconds),
            value(now, "http_2xx"), value(now, "http_3xx"), value(now, "http_4xx"),
            value(now, "http_5xx"));
    fprintf(out,
            "sent         %lld bytes (%.3f Gb/s), %lld packets; of files %lld bytes by reference, "
            "%lld copied\n",
            value(now, "tx_bytes"), rate(before, now, "tx_bytes", seconds) * 8e-9,
            value(now, "tx_packets"), value(now, "payload_bytes_referenced"),
            value(now, "payload_bytes_copied"));
    fprintf(out, "received     %lld bytes (%.3f Gb/s), %lld frames\n", value(now, "rx_bytes"),
            rate(before, now, "rx_bytes", seconds) * 8e-9, value(now, "rx_frames"));
    fprintf(out, "sent again   %lld segments (%.0f/s), %lld time-outs\n",
            value(now, "tcp_retransmit"), rate(before, now, "tcp_retransmit", seconds),
            value(now, "tcp_rto"));
    fprintf(out, "access log   %lld lines, %lld dropped, %lld lost\n",
            value(now, "access_log_lines"), value(now, "access_log_dropped"),
            value(now, "access_log_lost"));
}

static void link_text(const json_t *port, char text[32])
{
    long long mbps = value(port, "link_mbps");

    if (value(port, "link_up") == 0)
        snprintf(text, 32, "down");
    else if (mbps == 0)
        snprintf(text, 32, "up");
    else
        snprintf(text, 32, "up at %g Gb/s", (double)mbps / 1000.0);
}

/* What the server is there, and has done. */
static void print_served(const json_t *served, FILE *out)
{
    if (served == NULL)
        return;
    fprintf(out, "             %s, %s", json_string_value(json_object_get(served, "device")),
            json_string_value(json_object_get(served, "addresses")));
    if (value(served, "vlan") != 0)
        fprintf(out, ", VLAN %lld", value(served, "vlan"));
    fprintf(out, ": %lld connections, %lld requests, %lld bytes sent\n",
            value(served, "tcp_established"), value(served, "http_requests"),
            value(served, "tx_bytes"));
}

void status_print_port(unsigned number, const json_t *port, FILE *out)
{
    char link[32], name[24];

    snprintf(name, sizeof(name), "port %u", number);
    if (json_object_get(port, "driver") == NULL) {
        fprintf(out, "%-12s taken away\n", name);
        print_served(json_object_get(port, "served"), out);
        return;
    }
    link_text(port, link);
    fprintf(out,
            "%-12s %s, %s; received %lld, missed %lld, errors %lld, without mbuf %lld; sent %lld, "
            "errors %lld; rests %s\n",
            name, json_string_value(json_object_get(port, "driver")), link,
            value(port, "rx_packets"), value(port, "rx_missed"), value(port, "rx_errors"),
            value(port, "rx_no_mbuf"), value(port, "tx_packets"), value(port, "tx_errors"),
            value(port, "rx_interrupts") != 0 ? "until an rx interrupt" : "in naps");
    print_served(json_object_get(port, "served"), out);
}

/* A port, with what its driver counts besides, and what is served there; without the first two if
 * its device was taken away. NULL: there are no more. */
static json_t *port_ask(const struct control *control, unsigned number)
{
    char command[48], error[CONTROL_ERROR_BYTES];

    snprintf(command, sizeof(command), "/hugewire/served,%u", number);
    json_t *served = control_ask(control, command, error);
    if (served == NULL || json_object_size(served) == 0) {
        json_decref(served);
        return NULL;
    }
    snprintf(command, sizeof(command), "/hugewire/port,%u", number);
    json_t *port = control_ask(control, command, error);
    if (port == NULL)
        port = json_object();
    json_object_set_new(port, "served", served);
    snprintf(command, sizeof(command), "/hugewire/xstats,%u", number);
    json_t *xstats = control_ask(control, command, error);
    if (xstats != NULL)
        json_object_set_new(port, "xstats", xstats);
    return port;
}

static json_t *ports_ask(const struct control *control)
{
    char error[CONTROL_ERROR_BYTES];
    json_t *count = control_ask(control, "/hugewire/ports", error), *ports = json_array();

    for (unsigned i = 0; count != NULL && i < (unsigned)value(count, "ports"); i++) {
        json_t *port = port_ask(control, i);
        if (port != NULL)
            json_array_append_new(ports, port);
    }
    json_decref(count);
    return ports;
}

static void ports_print(const json_t *ports, FILE *out)
{
    size_t i;
    json_t *port;

    json_array_foreach(ports, i, port) status_print_port((unsigned)i, port, out);
}

static double clock_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* False: error says why. */
static bool tell(const struct control *control, bool json, FILE *out,
                 char error[CONTROL_ERROR_BYTES])
{
    json_t *workers = control_ask(control, "/hugewire/workers", error);
    json_t *before = workers != NULL ? control_ask(control, "/hugewire/counters", error) : NULL;
    json_t *now = NULL, *ports = before != NULL ? ports_ask(control) : NULL;
    double start = clock_seconds();

    if (before != NULL && json) {
        json_object_set_new(workers, "pid", json_integer(control->pid));
        json_object_set(workers, "counters", before);
        json_object_set(workers, "ports", ports);
        json_dumpf(workers, out, JSON_INDENT(2));
        fputc('\n', out);
    } else if (before != NULL) {
        sleep(1);
        now = control_ask(control, "/hugewire/counters", error);
    }
    if (now != NULL) {
        fprintf(out, "server %d, %lld workers\n", control->pid, value(workers, "workers"));
        status_print(before, now, clock_seconds() - start, out);
        ports_print(ports, out);
    }
    bool told = now != NULL || (before != NULL && json);
    json_decref(ports);
    json_decref(now);
    json_decref(before);
    json_decref(workers);
    return told;
}

int status_run(int pid, bool json, FILE *out, FILE *errors)
{
    char directory[256], error[CONTROL_ERROR_BYTES];
    struct control control;

    bool told =
        control_open(&control, control_directory(directory, sizeof(directory)), pid, error) &&
        tell(&control, json, out, error);
    control_close(&control);
    if (!told)
        fprintf(errors, "hugewire: %s\n", error);
    return told ? 0 : 2;
}
