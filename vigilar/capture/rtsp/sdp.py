"""Session descriptions (RFC 4566) as cameras send them for RTSP (RFC 2326 appendix C). Pure, all sizes bounded."""

from __future__ import annotations

import base64
import binascii
import contextlib
import ipaddress
import re
from dataclasses import dataclass, field
from fractions import Fraction

from vigilar.capture.rtsp.messages import MAX_BODY_BYTES, BadMessage

MAX_MEDIA = 16
MAX_CONTROL = 1024
MAX_CLOCK = 1_000_000
"""Characters of a control attribute; ticks a second. A camera has three streams and clocks up to 90 kHz."""

MAX_FORMATS = 64
MAX_SIDE = 16_384

_SCHEMES = re.compile(r"(?:\s*rtsp[su]?://)+", re.IGNORECASE)

PICTURES = frozenset({"H264", "H265", "HEVC", "JPEG"})
"""Encodings of pictures that can be recorded."""

_OTHER_NAMES = {
    "G711A": "PCMA",
    "ALAW": "PCMA",
    "G711U": "PCMU",
    "ULAW": "PCMU",
    "G726": "G726-32",
}
_TELEPHONE = ("PCMA", "PCMU", "G722", "G726", "AAL2-G726")
"""Whose clock is 8000 (RFC 3551 4.5)."""

STATIC_PAYLOADS = {
    0: ("PCMU", 8000, 1),
    3: ("GSM", 8000, 1),
    4: ("G723", 8000, 1),
    8: ("PCMA", 8000, 1),
    9: ("G722", 8000, 1),
    10: ("L16", 44100, 2),
    11: ("L16", 44100, 1),
    14: ("MPA", 90_000, 1),
    15: ("G728", 8000, 1),
    18: ("G729", 8000, 1),
    26: ("JPEG", 90_000, 0),
    31: ("H261", 90_000, 0),
    32: ("MPV", 90_000, 0),
    33: ("MP2T", 90_000, 0),
    34: ("H263", 90_000, 0),
}
"""Payload types that need no rtpmap (RFC 3551): encoding, clock, channels."""


@dataclass(slots=True)
class Media:
    """One stream. ``encoding`` is upper-case; ``clock`` ticks a second, 0 if unknown; ``rate`` pictures a second.

    ``is_send_only`` is what the description says, which is not what cameras mean: see ``microphones``. ``size`` is
    (width, height) as told beside the codec's own set-up, (0, 0) if it is not.
    """

    kind: str
    payload_type: int
    encoding: str = ""
    clock: int = 0
    channels: int = 1
    control: str = ""
    fmtp: dict[str, str] = field(default_factory=dict)
    rate: Fraction | None = None
    size: tuple[int, int] = (0, 0)
    is_send_only: bool = False
    others: tuple[int, ...] = ()
    """Payload types that stand behind the first."""


@dataclass(frozen=True, slots=True)
class Description:
    """``control`` is that of the whole session, empty if it has none. ``source`` is an address that packets may come
    from, as the description says it; empty if it says none."""

    control: str
    media: tuple[Media, ...]
    source: str = ""


@dataclass(frozen=True, slots=True)
class _Format:
    """An fmtp line: the payload type that it names, where it stands, what it says."""

    payload_type: str
    media: Media
    parameters: dict[str, str]


def parse_sdp(body: bytes) -> Description:
    """Raises BadMessage for what is no session description; attributes that make no sense are left out.

    A description is known by ``v=`` or by a stream: cameras get the first lines wrong, which nobody needs.
    """
    if len(body) > MAX_BODY_BYTES:
        raise BadMessage("the session description is too long")
    control = source = connection = ""
    media: list[Media] = []
    formats: list[_Format] = []
    rtpmaps: list[tuple[Media, str]] = []
    is_known = False
    for line in body.decode("utf-8", "replace").replace("\r", "\n").split("\n"):
        key, equals, value = line.strip(" \t\0\ufeff").partition("=")
        key, value = key.rstrip(), value.strip()
        if not equals:
            continue
        is_known = is_known or key in {"v", "m"}
        if key == "m":
            if len(media) == MAX_MEDIA:
                break
            media.append(_media(value))
        elif key == "c":
            connection = connection or _address(value)
        elif key == "a" and value.lower().startswith("source-filter:"):
            source = source or _address(value)
        elif key == "a" and media:
            _attribute(media[-1], value, formats, rtpmaps)
        elif key == "a" and value.lower().startswith("control:"):
            control = _control(value[len("control:") :])
    if not is_known:
        raise BadMessage("that is no session description")
    for stream, text in rtpmaps:
        is_other = stream.kind == "video" and stream.encoding not in PICTURES
        if not stream.encoding or (is_other and _encoding(text) in PICTURES):
            _rtpmap(stream, text, stream.others)  # the first type says nothing of itself, or is no picture
    _give_formats(media, formats)
    for stream in media:
        _guess_encoding(stream)
        _settle_sound(stream)
    return Description(control, tuple(media), source or connection)


