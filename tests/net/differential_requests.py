# SPDX-License-Identifier: BSD-3-Clause
"""The requests that differential.py sends to both servers: name -> bytes.

A name begins with the group that docs/HTTP.md speaks of, and says the rest of what is asked for.
{ETAG} in a request stands for the server's own entity tag of /page.html. Documents: fixtures.py site.
"""
import itertools

HOST = "Host: site.test\r\n"

OLD = "Tue, 31 Dec 2019 23:59:59 GMT"
SAME = "Wed, 01 Jan 2020 12:34:56 GMT"
NEW = "Thu, 02 Jan 2020 00:00:00 GMT"


def request(method, target, fields="", version="HTTP/1.1", host=HOST, body=""):
    return f"{method} {target} {version}\r\n{host}{fields}\r\n{body}".encode()


def methods():
    targets = {"file": "/page.html", "front": "/", "missing": "/missing", "directory": "/dir",
               "noindex": "/noindex/", "range": "/big.bin"}
    for method, (name, target) in itertools.product(
            ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW", "get"),
            targets.items()):
        fields = "Range: bytes=0-9\r\n" if name == "range" else ""
        if method in ("POST", "PUT", "PATCH"):
            fields += "Content-Length: 0\r\n"
        yield f"{method}/{name}", request(method, target, fields)
    yield "CONNECT/authority", request("CONNECT", "site.test:80")
    yield "CONNECT/file", request("CONNECT", "/page.html")
    yield "OPTIONS/asterisk", request("OPTIONS", "*")
    yield "GET/asterisk", request("GET", "*")
    yield "OPTIONS/absolute", request("OPTIONS", "http://site.test")


def files():
    names = """/ /index.html /page.html /style.css /script.js /data.json /feed.xml /image.svg
        /image.png /archive.tar.gz /noextension /unknown.qqq /UPPER.HTML /one.txt /empty.txt /big.bin
        /.hidden /... /dir/ /dir/inner.txt /deep/a/b/c/file.txt /link-inside
        /link-directory/inner.txt /missing /dir/missing /Page.html"""
    for method, name in itertools.product(("GET", "HEAD"), names.split()):
        yield f"file/{method} {name}", request(method, name)
    yield "symlink/GET /link-outside", request("GET", "/link-outside")
    yield "symlink/GET /link-directory", request("GET", "/link-directory")
    yield "symlink/GET /link-directory/", request("GET", "/link-directory/")


def paths():
    targets = """/with%20space/a%20b.txt /plus+sign.txt /plus%2Bsign.txt /semi;colon.txt /semi%3Bcolon.txt
        /100%25.txt /%2541.txt /%41.txt /back%5Cslash.txt /back%5cslash.txt /gr%C3%BC%C3%9Fe.txt
        /gr%c3%bc%c3%9fe.txt /%70%61%67%65.html /page%2Ehtml /page.html? /page.html?a=b&c=/../d
        /page.html?a?b /page.html?%00 /./page.html /dir/./inner.txt /dir/../page.html
        /dir/../dir/../page.html /dir/. /dir/.. /dir/./ /dir/../ //page.html ///page.html
        /dir//inner.txt //dir//inner.txt /dir/%2e%2e/page.html /dir/%2E./page.html /%2e/page.html
        /dir%2Finner.txt /dir%2finner.txt /dir/..%2Fpage.html /page.html/ /page.html/x /dir /dir? /dir?a=b
        /deep /deep/a /with%20space /noindex /noindex/ //dir ///dir //noindex /dir/../noindex
        /dir;a=b /..page /page.html; /page.html%20 /page.html%09 /:page.html /page.html%3Fa /page.html%23a
        /%e2%82%ac /%ff%fe /a%0Ab /a%0D%0AX:%20y""".split()
    for target in targets:
        yield f"path/{target}", request("GET", target)
    for target in ("/..", "/../page.html", "/../../etc/passwd", "/dir/../../outside-secret",
                   "/%2e%2e/outside-secret", "/..%2foutside-secret", "/%2e%2e%2foutside-secret",
                   "/dir/../..", "//../page.html"):
        yield f"above-root/{target}", request("GET", target)
    for target in ("/%", "/%2", "/%zz", "/page.html%", "/%g0", "/page%2", "/%00", "/page.html%00",
                   "/page.html%00.txt", "/dir/%00/../inner.txt"):
        yield f"bad-escape/{target}", request("GET", target)
    yield "path/raw UTF-8", "GET /grüße.txt HTTP/1.1\r\nHost: site.test\r\n\r\n".encode()
    yield "path/raw backslash", request("GET", "/back\\slash.txt")
    yield "path/backslash as slash", request("GET", "/dir\\inner.txt")
    yield "path/raw quote", request("GET", '/"<>^`{|}')
    yield "path/raw space", request("GET", "/with space/a b.txt")
    yield "path/fragment", request("GET", "/page.html#part")
    yield "path/tab", request("GET", "/page.html\t")
    yield "path/DEL", request("GET", "/page.html\x7f")
    yield "path/control", request("GET", "/page\x01.html")
    yield "path/NUL", request("GET", "/page\x00.html")
    for length in (1000, 7000, 8000):
        yield f"path/{length} bytes", request("GET", "/" + "a" * length)
        yield f"path/query of {length} bytes", request("GET", "/page.html?" + "a" * length)
    yield "limit/target of 10000 bytes", request("GET", "/" + "a" * 10000)
    yield "limit/query of 20000 bytes", request("GET", "/page.html?" + "a" * 20000)


