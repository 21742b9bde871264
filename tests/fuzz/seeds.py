#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the seed corpus of each fuzz target to corpus/TARGET: small inputs that reach far, for the
fuzzer to start from. Run it after a change to an input format, and commit what it wrote."""

import os
import shutil
import struct

HERE = os.path.dirname(os.path.abspath(__file__))

# ---- fuzz_frames: script.h's operations by number ----

(OPEN, REQUEST, ACK, SEGMENT, DATA, SACK, TIME, DEADLINE, ICMP, ARP, RAW, TWEAK, HOLD, CONTROL,
 CLOSE, COOKIE) = range(16)

MSS, SACK_OK, TS, SCALE, SYN_ONLY, WAIT = 1, 2, 4, 8, 16, 32
ALL = MSS | SACK_OK | TS | SCALE | WAIT
FIN, SYN, RST, PSH, ACK_FLAG, URG = 1, 2, 4, 8, 16, 32
SMALL, LARGE, MEDIUM, LONG, HEAD, RANGE, OLD, LARGE_CLOSE, MISSING, PARTIAL, PIPELINE, BODY = \
    range(12)

SOFTWARE, OFFLOAD, TSO, IP_ONLY = range(4)


def config(mode=SOFTWARE, extents=8, b=0, c=0, d=0, backlog=0, time_waits=0):
    return bytes([mode | (extents - 1) << 2 | backlog << 5 | time_waits << 7, b, c, d])


def ack(peer=0, eighths=8, window=65535):
    return bytes([ACK, peer, eighths]) + struct.pack("<H", 65535 - window)


def sack(*places, peer=0, eighths=0):
    return bytes([SACK, peer, eighths, len(places), *places])


def segment(flags, peer=0, base=0, ack_base=0, seq=(0, 0), ack_off=(0, 0), window=65535, payload=0,
            options=0, rest=b""):
    return (bytes([SEGMENT, peer, base, flags, ack_base, seq[0] & 255, seq[1], ack_off[0] & 255,
                   ack_off[1]]) + struct.pack("<HH", 65535 - window, payload) + bytes([options])
            + rest)


def data(text, peer=0, ahead=0):
    return bytes([DATA, peer, ahead, len(text)]) + text


def opened(peer=0, options=ALL, more=7):
    return bytes([OPEN, peer, options, more])


def request(which, peer=0):
    return bytes([REQUEST, peer, which])


def close(peer=0, reset=0):
    return bytes([CLOSE, peer, reset])


def frames():
    wait = bytes([TIME, 14])
    lossy = sack(0x41, eighths=0) + sack(0x42, 0x45) + sack(0x41, 0x84, 0xc6)
    for mode in (SOFTWARE, OFFLOAD, TSO, IP_ONLY):
        yield (config(mode) + opened() + request(LARGE) + (wait + ack()) * 6 + close() + ack())
        yield (config(mode, extents=1, b=1) + opened(options=0) + request(LONG)
               + (ack(eighths=9) + wait) * 6 + ack(eighths=0, window=0) + ack(eighths=0) * 4)
    for c in (0x00, 0x55, 0xaa, 0xff):  # smaller and smaller tables
        yield (config(c=c, d=c & 0x3f) + opened() + opened(1) + opened(2, options=MSS)
               + request(LARGE) + request(PIPELINE, 1) + request(LONG, 2) + wait + lossy
               + ack(1) + ack(2, 9) * 5 + ack(0) + wait + close() + close(1) + close(2, 1))
    yield config(TSO) + opened() + request(LONG) + wait + lossy + bytes([DEADLINE] * 6) + ack()
    yield config() + opened() + request(LARGE) + wait + ack(window=0) + bytes([DEADLINE] * 4) \
        + ack(window=3000) + wait + ack()
    yield config() + opened() + request(LARGE_CLOSE) + (wait + ack()) * 8 + close() + bytes([TIME, 27])
    yield config() + opened() + close() + ack() + opened() + request(SMALL) + ack()
    yield config() + bytes([OPEN, 0, ALL | SYN_ONLY, 7, DEADLINE, DEADLINE]) + opened(1) \
        + request(OLD, 1) + wait + ack(1) + close(1) + ack(1)
    yield config() + opened() + data(b"TP/1.1\r\nHost: a\r\n\r\n", ahead=8) + data(b"GET / HT") \
        + data(b"GET /one HTTP/1.1\r\n") + data(b"Host: a\r\n\r\n") + ack() + request(PARTIAL) \
        + bytes([TIME, 24, TIME, 26])
    yield config() + opened() + request(LARGE) + bytes([ICMP, 0, 3, 4]) + struct.pack("<H", 700) \
        + b"\0\0" + wait + ack() + bytes([ICMP, 0, 3, 1, 0, 0, 1, 0, ICMP, 1, 8, 0, 0, 0, 5]) \
        + bytes([ICMP, 0, 3, 4, 0, 1, 2, 8])
    yield config(b=0x40) + opened() + bytes([TIME, 20]) + bytes([ARP, 0, 1, ARP, 0, 6, ARP, 3, 12]) \
        + bytes([ARP, 0, 0]) + request(SMALL) + bytes([CONTROL, 2, CONTROL, 4, CONTROL, 3]) + ack()
    yield config() + opened() + request(LONG) + bytes([CONTROL, 0]) + (wait + ack()) * 4 \
        + bytes([CONTROL, 1])
    yield config() + opened() + segment(RST, seq=(5, 0)) + segment(SYN) \
        + segment(ACK_FLAG, ack_off=(100, 8)) + segment(ACK_FLAG | FIN, seq=(40, 0)) \
        + segment(ACK_FLAG | PSH, payload=40) + segment(RST)
    yield config() + opened() + request(LARGE) + segment(
        ACK_FLAG, ack_base=1, options=3 << 5 | 4,
        rest=b"\1\0" + bytes([1, 10, 7, 1, 20, 7, 6, 0, 0, 0, 0, 0, 1, 0, 0, 1, 4, 0])) + wait
    yield config() + bytes([TWEAK, 34, 255, 1]) + opened() + request(SMALL) + bytes([TWEAK, 46, 32, 1]) \
        + ack() + bytes([HOLD, 6]) + request(SMALL) * 3 + ack() + close()
    half = bytes([OPEN, 3, ALL | SYN_ONLY, 7])
    yield config(backlog=1) + half + opened() + request(LARGE) + wait + ack() + close() \
        + opened(1, options=0) + request(SMALL, 1) + ack(1)
    yield config(backlog=1) + half + bytes([OPEN, 0, ALL | SYN_ONLY, 7, COOKIE, 0, SMALL, 1]) \
        + bytes([COOKIE, 0, LARGE, 0]) + wait + ack() + bytes([COOKIE, 0, 0, 0, TIME, 27]) \
        + bytes([COOKIE, 0, 0, 0])
    for peer_count in (1, 3):  # TIME-WAIT: more than there is room for, late segments, a new SYN
        yield config(backlog=2, time_waits=1) + b"".join(
            opened(i) + request(LARGE_CLOSE, i) + (wait + ack(i)) * 7 + close(i)
            for i in range(peer_count)) \
            + segment(ACK_FLAG | FIN, seq=(-1, 0)) + segment(ACK_FLAG, payload=9) + segment(SYN) \
            + segment(RST) + opened() + request(SMALL)
    yield config() + opened(more=0x17) + request(LARGE) + wait + segment(ACK_FLAG | 0x40, ack_base=1) \
        + ack() + wait + segment(ACK_FLAG | 0x80, base=0xc0, payload=20) + ack()  # ECN
    yield config(backlog=3) + opened() + bytes([TIME, 23, DEADLINE, DEADLINE]) + ack() \
        + request(OLD) + wait + ack() + bytes([TIME, 24])  # keep-alive probes
    yield config(b=0x80, d=0x80) + opened(6) + request(LARGE, 6) + wait + sack(0x41, peer=6) \
        + ack(6) + close(6)
    for mode in (SOFTWARE, OFFLOAD, TSO):  # IPv6, near and far; its neighbours and routers
        yield config(mode) + opened(4) + request(LARGE, 4) + wait + sack(0x41, peer=4) + ack(4) \
            + bytes([ICMP, 4, 2, 0]) + struct.pack("<H", 1280) + b"\0\0" + wait + ack(4) + close(4)
        yield config(mode, d=0x10) + bytes([CONTROL, 2, TIME, 22, ARP, 4, 0xa0, CONTROL, 2]) + wait \
            + bytes([DEADLINE] * 4) + opened(5) + request(LARGE, 5) + wait + ack(5)
        yield config(mode, d=0x20) + opened(5) + request(LONG, 5) + (wait + ack(5)) * 3 \
            + sack(0x41, peer=5) + sack(0x41, 0x84, peer=5) + wait + ack(5)
        yield config(mode, d=8) + opened(7) + request(LONG, 7) + wait + ack(7) \
            + bytes([ARP, 4, 0, ARP, 4, 1, ARP, 4, 0x61, ARP, 4, 0x80, ARP, 4, 0x2d]) \
            + bytes([ARP, 4, 0x12, 0xc1, 220, 5, 64, 16, 14, 8, 7, 0x33]) + ack(7) + wait \
            + bytes([CONTROL, 2, TIME, 24, ARP, 4, 0x9a, 0xc7, 0, 5, 64, 0x34]) + ack(7) + close(7)


# ---- frames for fuzz_arp_ip ----

MAC, PEER_MAC = b"\2\0\0\0\0\2", b"\2\0\0\0\1\0"
IP, PEER_IP = bytes([10, 71, 0, 2]), bytes([10, 71, 0, 10])


def checksum(text):
    text += b"\0" * (len(text) % 2)
    total = sum(struct.unpack(f">{len(text) // 2}H", text))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def ip(protocol, payload, options=b"", fragment=0):
    head = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload), 1,
                       fragment, 64, protocol, 0) + PEER_IP + IP + options
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    return MAC + PEER_MAC + b"\x08\x00" + head + payload


def tcp(flags, seq, ack_number=0, options=b"", payload=b""):
    head = struct.pack(">HHIIBBHHH", 40000, 80, seq, ack_number, (20 + len(options)) // 4 << 4, flags,
                       65535, 0, 0) + options + payload
    pseudo = PEER_IP + IP + struct.pack(">HH", 6, len(head))
    return ip(6, head[:16] + struct.pack(">H", checksum(pseudo + head)) + head[18:])


def icmp(kind, code, rest):
    text = bytes([kind, code, 0, 0]) + rest
    return ip(1, text[:2] + struct.pack(">H", checksum(text)) + text[4:])


def arp(operation, target=IP):
    return b"\xff" * 6 + PEER_MAC + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x800, 6, 4, operation) \
        + PEER_MAC + PEER_IP + bytes(6) + target


def ipv6(next_header, payload, src=b"\xfd\0\0\x71" + bytes(11) + b"\x12",
         dst=b"\xfd\0\0\x71" + bytes(11) + b"\2", hops=255):
    head = struct.pack(">IHBB", 6 << 28, len(payload), next_header, hops) + src + dst
    return MAC + PEER_MAC + b"\x86\xdd" + head + payload


def icmpv6(kind, rest, **addresses):
    """The checksum is the target's to put right."""
    return ipv6(58, bytes([kind, 0, 0, 0]) + rest, **addresses)


