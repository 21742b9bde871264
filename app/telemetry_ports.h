/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The telemetry commands about what is served on each port; what ports count themselves is
 * port_stats.h's.
 *
 *   /hugewire/served,N    on port N: device, addresses, link, and what all workers count there
 *   /hugewire/remove,N    debug builds: as if port N's device had been taken away
 */
#ifndef APP_TELEMETRY_PORTS_H
#define APP_TELEMETRY_PORTS_H

#include <stdbool.h>

struct ports;
struct worker;

bool telemetry_register_ports(void);

/* What the commands answer from; NULL: nothing, before the workers are destroyed. */
void telemetry_set_ports(struct ports *ports, struct worker *const *workers);

#endif
