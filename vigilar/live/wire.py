"""The bytes between a camera process and the web process. Symmetrical, no I/O.

A message is its payload's length (u32), its type (u8) and the payload; integers are big-endian.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any

from vigilar.media.packets import Fragment

HEAD = struct.Struct(">IB")
MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
MAX_REQUEST_BYTES = 1024
WANTS = frozenset({"live", "fragments", "mjpeg", "still", "tile"})
"""``live`` is for one who watches now: the newest group of pictures, then one frame after the other, with sound if
asked for; who is too slow for it is told and goes on at the next keyframe. ``fragments``: all kept groups, then the
same, without sound and without hurry. A ``tile`` is a small still for a contact sheet (``media.tile``): the newest
keyframe, ``max_width`` pixels wide."""

STREAMS = frozenset({"main", "sub", "narrow"})
"""``sub`` is the small stream of a camera that has one, else the main one. ``narrow`` is for slow links and for who
cannot play the others: the small stream if it is H.264, else one that is encoded while somebody watches it. Of a camera
with private areas all are encoded, with those black: ``main`` as ``covered``, the others narrow."""

_FRAGMENT = struct.Struct(">BQIQ")
_STAMP = struct.Struct(">Q")
_COUNT = struct.Struct(">I")


class MessageType(IntEnum):
    HEADER = 1
    INIT = 2
    FRAGMENT = 3
    JPEG = 4
    ERROR = 5
    SKIPPED = 6


@dataclass(frozen=True, slots=True)
class Request:
    """What a viewer asks for: ``want`` is one of WANTS, ``stream`` one of STREAMS."""

    want: str
    stream: str = "sub"
    max_width: int = 1280
    max_fps: int = 15
    sound: bool = False

    def dump(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Request:
        """Raises ValueError for anything else than a request."""
        raw = json.loads(line)
        request = cls(
            str(raw["want"]),
            str(raw.get("stream", "sub")),
            int(raw.get("max_width", 1280)),
            int(raw.get("max_fps", 15)),
            bool(raw.get("sound", False)),
        )
        sane = request.want in WANTS and request.stream in STREAMS
        if not (sane and 16 <= request.max_width <= 4096 and 1 <= request.max_fps <= 60):
            raise ValueError("not a request")
        return request


@dataclass(frozen=True, slots=True)
class RunHeader:
    """What a new run looks like: ``codec`` as MIME types say it, size in pixels, ``scale`` ticks of ``base_dts`` a
    second. ``stream`` is what is sent, which may be another than was asked for."""

    codec: str
    width: int
    height: int
    run: int
    stream: str = "main"
    scale: float = 90_000.0


@dataclass(frozen=True, slots=True)
class InitSegment:
    data: bytes


@dataclass(frozen=True, slots=True)
class Skipped:
    """The viewer was too slow: so many packets, all up to the keyframe that follows, were left out."""

    packets: int


@dataclass(frozen=True, slots=True)
class LiveFragment:
    """One picture, or one piece of sound, as moof+mdat; ``base_dts`` in ticks of the run, ``utc_ns`` of when it was."""

    starts_with_keyframe: bool
    base_dts: int
    duration_ms: int
    utc_ns: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Jpeg:
    utc_ns: int
    data: bytes


@dataclass(frozen=True, slots=True)
class FeedProblem:
    """Why there is no picture: one sentence and perhaps a code."""

    error: str
    code: str = ""


Answer = RunHeader | InitSegment | LiveFragment | Jpeg | FeedProblem | Skipped


def _message(kind: MessageType, payload: bytes) -> bytes:
    return HEAD.pack(len(payload), kind) + payload


def dump_header(header: RunHeader) -> bytes:
    return _message(MessageType.HEADER, json.dumps(asdict(header)).encode())


def dump_init(data: bytes) -> bytes:
    return _message(MessageType.INIT, data)


def dump_fragment(fragment: Fragment) -> bytes:
    head = _FRAGMENT.pack(
        fragment.starts_with_keyframe, fragment.base_dts, fragment.duration_ms, max(0, fragment.utc_ns)
    )
    return _message(MessageType.FRAGMENT, head + fragment.data)


def dump_jpeg(utc_ns: int, data: bytes) -> bytes:
    return _message(MessageType.JPEG, _STAMP.pack(max(0, utc_ns)) + data)


def dump_skipped(skipped: Skipped) -> bytes:
    return _message(MessageType.SKIPPED, _COUNT.pack(min(skipped.packets, 2**32 - 1)))


def dump_problem(problem: FeedProblem) -> bytes:
    return _message(MessageType.ERROR, json.dumps(asdict(problem)).encode())


def parse_answer(kind: int, payload: bytes) -> Answer:
    """Raises ValueError for a message that is none."""
    if kind == MessageType.FRAGMENT:
        flags, base_dts, duration_ms, utc_ns = _FRAGMENT.unpack_from(payload)
        return LiveFragment(bool(flags & 1), base_dts, duration_ms, utc_ns, payload[_FRAGMENT.size :])
    if kind == MessageType.JPEG:
        return Jpeg(_STAMP.unpack_from(payload)[0], payload[_STAMP.size :])
    if kind == MessageType.INIT:
        return InitSegment(payload)
    if kind == MessageType.SKIPPED:
        return Skipped(_COUNT.unpack_from(payload)[0])
    raw: dict[str, Any] = json.loads(payload)
    if kind == MessageType.HEADER:
        return RunHeader(
            codec=str(raw["codec"]),
            width=int(raw["width"]),
            height=int(raw["height"]),
            run=int(raw["run"]),
            stream=str(raw["stream"]),
            scale=float(raw["scale"]),
        )
    if kind == MessageType.ERROR:
        return FeedProblem(str(raw["error"]), str(raw.get("code", "")))
    raise ValueError(f"unknown message type {kind}")
