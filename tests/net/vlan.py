#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A VLAN sub-interface for kernels that have none: vlan.py INTERFACE ID TAP

Makes the TAP device and passes frames between it and INTERFACE: on the one side without, on the other
with the 802.1Q tag ID. Frames that bear another tag, or none, are not passed. Super-segments pass whole,
with what their virtio-net header says of sums and segments. Ends with SIGTERM."""

import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x400454CA, 0x0002, 0x1000, 0x4000
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_AUXDATA, PACKET_VNET_HDR = 263, 1, 8, 15
PACKET_MR_PROMISC, PACKET_OUTGOING, TP_STATUS_VLAN_VALID = 1, 4, 1 << 4
ETH_P_ALL, VLAN_TYPE, VNET_HDR_BYTES, FRAME_BYTES = 3, b"\x81\x00", 10, 10 + 14 + 65535


def open_tap(name):
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", name.encode(),
                                             IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    return tap


def open_interface(name):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    wire.bind((name, ETH_P_ALL))
    wire.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                    struct.pack("IHH8s", socket.if_nametoindex(name), PACKET_MR_PROMISC, 0, b""))
    wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    wire.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    return wire


def tag_of(ancillary):
    """The tag that the kernel took off."""
    for level, kind, data in ancillary:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", data[:20])
            if status & TP_STATUS_VLAN_VALID:
                return tci & 0xFFF
    return None


def main():
    interface, vlan, tap = sys.argv[1], int(sys.argv[2]), open_tap(sys.argv[3])
    wire = open_interface(interface)
    print("ready", flush=True)
    while True:
        for ready in select.select([wire, tap], [], [])[0]:
            if ready == tap:
                # No offloads are set on this TAP: its frames are finished, and their header is 0.
                frame = os.read(tap, FRAME_BYTES)[VNET_HDR_BYTES:]
                wire.send(bytes(VNET_HDR_BYTES) + frame[:12] + VLAN_TYPE + struct.pack("!H", vlan) +
                          frame[12:])
                continue
            frame, ancillary, _, address = wire.recvmsg(FRAME_BYTES, socket.CMSG_SPACE(64))
            if address[2] != PACKET_OUTGOING and tag_of(ancillary) == vlan:
                try:
                    os.write(tap, frame)
                except OSError:
                    pass  # the TAP is down, and the frame lost


main()
