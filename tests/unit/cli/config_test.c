/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration: defaults, the YAML file, its mistakes with their lines, the effective output.
 */
#include <string.h>
#include <unistd.h>

#include "app/check.h"
#include "app/settings.h"
#include "base/time.h"
#include "cli_test.h"

#define COUNT_OF(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

/* ---- defaults ---- */

START_TEST(defaults_are_those_of_the_manual)
{
    struct config config;

    config_defaults(&config);
    ck_assert_str_eq(config.root, "");
    ck_assert_str_eq(config.ports[0].device, "tap:hw0");
    ck_assert_uint_eq(ip_addr_v4(&config.ports[0].address[0].ip), 0x0a470002);
    ck_assert_uint_eq(config.ports[0].address[0].prefix_len, 24);
    ck_assert(ip_addr_is_none(&config.ports[0].gateway));
    ck_assert_uint_eq(config.port, 80);
    ck_assert_uint_eq(config.ports[0].mtu, 1500);
    ck_assert_uint_eq(config.core_count, 0);
    ck_assert_uint_eq(config.pool_bytes, 0);
    ck_assert(!config.allow_small_pages);
    ck_assert_str_eq(config.access_path, "");
    ck_assert_int_eq(config.log_level, CONFIG_LOG_INFO);
    ck_assert_uint_eq(config.header_timeout_ns, 10 * NS_PER_S);
}
END_TEST

/* ---- mistakes: YAML text -> what is said, line by line ---- */

