/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/follow.h"

#include <rte_cycles.h>

static void publish(void *ctx, const struct catalogue *catalogue, uint64_t serial)
{
    const struct follow *follow = ctx;
    const struct worker_message message = {
        .kind = WORKER_CATALOGUE,
        .version = { .catalogue = catalogue, .serial = serial },
    };

    for (unsigned i = 0; i < follow->count; i++)
        while (!worker_post(follow->workers[i], &message))
            rte_delay_us_sleep(100);
}

static bool taken(void *ctx, uint64_t serial)
{
    const struct follow *follow = ctx;

    for (unsigned i = 0; i < follow->count; i++)
        if (worker_catalogue_serial(follow->workers[i]) != serial)
            return false;
    return true;
}

static struct file_pin pins(void *ctx, uint32_t index)
{
    const struct follow *follow = ctx;
    struct file_pin sum = { 0 };

    for (unsigned i = 0; i < follow->count; i++) {
        struct file_pin pin = worker_file_pin(follow->workers[i], index);
        sum.in_flight += pin.in_flight;
        sum.responses += pin.responses;
    }
    return sum;
}

struct pool_readers follow_readers(struct follow *follow)
{
    return (struct pool_readers){ .publish = publish, .taken = taken, .pins = pins, .ctx = follow };
}
