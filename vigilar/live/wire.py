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
WANTS = frozenset({"fragments", "mjpeg", "still", "tile"})
"""A ``tile`` is a small still for a contact sheet (``media.tile``): the newest keyframe, ``max_width`` pixels wide."""

_FRAGMENT = struct.Struct(">BQIQ")
_STAMP = struct.Struct(">Q")


class MessageType(IntEnum):
    HEADER = 1
    INIT = 2
    FRAGMENT = 3
    JPEG = 4
    ERROR = 5


@dataclass(frozen=True, slots=True)
class Request:
    """What a viewer asks for: ``want`` is one of WANTS, ``stream`` is ``main`` or ``sub``."""

    want: str
    stream: str = "sub"
    max_width: int = 1280
    max_fps: int = 15

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
        )
        sane = request.want in WANTS and request.stream in {"main", "sub"}
        if not (sane and 16 <= request.max_width <= 4096 and 1 <= request.max_fps <= 60):
            raise ValueError("not a request")
        return request


@dataclass(frozen=True, slots=True)
class RunHeader:
    """What a new run looks like: ``codec`` as MIME types say it, size in pixels."""

    codec: str
    width: int
    height: int
    run: int


@dataclass(frozen=True, slots=True)
class InitSegment:
    data: bytes


@dataclass(frozen=True, slots=True)
class LiveFragment:
    """One picture as moof+mdat; ``base_dts`` in ticks of the run, ``utc_ns`` when it was taken."""

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


Answer = RunHeader | InitSegment | LiveFragment | Jpeg | FeedProblem


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
    raw: dict[str, Any] = json.loads(payload)
    if kind == MessageType.HEADER:
        return RunHeader(str(raw["codec"]), int(raw["width"]), int(raw["height"]), int(raw["run"]))
    if kind == MessageType.ERROR:
        return FeedProblem(str(raw["error"]), str(raw.get("code", "")))
    raise ValueError(f"unknown message type {kind}")
