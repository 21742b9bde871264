/* SPDX-License-Identifier: BSD-3-Clause */
#include "io_test.h"

#include <stdio.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_interrupts.h>
#include <rte_mbuf.h>

#include "drivers_cfg/port.h"

#define ALL_TX                                                                                     \
    (RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |                               \
     RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO)
#define ALL_RX (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM)

/* --- the stricter of report and profile
 * ----------------------------------------------------------- */

static const struct {
    const char *driver;
    uint64_t tx, rx;
    uint16_t segs, mtu_segs; /* as reported */
    bool iova_pa;
    bool linear, checksums, tso;
    uint8_t extents;
} rows[] = {
    /* TAP offers all of it, and does it with the CPU. */
    { "net_tap", ALL_TX, ALL_RX, 0, 0, false, false, false, false, 8 },
    { "net_af_packet", RTE_ETH_TX_OFFLOAD_MULTI_SEGS, 0, 0, 0, false, false, false, false, 8 },
    /* No gathering: one mbuf per packet, whatever the number of extents. */
    { "net_af_xdp", 0, 0, 0, 0, false, true, false, false, 8 },
    { "net_null", 0, 0, 0, 0, false, false, false, false, 8 },
    { "net_ixgbe", ALL_TX, ALL_RX, 40, 40, false, false, true, true, 8 },
    /* The header takes one of the segments. */
    { "net_i40e", ALL_TX, ALL_RX, 255, 8, false, false, true, true, 7 },
    /* With physical addresses an extent may need two mbufs. */
    { "net_i40e", ALL_TX, ALL_RX, 255, 8, true, false, true, true, 3 },
    { "net_vmxnet3", ALL_TX, ALL_RX, 255, 255, true, false, true, true, 7 },
    /* The report is stricter than the row. */
    { "net_vmxnet3", ALL_TX, ALL_RX, 4, 4, false, false, true, true, 1 },
    { "net_ixgbe", ALL_TX & ~RTE_ETH_TX_OFFLOAD_TCP_CKSUM, 0, 40, 40, false, false, false, false,
      8 },
    /* Its chains are sent wrongly: it is given none, and then there is no TSO either. */
    { "net_gve", ALL_TX, 0, 0, 0, false, true, true, false, 8 },
    /* The report is one segment too many. */
    { "net_ena", ALL_TX, ALL_RX, 17, 17, true, false, true, true, 7 },
    { "net_bnxt", ALL_TX, ALL_RX, 0, 0, true, false, true, true, 8 },
    /* A driver nobody has described is asked, and believed. */
    { "net_unheard_of", ALL_TX, ALL_RX, 2, 2, true, false, true, true, 1 },
};

START_TEST(the_stricter_of_report_and_profile_holds)
{
    struct port_caps caps;
    struct port_request request = {
        .queues = 1, .mtu = 1500, .iova_pa = rows[_i].iova_pa, .extents_max = 8
    };
    struct rte_eth_dev_info info = {
        .tx_offload_capa = rows[_i].tx,
        .rx_offload_capa = rows[_i].rx,
        .tx_desc_lim = { .nb_max = 4096,
                         .nb_min = 64,
                         .nb_align = 32,
                         .nb_seg_max = rows[_i].segs,
                         .nb_mtu_seg_max = rows[_i].mtu_segs },
        .rx_desc_lim = { .nb_max = 4096, .nb_min = 64, .nb_align = 32 },
    };

    port_caps_settle(&caps, driver_profile_find(rows[_i].driver), &info, &request);
    ck_assert_int_eq(caps.tx_linear, rows[_i].linear);
    ck_assert_int_eq(caps.tx_tcp_checksum, rows[_i].checksums);
    ck_assert_int_eq(caps.tx_tso_bytes_max > 0, rows[_i].tso);
    ck_assert_uint_eq(caps.tx_extents_max, rows[_i].extents);
    ck_assert_uint_ge(caps.tx_desc, 64);
    ck_assert_uint_eq(caps.tx_desc % 32, 0);
}
END_TEST

