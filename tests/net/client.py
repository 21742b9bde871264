#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What curl cannot do: client.py COMMAND HOST ARGUMENTS...

Each command checks what it gets, prints one line of what it did and exits 0, or says what was wrong
and exits 1. TIMEOUT_S bounds every wait on the network.
"""
import http.client
import os
import socket
import struct
import sys
import time
import urllib.parse

TIMEOUT_S = 30
SERVED_S = 15 # within this a client is served: this machine may be busy with much else


def connect(host):
    sock = socket.create_connection((host, 80), TIMEOUT_S)
    sock.settimeout(TIMEOUT_S)
    return sock


def read_file(root, path):
    with open(os.path.join(root, path), "rb") as file:
        return file.read()


def read_response(stream, with_body=True):
    """Status, header fields (lower-case names) and body from a buffered stream."""
    line = stream.readline()
    if not line:
        sys.exit("connection closed where a response was due")
    status = int(line.split()[1])
    fields = {}
    while (line := stream.readline().strip()):
        name, _, value = line.decode("latin-1").partition(":")
        fields[name.lower()] = value.strip()
    body = stream.read(int(fields.get("content-length", 0))) if with_body else b""
    return status, fields, body


def tree(host, root):
    """Every regular file below root, by its percent-encoded path, on one kept-alive connection."""
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT_S)
    files = size = connections = 0
    raw_root = os.fsencode(root)
    for folder, _, names in os.walk(raw_root):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), raw_root)
            if connection.sock is None:
                connections += 1
            connection.request("GET", "/" + urllib.parse.quote_from_bytes(path))
            response = connection.getresponse()
            body = response.read()
            want = read_file(raw_root, path)
            if response.status != 200 or body != want:
                sys.exit(f"{path!r}: status {response.status}, {len(body)} of {len(want)} bytes")
            files += 1
            size += len(body)
    print(f"{files} files, {size} bytes, {connections} connections")
    if connections > 1 + files // 1000:
        sys.exit("keep-alive was not kept")


def sweep(host, root, path, longest):
    """Ranges of every length up to longest, so that head and body are cut at every place."""
    want = read_file(root, path)
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT_S)
    for length in range(1, int(longest) + 1):
        first = length * 7 % (len(want) - length + 1)
        connection.request("GET", f"/{path}", headers={"Range": f"bytes={first}-{first + length - 1}"})
        response = connection.getresponse()
        body = response.read()
        if response.status != 206 or body != want[first:first + length]:
            sys.exit(f"{length} bytes from {first}: status {response.status}, or wrong bytes")
    # At the end of the file, and behind it.
    size = len(want)
    for text, status, body in ((f"{size - 1}-", 206, want[-1:]), (f"{size - 1}-{size + 5}", 206, want[-1:]),
                               (f"-{size + 1}", 206, want), (f"0-{size}", 206, want),
                               (f"{size}-", 416, None), ("-0", 416, None)):
        connection.request("GET", f"/{path}", headers={"Range": f"bytes={text}"})
        response = connection.getresponse()
        got = response.read()
        if response.status != status or (body is not None and got != body):
            sys.exit(f"range {text}: status {response.status}, {len(got)} bytes")
    print(f"{longest} ranges and those at the end")


def heads(host, root):
    """HEAD of every file says what GET says, and nothing follows it."""
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT_S)
    files, raw_root = 0, os.fsencode(root)
    for folder, _, names in os.walk(raw_root):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), raw_root)
            said = []
            for method in ("HEAD", "GET"):
                connection.request(method, "/" + urllib.parse.quote_from_bytes(path))
                response = connection.getresponse()
                response.read()
                said.append((response.status, sorted(f for f in response.getheaders() if f[0] != "Date")))
            if said[0] != said[1] or said[0][0] != 200:
                sys.exit(f"{path!r}: HEAD {said[0]}, GET {said[1]}")
            files += 1
    print(f"{files} files by HEAD and GET")


def limits(host, path, line_max, bytes_max, fields_max):
    """The longest request line, the most bytes of fields and the most fields are served; one more is not."""
    def ask(query, fields):
        sock = connect(host)
        lines = [f"GET /{path}?{'q' * query} HTTP/1.1", f"Host: {host}", *fields]
        sock.sendall("".join(line + "\r\n" for line in [*lines, ""]).encode())
        return read_response(sock.makefile("rb"))[0]

    line = int(line_max) - len(f"GET /{path}? HTTP/1.1")
    field = int(bytes_max) - len(f"Host: {host}\r\nX: \r\n")
    many = [f"X{i}: y" for i in range(int(fields_max))]
    for query, fields, wanted in ((line, [], 200), (line + 1, [], 414), (1, ["X: " + "y" * field], 200),
                                  (1, ["X: " + "y" * (field + 1)], 431), (1, many[1:], 200), (1, many, 431)):
        status = ask(query, fields)
        if status != wanted:
            sys.exit(f"query of {query} bytes, {len(fields)} fields: status {status}, want {wanted}")
    print("limits met to the byte")


def pipeline(host, root, count, *paths):
    """count requests, going round the paths, before the first response is read."""
    wanted = [paths[i % len(paths)] for i in range(int(count))]
    sock = connect(host)
    sock.sendall(b"".join(f"GET /{p} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode() for p in wanted))
    stream = sock.makefile("rb")
    for number, path in enumerate(wanted):
        status, _, body = read_response(stream)
        if status != 200 or body != read_file(root, path):
            sys.exit(f"response {number} ({path}): status {status}, {len(body)} bytes, or wrong bytes")
    print(f"{len(wanted)} pipelined responses in order")


def raw(host, request, *wanted):
    """Sends text with escapes (\\r \\n \\xNN), prints "STATUS connection|close LENGTH"; the response's
    status must be one of wanted (none given: any), and it must not hold the secret."""
    sock = connect(host)
    sock.sendall(request.encode("latin-1").decode("unicode_escape").encode("latin-1"))
    sock.shutdown(socket.SHUT_WR)
    answer = b""
    while (piece := sock.recv(65536)):
        answer += piece
    status = answer.split(b" ", 2)[1].decode() if answer.startswith(b"HTTP/1.1 ") else "none"
    if b"secret that must never leave" in answer or b"root:x:" in answer:
        sys.exit(f"{request}: a file outside of ROOT was served")
    if wanted and status not in wanted:
        sys.exit(f"{request}: status {status}, want {' or '.join(wanted)}")
    print(status)


def split(host, root, path):
    """A request in pieces of one byte, each a segment of its own; half-closes before it reads."""
    sock = connect(host)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode():
        sock.send(bytes([byte]))
        time.sleep(0.001)
    sock.shutdown(socket.SHUT_WR)
    status, _, body = read_response(sock.makefile("rb"))
    if status != 200 or body != read_file(root, path):
        sys.exit(f"status {status}, {len(body)} bytes, or wrong bytes")
    print("request in single bytes answered after half-close")


def stall(host, root, path, seconds):
    """Lets its receive window fill up and stay closed for a while, then reads on."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    sock.settimeout(TIMEOUT_S)
    sock.connect((host, 80))
    sock.sendall(f"GET /{path} HTTP/1.1\r\nHost: rest\r\n\r\n".encode())
    time.sleep(float(seconds))
    status, _, body = read_response(sock.makefile("rb"))
    if status != 200 or body != read_file(root, path):
        sys.exit(f"status {status}, {len(body)} bytes, or wrong bytes")
    print(f"{len(body)} bytes after {seconds} s of closed window")


