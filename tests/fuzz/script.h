/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an input of fuzz_frames says: operations, a byte each (modulo SCRIPT_OPS) and its operands.
 * Numbers of segments are given relative to the live connection, so that a byte changed here is a
 * segment a little off there. seeds.py writes such scripts; the order below is its format.
 */
#ifndef FUZZ_SCRIPT_H
#define FUZZ_SCRIPT_H

#include "world.h"

enum script_op {
    OP_OPEN,     /* peer options: SYN, then the ACK of its SYN-ACK */
    OP_REQUEST,  /* peer which: a request, in order */
    OP_ACK,      /* peer how window16: an ACK of something */
    OP_SEGMENT,  /* peer flags segment-spec: any segment */
    OP_DATA,     /* peer ahead len8 bytes: text from the input, `ahead` bytes out of order */
    OP_SACK,     /* peer how n n*(from, len): an ACK with SACK blocks, in eighths of what is sent */
    OP_TIME,     /* exponent: 2^exponent microseconds */
    OP_DEADLINE, /* to the stack's next deadline */
    OP_ICMP,     /* peer type code mtu16 place shape: an error that quotes the connection */
    OP_ARP,      /* peer kind: ARP, or neighbour discovery where the peer speaks IPv6 */
    OP_RAW,      /* flags len16 bytes */
    OP_TWEAK,    /* at8 xor8 how: changes the next frame */
    OP_HOLD,     /* n: output waits for n operations */
    OP_CONTROL,  /* which: drain, abort all, announce, learn a neighbour */
    OP_CLOSE,    /* peer how: FIN or RST, in order */
    OP_COOKIE, /* peer which xor8: the latest cookie comes back with a request, its echo changed */
    SCRIPT_OPS,
};

struct script {
    struct world *world;
    struct input in;
    uint8_t tweak_at, tweak_xor, tweak_how; /* tweak_xor 0: none */
    unsigned hold;
};

/* Runs one operation. */
void script_step(struct script *s);

#endif
