/* SPDX-License-Identifier: BSD-3-Clause */
/* Several sites: which one answers, and what each adds, sends elsewhere, refuses and limits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "http/busy.h"
#include "http/rate.h"
#include "suites.h"

#define COUNT_OF(rows) (uint32_t)(sizeof(rows) / sizeof((rows)[0]))

static const struct {
    const char *glob, *path;
    bool matches;
} globs[] = {
    { "/*", "/", true },
    { "/*", "/a/b", true },
    { "*.js", "/a/b.js", true },
    { "*.js", "/a/b.json", false },
    { "/a/*/c", "/a/b/c", true },
    { "/a/*/c", "/a/b/b/c", true },
    { "/a/*/c", "/a/c", false },
    { "/?", "/a", true },
    { "/?", "/", false },
    { "/a", "/a", true },
    { "/a", "/A", false },
    { "*a*b*", "/xaxxbx", true },
    { "*a*b*", "/xbxxax", false },
    { "**", "/", true },
    { "", "/", false },
};

START_TEST(glob_matches_whole_paths)
{
    ck_assert_msg(site_glob(text_from(globs[_i].glob), text_from(globs[_i].path)) ==
                      globs[_i].matches,
                  "%s %s", globs[_i].glob, globs[_i].path);
}
END_TEST

/* ==== answers ==== */

static const struct text index_names[] = { TEXT("none.html"), TEXT("index.html") };
static const struct text index_x[] = { TEXT("x") };

static const struct site_field cached = { TEXT("Cache-Control: max-age=60\r\n"), 13 };
static const struct site_field other_cached = { TEXT("cache-control: no-store\r\n"), 13 };
static const struct site_field cors = { TEXT("Access-Control-Allow-Origin: *\r\n"), 27 };
static const struct site_field link_one = { TEXT("Link: <a>\r\n"), 4 };
static const struct site_field link_two = { TEXT("Link: <b>\r\n"), 4 };

static char fat_line[SITE_FIELDS_MAX];
static struct site_field fat_field;
static const struct site_headers fat_headers[] = { { TEXT("/*"), &fat_field, 1 } };

static struct site_field first_fields[1], second_fields[2], third_fields[2];
static const struct site_headers headers[] = {
    { TEXT("*.html"), first_fields, 1 },
    { TEXT("/*"), second_fields, 2 },
    { TEXT("/medium.bin"), third_fields, 2 },
};
static const struct site_type types[] = { { TEXT("txt"), TEXT("text/markdown") } };
static const struct site_redirect redirects[] = {
    { TEXT("/old"), false, TEXT("/new?x=y"), 301 },
    { TEXT("/gone here"), false, TEXT("/new"), 302 },
    { TEXT("/docs"), true, TEXT("https://docs.example.org"), 308 },
    { TEXT("/slash/"), true, TEXT("/other/"), 307 },
};

static struct site_access access_rules[3];

static const struct site_error_page error_pages[] = {
    { 404, TEXT("dir/a b.txt") }, { 405, TEXT("big.bin") },   { 416, TEXT("empty") },
    { 400, TEXT("not there") },   { 429, TEXT("small.txt") },
};

static struct http_site plain_sites[] = {
    { .index = index_names,
      .index_count = 2,
      .headers = headers,
      .header_count = 3,
      .types = types,
      .type_count = 1,
      .redirects = redirects,
      .redirect_count = 4 },
    { .root = TEXT("dir"), .index = index_names, .index_count = 2, .rate_bytes_per_s = 12345 },
    { .root = TEXT("noindex"), .index = index_x, .index_count = 1 },
    { .index = index_names, .index_count = 2, .access = access_rules, .access_count = 3 },
    { .index = index_names, .index_count = 2, .request_gap_ns = NS_PER_S / 2, .request_burst = 3 },
    { .headers = fat_headers, .header_count = 1 },
    { .index = index_names,
      .index_count = 2,
      .listing = TEXT("//0"),
      .headers = headers,
      .header_count = 3,
      .error_pages = error_pages,
      .error_page_count = 5 },
    { .root = TEXT("noindex"), .listing = TEXT("//1") },
    { .listing = TEXT("//0") },
    { .index = index_names, .index_count = 2, .connections_max = 2 },
};

