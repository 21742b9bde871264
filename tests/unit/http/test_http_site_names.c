/* SPDX-License-Identifier: BSD-3-Clause */
/* Several sites: which one a host and a port mean. */
#include <stdio.h>

#include "http/site.h"
#include "suites.h"

#define COUNT_OF(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

static const struct http_site numbered[8];

static const struct site_name names[] = {
    { TEXT("example.org"), 80, 0 },       { TEXT("*.example.org"), 80, 1 },
    { TEXT("*.sub.example.org"), 80, 2 }, { TEXT("www.example.org"), 80, 3 },
    { TEXT("[2001:db8::1]"), 80, 4 },     { TEXT(""), 80, 5 },
    { TEXT("example.org"), 8080, 6 },     { TEXT(""), 8080, 7 },
    { TEXT("example.org"), 80, 7 }, /* given twice: the first counts */
};

/* Host, port of the connection -> site (RFC 9110 section 7.4, as nginx chooses) */
static const struct {
    const char *host;
    uint16_t port;
    uint32_t site;
} hosts[] = {
    { "example.org", 80, 0 },
    { "EXAMPLE.oRg", 80, 0 },
    { "example.org:80", 80, 0 },
    { "example.org:8080", 80, 0 }, /* the port that counts is the connection's */
    { "example.org.", 80, 0 },
    { "example.org.:99", 80, 0 },
    { "www.example.org", 80, 3 },
    { "a.example.org", 80, 1 },
    { "a.b.example.org", 80, 1 },
    { "sub.example.org", 80, 1 },
    { "x.sub.example.org", 80, 2 },
    { "x.y.z.SUB.example.org:1", 80, 2 },
    { ".example.org", 80, 5 }, /* an empty label is no subdomain */
    { "badexample.org", 80, 5 },
    { "example.org.evil", 80, 5 },
    { "*.example.org", 80, 1 },
    { "org", 80, 5 },
    { "", 80, 5 },
    { "[2001:db8::1]", 80, 4 },
    { "[2001:DB8::1]:80", 80, 4 },
    { "[2001:db8::2]:80", 80, 5 },
    { "example.org", 8080, 6 },
    { "www.example.org", 8080, 7 },
    { "example.org", 81, 0 }, /* a port that no name has */
    { "1.2.3.4.5.6.7.8.9.a.b.c.d.e.f.g.example.org", 80, 1 },
};

START_TEST(host_and_port_choose_the_site)
{
    struct sites *sites = sites_create(numbered, names, COUNT_OF(names), &memory_heap);
    const struct http_site *site = sites_find(sites, text_from(hosts[_i].host), hosts[_i].port);

    ck_assert_msg(site == &numbered[hosts[_i].site], "%s: site %td, want %u", hosts[_i].host,
                  site - numbered, hosts[_i].site);
    sites_destroy(sites);
}
END_TEST

/* Each host after each other one, and after itself, hosts too long to be kept among them. */
START_TEST(site_found_before_is_found_again)
{
    struct sites *sites = sites_create(numbered, names, COUNT_OF(names), &memory_heap);
    static const char long_host[] =
        "0123456789.0123456789.0123456789.0123456789.0123456789.example.org";
    struct site_memo memo = { 0 };

    for (int i = 0; i < COUNT_OF(hosts) * COUNT_OF(hosts) * 2; i++) {
        int at = i % 2 == 0 ? i / 2 / COUNT_OF(hosts) : i / 2 % COUNT_OF(hosts);
        ck_assert_ptr_eq(sites_find_again(sites, &memo, text_from(hosts[at].host), hosts[at].port),
                         &numbered[hosts[at].site]);
        if (i % 7 == 0)
            ck_assert_ptr_eq(sites_find_again(sites, &memo, TEXT(long_host), 80), &numbered[1]);
    }
    sites_destroy(sites);
}
END_TEST

/* Names of one site only: it answers on any port, to any host. */
START_TEST(one_site_is_the_answer_to_all)
{
    static const struct site_name one[] = { { TEXT("example.org"), 80, 3 }, { TEXT(""), 80, 3 } };
    struct sites *sites = sites_create(numbered, one, COUNT_OF(one), &memory_heap);

    for (int i = 0; i < COUNT_OF(hosts); i++)
        ck_assert_ptr_eq(sites_find(sites, text_from(hosts[i].host), hosts[i].port), &numbered[3]);
    sites_destroy(sites);
}
END_TEST

START_TEST(thousand_names_are_all_found)
{
    static struct site_name many[1001];
    static char text[1000][32];
    static const struct http_site site[1001];

    for (uint32_t i = 0; i < 1000; i++) {
        int len = sprintf(text[i], "host-%u.example.org", i);
        many[i] = (struct site_name){ { text[i], (size_t)len }, 80, i };
    }
    many[1000] = (struct site_name){ TEXT(""), 80, 1000 };
    struct sites *sites = sites_create(site, many, 1001, &memory_heap);
    for (uint32_t i = 0; i < 1000; i++)
        ck_assert_ptr_eq(sites_find(sites, many[i].host, 80), &site[i]);
    ck_assert_ptr_eq(sites_find(sites, TEXT("host-1000.example.org"), 80), &site[1000]);
    sites_destroy(sites);
}
END_TEST

Suite *site_names_suite(void)
{
    Suite *suite = suite_create("http site names");
    TCase *tc = tcase_create("table");

    tcase_add_loop_test(tc, host_and_port_choose_the_site, 0, COUNT_OF(hosts));
    tcase_add_test(tc, site_found_before_is_found_again);
    tcase_add_test(tc, one_site_is_the_answer_to_all);
    tcase_add_test(tc, thousand_names_are_all_found);
    suite_add_tcase(suite, tc);
    return suite;
}