static const struct {
    const char *yaml;
    const char *said; /* begins with the line's number; several mistakes are divided by newlines */
} mistakes[] = {
    /* no YAML */
    { "server: {port: 80\n", "2: this is no YAML" },
    { "server:\n  port: 80\n\tmtu: 3\n", "3: this is no YAML: found a tab" },
    { "server:\n  port: *here\n", "2: this is no YAML: found undefined alias" },
    { "# \xff\n", "1: this is no YAML" },
    { "a: 1\nb: \x01\n", "2: this is no YAML: control characters are not allowed" },
    /* shape */
    { "80\n", "1: expected sections (server, security, pool, http, limits, timeouts, tcp, "
              "access_log, idle); "
              "found \"80\"" },
    { "- server\n", "1: expected sections" },
    { "server: 80\n", "1: server: expected settings below it (root, device, address" },
    { "\nserver:\n  - port\n", "2: server: expected settings below it" },
    { "server:\n  port: [80]\n", "2: server.port: expected one value; found a list" },
    { "server:\n  port:\n    a: b\n", "2: server.port: expected one value; found a mapping" },
    { "server:\n  port: &p 80\n  mtu: *p\n",
      "3: server.mtu: expected the value itself; found an alias of line 2" },
    { "server:\n  log_level: \"in\\0fo\"\n", "2: server.log_level: expected text; found a NUL" },
    { "server:\n  port: 80\n---\nserver: 1\n", "3: expected one document; found a second" },
    /* names */
    { "sever:\n  port: 80\n",
      "1: sever: there is no such section; there are server, security, pool" },
    { "pool:\n  sise: 2G\n",
      "2: pool.sise: there is no such setting; pool has size, files, rescan, "
      "stream_cache, persist, symlinks, pinned, nodes, allow_small_pages" },
    { "pool:\n  port: 80\n", "2: pool.port: there is no such setting" },
    { "? [a]\n: b\n", "1: (no text): there is no such section" },
    { "server:\n  mtu: 1500\n  mtu: 1400\n", "3: server.mtu: already set in line 2" },
    { "idle:\nserver:\nidle:\n", "3: idle: this section has begun in line 1 already" },
    /* values and ranges */
    { "server:\n  device: eth0\n",
      "2: server.device: expected tap:NAME, af_packet:IF, af_xdp:IF (1 to 15 bytes), "
      "pci:0000:00:00.0 or vdev:DEVARGS; found \"eth0\"" },
    { "server:\n  device: tap:\n", "2: this is no YAML: mapping values" },
    { "server:\n  device: 'tap:'\n", "2: server.device: expected tap:NAME" },
    { "server:\n  device: tap:sixteen-bytes-xx\n", "2: server.device: expected tap:NAME" },
    { "server:\n  device: tap:a,b\n", "2: server.device: expected tap:NAME" },
    { "server:\n  device: pci:0000:00:20.0\n", "2: server.device: expected" },
    { "server:\n  device: 'pci: 1:00.0'\n", "2: server.device: expected" },
    { "server:\n  address: 10.71.0.2\n",
      "2: server.address: expected a host's address with the prefix of its net, such as "
      "10.71.0.2/24 or 2001:db8::2/64, or up to 8 different ones; found \"10.71.0.2\"" },
    { "server:\n  address: [10.71.0.2/24, 10.71.0.2/16]\n",
      "2: server.address: expected a host's" },
    { "server:\n  address: []\n", "2: server.address: expected a host's address" },
    { "server:\n  address: [[10.71.0.2/24]]\n", "2: server.address: expected a host's address" },
    { "server:\n  address: {a: 1}\n", "2: server.address: expected one value; found a mapping" },
    { "server:\n  vlan: 4095\n", "2: server.vlan: expected a number from 1 to 4094, or none" },
    { "server:\n  gateway: somewhere\n",
      "2: server.gateway: expected an address, such as 10.71.0.1 or fe80::1, or one of each "
      "family, or none; found "
      "\"somewhere\"" },
    { "server:\n  port: 0\n", "2: server.port: expected a number from 1 to 65535; found \"0\"" },
    { "server:\n  port: eighty\n", "2: server.port: expected a number" },
    { "server:\n  port:\n", "2: server.port: expected a number from 1 to 65535; found \"\"" },
    { "server:\n  mtu: 9217\n", "2: server.mtu: expected a number from 576 to 9216" },
    { "server:\n  cores: 3-1\n",
      "2: server.cores: expected a list of at most 128 cores, such as 1,3-5, or auto; found "
      "\"3-1\"" },
    { "server:\n  log_level: loud\n",
      "2: server.log_level: expected one of error warning info debug; found \"loud\"" },
    { "server:\n  media_types: ''\n", "2: server.media_types: expected a path" },
    { "pool:\n  size: 1M\n",
      "2: pool.size: expected a size from 2MiB to 1TiB, written as 512 or 64KiB, or auto; found "
      "\"1M\"" },
    { "pool:\n  stream_cache: 4M\n", "2: pool.stream_cache: expected a size from 8MiB to 1TiB" },
    { "pool:\n  pinned: ['a,,b']\n",
      "2: pool.pinned: expected patterns of paths below ROOT, such as *.html" },
    { "pool:\n  nodes: [0, 1, 0]\n",
      "2: pool.nodes: expected at most 8 NUMA nodes, each once, such as 0,1, or auto; found "
      "\"0,1,0\"" },
    { "pool:\n  nodes: 1024\n", "2: pool.nodes: expected at most 8 NUMA nodes" },
    { "pool:\n  nodes: [0, -1]\n", "2: pool.nodes: expected at most 8 NUMA nodes" },
    { "pool:\n  nodes: [0,1,2,3,4,5,6,7,8]\n", "2: pool.nodes: expected at most 8 NUMA nodes" },
    { "security:\n  user: \"web admin\"\n", "2: security.user: expected a user's name of 1 to 32 "
                                            "bytes, or a number, or auto; found \"web "
                                            "admin\"" },
    { "security:\n  sandbox: maybe\n",
      "2: security.sandbox: expected one of on log off; found \"maybe\"" },
    { "pool:\n  allow_small_pages: maybe\n",
      "2: pool.allow_small_pages: expected true or false; found \"maybe\"" },
    { "timeouts:\n  idle: 30\n",
      "2: timeouts.idle: expected a duration from 100ms to 60min, written as 500ms or 30s; found "
      "\"30\"" },
    { "http:\n  server_name: \"a\\nSet-Cookie: b\"\n",
      "2: http.server_name: expected 1 to 64 visible ASCII characters, with spaces only between "
      "them, or none; found" },
    { "http:\n  server_name: ''\n", "2: http.server_name: expected 1 to 64" },
    { "http:\n  server_name: 12345678901234567890123456789012345678901234567890123456789012345\n",
      "2: http.server_name: expected 1 to 64 visible" },
    { "idle:\n  wait: \"a\\nb\"\n", "2: idle.wait: expected one of auto sleep poll; found "
                                    "\"a?b\"" },
    { "access_log:\n  path: ''\n",
      "2: access_log.path: expected a path of 1 to 4095 bytes, or none" },
    { "access_log:\n  format: common\n", "2: access_log.format: expected one of combined json" },
    /* what no single setting can show */
    { "server:\n\n  gateway: 10.72.0.1\n",
      "3: server.gateway: expected an address in the net of server.address (10.71.0.2/24); found "
      "\"10.72.0.1\"" },
    { "server:\n  gateway: 10.71.0.2\n", "2: server.gateway: expected another host" },
    { "server:\n  gateway: [fe80::1, fe80::2]\n", "2: server.gateway: expected an address" },
    { "server:\n  gateway: fd00::1\n", "2: server.gateway: expected an address in the net of" },
    { "server:\n  mtu: 1279\n  slaac: true\n", "2: server.mtu: expected at least 1280, for IPv6" },
    /* several ports */
    { "ports: tap:hw0\n", "1: ports: expected a list of ports, each a mapping" },
    { "ports: []\n", "1: ports: expected a list of ports, each a mapping" },
    { "ports: [1, 2, 3, 4, 5, 6, 7, 8, 9]\n", "1: ports: expected at most 8 ports" },
    { "ports:\n  - tap:hw0\n",
      "2: ports[0]: expected settings (device, address, gateway, slaac, vlan, mtu); found "
      "\"tap:hw0\"" },
    { "ports: [{}]\nports: [{}]\n", "2: ports: this section has begun in line 1 already" },
    { "ports:\n  - device: tap:a\n    address: 10.0.0.2/24\n    cores: 2\n",
      "4: ports[0].cores: there is no such setting of a port; there are device, address" },
    { "ports:\n  - device: tap:a\n    device: tap:b\n",
      "3: ports[0].device: already set in line 2" },
    { "ports:\n  - device: tap:a\n    address: [10.0.0.2]\n",
      "3: ports[0].address: expected a host's address" },
    { "ports:\n  - device: tap:a\n    address: {a: 1}\n", "3: ports[0].address: expected values" },
    { "ports:\n  - device: tap:a\n    vlan: [1, 2]\n",
      "3: ports[0].vlan: expected one value; found \"(a list)\"" },
    { "ports:\n  - device: tap:a\n    address: 10.0.0.2/24\n  - device: eth0\n    vlan: 4095\n",
      "4: ports[1].device: expected tap:NAME\n5: ports[1].vlan: expected a number from 1 to 4094" },
    { "ports:\n  - address: 10.0.0.2/24\n", "2: ports[0].device: expected a device" },
    { "ports:\n  - device: tap:a\n",
      "2: ports[0].address: expected the server's address on tap:a" },
    { "ports:\n  - device: tap:a\n    address: 10.0.0.2/24\n  - device: tap:a\n"
      "    address: 10.0.1.2/24\n",
      "4: ports[1].device: expected another device than that of ports[0]; found \"tap:a\"" },
    { "ports:\n  - device: tap:a\n    address: 10.0.0.2/24\n  - device: tap:b\n"
      "    address: [10.0.1.2/24, 10.0.0.2/16]\n",
      "5: ports[1].address: expected other addresses than those of ports[0]; found \"10.0.0.2\"" },
    { "ports:\n  - {device: tap:a, address: 10.0.0.2/24}\n  - device: tap:b\n"
      "    address: 10.0.1.2/24\n    gateway: 10.0.0.1\n",
      "5: ports[1].gateway: expected an address in the net of ports[1].address (10.0.1.2/24)" },
    { "ports:\n  - device: tap:a\n    address: fd00::2/64\n    mtu: 1200\n",
      "4: ports[0].mtu: expected at least 1280, for IPv6" },
    { "server:\n  vlan: 5\nports:\n  - device: tap:a\n    address: 10.0.0.2/24\n",
      "2: server.vlan: expected it in the items of ports (line 3), which are all ports" },
    /* all mistakes at once */
    { "server:\n  port: x\n  mtu: 1\nfoo:\n",
      "2: server.port: expected\n3: server.mtu: expected\n4: foo: there is no such section" },
};

