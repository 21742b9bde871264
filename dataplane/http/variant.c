/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/variant.h"

/* In the order of catalogue_coding. */
static const struct {
    struct text name, alias, suffix;
} codings[CODING_COUNT] = {
    [CODING_BR] = { TEXT("br"), TEXT("br"), TEXT(".br") },
    [CODING_ZSTD] = { TEXT("zstd"), TEXT("zstd"), TEXT(".zst") },
    [CODING_GZIP] = { TEXT("gzip"), TEXT("x-gzip"), TEXT(".gz") }, /* RFC 9110 section 8.4.1.3 */
};

#define IDENTITY   CODING_COUNT
#define UNNAMED    (-1)
#define WEIGHT_ONE 1000

/* In thousandths; UNNAMED: the field does not say. */
struct weights {
    int of[CODING_COUNT + 1];
    int others; /* "*" */
};

/* qvalue: "0" or "1" and up to three decimals (section 12.4.2). -1: it is none. */
static int parse_weight(struct text t)
{
    int weight = 0, unit = WEIGHT_ONE;

    if (t.len == 0 || t.len > 5 || (t.at[0] != '0' && t.at[0] != '1') ||
        (t.len > 1 && t.at[1] != '.'))
        return -1;
    for (size_t i = 0; i < t.len; i++) {
        if (i == 1)
            continue;
        if (t.at[i] < '0' || t.at[i] > '9')
            return -1;
        weight += (t.at[i] - '0') * unit;
        unit /= 10;
    }
    return weight <= WEIGHT_ONE ? weight : -1;
}

/* Splits "coding" or "coding;q=0.5". False: malformed, to be ignored. */
static bool parse_element(struct text element, struct text *coding, int *weight)
{
    size_t semicolon = text_find(element, ';');

    *coding = text_trim((struct text){ element.at, semicolon });
    *weight = WEIGHT_ONE;
    if (semicolon == element.len)
        return true;
    struct text parameter = text_trim(text_skip(element, semicolon + 1));
    if (!text_starts_nocase(parameter, TEXT("q=")))
        return false;
    *weight = parse_weight(text_skip(parameter, 2));
    return *weight >= 0;
}

static int *weight_of(struct weights *weights, struct text coding)
{
    if (text_equal(coding, TEXT("*")))
        return &weights->others;
    if (text_equal_nocase(coding, TEXT("identity")))
        return &weights->of[IDENTITY];
    for (unsigned i = 0; i < CODING_COUNT; i++)
        if (text_equal_nocase(coding, codings[i].name) ||
            text_equal_nocase(coding, codings[i].alias))
            return &weights->of[i];
    return NULL;
}

/* What Accept-Encoding says; nothing is said without it. */
static struct weights weights_read(const struct request *request)
{
    struct weights weights = { .others = UNNAMED };

    for (unsigned i = 0; i <= IDENTITY; i++)
        weights.of[i] = UNNAMED;
    for (unsigned i = 0; i < request->field_count; i++) {
        struct text list = request->fields[i].value, element, coding;
        int weight;
        if (request->fields[i].id != FIELD_ACCEPT_ENCODING)
            continue;
        while (text_list_next(&list, &element)) {
            int *to = parse_element(element, &coding, &weight) ? weight_of(&weights, coding) : NULL;
            if (to != NULL)
                *to = weight;
        }
    }
    /* "*" is what is not named; identity is acceptable, if least, unless it or "*" is refused. */
    for (unsigned i = 0; i < CODING_COUNT; i++)
        if (weights.of[i] == UNNAMED)
            weights.of[i] = weights.others != UNNAMED ? weights.others : 0;
    if (weights.of[IDENTITY] == UNNAMED)
        weights.of[IDENTITY] = weights.others != UNNAMED ? weights.others : 1;
    return weights;
}

/* The file of that coding beside base; NULL: none that may be used. */
static const struct file *sibling(const struct catalogue *catalogue, char *path, size_t len,
                                  const struct file *base, unsigned coding)
{
    struct text suffix = codings[coding].suffix;

    memcpy(path + len, suffix.at, suffix.len);
    struct catalogue_entry entry = catalogue_find(catalogue, path, len + suffix.len);
    if (entry.kind != CATALOGUE_FILE || entry.file->mtime_s < base->mtime_s)
        return NULL;
    /* The same tag for two representations would have caches mix them up (section 8.8.3). */
    return text_equal(file_etag(entry.file), file_etag(base)) ? NULL : entry.file;
}

struct variant variant_choose(const struct request *request, const struct catalogue *catalogue,
                              char *path, size_t len, const struct file *base)
{
    if (!request_has(request, FIELD_ACCEPT_ENCODING) && catalogue_codings(catalogue) == 0)
        return (struct variant){ .file = base, .coding = TEXT("") };

    struct weights weights = weights_read(request);
    struct variant chosen = { .file = weights.of[IDENTITY] != 0 ? base : NULL, .coding = TEXT("") };
    int best = weights.of[IDENTITY];

    for (unsigned i = 0; i < CODING_COUNT; i++) {
        if ((catalogue_codings(catalogue) & 1u << i) == 0)
            continue;
        const struct file *file = sibling(catalogue, path, len, base, i);
        if (file == NULL)
            continue;
        chosen.varies = true;
        int weight = weights.of[i];
        bool smaller = chosen.coding.len == 0 || file->size < chosen.file->size;
        if (weight == 0 || weight < best || (weight == best && !smaller))
            continue;
        best = weight;
        chosen.file = file;
        chosen.coding = codings[i].name;
    }
    return chosen;
}
