/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "app/config_ports.h"
#include "app/help.h"
#include "app/settings.h"
#include "app/values.h"
#include "base/assert.h"

/* What getopt_long() returns for our options; settings' options come after, by their number. */
enum {
    OPT_HELP = 256,
    OPT_VERSION,
    OPT_CONFIG,
    OPT_PID,
    OPT_JSON,
    OPT_DISK,
    OPT_SETTING,
};

#define SETTINGS_MAX CONFIG_SETTINGS_MAX

/* The flags' values, so that the file can be read before they are applied. */
struct flag {
    const char *value;            /* NULL: not given */
    char list[CONFIG_LIST_BYTES]; /* of settings that are lists */
};

struct flags {
    struct flag flag[SETTINGS_MAX]; /* but those of a port */
    struct flag port[CONFIG_PORTS_MAX][CONFIG_PORT_KEYS];
    unsigned ports; /* begun: by --device, or by another flag of a port in front of it */
};

/* The way out of every mistake on the command line. */
__attribute__((format(printf, 3, 4))) static void bad(struct options *options, FILE *errors,
                                                      const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("hugewire: ", errors);
    vfprintf(errors, format, args);
    va_end(args);
    fputc('\n', errors);
    options->command = OPTIONS_BAD;
}

static void answer(struct options *options, enum options_command command, const char *text)
{
    options->command = command;
    options->text = text;
}

/* getopt_long() found '?' or ':'. */
static void bad_option(struct options *options, FILE *errors, const char *command, int found,
                       char **argv)
{
    const char *word = argv[optind - 1];

    if (found == ':')
        bad(options, errors, "option %s needs a value (see hugewire %s --help)", word, command);
    else if (optopt >= OPT_HELP)
        bad(options, errors, "option %.*s takes no value (see hugewire %s --help)",
            (int)strcspn(word, "="), word, command);
    else if (optopt > 0)
        bad(options, errors, "unknown option -%c (see hugewire %s --help)", optopt, command);
    else
        bad(options, errors, "unknown or ambiguous option %s (see hugewire %s --help)", word,
            command);
}

/* At most one ROOT. False: more, and said so. */
static bool root_read(struct options *options, int argc, char **argv, FILE *errors)
{
    if (argc - optind > 1) {
        bad(options, errors, "expected one ROOT; found \"%s\" and \"%s\"", argv[optind],
            argv[optind + 1]);
        return false;
    }
    options->root = optind < argc ? argv[optind] : NULL;
    return true;
}

/* The settings' options, the three of our own, and the end. */
static void serve_options(struct option table[SETTINGS_MAX + 4])
{
    unsigned n = 0;

    ASSERT(setting_count <= SETTINGS_MAX);
    for (unsigned i = 0; i < setting_count; i++) {
        const struct setting *s = &settings[i];

        if (s->option != NULL)
            table[n++] =
                (struct option){ s->option,
                                 s->kind == &setting_bool ? no_argument : required_argument, NULL,
                                 OPT_SETTING + (int)i };
    }
    table[n++] = (struct option){ "config", required_argument, NULL, OPT_CONFIG };
    table[n++] = (struct option){ "help", no_argument, NULL, OPT_HELP };
    table[n++] = (struct option){ "version", no_argument, NULL, OPT_VERSION };
    table[n] = (struct option){ 0 };
}

/* A second --device begins another port: flags of a port belong to the device before them. NULL:
 * there are too many ports. */
static struct flag *flag_find(struct flags *flags, const struct setting *s)
{
    if (!setting_is_of_port(s))
        return &flags->flag[s - settings];
    unsigned key = setting_port_key(s);
    if (flags->ports == 0 ||
        (s->kind == &setting_device && flags->port[flags->ports - 1][key].value != NULL)) {
        if (flags->ports == CONFIG_PORTS_MAX)
            return NULL;
        flags->ports++;
    }
    return &flags->port[flags->ports - 1][key];
}

/* The last value counts, but for lists, which grow. A list that is too long is told as no value of
 * its kind. */
static void flag_note(const struct setting *s, struct flag *flag, const char *value)
{
    size_t len = strlen(flag->list);

    if (!s->kind->list) {
        flag->value = value;
        return;
    }
    snprintf(flag->list + len, CONFIG_LIST_BYTES - len, "%s%s", len > 0 ? "," : "", value);
    flag->value = flag->list;
}

static bool serve_flags(struct options *options, int argc, char **argv, FILE *errors,
                        struct flags *flags)
{
    struct option table[SETTINGS_MAX + 4];
    const struct setting *setting;
    struct flag *flag;
    int found;