def sip(host, root, path, seconds):
    """Reads a little at a time, evenly over so many seconds."""
    want = read_file(root, path)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    sock.settimeout(TIMEOUT_S)
    sock.connect((host, 80))
    sock.sendall(f"GET /{path} HTTP/1.1\r\nHost: rest\r\n\r\n".encode())
    stream = sock.makefile("rb", 4096)
    status, fields, _ = read_response(stream, False)
    size, got = int(fields["content-length"]), b""
    steps = 100
    while len(got) < size:
        time.sleep(float(seconds) / steps)
        got += stream.read(min(size - len(got), size // steps + 1))
    if status != 200 or got != want:
        sys.exit(f"status {status}, {len(got)} bytes, or wrong bytes")
    print(f"{len(got)} bytes in sips over {seconds} s")


def half_close(host, root, *paths):
    """Asks for all, closes its side at once, and reads to the end: nothing may be missing."""
    sock = connect(host)
    sock.sendall(b"".join(f"GET /{p} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode() for p in paths))
    sock.shutdown(socket.SHUT_WR)
    stream = sock.makefile("rb")
    for path in paths:
        status, _, body = read_response(stream)
        if status != 200 or body != read_file(root, path):
            sys.exit(f"{path}: status {status}, {len(body)} bytes, or wrong bytes")
    if stream.read(1):
        sys.exit("bytes behind the last response")
    print(f"{len(paths)} responses after half-close")


def measure(host, root, small, large, seconds):
    """Fetches a small and a large file in turn, each on a new connection, for so many seconds; each must
    come whole and within SERVED_S."""
    took = {small: [], large: []}
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        for path, times in took.items():
            begun = time.monotonic()
            sock = connect(host)
            sock.sendall(f"GET /{path} HTTP/1.1\r\nHost: rest\r\n\r\n".encode())
            status, _, body = read_response(sock.makefile("rb"))
            sock.close()
            times.append(time.monotonic() - begun)
            if status != 200 or body != read_file(root, path):
                sys.exit(f"{path}: status {status}, {len(body)} bytes, or wrong bytes")
    for path, times in took.items():
        times.sort()
        print(f"{path}: fetched {len(times)} times in {seconds} s, "
              f"median {times[len(times) // 2] * 1e3:.1f} ms, longest {times[-1] * 1e3:.1f} ms")
        if times[-1] > SERVED_S:
            sys.exit(f"{path}: not served for {times[-1]:.1f} s")


def drip(host, count, seconds):
    """count connections whose requests' bodies come a byte a second; the answer is not read."""
    socks = []
    for _ in range(int(count)):
        sock = connect(host)
        sock.sendall(f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 8192\r\n\r\n".encode())
        socks.append(sock)
    for _ in range(int(seconds)):
        time.sleep(1)
        for sock in list(socks):
            try:
                sock.send(b"x")
            except OSError:
                socks.remove(sock)
    print(f"{count} bodies sent in drops, {len(socks)} of them to the end")


def reset(host, path, count):
    """Goes away with a RST in the middle of a response, count times."""
    for _ in range(int(count)):
        sock = connect(host)
        sock.sendall(f"GET /{path} HTTP/1.1\r\nHost: rest\r\n\r\n".encode())
        sock.recv(1000)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    print(f"{count} transfers reset")


def crowd(host, root, path, count):
    """count connections open at the same time, each used twice."""
    want = read_file(root, path)
    socks = [connect(host) for _ in range(int(count))]
    streams = [sock.makefile("rb") for sock in socks]
    for _ in range(2):
        for sock in socks:
            sock.sendall(f"GET /{path} HTTP/1.1\r\nHost: rest\r\n\r\n".encode())
        for number, stream in enumerate(streams):
            status, _, body = read_response(stream)
            if status != 200 or body != want:
                sys.exit(f"connection {number}: status {status}, {len(body)} bytes")
    print(f"{count} connections open at once")


def numbered(host, path, first, count, connections):
    """Requests PATH?first to PATH?first+count-1, spread over kept-alive connections."""
    open_ones = [http.client.HTTPConnection(host, timeout=TIMEOUT_S)
                 for _ in range(int(connections))]
    for number in range(int(first), int(first) + int(count)):
        connection = open_ones[number % len(open_ones)]
        connection.request("GET", f"/{path}?{number}", headers={"User-Agent": f"agent {number}"})
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            sys.exit(f"request {number}: status {response.status}")
    print(f"{count} requests")


def rest(host, root, path, connections, seconds):
    """Many connections, each asked once, at rest for a while, and asked again, in another order."""
    body = read_file(root, path)
    socks = [connect(host) for _ in range(int(connections))]
    streams = [sock.makefile("rb") for sock in socks]
    for turn in range(2):
        for sock, stream in list(zip(socks, streams))[::1 - 2 * turn]:
            sock.sendall(f"GET /{path} HTTP/1.1\r\nHost: rest\r\n\r\n".encode())
            status, _, got = read_response(stream)
            if status != 200 or got != body:
                sys.exit(f"turn {turn}: status {status}, {len(got)} of {len(body)} bytes")
        if turn == 0:
            time.sleep(float(seconds))
    print(f"{connections} connections asked again after {seconds} s")


def main():
    commands = {f.__name__: f for f in (tree, sweep, heads, limits, pipeline, raw, split, stall, sip,
                                        half_close, measure, drip, reset, crowd, numbered, rest)}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    try:
        commands[sys.argv[1]](*sys.argv[2:])
    except OSError as error:
        sys.exit(f"{sys.argv[1]}: {error}")


main()
