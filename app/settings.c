/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/settings.h"

#include <ctype.h>
#include <string.h>

#include "base/assert.h"
#include "base/time.h"

#define KIB      (UINT64_C(1) << 10)
#define MIB      (UINT64_C(1) << 20)
#define TIB      (UINT64_C(1) << 40)

#define NODE_MAX 1023 /* the kernel's highest NUMA node, on any machine */

static const char *const log_levels[] = { "error", "warning", "info", "debug", NULL };
static const char *const symlink_policies[] = { "within-root", "same-owner", "never", "follow",
                                                NULL };
static const char *const congestions[] = { "cubic", "newreno", "bbr", NULL };
static const char *const access_formats[] = { "combined", "json", NULL };
static const char *const sandboxes[] = { "on", "log", "off", NULL };
static const char *const idle_waits[] = { "auto", "sleep", "poll", NULL };

#define AT(member)                                                                                 \
    .offset = offsetof(struct config, member), .bytes = sizeof(((struct config *)NULL)->member)

/* Sections stand together, in the order in which they are printed; in `server`, so do the settings
 * of a port. */
const struct setting settings[] = {
    { "server", "root", NULL, &setting_path, AT(root), .fallback = "none", .zero_word = "none" },
    { "server", "device", "device", &setting_device, AT(ports[0].device), .fallback = "tap:hw0" },
    { "server", "address", "address", &setting_cidrs, AT(ports[0].address),
      .fallback = "10.71.0.2/24" },
    { "server", "gateway", "gateway", &setting_gateways, AT(ports[0].gateway), .fallback = "none",
      .zero_word = "none" },
    { "server", "slaac", "slaac", &setting_bool, AT(ports[0].slaac), .fallback = "false" },
    { "server", "vlan", "vlan", &setting_number, AT(ports[0].vlan), 1, 4094, "none", "none" },
    { "server", "mtu", "mtu", &setting_number, AT(ports[0].mtu), 576, 9216, "1500" },
    { "server", "unsafe_no_iommu", "unsafe-no-iommu", &setting_bool, AT(unsafe_no_iommu),
      .fallback = "false" },
    { "server", "port", "port", &setting_number, AT(port), 1, 65535, "80" },
    { "server", "cores", "cores", &setting_cores, AT(cores), 0, CONFIG_CORES_MAX, "auto", "auto" },
    { "server", "drain_seconds", "drain-seconds", &setting_number, AT(drain_seconds), 0, 3600,
      "30" },
    { "server", "media_types", NULL, &setting_path, AT(media_types),
      .fallback = "/etc/mime.types" },
    { "server", "log_level", "log-level", &setting_word, AT(log_level), .fallback = "info",
      .words = log_levels },

    { "security", "user", "user", &setting_user, AT(user), .fallback = "auto",
      .zero_word = "auto" },
    { "security", "sandbox", "sandbox", &setting_word, AT(sandbox), .fallback = "on",
      .words = sandboxes },

    { "pool", "size", "pool", &setting_size, AT(pool_bytes), 2 * MIB, TIB, "auto", "auto" },
    { "pool", "files", NULL, &setting_number, AT(pool_files), 1, 1000000000, "auto", "auto" },
    { "pool", "rescan", NULL, &setting_duration, AT(rescan_ns), NS_PER_S, 24 * 3600 * NS_PER_S,
      "auto", "auto" },
    { "pool", "stream_cache", NULL, &setting_size, AT(stream_cache_bytes), 8 * MIB, TIB, "auto",
      "auto" },
    { "pool", "persist", "persist", &setting_path, AT(persist), .fallback = "none",
      .zero_word = "none" },
    { "pool", "symlinks", NULL, &setting_word, AT(symlinks), .fallback = "within-root",
      .words = symlink_policies },
    { "pool", "pinned", NULL, &setting_globs, AT(pinned), .fallback = "none", .zero_word = "none" },
    { "pool", "nodes", NULL, &setting_nodes, AT(nodes), 0, NODE_MAX, "auto", "auto" },
    { "pool", "allow_small_pages", "allow-small-pages", &setting_bool, AT(allow_small_pages),
      .fallback = "false" },

    { "http", "server_name", NULL, &setting_server_name, AT(server_name), .fallback = "hugewire",
      .zero_word = "none" },
    { "http", "precompressed", NULL, &setting_bool, AT(precompressed), .fallback = "true" },

    { "limits", "connections", NULL, &setting_number, AT(connections_max), 1, 4000000, "16384" },
    { "limits", "syn_backlog", NULL, &setting_number, AT(syn_backlog), 1, 4000000, "1024" },
    { "limits", "time_wait", NULL, &setting_number, AT(time_waits_max), 1, 4000000, "32768" },
    { "limits", "requests", NULL, &setting_number, AT(requests_max), 1, 4000000, "1024" },
    { "limits", "responses", NULL, &setting_number, AT(responses_max), 1, 4000000, "16384" },
    { "limits", "streams", NULL, &setting_number, AT(streams_max), 1, 1000000, "1024" },
    { "limits", "keepalive_probes", NULL, &setting_number, AT(keepalive_probes), 1, 255, "9" },
    { "limits", "challenge_acks", NULL, &setting_number, AT(challenge_acks_max), 1, 1000000,
      "1000" },
    { "limits", "pipeline", NULL, &setting_number, AT(pipeline_max), 1, 1024, "16" },
    { "limits", "request_line", NULL, &setting_size, AT(request_line_max), 64, 64 * KIB, "8KiB" },
    { "limits", "header_bytes", NULL, &setting_size, AT(header_bytes_max), 256, 256 * KIB,
      "32KiB" },
    { "limits", "header_fields", NULL, &setting_number, AT(header_fields_max), 1, 1000, "100" },
    { "limits", "body_bytes", NULL, &setting_size, AT(body_bytes_max), 0, 1024 * MIB, "1MiB" },
    { "limits", "clients", NULL, &setting_number, AT(clients_max), 8, 4194304, "16384" },
    { "limits", "inline_bytes", NULL, &setting_size, AT(inline_bytes_max), 0, 1024, "512" },

    { "timeouts", "header", NULL, &setting_duration, AT(header_timeout_ns), 100 * NS_PER_MS,
      3600 * NS_PER_S, "10s" },
    { "timeouts", "body", NULL, &setting_duration, AT(body_timeout_ns), 100 * NS_PER_MS,
      3600 * NS_PER_S, "30s" },
    { "timeouts", "idle", NULL, &setting_duration, AT(idle_timeout_ns), 100 * NS_PER_MS,
      3600 * NS_PER_S, "60s" },
    { "timeouts", "write", NULL, &setting_duration, AT(write_timeout_ns), 100 * NS_PER_MS,
      3600 * NS_PER_S, "60s" },

    { "timeouts", "user", NULL, &setting_duration, AT(user_timeout_ns), NS_PER_S, 3600 * NS_PER_S,
      "100s" },
    { "timeouts", "keepalive", NULL, &setting_duration, AT(keepalive_idle_ns), 0,
      24 * 3600 * NS_PER_S, "0" },
    { "timeouts", "keepalive_interval", NULL, &setting_duration, AT(keepalive_interval_ns),
      NS_PER_S, 3600 * NS_PER_S, "75s" },
    { "timeouts", "fin_wait_2", NULL, &setting_duration, AT(fin_wait_2_ns), 100 * NS_PER_MS,
      3600 * NS_PER_S, "60s" },
    { "timeouts", "time_wait", NULL, &setting_duration, AT(time_wait_ns), 100 * NS_PER_MS,
      3600 * NS_PER_S, "60s" },

    { "tcp", "congestion", NULL, &setting_word, AT(congestion), .fallback = "cubic",
      .words = congestions },
    { "tcp", "pacing", NULL, &setting_bool, AT(pacing), .fallback = "true" },
    { "tcp", "mtu_probing", NULL, &setting_bool, AT(mtu_probing), .fallback = "true" },
    { "tcp", "ecn", NULL, &setting_bool, AT(ecn), .fallback = "true" },

    { "access_log", "path", "access-log", &setting_path, AT(access_path), .fallback = "none",
      .zero_word = "none" },
    { "access_log", "format", NULL, &setting_word, AT(access_format), .fallback = "combined",
      .words = access_formats },
    { "access_log", "ring", NULL, &setting_number, AT(access_ring), 64, 1048576, "4096" },

    { "idle", "wait", NULL, &setting_word, AT(idle_wait), .fallback = "auto", .words = idle_waits },
    { "idle", "spin", NULL, &setting_duration, AT(idle_spin_ns), 0, NS_PER_S, "50us" },
    { "idle", "sleep", NULL, &setting_duration, AT(idle_sleep_ns), NS_PER_US, NS_PER_S, "200us" },
};

