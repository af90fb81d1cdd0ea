"""What a browser that watches live is told beside the pictures: JSON texts with ``type``."""

from __future__ import annotations

import json
from typing import Any

from vigilar.live.wire import RunHeader


def start_text(header: RunHeader, now_ms: int) -> str:
    """Before the init segment of a run: what is sent, and the box's clock."""
    return _text(
        "start", codec=header.codec, width=header.width, height=header.height, run=header.run,
        stream=header.stream, now=now_ms,
    )  # fmt: skip


def time_text(at_s: float, utc_ms: int, now_ms: int) -> str:
    """Which moment of the video is which of the clock: the page's delay in numbers comes from that."""
    return _text("time", at=round(at_s, 6), utc=utc_ms, now=now_ms)


def skipped_text(packets: int) -> str:
    """The browser was too slow: so many packets were left out, all up to the keyframe that follows."""
    return _text("skipped", packets=packets)


def problem_text(sentence: str, code: str = "") -> str:
    return _text("problem", error=sentence, code=code)


def _text(kind: str, **facts: Any) -> str:
    return json.dumps({"type": kind, **facts}, separators=(",", ":"))
