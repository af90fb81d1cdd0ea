"""RTSP requests and responses as text (RFC 2326), all sizes bounded. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 64 * 1024
"""Head and body of a response. Session descriptions of cameras have 0.5 to 3 KB."""

MAX_SESSION_CHARS = 512
_BLANK_LINE = re.compile(rb"\n\r?\n")
_FOLDED = re.compile(r"\r?\n[ \t]+")
"""A header may go on in the next line, which then begins with a blank (RFC 2326 15.1, RFC 822 3.1.1)."""

_DIGITS = re.compile("[0-9]+")
"""Cameras write ``Content-Length: 460 bytes``, or -1 for nothing."""


USER_AGENT = "Vigilar"


class BadMessage(ValueError):
    """Text that is not the RTSP, SDP or challenge it should be."""


@dataclass(frozen=True, slots=True)
class Response:
    """``fields`` holds the values of each header by its lower-case name, in their order."""

    status: int
    fields: dict[str, list[str]] = field(default_factory=dict)
    body: bytes = b""

    def find(self, name: str) -> str | None:
        values = self.fields.get(name)
        return values[0] if values else None


def head_end(data: bytes | bytearray, begin: int, end: int) -> int:
    """Where the body would begin, or -1 while the blank line has not come. Some cameras end lines with LF alone."""
    blank = _BLANK_LINE.search(data, begin, end)
    return blank.end() if blank else -1


def parse_head(head: bytes) -> Response:
    """The response without its body. Raises BadMessage."""
    lines = _FOLDED.sub(" ", head.decode("latin-1")).replace("\r\n", "\n").split("\n")
    version, rest = [*lines[0].split(None, 1), "", ""][:2]
    code = rest[:3]
    if not version.upper().startswith("RTSP/") or len(code) != 3 or not (code.isascii() and code.isdigit()):
        raise BadMessage("that is no RTSP")
    fields: dict[str, list[str]] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), []).append(value.strip())
    return Response(int(code), fields)


def body_bytes(response: Response) -> int:
    """What Content-Length says; without a number 0, or MAX_BODY_BYTES for a description: its end is not known.

    Raises BadMessage when it is above MAX_BODY_BYTES.
    """
    is_description = 200 <= response.status < 300 and "sdp" in (response.find("content-type") or "").lower()
    told = _DIGITS.match(response.find("content-length") or "")
    if told is None:
        return MAX_BODY_BYTES if is_description else 0
    if len(told[0]) > 9 or int(told[0]) > MAX_BODY_BYTES:
        raise BadMessage("an answer has no believable length")
    return int(told[0])


def dump_request(method: str, url: str, cseq: int, fields: Iterable[tuple[str, str]]) -> bytes:
    lines = [f"{method} {url} RTSP/1.0", f"CSeq: {cseq}", f"User-Agent: {USER_AGENT}"]
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def parse_session(text: str) -> tuple[str, float | None]:
    """Name and timeout (seconds) of a Session header: ``12345678;timeout=60``, also ``11; Timeout = 30``.

    The name is empty when the header has none that could be sent back; the timeout None when it tells none that can be
    believed. Neither is an error: cameras leave the header out, or give it later.
    """
    name, *parameters = (part.strip() for part in text.split(";"))
    if len(name) > MAX_SESSION_CHARS or not name.isprintable() or not name.isascii():
        name = ""
    for parameter in parameters:
        key, _, value = (part.strip() for part in parameter.partition("="))
        if key.lower() == "timeout" and value.isascii() and value.isdigit() and 0 < int(value[:6]) < 86_400:
            return name, float(value)
    return name, None


@dataclass(frozen=True, slots=True)
class Transport:
    """What a camera's Transport header settles; None for what it leaves open. ``ssrc`` as it stands in packets."""

    channels: tuple[int, int] | None = None
    server_ports: tuple[int, int] | None = None
    ssrc: bytes | None = None
    source: str = ""
    """The address that packets come from, as the camera says."""
    is_udp: bool = field(default=False, compare=False)
    is_multicast: bool = field(default=False, compare=False)
    """What it settles is another way than the connection: packets of their own, to us or to whoever listens."""


def parse_transport(text: str) -> Transport:
    """Never fails: what makes no sense is left out. Only the first of several transports counts."""
    channels = ports = ssrc = None
    source = ""
    is_multicast = False
    for parameter in text.partition(",")[0].split(";"):
        key, _, value = (part.strip().lower() for part in parameter.partition("="))
        if key == "interleaved":
            channels = _pair(value, 0, 255)
        elif key == "server_port":
            ports = _pair(value, 1, 65_535)
        elif key == "ssrc":
            ssrc = _ssrc(value)
        elif key == "source":
            source = value.strip('"[]')
        elif key == "multicast":
            is_multicast = True
    is_other = channels is None and "/TCP" not in text.upper()
    return Transport(
        *(channels, ports, ssrc, source),
        is_udp=is_other and ports is not None and not is_multicast,
        is_multicast=is_other and is_multicast,
    )


def told_transport(answer: Response, source: str = "") -> Transport:
    """What an answer to SETUP settles. Some cameras write their source behind the session's name, or, which is
    ``source``, in the description alone."""
    told = parse_transport(answer.find("transport") or "")
    beside = parse_transport(answer.find("session") or "").source
    return replace(told, source=told.source or beside or source)


def _pair(text: str, lowest: int, highest: int) -> tuple[int, int] | None:
    """``4-5``, or ``4`` alone, whose partner is the next."""
    first, _, second = (_number(part) for part in text.partition("-"))
    if first is None or not lowest <= first < highest:
        return None
    return first, second if second is not None and lowest <= second <= highest else first + 1


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else None


def _ssrc(text: str) -> bytes | None:
    """Eight hexadecimal digits (RFC 2326 12.39); cameras leave leading zeros out, or write 0x or spaces before."""
    text = text.removeprefix("0x")
    if not text or len(text) > 8 or any(digit not in "0123456789abcdef" for digit in text):
        return None
    return bytes.fromhex(text.rjust(8, "0"))


def parse_rtp_times(text: str) -> list[tuple[str, int]]:
    """URL and rtptime of each stream in an RTP-Info header, in its order; those without a time are left out."""
    times = []
    for stream in text.split(","):
        url, time = "", None
        for parameter in stream.split(";"):
            key, _, value = parameter.strip().partition("=")
            if key.lower() == "url":
                url = value.strip().strip('"')
            elif key.lower() == "rtptime" and value.isascii() and value.isdigit() and len(value) <= 10:
                time = int(value) & 0xFFFFFFFF
        if time is not None:
            times.append((url, time))
    return times[:16]
