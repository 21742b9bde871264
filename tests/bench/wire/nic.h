/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other end of the server's queue pair: device, network and clients in one loop, for a core of
 * its own (or, for profiles, in turns with the server on one core). It reads descriptors and
 * headers; payload only to verify it.
 */
#ifndef BENCH_WIRE_NIC_H
#define BENCH_WIRE_NIC_H

#include <stdbool.h>
#include <stdint.h>

#include "clients.h"
#include "queue.h"
#include "stats.h"

struct nic_config {
    struct queue *queue;
    bool sink; /* take packets and forget them: no network, no clients */

    struct mac_addr server_mac;
    uint32_t server_ip, gateway_ip; /* host order; clients lie behind the gateway */
    uint32_t client_ip;             /* of the first */
    uint16_t server_port, mtu;
    bool checksum_offload; /* packets come without checksums, frames go with a verdict */
    bool verify;           /* every payload byte and every checksum */

    const char *folder; /* files are folder/0, folder/1, ... */
    uint32_t files;
    uint64_t file_bytes; /* of each */

    uint32_t clients;
    uint16_t ack_every;
    uint64_t ack_delay_ns;
    uint64_t rtt_ns;
    double request_interval_ns; /* as clients_config's */
    double loss;
    uint32_t window; /* a client's, in bytes */
    bool one_per_connection;
    uint64_t seed;
};

struct nic;

/* NULL: out of memory. */
struct nic *nic_create(const struct nic_config *config);
/* NULL is allowed. */
void nic_destroy(struct nic *nic);

/* One turn. False: there was nothing to do. */
bool nic_turn(struct nic *nic, uint64_t now);

/* Takes all packets that are left without hearing them: after the server has ended. */
void nic_drain(struct nic *nic);

/* Counts the turn that took so many cycles. */
void nic_account(struct nic *nic, bool busy, uint64_t cycles);

const struct wire_stats *nic_stats(const struct nic *nic);

/* How long answers took since nic_latency_clear(). */
const struct latency *nic_latency(const struct nic *nic);
void nic_latency_clear(struct nic *nic);

#endif
