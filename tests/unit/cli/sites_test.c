/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of sites in the configuration: every key, every mistake with its line, the way back. */
#include <string.h>
#include <unistd.h>

#include "app/check.h"
#include "app/config.h"
#include "app/sites.h"
#include "base/time.h"
#include "cli_test.h"

#define COUNT_OF(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

/* YAML below "sites:" -> what is said, line by line; line 2 is the first below it. */
static const struct {
    const char *yaml, *said;
} mistakes[] = {
    { " 80", "1: sites: expected a list of sites, each a mapping; found \"80\"" },
    { " []", "1: sites: expected a list of sites" },
    { "\n- 80",
      "2: sites[0]: expected settings below it (host, port, default, root, index, autoindex, " },
    { "\n- colour: red",
      "2: sites[0]: expected one of host, port, default, root, index, "
      "autoindex, error_pages, types, add_headers, redirects, access, limits; found \"colour\"" },
    { "\n- root: a\n  root: b", "3: sites[0].root: expected this setting once" },
    /* names and ports */
    { "\n- host: a/b", "2: sites[0].host: expected a host, such as example.org" },
    { "\n- host: a:80", "2: sites[0].host: expected a host" },
    { "\n- host: [a, '']", "2: sites[0].host[1]: expected a host" },
    { "\n- host: .a", "2: sites[0].host: expected a host" },
    { "\n- host: '*'", "2: sites[0].host: expected a host" },
    { "\n- host: a*.b", "2: sites[0].host: expected a host" },
    { "\n- host: {a: b}",
      "2: sites[0].host: expected a host, such as example.org, *.example.org or "
      "[2001:db8::1], without a port; found \"(a mapping)\"" },
    { "\n- host: \"a\\r\\nb\"", "2: sites[0].host: expected a host" },
    { "\n- port: 0", "2: sites[0].port: expected a number from 1 to 65535; found \"0\"" },
    { "\n- port: [80, http]", "2: sites[0].port[1]: expected a number" },
    { "\n- port: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]",
      "2: sites[0].port[16]: expected at most 16 of them" },
    { "\n- default: perhaps", "2: sites[0].default: expected true or false" },
    { "\n- host: a\n- host: [b, A]",
      "3: sites: expected another host than that of line 2; found \"a\"" },
    { "\n- root: a\n- root: b", "3: sites: expected one site for any other host on port 80" },
    { "\n- default: yes\n- default: yes\n  host: a", "3: sites: expected one site for any other" },
    { "\n- port: [1,2,3,4,5,6,7,8,9]\n- port: [11,12,13,14,15,16,17,18]",
      "3: sites: expected at most 16 different ports" },
    /* files */
    { "\n- root: /", "2: sites[0].root: expected a directory below ROOT" },
    { "\n- root: /srv/../a", "2: sites[0].root: expected a directory below ROOT" },
    { "\n- root: //srv", "2: sites[0].root: expected a directory below ROOT" },
    { "\n- root: a/../b", "2: sites[0].root: expected a directory below ROOT" },
    { "\n- root: a//b", "2: sites[0].root: expected a directory below ROOT" },
    { "\n- root: .", "2: sites[0].root: expected a directory below ROOT" },
    { "\n- root: \"a\\0b\"", "2: sites[0].root: expected a directory below ROOT" },
    { "\n- index: a/b", "2: sites[0].index: expected the name of a file" },
    { "\n- index: ['']", "2: sites[0].index[0]: expected the name of a file" },
    { "\n- index: 12345678901234567890123456789012345678901234567890123456789012345",
      "2: sites[0].index: expected the name of a file, of 1 to 64 bytes" },
    { "\n- types: [a]", "2: sites[0].types: expected settings below it (EXTENSION: TYPE)" },
    { "\n- types: {a: text}", "2: sites[0].types: expected a media type" },
    { "\n- types: {a: \"text/x\\r\\nEvil: 1\"}", "2: sites[0].types: expected a media type" },
    { "\n- types: {a/b: text/x}", "2: sites[0].types: expected an extension" },
    { "\n- autoindex: yes", "2: sites[0].autoindex: expected off, html or json; found \"yes\"" },
    { "\n- error_pages: [x]",
      "2: sites[0].error_pages[0]: expected settings below it (status, page)" },
    { "\n- error_pages: [{status: 404}]", "2: sites[0].error_pages[0]: expected status and page" },
    { "\n- error_pages: [{status: 200, page: /a}]",
      "2: sites[0].error_pages[0].status: expected a status of an error that the server answers "
      "with, such as 404; found \"200\"\n2: sites[0].error_pages[0]: expected status and page" },
    { "\n- error_pages: [{status: 402, page: /a}]",
      "2: sites[0].error_pages[0].status: expected a status of an error\n2: sites[0].error_p" },
    { "\n- error_pages: [{status: [404, x], page: /a}]",
      "2: sites[0].error_pages[0].status[1]: expected a status of an error" },
    { "\n- error_pages:\n  - {status: [403, 404], page: /a}\n  - {status: 404, page: /b}",
      "4: sites[0].error_pages[1]: expected one page for status 404" },
    { "\n- error_pages: [{status: 404, page: a}]",
      "2: sites[0].error_pages[0].page: expected a file's path within the site\n"
      "2: sites[0].error_pages[0]: expected status and page" },
    { "\n- error_pages: [{status: 404, page: /../a}]",
      "2: sites[0].error_pages[0].page: expected a file's path\n2: sites[0].error_pages[0]: exp" },
    { "\n- error_pages: [{status: 404, page: /a/}]",
      "2: sites[0].error_pages[0].page: expected a file's path\n2: sites[0].error_pages[0]: exp" },
    /* add_headers */
    { "\n- add_headers: [x]",
      "2: sites[0].add_headers[0]: expected settings below it (path, head" },
    { "\n- add_headers: [{path: a}]",
      "2: sites[0].add_headers[0].path: expected a path that begins" },
    { "\n- add_headers: [{headers: x}]",
      "2: sites[0].add_headers[0].headers: expected settings below it (NAME: VALUE)" },
    { "\n- add_headers:\n  - headers:\n      X: \"a\\r\\nb\"",
      "4: sites[0].add_headers[0].headers.X: expected a field's value: no line breaks" },
    { "\n- add_headers:\n  - headers:\n      X: \"a\\nb\"",
      "4: sites[0].add_headers[0].headers.X: expected a field's value" },
    { "\n- add_headers: [{headers: {X: \"a\\0b\"}}]",
      "2: sites[0].add_headers[0].headers.X: expected a field's value" },
    { "\n- add_headers: [{headers: {X: \" a\"}}]",
      "2: sites[0].add_headers[0].headers.X: expected a field's value" },
    { "\n- add_headers: [{headers: {X Y: a}}]",
      "2: sites[0].add_headers[0].headers: expected a field's name" },
    { "\n- add_headers: [{headers: {\"X\\r\\nY\": a}}]",
      "2: sites[0].add_headers[0].headers: expected a field's name" },
    { "\n- add_headers: [{headers: {content-length: 5}}]",
      "2: sites[0].add_headers[0].headers: expected a field that the server does not set itself, "
      "nor one that frames a message or holds for one connection; found \"content-length\"" },
    { "\n- add_headers: [{headers: {Transfer-Encoding: chunked}}]",
      "2: sites[0].add_headers[0].headers: expected a field that" },
    { "\n- add_headers: [{headers: {connection: close}}]",
      "2: sites[0].add_headers[0].headers: expected a field that" },
    /* redirects */
    { "\n- redirects: [{from: /a}]", "2: sites[0].redirects[0]: expected from or prefix, and to" },
    { "\n- redirects: [{to: /a}]", "2: sites[0].redirects[0]: expected from or prefix, and to" },
    { "\n- redirects: [{from: a, to: /b}]", "2: sites[0].redirects[0].from: expected a path\n"
                                            "2: sites[0].redirects[0]: expected from or prefix" },
    { "\n- redirects: [{from: /a, prefix: /b, to: /c}]",
      "2: sites[0].redirects[0].prefix: expected either from or prefix" },
    { "\n- redirects: [{from: /a, to: //evil}]",
      "2: sites[0].redirects[0].to: expected a path that begins with one /\n"
      "2: sites[0].redirects[0]: expected from or prefix" },
    { "\n- redirects: [{from: /a, to: \"/b\\r\\nX: y\"}]",
      "2: sites[0].redirects[0].to: expected a path\n2: sites[0].redirects[0]: expected from" },
    { "\n- redirects: [{from: /a, to: /b, status: 303}]",
      "2: sites[0].redirects[0].status: expected 301, 302, 307 or 308; found \"303\"" },
    { "\n- redirects:\n  - prefix: /a/\n    to: https://example.org",
      "3: sites[0].redirects[0]: expected prefix and to both with a slash at their ends, or both" },
    /* access */
    { "\n- access: [{allow: 10.0.0.1/8}]",
      "2: sites[0].access[0].allow: expected all, an address" },
    { "\n- access: [{deny: 10.0.0.0/33}]", "2: sites[0].access[0].deny: expected all, an address" },
    { "\n- access: [{deny: host}]", "2: sites[0].access[0].deny: expected all, an address" },
    { "\n- access: [{permit: all}]", "2: sites[0].access[0]: expected one of allow, deny; found" },
    { "\n- access: [{allow: all, deny: all}]",
      "2: sites[0].access[0]: expected one allow or deny in each item" },
    /* limits */
    { "\n- limits: {rate: 10MB}", "2: sites[0].limits.rate: expected a size from 1KiB to 1TiB a "
                                  "second, such as 10MiB/s; found \"10MB\"" },
    { "\n- limits: {rate: 1/s}", "2: sites[0].limits.rate: expected a size" },
    { "\n- limits: {requests: 5}", "2: sites[0].limits.requests: expected 1 to 1000000 requests" },
    { "\n- limits: {requests: 0/s}", "2: sites[0].limits.requests: expected" },
    { "\n- limits: {requests: 1/h}", "2: sites[0].limits.requests: expected" },
    { "\n- limits: {burst: 0}", "2: sites[0].limits.burst: expected a number from 1 to 1000000" },
    { "\n- limits: {connections: 0}",
      "2: sites[0].limits.connections: expected a number from 1 to 1000000" },
    { "\n- root: a\nsites:\n- root: b", "3: sites: this section has begun in line 1 already" },
};