    serve_options(table);
    while ((found = getopt_long(argc, argv, ":hVc:", table, NULL)) != -1) {
        switch (found) {
        case 'h':
        case OPT_HELP:
            answer(options, OPTIONS_HELP, help_serve);
            return false;
        case 'V':
        case OPT_VERSION:
            answer(options, OPTIONS_VERSION, help_version);
            return false;
        case 'c':
        case OPT_CONFIG:
            options->file = optarg;
            break;
        case ':':
        case '?':
            bad_option(options, errors, "serve", found, argv);
            return false;
        default:
            setting = &settings[found - OPT_SETTING];
            flag = flag_find(flags, setting);
            if (flag == NULL) {
                bad(options, errors, "--device: expected at most %d ports", CONFIG_PORTS_MAX);
                return false;
            }
            flag_note(setting, flag, optarg != NULL ? optarg : "true");
        }
    }
    return true;
}

/* One port is what its flags say over what the file says. Several on the command line are all
 * there are, each over the defaults; and of several in the file none would be the one meant. */
static bool ports_agree(struct options *options, FILE *errors, const struct flags *flags)
{
    struct config *config = &options->config;

    if (flags->ports == 0)
        return true;
    if (config->port_count > 1 && flags->ports == 1) {
        bad(options, errors,
            "%s lists %u ports: change them there, or name all with --device (see hugewire serve "
            "--help)",
            options->file, config->port_count);
        return false;
    }
    if (flags->ports == 1)
        return true;
    config->port_count = flags->ports;
    for (unsigned i = 0; i < flags->ports; i++)
        config_port_defaults(&config->ports[i]);
    return true;
}

static bool flags_apply(struct options *options, FILE *errors, const struct flags *flags)
{
    struct config *config = &options->config;
    char error[CONFIG_ERROR_BYTES];

    for (unsigned i = 0; i < setting_count; i++) {
        const struct setting *s = &settings[i];
        bool of_port = setting_is_of_port(s);

        for (unsigned port = 0; port < (of_port ? flags->ports : 1); port++) {
            const char *value =
                of_port ? flags->port[port][setting_port_key(s)].value : flags->flag[i].value;

            if (value != NULL && !setting_set_port(s, config, port, value, error)) {
                bad(options, errors, "--%s: %s", s->option, error);
                return false;
            }
        }
    }
    return true;
}

/* The flags over the file over the defaults. */
static bool serve_config(struct options *options, FILE *errors, const struct flags *flags)
{
    struct config_conflict conflict;

    if (options->file != NULL && config_load(&options->config, options->file, errors) > 0) {
        options->command = OPTIONS_BAD;
        return false;
    }
    if (!ports_agree(options, errors, flags) || !flags_apply(options, errors, flags))
        return false;
    if (!config_conflicts(&options->config, &conflict))
        return true;
    if (conflict.line != 0)
        bad(options, errors, "%s:%u: %s: %s", options->file, conflict.line, conflict.setting,
            conflict.error);
    else
        bad(options, errors, "%s: %s", conflict.setting, conflict.error);
    return false;
}

static void serve_read(struct options *options, int argc, char **argv, FILE *errors)
{
    struct flags flags = { 0 };

    options->command = OPTIONS_SERVE;
    config_defaults(&options->config);
    if (!serve_flags(options, argc, argv, errors, &flags) ||
        !root_read(options, argc, argv, errors))
        return;
    size_t len = options->root != NULL ? strlen(options->root) : 0;
    if (options->root != NULL && (len == 0 || len >= sizeof(options->config.root))) {
        bad(options, errors, "expected a ROOT of 1 to %zu bytes; found %zu",
            sizeof(options->config.root) - 1, len);
        return;
    }
    if (!serve_config(options, errors, &flags))
        return;
    if (options->root != NULL)
        memcpy(options->config.root, options->root, len + 1);
    else if (options->config.root[0] == '\0')
        bad(options, errors,
            "no ROOT given: name the directory to serve, or set server.root (see hugewire serve "
            "--help)");
}

/* check -c FILE, doctor [ROOT]: no more than a file and the help. */
static bool plain_read(struct options *options, int argc, char **argv, FILE *errors,
                       const char *command, const char *help, const char *short_options)
{
    static const struct option plain[] = { { "help", no_argument, NULL, OPT_HELP }, { 0 } };
    static const struct option with_file[] = { { "help", no_argument, NULL, OPT_HELP },
                                               { "config", required_argument, NULL, OPT_CONFIG },
                                               { 0 } };
    bool file = strchr(short_options, 'c') != NULL;
    int found;

    while ((found = getopt_long(argc, argv, short_options, file ? with_file : plain, NULL)) != -1) {
        switch (found) {
        case 'h':
        case OPT_HELP:
            answer(options, OPTIONS_HELP, help);
            return false;
        case 'c':
        case OPT_CONFIG:
            options->file = optarg;
            break;
        default:
            bad_option(options, errors, command, found, argv);
            return false;
        }
    }
    return true;
}

