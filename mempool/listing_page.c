/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/listing_page.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/date.h"

/* Of a row, without its name: tags, size, date. */
#define ROW_BYTES 128
/* The page, without its path, is shorter. */
#define PAGE_BYTES 5120
/* "&quot;" or "\u00ff" in text, "%ff" in a link. */
#define ESCAPED_MAX 6
#define ENCODED_MAX 3
/* A path of more parts is plain text: n parts make some n * n dots. */
#define LINKS_MAX 16

/* clang-format off */
static const char style[] =
    "<style>\n"
    ":root{color-scheme:light dark;--fg:#1d2330;--bg:#fff;--dim:#667085;--line:#e4e7ec;--link:#0b57d0;--over:#f2f5fa}\n"
    "@media(prefers-color-scheme:dark){:root{--fg:#e6e8ec;--bg:#14171c;--dim:#98a1b0;--line:#2a2f38;--link:#8ab4f8;--over:#1e232b}}\n"
    "body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif}\n"
    "h1{font-size:1.25rem;overflow-wrap:anywhere}\n"
    "table{width:100%;border-collapse:collapse}\n"
    "th,td{padding:.35rem .6rem;text-align:right;color:var(--dim);border-bottom:1px solid var(--line);font-weight:400;white-space:nowrap;font-variant-numeric:tabular-nums}\n"
    "th:first-child,td:first-child{width:99%;text-align:left;white-space:normal;overflow-wrap:anywhere}\n"
    "tbody tr:hover{background:var(--over)}\n"
    "th[tabindex]{cursor:pointer}\n"
    "th[aria-sort=ascending]::after{content:\" \\25b2\"}\n"
    "th[aria-sort=descending]::after{content:\" \\25bc\"}\n"
    "a{color:var(--link);text-decoration:none}\n"
    "a:hover,a:focus{text-decoration:underline}\n"
    "@media(max-width:34rem){body{padding:.5rem}th,td{padding:.5rem .3rem}td:last-child{white-space:normal;font-size:.85rem;min-width:5.6rem}}\n"
    "</style>\n";

/* Directories stay first. Names as people count: 2 before 10. */
static const char script[] =
    "<script>\n"
    "{const t=document.querySelector('table'),b=t.tBodies[t.tBodies.length-1],h=[...t.tHead.rows[0].cells],\n"
    "names=new Intl.Collator(undefined,{numeric:true}).compare,dates=(x,y)=>x<y?-1:+(x>y),\n"
    "by=[[r=>r.cells[0].textContent,names],[r=>+r.cells[1].dataset.n,(x,y)=>x-y],[r=>r.cells[2].textContent,dates]];\n"
    "h.forEach((c,i)=>{c.tabIndex=0;c.title='Sort';c.onclick=()=>{\n"
    "const up=c.getAttribute('aria-sort')!='ascending',[key,order]=by[i],f=document.createDocumentFragment();\n"
    "h.forEach(o=>o.removeAttribute('aria-sort'));c.setAttribute('aria-sort',up?'ascending':'descending');\n"
    "[...b.rows].map(r=>({r,d:r.cells[1].dataset.n<0,k:key(r)})).sort((x,y)=>y.d-x.d||(up?1:-1)*order(x.k,y.k)).forEach(x=>f.append(x.r));\n"
    "b.append(f)};c.onkeydown=e=>{if(e.key=='Enter')c.onclick()}})}\n"
    "</script>\n";
/* clang-format on */

int listing_entry_compare(const void *a, const void *b)
{
    const struct listing_entry *x = a, *y = b;

    if (x->directory != y->directory)
        return x->directory < y->directory ? -1 : 1;
    if (x->is_directory != y->is_directory)
        return x->is_directory ? -1 : 1;
    return strcmp(x->name, y->name);
}

const char *listing_type(enum listing_format format)
{
    return format == LISTING_JSON ? "application/json" : "text/html; charset=utf-8";
}

uint64_t listing_page_bytes(const char *path)
{
    return PAGE_BYTES + listing_entry_bytes(path);
}

uint64_t listing_entry_bytes(const char *name)
{
    return ROW_BYTES + (ESCAPED_MAX + ENCODED_MAX) * strlen(name);
}

/* ---- names ---- */

static void put_html(FILE *out, struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        switch (t.at[i]) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            putc_unlocked(t.at[i], out);
        }
    }
}

/* One segment of a relative reference (RFC 3986 section 3.3). A colon is encoded, too: what stands
 * before one would be a scheme. */
static void put_link(FILE *out, const char *name)
{
    for (; *name != '\0'; name++) {
        unsigned char c = (unsigned char)*name;
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                     strchr("-._~", c) != NULL;
        if (plain)
            putc_unlocked(c, out);
        else
            fprintf(out, "%%%02X", c);
    }
}

