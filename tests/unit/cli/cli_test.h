/* SPDX-License-Identifier: BSD-3-Clause */
/* The cases of the suite "cli", and what they share. */
#ifndef CLI_TEST_H
#define CLI_TEST_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>

TCase *values_case(void);
TCase *config_case(void);
TCase *options_case(void);
TCase *doctor_case(void);
TCase *access_case(void);
TCase *sites_case(void);

/* A stream into memory: what a program would have said. */
struct said {
    char *text;
    size_t len;
    FILE *stream;
};

void said_open(struct said *said);
/* Closes the stream: text is complete. */
const char *said_text(struct said *said);
void said_free(struct said *said);

/* Whether each line of said has the path and begins with the matching line of expected. */
bool lines_agree(const char *said, const char *path, const char *expected);

/* The directory for temporary files ($TMPDIR): what a failing test leaves there, its caller
 * removes. */
const char *temp_directory(void);

/* Writes text to a new temporary file; path has room for it. */
#define TEMP_PATH_BYTES 256
void temp_file(char path[TEMP_PATH_BYTES], const char *text);

#endif
