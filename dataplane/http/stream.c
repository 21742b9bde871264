/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/stream.h"

#include "http/conn.h"
#include "http/parts.h"
#include "mempool/prefix_sum.h"

/* Read ahead: at first, and once the disk has been too late again and again. */
#define AHEAD_CHUNKS_MIN 2
#define AHEAD_CHUNKS_MAX 32

/* ---- waiting ---- */

/* The head of the list that the stream waits in. */
static uint32_t *wait_list(const struct http_server *server, const struct stream *stream)
{
    struct streams *streams = server->streams;

    if (stream->waits == STREAM_WAITS_LEASE)
        return &streams->starved_first;
    return &leases_get(streams->leases, stream->lease[stream->ready_end % STREAM_CHUNKS_MAX])
                ->waiters;
}

static void wait_stop(const struct http_server *server, struct stream *stream)
{
    struct streams *streams = server->streams;

    if (stream->waits == STREAM_RUNS)
        return;
    if (stream->wait_prev != NONE)
        streams->stream[stream->wait_prev].wait_next = stream->wait_next;
    else
        *wait_list(server, stream) = stream->wait_next;
    if (stream->wait_next != NONE)
        streams->stream[stream->wait_next].wait_prev = stream->wait_prev;
    else if (stream->waits == STREAM_WAITS_LEASE)
        streams->starved_last = stream->wait_prev;
    stream->waits = STREAM_RUNS;
}

/* For its next chunk, which is asked for. */
static void wait_for_chunk(const struct http_server *server, struct stream *stream)
{
    struct streams *streams = server->streams;
    uint32_t self = (uint32_t)(stream - streams->stream);

    stream->waits = STREAM_WAITS_CHUNK;
    uint32_t *list = wait_list(server, stream);
    stream->wait_prev = NONE;
    stream->wait_next = *list;
    if (*list != NONE)
        streams->stream[*list].wait_prev = self;
    *list = self;
}

static void wait_for_lease(const struct http_server *server, struct stream *stream)
{
    struct streams *streams = server->streams;
    uint32_t self = (uint32_t)(stream - streams->stream);

    stream->waits = STREAM_WAITS_LEASE;
    stream->wait_prev = streams->starved_last;
    stream->wait_next = NONE;
    if (streams->starved_last != NONE)
        streams->stream[streams->starved_last].wait_next = self;
    else
        streams->starved_first = self;
    streams->starved_last = self;
    COUNT(server->config.counters, stream_wait_lease);
}

/* ---- which chunks ---- */

/* The body's byte that byte `at` of the connection's stream is, within the body's bounds. */
static uint64_t body_position(const struct response *response, uint64_t at)
{
    uint64_t body = response->start + response_text_len(response);
    uint64_t into = at > body ? at - body : 0;

    return into < response->body_len ? into : response->body_len;
}

/* ---- asking ---- */

/* Behind the last chunk that should be on its way. */
static uint32_t wanted_end(const struct http_server *server, const struct stream *stream,
                           const struct response *response)
{
    const struct streams *streams = server->streams;
    const struct tcp_conn *tcp = server->conns[stream->conn].tcp;
    uint64_t sent = tcp_sent(tcp), ahead = 2 * (sent - tcp_acknowledged(tcp));
    uint64_t share = server->config.leases / streams->used;

    if (ahead < (uint64_t)stream->ahead << CHUNK_SHIFT)
        ahead = (uint64_t)stream->ahead << CHUNK_SHIFT;
    uint64_t at = body_position(response, sent);
    uint64_t end = (uint64_t)body_chunk_at(response, at + ahead) + 1;
    if (share > STREAM_CHUNKS_MAX)
        share = STREAM_CHUNKS_MAX;
    if (end > stream->first + share)
        end = stream->first + share;
    /* In any case the chunk that is to be sent next. */
    uint64_t next = (uint64_t)body_chunk_at(response, at) + 1;
    if (end < next)
        end = next;
    if (end > (uint64_t)stream->first + STREAM_CHUNKS_MAX)
        end = (uint64_t)stream->first + STREAM_CHUNKS_MAX;
    return end < stream->end ? (uint32_t)end : stream->end;
}

/* Up to chunk `end`. While others wait for a lease nobody takes one but out of the queue, and then
 * for one chunk. */
static void ask(const struct http_server *server, struct stream *stream, uint32_t end,
                bool is_its_turn)
{
    struct streams *streams = server->streams;
    const struct response *response = &server->responses[stream->response];

    while (stream->asked_end < end) {
        if (streams->starved_first != NONE &&
            (!is_its_turn || stream->asked_end > stream->ready_end))
            break;
        uint32_t lease = leases_hold(streams->leases, stream->file,
                                     body_chunk_in_file(response, stream->asked_end));
        if (lease == LEASE_NONE)
            break;
        if (leases_get(streams->leases, lease)->pin.responses == 1)
            COUNT(server->config.counters, stream_asked);
        else
            COUNT(server->config.counters, stream_held);
        stream->lease[stream->asked_end++ % STREAM_CHUNKS_MAX] = lease;
    }
}