START_TEST(mistake_is_told_with_its_line)
{
    struct config config;
    struct said said;
    char path[TEMP_PATH_BYTES], yaml[2048];

    snprintf(yaml, sizeof(yaml), "sites:%s\n", mistakes[_i].yaml);
    temp_file(path, yaml);
    said_open(&said);
    config_defaults(&config);
    unsigned count = config_load_whole(&config, path, said.stream);
    unlink(path);
    const char *text = said_text(&said);
    ck_assert_msg(lines_agree(text, path, mistakes[_i].said), "expected\n%s\nsaid\n%s",
                  mistakes[_i].said, text);
    ck_assert_uint_gt(count, 0);
    ck_assert_ptr_null(config.sites);
    said_free(&said);
}
END_TEST

START_TEST(fields_of_a_site_are_bounded)
{
    struct config config;
    struct said said;
    char path[TEMP_PATH_BYTES], yaml[32768] = "sites:\n- add_headers:\n";

    for (int i = 0; i < 20; i++)
        sprintf(yaml + strlen(yaml), "  - headers: {X-%02d: %01000d}\n", i, i);
    temp_file(path, yaml);
    said_open(&said);
    config_defaults(&config);
    ck_assert_uint_gt(config_load_whole(&config, path, said.stream), 0);
    unlink(path);
    ck_assert_ptr_nonnull(strstr(said_text(&said), "expected at most 64 fields of 16384 bytes"));
    said_free(&said);
}
END_TEST

