/* SPDX-License-Identifier: BSD-3-Clause */
/* What the wire saw and did. Whatever is an error fails the bench. */
#ifndef BENCH_WIRE_STATS_H
#define BENCH_WIRE_STATS_H

#include <stdint.h>

/* X(name, meaning) */
#define WIRE_STATS(X)                                                                              \
    X(packets, "packets the device took (a super-segment is one)")                                 \
    X(descriptors, "descriptors of them")                                                          \
    X(bytes, "their bytes, Ethernet header included")                                              \
    X(segments, "segments on the wire that carry data: super-segments are cut")                    \
    X(lost, "segments with data that the network lost on purpose")                                 \
    X(frames, "frames delivered to the server")                                                    \
    X(acks, "ACKs without data among them")                                                        \
    X(body_bytes, "file bytes received in order by clients")                                       \
    X(requests, "requests sent")                                                                   \
    X(responses, "responses received to their last byte")                                          \
    X(connects, "connections begun")                                                               \
    X(established, "handshakes finished")                                                          \
    X(closes, "connections closed by FIN both ways")                                               \
    X(out_of_order, "segments beyond a hole")                                                      \
    X(retransmissions, "segments below one that was seen before")                                  \
    X(duplicates, "segments of which no byte was new")                                             \
    X(not_kept, "segments beyond more holes than a client notes")                                  \
    X(stale, "segments for a connection that is over")                                             \
    X(client_resends, "SYNs, requests and FINs sent again")                                        \
    X(verified_bytes, "payload bytes compared with what they must be")                             \
    X(error_frame, "errors: packet malformed, or its lengths contradict each other")               \
    X(error_checksum, "errors: checksum field wrong")                                              \
    X(error_content, "errors: packets with a wrong byte")                                          \
    X(error_response, "errors: response head wrong, or too many or too few bytes")                 \
    X(error_sequence, "errors: acknowledges what was not sent")                                    \
    X(error_reset, "errors: connections reset")                                                    \
    X(turns, "turns of the device's loop")                                                         \
    X(busy_cycles, "cycles of turns that did something")                                           \
    X(idle_cycles, "cycles of turns that did nothing")

struct wire_stats {
#define WIRE_STAT_FIELD(name, meaning) uint64_t name;
    WIRE_STATS(WIRE_STAT_FIELD)
#undef WIRE_STAT_FIELD
};

#endif
