/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers_cfg/tap_steer.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>

/* Multiplicative hashing (Knuth, TAOCP 3, 6.4): 2^32 over the golden ratio. The low half of the
 * product is dropped, for its bits hang on few of the word's, and the queue is taken of the lowest.
 */
#define FACTOR 0x9e3779b1u

uint32_t tap_steer_hash(const uint32_t *words, unsigned count)
{
    uint32_t h = 0;

    for (unsigned i = 0; i < count; i++)
        h ^= words[i];
    /* The client's port is in the upper half, which would not reach the product's lower bits. */
    h ^= h >> 16;
    return h * FACTOR >> 16;
}

/* --- the same for the kernel -------------------------------------------------------------------
 */

#define FRAME  BPF_REG_6 /* what loads are relative to; they give host order */
#define IP     BPF_REG_7 /* where the IP header begins; later TCP's */
#define HASH   BPF_REG_8
#define LOADED BPF_REG_0
#define RESULT BPF_REG_0

#define COPY(to, from)                                                                             \
    {                                                                                              \
        .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (to), .src_reg = (from)                    \
    }
#define SET(to, value)                                                                             \
    {                                                                                              \
        .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (to), .imm = (value)                       \
    }
/* In 32 bits. */
#define MATH(op, to, value)                                                                        \
    {                                                                                              \
        .code = BPF_ALU | (op) | BPF_K, .dst_reg = (to), .imm = (int32_t)(value)                   \
    }
#define MATH_OF(op, to, from)                                                                      \
    {                                                                                              \
        .code = BPF_ALU | (op) | BPF_X, .dst_reg = (to), .src_reg = (from)                         \
    }
/* A load beyond the end of the frame ends the program with 0. */
#define LOAD(size, at)                                                                             \
    {                                                                                              \
        .code = BPF_LD | BPF_ABS | (size), .imm = (at)                                             \
    }
#define LOAD_IP(size, at)                                                                          \
    {                                                                                              \
        .code = BPF_LD | BPF_IND | (size), .src_reg = IP, .imm = (at)                              \
    }
#define HASH_WORD(at) LOAD_IP(BPF_W, at), MATH_OF(BPF_XOR, HASH, LOADED)
/* The instruction `here` goes to `there`. */
#define IF(op, value, here, there)                                                                 \
    [here] = {                                                                                     \
        .code = BPF_JMP | (op) | BPF_K,                                                            \
        .dst_reg = LOADED,                                                                         \
        .off = (there) - (here)-1,                                                                 \
        .imm = (value),                                                                            \
    }
#define GOTO(here, there)                                                                          \
    [here] = {                                                                                     \
        .code = BPF_JMP | BPF_JA,                                                                  \
        .off = (there) - (here)-1,                                                                 \
    }
#define RETURN                                                                                     \
    {                                                                                              \
        .code = BPF_JMP | BPF_EXIT                                                                 \
    }

enum {
    UNTAGGED = 6,
    IPV6 = 21,
    PORTS = 41,
    NONE = 49,
};

static const struct bpf_insn program[] = {
    COPY(FRAME, BPF_REG_1),
    SET(IP, 14),
    LOAD(BPF_H, 12),
    IF(BPF_JNE, 0x8100, 3, UNTAGGED),
    LOAD(BPF_H, 16),
    SET(IP, 18),
    /* A tag that the kernel keeps beside the frame is not among its bytes. */
    IF(BPF_JEQ, 0x86dd, UNTAGGED, IPV6),
    IF(BPF_JNE, 0x0800, 7, NONE),
    LOAD_IP(BPF_H, 6),
    IF(BPF_JSET, 0x3fff, 9, NONE), /* a fragment */
    LOAD_IP(BPF_B, 9),
    IF(BPF_JNE, 6, 11, NONE),
    LOAD_IP(BPF_W, 12),
    COPY(HASH, LOADED),
    HASH_WORD(16),
    LOAD_IP(BPF_B, 0), /* the header's length in words */
    MATH(BPF_AND, LOADED, 0xf),
    MATH(BPF_LSH, LOADED, 2),
    MATH_OF(BPF_ADD, IP, LOADED),
    GOTO(20, PORTS),

    [IPV6] = LOAD_IP(BPF_B, 6),
    IF(BPF_JNE, 6, 22, NONE), /* extension headers are not looked behind */
    SET(HASH, 0),
    HASH_WORD(8),
    HASH_WORD(12),
    HASH_WORD(16),
    HASH_WORD(20),
    HASH_WORD(24),
    HASH_WORD(28),
    HASH_WORD(32),
    HASH_WORD(36),
    MATH(BPF_ADD, IP, 40),

    [PORTS] = LOAD_IP(BPF_W, 0),
    MATH_OF(BPF_XOR, HASH, LOADED),
    COPY(RESULT, HASH),
    MATH(BPF_RSH, RESULT, 16),
    MATH_OF(BPF_XOR, RESULT, HASH),
    MATH(BPF_MUL, RESULT, FACTOR),
    MATH(BPF_RSH, RESULT, 16),
    RETURN,

    [NONE] = SET(RESULT, 0),
    RETURN,
};

const struct bpf_insn *tap_steer_program(unsigned *count)
{
    *count = sizeof(program) / sizeof(program[0]);
    return program;
}

int tap_steer_load(void)
{
    union bpf_attr attr = {
        .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
        .insn_cnt = sizeof(program) / sizeof(program[0]),
        .insns = (uintptr_t)program,
        .license = (uintptr_t) "BSD",
    };

    return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}
