/* SPDX-License-Identifier: BSD-3-Clause */
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "network.h"

struct pcap {
    FILE *file;
};

struct pcap *pcap_open(const char *path)
{
    /* Magic number of nanosecond time stamps, version 2.4, GMT, snap length, Ethernet. */
    const uint32_t header[] = { 0xa1b23c4d, 4u << 16 | 2, 0, 0, 65535, 1 };
    FILE *file = fopen(path, "wb");

    if (file == NULL)
        return NULL;
    struct pcap *pcap = malloc(sizeof(*pcap));
    if (pcap == NULL || fwrite(header, sizeof(header), 1, file) != 1) {
        free(pcap);
        fclose(file);
        return NULL;
    }
    setvbuf(file, NULL, _IONBF, 0); /* so that an abort leaves it whole */
    pcap->file = file;
    return pcap;
}

void pcap_write(struct pcap *pcap, const struct packet *packet, uint64_t time_ns)
{
    const uint32_t record[] = { (uint32_t)(time_ns / NS_PER_S), (uint32_t)(time_ns % NS_PER_S),
                                packet->len, packet->len };

    fwrite(record, sizeof(record), 1, pcap->file);
    fwrite(packet->data, packet->len, 1, pcap->file);
}

void pcap_close(struct pcap *pcap)
{
    if (pcap == NULL)
        return;
    fclose(pcap->file);
    free(pcap);
}

static void print_options(const struct segment *s, uint32_t ack_base)
{
    if (s->mss != 0)
        printf(" mss %u", s->mss);
    if (s->wscale >= 0)
        printf(" wscale %d", s->wscale);
    if (s->sack_permitted)
        printf(" sackOK");
    if (s->timestamps)
        printf(" ts %" PRIu32 ":%" PRIu32, s->tsval, s->tsecr);
    for (unsigned i = 0; i < s->sack_count; i++)
        printf(" {%" PRIu32 "-%" PRIu32 "}", s->sack[i].start - ack_base,
               s->sack[i].end - ack_base);
}

static void print_segment(struct sim *sim, const struct segment *s)
{
    static const char letters[] = "FSRP.UEW";
    bool from_server = s->src_ip == SERVER_IP;
    uint16_t port = from_server ? s->dst_port : s->src_port;
    uint32_t ip = from_server ? s->dst_ip : s->src_ip;
    const struct watch *w = network_watch(sim->network, ip, port);
    uint32_t server_base = w != NULL ? w->isn : 0;
    uint32_t client_base = w != NULL ? w->client_isn : 0;
    char flags[10];
    unsigned n = 0;

    for (unsigned i = 0; letters[i] != '\0'; i++)
        if ((s->flags & 1u << i) != 0)
            flags[n++] = letters[i];
    if (s->ecn == ECN_CE)
        flags[n++] = '!';
    flags[n] = '\0';
    printf("c%-3" PRIu32 ":%-5u %-3s seq %-9" PRIu32 " ack %-9" PRIu32 " len %-5" PRIu32 " win %u",
           ip & 0xffff, port, flags, s->seq - (from_server ? server_base : client_base),
           (s->flags & FLAG_ACK) != 0 ? s->ack - (from_server ? client_base : server_base) : 0,
           s->payload_len, s->window);
    print_options(s, from_server ? client_base : server_base);
}

void trace_packet(struct sim *sim, const char *what, const struct packet *packet)
{
    struct segment segment;
    struct arp arp;
    const char *why;

    if (!sim->trace.verbose)
        return;
    printf("%12.6f %-7s ", (double)(sim->now - sim->epoch) / 1e9, what);
    switch (packet_parse(packet, &segment, &arp, &why)) {
    case PACKET_BAD:
        printf("%u bytes, bad: %s", packet->len, why);
        break;
    case PACKET_TCP:
        print_segment(sim, &segment);
        break;
    case PACKET_ARP:
        printf("%s %s: %#" PRIx32 " asks %#" PRIx32, arp.v6 ? "neighbour" : "ARP",
               arp.operation == 1 ? "request" : "reply", arp.sender_ip, arp.target_ip);
        break;
    case PACKET_OTHER:
        printf("%u bytes, something else", packet->len);
        break;
    }
    printf("\n");
}

void trace_capture(struct sim *sim, const char *what, const struct packet *packet)
{
    trace_packet(sim, what, packet);
    if (sim->trace.pcap != NULL)
        pcap_write(sim->trace.pcap, packet, sim->now);
}
