/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers_cfg/profiles.h"

#include <string.h>

/*
 * Facts are of DPDK 22.11.11; paths are of its source tree. A row says only what is known and what
 * the driver does not report itself; everything else is asked of the driver: offloads, ring sizes,
 * the RSS key's length, the table of queues and the functions. tap, af_packet, af_xdp, null, em,
 * igb, virtio and vmxnet3 have been tried (docs/HARDWARE.md); all other rows are read from the
 * source.
 */
static const struct driver_profile profiles[] = {
    {
        .driver = "tap",
        .kernel_backed = true,
        .peer_has_mac = true,
        .spreads_flows = true, /* tap_steer.h */
        .rx_interrupts = true, /* the queue is a file */
        .rx_desc = 64,         /* no ring: mbufs of a burst or two */
        .tx_desc = 64,
        .source = "drivers_cfg/tap.c",
    },
    {
        .driver = "net_tap",
        .kernel_backed = true,
        .software_offloads = true, /* tap_tx_l4_add_rcksum() walks each segment; TSO is rte_gso */
        .peer_has_mac = true,      /* SIOCSIFHWADDR with the port's own address */
        .promiscuous = true,       /* not needed in 22.11; later releases filter by MAC address */
        .spreads_flows = true,     /* the kernel's tun picks the queue by flow hash */
        .rx_interrupts = true,     /* tap_rx_intr_vec_install() lends the queue's own fd */
        .rx_desc = 64, /* mbufs laid ready for one scattered frame, not a ring of frames */
        .tx_desc = 64, /* no ring at all: each packet is written at once and freed */
        .source = "drivers/net/tap/rte_eth_tap.c",
    },
    {
        .driver = "net_af_packet",
        .kernel_backed = true,
        .spreads_flows = true,   /* PACKET_FANOUT_HASH over qpairs */
        .mtu_by_argument = true, /* eth_dev_info() says 1518 bytes whatever framesz is */
        .source = "drivers/net/af_packet/rte_eth_af_packet.c",
    },
    {
        .driver = "net_af_xdp",
        .kernel_backed = true,
        .spreads_flows = true, /* the queues are the interface's own */
        .source = "drivers/net/af_xdp/rte_eth_af_xdp.c",
    },
    {
        .driver = "net_virtio",
        .rx_interrupts = true,
        .source = "drivers/net/virtio/virtio_ethdev.c",
    },
    {
        .driver = "net_virtio_user",
        .kernel_backed = true,
        .source = "drivers/net/virtio/virtio_user_ethdev.c",
    },
    {
        .driver = "net_vmxnet3",
        .rx_interrupts = true,
        .segment_in_page = true, /* QEMU's net_tx_pkt_add_raw_fragment() wants the whole length */
        .tx_segs_max = 16,   /* VMXNET3_MAX_TXD_PER_PKT: more is dropped in vmxnet3_xmit_pkts() */
        .rss_key_bytes = 40, /* VMXNET3_RSS_MAX_KEY_SIZE; dev_info says 0 */
        .source = "drivers/net/vmxnet3/base/vmxnet3_defs.h",
    },
    {
        .driver = "net_e1000_em",
        /* No rx interrupts: eth_em_start() sets ITR to 65535 units of 256 ns, so one comes every 17
         * ms at most; a worker that waits for them answers 30 small requests a second for each
         * client. */
        .segment_in_page = true, /* QEMU's e1000e, as vmxnet3 */
        .tx_segs_max = 64,       /* QEMU's e1000e drops a packet of more fragments without a word */
        .source = "drivers/net/e1000/em_ethdev.c; QEMU hw/net/net_tx_pkt.c",
    },
    {
        .driver = "net_e1000_igb",
        .rx_interrupts = true,
        .segment_in_page = true, /* as above */
        /* igb_tx_done_cleanup() makes each freed segment the last one of its packet; the next lap
         * of the ring then waits for a descriptor that the NIC never writes back. */
        .tx_done_breaks = true,
        .tx_segs_max = 64, /* as above: the emulation shares its transmit path */
        .source = "drivers/net/e1000/igb_ethdev.c; QEMU hw/net/net_tx_pkt.c",
    },
    {
        .driver = "net_e1000_igb_vf",
        .segment_in_page = true, /* the emulation's, as above */
        .tx_done_breaks = true,  /* the same function */
        .tx_segs_max = 64,
        .source = "drivers/net/e1000/igb_ethdev.c (igbvf_eth_dev_ops: no rx interrupt)",
    },
    {
        .driver = "net_igc",
        .rx_interrupts = true,
        .source = "drivers/net/igc/igc_ethdev.c (reports 255 segments: IGC_TX_MAX_SEG)",
    },
    {
        .driver = "net_ixgbe",
        .rx_interrupts = true,
        /* IXGBE_TX_MAX_SEG is 40, and ixgbe_prep_pkts() takes off a queue's wthresh (0 by default).
         */
        .tx_segs_max = 40,
        .source = "drivers/net/ixgbe/ixgbe_rxtx.c",
    },
    {
        .driver = "net_ixgbe_vf",
        .rx_interrupts = true,
        .tx_segs_max = 40,
        .source = "drivers/net/ixgbe/ixgbe_rxtx.c",
    },
    {
        .driver = "net_i40e",
        .rx_interrupts = true,
        .tx_segs_max = 8, /* I40E_TX_MAX_MTU_SEG: of one packet on the wire */
        /* I40E_MIN_TSO_MSS: less counts as an attack, and i40e_prep_pkts() refuses it. */
        .tx_tso_mss_min = 256,
        .source = "drivers/net/i40e/i40e_rxtx.h",
    },
    {
        .driver = "net_iavf",
        .rx_interrupts = true,
        .tx_segs_max = 8,      /* IAVF_TX_MAX_MTU_SEG */
        .tx_tso_mss_min = 256, /* IAVF_MIN_TSO_MSS, as i40e */
        .source = "drivers/net/iavf/iavf_rxtx.h",
    },
    {
        .driver = "net_ice",
        .rx_interrupts = true,
        .tx_segs_max = 8,     /* ICE_TX_MTU_SEG_MAX */
        .tx_tso_mss_min = 64, /* ICE_MIN_TSO_MSS, as i40e */
        .source = "drivers/net/ice/ice_rxtx.h",
    },
    {
        /* Packets of up to some hundred bytes are copied into their descriptors by the driver (its
         * devarg txq_inline_max). It registers memory itself: no VFIO, a kernel driver beside it.
         */
        .driver = "mlx5_pci",
        .rx_interrupts = true,
        .source = "drivers/net/mlx5/mlx5_ethdev.c (mlx5_set_txlimit_params() reports segments)",
    },
    {
        .driver = "net_ena",
        .rx_interrupts = true,
        /* Reports ENA_PKT_MAX_BUFS, 17; eth_ena_prep_pkts() refuses the last one where the header
         * is not pushed into the device. */
        .tx_segs_max = 16,
        .source = "drivers/net/ena/ena_ethdev.c",
    },
    {
        .driver = "net_bnxt",
        .rx_interrupts = true,
        /* Reports none; bnxt_start_xmit() takes BNXT_MAX_TSO_SEGS, 32, one of them its own. */
        .tx_segs_max = 31,
        .source = "drivers/net/bnxt/bnxt_txr.c",
    },
    {
        .driver = "net_gve",
        /* The first descriptor of a chain is given the length of the whole packet, but for TSO, so
         * that the device reads past the first mbuf (gve_tx_burst_ra()). With queue page lists
         * (gve_tx_burst_qpl()) the driver copies all of it in any case. */
        .chains_break = true,
        .source = "drivers/net/gve/gve_tx.c (gve_ethdev.c: no RSS table, no rx interrupt)",
    },
    {
        .driver = "net_null",
        .kernel_backed = true,
        .chains_unreported = true, /* frees whole packets and looks at nothing */
        .source = "drivers/net/null/rte_eth_null.c",
    },
    {
        .driver = "net_ring",
        .kernel_backed =
            true, /* no device at all: mbufs change hands, references stay references */
        .source = "drivers/net/ring/rte_eth_ring.c",
    },
    {
        .driver = "net_memif",
        .kernel_backed = true, /* memory shared with another process, into which it copies */
        .source = "drivers/net/memif/rte_eth_memif.c (eth_memif_tx(): memcpy of each segment)",
    },
};

static const struct driver_profile unknown = { .driver = "", .source = "" };

const struct driver_profile *driver_profile_row(unsigned i)
{
    return i < sizeof(profiles) / sizeof(profiles[0]) ? &profiles[i] : NULL;
}

const struct driver_profile *driver_profile_find(const char *driver)
{
    for (unsigned i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
        if (strcmp(profiles[i].driver, driver) == 0)
            return &profiles[i];
    return &unknown;
}