static const struct site_name plain_names[] = {
    { TEXT(""), 80, 0 },       { TEXT("dir"), 80, 1 },     { TEXT("noindex"), 80, 2 },
    { TEXT("closed"), 80, 3 }, { TEXT("limited"), 80, 4 }, { TEXT(""), 81, 1 },
    { TEXT("fat"), 80, 5 },    { TEXT("listed"), 80, 6 },  { TEXT("json"), 80, 7 },
    { TEXT(""), 82, 6 },       { TEXT("all"), 80, 8 },     { TEXT("busy"), 80, 9 },
};

struct fixture {
    struct bench bench;
    struct sites *sites;
};

static struct fixture *fixture_start(void)
{
    static struct fixture f;

    first_fields[0] = cached;
    second_fields[0] = cors;
    second_fields[1] = other_cached;
    third_fields[0] = link_one;
    third_fields[1] = link_two;
    memset(fat_line, 'x', sizeof(fat_line));
    fat_line[1] = ':';
    memcpy(fat_line + sizeof(fat_line) - 2, "\r\n", 2);
    fat_field = (struct site_field){ { fat_line, sizeof(fat_line) }, 1 };
    f.sites = sites_create(plain_sites, plain_names, COUNT_OF(plain_names), &memory_heap);
    bench_config(&f.bench);
    f.bench.config.sites = f.sites;
    f.bench.config.clients_max = 16;
    f.bench.config.server_name = "a name as long as names may be, which is sixty-four bytes, or so";
    f.bench.config.seed[0] = 1;
    f.bench.config.seed[1] = 2;
    bench_start(&f.bench);
    return &f;
}

static void fixture_stop(struct fixture *f)
{
    bench_stop(&f->bench);
    sites_destroy(f->sites);
}

/* Sends a request on a new connection; the reply is valid until the fixture's next one. */
static struct reply ask(struct fixture *f, const char *line, const char *host)
{
    static struct tcp_conn *last;
    char request[4096];

    if (last != NULL && last->open)
        fake_reset(last);
    last = fake_open(&f->bench.tcp);
    snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: %s\r\n\r\n", line, host);
    fake_input_text(last, request);
    fake_run(last);
    struct reply reply = reply_read(last->output, last->sent, line[0] != 'H');
    fake_reset(last);
    return reply;
}