START_TEST(mistake_is_told_with_its_line)
{
    struct config config;
    struct said said;
    char path[TEMP_PATH_BYTES];

    temp_file(path, mistakes[_i].yaml);
    said_open(&said);
    config_defaults(&config);
    unsigned count = config_load_whole(&config, path, said.stream);
    unlink(path);
    const char *text = said_text(&said);
    ck_assert_msg(lines_agree(text, path, mistakes[_i].said), "expected\n%s\nsaid\n%s",
                  mistakes[_i].said, text);
    ck_assert_uint_gt(count, 0);
    said_free(&said);
}
END_TEST

START_TEST(more_mistakes_than_a_screen_are_counted)
{
    struct config config;
    struct said said;
    char path[TEMP_PATH_BYTES], yaml[40 * 8 + 1] = "";

    for (int i = 0; i < 40; i++)
        sprintf(yaml + strlen(yaml), "a%d: 1\n", i);
    temp_file(path, yaml);
    said_open(&said);
    config_defaults(&config);
    ck_assert_uint_eq(config_load(&config, path, said.stream), 40);
    unlink(path);
    ck_assert_ptr_nonnull(strstr(said_text(&said), ":32: a31: there is no such section"));
    ck_assert_ptr_nonnull(strstr(said.text, ": 8 more\n"));
    ck_assert_ptr_null(strstr(said.text, "a32"));
    said_free(&said);
}
END_TEST

