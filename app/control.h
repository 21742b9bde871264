/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client's side of a running server's control door: DPDK's telemetry socket in EAL's runtime
 * directory, DIRECTORY/hugewire-PID. What can be asked: app/telemetry.h.
 */
#ifndef APP_CONTROL_H
#define APP_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#define CONTROL_ERROR_BYTES 512

/* Where the servers of this user have their doors; returns text. */
const char *control_directory(char *text, size_t text_bytes);

struct control {
    int fd;
    int pid; /* of the server */
};

/* Opens the door of server pid; 0: of the only one that runs. False: error says why not. */
bool control_open(struct control *control, const char *directory, int pid,
                  char error[CONTROL_ERROR_BYTES]);

/* Asks "/hugewire/..."; the caller gives the answer back (json_decref). NULL: error says why. */
json_t *control_ask(const struct control *control, const char *command,
                    char error[CONTROL_ERROR_BYTES]);

void control_close(struct control *control);

/* As the three above, with one question. patience_s: how long the answer may take. */
json_t *control_ask_server(int pid, const char *command, long patience_s,
                           char error[CONTROL_ERROR_BYTES]);

/* The commands `hugewire reload` and `hugewire reopen`: their exit codes. */
int control_reload(int pid, FILE *out, FILE *errors);
int control_reopen(int pid, FILE *errors);

#endif
