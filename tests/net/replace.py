#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Replaces a file many times while clients fetch it: replace.py FILE URL TIMES CLIENTS

Each state of the file says in its first line which one it is and what hash the rest has. Every response
must be one state, entirely: its first line, its rest, its length. Nor may a connection see an older
state after a newer one. Prints how many responses there were, and of how many states."""

import hashlib
import http.client
import os
import random
import sys
import threading
import time
import urllib.parse

FILE, URL, TIMES, CLIENTS = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
HOST = urllib.parse.urlsplit(URL)

failures = []
states = set()
responses = 0
lock = threading.Lock()
finished = threading.Event()


def write_state(number, rng):
    rest = rng.randbytes(rng.randrange(1, 40_000))
    with open(FILE + ".new", "wb") as file:
        file.write(b"%d %s\n" % (number, hashlib.sha256(rest).hexdigest().encode()) + rest)
    os.rename(FILE + ".new", FILE)


def check(body, last):
    """The state that body is."""
    line, _, rest = body.partition(b"\n")
    words = line.split()
    if len(words) != 2 or hashlib.sha256(rest).hexdigest().encode() != words[1]:
        raise ValueError(f"a mix: {len(body)} bytes that begin with {body[:80]!r}")
    number = int(words[0])
    if number < last:
        raise ValueError(f"state {number} after {last}")
    return number


def client():
    global responses
    last = 0
    connection = http.client.HTTPConnection(HOST.hostname, HOST.port or 80, timeout=60)
    try:
        while not finished.is_set():
            connection.request("GET", HOST.path)
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            last = check(body, last)
            with lock:
                responses += 1
                states.add(last)
    except (ValueError, OSError, http.client.HTTPException) as error:
        failures.append(f"{type(error).__name__}: {error}")


def main():
    rng = random.Random(1)
    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for number in range(1, TIMES + 1):
        write_state(number, rng)
        time.sleep(0.002)
        if failures:
            break
    # The last state is served before long.
    end = time.monotonic() + 30
    while TIMES not in states and not failures and time.monotonic() < end:
        time.sleep(0.05)
    finished.set()
    for thread in threads:
        thread.join()
    print(f"{responses} responses, of {len(states)} of {TIMES} states")
    if TIMES not in states:
        failures.append(f"state {TIMES} was never served")
    for failure in failures:
        print(failure)
    return 1 if failures else 0


sys.exit(main())