START_TEST(file_that_cannot_be_read_is_named)
{
    struct config config;
    struct said said;

    config_defaults(&config);
    said_open(&said);
    ck_assert_uint_eq(config_load(&config, "/nowhere/at/all.yaml", said.stream), 1);
    ck_assert_uint_eq(config_load(&config, "/tmp", said.stream), 1);
    ck_assert_str_eq(said_text(&said),
                     "/nowhere/at/all.yaml: cannot be opened: No such file or directory\n"
                     "/tmp: cannot be read: Is a directory\n");
    said_free(&said);
}
END_TEST

/* ---- what is accepted ---- */

static const char *const nothing_set[] = { "", "# all defaults\n", "---\n", "server:\n", "{}\n" };

START_TEST(file_that_sets_nothing_leaves_the_defaults)
{
    struct config config, defaults;
    char path[TEMP_PATH_BYTES];

    temp_file(path, nothing_set[_i]);
    config_defaults(&defaults);
    config_defaults(&config);
    unsigned count = config_load(&config, path, stderr);
    unlink(path);
    ck_assert_uint_eq(count, 0);
    ck_assert_mem_eq(&config, &defaults, sizeof(config));
}
END_TEST

static const char everything[] =
    "server:\n"
    "  device: af_packet:eth1\n"
    "  address:\n"
    "    - 192.168.5.2/16\n"
    "    - 2001:db8::2/64\n"
    "  gateway: [192.168.0.1, fe80::1]\n"
    "  slaac: true\n"
    "  vlan: 7\n"
    "  port: 8080\n"
    "  mtu: 9000\n"
    "  cores: 5,1-2\n"
    "  drain_seconds: 0\n"
    "  media_types: \"/etc/odd: name\"\n"
    "  log_level: debug\n"
    "security: {user: www-data, sandbox: log}\n"
    "pool: {size: 1536M, nodes: [3, 1], persist: /huge/www, allow_small_pages: yes}\n"
    "http: {server_name: none}\n"
    "limits:\n"
    "  connections: 100\n"
    "  requests: 10\n"
    "  responses: 20\n"
    "  pipeline: 1\n"
    "  request_line: 2K\n"
    "  header_bytes: 4096\n"
    "  header_fields: 20\n"
    "  body_bytes: 7K\n"
    "  inline_bytes: 0\n"
    "timeouts: {header: 500ms, body: 7s, idle: 5min, write: 90s}\n"
    "access_log: {path: /var/log/hugewire.log, format: json, ring: 64}\n"
    "idle: {wait: poll, spin: 0, sleep: 1ms}\n";

