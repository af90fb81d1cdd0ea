"""Where a camera may be: in the house. What a name means is asked once for each opening, and what the gate let through
is where all of its connections go.

A camera's address is a way to make this box knock at doors that others cannot reach: its own services, the pages of a
cloud that hand out keys, a neighbour's machine behind a name that changed meanwhile (DNS rebinding). Sources: RFC 1918,
RFC 4193, RFC 3927, RFC 4291; the addresses of cloud metadata services are those their owners document.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vigilar.capture.rtsp import sentences

MAX_ADDRESSES = 4
"""Of one name; each is tried, and all tries share the time of one opening."""

OTHER_SERVICES = frozenset({22, 23, 25, 53, 110, 139, 143, 445, 1883, 3306, 3493, 5432, 6379, 8883, 11211})
"""Ports of shells, mail, names, shares, brokers, UPS and databases: no camera sends its picture there, and a few of
them act upon the first line they are sent."""

_HOUSE = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)

_METADATA = frozenset(
    ipaddress.ip_address(address)
    for address in (
        "169.254.169.254",  # AWS, Azure, Google, OpenStack
        "169.254.170.2",  # AWS ECS
        "fd00:ec2::254",
        "fd20:ce::254",  # Google over IPv6
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's platform
        "192.0.0.192",  # Oracle
    )
)
"""Whoever asks there gets keys to the machine; never opened, whatever the owner allows."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Place:
    """One address of a host, as ``socket`` takes it."""

    family: int
    sockaddr: tuple[Any, ...]


Resolve = Callable[[str, int], list[Place]]
"""(host, port) -> where the connection may go, in the order to try. Raises CameraError."""


def look_up(host: str, port: int) -> list[Place]:
    """By the system's resolver, which sees no stop; an address of digits costs nothing. Raises CameraError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise sentences.unreachable("its name is not known") from error
    return [Place(family, sockaddr) for family, _, _, _, sockaddr in found[:MAX_ADDRESSES]]


@dataclass(frozen=True, slots=True)
class AddressGate:
    """The rule of one camera. ``may_be_public``: the owner allows an address outside of the house. ``own_ports``: of
    this box's pages and broker, which are no camera's on any of its addresses."""

    may_be_public: bool = False
    own_ports: frozenset[int] = frozenset()
    look_up: Resolve = field(default=look_up, repr=False)

    def resolve(self, host: str, port: int) -> list[Place]:
        """What ``host`` means now. One address that is refused refuses the name: who answers half with the house and
        half with something else has nothing good in mind. Raises CameraError."""
        if port in OTHER_SERVICES:
            raise sentences.other_service(port)
        places = self.look_up(host, port)
        for place in places:
            self._check(place, port)
        return places

    def opening(self) -> Resolve:
        """``resolve`` for one opening of a stream: the same name means the same all along."""
        known: dict[tuple[str, int], list[Place]] = {}

        def resolve(host: str, port: int) -> list[Place]:
            if (host, port) not in known:
                known[host, port] = self.resolve(host, port)
            return known[host, port]

        return resolve

    def _check(self, place: Place, port: int) -> None:
        address = plain_address(place.sockaddr[0])
        if address in _METADATA or address.is_unspecified or address.is_multicast or _is_broadcast(address):
            raise sentences.no_place_for_a_camera()
        if port in self.own_ports and is_own_address(place):
            raise sentences.points_at_us()
        if not self.may_be_public and not is_in_the_house(address):
            raise sentences.outside_of_the_house()


STRICT = AddressGate()
"""For an opening of which nothing is known: the house only."""


def plain_address(text: str) -> IpAddress:
    """The address meant: an IPv4 address in the clothes of IPv6 (mapped, NAT64) is one of IPv4."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_in_the_house(address: IpAddress) -> bool:
    """Private, of this link, or this box itself, which may restream a camera or play one."""
    return any(address.version == network.version and address in network for network in _HOUSE)


def is_own_address(place: Place) -> bool:
    """Whether it is one of this box: only such ones can be bound."""
    with socket.socket(place.family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((place.sockaddr[0], 0, *place.sockaddr[2:]))
        except OSError:
            return False
    return True


def _is_broadcast(address: IpAddress) -> bool:
    return address.version == 4 and int(address) >= 0xF0000000  # 240.0.0.0/4 is reserved, its end the broadcast