/* ---- a response's life ---- */

bool stream_to_be_had(struct http_server *server, const struct file *file)
{
    if (file->stream == 0)
        return true;
    ASSERT(server->streams != NULL);
    if (leases_file_failed(server->streams->leases, file->stream - 1)) {
        COUNT(server->config.counters, stream_broken);
        return false;
    }
    if (server->streams->pool.free_count == 0) {
        COUNT(server->config.counters, stream_exhausted);
        return false;
    }
    return true;
}

void stream_open(struct http_server *server, struct http_conn *conn, struct response *response)
{
    struct streams *streams = server->streams;
    uint32_t index = pool_take(&streams->pool);
    struct stream *stream = &streams->stream[index];

    ASSERT(index != NONE && response->body_len != 0);
    streams->used++;
    response->stream = index;
    stream->told = 0;
    stream->ahead = AHEAD_CHUNKS_MIN;
    stream->conn = (uint32_t)(conn - server->conns);
    stream->response = (uint32_t)(response - server->responses);
    stream->file = response->file->stream - 1;
    stream->first = stream->ready_end = stream->asked_end = 0;
    stream->end = body_chunk_at(response, response->body_len);
    stream->waits = STREAM_RUNS;
}

void stream_close(struct http_server *server, struct response *response)
{
    struct streams *streams = server->streams;

    if (response->stream == NONE)
        return;
    struct stream *stream = &streams->stream[response->stream];
    wait_stop(server, stream);
    for (; stream->first < stream->asked_end; stream->first++)
        leases_drop(streams->leases, stream->lease[stream->first % STREAM_CHUNKS_MAX]);
    pool_give(&streams->pool, response->stream);
    streams->used--;
    response->stream = NONE;
}

static uint64_t ready_offset(const struct stream *stream, const struct response *response)
{
    /* The head waits too: if the first chunk fails there is still an answer to give. */
    if (stream->ready_end == 0)
        return response->start;
    return response->start + response_text_len(response) +
           body_before_chunk(response, stream->ready_end);
}

static uint64_t stream_step(struct http_server *server, struct stream *stream, bool is_its_turn)
{
    struct streams *streams = server->streams;
    const struct response *response = &server->responses[stream->response];
    uint32_t end = wanted_end(server, stream, response);

    if (stream->waits != STREAM_WAITS_LEASE)
        ask(server, stream, end, is_its_turn);
    while (stream->ready_end < stream->asked_end) {
        uint32_t lease = stream->lease[stream->ready_end % STREAM_CHUNKS_MAX];
        uint8_t state = leases_get(streams->leases, lease)->state;
        if (state == LEASE_FAILED)
            return STREAM_FAILED;
        if (state != LEASE_READY)
            break;
        stream->ready_end++;
    }
    if (stream->waits == STREAM_RUNS && stream->asked_end > stream->ready_end)
        wait_for_chunk(server, stream);
    else if (stream->waits == STREAM_RUNS && end > stream->ready_end)
        wait_for_lease(server, stream);
    return ready_offset(stream, response);
}

uint64_t stream_ready(struct http_server *server, struct response *response)
{
    return stream_step(server, &server->streams->stream[response->stream], false);
}

void stream_acknowledged(struct http_server *server, struct response *response, uint64_t upto)
{
    struct streams *streams = server->streams;

    if (response->stream == NONE)
        return;
    struct stream *stream = &streams->stream[response->stream];
    uint32_t below = body_chunk_at(response, body_position(response, upto));
    for (; stream->first < below && stream->first < stream->ready_end; stream->first++)
        leases_drop(streams->leases, stream->lease[stream->first % STREAM_CHUNKS_MAX]);
}

/* As part_bytes; ctx is the server. */
static uint32_t resolve_chunks(const void *ctx, const struct response *response,
                               const struct part *part, uint64_t from, uint32_t len,
                               struct tx_fill *fill)
{
    const struct http_server *server = ctx;
    const struct stream *stream = &server->streams->stream[response->stream];
    uint64_t first = part->range.from >> CHUNK_SHIFT;
    uint32_t n = 0;

    while (n < len) {
        uint64_t at = part->range.from + from + n;
        uint32_t chunk = part->chunk + (uint32_t)((at >> CHUNK_SHIFT) - first);
        uint32_t into = at & (CHUNK_BYTES - 1);
        ASSERT(chunk >= stream->first && chunk < stream->ready_end);
        struct lease *lease =
            leases_get(server->streams->leases, stream->lease[chunk % STREAM_CHUNKS_MAX]);
        uint64_t chunk_len = response->file->size - (at - into);
        const struct prefix_run run = { lease->data,
                                        chunk_len < CHUNK_BYTES ? chunk_len : CHUNK_BYTES,
                                        lease->sums };
        uint32_t wanted = len - n < run.len - into ? len - n : (uint32_t)run.len - into;
        uint32_t taken = file_run_resolve(&run, into, wanted, &lease->pin, fill);
        n += taken;
        if (taken < wanted)
            break;
    }
    COUNT_N(server->config.counters, payload_bytes_referenced, n);
    return n;
}

