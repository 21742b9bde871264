/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line. */
#include <string.h>
#include <unistd.h>

#include "app/help.h"
#include "app/options.h"
#include "app/settings.h"
#include "cli_test.h"

#define COUNT_OF(rows) (int)(sizeof(rows) / sizeof((rows)[0]))
#define WORDS_MAX      20

/* Splits line at spaces and reads it as a command line. */
static void read_line(struct options *options, const char *line, FILE *errors)
{
    static char copy[1024]; /* options keeps pointers into it */
    char *argv[WORDS_MAX + 1];
    int argc = 0;

    ck_assert_uint_lt(strlen(line), sizeof(copy));
    strcpy(copy, line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        ck_assert_int_lt(argc, WORDS_MAX);
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    options_read(options, argc, argv, errors);
}

/* ---- mistakes: one clear line each ---- */

static const struct {
    const char *line;
    const char *said;
} bad_lines[] = {
    { "hugewire",
      "no command given: serve, check, doctor, pool, reload, status, reopen, verify or top" },
    { "hugewire sevre /srv", "unknown command \"sevre\": expected serve, check, doctor, pool, "
                             "reload, status, reopen, verify or top" },
    { "hugewire serve", "no ROOT given" },
    { "hugewire serve /a /b", "expected one ROOT; found \"/a\" and \"/b\"" },
    { "hugewire serve /a --port 81 /b", "expected one ROOT; found \"/a\" and \"/b\"" },
    { "hugewire serve --speed 3 /srv", "unknown or ambiguous option --speed" },
    { "hugewire serve --p 3 /srv", "unknown or ambiguous option --p" },
    { "hugewire serve -x /srv", "unknown option -x" },
    { "hugewire serve /srv --port", "option --port needs a value" },
    { "hugewire serve --version=2 /srv", "option --version takes no value" },
    { "hugewire serve --allow-small-pages=yes /srv", "option --allow-small-pages takes no value" },
    { "hugewire serve --port eighty /srv",
      "--port: expected a number from 1 to 65535; found \"eighty\"" },
    { "hugewire serve --port 65536 /srv", "--port: expected a number from 1 to 65535" },
    { "hugewire serve --mtu -1 /srv", "--mtu: expected a number from 576 to 9216" },
    { "hugewire serve --address 10.71.0.2 /srv", "--address: expected a host's address" },
    { "hugewire serve --device eth0 /srv", "--device: expected tap:NAME" },
    { "hugewire serve --cores 1, /srv", "--cores: expected a list" },
    { "hugewire serve --pool much /srv", "--pool: expected a size from 2MiB to 1TiB" },
    { "hugewire serve --log-level loud /srv", "--log-level: expected one of error warning" },
    { "hugewire serve --drain-seconds 3601 /srv", "--drain-seconds: expected a number" },
    { "hugewire serve --device tap:a --address 10.0.0.2/24 --device tap:b /srv",
      "ports[1].address: expected the server's address on tap:b" },
    { "hugewire serve --device tap:1 --device tap:2 --device tap:3 --device tap:4 --device tap:5 "
      "--device tap:6 --device tap:7 --device tap:8 --device=tap:9",
      "--device: expected at most 8 ports" },
    { "hugewire serve --gateway 10.72.0.1 /srv",
      "server.gateway: expected an address in the net of server.address" },
    { "hugewire check", "no file given: hugewire check -c FILE" },
    { "hugewire check -c", "option -c needs a value" },
    { "hugewire check -c a.yaml b.yaml", "unexpected \"b.yaml\"" },
    { "hugewire doctor -c a.yaml", "unknown option -c" },
    { "hugewire doctor /a /b", "expected one ROOT" },
    { "hugewire reopen --pid -1", "--pid: expected a process number; found \"-1\"" },
    { "hugewire reopen --pid", "option --pid needs a value" },
    { "hugewire reopen --json", "unknown or ambiguous option --json" },
    { "hugewire status --pid x", "--pid: expected a process number; found \"x\"" },
    { "hugewire pool --disk", "unknown or ambiguous option --disk" },
    { "hugewire verify a b", "unexpected \"b\" (see hugewire verify --help)" },
    { "hugewire verify --pid", "option --pid needs a value" },
    { "hugewire reopen now", "unexpected \"now\" (see hugewire reopen --help)" },
};

START_TEST(mistake_is_one_line)
{
    struct options options;
    struct said said;

    said_open(&said);
    read_line(&options, bad_lines[_i].line, said.stream);
    const char *text = said_text(&said);
    ck_assert_int_eq(options.command, OPTIONS_BAD);
    ck_assert_msg(strncmp(text, "hugewire: ", 10) == 0 &&
                      strncmp(text + 10, bad_lines[_i].said, strlen(bad_lines[_i].said)) == 0,
                  "expected \"%s\", said \"%s\"", bad_lines[_i].said, text);
    ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
    said_free(&said);
}
END_TEST

/* ---- what is accepted ---- */

START_TEST(serve_without_flags_has_the_defaults)
{
    struct options options;
    struct config defaults;

    config_defaults(&defaults);
    read_line(&options, "hugewire serve /srv", stderr);
    ck_assert_int_eq(options.command, OPTIONS_SERVE);
    ck_assert_str_eq(options.config.root, "/srv");
    options.config.root[0] = '\0';
    ck_assert_str_eq(options.config.ports[0].device, defaults.ports[0].device);
    ck_assert_uint_eq(options.config.port, defaults.port);
}
END_TEST

START_TEST(verify_takes_a_pattern_and_flags)
{
    struct options options;

    read_line(&options, "hugewire verify", stderr);
    ck_assert_int_eq(options.command, OPTIONS_VERIFY);
    ck_assert_ptr_null(options.pattern);
    ck_assert(!options.disk && !options.json);
    read_line(&options, "hugewire verify --disk --json --pid 77 d/*.html", stderr);
    ck_assert_int_eq(options.command, OPTIONS_VERIFY);
    ck_assert_str_eq(options.pattern, "d/*.html");
    ck_assert(options.disk && options.json);
    ck_assert_int_eq(options.pid, 77);
}
END_TEST

START_TEST(serve_takes_every_flag)
{
    struct options options;
    const struct config *c = &options.config;

    read_line(&options, "hugewire serve --device af_xdp:eth0 --port 81 /srv", stderr);
    ck_assert_int_eq(options.command, OPTIONS_SERVE);
    ck_assert_str_eq(c->ports[0].device, "af_xdp:eth0");
    ck_assert_uint_eq(c->port, 81);
    read_line(&options, "hugewire serve --address 10.0.0.9/8 --gateway=10.0.0.1 --cores 2 /srv",
              stderr);
    ck_assert_int_eq(options.command, OPTIONS_SERVE);
    ck_assert_uint_eq(ip_addr_v4(&c->ports[0].gateway), 0x0a000001);
    ck_assert_uint_eq(c->ports[0].address[0].prefix_len, 8);
    ck_assert_uint_eq(c->cores[0], 2);
    read_line(&options,
              "hugewire serve --pool 2G --mtu 9000 --log-level error --allow-small-pages "
              "--drain-seconds 5 /srv",
              stderr);
    ck_assert_int_eq(options.command, OPTIONS_SERVE);
    ck_assert_uint_eq(c->pool_bytes, UINT64_C(2) << 30);
    ck_assert_uint_eq(c->ports[0].mtu, 9000);
    ck_assert_int_eq(c->log_level, CONFIG_LOG_ERROR);
    ck_assert(c->allow_small_pages);
    ck_assert_uint_eq(c->drain_seconds, 5);
}
END_TEST

/* Flags in front of the first device are its own as well. */
START_TEST(each_device_begins_a_port)
{
    struct options options;
    const struct config *c = &options.config;

    read_line(&options,
              "hugewire serve --mtu 9000 --device tap:a --address 10.0.0.2/24 --device tap:b "
              "--address 10.0.1.2/24 --port 81 --address fd00::2/64 --vlan 7 /srv",
              stderr);
    ck_assert_int_eq(options.command, OPTIONS_SERVE);
    ck_assert_uint_eq(c->port_count, 2);
    ck_assert_uint_eq(c->port, 81);
    ck_assert_str_eq(c->ports[0].device, "tap:a");
    ck_assert_uint_eq(c->ports[0].mtu, 9000);
    ck_assert_uint_eq(c->ports[0].address_count, 1);
    ck_assert_uint_eq(c->ports[0].vlan, 0);
    ck_assert_str_eq(c->ports[1].device, "tap:b");
    ck_assert_uint_eq(c->ports[1].mtu, 1500);
    ck_assert_uint_eq(c->ports[1].address_count, 2);
    ck_assert_uint_eq(c->ports[1].vlan, 7);
}
END_TEST

/* One port's flags go over the file's one port; several devices are all ports; several ports of the
 * file are the file's alone. */
START_TEST(ports_of_file_and_flags)
{
    struct options options;
    const struct config *c = &options.config;
    char one[TEMP_PATH_BYTES], two[TEMP_PATH_BYTES], line[1024];
    struct said said;

    temp_file(one, "ports:\n  - {device: tap:f, address: 10.9.0.2/24, vlan: 3}\n");
    temp_file(two, "ports:\n  - {device: tap:f, address: 10.9.0.2/24}\n"
                   "  - {device: tap:g, address: 10.9.1.2/24}\n");
    snprintf(line, sizeof(line), "hugewire serve -c %s --mtu 9000 /srv", one);
    read_line(&options, line, stderr);
    ck_assert_int_eq(options.command, OPTIONS_SERVE);
    ck_assert_uint_eq(c->ports[0].vlan, 3);
    ck_assert_uint_eq(c->ports[0].mtu, 9000);

    snprintf(line, sizeof(line),
             "hugewire serve -c %s --device tap:a --address 10.0.0.2/24 --device tap:b --address "
             "10.0.1.2/24 /srv",
             one);
    read_line(&options, line, stderr);
    ck_assert_int_eq(options.command, OPTIONS_SERVE);
    ck_assert_uint_eq(c->port_count, 2);
    ck_assert_str_eq(c->ports[0].device, "tap:a");
    ck_assert_uint_eq(c->ports[0].vlan, 0);

    snprintf(line, sizeof(line), "hugewire serve -c %s --mtu 9000 /srv", two);
    said_open(&said);
    read_line(&options, line, said.stream);
    ck_assert_int_eq(options.command, OPTIONS_BAD);
    ck_assert_ptr_nonnull(strstr(said_text(&said), "lists 2 ports: change them there"));
    said_free(&said);
    unlink(one);
    unlink(two);
}
END_TEST

START_TEST(last_of_two_equal_flags_wins)
{
    struct options options;

    read_line(&options, "hugewire serve --port 81 --port 82 /srv", stderr);
    ck_assert_uint_eq(options.config.port, 82);
}
END_TEST

START_TEST(root_after_two_dashes_may_look_like_a_flag)
{
    struct options options;

    read_line(&options, "hugewire serve -- --port", stderr);
    ck_assert_int_eq(options.command, OPTIONS_SERVE);
    ck_assert_str_eq(options.config.root, "--port");
}
END_TEST

START_TEST(flags_override_the_file_wherever_they_stand)
{
    struct options options;
    char path[TEMP_PATH_BYTES], line[TEMP_PATH_BYTES + 128];

    temp_file(path, "server:\n  port: 8080\n  mtu: 9000\n  gateway: 10.0.0.1\n");
    snprintf(line, sizeof(line), "hugewire serve --port 81 --address 10.0.0.9/8 --config %s /srv",
             path);
    read_line(&options, line, stderr);
    unlink(path);
    ck_assert_int_eq(options.command, OPTIONS_SERVE);
    ck_assert_uint_eq(options.config.port, 81);
    ck_assert_uint_eq(options.config.ports[0].mtu, 9000);
}
END_TEST

START_TEST(file_with_a_mistake_is_not_served)
{
    struct options options;
    struct said said;
    char path[TEMP_PATH_BYTES], line[TEMP_PATH_BYTES + 128];

    temp_file(path, "server:\n  port: 0\n");
    snprintf(line, sizeof(line), "hugewire serve --config %s --port 81 /srv", path);
    said_open(&said);
    read_line(&options, line, said.stream);
    unlink(path);
    ck_assert_int_eq(options.command, OPTIONS_BAD);
    ck_assert_ptr_nonnull(strstr(said_text(&said), ":2: server.port: expected a number"));
    said_free(&said);
}
END_TEST

START_TEST(check_and_doctor_take_their_words)
{
    struct options options;

    read_line(&options, "hugewire check -c a.yaml", stderr);
    ck_assert_int_eq(options.command, OPTIONS_CHECK);
    ck_assert_str_eq(options.file, "a.yaml");
    read_line(&options, "hugewire doctor", stderr);
    ck_assert_int_eq(options.command, OPTIONS_DOCTOR);
    ck_assert_ptr_null(options.root);
    read_line(&options, "hugewire doctor /srv", stderr);
    ck_assert_str_eq(options.root, "/srv");
}
END_TEST

/* ---- help ---- */

static const struct {
    const char *line;
    const char *text;
} help_lines[] = {
    { "hugewire --help", help_all },         { "hugewire help", help_all },
    { "hugewire serve --help", help_serve }, { "hugewire serve -h", help_serve },
    { "hugewire check --help", help_check }, { "hugewire doctor --help", help_doctor },
    { "hugewire --version", help_version },  { "hugewire serve --version", help_version },
};

START_TEST(help_needs_nothing_else)
{
    struct options options;

    read_line(&options, help_lines[_i].line, stderr);
    ck_assert(options.command == OPTIONS_HELP || options.command == OPTIONS_VERSION);
    ck_assert_ptr_eq(options.text, help_lines[_i].text);
}
END_TEST

START_TEST(help_names_every_flag_and_its_default)
{
    for (unsigned i = 0; i < setting_count; i++) {
        char flag[64];

        if (settings[i].option == NULL)
            continue;
        snprintf(flag, sizeof(flag), "  --%s ", settings[i].option);
        const char *at = strstr(help_serve, flag);
        ck_assert_msg(at != NULL, "%s is not in the help", flag);
        if (settings[i].zero_word == NULL && settings[i].kind != &setting_bool)
            ck_assert_msg(strstr(at, settings[i].fallback) != NULL, "%s: default", flag);
    }
}
END_TEST

TCase *options_case(void)
{
    TCase *c = tcase_create("options");

    tcase_add_loop_test(c, mistake_is_one_line, 0, COUNT_OF(bad_lines));
    tcase_add_test(c, serve_without_flags_has_the_defaults);
    tcase_add_test(c, verify_takes_a_pattern_and_flags);
    tcase_add_test(c, serve_takes_every_flag);
    tcase_add_test(c, each_device_begins_a_port);
    tcase_add_test(c, ports_of_file_and_flags);
    tcase_add_test(c, last_of_two_equal_flags_wins);
    tcase_add_test(c, root_after_two_dashes_may_look_like_a_flag);
    tcase_add_test(c, flags_override_the_file_wherever_they_stand);
    tcase_add_test(c, file_with_a_mistake_is_not_served);
    tcase_add_test(c, check_and_doctor_take_their_words);
    tcase_add_loop_test(c, help_needs_nothing_else, 0, COUNT_OF(help_lines));
    tcase_add_test(c, help_names_every_flag_and_its_default);
    return c;
}