/* request, Host -> status, a line that the head must have, one that it must not */
static const struct {
    const char *line, *host;
    unsigned status;
    const char *has, *has_not;
} rows[] = {
    /* roots and index files */
    { "GET /", "any", 200, "Content-Length: 100", NULL },
    { "GET /", "dir", 200, "Content-Length: 120", NULL },
    { "GET /index.html", "dir", 200, "Content-Length: 120", NULL },
    { "GET /small.txt", "dir", 404, NULL, NULL },
    { "GET /../small.txt", "dir", 400, NULL, NULL },
    { "GET /%2e%2e/small.txt", "dir", 400, NULL, NULL },
    { "GET /dir/a%20b.txt", "dir", 404, NULL, NULL },
    { "GET /a%20b.txt", "dir", 200, "Content-Length: 20", NULL },
    { "GET /sub%20dir", "dir", 301, "Location: /sub%20dir/", NULL },
    { "GET /sub%20dir/", "dir", 200, "Content-Length: 40", NULL },
    { "GET /", "noindex", 200, "Content-Length: 30", NULL },
    { "GET /dir", "any", 301, "Location: /dir/", NULL },
    { "GET http://dir/index.html", "any", 200, "Content-Length: 120", NULL },
    { "GET http://DIR:80", "any", 200, "Content-Length: 120", NULL },
    { "OPTIONS *", "dir", 204, NULL, NULL },
    /* fields: the first rule's, each name once; with 2xx and 3xx only */
    { "GET /", "any", 200, "Cache-Control: max-age=60", "cache-control: no-store" },
    { "GET /", "any", 200, "Access-Control-Allow-Origin: *", NULL },
    { "GET /small.txt", "any", 200, "cache-control: no-store", "Cache-Control: max-age=60" },
    { "HEAD /small.txt", "any", 200, "cache-control: no-store", NULL },
    { "GET /medium.bin", "any", 200, "Link: <a>", NULL },
    { "GET /medium.bin", "any", 200, "Link: <b>", NULL }, /* one rule may repeat a name */
    { "OPTIONS /small.txt", "any", 204, "Access-Control-Allow-Origin: *", NULL },
    { "GET /dir", "any", 301, "Access-Control-Allow-Origin: *", NULL },
    { "GET /none", "any", 404, NULL, "Access-Control-Allow-Origin: *" },
    { "POST /small.txt", "any", 405, NULL, "Access-Control-Allow-Origin: *" },
    { "GET /index.html", "dir", 200, NULL, "Cache-Control: max-age=60" },
    /* types */
    { "GET /small.txt", "any", 200, "Content-Type: text/markdown", "Content-Type: text/plain" },
    { "GET /dir/a%20b.txt", "any", 200, "Content-Type: text/markdown", NULL },
    { "GET /medium.bin", "any", 200, "Content-Type: application/octet-stream", NULL },
    { "GET /a%20b.txt", "dir", 200, "Content-Type: text/plain", NULL },
    /* redirects */
    { "GET /old", "any", 301, "Location: /new?x=y", NULL },
    { "GET /old?a=b", "any", 301, "Location: /new?x=y", NULL },
    { "GET /old/", "any", 404, NULL, NULL },
    { "GET /olds", "any", 404, NULL, NULL },
    { "GET /o%6cd", "any", 301, "Location: /new?x=y", NULL },
    { "GET /a/../old", "any", 301, "Location: /new?x=y", NULL },
    { "GET /gone%20here?q", "any", 302, "Location: /new?q", NULL },
    { "GET /docs", "any", 308, "Location: https://docs.example.org", NULL },
    { "GET /docs/", "any", 308, "Location: https://docs.example.org/", NULL },
    { "GET /docs/a%20b/c?d=e", "any", 308, "Location: https://docs.example.org/a%20b/c?d=e", NULL },
    { "GET /docs//evil.example/", "any", 308, "Location: https://docs.example.org/evil.example/",
      NULL },
    { "GET /docsx", "any", 404, NULL, NULL },
    { "POST /docs/form", "any", 308, "Location: https://docs.example.org/form", NULL },
    { "GET /slash/a", "any", 307, "Location: /other/a", NULL },
    { "GET /slash", "any", 404, NULL, NULL },
    { "GET /old", "dir", 404, NULL, NULL },
    /* listings: where there is no index file; they have what files have */
    { "GET /noindex/", "listed", 200, "Content-Length: 710", NULL },
    { "GET /noindex/", "listed", 200, "Content-Type: text/html; charset=utf-8", NULL },
    { "GET /noindex/", "listed", 200, "cache-control: no-store", "Cache-Control: max-age=60" },
    { "HEAD /noindex/", "listed", 200, "Content-Length: 710", NULL },
    { "OPTIONS /noindex/", "listed", 204, NULL, NULL },
    { "POST /noindex/", "listed", 405, NULL, NULL },
    { "GET /noindex", "listed", 301, "Location: /noindex/", NULL },
    { "GET /dir/", "listed", 200, "Content-Length: 120", NULL },
    { "GET /dir/sub%20dir/../../noindex/.", "listed", 200, "Content-Length: 710", NULL },
    { "GET /", "all", 200, "Content-Length: 700", NULL },
    { "GET /dir/", "all", 404, NULL, NULL }, /* the pool has made none */
    { "GET /", "json", 200, "Content-Length: 720", NULL },
    { "GET /", "json", 200, "Content-Type: application/json", NULL },
    { "GET /noindex/", "any", 404, NULL, NULL },
    { "GET /noindex//0", "listed", 404, NULL, NULL }, /* no request can name them */
    { "GET //0", "listed", 404, NULL, NULL },
    { "GET ///0", "listed", 404, NULL, NULL },
    { "GET /noindex%2f/0", "listed", 404, NULL, NULL },
    { "GET /noindex/%2f0", "listed", 404, NULL, NULL },
    /* pages for errors: the status stays, and what belongs to it */
    { "GET /none", "listed", 404, "Content-Length: 20", "Accept-Ranges: bytes" },
    { "GET /none", "listed", 404, "Content-Type: text/plain", "Access-Control-Allow-Origin: *" },
    { "HEAD /none", "listed", 404, "Content-Length: 20", NULL },
    { "POST /small.txt", "listed", 405, "Content-Length: 300000", NULL },
    { "POST /small.txt", "listed", 405, "Allow: GET, HEAD, OPTIONS", NULL },
    { "GET /../x", "listed", 400, "Connection: close", "Content-Length: 20" }, /* no such page */
};