def targets():
    for target in ("http://site.test/page.html", "http://site.test", "http://site.test/",
                   "http://site.test?a", "HTTP://SITE.TEST/page.html", "http://other.test/page.html",
                   "http://site.test:80/page.html", "http://site.test/dir", "http://site.test//page.html",
                   "http://[::1]/page.html", "https://site.test/page.html"):
        yield f"absolute/{target}", request("GET", target)
    for target in ("http://", "http:///page.html", "http://:80/page.html", "http://u@site.test/page.html",
                   "http:/page.html", "ftp://site.test/page.html", "file:///page.html", "page.html",
                   "?page.html", "site.test/page.html", "http://site.test#x"):
        yield f"bad-target/{target}", request("GET", target)
    yield "absolute/without Host", request("GET", "http://site.test/page.html", host="")


# RFC 9110 section 13.2.2 is about combinations: all of them, of few values each.
CONDITIONS = {
    "If-Match": {"etag": "{ETAG}", "any": "*", "other": '"other"', "weak": "W/{ETAG}"},
    "If-Unmodified-Since": {"old": OLD, "same": SAME},
    "If-None-Match": {"etag": "{ETAG}", "any": "*", "other": '"other"', "weak": "W/{ETAG}"},
    "If-Modified-Since": {"old": OLD, "same": SAME, "new": NEW},
}
SHORT = {"If-Match": "IM", "If-Unmodified-Since": "IUS", "If-None-Match": "INM",
         "If-Modified-Since": "IMS"}


def conditions():
    choices = [[(field, None)] + [(field, value) for value in values]
               for field, values in CONDITIONS.items()]
    for chosen in itertools.product(*choices):
        given = [(field, value) for field, value in chosen if value]
        if not given:
            continue
        name = " ".join(f"{SHORT[field]}={value}" for field, value in given)
        fields = "".join(f"{field}: {CONDITIONS[field][value]}\r\n" for field, value in given)
        yield f"condition/{name}", request("GET", "/page.html", fields)
        if len(given) == 1:
            yield f"condition/HEAD {name}", request("HEAD", "/page.html", fields)
            yield f"condition-elsewhere/missing {name}", request("GET", "/missing", fields)
            yield f"condition-elsewhere/directory {name}", request("GET", "/dir", fields)


def condition_forms():
    tags = {"list": '"a", {ETAG}, "b"', "list without": '"a", "b"', "list with empty elements": ', ,{ETAG},,',
            "comma in tag": '"a,b", {ETAG}', "unquoted": "abc", "unterminated": '"abc', "empty": "",
            "star in list": '"a", *', "lower-case weak": "w/{ETAG}", "no space": '"a",{ETAG}'}
    for (form, value), field in itertools.product(tags.items(), ("If-Match", "If-None-Match")):
        yield f"tags/{SHORT[field]} {form}", request("GET", "/page.html", f"{field}: {value}\r\n")
    yield "tags/INM on two lines", request(
        "GET", "/page.html", 'If-None-Match: "a"\r\nIf-None-Match: {ETAG}\r\n')
    yield "tags/IM on two lines", request(
        "GET", "/page.html", 'If-Match: "a"\r\nIf-Match: {ETAG}\r\n')
    dates = {"RFC 850": "Wednesday, 01-Jan-20 12:34:56 GMT", "asctime": "Wed Jan  1 12:34:56 2020",
             "wrong weekday": "Fri, 01 Jan 2020 12:34:56 GMT", "no weekday": "01 Jan 2020 12:34:56 GMT",
             "other zone": "Wed, 01 Jan 2020 12:34:56 CET", "number": "1577882096", "garbage": "yesterday",
             "empty": "", "lower case": "wed, 01 jan 2020 12:34:56 gmt",
             "hour 25": "Wed, 01 Jan 2020 25:34:56 GMT", "day 32": "Wed, 32 Jan 2020 12:34:56 GMT",
             "far future": "Fri, 31 Dec 9999 23:59:59 GMT"}
    for (form, value), field in itertools.product(
            dates.items(), ("If-Modified-Since", "If-Unmodified-Since")):
        yield f"date/{SHORT[field]} {form}", request("GET", "/page.html", f"{field}: {value}\r\n")


