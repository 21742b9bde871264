/* SPDX-License-Identifier: BSD-3-Clause */
#include "stack/wheel.h"

#include <string.h>

#define SLOT_MASK (WHEEL_SLOTS - 1)
/* Ticks: so far ahead an entry may be for its low bits to tell which of two comes first. */
#define AHEAD_MAX INT32_MAX

static int32_t tick_diff(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

void wheel_init(struct wheel *wheel, struct tcp_conn *conn, uint64_t now)
{
    wheel->tick = now >> WHEEL_TICK_SHIFT;
    wheel->conn = conn;
    memset(wheel->occupied, 0, sizeof(wheel->occupied));
    memset(wheel->head, 0xff, sizeof(wheel->head)); /* CONN_NONE */
}

static void link_in(struct wheel *wheel, struct tcp_conn *c)
{
    uint32_t delta = c->wheel_tick - (uint32_t)wheel->tick; /* 1 to AHEAD_MAX */
    unsigned level = 0;

    while (level + 1 < WHEEL_LEVELS && delta >> (WHEEL_SLOT_BITS * (level + 1)) != 0)
        level++;
    uint32_t reach = UINT32_C(1) << (WHEEL_SLOT_BITS * WHEEL_LEVELS);
    uint64_t tick = wheel->tick + (delta < reach ? delta : reach - 1);
    unsigned slot = (unsigned)(tick >> (WHEEL_SLOT_BITS * level)) & SLOT_MASK;

    c->wheel_slot = (uint16_t)(level << WHEEL_SLOT_BITS | slot);
    c->wheel_prev = CONN_NONE;
    c->wheel_next = wheel->head[level][slot];
    if (c->wheel_next != CONN_NONE)
        wheel->conn[c->wheel_next].wheel_prev = conn_index(c);
    wheel->head[level][slot] = conn_index(c);
    wheel->occupied[level] |= UINT64_C(1) << slot;
    c->in_wheel = true;
}

void wheel_remove(struct wheel *wheel, struct tcp_conn *c)
{
    if (!c->in_wheel)
        return;
    unsigned level = c->wheel_slot >> WHEEL_SLOT_BITS, slot = c->wheel_slot & SLOT_MASK;

    c->in_wheel = false;
    if (c->wheel_next != CONN_NONE)
        wheel->conn[c->wheel_next].wheel_prev = c->wheel_prev;
    if (c->wheel_prev != CONN_NONE) {
        wheel->conn[c->wheel_prev].wheel_next = c->wheel_next;
        return;
    }
    wheel->head[level][slot] = c->wheel_next;
    if (c->wheel_next == CONN_NONE)
        wheel->occupied[level] &= ~(UINT64_C(1) << slot);
}

void wheel_set(struct wheel *wheel, struct tcp_conn *c, uint64_t deadline)
{
    if (deadline == TIME_NEVER) {
        wheel_remove(wheel, c);
        return;
    }
    uint64_t ahead = (deadline >> WHEEL_TICK_SHIFT) + 1 - wheel->tick; /* never early */
    if (UNLIKELY(ahead - 1 >= AHEAD_MAX))
        ahead = (int64_t)ahead < 1 ? 1 : AHEAD_MAX;
    uint32_t tick = (uint32_t)(wheel->tick + ahead);
    /* An entry that is due earlier stays: the connection looks at its deadlines when it fires and
     * sets a new one. Deadlines mostly move later (an ACK arrived), and then nothing is to be done.
     */
    if (c->in_wheel && tick_diff(c->wheel_tick, tick) <= 0)
        return;
    wheel_remove(wheel, c);
    c->wheel_tick = tick;
    link_in(wheel, c);
}

/* Empties a slot: entries that are due go to the ready list, the others find a lower level. */
static void spill(struct wheel *wheel, unsigned level, unsigned slot)
{
    uint32_t i = wheel->head[level][slot];

    wheel->head[level][slot] = CONN_NONE;
    wheel->occupied[level] &= ~(UINT64_C(1) << slot);
    while (i != CONN_NONE) {
        struct tcp_conn *c = &wheel->conn[i];
        i = c->wheel_next;
        c->in_wheel = false;
        if (tick_diff(c->wheel_tick, (uint32_t)wheel->tick) <= 0)
            conn_touch(c);
        else
            link_in(wheel, c);
    }
}

/* The next tick at which a slot of this level is to be spilled; UINT64_MAX: none is occupied. */
static uint64_t level_next(const struct wheel *wheel, unsigned level)
{
    uint64_t occupied = wheel->occupied[level];

    if (occupied == 0)
        return UINT64_MAX;
    unsigned shift = WHEEL_SLOT_BITS * level;
    uint64_t turn = wheel->tick >> shift;
    /* Rotate so that bit 0 is the slot after the current one; the current one is a whole turn away.
     */
    unsigned by = (unsigned)(turn + 1) & SLOT_MASK;
    uint64_t ahead = by != 0 ? occupied >> by | occupied << (WHEEL_SLOTS - by) : occupied;
    return (turn + 1 + (uint64_t)__builtin_ctzll(ahead)) << shift;
}

static uint64_t next_tick(const struct wheel *wheel)
{
    uint64_t next = UINT64_MAX;

    for (unsigned level = 0; level < WHEEL_LEVELS; level++)
        next = time_min(next, level_next(wheel, level));
    return next;
}

void wheel_advance(struct wheel *wheel, uint64_t now)
{
    uint64_t to = now >> WHEEL_TICK_SHIFT;

    while (wheel->tick < to) {
        uint64_t next = next_tick(wheel);
        if (next > to) {
            wheel->tick = to;
            return;
        }
        wheel->tick = next;
        /* From the top down, so that what falls into a lower slot that is due now is spilled too.
         */
        for (unsigned level = WHEEL_LEVELS; level-- > 0;) {
            unsigned shift = WHEEL_SLOT_BITS * level;
            unsigned slot = (unsigned)(next >> shift) & SLOT_MASK;
            bool at_start = (next & ((UINT64_C(1) << shift) - 1)) == 0;
            if (at_start && (wheel->occupied[level] >> slot & 1) != 0)
                spill(wheel, level, slot);
        }
    }
}

uint64_t wheel_next(const struct wheel *wheel)
{
    uint64_t next = next_tick(wheel);

    return next == UINT64_MAX ? TIME_NEVER : next << WHEEL_TICK_SHIFT;
}
