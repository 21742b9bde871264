/* SPDX-License-Identifier: BSD-3-Clause */
/* How much of a lossy 100 Mb/s line the stack fills, as a table. For people who tune loss recovery.
 */
#ifndef SIM_GOODPUT_H
#define SIM_GOODPUT_H

#include <stdbool.h>

void goodput_table(void);
/* Prints the matrix as comma-separated values; takes some minutes. */
void goodput_matrix(void);
/* Runs its cheap cells again and compares them with such a file, in TAP. False: some differ. */
bool goodput_check(const char *path);

#endif
