/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network card's transmit side. It takes slots into a ring, reads their bytes when it is their
 * turn on the wire, and gives the pins back some time later. What it computes itself (checksums,
 * TSO) it checks first: whether the stack left it what such hardware needs.
 */
#ifndef SIM_NIC_H
#define SIM_NIC_H

#include "sim.h"
#include "stack/stack.h"

enum nic_mode {
    NIC_SOFTWARE, /* computes nothing */
    NIC_CHECKSUM,
    NIC_TSO, /* and checksums */
};

#define NIC_RING_MAX 1024

struct nic_config {
    enum nic_mode mode;
    unsigned ring; /* packets, <= NIC_RING_MAX */
    double rate_bps;
    uint64_t complete_ns; /* a packet is completed at most so long after it was sent */
    uint32_t tso_bytes_max;
    uint8_t extents_max;
    unsigned burst; /* slots per call of stack_output */
};

struct nic_packet {
    uint8_t *head; /* a copy of the slot's */
    struct tx_slot slot;
    uint64_t sent_at, done_at;
    int64_t acked; /* by the client, when the slot was taken */
    bool sent;
};

struct nic {
    struct sim *sim;
    const struct nic_config *config;
    uint16_t mtu, vlan;
    struct prng prng;
    uint64_t busy_until;
    struct nic_packet packet[NIC_RING_MAX]; /* a ring: first those sent, then those to be sent */
    unsigned head, count, sent;
};

/* vlan: the tag that all frames must bear, 0: none. */
void nic_init(struct nic *nic, struct sim *sim, const struct nic_config *config, uint16_t mtu,
              uint16_t vlan);
void nic_destroy(struct nic *nic);
unsigned nic_room(const struct nic *nic);
/* Checks the slot, adds to the pins of its extents, copies its head. */
void nic_take(struct nic *nic, const struct tx_slot *slot);
/* Before: makes of a run's slots, `left` there are, packets. */
void nic_split(struct nic *nic, struct tx_slot *run, unsigned left);
uint64_t nic_deadline(const struct nic *nic);
/* Sends what is due and releases what is done. */
void nic_run(struct nic *nic);

#endif
