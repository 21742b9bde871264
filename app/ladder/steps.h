/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steps of the ladder: ways to send a file through a socket, from two copies by the CPU to
 * none. Each is a row of one table; what it does lies in steps_*.c, in java.c or in hugewire.c.
 */
#ifndef LADDER_STEPS_H
#define LADDER_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#define STEP_WHY_BYTES 160

/* What the kernel said about sends without a copy, in memory that both processes see. */
struct step_tally {
    uint64_t zero_copy; /* sends that were asked to copy nothing */
    uint64_t copied;    /* of them, those that the kernel copied after all */
};

/* One file on its way to one client. */
struct transfer {
    const char *path;
    int file, socket; /* the socket is connected, and blocks */
    uint64_t size;
    uint32_t buffer; /* bytes of one call, where a call has a buffer */
    struct step_tally *tally;
};

enum step_sender {
    STEP_SELF,     /* send() runs in a child of this program */
    STEP_JAVA,     /* Ladder.java, with the step's name as its argument */
    STEP_HUGEWIRE, /* the server */
};

struct step {
    const char *name, *label;
    enum step_sender sender;
    bool needs_send_zc; /* IORING_OP_SEND_ZC: Linux 6.0 */
    /* Sends all of it. False: errno says why. */
    bool (*send)(const struct transfer *t);
    /* Copies of the payload on its way from disk to a NIC that gathers, as Linux' source has it: by
     * the CPU, and by DMA. Between two sockets or a TAP of one machine the CPU may copy more. */
    unsigned cpu_copies, cpu_copies_here, dma_copies;
    const char *path; /* the functions of the kernel that touch the payload */
};

extern const struct step steps[];
extern const unsigned step_count;
#define STEPS_MAX 16

/* NULL: there is none of that name. */
const struct step *step_find(const char *name);
/* Whether this kernel has what the step needs. False: why says what is missing. */
bool step_possible(const struct step *step, char why[STEP_WHY_BYTES]);

bool send_read_write(const struct transfer *t);
bool send_mmap_write(const struct transfer *t);
bool send_sendfile(const struct transfer *t);
bool send_splice(const struct transfer *t);
bool send_vmsplice(const struct transfer *t);
bool send_msg_zerocopy(const struct transfer *t);
bool send_uring(const struct transfer *t);
bool send_uring_zc(const struct transfer *t);
bool send_direct(const struct transfer *t);

/* All of the file, mapped for reading. NULL: errno. */
uint8_t *transfer_map(const struct transfer *t);
void transfer_unmap(const struct transfer *t, uint8_t *map);
/* Writes all of it. */
bool write_all(int fd, const void *data, uint64_t bytes);

#endif
