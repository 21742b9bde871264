/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/checksum.h"

#include "base/bytes.h" /* little-endian machines only */

uint64_t checksum_native(const uint8_t *data, size_t len)
{
    return checksum_native_known(data, len);
}

uint16_t checksum_bytes(const uint8_t *data, size_t len)
{
    return checksum_at_odd(checksum_fold(checksum_native(data, len)));
}
