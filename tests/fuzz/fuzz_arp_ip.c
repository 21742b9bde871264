/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Raw frames into the stack: four bytes of configuration, one that says what the port has verified,
 * then frames, each after its length (two bytes). A length with the top bit set is a pause of so
 * many milliseconds.
 */
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct input in = { data, data + size };

    world_start(&w, &in);
    uint32_t flags = input_u8(&in) & (FRAME_IP_CHECKSUM_GOOD | FRAME_L4_CHECKSUM_GOOD);
    while (input_left(&in) > 0) {
        size_t len = input_u16(&in);
        if ((len & 0x8000) != 0) {
            world_advance(&w, (len & 0x7fff) * NS_PER_MS);
            continue;
        }
        const uint8_t *frame = input_bytes(&in, &len);
        world_frame(&w, frame, len, flags);
        world_audit(&w, false);
        world_output(&w);
    }
    world_stop(&w);
    return 0;
}
