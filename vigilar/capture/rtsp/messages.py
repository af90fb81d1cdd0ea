"""RTSP requests and responses as text (RFC 2326), all sizes bounded. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 64 * 1024
"""Head and body of a response. Session descriptions of cameras have 0.5 to 3 KB."""

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
    at = data.find(b"\r\n\r\n", begin, end)
    if at >= 0:
        return at + 4
    at = data.find(b"\n\n", begin, end)
    return at + 2 if at >= 0 else -1


def parse_head(head: bytes) -> Response:
    """The response without its body. Raises BadMessage."""
    lines = head.decode("latin-1").replace("\r\n", "\n").split("\n")
    version, _, rest = lines[0].partition(" ")
    code = rest[:3]
    if not version.startswith("RTSP/") or len(code) != 3 or not (code.isascii() and code.isdigit()):
        raise BadMessage("that is no RTSP")
    fields: dict[str, list[str]] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), []).append(value.strip())
    return Response(int(code), fields)


def body_bytes(response: Response) -> int:
    """What Content-Length says, 0 without one. Raises BadMessage when it is no number or above MAX_BODY_BYTES."""
    text = response.find("content-length") or "0"
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > MAX_BODY_BYTES:
        raise BadMessage("an answer has no believable length")
    return int(text)


def dump_request(method: str, url: str, cseq: int, fields: Iterable[tuple[str, str]]) -> bytes:
    lines = [f"{method} {url} RTSP/1.0", f"CSeq: {cseq}", f"User-Agent: {USER_AGENT}"]
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def parse_session(text: str) -> tuple[str, float]:
    """Name and timeout (seconds) of a Session header: ``12345678;timeout=60``; 60 s when it says nothing believable."""
    name, *parameters = (part.strip() for part in text.split(";"))
    if not name or len(name) > 512 or not name.isprintable() or not name.isascii():
        raise BadMessage("the camera names no session")
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "timeout" and value.isascii() and value.isdigit() and 0 < int(value[:6]) < 86_400:
            return name, float(value)
    return name, 60.0


def parse_channels(transport: str, asked: int) -> tuple[int, int]:
    """The interleaved channels of RTP and RTCP that a Transport header gives, else those ``asked`` for."""
    for parameter in transport.split(";"):
        key, _, value = parameter.strip().partition("=")
        if key.lower() == "interleaved":
            first, _, second = value.partition("-")
            if first.isascii() and first.isdigit() and int(first[:4]) < 255:
                rtp = int(first[:4])
                is_plain = second.isascii() and second.isdigit() and int(second[:4]) < 256
                return rtp, int(second[:4]) if is_plain else rtp + 1
    return asked, asked + 1


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
