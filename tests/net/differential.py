#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Asks two servers of the same documents the same: differential.py NGINX HUGEWIRE HTTP.md

Every request of differential_requests.py goes to both, on a connection of its own, and a second
request behind its answer tells whether the connection was kept. Compared are: the status, whether
the connection was kept, and, where the status is the same, every header field and the body. What
differs must be a row of the tables "| requests | what | nginx | hugewire | why |" in HTTP.md, and
so each row must name requests that differ, and all of them so or as another row says. Rows name requests by globs (only * is special),
GLOB@STATUS where hugewire answers so.

Not compared: Date and Server; the value of ETag, but for being strong or weak; the text that a server
makes for a status, with its Content-Type and Content-Length; Connection, but for its meaning; the
boundary between the parts of a multipart body.
"""
import re
import socket
import sys

import differential_requests

TIMEOUT_S = 3
PROBE = b"GET /one.txt HTTP/1.1\r\nHost: site.test\r\n\r\n"
NO_BODY = (204, 304)
IGNORED = ("date", "server", "connection", "keep-alive")
ABSENT = "-"
# What an answer may say of its connection and keep to; ABSENT where there was none.
CONSISTENT = (None, "kept", "closed")


class Closed(Exception):
    """The server closed where more was to come."""


class Stream:
    def __init__(self, host):
        self.sock = socket.create_connection((host, 80), TIMEOUT_S)
        self.sock.settimeout(TIMEOUT_S)
        self.held = b""

    def close(self):
        self.sock.close()

    def more(self):
        try:
            piece = self.sock.recv(262144)
        except ConnectionError:
            piece = b""
        if not piece:
            raise Closed
        self.held += piece

    def line(self):
        while b"\n" not in self.held:
            self.more()
        line, _, self.held = self.held.partition(b"\n")
        return line.rstrip(b"\r").decode("latin-1")

    def take(self, count):
        while len(self.held) < count:
            self.more()
        taken, self.held = self.held[:count], self.held[count:]
        return taken

    def rest(self):
        try:
            while True:
                self.more()
        except Closed:
            rest, self.held = self.held, b""
            return rest


def read_head(stream):
    """Status and fields (lower-case names; lines of one name joined by a comma)."""
    line = stream.line()
    if not re.fullmatch(r"HTTP/1\.1 \d{3} .*", line):
        return None, {"": line}
    fields = {}
    while (text := stream.line()):
        name, _, value = text.partition(":")
        fields.setdefault(name.lower(), []).append(value.strip())
    return int(line[9:12]), {name: ", ".join(values) for name, values in fields.items()}


def read_body(stream, head_only, status, fields):
    if head_only or status in NO_BODY:
        return b""
    if "content-length" in fields:
        return stream.take(int(fields["content-length"]))
    if fields.get("transfer-encoding") == "chunked":
        body = b""
        while (size := int(stream.line(), 16)):
            body += stream.take(size)
            stream.line()
        stream.line()
        return body
    return stream.rest()


def parts_of(body, boundary):
    """A multipart body as text that does not depend on the boundary."""
    pieces = body.split(b"\r\n--" + boundary)
    if pieces[0] or not pieces[-1].startswith(b"--"):
        return b"malformed: " + body
    return b"\n".join(sorted_fields(piece) for piece in pieces[1:-1])


def sorted_fields(part):
    head, _, data = part.partition(b"\r\n\r\n")
    return b"\r\n".join(sorted(line.lower() for line in head.split(b"\r\n"))) + b"\r\n\r\n" + data


def kept(stream, said_close):
    """Whether the connection goes on behind the answer, and whether the answer said so."""
    try:
        stream.sock.sendall(PROBE)
        status, fields = read_head(stream)
        body = read_body(stream, False, status, fields)
    except (Closed, ConnectionError):
        return "closed" if said_close else "closed unsaid"
    if (status, body) != (200, b"1"):
        return "out of step"
    return "kept though it said close" if said_close else "kept"


def answer_to(stream, text):
    """What is compared of an answer: a name -> a value."""
    seen = {}
    status, fields = read_head(stream)
    while status is not None and 100 <= status < 200:
        seen["interim"] = str(status)
        status, fields = read_head(stream)
    if status is None: # HTTP/0.9 knows no head
        return {"status": "no head"}
    body = read_body(stream, text.startswith(b"HEAD "), status, fields)
    tokens = [token.strip().lower() for token in fields.get("connection", "").split(",")]
    old = b" HTTP/1.0\r\n" in text
    seen["status"] = str(status)
    seen["connection"] = kept(stream, "close" in tokens or (old and "keep-alive" not in tokens))
    if "etag" in fields:
        fields["etag"] = "weak" if fields["etag"].startswith("W/") else "strong"
    made = status not in (200, 206, 304)
    boundary = re.fullmatch(r"(multipart/byteranges); boundary=(\S+)", fields.get("content-type", ""))
    if boundary:
        body = parts_of(body, boundary[2].encode())
        fields["content-type"] = boundary[1]
        del fields["content-length"]
    for name, value in fields.items():
        if name not in IGNORED and not (made and name in ("content-type", "content-length")):
            seen[name] = value
    if not made:
        seen["body"] = body.decode("latin-1")
    if "date" not in fields:
        seen["date"] = "missing"
    return seen


def ask(host, text):
    stream = Stream(host)
    try:
        try:
            stream.sock.sendall(text)
        except ConnectionError:
            pass # refused before it was all sent: the answer may be there all the same
        return answer_to(stream, text)
    except Closed:
        return {"status": "closed"}
    except TimeoutError:
        return {"status": "silent"}
    finally:
        stream.close()


def etag_of(host):
    stream = Stream(host)
    stream.sock.sendall(PROBE.replace(b"one.txt", b"page.html"))
    _, fields = read_head(stream)
    stream.close()
    return fields["etag"].encode()


def shown(value):
    return value if len(value) < 60 else f"{len(value)} bytes"


def differences(nginx, hugewire):
    """(what, nginx, hugewire) of two answers. With another status the rest follows from it."""
    if hugewire.get("connection") not in CONSISTENT:
        yield "connection", nginx.get("connection", ABSENT), hugewire.get("connection", ABSENT)
    if nginx["status"] != hugewire["status"]:
        yield "status", nginx["status"], hugewire["status"]
        return
    for what in sorted(nginx.keys() | hugewire.keys()):
        a, b = nginx.get(what, ABSENT), hugewire.get(what, ABSENT)
        if a != b:
            yield what, shown(a), shown(b)


class Row:
    """A line of the table: which requests differ in what, and how."""

    def __init__(self, number, cells):
        self.number = number
        self.globs = re.findall(r"`([^`]+)`", cells[0])
        self.what, self.nginx, self.hugewire = (cell.strip("` ") for cell in cells[1:4])
        self.seen = set()
        self.wrong = 0
        if not (self.globs and self.what and cells[4].strip()):
            sys.exit(f"HTTP.md:{number}: a row without requests, subject or reason")

    def covers(self, name, answers, found):
        """The differences that the row lists. If it names this request and there is no difference in
        its subject, it is wrong; if there is another, that is another row's."""
        hits = [glob for glob in self.globs if selects(glob, name, answers[1]["status"])]
        differs = self.what in [what for what, _, _ in found]
        if not hits or (not differs and self.what != "status"
                        and answers[0]["status"] != answers[1]["status"]):
            return []
        if not differs:
            self.wrong += 1
            print(f"HTTP.md:{self.number}: {name}: does not differ in {self.what}")
        listed = [(what, nginx, hugewire) for what, nginx, hugewire in found
                  if what == self.what and matches(self.nginx, nginx) and matches(self.hugewire, hugewire)]
        if listed:
            self.seen.update(hits)
        return listed

    def finish(self):
        for glob in self.globs:
            if glob not in self.seen:
                self.wrong += 1
                print(f"HTTP.md:{self.number}: `{glob}` names no request that differs so")


