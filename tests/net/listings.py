#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Listings and error pages of two servers of the same documents: listings.py NGINX HUGEWIRE

Compared are, for some directories: as JSON every object, in its order; as HTML where the links lead and in
which order; of pages for errors status, type, length and body. What may differ, and why, is below.
"""
import html.parser
import http.client
import json
import sys
import urllib.parse

DIRECTORIES = ["/noindex/", "/with%20space/", "/deep/", "/deep/a/b/c/", "/listed/", "/listed/sub/", "/listed/empty/"]
ERRORS = [("GET", "/missing", {}), ("HEAD", "/missing", {}), ("GET", "/big.bin", {"Range": "bytes=400000-"}),
          ("POST", "/page.html", {})]
# A link that leads out of ROOT is not served here, and so not listed.
NOT_HERE = {"outside"}


def ask(server, host, method, path, fields=None):
    connection = http.client.HTTPConnection(server, timeout=20)
    connection.request(method, path, headers={"Host": host, **(fields or {})})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.found.append(urllib.parse.unquote_to_bytes(dict(attrs)["href"]))


def links(body):
    parser = Links()
    parser.feed(body.decode("latin-1"))
    return [link for link in parser.found if link.strip(b"./") and link.rstrip(b"/").decode("latin-1") not in NOT_HERE]


def objects(body):
    """A name that is no UTF-8: nginx sends its bytes, hugewire what JSON can hold."""
    found = []
    for item in json.loads(body.decode("utf-8", "surrogateescape")):
        raw = item["name"].encode("utf-8", "surrogateescape")
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            item["name"] = raw.decode("latin-1")
        if item["name"] not in NOT_HERE:
            found.append(item)
    return found


def main():
    nginx, hugewire = sys.argv[1:]
    bad = 0

    def same(what, theirs, ours):
        nonlocal bad
        if theirs != ours:
            bad += 1
            print(f"{what}: nginx {theirs!r}, hugewire {ours!r}")

    for path in DIRECTORIES:
        theirs, ours = ask(nginx, "json.test", "GET", path), ask(hugewire, "json.test", "GET", path)
        same(f"{path} status", theirs[0].status, ours[0].status)
        same(f"{path} type", theirs[0].getheader("Content-Type"), ours[0].getheader("Content-Type"))
        same(f"{path} objects", objects(theirs[1]), objects(ours[1]))
        if path != "/listed/":
            same(f"{path} bytes", theirs[1], ours[1])
        theirs, ours = ask(nginx, "html.test", "GET", path), ask(hugewire, "html.test", "GET", path)
        same(f"{path} links", links(theirs[1]), links(ours[1]))
        if not links(ours[1]) and path != "/listed/empty/":
            same(f"{path} has entries", True, False)
    for method, path, fields in ERRORS:
        what = f"{method} {path}"
        theirs, ours = ask(nginx, "html.test", method, path, fields), ask(hugewire, "html.test", method, path, fields)
        same(f"{what} status", theirs[0].status, ours[0].status)
        same(f"{what} body", theirs[1], ours[1])
        for field in ("Content-Type", "Content-Length", "Content-Range", "Last-Modified", "Accept-Ranges"):
            same(f"{what} {field}", theirs[0].getheader(field), ours[0].getheader(field))
    print(f"{len(DIRECTORIES)} directories, {len(ERRORS)} errors, {bad} differences")
    return bad != 0


sys.exit(main())