def microphones(description: Description) -> list[Media]:
    """The streams of sound that the camera sends, in its order.

    ``sendonly`` tells nothing by itself: RFC 4566 counts from the camera's side, so that it marks the microphone, ONVIF
    from the client's, so that it marks the way to the speaker. Only beside sound without it is it the speaker.
    """
    sounds = [media for media in description.media if media.kind == "audio" and media.payload_type >= 0]
    return [media for media in sounds if not media.is_send_only] or sounds


def _media(value: str) -> Media:
    words = value.split()
    payload_type = _payload_type(words[3] if len(words) > 3 else "")
    others = tuple(one for one in map(_payload_type, words[4 : 4 + MAX_FORMATS]) if one >= 0)
    encoding, clock, channels = STATIC_PAYLOADS.get(payload_type, ("", 0, 1))
    if payload_type < 0:  # the line is cut short: whatever its rtpmap names
        others = tuple(range(128))
    return Media(words[0].lower() if words else "", payload_type, encoding, clock, channels, others=others)


def _address(text: str) -> str:
    """The last word that is the address of one machine (RFC 4570 3, RFC 4566 5.7), or nothing."""
    for word in reversed(text.split()):
        with contextlib.suppress(ValueError):
            address = ipaddress.ip_address(word.partition("/")[0].strip("[]"))
            if not address.is_multicast and not address.is_unspecified:
                return str(address)
    return ""


def _payload_type(number: str) -> int:
    """-1 for what is none."""
    value = int(number) if number.isascii() and number.isdigit() and len(number) <= 3 else -1
    return value if value <= 127 else -1


def _attribute(media: Media, value: str, formats: list[_Format], rtpmaps: list[tuple[Media, str]]) -> None:
    name, _, text = value.partition(":")
    name, text = name.strip().lower(), text.strip()
    if name == "control":
        media.control = _control(text)
    elif name == "rtpmap":
        _rtpmap(media, text, (media.payload_type,))
        if len(rtpmaps) < MAX_FORMATS:
            rtpmaps.append((media, text))
    elif name == "fmtp" and len(formats) < MAX_FORMATS:
        number, *parameters = text.split(None, 1)[:2] or [""]
        formats.append(_Format(number, media, _parameters("".join(parameters))))
    elif name in {"framerate", "x-framerate"}:
        media.rate = _rate(text)
    elif name in {"x-dimensions", "framesize", "cliprect"}:
        media.size = _size(name, text) or media.size
    elif name == "sendonly":
        media.is_send_only = True


def _give_formats(media: list[Media], formats: list[_Format]) -> None:
    """Each stream gets the parameters of its payload type: those in its own section, else those that stand in
    another's (the picture's under the sound), else those that name a payload type which no stream has."""
    known = {str(stream.payload_type) for stream in media}
    for stream in media:
        number = str(stream.payload_type)
        own = [one for one in formats if one.media is stream]
        named = [one for one in own if one.payload_type == number]
        elsewhere = [one for one in formats if one.payload_type == number and _is_lost(one)]
        for one in named or elsewhere or [one for one in own if one.payload_type not in known]:
            stream.fmtp.update(one.parameters)


def _is_lost(one: _Format) -> bool:
    return one.payload_type != str(one.media.payload_type)


def _guess_encoding(media: Media) -> None:
    """A picture without its rtpmap is known by its parameter sets."""
    if media.kind == "video" and not media.encoding:
        names = {"sprop-parameter-sets": "H264", "sprop-vps": "H265", "sprop-sps": "H265"}
        media.encoding = next((names[name] for name in names if name in media.fmtp), "")


def _settle_sound(media: Media) -> None:
    """Names that no standard has, and clocks that are not told."""
    media.encoding = _OTHER_NAMES.get(media.encoding, media.encoding)
    if media.kind == "audio" and not media.clock:
        media.clock = 48_000 if media.encoding == "OPUS" else 8000 if media.encoding.startswith(_TELEPHONE) else 0


