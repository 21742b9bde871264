/* SPDX-License-Identifier: BSD-3-Clause */
/* Values as people write them: numbers, sizes, durations, CPU lists, CIDR. */
#include <inttypes.h>

#include "app/values.h"
#include "base/time.h"
#include "cli_test.h"

#define COUNT_OF(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

/* ---- sizes ---- */

static const struct {
    const char *text;
    uint64_t bytes;
} sizes[] = {
    { "0", 0 },
    { "1", 1 },
    { "4096B", 4096 },
    { "512K", UINT64_C(512) << 10 },
    { "512k", UINT64_C(512) << 10 },
    { "1KiB", 1024 },
    { "1kB", 1024 },
    { "512MiB", UINT64_C(512) << 20 },
    { "2G", UINT64_C(2) << 30 },
    { "2g", UINT64_C(2) << 30 },
    { "1TiB", UINT64_C(1) << 40 },
    { "18446744073709551615", UINT64_MAX },
};

START_TEST(size_is_read)
{
    uint64_t bytes = 7;

    ck_assert_msg(value_size(sizes[_i].text, &bytes), "%s", sizes[_i].text);
    ck_assert_uint_eq(bytes, sizes[_i].bytes);
}
END_TEST

static const char *const not_sizes[] = {
    "",
    " 1",
    "1 ",
    "-1",
    "+1",
    "1.5G",
    "G",
    "2GG",
    "2P",
    "2 G",
    "0x10",
    "18446744073709551616",
    "18446744073709551615K",
};

START_TEST(no_size_is_refused)
{
    uint64_t bytes = 7;

    ck_assert_msg(!value_size(not_sizes[_i], &bytes), "\"%s\" passed", not_sizes[_i]);
    ck_assert_uint_eq(bytes, 7);
}
END_TEST

static const struct {
    uint64_t bytes;
    const char *text;
} size_texts[] = {
    { 0, "0" },
    { 1, "1B" },
    { 1023, "1023B" },
    { 1024, "1KiB" },
    { UINT64_C(3) << 19, "1536KiB" },
    { UINT64_C(2) << 30, "2GiB" },
    { UINT64_C(5) << 40, "5TiB" },
    { UINT64_MAX, "18446744073709551615B" },
};

START_TEST(size_is_written_as_it_is_read)
{
    char text[VALUE_TEXT_BYTES];
    uint64_t bytes;

    ck_assert_str_eq(value_size_text(size_texts[_i].bytes, text), size_texts[_i].text);
    ck_assert(value_size(text, &bytes));
    ck_assert_uint_eq(bytes, size_texts[_i].bytes);
}
END_TEST

/* ---- durations ---- */

static const struct {
    const char *text;
    uint64_t ns;
} durations[] = {
    { "0", 0 },
    { "100ns", 100 },
    { "50us", 50 * NS_PER_US },
    { "500ms", 500 * NS_PER_MS },
    { "30s", 30 * NS_PER_S },
    { "5min", 300 * NS_PER_S },
};

START_TEST(duration_is_read_and_written)
{
    char text[VALUE_TEXT_BYTES];
    uint64_t ns = 7;

    ck_assert_msg(value_duration(durations[_i].text, &ns), "%s", durations[_i].text);
    ck_assert_uint_eq(ns, durations[_i].ns);
    ck_assert(value_duration(value_duration_text(ns, text), &ns));
    ck_assert_uint_eq(ns, durations[_i].ns);
}
END_TEST

static const char *const not_durations[] = {
    "", "30", "s", "-1s", "1h", "1.5s", "30 s", "30sec", "18446744073709551615s",
};

START_TEST(no_duration_is_refused)
{
    uint64_t ns = 7;

    ck_assert_msg(!value_duration(not_durations[_i], &ns), "\"%s\" passed", not_durations[_i]);
    ck_assert_uint_eq(ns, 7);
}
END_TEST

/* ---- CPU lists ---- */

static const struct {
    const char *text;
    const char *written; /* NULL: refused */
} cpu_lists[] = {
    { "0", "0" },         { "1,3-5", "1,3-5" }, { "5,3,4", "3-5" }, { "2-2", "2" },
    { "1,1,1-2", "1-2" }, { "0-7", "0-7" },     { "8", "8" },       { "", NULL },
    { ",", NULL },        { "1,", NULL },       { "1-", NULL },     { "-1", NULL },
    { "3-1", NULL },      { "1 2", NULL },      { "a", NULL },      { "65536", NULL },
    { "0-8", NULL }, /* nine, and there is room for eight */
};

START_TEST(cpu_list)
{
    uint16_t cores[8];
    uint32_t count = 99;
    char text[64];

    if (cpu_lists[_i].written == NULL) {
        ck_assert_msg(!value_cpu_list(cpu_lists[_i].text, cores, 8, &count), "\"%s\" passed",
                      cpu_lists[_i].text);
        ck_assert_uint_eq(count, 99);
        return;
    }
    ck_assert_msg(value_cpu_list(cpu_lists[_i].text, cores, 8, &count), "%s", cpu_lists[_i].text);
    ck_assert(value_cpu_list_text(cores, count, text, sizeof(text)));
    ck_assert_str_eq(text, cpu_lists[_i].written);
}
END_TEST