START_TEST(a_super_segment_fits_into_an_ip_packet)
{
    struct port_caps caps;
    struct port_request request = { .queues = 1, .mtu = 1500, .extents_max = 8 };
    struct rte_eth_dev_info info = { .tx_offload_capa = ALL_TX };

    port_caps_settle(&caps, driver_profile_find("net_ice"), &info, &request);
    ck_assert_uint_le(caps.tx_tso_bytes_max + 40 + 60, 65535);
}
END_TEST

/* The drivers of the NICs that people have, and of what stands in for them. */
static const char *const expected_drivers[] = {
    "net_ixgbe",        "net_ixgbe_vf",    "net_i40e",  "net_ice",
    "net_iavf",         "mlx5_pci",        "net_ena",   "net_virtio",
    "net_vmxnet3",      "net_e1000_em",    "net_igc",   "net_e1000_igb",
    "net_e1000_igb_vf", "net_bnxt",        "net_gve",   "net_tap",
    "net_af_packet",    "net_af_xdp",      "net_memif", "net_ring",
    "net_null",         "net_virtio_user", "tap",
};

START_TEST(every_driver_has_a_row_with_a_source)
{
    unsigned rows_found = 0;

    for (size_t i = 0; i < sizeof(expected_drivers) / sizeof(expected_drivers[0]); i++) {
        const struct driver_profile *p = driver_profile_find(expected_drivers[i]);
        ck_assert_msg(strcmp(p->driver, expected_drivers[i]) == 0, "%s has no row",
                      expected_drivers[i]);
    }
    for (const struct driver_profile *p; (p = driver_profile_row(rows_found)) != NULL; rows_found++)
        ck_assert_msg(driver_profile_find(p->driver) == p, "%s has two rows", p->driver);
    ck_assert_uint_eq(rows_found, sizeof(expected_drivers) / sizeof(expected_drivers[0]));
    ck_assert_str_eq(driver_profile_find("net_unheard_of")->driver, "");
}
END_TEST

START_TEST(every_row_is_sane)
{
    const struct driver_profile *p;

    for (unsigned i = 0; (p = driver_profile_row(i)) != NULL; i++) {
        ck_assert_msg(strncmp(p->source, "drivers/net/", 12) == 0 ||
                          strcmp(p->source, "drivers_cfg/tap.c") == 0 /* our own */,
                      "%s: source", p->driver);
        /* A header and one extent, in two parts perhaps. */
        ck_assert_msg(p->tx_segs_max == 0 || p->tx_segs_max >= 3, "%s: segments", p->driver);
        /* The smallest segment of a path that IPv4 allows is 68 bytes with its headers. */
        ck_assert_msg(p->tx_tso_mss_min <= 536, "%s: TSO is never used", p->driver);
        ck_assert_msg(p->rss_key_bytes <= 52, "%s: RSS key", p->driver);
        /* What exists for devices that do DMA makes no sense for others. */
        ck_assert_msg(!p->kernel_backed || (!p->segment_in_page && p->tx_tso_mss_min == 0),
                      "%s: kernel-backed", p->driver);
        ck_assert_msg(!p->software_offloads || p->kernel_backed, "%s: software offloads",
                      p->driver);
        ck_assert_msg(!(p->chains_unreported && p->chains_break), "%s: chains", p->driver);
        ck_assert_msg((p->rx_desc & (p->rx_desc - 1)) == 0 && (p->tx_desc & (p->tx_desc - 1)) == 0,
                      "%s: ring sizes", p->driver);
    }
}
END_TEST

START_TEST(offloads_are_named)
{
    char text[PORT_OFFLOADS_BYTES];
    struct port_caps all = { .rx_checksum = true,
                             .tx_ip_checksum = true,
                             .tx_tcp_checksum = true,
                             .tx_tso_bytes_max = 1,
                             .rss = true };
    struct port_caps none = { 0 };

    ck_assert_str_eq(port_offloads_text(&all, text),
                     "rx-checksum,ip-checksum,tcp-checksum,tso,rss");
    ck_assert_str_eq(port_offloads_text(&none, text), "none");
}
END_TEST

