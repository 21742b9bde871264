/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "touched.h"

/* Enough for all that a run touches; a table that is full ends the program. */
#define LINES (1u << 20)

struct line {
    uintptr_t number;                                       /* address / TOUCHED_LINE; 0: unused */
    void *read[TOUCHED_WORKERS], *written[TOUCHED_WORKERS]; /* code that did it last; NULL: none */
};

static struct line lines[LINES];
static __thread unsigned current;

void touched_by(unsigned worker)
{
    current = worker;
}

void touched_reset(void)
{
    memset(lines, 0, sizeof(lines));
}

/* Open addressing; both workers' threads may add lines. */
static struct line *find(uintptr_t number)
{
    size_t slot = (number * UINT64_C(0x9e3779b97f4a7c15)) >> 44;

    for (size_t i = 0; i < LINES; i++) {
        struct line *line = &lines[(slot + i) % LINES];
        uintptr_t there = __atomic_load_n(&line->number, __ATOMIC_RELAXED);

        if (there == 0 && __atomic_compare_exchange_n(&line->number, &there, number, false,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return line;
        if (there == number)
            return line;
    }
    abort();
}

static void touch(const volatile void *at, size_t bytes, bool write, void *code)
{
    uintptr_t first = (uintptr_t)at / TOUCHED_LINE,
              last = ((uintptr_t)at + bytes - 1) / TOUCHED_LINE;

    if (current == 0 || bytes == 0)
        return;
    for (uintptr_t number = first; number <= last; number++) {
        struct line *line = find(number);
        *(write ? &line->written[current - 1] : &line->read[current - 1]) = code;
    }
}

static bool is_shared(const struct line *line, struct touched_shared *shared)
{
    for (unsigned a = 0; a < TOUCHED_WORKERS; a++) {
        for (unsigned b = 0; b < TOUCHED_WORKERS; b++) {
            if (a == b || line->written[a] == NULL)
                continue;
            bool written = line->written[b] != NULL;
            *shared = (struct touched_shared){ .line = line->number * TOUCHED_LINE,
                                               .writer = line->written[a],
                                               .other = written ? line->written[b] : line->read[b],
                                               .written = written };
            if (shared->other != NULL)
                return true;
        }
    }
    return false;
}

unsigned touched_shared(struct touched_shared *shared, unsigned max)
{
    struct touched_shared one;
    unsigned count = 0;

    for (size_t i = 0; i < LINES; i++) {
        if (!is_shared(&lines[i], &one))
            continue;
        if (count < max)
            shared[count] = one;
        count++;
    }
    return count;
}

unsigned touched_written(unsigned worker)
{
    unsigned count = 0;

    for (size_t i = 0; i < LINES; i++)
        count += lines[i].written[worker - 1] != NULL;
    return count;
}

/* --- what the compiler calls ---------------------------------------------------------------------
 */

#define CODE __builtin_return_address(0)

void __tsan_init(void);
void __tsan_func_entry(void *code);
void __tsan_func_exit(void);
void __tsan_init(void)
{
}
void __tsan_func_entry(void *code)
{
}
void __tsan_func_exit(void)
{
}

#define PLAIN(name, bytes, write)                                                                  \
    void name(void *at);                                                                           \
    void name(void *at)                                                                            \
    {                                                                                              \
        touch(at, bytes, write, CODE);                                                             \
    }
#define PLAIN_SIZE(bytes)                                                                          \
    PLAIN(__tsan_read##bytes, bytes, false)                                                        \
    PLAIN(__tsan_write##bytes, bytes, true)                                                        \
    PLAIN(__tsan_unaligned_read##bytes, bytes, false)                                              \
    PLAIN(__tsan_unaligned_write##bytes, bytes, true)                                              \
    PLAIN(__tsan_volatile_read##bytes, bytes, false)                                               \
    PLAIN(__tsan_volatile_write##bytes, bytes, true)
PLAIN_SIZE(1)
PLAIN_SIZE(2)
PLAIN_SIZE(4)
PLAIN_SIZE(8)
PLAIN_SIZE(16)

#define RANGE(name, write)                                                                         \
    void name(void *at, size_t bytes);                                                             \
    void name(void *at, size_t bytes)                                                              \
    {                                                                                              \
        touch(at, bytes, write, CODE);                                                             \
    }
RANGE(__tsan_read_range, false)
RANGE(__tsan_write_range, true)

/* The strictest order does for any. */
#define ATOMIC(bits)                                                                               \
    typedef uint##bits##_t word##bits;                                                             \
    word##bits __tsan_atomic##bits##_load(const volatile word##bits *at, int order);               \
    void __tsan_atomic##bits##_store(volatile word##bits *at, word##bits value, int order);        \
    word##bits __tsan_atomic##bits##_exchange(volatile word##bits *at, word##bits v, int order);   \
    word##bits __tsan_atomic##bits##_fetch_add(volatile word##bits *at, word##bits v, int order);  \
    word##bits __tsan_atomic##bits##_fetch_sub(volatile word##bits *at, word##bits v, int order);  \
    int __tsan_atomic##bits##_compare_exchange_strong(                                             \
        volatile word##bits *at, word##bits *expected, word##bits v, int order, int failed);       \
    word##bits __tsan_atomic##bits##_load(const volatile word##bits *at, int order)                \
    {                                                                                              \
        touch(at, sizeof(*at), false, CODE);                                                       \
        return __atomic_load_n(at, __ATOMIC_SEQ_CST);                                              \
    }                                                                                              \
    void __tsan_atomic##bits##_store(volatile word##bits *at, word##bits value, int order)         \
    {                                                                                              \
        touch(at, sizeof(*at), true, CODE);                                                        \
        __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                                             \
    }                                                                                              \
    word##bits __tsan_atomic##bits##_exchange(volatile word##bits *at, word##bits v, int order)    \
    {                                                                                              \
        touch(at, sizeof(*at), true, CODE);                                                        \
        return __atomic_exchange_n(at, v, __ATOMIC_SEQ_CST);                                       \
    }                                                                                              \
    word##bits __tsan_atomic##bits##_fetch_add(volatile word##bits *at, word##bits v, int order)   \
    {                                                                                              \
        touch(at, sizeof(*at), true, CODE);                                                        \
        return __atomic_fetch_add(at, v, __ATOMIC_SEQ_CST);                                        \
    }                                                                                              \
    word##bits __tsan_atomic##bits##_fetch_sub(volatile word##bits *at, word##bits v, int order)   \
    {                                                                                              \
        touch(at, sizeof(*at), true, CODE);                                                        \
        return __atomic_fetch_sub(at, v, __ATOMIC_SEQ_CST);                                        \
    }                                                                                              \
    int __tsan_atomic##bits##_compare_exchange_strong(                                             \
        volatile word##bits *at, word##bits *expected, word##bits v, int order, int failed)        \
    {                                                                                              \
        touch(at, sizeof(*at), true, CODE);                                                        \
        return __atomic_compare_exchange_n(at, expected, v, false, __ATOMIC_SEQ_CST,               \
                                           __ATOMIC_SEQ_CST);                                      \
    }
ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* By the linker's --wrap. */
void *__real_memcpy(void *to, const void *from, size_t bytes);
void *__real_memmove(void *to, const void *from, size_t bytes);
void *__real_memset(void *to, int value, size_t bytes);
void *__wrap_memcpy(void *to, const void *from, size_t bytes);
void *__wrap_memmove(void *to, const void *from, size_t bytes);
void *__wrap_memset(void *to, int value, size_t bytes);

void *__wrap_memcpy(void *to, const void *from, size_t bytes)
{
    touch(from, bytes, false, CODE);
    touch(to, bytes, true, CODE);
    return __real_memcpy(to, from, bytes);
}

void *__wrap_memmove(void *to, const void *from, size_t bytes)
{
    touch(from, bytes, false, CODE);
    touch(to, bytes, true, CODE);
    return __real_memmove(to, from, bytes);
}

void *__wrap_memset(void *to, int value, size_t bytes)
{
    touch(to, bytes, true, CODE);
    return __real_memset(to, value, bytes);
}
