/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Raw frames into the stack: four bytes of configuration, one that says what the port has verified
 * and whether checksums are to be put right, then frames, each after its length (two bytes). A
 * length with the top bit set is a pause of so many milliseconds.
 */
#include <string.h>

#include "base/checksum.h"
#include "stack/internal.h"
#include "wire/ethernet.h"
#include "world.h"

enum { REPAIR = 4, FRAME_MAX = 4096 };

/* Gives the frame the checksums of IPv4, ICMP and ICMPv6, if it is so far in order that it has
 * them. */
static void repair(uint8_t *frame, size_t len)
{
    uint8_t *ip = frame + ETH_HEADER_BYTES;
    struct ip_packet packet;

    if (len < ETH_HEADER_BYTES + IPV4_HEADER_BYTES || !world_parse_ip(frame, len, &packet))
        return;
    if (packet.protocol == IP_PROTOCOL_ICMPV6 && packet.payload_len >= 4)
        icmpv6_checksum_put(frame + (packet.payload - frame), packet.payload_len, &packet.src,
                            &packet.dst);
    if (!ip_addr_is_v4(&packet.src))
        return;
    put_be16(ip + 10, 0);
    put_be16(ip + 10, (uint16_t)~checksum_bytes(ip, packet.header_len));
    if (packet.protocol != IP_PROTOCOL_ICMP || packet.payload_len < 4)
        return;
    uint8_t *icmp = ip + packet.header_len;
    put_be16(icmp + 2, 0);
    put_be16(icmp + 2, (uint16_t)~checksum_bytes(icmp, packet.payload_len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    uint8_t frame[FRAME_MAX];
    struct input in = { data, data + size };

    world_start(&w, &in);
    uint8_t how = input_u8(&in);
    uint32_t flags = how & (FRAME_IP_CHECKSUM_GOOD | FRAME_L4_CHECKSUM_GOOD);
    while (input_left(&in) > 0) {
        size_t len = input_u16(&in);
        if ((len & 0x8000) != 0) {
            world_advance(&w, (len & 0x7fff) * NS_PER_MS);
            continue;
        }
        if (len > FRAME_MAX)
            len = FRAME_MAX;
        const uint8_t *bytes = input_bytes(&in, &len);
        memcpy(frame, bytes, len);
        if ((how & REPAIR) != 0)
            repair(frame, len);
        world_frame(&w, frame, len, flags);
        world_audit(&w, false);
        world_output(&w);
    }
    world_stop(&w);
    return 0;
}
