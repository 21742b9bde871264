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

/* "512 of 1.0 GiB, 3 of 2.0 MiB". */
static void print_pages(const json_t *node, FILE *out)
{
    static const struct {
        const char *name, *size;
    } kinds[] = { { "pages_1g", "1 GiB" }, { "pages_2m", "2 MiB" }, { "pages_4k", "4 KiB" } };
    const char *before = "";

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        uint64_t pages = number(node, kinds[i].name);
        if (pages == 0)
            continue;
        fprintf(out, "%s%llu of %s", before, (unsigned long long)pages, kinds[i].size);
        before = ", ";
    }
}

static void print_room(const json_t *of, FILE *out)
{
    char a[VALUE_TEXT_BYTES], b[VALUE_TEXT_BYTES], c[VALUE_TEXT_BYTES];
    uint64_t free_bytes = number(of, "free_bytes"), largest = number(of, "largest_free_bytes");

    fprintf(out, "  used              %s, and %s retired among it\n", size(of, "used_bytes", a),
            size(of, "retired_bytes", b));
    fprintf(out, "  free              %s, largest run %s, %llu%% fragmented\n",
            size(of, "free_bytes", b), size(of, "largest_free_bytes", c),
            (unsigned long long)(free_bytes != 0 ? 100 - largest * 100 / free_bytes : 0));
}

static void print_nodes(const json_t *pool, FILE *out)
{
    const char *mode = json_string_value(json_object_get(pool, "iova_mode")), *name;
    char a[VALUE_TEXT_BYTES];
    json_t *node;

    json_object_foreach(json_object_get(pool, "nodes"), name, node)
    {
        fprintf(out, "node                %s, distance %llu\n", name,
                (unsigned long long)number(node, "distance"));
        fprintf(out, "  pages             ");
        print_pages(node, out);
        fprintf(out, ": %s pinned\n", size(node, "pinned_bytes", a));
        fprintf(out, "  device addresses  0x%llx to 0x%llx, %s\n",
                (unsigned long long)number(node, "iova_first"),
                (unsigned long long)number(node, "iova_end"), mode != NULL ? mode : "");
        print_room(node, out);
    }
}

static void print_memory(const json_t *pool, FILE *out)
{
    char a[VALUE_TEXT_BYTES];
    const char *devices = json_string_value(json_object_get(pool, "devices"));
    const char *reader = json_string_value(json_object_get(pool, "reader"));

    print_nodes(pool, out);
    fprintf(out, "registered with     EAL; %s; %s\n", reader != NULL ? reader : "",
            devices != NULL && devices[0] != '\0' ? devices : "no device: none needs it");
    fprintf(out, "process             locked %s", size(pool, "process_locked_bytes", a));
    fprintf(out, ", pinned %s", size(pool, "process_pinned_bytes", a));
    fprintf(out, ", hugepages %s\n", size(pool, "process_hugetlb_bytes", a));
    fprintf(out, "table of checksums  %s\n", size(pool, "sum_table_bytes", a));
    fprintf(out, "lost to rounding    %s\n", size(pool, "padding_bytes", a));
    const char *persist = json_string_value(json_object_get(pool, "persist"));
    if (persist != NULL && persist[0] != '\0')
        fprintf(out, "kept in             %s; %llu files, %s, were there at the start\n", persist,
                (unsigned long long)number(pool, "adopted_files"), size(pool, "adopted_bytes", a));
    fprintf(out, "retired             %llu files, %s\n",
            (unsigned long long)number(pool, "retired_files"), size(pool, "retired_bytes", a));
}

static void print_files(const json_t *pool, FILE *out)
{
    char a[VALUE_TEXT_BYTES];

    fprintf(out, "files               %llu, %s\n", (unsigned long long)number(pool, "files"),
            size(pool, "file_bytes", a));
    fprintf(out, "listings            %llu directories, %s; %llu made so far\n",
            (unsigned long long)number(pool, "listings"), size(pool, "listing_bytes", a),
            (unsigned long long)number(pool, "listings_made"));
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