START_TEST(request_is_answered_by_its_site)
{
    struct fixture *f = fixture_start();
    struct reply reply = ask(f, rows[_i].line, rows[_i].host);

    ck_assert_msg(reply.status == rows[_i].status, "%s at %s: %u", rows[_i].line, rows[_i].host,
                  reply.status);
    if (rows[_i].has != NULL)
        ck_assert_msg(reply_has(&reply, rows[_i].has), "%s at %s:\n%.*s", rows[_i].line,
                      rows[_i].host, (int)reply.head_len, reply.head);
    if (rows[_i].has_not != NULL)
        ck_assert(!reply_has(&reply, rows[_i].has_not));
    fixture_stop(f);
}
END_TEST

START_TEST(port_chooses_the_site_too)
{
    struct fixture *f = fixture_start();

    f->bench.tcp.local_port = 81;
    struct reply reply = ask(f, "GET /", "any");
    ck_assert(reply_has(&reply, "Content-Length: 120"));
    fixture_stop(f);
}
END_TEST

START_TEST(not_modified_has_the_fields_of_the_site)
{
    struct fixture *f = fixture_start();
    struct tcp_conn *conn = fake_open(&f->bench.tcp);

    fake_input_text(conn, "GET /small.txt HTTP/1.1\r\nHost: h\r\nIf-None-Match: *\r\n\r\n");
    fake_run(conn);
    struct reply reply = reply_read(conn->output, conn->sent, true);
    ck_assert_uint_eq(reply.status, 304);
    ck_assert(reply_has(&reply, "cache-control: no-store"));
    fixture_stop(f);
}
END_TEST

/* The fields are sent as they are, however many packets that takes, and whatever comes with them.
 */
START_TEST(fields_of_16_kilobytes_are_sent_with_each_kind_of_answer)
{
    struct fixture *f = fixture_start();
    struct tcp_conn *conn = fake_open(&f->bench.tcp);

    fake_input_text(conn, "GET /medium.bin HTTP/1.1\r\nHost: fat\r\nRange: bytes=0-1,9-10\r\n\r\n"
                          "GET /medium.bin HTTP/1.1\r\nHost: fat\r\nRange: bytes=7-8\r\n\r\n"
                          "GET /dir HTTP/1.1\r\nHost: fat\r\n\r\n");
    fake_run(conn);
    size_t at = 0;
    for (unsigned i = 0; i < 3; i++) {
        static const unsigned statuses[] = { 206, 206, 301 };
        struct reply reply = reply_read(conn->output + at, conn->sent - at, true);
        ck_assert_uint_eq(reply.status, statuses[i]);
        const char *found = memmem(reply.head, reply.head_len, fat_line, sizeof(fat_line));
        ck_assert_msg(found != NULL, "reply %u", i);
        ck_assert(memcmp(found + sizeof(fat_line), "\r\n", 2) != 0); /* other fields follow */
        if (i == 1)
            ck_assert(reply.body_len == 2 && reply.body[0] == site_byte("medium.bin", 7));
        at += reply.total_len;
    }
    ck_assert_uint_eq(at, conn->sent);
    fixture_stop(f);
}
END_TEST

/* What TCP asks for again may begin and end anywhere. */
START_TEST(head_with_fields_is_the_same_from_any_byte_on)
{
    struct fixture *f = fixture_start();
    struct tcp_conn *conn = fake_open(&f->bench.tcp);

    fake_input_text(conn, "GET /small.txt HTTP/1.1\r\nHost: fat\r\n\r\n");
    fake_send(conn, &fake_cut_plain);
    ck_assert_uint_gt(conn->sent, sizeof(fat_line));
    for (uint64_t from = 0; from < conn->sent; from += from < 500 ? 1 : 97)
        fake_send_again(conn, from, conn->sent, &fake_cut_plain);
    fake_run(conn);
    fixture_stop(f);
}
END_TEST

