/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_streamer.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "mempool/prefix_sum.h"

struct streamed streamed;

/* Two files, numbers 0 and 1, of one size. */
static const char *const names[] = { "one.bin", "two.bin" };

uint8_t streamed_byte(uint32_t file, uint64_t at)
{
    return (uint8_t)(at * 31 + (at >> 8) * 17 + (at >> 16) + file * 101);
}

void streamed_start_with(uint32_t leases, uint32_t streams_max)
{
    memset(&streamed, 0, sizeof(streamed));
    bench_config(&streamed.bench);
    for (uint32_t i = 0; i < 2; i++) {
        struct file *file =
            catalogue_add_file(streamed.bench.site.catalogue, names[i], strlen(names[i]),
                               STREAMED_BYTES, SITE_MTIME, 0, "application/octet-stream");
        ck_assert_ptr_nonnull(file);
        file->stream = i + 1;
    }
    streamed.frames = malloc((size_t)STREAMED_FRAMES << CHUNK_SHIFT);
    streamed.sums = malloc((size_t)STREAMED_FRAMES * CHUNK_SUMS * sizeof(uint16_t));
    streamed.bench.config.leases = leases;
    streamed.bench.config.streams_max = streams_max;
    streamed.bench.config.stream_files = 2;
    streamed.bench.config.frames = (struct chunk_frames){ streamed.frames, streamed.sums };
    bench_start(&streamed.bench);
}

void streamed_start(void)
{
    streamed_start_with(8, 8);
}

void streamed_listen(void)
{
    struct chunk_message m;

    while (http_stream_output(streamed.bench.server, &m)) {
        if (m.kind == CHUNK_RELEASE) {
            ck_assert(streamed.used[m.frame]);
            streamed.used[m.frame] = false;
            streamed.released_ever++;
            continue;
        }
        ck_assert_uint_eq(m.kind, CHUNK_ASK);
        ck_assert_uint_lt(streamed.count, STREAMED_MESSAGES);
        streamed.asked[streamed.count++] = m;
        streamed.asked_ever++;
    }
}

void streamed_answer(unsigned which, bool ok)
{
    struct chunk_message m = streamed.asked[which];
    uint64_t start = (uint64_t)m.chunk << CHUNK_SHIFT;
    uint32_t len =
        STREAMED_BYTES - start < CHUNK_BYTES ? (uint32_t)(STREAMED_BYTES - start) : CHUNK_BYTES;
    uint32_t frame = 0;

    memmove(&streamed.asked[which], &streamed.asked[which + 1],
            (--streamed.count - which) * sizeof(m));
    while (streamed.used[frame])
        frame++;
    ck_assert_uint_lt(frame, STREAMED_FRAMES);
    m.kind = ok ? CHUNK_READY : CHUNK_FAILED;
    m.frame = frame;
    if (ok) {
        uint8_t *data = streamed.frames + ((size_t)frame << CHUNK_SHIFT);
        uint16_t *sums = streamed.sums + (size_t)frame * CHUNK_SUMS;
        streamed.used[frame] = true;
        for (uint32_t i = 0; i < len; i++)
            data[i] = streamed_byte(m.file, start + i);
        sums[0] = 0;
        prefix_sum_extend(sums, 0, data, len);
    }
    http_stream_input(streamed.bench.server, &m, streamed.bench.tcp.now);
    fake_settle(&streamed.bench.tcp);
    streamed_listen();
}

void streamed_stop(void)
{
    fake_tcp_destroy(&streamed.bench.tcp);
    memset(streamed.bench.tcp.conns, 0, sizeof(streamed.bench.tcp.conns));
    streamed_listen();
    while (streamed.count != 0)
        streamed_answer(0, true);
    for (unsigned i = 0; i < STREAMED_FRAMES; i++)
        ck_assert_msg(!streamed.used[i], "frame %u was not given back", i);
    ck_assert(!http_stream_ending(streamed.bench.server));
    ck_assert_uint_eq(streamed.bench.counters.payload_bytes_copied, 0);
    bench_stop(&streamed.bench);
    free(streamed.frames);
    free(streamed.sums);
}

struct tcp_conn *streamed_get(const char *request)
{
    struct tcp_conn *conn = fake_open(&streamed.bench.tcp);

    fake_input_text(conn, request);
    streamed_listen();
    return conn;
}

void streamed_run(struct tcp_conn *conn)
{
    for (;;) {
        fake_run(conn);
        streamed_listen();
        if (streamed.count == 0)
            break;
        streamed_answer(0, true);
    }
}

void streamed_expect(const struct reply *reply, uint32_t file, uint64_t from, uint64_t len)
{
    unsigned wrong = 0;

    ck_assert_uint_eq(reply->body_len, len);
    for (uint64_t i = 0; i < len; i++)
        wrong += reply->body[i] != streamed_byte(file, from + i);
    ck_assert_uint_eq(wrong, 0);
}

void streamed_send_again(struct tcp_conn *conn, uint64_t last)
{
    const struct fake_cut cuts[] = { { 1448, 1448, 8, true },
                                     { 65000, 300, 3, true },
                                     { 777, 100, 1, true } };
    struct prng prng = { .state = 3 };

    for (unsigned step = 0; conn->acknowledged < last; step++) {
        while (streamed.count != 0)
            streamed_answer((unsigned)prng_below(&prng, streamed.count), true);
        fake_send(conn, &cuts[step % 3]);
        fake_send_again(conn, conn->acknowledged, conn->sent, &cuts[(step + 1) % 3]);
        uint64_t upto = conn->acknowledged + prng_below(&prng, conn->sent - conn->acknowledged + 1);
        fake_acknowledge(conn, upto + (upto + 1 == conn->sent));
        fake_send_again(conn, conn->acknowledged, conn->sent, &cuts[step % 3]);
        streamed_listen();
        if (step % 2 != 0)
            fake_acknowledge(conn, conn->sent);
        streamed_listen();
    }
}
