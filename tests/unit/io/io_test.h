/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef IO_TEST_H
#define IO_TEST_H

#include <check.h>

TCase *device_case(void);
TCase *port_case(void);
TCase *rss_case(void);
TCase *rx_case(void);
TCase *steer_case(void);
TCase *strays_case(void);
TCase *tap_case(void);
TCase *tx_case(void);

#endif