SYN_OPTIONS = b"\2\4\5\xb4\4\2\x08\x0a\0\0\0\1\0\0\0\0\1\3\3\7"


def arp_ip():
    def script(*parts, flags=0, shape=bytes(4)):
        text = shape + bytes([flags])
        for frame in parts:
            text += struct.pack("<H", len(frame)) + frame
        return text

    quote = ip(6, struct.pack(">HHI", 80, 40000, 0))[14:]
    yield script(arp(1), arp(2), arp(1, PEER_IP))
    yield script(arp(1), icmp(8, 0, b"\0\1\0\1hello"), icmp(3, 4, b"\0\0\2\x40" + quote),
                 icmp(3, 1, bytes(4)), flags=4)
    yield script(tcp(2, 1), icmp(3, 4, b"\0\0\2\x40" + quote[:24]), flags=6)
    yield script(arp(1), tcp(2, 1, options=SYN_OPTIONS), tcp(16, 2, 1), tcp(20, 2, 1))
    yield script(arp(1), tcp(2, 1), tcp(17, 9, 9), flags=3)
    yield script(ip(17, b"\0\x35\0\x35\0\x08\0\0"), ip(50, b"x"), ip(6, bytes(20), fragment=0x2000),
                 ip(1, bytes(8), options=b"\1\1\1\0"), b"short")
    ours, link = b"\xfd\0\0\x71" + bytes(11) + b"\2", b"\xfe\x80" + bytes(13) + b"\1"
    mac_option = b"\1\1" + PEER_MAC
    yield script(icmpv6(135, bytes(4) + ours + mac_option), icmpv6(128, b"\0\1\0\1ping"),
                 icmpv6(135, bytes(4) + ours, src=bytes(16), dst=b"\xff\2" + bytes(9) + b"\1\xff\0\0\2"),
                 icmpv6(136, b"\x60\0\0\0" + ours + b"\2" + mac_option[1:]), flags=4)
    yield script(icmpv6(134, b"\x40\0\7\x08" + bytes(8) + b"\5\1\0\0\0\0\5\xdc"
                        + b"\3\4\x40\xc0" + struct.pack(">III", 3600, 1800, 0) + b"\xfd\1"
                        + bytes(14) + mac_option, src=link), flags=4, shape=b"\0\0\0\x08")
    yield script(ipv6(0, b"\x3a\0\1\4\0\0\0\0" + b"\x80\0\0\0\0\1\0\1"), ipv6(43, bytes(16)),
                 ipv6(44, b"\6\0\0\1\0\0\0\1" + bytes(20)), ipv6(60, b"\x3b\0\1\4\0\0\0\0"), flags=4)
    yield script(arp(1), tcp(2, 1, options=SYN_OPTIONS)) + struct.pack("<H", 0x8000 | 3000) \
        + struct.pack("<H", 54) + tcp(4, 2)[:54]


