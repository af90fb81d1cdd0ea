"""Which devices answer on the home network: the kernel's neighbour table (ARP and NDP), asked over netlink.

Nothing but the kernel is asked; to make it look, one datagram goes to each phone we know (``nudge``), to the discard
port, which a phone need not even answer: the kernel must find its hardware address first, and that is the answer.
Sources: rtnetlink(7), RTM_GETNEIGH; include/uapi/linux/neighbour.h.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_RTM_GETNEIGH, _RTM_NEWNEIGH = 30, 28
_NLM_F_REQUEST, _NLM_F_DUMP = 0x1, 0x300
_NLMSG_DONE, _NLMSG_ERROR = 3, 2
_NDA_DST, _NDA_LLADDR = 1, 2
_HEADER = struct.Struct("=IHHII")
_NEIGHBOUR = struct.Struct("=BBHiHBB")
_ATTRIBUTE = struct.Struct("=HH")
_MAC_BYTES = 6
_REACHABLE = 0x02
_DISCARD_PORT = 9
READ_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One row of the table. ``is_reachable``: it answered within the last half minute or so."""

    mac: str
    address: str
    is_reachable: bool


def read_neighbours() -> list[Neighbour]:
    """The table as it is now. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as asked:
        asked.settimeout(READ_WITHIN_S)
        asked.bind((0, 0))
        body = _NEIGHBOUR.pack(socket.AF_UNSPEC, 0, 0, 0, 0, 0, 0)
        flags = _NLM_F_REQUEST | _NLM_F_DUMP
        asked.send(_HEADER.pack(_HEADER.size + len(body), _RTM_GETNEIGH, flags, 1, 0) + body)
        found: list[Neighbour] = []
        is_done = False
        while not is_done:
            part, is_done = parse_dump(asked.recv(65536))
            found += part
    return found


def parse_dump(data: bytes) -> tuple[list[Neighbour], bool]:
    """The rows in one answer of the kernel, and whether it was the last. Raises OSError for an error in it."""
    found: list[Neighbour] = []
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, at)
        if kind == _NLMSG_DONE:
            return found, True
        if kind == _NLMSG_ERROR or length < _HEADER.size:
            raise OSError("the kernel does not tell its neighbours")
        if kind == _RTM_NEWNEIGH:
            neighbour = _parse_row(data[at + _HEADER.size : at + length])
            if neighbour is not None:
                found.append(neighbour)
        at += (length + 3) & ~3
    return found, False


def _parse_row(body: bytes) -> Neighbour | None:
    _family, _, _, _index, state, _flags, _kind = _NEIGHBOUR.unpack_from(body)
    at, mac, address = _NEIGHBOUR.size, b"", b""
    while at + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if length < _ATTRIBUTE.size:
            break
        value = body[at + _ATTRIBUTE.size : at + length]
        if kind == _NDA_DST:
            address = value
        elif kind == _NDA_LLADDR:
            mac = value
        at += (length + 3) & ~3
    if len(mac) != _MAC_BYTES or len(address) not in (4, 16) or not any(mac) or mac[0] & 1:
        return None  # not resolved, or a group
    return Neighbour(mac.hex(":"), str(ipaddress.ip_address(address)), bool(state & _REACHABLE))


def read_routers(table: Path = Path("/proc/net/route")) -> frozenset[str]:
    """The IPv4 addresses by which this machine reaches other networks (route(8), column Gateway). Empty when they
    cannot be read."""
    try:
        rows = [line.split() for line in table.read_text(encoding="ascii").splitlines()[1:]]
        numbers = [int(row[2], 16) for row in rows]
    except (OSError, ValueError, IndexError):
        return frozenset()
    return frozenset(socket.inet_ntoa(number.to_bytes(4, sys.byteorder)) for number in numbers if number)


def nudge(addresses: Iterable[str]) -> None:
    """Make the kernel look whether these answer. Never fails: who cannot be reached does not answer."""
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asked:
            asked.setblocking(False)
            asked.sendto(b"", (address, _DISCARD_PORT))
