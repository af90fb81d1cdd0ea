"""Where a camera may be: in the house. What a name means is asked once for each opening, and what the gate let through
is where all of its connections go.

A camera's address is a way to make this box knock at doors that others cannot reach: its own services, the pages of a
cloud that hand out keys, a neighbour's machine behind a name that changed meanwhile (DNS rebinding).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vigilar.base.house_network import OTHER_SERVICES, is_in_the_house, is_no_device, plain_address
from vigilar.capture.rtsp import sentences

MAX_ADDRESSES = 4
"""Of one name; each is tried, and all tries share the time of one opening."""


@dataclass(frozen=True, slots=True)
class Place:
    """One address of a host, as ``socket`` takes it."""

    family: int
    sockaddr: tuple[Any, ...]

    def at(self, port: int) -> Place:
        """The same machine at another port."""
        return Place(self.family, (self.sockaddr[0], port, *self.sockaddr[2:]))


Resolve = Callable[[str, int], list[Place]]
"""(host, port) -> where the connection may go, in the order to try. Raises CameraError."""


def look_up(host: str, port: int) -> list[Place]:
    """By the system's resolver, which sees no stop; an address of digits costs nothing. Raises CameraError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise sentences.unknown_name() from error
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
        return self._let_through(self.look_up(host, port), port)

    def opening(self) -> Resolve:
        """``resolve`` for one opening of a stream: the same name means the same all along, whatever the port."""
        known: dict[str, list[Place]] = {}

        def resolve(host: str, port: int) -> list[Place]:
            if host not in known:
                known[host] = self.look_up(host, port)
            return self._let_through([place.at(port) for place in known[host]], port)

        return resolve

    def _let_through(self, places: list[Place], port: int) -> list[Place]:
        if port in OTHER_SERVICES:
            raise sentences.other_service(port)
        for place in places:
            self._check(place, port)
        return places

    def _check(self, place: Place, port: int) -> None:
        address = plain_address(place.sockaddr[0])
        if is_no_device(address):
            raise sentences.no_place_for_a_camera()
        if port in self.own_ports and is_own_address(place):
            raise sentences.points_at_us()
        if not self.may_be_public and not is_in_the_house(address):
            raise sentences.outside_of_the_house()


STRICT = AddressGate()
"""For an opening of which nothing is known: the house only."""


def is_own_address(place: Place) -> bool:
    """Whether it is one of this box: only such ones can be bound."""
    with socket.socket(place.family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((place.sockaddr[0], 0, *place.sockaddr[2:]))
        except OSError:
            return False
    return True