# ---- fuzz_tcp_options ----

def tcp_options():
    def text(flags, options, payload=b"", good=1):
        options += b"\0" * (-len(options) % 4)
        return bytes([good]) + struct.pack(">HHIIBBHHH", 1, 80, 7, 9, (20 + len(options)) // 4 << 4,
                                           flags, 1000, 0, 0) + options + payload

    yield text(2, SYN_OPTIONS)
    yield text(16, b"\1\1\x08\x0a\0\0\0\1\0\0\0\2", b"payload", good=0)
    yield text(16, b"\1\1\x05\x1a" + bytes(range(24)))
    yield text(16, b"\1\1\x08\x0a\0\0\0\1\0\0\0\2\1\1\x05\x12" + bytes(range(16)))
    yield text(16, b"\1\1\x05\x22" + bytes(range(32)))
    yield text(2, b"\2\3\1\3\2\x08\x0b\x05\x0b\xfe\4ab\0")
    yield text(24, b"", b"GET")
    yield text(2, b"\2\0")


# ---- fuzz_http ----

def http():
    def text(body, limits=0, how=b"\1\2\3"):
        return bytes([limits]) + how + body.replace("\n", "\r\n").encode("latin-1")

    yield text("GET / HTTP/1.1\nHost: a\n\n")
    yield text("GET /medium HTTP/1.1\nHost: a\nRange: bytes=100-1999\n\n" * 3, 0, b"\2\2\3")
    yield text("HEAD /one HTTP/1.1\nHost: a\n\nGET /empty HTTP/1.1\nHost: a\n\n", 1)
    yield text("\n\nGET /odd.txt HTTP/1.0\nConnection: keep-alive\n\nGET /dir HTTP/1.0\n\n", 3)
    yield text("GET http://a/dir/a%20b.txt?q HTTP/1.1\nHost: a\nConnection: close\n\nGET / HTTP/1.1\n\n")
    yield text("GET /../x HTTP/1.1\nHost: a\n\nGET /%2e%2e/%00 HTTP/1.1\nHost: a\n\n")
    yield text("GET /dir//./deep/../a%20b.txt HTTP/1.1\nHost: a\n\nGET /dir/deep?a=b HTTP/1.1\nHost: a\n\n")
    yield text("POST / HTTP/1.1\nHost: a\nContent-Length: 3\n\nabcGET / HTTP/1.1\nHost: a\n\n")
    yield text("PUT / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nExpect: 100-continue\n\n0\n\n")
    yield text("GET /medium HTTP/1.1\nHost: a\nIf-None-Match: \"x\", *\nIf-Modified-Since: "
               "Sun, 06 Nov 1994 08:49:37 GMT\n\n")
    yield text("GET /medium HTTP/1.1\nHost: a\nIf-Range: Sunday, 06-Nov-94 08:49:37 GMT\nRange: "
               "bytes=-5\nIf-Unmodified-Since: Sun Nov  6 08:49:37 1994\n\n")
    yield text("GET /medium HTTP/1.1\nHost: a\nRange: bytes=9999-\nIf-Match: *\n\n")
    yield text("GET /" + "a" * 60 + " HTTP/1.1\nHost: a\n\n", 2)
    yield text("GET / HTTP/1.1\n" + "a: b\n" * 9 + "\n", 1)
    yield text("GET / HTTP/1.1\nHost: a\nHost: b\n\n")
    yield text("GET / HTTP/2.0\nHost: a\n\n")
    yield text("OPTIONS * HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\n folded: x\n\n")
    yield bytes(4) + b"GET / HTTP/1.1\nHost: a\n\n"


