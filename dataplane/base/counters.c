/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/counters.h"

const struct counter_info counter_infos[] = {
#define COUNTER_INFO(name, help) { #name, help },
    COUNTERS(COUNTER_INFO)
#undef COUNTER_INFO
};

const unsigned counter_count = sizeof(counter_infos) / sizeof(counter_infos[0]);

void counters_sum(struct counters *into, const struct counters *from)
{
    uint64_t *to = (uint64_t *)into;
    const uint64_t *words = (const uint64_t *)from;

    for (unsigned i = 0; i < counter_count; i++)
        to[i] += counter_read(&words[i]);
}