START_TEST(every_setting_is_taken)
{
    struct config config;
    char path[TEMP_PATH_BYTES];

    temp_file(path, everything);
    config_defaults(&config);
    unsigned count = config_load_whole(&config, path, stderr);
    unlink(path);
    ck_assert_uint_eq(count, 0);
    ck_assert_str_eq(config.ports[0].device, "af_packet:eth1");
    ck_assert_uint_eq(config.ports[0].address_count, 2);
    ck_assert_uint_eq(ip_addr_v4(&config.ports[0].address[0].ip), 0xc0a80502);
    ck_assert_uint_eq(config.ports[0].address[1].ip.b[15], 2);
    ck_assert_uint_eq(config.ports[0].address[1].prefix_len, 64);
    ck_assert_uint_eq(ip_addr_v4(&config.ports[0].gateway), 0xc0a80001);
    ck_assert_uint_eq(config.ports[0].gateway6.b[0], 0xfe);
    ck_assert(config.ports[0].slaac);
    ck_assert_str_eq(config.user, "www-data");
    ck_assert_int_eq(config.sandbox, CONFIG_SANDBOX_LOG);
    ck_assert_str_eq(config.server_name, "");
    ck_assert_uint_eq(config.body_bytes_max, 7 << 10);
    ck_assert_uint_eq(config.body_timeout_ns, 7 * NS_PER_S);
    ck_assert_uint_eq(config.ports[0].vlan, 7);
    ck_assert_uint_eq(config.core_count, 3);
    ck_assert_uint_eq(config.cores[2], 5);
    ck_assert_uint_eq(config.drain_seconds, 0);
    ck_assert_str_eq(config.media_types, "/etc/odd: name");
    ck_assert_uint_eq(config.pool_bytes, UINT64_C(1536) << 20);
    ck_assert_uint_eq(config.node_count, 2);
    ck_assert_int_eq(config.nodes[0], 3);
    ck_assert_int_eq(config.nodes[1], 1);
    ck_assert_str_eq(config.persist, "/huge/www");
    ck_assert(config.allow_small_pages);
    ck_assert_uint_eq(config.requests_max, 10);
    ck_assert_uint_eq(config.request_line_max, 2048);
    ck_assert_uint_eq(config.inline_bytes_max, 0);
    ck_assert_uint_eq(config.idle_timeout_ns, 300 * NS_PER_S);
    ck_assert_str_eq(config.access_path, "/var/log/hugewire.log");
    ck_assert_int_eq(config.access_format, CONFIG_ACCESS_JSON);
    ck_assert_uint_eq(config.access_ring, 64);
    ck_assert_int_eq(config.idle_wait, CONFIG_IDLE_POLL);
    ck_assert_uint_eq(config.idle_spin_ns, 0);
}
END_TEST

static const char two_ports[] = "server: {port: 8080}\n"
                                "ports:\n"
                                "  - device: pci:0000:03:00.0\n"
                                "    address: [192.0.2.10/24, 2001:db8::10/64]\n"
                                "    gateway: [192.0.2.1, fe80::1]\n"
                                "    mtu: 9000\n"
                                "    slaac: yes\n"
                                "  - device: 'vdev:net_null0,size=64'\n"
                                "    address: 10.0.0.2/8\n"
                                "    vlan: 7\n";