START_TEST(malformed_request_has_the_page_of_the_ports_default_site)
{
    struct fixture *f = fixture_start();
    struct tcp_conn *conn;

    f->bench.tcp.local_port = 82;
    conn = fake_open(&f->bench.tcp);
    fake_input_text(conn, "BREW / HTTP/1.1\r\nHost: x\r\n\r\n");
    fake_run(conn);
    struct reply reply = reply_read(conn->output, conn->sent, true);
    ck_assert_uint_eq(reply.status, 501); /* which has none */
    ck_assert(memcmp(reply.body, "501 ", 4) == 0);
    fake_reset(conn);
    reply = ask(f, "DELETE /", "x");
    ck_assert_uint_eq(reply.status, 405);
    ck_assert_uint_eq(reply.body_len, BIG_BYTES);
    ck_assert_uint_eq(reply.body[BIG_BYTES - 1], site_byte("big.bin", BIG_BYTES - 1));
    fixture_stop(f);
}
END_TEST

START_TEST(page_of_an_error_may_be_empty)
{
    struct fixture *f = fixture_start();
    struct tcp_conn *conn = fake_open(&f->bench.tcp);

    fake_input_text(conn, "GET /small.txt HTTP/1.1\r\nHost: listed\r\nRange: bytes=99-\r\n\r\n");
    fake_run(conn);
    struct reply reply = reply_read(conn->output, conn->sent, true);
    ck_assert_uint_eq(reply.status, 416);
    ck_assert(reply_has(&reply, "Content-Length: 0"));
    ck_assert(reply_has(&reply, "Content-Range: bytes */13"));
    fixture_stop(f);
}
END_TEST

START_TEST(redirect_that_does_not_fit_is_414)
{
    struct fixture *f = fixture_start();
    char line[2048] = "GET /docs/";

    memset(line + 10, 'a', 2000);
    ck_assert_uint_eq(ask(f, line, "any").status, 414);
    fixture_stop(f);
}
END_TEST

/* ==== access ==== */

static struct site_access rule_of(const char *ip, uint8_t prefix_len, bool allow)
{
    struct site_access rule = { .prefix_len = prefix_len, .allow = allow };

    ck_assert(ip_addr_parse(ip, &rule.net));
    return rule;
}

static const struct {
    const char *client;
    unsigned status;
} clients[] = {
    { "10.71.0.1", 200 }, { "10.71.1.1", 403 },     { "10.99.0.1", 403 },
    { "192.0.2.1", 200 }, { "2001:db8:1::1", 403 }, { "2001:db9::1", 200 },
};

START_TEST(first_rule_that_holds_the_address_decides)
{
    struct fixture *f = fixture_start();

    access_rules[0] = rule_of("10.71.0.0", 24, true);
    access_rules[1] = rule_of("10.0.0.0", 8, false);
    access_rules[2] = rule_of("2001:db8::", 32, false);
    ck_assert(ip_addr_parse(clients[_i].client, &f->bench.tcp.peer));
    ck_assert_uint_eq(ask(f, "GET /small.txt", "closed").status, clients[_i].status);
    ck_assert_uint_eq(f->bench.counters.http_denied, clients[_i].status == 403);
    ck_assert_uint_eq(ask(f, "GET /small.txt", "any").status, 200); /* another site */
    fixture_stop(f);
}
END_TEST

/* ==== rates ==== */

START_TEST(connection_is_as_fast_as_its_last_request_may)
{
    struct fixture *f = fixture_start();
    struct tcp_conn *conn = fake_open(&f->bench.tcp);

    fake_input_text(conn, "GET /small.txt HTTP/1.1\r\nHost: dir\r\n\r\n");
    ck_assert_uint_eq(conn->rate_max, 12345);
    fake_input_text(conn, "GET /small.txt HTTP/1.1\r\nHost: any\r\n\r\n");
    ck_assert_uint_eq(conn->rate_max, 0);
    fake_run(conn);
    fixture_stop(f);
}
END_TEST

START_TEST(burst_passes_then_requests_come_in_step)
{
    struct fixture *f = fixture_start();

    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(ask(f, "GET /small.txt", "limited").status, 200);
    struct reply reply = ask(f, "GET /small.txt", "limited");
    ck_assert_uint_eq(reply.status, 429);
    ck_assert(reply_has(&reply, "Retry-After: 1"));
    ck_assert_uint_eq(f->bench.counters.http_limited, 1);
    ck_assert_uint_eq(ask(f, "GET /small.txt", "any").status, 200); /* other sites are open */
    f->bench.tcp.peer.b[15]++;
    ck_assert_uint_eq(ask(f, "GET /small.txt", "limited").status, 200); /* and to others */
    f->bench.tcp.peer.b[15]--;
    fake_advance(&f->bench.tcp, NS_PER_S / 2);
    ck_assert_uint_eq(ask(f, "GET /small.txt", "limited").status, 200);
    ck_assert_uint_eq(ask(f, "GET /small.txt", "limited").status, 429);
    fake_advance(&f->bench.tcp, 10 * NS_PER_S);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(ask(f, "GET /small.txt", "limited").status, 200);
    ck_assert_uint_eq(ask(f, "GET /small.txt", "limited").status, 429);
    fixture_stop(f);
}
END_TEST