def ranges():
    sets = """0-0 0-9 1-1 0- 10- -1 -10 299999- 299999-299999 299998-300005 0-299999 0-300000 -300000
        -300001 0-99999999999999999999999 300000- 300000-300001 400000-500000 -0 5-4 00-09 0-09""".split()
    for text in sets:
        yield f"range/{text}", request("GET", "/big.bin", f"Range: bytes={text}\r\n")
        yield f"range/HEAD {text}", request("HEAD", "/big.bin", f"Range: bytes={text}\r\n")
    several = ("0-0,2-2", "0-9,20-29", "0-9, 20-29 , 40-49", "0-9,-10", "20-29,0-9", "0-9,5-14",
               "0-9,400000-", "400000-,500000-", "0-9,,20-29", ",0-9", "0-9,", "0-9,10-19",
               "0-0,1-1,2-2,3-3", "0-149999,150000-299999", "-10,-20", "0-,1-", "0-9,5-4", "0-9,x")
    for text in several:
        yield f"ranges/{text}", request("GET", "/big.bin", f"Range: bytes={text}\r\n")
    many = {"30 apart": (30, 1000), "100 apart": (100, 1000), "200 adjacent": (200, 10)}
    for name, (count, step) in many.items():
        text = ",".join(f"{i * step}-{i * step + 9}" for i in range(count))
        yield f"ranges/{name}", request("GET", "/big.bin", f"Range: bytes={text}\r\n")
    yield "ranges/overlapping 100 times", request(
        "GET", "/big.bin", "Range: bytes=" + ",".join(f"{i}-" for i in range(100)) + "\r\n")
    for text in ("bytes=", "bytes", "bytes=x", "bytes=1", "bytes=1-x", "bytes=--1", "bytes= 0-9",
                 "bytes =0-9", "BYTES=0-9", "lines=0-9", "bytes=0 - 9", "bytes:0-9", "0-9", "",
                 "bytes=0x0-0x9", "bytes=+0-9", "bytes=0-9;x"):
        yield f"bad-range/{text}", request("GET", "/big.bin", f"Range: {text}\r\n")
    yield "bad-range/two fields", request(
        "GET", "/big.bin", "Range: bytes=0-9\r\nRange: bytes=20-29\r\n")
    for name, target in (("empty file", "/empty.txt"), ("one byte", "/one.txt"), ("missing", "/missing"),
                         ("directory", "/dir"), ("front", "/")):
        for text in ("0-0", "-1", "0-", "1-"):
            yield f"range-of/{name} {text}", request("GET", target, f"Range: bytes={text}\r\n")
    validators = {"etag": "{ETAG}", "weak": "W/{ETAG}", "other": '"other"', "same": SAME, "old": OLD,
                  "new": NEW, "garbage": "garbage", "any": "*", "list": '{ETAG}, "other"'}
    for (name, value), text in itertools.product(validators.items(), ("0-9", "5000-", "0-1,3-4")):
        yield f"if-range/{name} {text}", request(
            "GET", "/page.html", f"Range: bytes={text}\r\nIf-Range: {value}\r\n")
    yield "if-range/without Range", request("GET", "/page.html", "If-Range: {ETAG}\r\n")
    for name, field in (("INM=etag", "If-None-Match: {ETAG}"), ("INM=other", 'If-None-Match: "other"'),
                        ("IM=other", 'If-Match: "other"'), ("IMS=same", f"If-Modified-Since: {SAME}")):
        for text in ("0-9", "5000-"):
            yield f"range-condition/{name} {text}", request(
                "GET", "/page.html", f"Range: bytes={text}\r\n{field}\r\n")


