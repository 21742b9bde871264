/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looks at each packet that the stack fills in, as the port and the peer would: headers, checksums,
 * references, and whether a segment may be sent at this place of the stream.
 */
#ifndef FUZZ_OBSERVER_H
#define FUZZ_OBSERVER_H

#include "base/tx_slot.h"
#include "http/http.h"
#include "stack/stack.h"
#include "wire/tcp_segment.h"

/* Stream bytes of one direction that are remembered, to compare what is sent again. */
#define OBSERVER_STREAM_BYTES 65536

/* What is known of one peer's latest connection. */
struct observed {
    bool known;
    uint32_t iss, irs;
    uint64_t sent;  /* end of all that was sent (stream offset, the SYN is 0) */
    uint64_t right; /* the furthest that the peer's windows ever reached */
    uint64_t fin;   /* where our FIN stands, 0: not sent */
    uint8_t stream[OBSERVER_STREAM_BYTES];
};

struct observer {
    const struct stack_config *config;
    const struct http_server *http;
    const struct catalogue *catalogue;
};

/* Makes of a run's slots, `left` there are, packets to be looked at one by one. */
void observe_run(const struct observer *o, struct tx_slot *run, unsigned left);

/*
 * Checks slot. If it is a TCP segment, seg is it (payload not set) and true is returned; the caller
 * then finds the peer and calls observe_segment().
 */
bool observe_slot(const struct observer *o, const struct tx_slot *slot, struct tcp_segment *seg);
void observe_segment(struct observed *c, const struct tx_slot *slot, const struct tcp_segment *seg);

#endif