def selects(glob, name, status):
    """GLOB, or GLOB@STATUS: only where hugewire's status is this."""
    glob, _, wanted = glob.partition("@")
    return matches(glob, name) and wanted in ("", status)


def matches(glob, text):
    return re.fullmatch(".*".join(map(re.escape, glob.split("*"))), text, re.S) is not None


def read_rows(path):
    rows, inside = [], False
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            cells = line.strip().strip("|").split("|")
            if [cell.strip() for cell in cells[:2]] == ["requests", "what"]:
                inside = True
            elif not line.startswith("|"):
                inside = False
            elif inside and not line.startswith("|---"):
                if len(cells) != 5:
                    sys.exit(f"HTTP.md:{number}: {len(cells)} cells, not 5")
                rows.append(Row(number, cells))
    return rows


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    nginx, hugewire, document = sys.argv[1:]
    rows = read_rows(document)
    requests = differential_requests.all_requests()
    etags = {host: etag_of(host) for host in (nginx, hugewire)}
    differing = things = unlisted = 0
    for name, text in requests.items():
        answers = [ask(host, text.replace(b"{ETAG}", etags[host])) for host in (nginx, hugewire)]
        found = list(differences(*answers))
        differing += bool(found)
        things += len(found)
        listed = [difference for row in rows for difference in row.covers(name, answers, found)]
        for difference in set(found) - set(listed):
            print("not listed: | `{}` | {} | `{}` | `{}` |".format(name, *difference))
            unlisted += 1
    for row in rows:
        row.finish()
    wrong = sum(row.wrong for row in rows)
    print(f"{len(requests)} requests: {len(requests) - differing} answered alike, {differing} not, in "
          f"{things} things, {unlisted} of them not listed; {len(rows)} rows, {wrong} times not true")
    if unlisted or wrong:
        sys.exit(1)


main()