def connections():
    for version, value in itertools.product(
            ("HTTP/1.0", "HTTP/1.1"),
            ("", "close", "keep-alive", "Close", "KEEP-ALIVE", "close, keep-alive", "keep-alive, close",
             "upgrade", "x, close", "Keep-Alive, TE")):
        fields = f"Connection: {value}\r\n" if value else ""
        for name, target in (("file", "/page.html"), ("missing", "/missing"), ("directory", "/dir")):
            yield f"connection/{version} {value or '-'} {name}", request("GET", target, fields, version)
    yield "connection/HEAD HTTP/1.0", request("HEAD", "/page.html", "", "HTTP/1.0")
    yield "connection/HTTP/1.0 without Host", request("GET", "/page.html", "", "HTTP/1.0", host="")
    yield "connection/HTTP/1.0 range", request("GET", "/big.bin", "Range: bytes=0-9\r\n", "HTTP/1.0")
    yield "connection/two fields", request(
        "GET", "/page.html", "Connection: keep-alive\r\nConnection: close\r\n")
    yield "connection/upgrade h2c", request(
        "GET", "/page.html",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n")
    yield "connection/upgrade websocket", request(
        "GET", "/page.html", "Connection: Upgrade\r\nUpgrade: websocket\r\n")
    for version in ("HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/3.0", "HTTP/0.9", "HTTP/1.10", "HTTP/11",
                    "HTTP/1", "HTTP/", "http/1.1", "HTTPS/1.1", "HTTP/1.1 ", " HTTP/1.1", "HTTP/1.x"):
        yield f"version/{version}", request("GET", "/page.html", version=version)
    yield "version/none", b"GET /page.html\r\n"
    yield "version/HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def bodies():
    for method, target in (("GET", "/page.html"), ("HEAD", "/page.html"), ("GET", "/missing"),
                           ("POST", "/page.html")):
        yield f"body/{method} {target} Content-Length", request(
            method, target, "Content-Length: 5\r\n", body="hello")
        yield f"body/{method} {target} chunked", request(
            method, target, "Transfer-Encoding: chunked\r\n", body="5\r\nhello\r\n0\r\n\r\n")
    yield "body/chunked with extension and trailer", request(
        "GET", "/page.html", "Transfer-Encoding: chunked\r\n", body="5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n")
    yield "body/Expect", request(
        "GET", "/page.html", "Expect: 100-continue\r\nContent-Length: 5\r\n", body="hello")
    yield "body/Expect without body", request("GET", "/page.html", "Expect: 100-continue\r\n")
    yield "body/Expect something else", request("GET", "/page.html", "Expect: the-unexpected\r\n")
    yield "body/Content-Length 0", request("GET", "/page.html", "Content-Length: 0\r\n")
    yield "body/like a request", request(
        "GET", "/page.html", "Content-Length: 44\r\n",
        body="GET /data.json HTTP/1.1\r\nHost: site.test\r\n\r\n"[:44].ljust(44))
    for length in ("-1", "+5", "5x", "0x5", "5, 5", "5,6", "", "99999999999999999999", "1e1", "5 5"):
        yield f"bad-framing/Content-Length {length or 'empty'}", request(
            "GET", "/page.html", f"Content-Length: {length}\r\n", body="hello")
    yield "bad-framing/Content-Length twice, same", request(
        "GET", "/page.html", "Content-Length: 5\r\nContent-Length: 5\r\n", body="hello")
    yield "bad-framing/Content-Length twice, different", request(
        "GET", "/page.html", "Content-Length: 5\r\nContent-Length: 6\r\n", body="hello")
    for coding in ("chunked, chunked", "gzip, chunked", "chunked, gzip", "gzip", "identity", "xchunked",
                   "\x0bchunked", "chunked\x0b", "", "CHUNKED"):
        yield f"bad-framing/Transfer-Encoding {coding!r}", request(
            "GET", "/page.html", f"Transfer-Encoding: {coding}\r\n", body="0\r\n\r\n")
    both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"
    yield "bad-framing/both lengths", request("GET", "/page.html", both, body="0\r\n\r\n")
    yield "bad-framing/chunked in HTTP/1.0", request(
        "GET", "/page.html", "Transfer-Encoding: chunked\r\n", "HTTP/1.0", body="0\r\n\r\n")
    for name, body in (("size not hex", "z\r\nhello\r\n0\r\n\r\n"), ("no CRLF behind data", "5\r\nhelloX0\r\n\r\n"),
                       ("negative size", "-5\r\nhello\r\n0\r\n\r\n"),
                       ("size of 20 digits", "fffffffffffffffffff5\r\nhello\r\n0\r\n\r\n")):
        yield f"bad-framing/chunk: {name}", request(
            "GET", "/page.html", "Transfer-Encoding: chunked\r\n", body=body)


def fields():
    lines = {
        "space before colon": "X : y", "tab before colon": "X\t: y", "no colon": "X", "no name": ": y",
        "space in name": "X Y: z", "folded": "X: y\r\n z", "folded with tab": "X: y\r\n\tz",
        "bare CR in value": "X: y\rz", "NUL in value": "X: y\0z", "NUL in name": "X\0: z",
        "bare LF": "X: y\nZ: y", "control in value": "X: y\x01z", "DEL in value": "X: y\x7fz",
        "tab in value": "X: y\tz", "8-bit value": "X: \xe4", "8-bit name": "\xe4: y", "empty value": "X:",
        "underscore in name": "X_Y: z", "dot in name": "X.Y: z", "brackets in name": "X[]: y",
        "quote in name": 'X"Y: z', "slash in name": "X/Y: z", "no space": "X:y", "many spaces": "X:   y   ",
        "colon in value": "X: y:z",
    }
    for name, line in lines.items():
        yield f"field/{name}", request("GET", "/page.html", line + "\r\n")
    first = {"space before the first field": " Host: site.test\r\n", "tab": "\tHost: site.test\r\n"}
    for name, line in first.items():
        yield f"field/{name}", request("GET", "/page.html", host=line)
    hosts = {"none": "", "two, same": HOST + HOST, "two, different": HOST + "Host: other.test\r\n",
             "empty": "Host:\r\n", "with port": "Host: site.test:80\r\n", "IPv6": "Host: [::1]:80\r\n",
             "unknown": "Host: nobody.test\r\n", "space": "Host: site test\r\n", "slash": "Host: a/b\r\n",
             "user": "Host: u@site.test\r\n", "bad port": "Host: site.test:x\r\n",
             "only port": "Host: :80\r\n", "upper case": "HOST: SITE.TEST\r\n", "dot at the end": "Host: site.test.\r\n",
             "two dots": "Host: site..test\r\n", "comma": "Host: a, b\r\n", "unclosed bracket": "Host: [::1\r\n"}
    for name, line in hosts.items():
        yield f"host/{name}", request("GET", "/page.html", host=line)
    for count in (50, 99, 101, 1000):
        yield f"limit/{count} fields", request(
            "GET", "/page.html", "".join(f"X{i}: y\r\n" for i in range(count - 1)))
    for size in (4000, 7000, 10000, 40000):
        yield f"limit/field of {size} bytes", request("GET", "/page.html", f"X: {'y' * size}\r\n")
    yield "limit/4 fields of 7000 bytes", request(
        "GET", "/page.html", "".join(f"X{i}: {'y' * 7000}\r\n" for i in range(4)))


def lines():
    text = request("GET", "/page.html")
    yield "line/one CRLF before", b"\r\n" + text
    yield "line/three CRLFs before", b"\r\n" * 3 + text
    yield "line/LF before", b"\n" + text
    yield "line/only LFs", text.replace(b"\r\n", b"\n")
    yield "line/bare CRs", text.replace(b"\r\n", b"\r")
    yield "line/space before", b" " + text
    yield "line/two spaces before the target", text.replace(b"GET ", b"GET  ")
    yield "line/two spaces before the version", text.replace(b" HTTP", b"  HTTP")
    yield "line/tab for space", text.replace(b"GET ", b"GET\t")
    yield "line/no target", text.replace(b" /page.html", b"")
    yield "line/no method", text.replace(b"GET ", b"")
    yield "line/method with a digit", text.replace(b"GET", b"G3T")
    yield "line/method with a colon", text.replace(b"GET", b"G:T")
    yield "line/method of 100 bytes", text.replace(b"GET", b"G" * 100)
    yield "line/nonsense", b"nonsense\r\n\r\n"
    yield "line/TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"
    yield "line/UTF-8 byte order mark", b"\xef\xbb\xbf" + text


GROUPS = (methods, files, paths, targets, conditions, condition_forms, ranges, connections, bodies,
          fields, lines)


def all_requests():
    found = {}
    for group in GROUPS:
        for name, text in group():
            assert name not in found, name
            found[name] = text
    return found
