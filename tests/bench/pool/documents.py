#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""documents.py ROOT LARGE SMALL: so many large files, of 130 MiB and 4 MiB more from one to the next
(32: 6 GiB), none of whole blocks, and small ones of 600 bytes to 16 KiB. Every run makes the same."""
import os
import random
import sys

BLOCK = 1 << 20


def write_file(path, size, seed):
    """Random bytes; each MiB begins with its number, so that a misplaced block cannot pass."""
    block = random.Random(seed).randbytes(min(size, BLOCK))
    with open(path, "wb") as out:
        for number in range((size + BLOCK - 1) // BLOCK):
            out.write((number.to_bytes(8, "big") + block[8:])[:size - number * BLOCK])


def main():
    root, large, small = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.makedirs(root + "/large")
    os.makedirs(root + "/small")
    for number in range(large):
        write_file(f"{root}/large/{number}.bin", ((130 + 4 * number) << 20) + 1237 * number, number)
    for number in range(small):
        write_file(f"{root}/small/{number}.html", 600 + number * 79 % 16000, 1000 + number)


if __name__ == "__main__":
    main()