/* ---- what is accepted ---- */

static void load(struct config *config, const char *yaml)
{
    char path[TEMP_PATH_BYTES];

    temp_file(path, yaml);
    config_defaults(config);
    unsigned count = config_load_whole(config, path, stderr);
    unlink(path);
    ck_assert_uint_eq(count, 0);
}

static bool is(struct text text, const char *want)
{
    return text_equal(text, text_from(want));
}

START_TEST(without_sites_there_is_no_table)
{
    struct config config;

    load(&config, "server:\n  port: 81\n");
    ck_assert_ptr_null(config.sites);
}
END_TEST

START_TEST(site_of_nothing_has_the_defaults)
{
    struct config config;

    load(&config, "server:\n  port: 81\nsites:\n- {}\n");
    const struct config_sites *sites = config.sites;
    ck_assert_uint_eq(sites->count, 1);
    ck_assert_uint_eq(sites->port_count, 1);
    ck_assert_uint_eq(sites->ports[0], 81);
    ck_assert_uint_eq(sites->name_count, 1);
    ck_assert(is(sites->names[0].host, "") && is(sites->http[0].root, ""));
    ck_assert_uint_eq(sites->http[0].index_count, 1);
    ck_assert(is(sites->http[0].index[0], "index.html"));
    ck_assert(!sites->limits_clients);
    config_release(&config);
}
END_TEST