static const struct http_site one_a_second = { .request_gap_ns = NS_PER_S, .request_burst = 1 };

START_TEST(hosts_of_an_ipv6_net_are_one_client)
{
    struct rate_table table;
    struct counters counters = { 0 };
    const uint64_t seed[2] = { 3, 4 };
    struct ip_addr a, b, c;

    ck_assert(rate_create(&table, 8, seed, &memory_heap));
    ck_assert(ip_addr_parse("2001:db8::1", &a) && ip_addr_parse("2001:db8::ffff:2", &b) &&
              ip_addr_parse("2001:db8:0:1::1", &c));
    ck_assert_uint_eq(rate_request(&table, &one_a_second, &a, &counters, 100), 0);
    ck_assert_uint_eq(rate_request(&table, &one_a_second, &b, &counters, 100), NS_PER_S);
    ck_assert_uint_eq(rate_request(&table, &one_a_second, &c, &counters, 100), 0);
    rate_destroy(&table, &memory_heap);
}
END_TEST

#define ASK_BUSY "GET /big.bin HTTP/1.1\r\nHost: busy\r\n\r\n"

static unsigned status_sent(const struct tcp_conn *conn)
{
    return (unsigned)strtoul((const char *)conn->output + strlen("HTTP/1.1 "), NULL, 10);
}

/* As nginx's limit_conn: counted are connections with a request that is being answered. */
START_TEST(busy_connections_of_a_client_are_limited)
{
    struct fixture *f = fixture_start();
    struct tcp_conn *c[5];

    for (unsigned i = 0; i < 5; i++)
        c[i] = fake_open(&f->bench.tcp); /* open ones do not count */
    for (unsigned i = 0; i < 3; i++) {
        fake_input_text(c[i], ASK_BUSY ASK_BUSY);
        fake_send(c[i], &fake_cut_plain);
        ck_assert_uint_eq(status_sent(c[i]), i < 2 ? 200 : 429);
    }
    ck_assert_uint_eq(f->bench.counters.http_busy, 2);
    /* Another client, another site, and one whose turn it is when another has ended. */
    f->bench.tcp.peer = ip_addr_from_v4(0x0a470009);
    fake_input_text(c[3], ASK_BUSY);
    fake_send(c[3], &fake_cut_plain);
    ck_assert_uint_eq(status_sent(c[3]), 200);
    fake_run(c[3]);
    f->bench.tcp.peer = ip_addr_from_v4(0x0a470001);
    fake_input_text(c[4], "GET / HTTP/1.1\r\nHost: any\r\n\r\n" ASK_BUSY);
    fake_run(c[4]);
    ck_assert_uint_eq(f->bench.counters.http_busy, 3);
    fake_run(c[0]); /* all is acknowledged */
    fake_input_text(c[4], ASK_BUSY);
    fake_send(c[4], &fake_cut_plain);
    ck_assert_uint_eq(f->bench.counters.http_busy, 3);
    fake_input_text(c[0], ASK_BUSY);
    fake_run(c[0]);
    ck_assert_uint_eq(f->bench.counters.http_busy, 4);
    fake_reset(c[1]); /* gone in the middle */
    fake_input_text(c[0], ASK_BUSY);
    fake_run(c[0]);
    ck_assert_uint_eq(f->bench.counters.http_busy, 4);
    fixture_stop(f);
}
END_TEST