START_TEST(several_ports_are_taken)
{
    struct config config;
    const struct config_port *p = config.ports;
    char path[TEMP_PATH_BYTES];

    temp_file(path, two_ports);
    config_defaults(&config);
    unsigned count = config_load_whole(&config, path, stderr);
    unlink(path);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(config.port_count, 2);
    ck_assert_str_eq(p[0].device, "pci:0000:03:00.0");
    ck_assert_uint_eq(p[0].address_count, 2);
    ck_assert_uint_eq(p[0].mtu, 9000);
    ck_assert_uint_eq(p[0].vlan, 0);
    ck_assert(p[0].slaac && !p[1].slaac);
    ck_assert_uint_eq(ip_addr_v4(&p[0].gateway), 0xc0000201);
    ck_assert_uint_eq(p[0].gateway6.b[0], 0xfe);
    /* Nothing comes over from the port before. */
    ck_assert_str_eq(p[1].device, "vdev:net_null0,size=64");
    ck_assert_uint_eq(p[1].address_count, 1);
    ck_assert_uint_eq(ip_addr_v4(&p[1].address[0].ip), 0x0a000002);
    ck_assert(ip_addr_is_none(&p[1].gateway));
    ck_assert_uint_eq(p[1].mtu, 1500);
    ck_assert_uint_eq(p[1].vlan, 7);
}
END_TEST

/* ---- the effective configuration ---- */

/* Prints config and reads that again over other. */
static void print_and_load(const struct config *config, struct config *other)
{
    struct said said;
    char path[TEMP_PATH_BYTES];

    said_open(&said);
    ck_assert(config_print(config, said.stream));
    temp_file(path, said_text(&said));
    unsigned count = config_load_whole(other, path, stderr);
    unlink(path);
    ck_assert_uint_eq(count, 0);
    said_free(&said);
}

START_TEST(effective_configuration_of_the_defaults_round_trips)
{
    struct config defaults, again;

    config_defaults(&defaults);
    config_defaults(&again);
    again.port = 1;
    again.pool_bytes = 1;
    again.core_count = 3;
    print_and_load(&defaults, &again);
    ck_assert_mem_eq(&defaults, &again, sizeof(defaults));
}
END_TEST

START_TEST(effective_configuration_of_everything_round_trips)
{
    struct config config, again;
    char path[TEMP_PATH_BYTES];

    temp_file(path, everything);
    config_defaults(&config);
    ck_assert_uint_eq(config_load(&config, path, stderr), 0);
    unlink(path);
    config_defaults(&again);
    print_and_load(&config, &again);
    ck_assert_mem_eq(&config, &again, sizeof(config));
}
END_TEST

static const char *const accepted[] = { everything, two_ports };

START_TEST(check_prints_what_check_accepts)
{
    char path[TEMP_PATH_BYTES], path_again[TEMP_PATH_BYTES];
    struct said first, second;

    temp_file(path, accepted[_i]);
    said_open(&first);
    ck_assert_int_eq(check_run(path, first.stream, stderr), 0);
    temp_file(path_again, said_text(&first));
    said_open(&second);
    ck_assert_int_eq(check_run(path_again, second.stream, stderr), 0);
    ck_assert_str_eq(said_text(&second), first.text);
    unlink(path);
    unlink(path_again);
    said_free(&first);
    said_free(&second);
}
END_TEST

START_TEST(check_counts_the_mistakes)
{
    char path[TEMP_PATH_BYTES];
    struct said said;

    temp_file(path, "server:\n  port: x\n  mtu: y\n");
    said_open(&said);
    ck_assert_int_eq(check_run(path, stdout, said.stream), 2);
    unlink(path);
    ck_assert_ptr_nonnull(strstr(said_text(&said), ": 2 mistakes\n"));
    said_free(&said);
}
END_TEST

TCase *config_case(void)
{
    TCase *c = tcase_create("config");

    tcase_add_test(c, defaults_are_those_of_the_manual);
    tcase_add_loop_test(c, mistake_is_told_with_its_line, 0, COUNT_OF(mistakes));
    tcase_add_test(c, more_mistakes_than_a_screen_are_counted);
    tcase_add_test(c, file_that_cannot_be_read_is_named);
    tcase_add_loop_test(c, file_that_sets_nothing_leaves_the_defaults, 0, COUNT_OF(nothing_set));
    tcase_add_test(c, every_setting_is_taken);
    tcase_add_test(c, effective_configuration_of_the_defaults_round_trips);
    tcase_add_test(c, effective_configuration_of_everything_round_trips);
    tcase_add_test(c, several_ports_are_taken);
    tcase_add_loop_test(c, check_prints_what_check_accepts, 0, COUNT_OF(accepted));
    tcase_add_test(c, check_counts_the_mistakes);
    return c;
}
