/* SPDX-License-Identifier: BSD-3-Clause */
/* Four bytes of configuration (world_start), then a script (script.h). */
#include "script.h"

enum { STEPS_MAX = 400 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct script script = { .world = &w, .in = { data, data + size } };

    world_start(&w, &script.in);
    for (unsigned i = 0; i < STEPS_MAX && input_left(&script.in) > 0; i++)
        script_step(&script);
    world_output(&w);
    world_stop(&w);
    return 0;
}
