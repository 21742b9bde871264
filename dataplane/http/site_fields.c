/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/site_fields.h"

/* Whether a rule before number `before` has given the name. */
static bool is_given(const struct http_site *site, uint64_t selected, uint32_t before,
                     const struct site_field *field)
{
    for (uint32_t i = 0; i < before; i++) {
        const struct site_headers *rule = &site->headers[i];

        for (uint32_t j = 0; j < rule->count; j++, selected >>= 1)
            if ((selected & 1) != 0 && site_field_same_name(&rule->fields[j], field))
                return true;
    }
    return false;
}

uint64_t site_fields_select(const struct http_site *site, struct text path)
{
    uint64_t selected = 0;
    uint32_t bit = 0;

    for (uint32_t i = 0; i < site->header_count; i++) {
        const struct site_headers *rule = &site->headers[i];
        uint64_t before = selected;

        if (site_glob(rule->glob, path))
            for (uint32_t j = 0; j < rule->count; j++)
                if (!is_given(site, before, i, &rule->fields[j]))
                    selected |= UINT64_C(1) << (bit + j);
        bit += rule->count;
    }
    return selected;
}

uint32_t site_fields_len(const struct http_site *site, uint64_t selected)
{
    uint32_t len = 0;

    for (uint32_t i = 0; i < site->header_count && selected != 0; i++)
        for (uint32_t j = 0; j < site->headers[i].count; j++, selected >>= 1)
            if ((selected & 1) != 0)
                len += (uint32_t)site->headers[i].fields[j].line.len;
    return len;
}

void site_fields_copy(const struct http_site *site, uint64_t selected, uint32_t from, uint32_t len,
                      uint8_t *to)
{
    for (uint32_t i = 0; i < site->header_count && len != 0; i++) {
        for (uint32_t j = 0; j < site->headers[i].count && len != 0; j++, selected >>= 1) {
            struct text line = site->headers[i].fields[j].line;

            if ((selected & 1) == 0)
                continue;
            if (from >= line.len) {
                from -= (uint32_t)line.len;
                continue;
            }
            uint32_t n = (uint32_t)line.len - from < len ? (uint32_t)line.len - from : len;
            memcpy(to, line.at + from, n);
            to += n;
            len -= n;
            from = 0;
        }
    }
}