/* Bytes of the UTF-8 character that begins at s; 0: none does (RFC 3629 section 4). */
static unsigned utf8_bytes(const unsigned char *s)
{
    unsigned n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 4;

    if (n == 4 && (s[0] < 0xf0 || s[0] > 0xf4))
        return 0;
    for (unsigned i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
        return 0;
    return n;
}

/* RFC 8259 section 7. A byte that is no UTF-8 is the character of its number. */
static void put_json(FILE *out, const char *name)
{
    const unsigned char *s = (const unsigned char *)name;

    while (*s != '\0') {
        unsigned n = utf8_bytes(s);
        if (*s == '"' || *s == '\\')
            fprintf(out, "\\%c", *s++);
        else if (*s < 0x20 || n == 0)
            fprintf(out, "\\u%04x", *s++);
        else
            for (; n > 0; n--)
                putc_unlocked(*s++, out);
    }
}

/* ---- the page ---- */

static void put_size(FILE *out, uint64_t size)
{
    static const char units[] = "KMGTPE";
    double scaled = (double)size;
    int unit = -1;

    while (scaled >= 1024 || (unit >= 0 && scaled >= 1023.95)) {
        scaled /= 1024;
        unit++;
    }
    if (unit < 0)
        fprintf(out, "%" PRIu64 " B", size);
    else
        fprintf(out, "%.1f %ciB", scaled, units[unit]);
}

static void put_row(FILE *out, const struct listing_entry *e)
{
    const char *slash = e->is_directory ? "/" : "";
    time_t mtime = (time_t)e->mtime_s;
    char date[32];
    struct tm tm;

    fputs("<tr><td><a href=\"", out);
    put_link(out, e->name);
    fprintf(out, "%s\">", slash);
    put_html(out, text_from(e->name));
    fprintf(out, "%s</a><td data-n=", slash);
    if (e->is_directory) {
        fputs("-1>", out);
    } else {
        fprintf(out, "%" PRIu64 ">", e->size);
        put_size(out, e->size);
    }
    if (gmtime_r(&mtime, &tm) == NULL || strftime(date, sizeof(date), "%F %R", &tm) == 0)
        date[0] = '\0';
    fprintf(out, "<td>%s\n", date);
}

/* The path, each part of it a link upwards. */
static void put_way(FILE *out, struct text path)
{
    unsigned up = 0;

    for (size_t i = 0; i < path.len; i++)
        up += path.at[i] == '/';
    up += path.len != 0;
    if (up > LINKS_MAX)
        up = 0;
    fputs("<h1>Index of ", out);
    if (up == 0)
        fputs("/", out);
    for (bool first = true; up > 0; up--, first = false) {
        size_t len = first ? 0 : text_find(path, '/');
        fputs("<a href=\"", out);
        for (unsigned i = 0; i < up; i++)
            fputs("../", out);
        fputs("\">", out);
        put_html(out, (struct text){ path.at, len });
        fputs("/</a>", out);
        if (!first)
            path = text_skip(path, len + 1);
    }
    put_html(out, path);
    fputs(path.len != 0 ? "/</h1>\n" : "</h1>\n", out);
}

static void html_write(FILE *out, struct text path, const struct listing_entry *entries,
                       size_t count)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
          "<title>Index of /",
          out);
    put_html(out, path);
    fprintf(out, "%s</title>\n%s</head>\n<body>\n", path.len != 0 ? "/" : "", style);
    put_way(out, path);
    fputs("<table>\n<thead><tr><th>Name<th>Size<th>Date (UTC)</thead>\n", out);
    if (path.len != 0)
        fputs("<tbody><tr><td><a href=\"../\">../</a><td><td></tbody>\n", out);
    fputs("<tbody>\n", out);
    for (size_t i = 0; i < count; i++)
        put_row(out, &entries[i]);
    fprintf(out, "</tbody>\n</table>\n%s</body>\n</html>\n", script);
}

/* To the byte as nginx 1.22 writes it, but for names that are no UTF-8. */
static void json_write(FILE *out, const struct listing_entry *entries, size_t count)
{
    char date[DATE_TEXT_BYTES];

    fputs("[\r\n", out);
    for (size_t i = 0; i < count; i++) {
        const struct listing_entry *e = &entries[i];
        date_format(e->mtime_s, date);
        fprintf(out, "%s{ \"name\":\"", i > 0 ? ",\r\n" : "");
        put_json(out, e->name);
        fprintf(out, "\", \"type\":\"%s\", \"mtime\":\"%.*s\"",
                e->is_directory ? "directory" : "file", DATE_TEXT_BYTES, date);
        if (!e->is_directory)
            fprintf(out, ", \"size\":%" PRIu64, e->size);
        fputs(" }", out);
    }
    fputs(count > 0 ? "\r\n]" : "]", out);
}

void listing_write(FILE *out, enum listing_format format, struct text path,
                   const struct listing_entry *entries, size_t count)
{
    if (format == LISTING_JSON)
        json_write(out, entries, count);
    else
        html_write(out, path, entries, count);
}