def _rtpmap(media: Media, text: str, wanted: tuple[int, ...]) -> None:
    """Note what ``text`` says if it is of one of the ``wanted`` payload types, and that this is the stream's."""
    number, *what = text.split(None, 1)[:2] or [""]
    clock, _, channels = (part.strip() for part in "".join(what).partition("/")[2].partition("/"))
    payload_type, encoding = _payload_type(number), _encoding(text)
    if payload_type not in wanted or payload_type < 0 or not encoding:
        return
    media.payload_type, media.encoding = payload_type, encoding
    known = clock.isascii() and clock.isdigit() and len(clock) <= 7
    media.clock = int(clock) if known and int(clock) <= MAX_CLOCK else 0
    media.channels = int(channels) if channels in {"1", "2", "3", "4", "5", "6", "7", "8"} else 1


def _encoding(text: str) -> str:
    """The name that an rtpmap gives, as it stands in STATIC_PAYLOADS."""
    name = "".join(text.split(None, 1)[1:2]).partition("/")[0].strip().upper()[:20]
    return (
        "".join(c for c in name if c.isascii() and (c.isalnum() or c in "-._"))
        .replace("H.26", "H26")
        .replace("G.7", "G7")
    )


def _parameters(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(";")[:64])
    return {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs if key.strip()}


def _size(name: str, text: str) -> tuple[int, int] | None:
    """``x-dimensions:704,480``, ``framesize:96 704-480``, ``cliprect:0,0,480,704``."""
    numbers = [int(number) for number in re.findall(r"[0-9]{1,5}", text)[:4]]
    if name == "cliprect":
        found = (numbers[3], numbers[2]) if len(numbers) == 4 else None
    else:
        found = (numbers[-2], numbers[-1]) if len(numbers) == (3 if name == "framesize" else 2) else None
    return found if found and min(found) >= 16 and max(found) <= MAX_SIDE else None


def _rate(text: str) -> Fraction | None:
    with contextlib.suppress(ValueError, ZeroDivisionError):
        if len(text) <= 16 and "e" not in text.lower() and 1 <= (rate := Fraction(text)) <= 240:
            return rate.limit_denominator(1001)
    return None


def _control(text: str) -> str:
    text = text.strip()
    is_plain = len(text) <= MAX_CONTROL and all(" " < character < "\x7f" for character in text)
    return text if is_plain else ""


def control_urls(bases: list[str], control: str, root: str) -> list[str]:
    """The URLs that a control attribute may mean, the likeliest first; all on ``root``, our scheme, host and port.

    ``bases`` are what it may be relative to, the likeliest first. It is put behind the base as it stands, a query
    included, with one slash between unless it begins with ``/`` or ``?``: what cameras and the usual clients do, though
    RFC 3986 would have it otherwise. The other readings follow for a camera that knows no stream by the first.
    """
    if not control or control == "*":
        return _once(bases)
    if _SCHEMES.match(control):
        return [url_on(root, control) or bases[0]]
    found = []
    for base in bases:
        path, question, query = base.partition("?")
        name = path.removeprefix(root).rstrip("/")
        if name and control.startswith((f"{name}/", f"{name}?")):
            found.append(root + control)  # it is the whole path, not what comes behind it
        found.append(_behind(base, control))
        if question:
            found.append(f"{_behind(path, control)}?{query}")
    if control.startswith("/"):
        found.append(root + control)
    return _once(found)


def url_on(root: str, text: str) -> str:
    """``text``, a URL as cameras write them, on our host and port; empty when there is none in it.

    Only its path and query count. So it does not matter that the scheme is there twice or not at all, an IPv6 address
    has no brackets, the host is one of another network, or there is a login.
    """
    if any(not " " < character < "\x7f" for character in text) or len(text) > MAX_CONTROL:
        return ""
    rest = _SCHEMES.sub("", text)
    if not rest:
        return ""
    host, slash, path = rest.partition("/")
    _, question, query = host.partition("?")
    return f"{root}{question}{query}{slash}{path}"


def _behind(base: str, control: str) -> str:
    if control.startswith(("/", "?")):
        return (base.removesuffix("/") if control.startswith("/") else base) + control
    return base + control if base.endswith("/") else f"{base}/{control}"


def _once(urls: list[str]) -> list[str]:
    return list(dict.fromkeys(urls))


def decode_sets(text: str) -> list[bytes]:
    """Parameter sets as a description has them: base64, separated by commas. Damaged ones are left out.

    Some cameras leave the start codes on (Annex B), or put all sets behind these into one.
    """
    found: list[bytes] = []
    for word in text.split(",")[:16]:
        with contextlib.suppress(binascii.Error, ValueError):
            data = base64.b64decode(word.strip() + "=" * (-len(word.strip()) % 4), validate=True)
            nals = data.split(b"\0\0\1") if data.startswith((b"\0\0\1", b"\0\0\0\1")) else [data]
            # A unit ends with a stop bit, so zeros behind it are those of the next start code (H.264 7.4.1).
            found += [nal for one in nals if (nal := one.rstrip(b"\0"))]
    return found
