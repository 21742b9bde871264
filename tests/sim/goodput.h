/* SPDX-License-Identifier: BSD-3-Clause */
/* How much of a lossy 100 Mb/s line the stack fills, as a table. For people who tune loss recovery.
 */
#ifndef SIM_GOODPUT_H
#define SIM_GOODPUT_H

void goodput_table(void);
/* Prints the tables of docs/GOODPUT.md; takes some minutes. */
void goodput_matrix(void);

#endif