START_TEST(full_table_of_busy_clients_counts_no_more)
{
    static const struct http_site one = { .connections_max = 1 };
    const uint64_t seed[2] = { 3, 4 };
    struct busy_table table;
    struct counters counters = { 0 };
    uint32_t entry[9];

    ck_assert(busy_create(&table, 8, seed, &memory_heap));
    for (uint32_t i = 0; i < 9; i++) {
        struct ip_addr client = ip_addr_from_v4(0x0a000000 + i);
        entry[i] = busy_enter(&table, &one, &client, &counters);
        ck_assert_int_eq(entry[i] < 8, i < 8);
        if (i < 8)
            ck_assert_uint_eq(busy_enter(&table, &one, &client, &counters), BUSY_FULL);
    }
    ck_assert_uint_eq(entry[8], BUSY_NONE);
    ck_assert_uint_eq(counters.http_client_uncounted, 1);
    for (uint32_t i = 0; i < 9; i++)
        busy_leave(&table, entry[i]);
    struct ip_addr ninth = ip_addr_from_v4(0x0a000008);
    ck_assert_uint_lt(busy_enter(&table, &one, &ninth, &counters), 8);
    busy_destroy(&table, &memory_heap);
}
END_TEST

START_TEST(full_table_forgets_who_may_go_on_soonest)
{
    struct rate_table table;
    struct counters counters = { 0 };
    const uint64_t seed[2] = { 3, 4 };

    ck_assert_uint_eq(rate_entries(1), 8);
    ck_assert_uint_eq(rate_entries(9), 16);
    ck_assert(rate_create(&table, 8, seed, &memory_heap));
    for (uint32_t i = 0; i < 8; i++) {
        struct ip_addr client = ip_addr_from_v4(0x0a000000 + i);
        ck_assert_uint_eq(rate_request(&table, &one_a_second, &client, &counters, i), 0);
    }
    struct ip_addr first = ip_addr_from_v4(0x0a000000), last = ip_addr_from_v4(0x0a000007);
    struct ip_addr ninth = ip_addr_from_v4(0x0a000008);
    ck_assert_uint_eq(rate_request(&table, &one_a_second, &ninth, &counters, 8), 0);
    ck_assert_uint_eq(counters.http_client_evicted, 1);
    ck_assert_uint_gt(rate_request(&table, &one_a_second, &last, &counters, 9), 0);
    ck_assert_uint_eq(rate_request(&table, &one_a_second, &first, &counters, 10), 0);
    ck_assert_uint_eq(counters.http_client_evicted, 2);
    /* Once their time has come, nobody loses anything. */
    for (uint32_t i = 0; i < 8; i++) {
        struct ip_addr client = ip_addr_from_v4(0x0b000000 + i);
        ck_assert_uint_eq(rate_request(&table, &one_a_second, &client, &counters, 2 * NS_PER_S + i),
                          0);
    }
    ck_assert_uint_eq(counters.http_client_evicted, 2);
    rate_destroy(&table, &memory_heap);
}
END_TEST

Suite *sites_suite(void)
{
    Suite *suite = suite_create("http sites");
    TCase *c = tcase_create("globs");

    tcase_add_loop_test(c, glob_matches_whole_paths, 0, (int)COUNT_OF(globs));
    suite_add_tcase(suite, c);
    c = tcase_create("answers");
    tcase_add_loop_test(c, request_is_answered_by_its_site, 0, (int)COUNT_OF(rows));
    tcase_add_test(c, port_chooses_the_site_too);
    tcase_add_test(c, not_modified_has_the_fields_of_the_site);
    tcase_add_test(c, fields_of_16_kilobytes_are_sent_with_each_kind_of_answer);
    tcase_add_test(c, head_with_fields_is_the_same_from_any_byte_on);
    tcase_add_test(c, malformed_request_has_the_page_of_the_ports_default_site);
    tcase_add_test(c, page_of_an_error_may_be_empty);
    tcase_add_test(c, redirect_that_does_not_fit_is_414);
    suite_add_tcase(suite, c);
    c = tcase_create("access and rates");
    tcase_add_loop_test(c, first_rule_that_holds_the_address_decides, 0, (int)COUNT_OF(clients));
    tcase_add_test(c, connection_is_as_fast_as_its_last_request_may);
    tcase_add_test(c, burst_passes_then_requests_come_in_step);
    tcase_add_test(c, hosts_of_an_ipv6_net_are_one_client);
    tcase_add_test(c, busy_connections_of_a_client_are_limited);
    tcase_add_test(c, full_table_of_busy_clients_counts_no_more);
    tcase_add_test(c, full_table_forgets_who_may_go_on_soonest);
    suite_add_tcase(suite, c);
    return suite;
}
