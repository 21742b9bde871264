/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Raw bytes as a TCP segment: parse, emit, parse again. The first byte's lowest bit says whether
 * the port has verified the checksum; if not, a right one is put in.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "fuzz.h"
#include "wire/tcp_segment.h"

/* Parses an exact copy, so that the sanitizer sees what is read behind it. */
static enum tcp_parse_result parse(const uint8_t *p, size_t len, bool checksum_good,
                                   struct tcp_segment *seg, uint32_t *payload_at)
{
    uint8_t *copy = malloc(len != 0 ? len : 1);
    struct ip_packet ip = { .src = ip_addr_from_v4(0x0a470001),
                            .dst = ip_addr_from_v4(0x0a470002),
                            .payload = copy,
                            .payload_len = (uint32_t)len,
                            .protocol = IP_PROTOCOL_TCP };

    FUZZ_CHECK(copy != NULL, "no memory");
    memcpy(copy, p, len);
    if (!checksum_good && len >= TCP_HEADER_BYTES) {
        put_be16(copy + 16, 0);
        uint64_t sum = (uint64_t)ip_pseudo_sum(&ip.src, &ip.dst, IP_PROTOCOL_TCP) + len +
                       checksum_bytes(copy, len);
        tcp_checksum_put(copy, (uint16_t)~checksum_fold(sum));
    }
    enum tcp_parse_result result = tcp_segment_parse(&ip, checksum_good, seg);
    FUZZ_CHECK(result != TCP_PARSE_BAD_CHECKSUM, "a right checksum was refused");
    if (result == TCP_PARSE_OK) {
        FUZZ_CHECK(seg->payload >= copy + TCP_HEADER_BYTES &&
                       seg->payload + seg->payload_len == copy + len,
                   "payload of %u bytes in %zu", seg->payload_len, len);
        FUZZ_CHECK(seg->sack_count <= TCP_SACK_BLOCKS_MAX, "%u SACK blocks", seg->sack_count);
        *payload_at = (uint32_t)(seg->payload - copy);
    }
    free(copy);
    return result;
}

static void check_same(const struct tcp_segment *a, const struct tcp_segment *b)
{
    bool syn = (a->flags & TCP_SYN) != 0;

    FUZZ_CHECK(a->src_port == b->src_port && a->dst_port == b->dst_port && a->seq == b->seq &&
                   a->ack == b->ack && a->flags == b->flags && a->window == b->window,
               "header");
    FUZZ_CHECK(a->has_timestamps == b->has_timestamps && a->ts_value == b->ts_value &&
                   a->ts_echo == b->ts_echo,
               "timestamps");
    FUZZ_CHECK(b->has_mss == (syn && a->has_mss) && b->mss == (syn ? a->mss : 0), "MSS");
    FUZZ_CHECK(b->has_window_scale == (syn && a->has_window_scale) &&
                   b->window_scale == (syn ? a->window_scale : 0),
               "window scale");
    FUZZ_CHECK(b->sack_permitted == (syn && a->sack_permitted), "SACK permitted");
    unsigned room = a->has_timestamps ? 3 : 4; /* RFC 2018 section 3 */
    unsigned blocks = syn ? 0 : a->sack_count < room ? a->sack_count : room;
    FUZZ_CHECK(b->sack_count == blocks, "%u SACK blocks of %u", b->sack_count, a->sack_count);
    FUZZ_CHECK(memcmp(a->sack, b->sack, blocks * sizeof(a->sack[0])) == 0, "SACK blocks");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tcp_segment seg, again, third;
    uint32_t at;

    if (size == 0 || size > 65535 ||
        parse(data + 1, size - 1, (data[0] & 1) != 0, &seg, &at) != TCP_PARSE_OK)
        return 0;

    uint8_t *emitted = malloc(TCP_HEADER_BYTES_MAX), *twice = malloc(TCP_HEADER_BYTES_MAX);
    FUZZ_CHECK(emitted != NULL && twice != NULL, "no memory");
    uint32_t len = tcp_segment_emit(emitted, &seg);
    FUZZ_CHECK(len >= TCP_HEADER_BYTES && len <= TCP_HEADER_BYTES_MAX && len % 4 == 0, "%u", len);
    FUZZ_CHECK(parse(emitted, len, true, &again, &at) == TCP_PARSE_OK && at == len,
               "what was emitted is refused");
    check_same(&seg, &again);
    FUZZ_CHECK(tcp_segment_emit(twice, &again) == len && memcmp(emitted, twice, len) == 0,
               "emitted again it is another");
    FUZZ_CHECK(parse(twice, len, false, &third, &at) == TCP_PARSE_OK, "with checksum");
    free(emitted);
    free(twice);
    return 0;
}
