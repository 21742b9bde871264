/* SPDX-License-Identifier: BSD-3-Clause */
/* A server with two streamed files, and a streamer of the test's: it keeps what it was asked for
 * until the test lets it answer. */
#ifndef TEST_HTTP_FAKE_STREAMER_H
#define TEST_HTTP_FAKE_STREAMER_H

#include "fixture.h"

#define STREAMED_FRAMES   16
#define STREAMED_MESSAGES 64
#define STREAMED_BYTES    (3 * CHUNK_BYTES + 12345) /* of each file */
#define H                 "Host: h\r\n"

extern struct streamed {
    struct bench bench;
    uint8_t *frames;
    uint16_t *sums;
    bool used[STREAMED_FRAMES];
    struct chunk_message asked[STREAMED_MESSAGES];
    unsigned count, asked_ever, released_ever;
} streamed;

/* one.bin and two.bin, numbers 0 and 1. */
void streamed_start_with(uint32_t leases, uint32_t streams_max);
void streamed_start(void);
/* Checks that every frame was given back, and that no byte was copied. */
void streamed_stop(void);

uint8_t streamed_byte(uint32_t file, uint64_t at);

/* Takes in what the server has to say. */
void streamed_listen(void);
/* Answers asked[which]: it was read, or cannot be. */
void streamed_answer(unsigned which, bool ok);

/* A request on a connection of its own. */
struct tcp_conn *streamed_get(const char *request);
/* Sends, acknowledges and answers until nothing more happens. */
void streamed_run(struct tcp_conn *conn);
/* Whatever is not acknowledged is sent again, with the right checksums, in any cut, until `last`
 * bytes are acknowledged. */
void streamed_send_again(struct tcp_conn *conn, uint64_t last);

/* The reply's body is bytes [from, from + len) of the file. */
void streamed_expect(const struct reply *reply, uint32_t file, uint64_t from, uint64_t len);

#endif
