/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/chars.h"

enum {
    T = CHAR_TOKEN,
    H = CHAR_HOST,
};

/* clang-format off */
const uint8_t char_classes[256] = {
    ['0' ... '9'] = T | H, ['A' ... 'Z'] = T | H, ['a' ... 'z'] = T | H,
    ['!'] = T | H, ['$'] = T | H, ['%'] = T | H, ['&'] = T | H, ['\''] = T | H, ['*'] = T | H,
    ['+'] = T | H, ['-'] = T | H, ['.'] = T | H, ['_'] = T | H, ['~'] = T | H,
    ['#'] = T, ['^'] = T, ['`'] = T, ['|'] = T,
    ['('] = H, [')'] = H, [','] = H, [';'] = H, ['='] = H,
};
/* clang-format on */
