#!/usr/bin/env python3
"""A VLAN port made of a TAP device, for kernels built without 8021q.

    vlan-port.py PARENT NAME TAG [TAG]

Makes the TAP device NAME and joins it to the Ethernet device PARENT. A frame
that the network stack sends out of NAME gets the tags (outermost first) and
goes out of PARENT; a frame that arrives on PARENT with exactly these VLAN ids
goes into NAME without them. TAG is TPID:VID:PCP, for example 8100:100:3.
NAME takes the MAC address of PARENT, as a kernel VLAN device does. Runs until
it is killed; NAME goes away with it.
"""
import fcntl
import select
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
SIOCGIFHWADDR = 0x8927
SIOCSIFHWADDR = 0x8924
ETH_P_ALL = 0x0003
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_OUTGOING = 4
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6
AUXDATA = struct.Struct("=IIIHHHH")  # struct tpacket_auxdata


def parse_tag(text):
    tpid, vid, pcp = text.split(":")
    return int(tpid, 16), int(vid), int(pcp)


def read_tags(frame, ancillary):
    """The (TPID, VID) pairs of a received frame, and the frame without them.

    The kernel takes the outermost tag out of a received frame and hands it
    over beside the data; the ones further in are still in the frame.
    """
    tags = []
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = AUXDATA.unpack_from(data)
            if status & TP_STATUS_VLAN_VALID:
                if not status & TP_STATUS_VLAN_TPID_VALID:
                    tpid = 0x8100
                tags.append((tpid, tci & 0xFFF))
    at = 12
    while len(frame) >= at + 4:
        tpid, tci = struct.unpack_from("!HH", frame, at)
        if tpid not in (0x8100, 0x88A8):
            break
        tags.append((tpid, tci & 0xFFF))
        at += 4
    return tags, frame[:12] + frame[at:]


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    parent, name = sys.argv[1], sys.argv[2]
    tags = [parse_tag(text) for text in sys.argv[3:]]
    ids = [(tpid, vid) for tpid, vid, _ in tags]
    header = b"".join(struct.pack("!HH", t, p << 13 | v) for t, v, p in tags)

    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    wire.bind((parent, ETH_P_ALL))

    tap = open("/dev/net/tun", "r+b", buffering=0)
    request = struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI)
    fcntl.ioctl(tap, TUNSETIFF, request)
    request = struct.pack("16s24x", parent.encode())
    address = fcntl.ioctl(wire, SIOCGIFHWADDR, request)[16:32]
    request = struct.pack("16s16s8x", name.encode(), address)
    fcntl.ioctl(wire, SIOCSIFHWADDR, request)

    while True:
        for ready in select.select([tap, wire], [], [])[0]:
            if ready is tap:
                frame = tap.read(65535)
                wire.send(frame[:12] + header + frame[12:])
                continue
            frame, ancillary, _, source = wire.recvmsg(65535, 256)
            if source[2] == PACKET_OUTGOING:
                continue
            found, inner = read_tags(frame, ancillary)
            if found == ids:
                try:
                    tap.write(inner)
                except OSError:  # NAME is not up yet
                    pass


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
