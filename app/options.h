/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line. What is wrong with it is said in one line on errors, with the way to the help.
 */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include <stdio.h>

#include "app/config.h"

enum options_command {
    OPTIONS_SERVE,   /* config is the effective configuration */
    OPTIONS_CHECK,   /* file is set */
    OPTIONS_DOCTOR,  /* root may be set */
    OPTIONS_POOL,    /* pid and json may be set */
    OPTIONS_VERIFY,  /* pid, json, disk and pattern may be set */
    OPTIONS_RELOAD,  /* pid may be set */
    OPTIONS_STATUS,  /* pid and json may be set */
    OPTIONS_REOPEN,  /* pid may be set */
    OPTIONS_TOP,     /* pid may be set */
    OPTIONS_HELP,    /* text is what to print */
    OPTIONS_VERSION, /* likewise */
    OPTIONS_BAD,     /* said already; exit with 2 */
};

struct options {
    enum options_command command;
    struct config config;
    const char *file;
    const char *root; /* NULL: not given */
    bool json;
    bool disk;           /* compare with the disk */
    const char *pattern; /* of paths; NULL: not given */
    int pid;             /* of the server meant; 0: not given */
    const char *text;
};

/* Reads argv, and the configuration file that it names. Uses getopt's globals: one call at a time.
 */
void options_read(struct options *options, int argc, char **argv, FILE *errors);

#endif
