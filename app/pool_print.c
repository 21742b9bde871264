/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/pool_print.h"

#include "app/control.h"
#include "app/values.h"

#define PATIENCE_S 60 /* a reload may be under way */

static uint64_t number(const json_t *pool, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(pool, name));
}

static const char *size(const json_t *pool, const char *name, char text[VALUE_TEXT_BYTES])
{
    return value_size_text(number(pool, name), text);
}

static void print_memory(const json_t *pool, FILE *out)
{
    char a[VALUE_TEXT_BYTES], b[VALUE_TEXT_BYTES];
    const char *devices = json_string_value(json_object_get(pool, "devices"));
    uint64_t free_bytes = number(pool, "free_bytes"), largest = number(pool, "largest_free_bytes");

    fprintf(out, "node                %lld\n",
            (long long)json_integer_value(json_object_get(pool, "node")));
    fprintf(out, "pages               %llu of %s, %s pinned for files\n",
            (unsigned long long)number(pool, "pages"), size(pool, "page_bytes", a),
            size(pool, "pinned_bytes", b));
    fprintf(out, "table of checksums  %s\n", size(pool, "sum_table_bytes", a));
    fprintf(out, "device addresses    0x%llx to 0x%llx\n",
            (unsigned long long)number(pool, "iova_first"),
            (unsigned long long)number(pool, "iova_end"));
    fprintf(out, "mapped for          %s\n",
            devices != NULL && devices[0] != '\0' ? devices : "no device: none needs it");
    fprintf(out, "used                %s", size(pool, "used_bytes", a));
    fprintf(out, ", %s of it by rounding up\n", size(pool, "padding_bytes", a));
    fprintf(out, "free                %s, largest run %s, %llu%% fragmented\n",
            size(pool, "free_bytes", a), size(pool, "largest_free_bytes", b),
            (unsigned long long)(free_bytes != 0 ? 100 - largest * 100 / free_bytes : 0));
    fprintf(out, "retired             %llu files, %s\n",
            (unsigned long long)number(pool, "retired_files"), size(pool, "retired_bytes", a));
}

static void print_files(const json_t *pool, FILE *out)
{
    char a[VALUE_TEXT_BYTES];

    fprintf(out, "files               %llu, %s\n", (unsigned long long)number(pool, "files"),
            size(pool, "file_bytes", a));
    fprintf(out, "references          %llu responses, %llu packets in flight\n",
            (unsigned long long)number(pool, "responses"),
            (unsigned long long)number(pool, "packets_in_flight"));
    fprintf(out,
            "versions            %llu; %llu files added, %llu changed, %llu removed, %llu without "
            "room, %llu beyond pool.files, %llu not read\n",
            (unsigned long long)number(pool, "versions"), (unsigned long long)number(pool, "added"),
            (unsigned long long)number(pool, "changed"),
            (unsigned long long)number(pool, "removed"), (unsigned long long)number(pool, "full"),
            (unsigned long long)number(pool, "refused"),
            (unsigned long long)number(pool, "failed"));
    fprintf(out, "watched             %llu directories; all of ROOT looked through %llu times\n",
            (unsigned long long)number(pool, "watched_directories"),
            (unsigned long long)number(pool, "rescans"));
}

int pool_print(int pid, bool json, FILE *out, FILE *errors)
{
    char error[CONTROL_ERROR_BYTES];
    json_t *pool = control_ask_server(pid, "/hugewire/pool", PATIENCE_S, error);

    if (pool == NULL) {
        fprintf(errors, "hugewire: %s\n", error);
        return 2;
    }
    if (json) {
        json_dumpf(pool, out, JSON_INDENT(2));
        fputc('\n', out);
    } else {
        print_memory(pool, out);
        print_files(pool, out);
    }
    json_decref(pool);
    return fflush(out) == 0 ? 0 : 1;
}
