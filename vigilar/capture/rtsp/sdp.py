"""Session descriptions (RFC 4566) as cameras send them for RTSP (RFC 2326 appendix C). Pure, all sizes bounded."""

from __future__ import annotations

import base64
import binascii
import contextlib
from dataclasses import dataclass, field
from fractions import Fraction
from urllib.parse import urlsplit

from vigilar.capture.rtsp.messages import MAX_BODY_BYTES, BadMessage

MAX_MEDIA = 16
MAX_CONTROL = 1024
MAX_CLOCK = 1_000_000
"""Characters of a control attribute; ticks a second. A camera has three streams and clocks up to 90 kHz."""

STATIC_PAYLOADS = {
    0: ("PCMU", 8000, 1),
    8: ("PCMA", 8000, 1),
    9: ("G722", 8000, 1),
    10: ("L16", 44100, 2),
    11: ("L16", 44100, 1),
    14: ("MPA", 90_000, 1),
    26: ("JPEG", 90_000, 0),
}
"""Payload types that need no rtpmap (RFC 3551): encoding, clock, channels."""


@dataclass(slots=True)
class Media:
    """One stream. ``encoding`` is upper-case; ``clock`` ticks a second, 0 if unknown; ``rate`` pictures a second."""

    kind: str
    payload_type: int
    encoding: str = ""
    clock: int = 0
    channels: int = 1
    control: str = ""
    fmtp: dict[str, str] = field(default_factory=dict)
    rate: Fraction | None = None
    is_sent: bool = True


@dataclass(frozen=True, slots=True)
class Description:
    """``control`` is that of the whole session, empty if it has none."""

    control: str
    media: tuple[Media, ...]


def parse_sdp(body: bytes) -> Description:
    """Raises BadMessage for what is no session description; attributes that make no sense are left out."""
    if len(body) > MAX_BODY_BYTES:
        raise BadMessage("the session description is too long")
    control = ""
    media: list[Media] = []
    lines = body.decode("utf-8", "replace").replace("\r", "\n").split("\n")
    if not any(line.startswith("v=0") for line in lines[:3]):
        raise BadMessage("that is no session description")
    for line in lines:
        key, equals, value = line.partition("=")
        if not equals:
            continue
        if key == "m":
            if len(media) == MAX_MEDIA:
                break
            media.append(_media(value))
        elif key == "a" and media:
            _attribute(media[-1], value)
        elif key == "a" and value.startswith("control:"):
            control = _control(value[len("control:") :])
    return Description(control, tuple(media))


def _media(value: str) -> Media:
    words = value.split()
    number = words[3] if len(words) > 3 else ""
    payload_type = int(number) if number.isascii() and number.isdigit() and len(number) <= 3 else -1
    if payload_type > 127:
        payload_type = -1
    encoding, clock, channels = STATIC_PAYLOADS.get(payload_type, ("", 0, 1))
    return Media(words[0].lower() if words else "", payload_type, encoding, clock, channels)


def _attribute(media: Media, value: str) -> None:
    name, _, text = value.partition(":")
    text = text.strip()
    if name == "control":
        media.control = _control(text)
    elif name == "rtpmap":
        _rtpmap(media, text)
    elif name == "fmtp":
        number, _, parameters = text.partition(" ")
        if number == str(media.payload_type):
            media.fmtp.update(_parameters(parameters))
    elif name in {"framerate", "x-framerate"}:
        media.rate = _rate(text)
    elif name in {"sendonly", "inactive"}:  # as the camera sees it: a way to its speaker is sendonly
        media.is_sent = name != "sendonly"


def _rtpmap(media: Media, text: str) -> None:
    number, _, what = text.partition(" ")
    encoding, _, rest = what.strip().partition("/")
    clock, _, channels = rest.partition("/")
    if number != str(media.payload_type) or not encoding:
        return
    media.encoding = "".join(c for c in encoding.upper()[:20] if c.isascii() and (c.isalnum() or c in "-._"))
    clock = clock.strip()
    known = clock.isascii() and clock.isdigit() and len(clock) <= 7
    media.clock = int(clock) if known and int(clock) <= MAX_CLOCK else 0
    media.channels = int(channels) if channels in {"1", "2", "3", "4", "5", "6", "7", "8"} else 1


def _parameters(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(";")[:64])
    return {key.strip().lower(): value.strip() for key, _, value in pairs if key.strip()}


def _rate(text: str) -> Fraction | None:
    with contextlib.suppress(ValueError, ZeroDivisionError):
        if len(text) <= 16 and "e" not in text.lower() and 1 <= (rate := Fraction(text)) <= 240:
            return rate.limit_denominator(1001)
    return None


def _control(text: str) -> str:
    text = text.strip()
    is_plain = len(text) <= MAX_CONTROL and all(" " < character < "\x7f" for character in text)
    return text if is_plain else ""


def control_url(base: str, control: str, authority: str) -> str:
    """The URL of a stream or of the whole session. An absolute one keeps our host and port (``authority``).

    A relative one is put behind the base as it stands, a query included: what cameras expect, though RFC 3986
    would have it otherwise.
    """
    if not control or control == "*":
        return base
    if control.lower().startswith(("rtsp://", "rtspu://", "rtsps://")):
        try:
            parts = urlsplit(control)
        except ValueError:
            return base
        return f"rtsp://{authority}{parts.path}" + (f"?{parts.query}" if parts.query else "")
    return base + control if base.endswith("/") else f"{base}/{control}"


def decode_sets(text: str) -> list[bytes]:
    """Parameter sets as a description has them: base64, separated by commas. Damaged ones are left out."""
    found = []
    for word in text.split(",")[:16]:
        with contextlib.suppress(binascii.Error, ValueError):
            nal = base64.b64decode(word.strip() + "=" * (-len(word.strip()) % 4), validate=True)
            if nal:
                found.append(nal)
    return found
