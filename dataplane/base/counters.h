/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters of one worker. Every drop has a reason and every reason a counter.
 *
 * The owning worker writes (counter_add), any thread may read (counter_read) while it runs: both
 * are relaxed atomic accesses of an aligned 64-bit word, which cost no more than plain ones. Sums
 * over workers are taken by the reader. The table below is the only list: names, help, output
 * formats and the telemetry command derive from it.
 */
#ifndef BASE_COUNTERS_H
#define BASE_COUNTERS_H

#include <stdint.h>

/* X(name, what one more of it means) */
#define COUNTERS(X)                                                                                \
    /* port */                                                                                     \
    X(rx_frames, "frames received")                                                                \
    X(rx_bytes, "bytes received, Ethernet header included")                                        \
    X(rx_drop_scattered, "frame longer than an rx buffer")                                         \
    X(tx_packets, "packets handed to the port (a TSO super-segment is one)")                       \
    X(tx_bytes, "bytes handed to the port, Ethernet header included")                              \
    X(tx_full, "times the port took fewer packets than offered; the rest was offered again")       \
    X(tx_drop_refused, "packets the port's tx_prepare refused")                                    \
    X(tx_drop_stuck, "packets dropped: the port took nothing for too long")                        \
    X(mbuf_exhausted, "times a packet could not be built for want of an mbuf; it is retried")      \
    /* payload: the promise of zero copy */                                                        \
    X(payload_bytes_referenced, "file bytes handed to the port by reference")                      \
    X(payload_bytes_copied, "file bytes copied by the CPU")                                        \
    X(response_head_bytes, "bytes of HTTP response heads sent")                                    \
    /* Ethernet, ARP, IP, ICMP */                                                                  \
    X(eth_drop_short, "frame shorter than its headers")                                            \
    X(eth_drop_not_ours, "frame for another MAC address")                                          \
    X(eth_drop_type, "EtherType not served")                                                       \
    X(eth_drop_vlan, "frame of another VLAN, or untagged where a VLAN is set")                     \
    X(arp_drop_malformed, "ARP packet malformed or not IPv4 over Ethernet")                        \
    X(arp_request_in, "ARP request for our address answered")                                      \
    X(arp_request_out, "ARP request sent")                                                         \
    X(arp_reply_in, "ARP reply received")                                                          \
    X(ndp_drop_malformed, "neighbour discovery message not valid (RFC 4861 sections 6.1, 7.1)")    \
    X(ndp_solicit_in, "neighbour solicitation for our address answered")                           \
    X(ndp_solicit_out, "neighbour solicitation sent")                                              \
    X(ndp_advert_in, "neighbour advertisement received")                                           \
    X(ndp_ignored, "valid neighbour discovery message of no use to us")                            \
    X(router_advert_in, "router advertisement taken note of")                                      \
    X(router_solicit_out, "router solicitation sent")                                              \
    X(mld_query_in, "multicast listener query for a group of ours received")                       \
    X(mld_report_out, "multicast listener report sent")                                            \
    X(address_duplicate, "our address is used by another host: given up")                          \
    X(autoconf_full, "router's prefix or route ignored: no room in the table")                     \
    X(neighbour_evicted, "oldest neighbour forgotten to make room")                                \
    X(neighbour_full, "no room for a neighbour: all are in use or being asked for")                \
    X(neighbour_unresolved, "packet held back: next hop's MAC address not known yet")              \
    X(ip_drop_malformed, "IP header malformed or length wrong")                                    \
    X(ip_drop_checksum, "IPv4 header checksum wrong")                                              \
    X(ip_drop_not_ours, "IP packet for another address")                                           \
    X(ip_drop_fragment, "IP fragment (not reassembled)")                                           \
    X(ip_drop_extension, "IPv6 extension headers: too many, or asking for what we do not do")      \
    X(ip_drop_source, "source address that no peer may have (multicast, broadcast, loopback, 0)")  \
    X(ip_drop_protocol, "transport protocol not served")                                           \
    X(icmp_drop_malformed, "ICMP message malformed or checksum wrong")                             \
    X(icmp_echo_in, "ICMP echo request answered")                                                  \
    X(icmp_error_in, "ICMP error taken note of")                                                   \
    X(icmp_drop_stale, "ICMP error that fits no connection or no byte in flight")                  \
    X(icmp_error_told, "ICMP error for a connection of another worker, perhaps: all are told")     \
    X(icmp_error_out, "ICMP error sent")                                                           \
    X(control_full, "reply dropped: control queue full")                                           \
    /* TCP: segments */                                                                            \
    X(tcp_in, "segments received")                                                                 \
    X(tcp_out, "segments sent, in units of the wire")                                              \
    X(tcp_drop_malformed, "segment header or option malformed")                                    \
    X(tcp_drop_checksum, "segment checksum wrong")                                                 \
    X(tcp_drop_no_connection, "segment for no connection (answered with RST if it was no RST)")    \
    X(tcp_drop_unacceptable, "segment outside the window (answered with an ACK)")                  \
    X(tcp_drop_paws, "segment older than its timestamps allow")                                    \
    X(tcp_drop_no_timestamp, "segment without the timestamps that were agreed on")                 \
    X(tcp_drop_ack, "segment whose ACK is not acceptable")                                         \
    X(tcp_drop_memory, "received bytes not kept: no reassembly buffer, peer sends them again")     \
    X(tcp_rst_in, "RST accepted")                                                                  \
    X(tcp_rst_out, "RST sent")                                                                     \
    X(tcp_challenge_ack, "challenge ACK sent (RFC 5961)")                                          \
    X(tcp_challenge_limited, "challenge ACK, or ACK of a segment outside the window, not sent")    \
    X(tcp_ack_needless, "ACKs left out: the next one in the burst said the same and more")         \
    X(tcp_dup_ack_in, "duplicate ACKs received")                                                   \
    X(tcp_sack_ignored, "SACK block ignored: out of bounds or no range left to note it")           \
    X(flow_stray, "segments of flows that are another worker's: handed to it")                     \
    X(flow_stray_lost, "of these, lost: that worker had no room for them")                         \
    /* TCP: recovery */                                                                            \
    X(tcp_retransmit, "segments retransmitted")                                                    \
    X(tcp_retransmit_bytes, "bytes retransmitted")                                                 \
    X(tcp_rto, "retransmission time-outs")                                                         \
    X(tcp_recovery, "fast recoveries entered")                                                     \
    X(tcp_undone, "recoveries undone: nothing had been lost (Eifel, D-SACK, F-RTO)")               \
    X(tcp_rto_undone, "of these, after a time-out")                                                \
    X(tcp_ecn, "connections with ECN negotiated")                                                  \
    X(tcp_ecn_ce_in, "segments received with the ECN mark of a congested router")                  \
    X(tcp_ecn_reduced, "windows reduced because the peer reported such marks")                     \
    X(tcp_mtu_reduced, "smaller segments after time-outs: the path may drop large ones")           \
    X(tcp_mtu_probe, "larger segments sent to find out whether the path takes them")               \
    X(tcp_mtu_raised, "of these, got through")                                                     \
    X(tcp_tlp, "tail loss probes sent")                                                            \
    X(tcp_reneged, "SACK reneging found at a time-out")                                            \
    X(tcp_keepalive, "keep-alive probes sent")                                                     \
    X(tcp_window_probe, "zero-window probes sent")                                                 \
    X(tcp_range_exhausted, "times no range was left: neighbouring ranges share a transmit time")   \
    /* TCP: connections */                                                                         \
    X(tcp_open_passive, "connections accepted")                                                    \
    X(tcp_open_active, "connections opened from here")                                             \
    X(tcp_connect_refused, "of these, refused by the peer's RST")                                  \
    X(tcp_connect_unreachable, "of these, given up: peer or next hop cannot be reached")           \
    X(tcp_connect_no_answer, "of these, given up: no answer to the SYN")                           \
    X(tcp_cookie_sent, "SYNs answered with a cookie: backlog full")                                \
    X(tcp_cookie_accepted, "connections opened by a cookie that came back")                        \
    X(tcp_cookie_rejected, "ACKs for no connection, while cookies were out, that held none")       \
    X(tcp_established, "handshakes finished")                                                      \
    X(tcp_close_orderly, "connections closed by FIN both ways")                                    \
    X(tcp_close_reset, "connections ended by the peer's RST")                                      \
    X(tcp_close_aborted, "connections we aborted")                                                 \
    X(tcp_close_timeout, "connections given up: peer gone")                                        \
    X(tcp_time_wait_recycled, "TIME-WAIT ended early to make room or by a newer SYN")              \
    X(tcp_refused_full, "SYN refused: connection table full")                                      \
    X(tcp_refused_draining, "SYN refused: server is shutting down")                                \
    /* HTTP */                                                                                     \
    X(http_requests, "requests answered")                                                          \
    X(http_2xx, "responses with status 2xx")                                                       \
    X(http_3xx, "responses with status 3xx")                                                       \
    X(http_4xx, "responses with status 4xx")                                                       \
    X(http_5xx, "responses with status 5xx")                                                       \
    X(http_redirected, "requests answered by a site's redirect")                                   \
    X(http_denied, "requests refused: the client's address may not (403)")                         \
    X(http_limited, "requests refused: too many of the client's address (429)")                    \
    X(http_busy, "requests refused: too many connections of the client's address (429)")           \
    X(http_client_uncounted, "clients whose connections were not counted: table full")             \
    X(http_client_evicted, "clients whose requests were limited forgotten: table full")            \
    X(http_timeout_header, "connections closed: request head not complete in time")                \
    X(http_timeout_body, "connections closed: request body not complete in time")                  \
    X(http_timeout_idle, "keep-alive connections closed: idle")                                    \
    X(http_timeout_write, "connections aborted: response not taken by the client in time")         \
    X(http_body_malformed, "connections closed: a request's chunked body was none")                \
    X(http_body_long, "connections closed: a request's chunked body went over the limit")          \
    X(http_request_exhausted, "connections refused: no parser left for a partial request")         \
    X(http_response_exhausted, "times a response had to wait: none left in the pool")              \
    X(access_log_lines, "lines of the access log written")                                         \
    X(access_log_dropped, "records of requests dropped: the access log's ring was full")           \
    X(access_log_lost, "lines of the access log that could not be written")                        \
    /* streamed files: a worker's side */                                                          \
    X(stream_asked, "chunks that a response needed and the streamer was asked for")                \
    X(stream_held, "chunks that a response needed and this worker held already")                   \
    X(stream_wait_chunk, "times a response had sent all it had before its next chunk came")        \
    X(stream_wait_lease, "times a response waited because all leases were in use")                 \
    X(stream_exhausted, "requests answered 503: too many streamed responses under way")            \
    X(stream_broken, "responses refused or broken off: the file cannot be read or has changed")    \
    /* streamed files: the streamer's side */                                                      \
    X(stream_hit, "chunks asked for that were in the cache")                                       \
    X(stream_shared, "chunks asked for that were being read for somebody else")                    \
    X(stream_miss, "chunks read from disk")                                                        \
    X(stream_evicted, "chunks given up to make room")                                              \
    X(stream_read_bytes, "bytes read from disk into the cache")                                    \
    X(stream_read_failed, "chunks that could not be read: disk error, or the file changed")        \
    X(stream_opened, "times a streamed file was opened")                                           \
    /* worker */                                                                                   \
    X(loop_turns, "turns of the worker's loop")                                                    \
    X(loop_idle_waits, "times the worker went to sleep for want of work")

struct counters {
#define COUNTER_FIELD(name, help) uint64_t name;
    COUNTERS(COUNTER_FIELD)
#undef COUNTER_FIELD
};

struct counter_info {
    const char *name;
    const char *help;
};

/* In the order of the fields of struct counters. */
extern const struct counter_info counter_infos[];
extern const unsigned counter_count;

static inline void counter_add(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

static inline uint64_t counter_read(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* Adds every counter of from to into (from may be live, into is the caller's own). */
void counters_sum(struct counters *into, const struct counters *from);

#define COUNT(counters, name)      counter_add(&(counters)->name, 1)
#define COUNT_N(counters, name, n) counter_add(&(counters)->name, (n))

#endif
