/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values as people write them. Each parser takes the whole text or none of it: false means the text
 * is no such value, or does not fit, and *out is unchanged.
 */
#ifndef APP_VALUES_H
#define APP_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/addr.h"

/* Room for the text of any size or duration. */
#define VALUE_TEXT_BYTES 32

/* "8080": decimal digits only. */
bool value_number(const char *text, uint64_t *out);

/* true, yes, on or false, no, off. */
bool value_bool(const char *text, bool *out);

/* "4096", "512K", "64MiB", "2g": K, M, G, T are powers of 1024, with or without B or iB. */
bool value_size(const char *text, uint64_t *bytes);

/* "30s", "500ms", "50us", "100ns", "5min". Zero needs no unit. */
bool value_duration(const char *text, uint64_t *ns);

/* "1,3-5": ascending and each once in cores, whatever the order in text. At most max of them. */
bool value_cpu_list(const char *text, uint16_t *cores, uint32_t max, uint32_t *count);

/* "10.71.0.2/24", "2001:db8::2/64": an address that a host may have in that net, prefix 1..30 for
 * IPv4, 1..128 for IPv6. */
bool value_cidr(const char *text, struct ip_addr *address, uint32_t *prefix_len);

/* Texts that the parsers above turn back into the same value; both return text. */
const char *value_size_text(uint64_t bytes, char text[VALUE_TEXT_BYTES]);
const char *value_duration_text(uint64_t ns, char text[VALUE_TEXT_BYTES]);

/* As "1,3-5"; "" for none. False: it does not fit in text_bytes. */
bool value_cpu_list_text(const uint16_t *cores, uint32_t count, char *text, size_t text_bytes);

#endif
