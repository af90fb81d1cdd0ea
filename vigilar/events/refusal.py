"""What makes a message unfit to become an event, beyond its form: sizes, ranges, foreign topics."""

from __future__ import annotations

import json
from typing import Any

from vigilar.base.redact import redact
from vigilar.bus.messages import BadMessage, Message

MAX_ID_CHARACTERS = 64
"""Our ids are 32 hex digits; the outbox and the log should not carry novels."""

MAX_TS_MS = 253_402_300_799_999
"""The last millisecond of the year 9999: what dates can be printed for."""

MAX_DETAIL_BYTES = 16 * 1024
"""Details of a fact: far below a message's 64 KiB, so that the published event always fits."""


def check_message(message: Message, topic_camera: str, message_camera: str) -> None:
    """Raises BadMessage unless id and time are in range and the message is about the camera of its topic."""
    check_id("id", message.id)
    if not 0 <= message.ts <= MAX_TS_MS:
        raise BadMessage("ts is not a time in UTC milliseconds")
    if message_camera != topic_camera:
        raise BadMessage("message is about another camera than its topic")


def check_id(name: str, value: str) -> str:
    """``value`` when it can be an id; raises BadMessage otherwise. Half of a surrogate pair is not printable."""
    if not 1 <= len(value) <= MAX_ID_CHARACTERS or not value.isprintable():
        raise BadMessage(f"{name} is empty, too long or not printable")
    return value


def check_frac(name: str, value: float) -> float:
    """``value`` when it is a fraction 0..1; raises BadMessage otherwise, also for NaN, which JSON readers accept."""
    if not 0.0 <= value <= 1.0:
        raise BadMessage(f"{name} is not in 0..1")
    return value


MAX_NAMES, MAX_NAME_CHARACTERS = 48, 60
"""Zones and lines that a camera can have, and characters of a name."""


def check_names(name: str, values: list[Any]) -> tuple[str, ...]:
    """The names of zones, each once; raises BadMessage for what cannot be such names."""
    names = tuple(dict.fromkeys(value for value in values if isinstance(value, str)))
    if len(values) > 2 * MAX_NAMES or any(len(one) > MAX_NAME_CHARACTERS or not one.isprintable() for one in names):
        raise BadMessage(f"{name} are not names of zones")
    return names


def clean_detail(detail: dict[str, Any]) -> dict[str, Any]:
    """``detail`` with secrets taken out of its texts. Raises BadMessage when it is too long or not storable."""
    clean = {key: redact(value) if isinstance(value, str) else value for key, value in detail.items()}
    try:
        size = len(json.dumps(clean, allow_nan=False, ensure_ascii=False).encode("utf-8"))
    except (ValueError, RecursionError) as error:  # NaN; half of a surrogate pair; nested too deep
        raise BadMessage("detail cannot be stored as JSON") from error
    if size > MAX_DETAIL_BYTES:
        raise BadMessage(f"detail of {size} bytes is too long")
    return clean