const unsigned setting_count = sizeof(settings) / sizeof(settings[0]);

const struct setting *setting_find(const char *name)
{
    for (unsigned i = 0; i < setting_count; i++) {
        size_t section_len = strlen(settings[i].section);

        if (strncmp(name, settings[i].section, section_len) == 0 && name[section_len] == '.' &&
            strcmp(name + section_len + 1, settings[i].key) == 0)
            return &settings[i];
    }
    return NULL;
}

const struct setting *setting_of_option(const char *option)
{
    for (unsigned i = 0; i < setting_count; i++) {
        if (settings[i].option != NULL && strcmp(settings[i].option, option) == 0)
            return &settings[i];
    }
    return NULL;
}

static bool is_zero_word(const struct setting *s, const char *text)
{
    return s->zero_word != NULL && strcmp(text, s->zero_word) == 0;
}

/* The start of text, on one line. */
static void excerpt(const char *text, char *out, size_t out_bytes)
{
    snprintf(out, out_bytes, "%s", text);
    for (char *p = out; *p != '\0'; p++) {
        if (iscntrl((unsigned char)*p))
            *p = '?';
    }
}

bool setting_set(const struct setting *s, struct config *config, const char *text,
                 char error[CONFIG_ERROR_BYTES])
{
    char expected[CONFIG_ERROR_BYTES / 2], found[CONFIG_ERROR_BYTES / 8];

    if (is_zero_word(s, text)) {
        s->kind->zero(s, config);
        return true;
    }
    if (s->kind->set(s, config, text))
        return true;
    s->kind->expected(s, expected, sizeof(expected));
    excerpt(text, found, sizeof(found));
    snprintf(error, CONFIG_ERROR_BYTES, "expected %s%s%s; found \"%s\"", expected,
             s->zero_word != NULL ? ", or " : "", s->zero_word != NULL ? s->zero_word : "", found);
    return false;
}