/* --- a port comes up and goes down
 * ----------------------------------------------------------------- */

START_TEST(a_port_starts_and_closes)
{
    struct device device = { .kind = DEVICE_VDEV, .name = "net_null0" };
    struct port_request request = { .queues = 2, .mtu = 1500, .extents_max = 8 };
    struct ip_addr address = ip_addr_from_v4(0x0a470002);
    char error[DEVICE_ERROR_BYTES] = "";
    struct port port;
    unsigned wait_ms = 100;
    struct rte_mempool *pool =
        rte_pktmbuf_pool_create("port_test", 4095, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    struct rte_mempool *pools[2] = { pool, pool };

    ck_assert(!port_probe(&port, &device, &request, &address, error));
    ck_assert_ptr_nonnull(strstr(error, "net_null0"));

    ck_assert_int_eq(rte_eal_hotplug_add("vdev", "net_null0", ""), 0);
    request.queues = 2000;
    ck_assert(!port_probe(&port, &device, &request, &address, error));
    ck_assert_ptr_nonnull(strstr(error, "cores"));

    request.queues = 2;
    ck_assert_msg(port_probe(&port, &device, &request, &address, error), "%s", error);
    ck_assert_str_eq(port.profile->driver, "net_null");
    ck_assert(!port.caps.tx_linear);
    ck_assert_msg(port_start(&port, pools, error), "%s", error);
    ck_assert(port_wait_link(&port, &wait_ms));
    port_close(&port);
    port_close(&port);
    ck_assert_uint_eq(rte_mempool_avail_count(pool), 4095);
    rte_mempool_free(pool);
}
END_TEST

/* Drivers that need neither hardware nor rights to be asked. */
static const char *const asked[] = { "net_null", "net_ring" };

START_TEST(rx_interrupts_are_as_the_row_says)
{
    struct port_request request = {
        .queues = 1, .mtu = 1500, .rx_interrupts = true, .extents_max = 8
    };
    struct ip_addr address = ip_addr_from_v4(0x0a470002);
    struct device device = { .kind = DEVICE_VDEV };
    char name[32], error[DEVICE_ERROR_BYTES] = "";
    struct port port;
    struct rte_mempool *pool =
        rte_pktmbuf_pool_create("intr_test", 4095, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);

    snprintf(name, sizeof(name), "%s7", asked[_i]);
    strcpy(device.name, name);
    ck_assert_int_eq(rte_eal_hotplug_add("vdev", name, ""), 0);
    ck_assert_msg(port_probe(&port, &device, &request, &address, error), "%s", error);
    ck_assert_str_eq(port.profile->driver, asked[_i]);
    ck_assert_msg(port_start(&port, &pool, error), "%s: %s", name, error);
    bool works =
        rte_eth_dev_rx_intr_ctl_q(port.id, 0, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD, NULL) == 0;
    ck_assert_msg(port.caps.rx_interrupts == works, "%s: row %d, driver %d", name,
                  port.caps.rx_interrupts, works);
    port_close(&port);
    rte_mempool_free(pool);
}
END_TEST

TCase *port_case(void)
{
    TCase *tc = tcase_create("port");

    tcase_add_loop_test(tc, the_stricter_of_report_and_profile_holds, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tc, a_super_segment_fits_into_an_ip_packet);
    tcase_add_test(tc, every_driver_has_a_row_with_a_source);
    tcase_add_test(tc, every_row_is_sane);
    tcase_add_test(tc, offloads_are_named);
    tcase_add_loop_test(tc, rx_interrupts_are_as_the_row_says, 0, sizeof(asked) / sizeof(asked[0]));
    tcase_add_test(tc, a_port_starts_and_closes);
    return tc;
}
