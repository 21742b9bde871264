/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers_cfg/profiles.h"

#include <string.h>

/*
 * Facts are of DPDK 22.11; paths are of its source tree. A row says only what is known; everything
 * else is asked of the driver.
 */
static const struct driver_profile profiles[] = {
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
        .spreads_flows = true, /* PACKET_FANOUT_HASH over qpairs */
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
        .tx_segs_max = 16, /* VMXNET3_MAX_TXD_PER_PKT: more is dropped in vmxnet3_xmit_pkts() */
        .source = "drivers/net/vmxnet3/base/vmxnet3_defs.h",
    },
    {
        .driver = "net_e1000_em",
        .rx_interrupts = true,
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
        .driver = "net_ixgbe",
        .rx_interrupts = true,
        .tx_segs_max = 40, /* IXGBE_TX_MAX_SEG */
        .source = "drivers/net/ixgbe/ixgbe_rxtx.h",
    },
    {
        .driver = "net_i40e",
        .rx_interrupts = true,
        .tx_segs_max = 8, /* I40E_TX_MAX_MTU_SEG: of one packet on the wire */
        .source = "drivers/net/i40e/i40e_rxtx.h",
    },
    {
        .driver = "net_iavf",
        .rx_interrupts = true,
        .tx_segs_max = 8, /* IAVF_TX_MAX_MTU_SEG */
        .source = "drivers/net/iavf/iavf_rxtx.h",
    },
    {
        .driver = "net_ice",
        .rx_interrupts = true,
        .tx_segs_max = 8, /* ICE_TX_MTU_SEG_MAX */
        .source = "drivers/net/ice/ice_rxtx.h",
    },
    {
        .driver = "mlx5_pci",
        .rx_interrupts = true,
        .source = "drivers/net/mlx5/mlx5.c",
    },
    {
        .driver = "net_null",
        .kernel_backed = true,
        .chains_unreported = true, /* frees whole packets and looks at nothing */
        .source = "drivers/net/null/rte_eth_null.c",
    },
    {
        .driver = "net_ring",
        .kernel_backed = true,
        .source = "drivers/net/ring/rte_eth_ring.c",
    },
    {
        .driver = "net_memif",
        .kernel_backed = true,
        .source = "drivers/net/memif/rte_eth_memif.c",
    },
};

static const struct driver_profile unknown = { .driver = "", .source = "" };

const struct driver_profile *driver_profile_find(const char *driver)
{
    for (unsigned i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
        if (strcmp(profiles[i].driver, driver) == 0)
            return &profiles[i];
    return &unknown;
}
