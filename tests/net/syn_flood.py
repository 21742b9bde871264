#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""SYNs from addresses of the server's own net that nobody has:
    syn_flood.py INTERFACE SERVER_IP SERVER_MAC COUNT RATE
Sends COUNT (at most 50000) at about RATE per second through a packet socket. To be run in a network
namespace of its own: it goes to the interface it is given and to no other."""

import random
import socket
import struct
import sys
import time

COUNT_MAX = 50000
BATCH = 50


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(rng, macs, server):
    """From a host of the server's net: neither it nor the client, which is the net's first."""
    source = server[:3] + bytes([rng.randrange(3, 255)])
    options = struct.pack("!BBH", 2, 4, 1460)
    tcp = struct.pack("!HHIIBBHHH", rng.randrange(1024, 65536), 80, rng.getrandbits(32), 0,
                      (20 + len(options)) // 4 << 4, 2, 64240, 0, 0) + options
    pseudo = source + server + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + source + server
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return macs + ip + tcp


def main():
    interface, server_ip, server_mac, count, rate = sys.argv[1:]
    count, rate = min(int(count), COUNT_MAX), float(rate)
    rng = random.Random(1)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((interface, 0))
    macs = bytes.fromhex(server_mac.replace(":", "")) + wire.getsockname()[4] + b"\x08\x00"
    server = socket.inet_aton(server_ip)
    begun, sent = time.monotonic(), 0
    while sent < count:
        for _ in range(min(BATCH, count - sent)):
            wire.send(syn(rng, macs, server))
            sent += 1
        ahead = sent / rate - (time.monotonic() - begun)
        if ahead > 0:
            time.sleep(ahead)
    print(f"{sent} SYNs in {time.monotonic() - begun:.1f} s")


main()