START_TEST(cpu_list_text_that_does_not_fit_is_refused)
{
    const uint16_t cores[] = { 10, 12, 14 };
    char text[8];

    ck_assert(!value_cpu_list_text(cores, 3, text, sizeof(text)));
    ck_assert(value_cpu_list_text(cores, 2, text, sizeof(text)));
    ck_assert_str_eq(text, "10,12");
}
END_TEST

/* ---- addresses ---- */

static const struct {
    const char *text;
    uint32_t v4; /* 0: refused */
    uint32_t prefix_len;
} cidrs[] = {
    { "10.71.0.2/24", 0x0a470002, 24 },
    { "192.168.0.1/16", 0xc0a80001, 16 },
    { "10.0.0.1/30", 0x0a000001, 30 },
    { "10.71.0.2", 0, 0 },      /* no prefix */
    { "10.71.0.2/", 0, 0 },     /* likewise */
    { "10.71.0.2/0", 0, 0 },    /* a net of all */
    { "10.71.0.2/31", 0, 0 },   /* no room for a host beside net and broadcast */
    { "10.71.0.2/33", 0, 0 },   /* longer than an address */
    { "10.71.0.2/24x", 0, 0 },  /* more behind it */
    { "10.71.0.300/24", 0, 0 }, /* no byte */
    { "10.71.2/24", 0, 0 },     /* three of four parts */
    { "10.71.0.0/24", 0, 0 },   /* the net itself */
    { "10.71.0.255/24", 0, 0 }, /* its broadcast address */
    { "127.0.0.1/8", 0, 0 },    /* loopback */
    { "224.0.0.5/24", 0, 0 },   /* multicast */
    { "0.0.0.5/24", 0, 0 },     /* this network */
    { "/24", 0, 0 },
    { "", 0, 0 },
};

START_TEST(cidr)
{
    struct ip_addr address = ip_addr_from_v4(1);
    uint32_t prefix_len = 99;
    bool good = value_cidr(cidrs[_i].text, &address, &prefix_len);

    ck_assert_msg(good == (cidrs[_i].v4 != 0), "\"%s\"", cidrs[_i].text);
    ck_assert_uint_eq(ip_addr_v4(&address), good ? cidrs[_i].v4 : 1);
    ck_assert_uint_eq(prefix_len, good ? cidrs[_i].prefix_len : 99);
}
END_TEST

static const struct {
    const char *text;
    uint32_t prefix_len; /* 0: refused */
} cidrs_v6[] = {
    { "fd00::1/64", 64 }, { "2001:db8::2/127", 127 }, { "2001:db8::/127", 127 },
    { "fe80::5/64", 64 }, { "2001:db8::/64", 0 }, /* the routers' anycast address */
    { "ff02::1/64", 0 },  { "::1/128", 0 },           { "::/0", 0 },
    { "fd00::1/129", 0 }, { "fd00::1", 0 },           { "fd00::1%hw0/64", 0 },
    { "fd00:::1/64", 0 },
};

START_TEST(cidr_v6)
{
    struct ip_addr address;
    uint32_t prefix_len = 0;
    bool good = value_cidr(cidrs_v6[_i].text, &address, &prefix_len);

    ck_assert_msg(good == (cidrs_v6[_i].prefix_len != 0), "\"%s\"", cidrs_v6[_i].text);
    ck_assert_uint_eq(prefix_len, cidrs_v6[_i].prefix_len);
}
END_TEST

/* ---- numbers and booleans ---- */

START_TEST(number)
{
    uint64_t n = 7;

    ck_assert(value_number("8080", &n) && n == 8080);
    ck_assert(value_number("007", &n) && n == 7);
    ck_assert(!value_number("", &n));
    ck_assert(!value_number("80 ", &n));
    ck_assert(!value_number("-80", &n));
    ck_assert(!value_number("99999999999999999999", &n));
    ck_assert_uint_eq(n, 7);
}
END_TEST

START_TEST(boolean)
{
    bool b = false;

    ck_assert(value_bool("true", &b) && b);
    ck_assert(value_bool("No", &b) && !b);
    ck_assert(value_bool("ON", &b) && b);
    ck_assert(!value_bool("1", &b));
    ck_assert(!value_bool("", &b));
    ck_assert(b);
}
END_TEST

TCase *values_case(void)
{
    TCase *c = tcase_create("values");

    tcase_add_loop_test(c, size_is_read, 0, COUNT_OF(sizes));
    tcase_add_loop_test(c, no_size_is_refused, 0, COUNT_OF(not_sizes));
    tcase_add_loop_test(c, size_is_written_as_it_is_read, 0, COUNT_OF(size_texts));
    tcase_add_loop_test(c, duration_is_read_and_written, 0, COUNT_OF(durations));
    tcase_add_loop_test(c, no_duration_is_refused, 0, COUNT_OF(not_durations));
    tcase_add_loop_test(c, cpu_list, 0, COUNT_OF(cpu_lists));
    tcase_add_test(c, cpu_list_text_that_does_not_fit_is_refused);
    tcase_add_loop_test(c, cidr, 0, COUNT_OF(cidrs));
    tcase_add_loop_test(c, cidr_v6, 0, COUNT_OF(cidrs_v6));
    tcase_add_test(c, number);
    tcase_add_test(c, boolean);
    return c;
}
