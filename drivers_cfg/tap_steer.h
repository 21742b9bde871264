/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which queue of a TAP interface a frame comes to. Left to itself the kernel takes its own hash of
 * the frame. It is not always one of the flow: of a frame that a program sends with its 802.1Q tag
 * in it (a packet socket, not a VLAN interface) the kernel takes the IP header for the tag's, and
 * the hash is of the frame's length. So a program of ours hashes: an eBPF socket filter on the
 * interface (TUNSETSTEERINGEBPF). What it returns, modulo the queues, is the queue.
 */
#ifndef DRIVERS_CFG_TAP_STEER_H
#define DRIVERS_CFG_TAP_STEER_H

#include <stdint.h>

struct bpf_insn;

/* The hash of a frame with TCP: of the words of its addresses and, as one more word, its ports, in
 * any order. The program computes the same; of all other frames 0. */
uint32_t tap_steer_hash(const uint32_t *words, unsigned count);

/* The program, *count instructions. */
const struct bpf_insn *tap_steer_program(unsigned *count);

/* Gives it to the kernel: its file, which the caller closes; -1: errno. */
int tap_steer_load(void);

#endif
