/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The streamer's thread, and the rings between it and the workers (app/stream_link.h). It looks at
 * the rings while reads are under way and for a moment after, in naps that become longer; then it
 * sleeps until a worker wakes it.
 */
#ifndef APP_STREAM_THREAD_H
#define APP_STREAM_THREAD_H

#include <stddef.h>

#include "app/config.h"
#include "app/stream_link.h"
#include "http/http.h"
#include "mempool/pool.h"

struct stream_thread;

/* Room for any message of stream_thread_create(). */
#define STREAM_THREAD_ERROR_BYTES 256

/* Leases of a lane (app/lane.h), should not all files fit: what memory is reserved for before that
 * is known. */
uint32_t stream_thread_leases_guess(const struct config *config, unsigned lanes);

/*
 * Makes *thread (NULL: nothing is to be streamed) and sets what http has to know of it. Before
 * pool_seal(). line: as in struct pool_log. False: error.
 */
bool stream_thread_open(struct stream_thread **thread, struct pool *pool, unsigned lanes,
                        bool want_sums,
                        void (*line)(void *ctx, enum pool_log_level level, const char *text),
                        struct http_config *http, char *error, size_t error_bytes);
const struct stream_link *stream_thread_link(const struct stream_thread *thread, unsigned lane);

/* Begins. wake: called after something was put into a lane's ring; NULL: the workers do not sleep.
 * thread NULL is allowed. False: error. */
bool stream_thread_start(struct stream_thread *thread, void (*wake)(void *ctx, unsigned lane),
                         void *ctx, char error[STREAM_THREAD_ERROR_BYTES]);
/* When the workers have ended. NULL is allowed. */
void stream_thread_stop(struct stream_thread *thread);

const struct counters *stream_thread_counters(const struct stream_thread *thread);
/* NULL is allowed. */
void stream_thread_destroy(struct stream_thread *thread);

#endif