# ---- fuzz_config ----

def configuration():
    yield b""
    yield b"server:\n  device: tap:hw1\n  address: 10.72.0.2/24\n  gateway: 10.72.0.1\n  port: 8080\n"
    yield b"server:\n  mtu: 9000\n  cores: 1,3-5\n  drain_seconds: 3\n  log_level: debug\n"
    yield b"server:\n  media_types: \"/etc/m\\x41\"\n  cores: auto\n"
    yield b"pool:\n  size: 512MiB\n  allow_small_pages: true\n"
    yield b"limits:\n  connections: 100\n  requests: 7\n  responses: 9\n  pipeline: 2\n"
    yield b"timeouts:\n  header: 500ms\n  idle: 1min\n  write: 3s\nidle:\n  wait: sleep\n  spin: 5us\n"
    yield b"server: {port: &p 80, mtu: *p}\n---\nserver: 1\n"
    yield b"a: 1\nserver:\n  port: x\n  port: [1]\n  device:\n    a: b\n? [c]\n: d\n"
    yield b"%YAML 1.1\n--- !!map\nserver: !!map\n  port: !!str \"80\"\n  device: |\n   tap:x\n"
    yield b"\xef\xbb\xbfserver:\r\n  gateway: none\r\n"
    yield "server:\n  port: 81\n".encode("utf-16")
    yield (b"ports:\n  - device: tap:a\n    address: [10.0.0.2/24, fd00::2/64]\n    gateway: 10.0.0.1\n"
           b"    slaac: yes\n  - {device: 'vdev:net_null0,a=\"', address: 10.0.1.2/24, vlan: 7, mtu: 1280}\n")
    with open(os.path.join(HERE, "..", "..", "docs", "example.yaml"), "rb") as file:
        yield file.read()


TARGETS = {
    "fuzz_arp_ip": arp_ip,
    "fuzz_config": configuration,
    "fuzz_frames": frames,
    "fuzz_http": http,
    "fuzz_tcp_options": tcp_options,
}


def main():
    for target, inputs in TARGETS.items():
        folder = os.path.join(HERE, "corpus", target)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for number, text in enumerate(inputs()):
            with open(os.path.join(folder, f"seed-{number:02}"), "wb") as file:
                file.write(text)


if __name__ == "__main__":
    main()