START_TEST(every_key_is_taken)
{
    struct config config;

    load(&config, "sites:\n"
                  "- host: [A.example, '*.A.example', '[2001:DB8::1]']\n"
                  "  port: [80, 8080]\n"
                  "  root: a/b/\n"
                  "  index: [x, y]\n"
                  "  types: {.TXT: text/x; charset=utf-8}\n"
                  "  add_headers:\n"
                  "  - {path: '*.js', headers: {Cache-Control: no-store, Link: [<a>, <b>]}}\n"
                  "  - headers: {X-Y: ''}\n"
                  "  redirects:\n"
                  "  - {from: /a b, to: /c}\n"
                  "  - {prefix: /d, to: 'http://e', status: 307}\n"
                  "  access: [{deny: 192.0.2.1}, {allow: 'fd00::/8'}, {deny: all}]\n"
                  "  limits: {rate: 3MB/s, requests: 30/min, burst: 7, connections: 9}\n"
                  "  autoindex: json\n"
                  "  error_pages:\n"
                  "  - {status: [404, 403], page: /e/x.html}\n"
                  "  - {status: 503, page: /y}\n"
                  "- host: z\n"
                  "  default: yes\n"
                  "  autoindex: html\n"
                  "  error_pages: [{status: 404, page: /y}]\n"
                  "- host: y\n"
                  "  root: /srv/y/\n"
                  "  error_pages: [{status: 404, page: /y}]\n"
                  "- host: x\n"
                  "  autoindex: html\n"
                  "- {host: w, root: /srv/y}\n");
    const struct config_sites *sites = config.sites;
    const struct http_site *site = &sites->http[0];

    ck_assert_uint_eq(sites->count, 5);
    ck_assert_uint_eq(sites->port_count, 2);
    ck_assert_uint_eq(sites->name_count, 6 + 1 + 1 + 1 + 1 + 2);
    ck_assert(is(sites->names[0].host, "a.example") && is(sites->names[2].host, "[2001:db8::1]"));
    ck_assert(is(sites->names[10].host, "") && sites->names[10].site == 1);
    ck_assert(is(sites->names[11].host, "") && sites->names[11].site == 0);
    /* Two sites with the same root and index share their listings. */
    ck_assert_uint_eq(sites->listing_count, 2);
    ck_assert(is(site->listing, "//0") && is(sites->http[1].listing, "//1") &&
              is(sites->http[3].listing, "//1"));
    ck_assert(sites->listings[0].format == LISTING_JSON && is(sites->listings[0].root, "a/b"));
    ck_assert_uint_eq(site->error_page_count, 3);
    ck_assert(site->error_pages[1].status == 403 && is(site->error_pages[1].path, "a/b/e/x.html"));
    ck_assert(is(sites->http[1].error_pages[0].path, "y"));
    ck_assert(is(sites->http[2].error_pages[0].path, "/srv/y/y"));
    ck_assert_uint_eq(sites->root_count, 1);
    ck_assert_str_eq(sites->roots[0], "/srv/y");
    ck_assert(is(site->root, "a/b") && is(site->index[1], "y"));
    ck_assert(is(site->types[0].extension, "txt") &&
              is(site->types[0].type, "text/x; charset=utf-8"));
    ck_assert_uint_eq(site->headers[0].count, 3);
    ck_assert(is(site->headers[0].fields[2].line, "Link: <b>\r\n"));
    ck_assert(is(site->headers[1].glob, "/*") && is(site->headers[1].fields[0].line, "X-Y: \r\n"));
    ck_assert(is(site->redirects[0].from, "/a b") && !site->redirects[0].prefix &&
              site->redirects[0].status == 301);
    ck_assert(site->redirects[1].prefix && site->redirects[1].status == 307);
    ck_assert_uint_eq(site->access_count, 4);
    ck_assert_uint_eq(site->access[0].prefix_len, 32);
    ck_assert_uint_eq(site->rate_bytes_per_s, 3 << 20);
    ck_assert_uint_eq(site->request_gap_ns, 2 * NS_PER_S);
    ck_assert_uint_eq(site->request_burst, 7);
    ck_assert_uint_eq(site->connections_max, 9);
    ck_assert(sites->limits_clients);
    config_release(&config);
}
END_TEST

/* The example of the manual is a configuration, and what is printed of it is one too, the same. */
START_TEST(example_is_accepted_and_round_trips)
{
    char path[TEMP_PATH_BYTES];
    struct said first, second;

    said_open(&first);
    ck_assert_int_eq(check_run(EXAMPLE_YAML, first.stream, stderr), 0);
    temp_file(path, said_text(&first));
    said_open(&second);
    ck_assert_int_eq(check_run(path, second.stream, stderr), 0);
    unlink(path);
    ck_assert_str_eq(said_text(&second), first.text);
    ck_assert_ptr_nonnull(strstr(first.text, "downloads.example.org"));
    said_free(&first);
    said_free(&second);
}
END_TEST

TCase *sites_case(void)
{
    TCase *c = tcase_create("sites");

    tcase_add_loop_test(c, mistake_is_told_with_its_line, 0, COUNT_OF(mistakes));
    tcase_add_test(c, fields_of_a_site_are_bounded);
    tcase_add_test(c, without_sites_there_is_no_table);
    tcase_add_test(c, site_of_nothing_has_the_defaults);
    tcase_add_test(c, every_key_is_taken);
    tcase_add_test(c, example_is_accepted_and_round_trips);
    return c;
}
