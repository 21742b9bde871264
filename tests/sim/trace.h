/* SPDX-License-Identifier: BSD-3-Clause */
/* What happened, for people: a line per packet, and a capture file for Wireshark or tcpdump. */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include "sim.h"

struct pcap;

/* NULL: the file cannot be written (errno says why). */
struct pcap *pcap_open(const char *path);
void pcap_write(struct pcap *pcap, const struct packet *packet, uint64_t time_ns);
void pcap_close(struct pcap *pcap); /* NULL is allowed */

/* `what` says what became of the packet: "<" into the server, ">" out of it, or why it was lost. */
void trace_packet(struct sim *sim, const char *what, const struct packet *packet);
/* The packet is also one that a capture at the server's port would show. */
void trace_capture(struct sim *sim, const char *what, const struct packet *packet);

#endif
