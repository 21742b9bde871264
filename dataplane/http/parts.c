/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/parts.h"

#include "http/multipart.h"
#include "mempool/leases.h"

/* NULL: the end of a multipart body. */
static const struct range *part_range(const struct part *part)
{
    return part->range.len != 0 ? &part->range : NULL;
}

static uint64_t first_chunk(const struct part *part)
{
    return part->range.from >> CHUNK_SHIFT;
}

static void part_fill(const struct response *response, struct part *part)
{
    const struct range *range = &part->range;

    if (response->part_count != 0) {
        part->range = part->index < response->part_count ? response->part[part->index]
                                                         : (struct range){ 0, 0 };
        part->text_len = multipart_text_len(response->file, part_range(part));
    }
    part->chunks = 0;
    if (range->len != 0)
        part->chunks =
            (uint32_t)(((range->from + range->len - 1) >> CHUNK_SHIFT) - first_chunk(part)) + 1;
}

struct part part_first(const struct response *response)
{
    struct part part = { .range = { response->body_from, response->body_len } };

    part_fill(response, &part);
    return part;
}

bool part_next(const struct response *response, struct part *part)
{
    if (part->index == response->part_count)
        return false;
    part->at += part->text_len + part->range.len;
    part->chunk += part->chunks;
    part->index++;
    part_fill(response, part);
    return true;
}

struct part part_at(const struct response *response, uint64_t at)
{
    struct part part = part_first(response);

    while (at - part.at >= part.text_len + part.range.len && part_next(response, &part))
        ;
    return part;
}

/* ---- chunks ---- */

uint32_t body_chunk_at(const struct response *response, uint64_t at)
{
    struct part part = part_at(response, at);
    uint64_t into = at - part.at > part.text_len ? at - part.at - part.text_len : 0;

    if (into >= part.range.len)
        return part.chunk + part.chunks;
    return part.chunk + (uint32_t)(((part.range.from + into) >> CHUNK_SHIFT) - first_chunk(&part));
}

/* The part that the chunk belongs to; of the number of all chunks: the last part. */
static struct part part_of_chunk(const struct response *response, uint32_t chunk)
{
    struct part part = part_first(response);

    while (chunk - part.chunk >= part.chunks && part_next(response, &part))
        ;
    return part;
}

uint32_t body_chunk_in_file(const struct response *response, uint32_t chunk)
{
    struct part part = part_of_chunk(response, chunk);

    return (uint32_t)first_chunk(&part) + chunk - part.chunk;
}

uint64_t body_before_chunk(const struct response *response, uint32_t chunk)
{
    struct part part = part_of_chunk(response, chunk);

    if (chunk == part.chunk + part.chunks)
        return response->body_len;
    if (chunk == part.chunk)
        return part.at;
    uint64_t from = first_chunk(&part) + chunk - part.chunk;
    return part.at + part.text_len + (from << CHUNK_SHIFT) - part.range.from;
}

/* ---- bytes ---- */

static uint32_t resolve_text(const struct response *response, const struct part *part,
                             uint64_t from, uint32_t len, struct counters *counters,
                             struct tx_fill *fill)
{
    char text[MULTIPART_TEXT_MAX];

    multipart_text(response->file, part_range(part), text);
    return response_text(text + from, len, counters, fill);
}

uint32_t parts_resolve(const struct response *response, uint64_t from, uint32_t len,
                       part_bytes *bytes, const void *ctx, struct counters *counters,
                       struct tx_fill *fill)
{
    struct part part = part_at(response, from);
    uint32_t done = 0;

    do {
        uint64_t into = from + done - part.at, left = part.text_len + part.range.len - into;
        uint32_t wanted = left < len - done ? (uint32_t)left : len - done, n = 0;
        if (into < part.text_len) {
            uint32_t text = part.text_len - (uint32_t)into;
            text = text < wanted ? text : wanted;
            n = resolve_text(response, &part, into, text, counters, fill);
            if (n < text)
                return done + n;
        }
        if (n < wanted)
            n += bytes(ctx, response, &part, into + n - part.text_len, wanted - n, fill);
        done += n;
        if (n < wanted)
            break;
    } while (done < len && part_next(response, &part));
    return done;
}
