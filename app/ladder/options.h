/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LADDER_OPTIONS_H
#define LADDER_OPTIONS_H

#include "ladder/ladder.h"

/* Fills options from the command line. Ends the program on --help, --list and mistakes. */
void options_read(struct options *options, int argc, char **argv);
/* Whether the step was asked for. */
bool options_want(const struct options *options, const struct step *step);

#endif
