"""Finds the streams of a camera of which only the address is known: one connection at a time, no faster than a person
could click, and never a second wrong login, as cameras lock after a few."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from vigilar.base.errors import CameraError, ErrorKind
from vigilar.capture.address_gate import AddressGate, Resolve
from vigilar.capture.makes import paths_for
from vigilar.capture.rtsp import sentences
from vigilar.capture.rtsp.address import Address
from vigilar.capture.rtsp.client import Refused, RtspClient
from vigilar.capture.rtsp.intake import Intake, LoginMemory, StreamMemory
from vigilar.capture.rtsp.sdp import Description
from vigilar.capture.rtsp.wire import connect

PORTS = ((554, False), (8554, False), (322, True), (7441, True))
"""Where cameras and restreamers answer, and whether under TLS; the ports of the makers' manuals."""

OTHER_PORTS = (80, 443, 8080, 8000)
"""Of a camera's own page: something is there, though no video."""

FIRST_CONNECT_S = 4.0
NEXT_CONNECT_S = 1.0
"""Who did not answer at the first port in time will not do so at the next: only a refusal costs nothing."""

FIND_S = 45.0
PAUSE_S = 0.15
"""Between two questions: small cameras answer one after the other, and some take a quick row of them for an attack."""


@dataclass(frozen=True, slots=True)
class Login:
    """As a person typed it; nothing in it is encoded. ``user`` empty: there is none."""

    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class FoundStreams:
    """``main`` and ``small`` are addresses without a login; ``small`` and ``make`` are empty when there is none."""

    main: str
    small: str = ""
    make: str = ""


class StreamFinder:
    """For one host. One thread; ``tell`` hears what is being tried, for a person."""

    def __init__(
        self,
        host: str,
        login: Login,
        gate: AddressGate,
        notes_dir: Path | None,
        tell: Callable[[str], None],
        memory: LoginMemory,
    ) -> None:
        self._host, self._login, self._tell = host, login, tell
        self._resolve: Resolve = gate.opening()
        self._intake = Intake(pins_dir=notes_dir, may_pin=False, gate=gate)
        self._memory = memory
        self._banner = ""
        self._port, self._is_tls = 0, False

    def reach(self, port: int | None, *, is_tls: bool = False) -> tuple[int, bool]:
        """The port at which something answers, and whether it is one for TLS. Raises CameraError."""
        ports = PORTS if port is None else ((port, is_tls),)
        try:
            self._resolve(self._host, ports[0][0])  # a name that means nothing says so, and is not asked port by port
        except sentences.UnknownName as error:
            raise sentences.unknown_name(self._host) from error
        wait_s = FIRST_CONNECT_S
        for number, (one, tls) in enumerate(ports):
            began_s = time.monotonic()
            if self._answers(one, wait_s):
                self._port, self._is_tls = one, tls
                return one, tls
            if time.monotonic() - began_s >= wait_s and number == 0:
                wait_s = NEXT_CONNECT_S
        if port is None and any(self._answers(one, NEXT_CONNECT_S) for one in OTHER_PORTS):
            raise sentences.not_rtsp()
        raise sentences.nobody_at(self._host, port)

    def find(self) -> FoundStreams:
        """After ``reach``: the streams of the first path at which there is a picture. Raises CameraError, of a refused
        login at once."""
        deadline_s = time.monotonic() + FIND_S
        self._tell("Asking the camera who it is")
        paths = self._meet()
        number = 0
        for number, (make, main, small) in enumerate(paths, 1):
            self._tell(f"Trying the usual addresses, {number} of {len(paths)}{f': {make}' if make else ''}")
            found = self._describe(main, self._login)
            if found is not None:
                return self._with_small(make, main, small, found)
            if self._memory.refused > 1 or time.monotonic() > deadline_s:
                break  # a camera that takes the second way of a login refuses the first one each time
            time.sleep(PAUSE_S)
        raise CameraError(
            f"The camera answers, but has no stream at any of the {number} usual addresses that were tried.",
            next_step="Look up its video address in its manual or its own app; it begins with rtsp://.",
            code="V-CAM-05",
        )

    def _meet(self) -> list[tuple[str, str, str]]:
        """The paths to try. Asks without a login, which is no try of the password, to hear what it calls itself.

        Raises CameraError, also when it wants a login and there is none.
        """
        try:
            self._describe(paths_for("")[0][1], Login())
        except Refused as error:
            if error.kind is not ErrorKind.DENIED or not self._login.user:
                raise
        return paths_for(self._banner)

    def _answers(self, port: int, wait_s: float) -> bool:
        try:
            connect(self._host, port, time.monotonic() + wait_s, lambda: False, self._resolve).close()
        except CameraError as error:
            if error.code != sentences.UNREACHABLE:
                raise
            return False
        return True

    def _with_small(self, make: str, main: str, small: str, found: Description) -> FoundStreams:
        """A camera that gives its one stream at any path has no small one: it describes both alike."""
        address = self._address_of(main)
        if not small:
            return FoundStreams(address, make=make)
        time.sleep(PAUSE_S)
        try:
            other = self._describe(small, self._login)
        except CameraError:
            other = None
        if other is None or _pictures(other) == _pictures(found):
            return FoundStreams(address, make=make)
        return FoundStreams(address, self._address_of(small), make)

    def _describe(self, path: str, login: Login) -> Description | None:
        """What the camera has there; None when it knows no such path. Raises CameraError: for a refused login, and
        when it does not answer."""
        client = RtspClient(self._to_ask(path, login), lambda _s: False, self._new_intake(), self._resolve)
        try:
            found = client.describe()
            return found if any(media.kind == "video" for media in found.media) else None
        except Refused as error:
            if error.kind is ErrorKind.DENIED or 300 <= error.status < 400:
                raise
            return None
        finally:
            self._banner = self._banner or client.banner
            client.close()

    def _new_intake(self) -> Intake:
        return replace(self._intake, memory=StreamMemory(login=self._memory))

    def _to_ask(self, path: str, login: Login) -> Address:
        filled = path.replace("{user}", quote(login.user)).replace("{password}", quote(login.password))
        return Address(self._host, self._port, self._address_of(filled), login.user, login.password, self._is_tls)

    def _address_of(self, path: str) -> str:
        scheme, usual = ("rtsps", 322) if self._is_tls else ("rtsp", 554)
        host = f"[{self._host}]" if ":" in self._host else self._host
        port = "" if self._port == usual else f":{self._port}"
        return f"{scheme}://{host}{port}/{path}"


def _pictures(description: Description) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """What tells the pictures of two descriptions apart."""
    return [(one.encoding, tuple(sorted(one.fmtp.items()))) for one in description.media if one.kind == "video"]
