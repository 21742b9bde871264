#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Changes bytes of a file that can only be mapped, as files on a hugetlbfs.

poke.py FILE at OFFSET            flips all bits of the byte at OFFSET
poke.py FILE content OTHER SKIP   finds the bytes of the file OTHER and flips its byte SKIP"""

import mmap
import os
import sys


def main():
    path, what, *rest = sys.argv[1:]
    descriptor = os.open(path, os.O_RDWR)
    with mmap.mmap(descriptor, os.fstat(descriptor).st_size) as pages:
        if what == "content":
            with open(rest[0], "rb") as other:
                offset = pages.find(other.read()) + int(rest[1])
            if offset < int(rest[1]):
                sys.exit(f"the bytes of {rest[0]} are not in {path}")
        else:
            offset = int(rest[0])
        pages[offset] ^= 0xff
    os.close(descriptor)


main()