static void check_read(struct options *options, int argc, char **argv, FILE *errors)
{
    options->command = OPTIONS_CHECK;
    if (!plain_read(options, argc, argv, errors, "check", help_check, ":hc:"))
        return;
    if (optind < argc)
        bad(options, errors, "unexpected \"%s\" (see hugewire check --help)", argv[optind]);
    else if (options->file == NULL)
        bad(options, errors, "no file given: hugewire check -c FILE");
}

static void doctor_read(struct options *options, int argc, char **argv, FILE *errors)
{
    options->command = OPTIONS_DOCTOR;
    if (plain_read(options, argc, argv, errors, "doctor", help_doctor, ":h"))
        root_read(options, argc, argv, errors);
}

/* A command to a running server: no more than which one is meant. */
static void running_read(struct options *options, int argc, char **argv, FILE *errors,
                         enum options_command command, const char *help)
{
    static const struct option table[] = { { "help", no_argument, NULL, OPT_HELP },
                                           { "pid", required_argument, NULL, OPT_PID },
                                           { "json", no_argument, NULL, OPT_JSON },
                                           { "disk", no_argument, NULL, OPT_DISK },
                                           { 0 } };
    bool verify = command == OPTIONS_VERIFY;
    uint64_t pid;
    int found;

    options->command = command;
    while ((found = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
        switch (found) {
        case 'h':
        case OPT_HELP:
            answer(options, OPTIONS_HELP, help);
            return;
        case OPT_PID:
            if (!value_number(optarg, &pid) || pid == 0 || pid > INT_MAX) {
                bad(options, errors, "--pid: expected a process number; found \"%.64s\"", optarg);
                return;
            }
            options->pid = (int)pid;
            break;
        case OPT_JSON:
        case OPT_DISK:
            if (verify ||
                (found == OPT_JSON && (command == OPTIONS_STATUS || command == OPTIONS_POOL))) {
                *(found == OPT_JSON ? &options->json : &options->disk) = true;
                break;
            }
            /* fall through */
        default:
            bad_option(options, errors, argv[0], found, argv);
            return;
        }
    }
    if (verify && optind < argc)
        options->pattern = argv[optind++];
    if (optind < argc)
        bad(options, errors, "unexpected \"%s\" (see hugewire %s --help)", argv[optind], argv[0]);
}

static void verify_read(struct options *options, int argc, char **argv, FILE *errors)
{
    running_read(options, argc, argv, errors, OPTIONS_VERIFY, help_verify);
}

static void status_read(struct options *options, int argc, char **argv, FILE *errors)
{
    running_read(options, argc, argv, errors, OPTIONS_STATUS, help_status);
}

static void reopen_read(struct options *options, int argc, char **argv, FILE *errors)
{
    running_read(options, argc, argv, errors, OPTIONS_REOPEN, help_reopen);
}

static void top_read(struct options *options, int argc, char **argv, FILE *errors)
{
    running_read(options, argc, argv, errors, OPTIONS_TOP, help_top);
}

static void pool_read(struct options *options, int argc, char **argv, FILE *errors)
{
    running_read(options, argc, argv, errors, OPTIONS_POOL, help_pool);
}

static void reload_read(struct options *options, int argc, char **argv, FILE *errors)
{
    running_read(options, argc, argv, errors, OPTIONS_RELOAD, help_reload);
}

static const struct {
    const char *name;
    void (*read)(struct options *options, int argc, char **argv, FILE *errors);
} commands[] = {
    { "serve", serve_read },   { "check", check_read },   { "doctor", doctor_read },
    { "pool", pool_read },     { "reload", reload_read }, { "status", status_read },
    { "reopen", reopen_read }, { "verify", verify_read }, { "top", top_read },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

/* "serve, check or doctor" */
static const char *command_names(char *text, size_t text_bytes)
{
    size_t len = 0;

    for (size_t i = 0; i < COMMAND_COUNT && len < text_bytes; i++)
        len += (size_t)snprintf(text + len, text_bytes - len, "%s%s",
                                i == 0                   ? ""
                                : i + 1 == COMMAND_COUNT ? " or "
                                                         : ", ",
                                commands[i].name);
    return text;
}

void options_read(struct options *options, int argc, char **argv, FILE *errors)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    char names[128];

    memset(options, 0, sizeof(*options));
    opterr = 0; /* the messages are ours */
    optind = 0; /* glibc: start anew, also after another call */
    if (word == NULL) {
        bad(options, errors, "no command given: %s (see hugewire --help)",
            command_names(names, sizeof(names)));
        return;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(word, commands[i].name) == 0) {
            commands[i].read(options, argc - 1, argv + 1, errors);
            return;
        }
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
        answer(options, OPTIONS_HELP, help_all);
    else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        answer(options, OPTIONS_VERSION, help_version);
    else
        bad(options, errors, "unknown command \"%s\": expected %s (see hugewire --help)", word,
            command_names(names, sizeof(names)));
}
