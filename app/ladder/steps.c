/* SPDX-License-Identifier: BSD-3-Clause */
#include "ladder/steps.h"

#include <stdio.h>
#include <string.h>

#include <liburing.h>

/* Paths are those of Linux 6.5 and later; until then sendfile and splice ended in tcp_sendpage().
 */
const struct step steps[] = {
    {
        .name = "read-write",
        .label = "read + write",
        .send = send_read_write,
        .cpu_copies = 2,
        .cpu_copies_here = 2,
        .dma_copies = 2,
        .path = "filemap_read: copy_page_to_iter; tcp_sendmsg_locked: skb_copy_to_page_nocache",
    },
    {
        .name = "mmap-write",
        .label = "mmap + write",
        .send = send_mmap_write,
        .cpu_copies = 1,
        .cpu_copies_here = 1,
        .dma_copies = 2,
        .path = "filemap_fault, filemap_map_pages; tcp_sendmsg_locked: skb_copy_to_page_nocache",
    },
    {
        .name = "sendfile",
        .label = "sendfile",
        .send = send_sendfile,
        .cpu_copies = 0,
        .cpu_copies_here = 0,
        .dma_copies = 2,
        .path = "do_splice_direct: filemap_splice_read; splice_to_socket: MSG_SPLICE_PAGES, "
                "skb_splice_from_iter",
    },
    {
        .name = "splice",
        .label = "splice through a pipe",
        .send = send_splice,
        .cpu_copies = 0,
        .cpu_copies_here = 0,
        .dma_copies = 2,
        .path = "filemap_splice_read to the pipe; splice_to_socket: MSG_SPLICE_PAGES",
    },
    {
        .name = "vmsplice",
        .label = "mmap + vmsplice + splice",
        .send = send_vmsplice,
        .cpu_copies = 0,
        .cpu_copies_here = 0,
        .dma_copies = 2,
        .path = "vmsplice_to_pipe: iov_iter_get_pages2; splice_to_socket: MSG_SPLICE_PAGES",
    },
    {
        .name = "msg-zerocopy",
        .label = "mmap + send MSG_ZEROCOPY",
        .send = send_msg_zerocopy,
        .cpu_copies = 0,
        .cpu_copies_here = 1,
        .dma_copies = 2,
        .path = "tcp_sendmsg_locked: skb_zerocopy_iter_stream, pins; here skb_orphan_frags_rx: "
                "skb_copy_ubufs",
    },
    {
        .name = "io-uring",
        .label = "mmap + io_uring send",
        .send = send_uring,
        .cpu_copies = 1,
        .cpu_copies_here = 1,
        .dma_copies = 2,
        .path = "io_send: tcp_sendmsg_locked: skb_copy_to_page_nocache",
    },
    {
        .name = "io-uring-zc",
        .label = "mmap + io_uring SEND_ZC",
        .needs_send_zc = true,
        .send = send_uring_zc,
        .cpu_copies = 0,
        .cpu_copies_here = 1,
        .dma_copies = 2,
        .path = "io_send_zc: skb_zerocopy_iter_stream, pins; here skb_copy_ubufs",
    },
    {
        .name = "direct",
        .label = "O_DIRECT by io_uring + send",
        .send = send_direct,
        .cpu_copies = 1,
        .cpu_copies_here = 1,
        .dma_copies = 2,
        .path = "io_read_fixed: iomap_dio_rw, DMA; io_send: skb_copy_to_page_nocache",
    },
    {
        .name = "java-map",
        .label = "Java MappedByteBuffer + write",
        .sender = STEP_JAVA,
        .cpu_copies = 1,
        .cpu_copies_here = 1,
        .dma_copies = 2,
        .path = "as mmap + write",
    },
    {
        .name = "java-transfer",
        .label = "Java FileChannel.transferTo",
        .sender = STEP_JAVA,
        .cpu_copies = 0,
        .cpu_copies_here = 0,
        .dma_copies = 2,
        .path = "as sendfile",
    },
    {
        .name = "hugewire",
        .label = "hugewire, resident file",
        .sender = STEP_HUGEWIRE,
        .cpu_copies = 0,
        .cpu_copies_here = 1,
        .dma_copies = 1,
        .path = "none; here tun_chr_write_iter: tun_get_user, skb_copy_datagram_from_iter",
    },
};
const unsigned step_count = sizeof(steps) / sizeof(steps[0]);
_Static_assert(sizeof(steps) / sizeof(steps[0]) <= STEPS_MAX, "room for every step");

const struct step *step_find(const char *name)
{
    for (unsigned i = 0; i < step_count; i++)
        if (strcmp(steps[i].name, name) == 0)
            return &steps[i];
    return NULL;
}

static bool uring_has(int opcode, char why[STEP_WHY_BYTES])
{
    struct io_uring_probe *probe = io_uring_get_probe();

    if (probe == NULL) {
        snprintf(why, STEP_WHY_BYTES, "this kernel offers no io_uring (kernel.io_uring_disabled?)");
        return false;
    }
    bool has = io_uring_opcode_supported(probe, opcode);
    io_uring_free_probe(probe);
    if (!has)
        snprintf(why, STEP_WHY_BYTES, "this kernel's io_uring has no operation %d", opcode);
    return has;
}

bool step_possible(const struct step *step, char why[STEP_WHY_BYTES])
{
    if (step->needs_send_zc)
        return uring_has(IORING_OP_SEND_ZC, why);
    if (step->send == send_uring || step->send == send_direct)
        return uring_has(IORING_OP_SEND, why);
    return true;
}