const char *setting_text(const struct setting *s, const struct config *config,
                         char text[SETTING_TEXT_BYTES])
{
    if (s->zero_word != NULL && s->kind->is_zero(s, config))
        snprintf(text, SETTING_TEXT_BYTES, "%s", s->zero_word);
    else
        s->kind->text(s, config, text, SETTING_TEXT_BYTES);
    return text;
}

/* --- of a port ---------------------------------------------------------------------------------
 */

bool setting_is_of_port(const struct setting *s)
{
    size_t ports = offsetof(struct config, ports);

    return s->offset >= ports && s->offset < ports + sizeof(struct config_port);
}

unsigned setting_port_key(const struct setting *s)
{
    const struct setting *first = settings;

    while (!setting_is_of_port(first))
        first++;
    ASSERT(setting_is_of_port(s) && s - first < CONFIG_PORT_KEYS);
    return (unsigned)(s - first);
}

/* The table's settings are the first port's: another takes its place meanwhile. */
bool setting_set_port(const struct setting *s, struct config *config, uint32_t port,
                      const char *text, char error[CONFIG_ERROR_BYTES])
{
    struct config_port first = config->ports[0];

    config->ports[0] = config->ports[port];
    bool done = setting_set(s, config, text, error);
    struct config_port changed = config->ports[0];
    config->ports[0] = first;
    config->ports[port] = changed;
    return done;
}

const char *setting_text_port(const struct setting *s, const struct config *config, uint32_t port,
                              char text[SETTING_TEXT_BYTES])
{
    struct config moved = *config;

    moved.ports[0] = config->ports[port];
    return setting_text(s, &moved, text);
}