uint32_t stream_resolve(struct http_server *server, const struct response *response, uint64_t from,
                        uint32_t len, struct tx_fill *fill)
{
    uint32_t n = 0;

    if (from < response_text_len(response)) {
        uint64_t left = response_text_len(response) - from;
        uint32_t wanted = left < len ? (uint32_t)left : len;
        n = response_resolve_head(response, (uint32_t)from, wanted, server->config.counters, fill);
        if (n < wanted)
            return n;
    }
    if (n < len)
        n += parts_resolve(response, from + n - response_text_len(response), len - n,
                           resolve_chunks, server, server->config.counters, fill);
    return n;
}

uint64_t stream_told(const struct http_server *server, const struct http_conn *conn)
{
    if (conn->extending == NONE)
        return conn->stream_end;
    const struct response *response = &server->responses[conn->extending];
    return response->start +
           (response->stream != NONE ? server->streams->stream[response->stream].told : 0);
}

bool stream_waits(const struct http_server *server, const struct http_conn *conn)
{
    return conn->extending != NONE && tcp_acknowledged(conn->tcp) == stream_told(server, conn);
}

/* ---- messages (http/http.h) ---- */

/* A lease may have become free: for whoever has waited longest. */
static bool serve_starved(struct http_server *server)
{
    struct streams *streams = server->streams;

    if (streams->starved_first == NONE || !leases_available(streams->leases))
        return false;
    struct stream *stream = &streams->stream[streams->starved_first];
    wait_stop(server, stream);
    stream_step(server, stream, true);
    return true;
}

bool http_stream_output(struct http_server *server, struct chunk_message *message)
{
    if (server->streams == NULL)
        return false;
    do
        if (leases_output(server->streams->leases, message))
            return true;
    while (serve_starved(server));
    return false;
}

/* Its next chunk is there. If all before it was sent it came too late. */
static void note_late(const struct http_server *server, struct stream *stream)
{
    const struct response *response = &server->responses[stream->response];

    if (tcp_sent(server->conns[stream->conn].tcp) < response->start + stream->told)
        return;
    COUNT(server->config.counters, stream_wait_chunk);
    if (stream->told != 0 && stream->ahead < AHEAD_CHUNKS_MAX)
        stream->ahead *= 2;
}

void http_stream_input(struct http_server *server, const struct chunk_message *message,
                       uint64_t now)
{
    struct streams *streams = server->streams;

    server->now = now;
    uint32_t index = leases_input(streams->leases, message);
    if (index == LEASE_NONE)
        return;
    struct lease *lease = leases_get(streams->leases, index);
    uint32_t first = lease->waiters;
    lease->waiters = NONE;
    for (uint32_t i = first; i != NONE; i = streams->stream[i].wait_next)
        streams->stream[i].waits = STREAM_RUNS;
    for (uint32_t i = first, next; i != NONE; i = next) {
        next = streams->stream[i].wait_next;
        note_late(server, &streams->stream[i]);
        conn_extend(server, &server->conns[streams->stream[i].conn], now);
    }
}

bool http_stream_ending(const struct http_server *server)
{
    return server->streams != NULL && leases_ending(server->streams->leases);
}

/* ---- tables ---- */

static struct leases_config leases_config_of(const struct http_config *config)
{
    return (struct leases_config){ .leases = config->leases,
                                   .files = config->stream_files,
                                   .frames = config->frames,
                                   .memory = config->memory };
}

size_t streams_memory_bytes(const struct http_config *config)
{
    struct leases_config leases = leases_config_of(config);

    if (config->leases == 0)
        return 0;
    return sizeof(struct streams) + leases_memory_bytes(&leases) +
           config->streams_max * (sizeof(struct stream) + sizeof(uint32_t));
}

bool streams_create(struct http_server *server)
{
    const struct http_config *config = &server->config;
    struct leases_config leases = leases_config_of(config);

    if (config->leases == 0)
        return true;
    ASSERT(config->streams_max > 0);
    struct streams *streams = memory_alloc(&config->memory, 1, sizeof(*streams));
    server->streams = streams;
    if (streams == NULL)
        return false;
    streams->starved_first = streams->starved_last = NONE;
    streams->stream = memory_alloc(&config->memory, config->streams_max, sizeof(struct stream));
    streams->leases = leases_create(&leases);
    return streams->stream != NULL && streams->leases != NULL &&
           index_pool_create(&streams->pool, &config->memory,
                             config->streams_max * sizeof(uint32_t));
}

void streams_destroy(struct http_server *server)
{
    struct streams *streams = server->streams;
    const struct memory *memory = &server->config.memory;

    if (streams == NULL)
        return;
    memory_release(memory, streams->pool.free);
    leases_destroy(streams->leases);
    memory_release(memory, streams->stream);
    memory_release(memory, streams);
}
