/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/wild.h"

#include <string.h>

#include "base/bytes.h"

#define PAGE_BYTES     4096
#define TYPE_LOCAL_EXP 0x88b5

/* From us to everybody. */
static const uint8_t addresses[] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x00, 'W', 'I', 'L', 'D',
};

/* An extent must lie in one page. */
static uint8_t page[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));

static_assert(WILD_BYTES <= PAGE_BYTES, "the extent lies in one page");

const uint8_t *wild_page(void)
{
    return page;
}

static void page_fill(void)
{
    const size_t len = strlen(WILD_PHRASE);

    for (size_t at = 0; at + len <= PAGE_BYTES; at += len)
        memcpy(page + at, WILD_PHRASE, len);
}

bool wild_send(struct io_tx *tx, uint64_t now)
{
    static struct file_pin pin; /* the driver may free the mbuf long after this */
    unsigned room = 0;

    if (!io_tx_flush(tx, now))
        return false;
    struct tx_slot *slot = io_tx_slots(tx, &room);
    if (room == 0)
        return false;
    page_fill();
    memcpy(slot->head, addresses, sizeof(addresses));
    put_be16(slot->head + sizeof(addresses), TYPE_LOCAL_EXP);
    slot->head_len = slot->l2_len = sizeof(addresses) + 2;
    slot->l3_len = slot->l4_len = 0;
    slot->ipv4 = slot->tcp = false;
    slot->tso_mss = 0;
    slot->payload_len = 0;
    slot->packets = slot->extent_count = 1;
    slot->extent[0] = (struct tx_extent){ .data = page, .len = WILD_BYTES, .pin = &pin };
    io_tx_send(tx, 1, now);
    return true;
}
