"""Messages: what goes out comes back, and what is not a message is refused by name."""

from __future__ import annotations

import json

import pytest

from vigilar.bus.messages import BadMessage, CameraHealth, EventPublished, MotionEnd, MotionStart
from vigilar.bus.topics import matches

START = MotionStart(id="m1", ts=1_770_000_000_000, camera_id="door", run=2, area_frac=0.25, still_id=7)


def test_message_comes_back_as_it_went() -> None:
    assert MotionStart.parse(START.dump()) == START


def test_dump_carries_version_time_and_id() -> None:
    assert json.loads(START.dump()) == {
        "v": 1,
        "id": "m1",
        "ts": 1_770_000_000_000,
        "camera_id": "door",
        "run": 2,
        "area_frac": 0.25,
        "still_id": 7,
        "zones": [],
    }


def test_missing_optional_key_takes_default() -> None:
    raw = json.loads(START.dump())
    del raw["still_id"]
    assert MotionStart.parse(json.dumps(raw).encode()).still_id is None


def test_unknown_key_of_newer_sender_is_ignored() -> None:
    raw = json.loads(START.dump()) | {"weather": "rain"}
    assert MotionStart.parse(json.dumps(raw).encode()) == START


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "too long"),
        (b"[" * 50_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"v":2,"id":"a","ts":1}', "version"),
        (b'{"v":1,"ts":1,"camera_id":"c","run":1,"area_frac":0}', "lacks 'id'"),
        (b'{"v":1,"id":"a","ts":"1","camera_id":"c","run":1,"area_frac":0}', "'ts' is not int"),
        (b'{"v":1,"id":"a","ts":true,"camera_id":"c","run":1,"area_frac":0}', "'ts' is not int"),
        (b'{"v":1,"id":"a","ts":1,"camera_id":null,"run":1,"area_frac":0}', "'camera_id' is not str"),
    ],
)
def test_bad_payload_is_refused_with_reason(payload: bytes, says: str) -> None:
    with pytest.raises(BadMessage, match=says):
        MotionStart.parse(payload)


def test_other_messages_come_back() -> None:
    end = MotionEnd(id="e", ts=5, camera_id="door", motion_id="m1", duration_ms=1200, peak_area_frac=0.5)
    health = CameraHealth(id="h", ts=6, camera_id="door", state="live", counters={"late": 3})
    event = EventPublished(
        id="9", ts=7, type="motion", severity="INFO", source_id="door", change=12, payload={"a": [1]}
    )
    assert MotionEnd.parse(end.dump()) == end
    assert CameraHealth.parse(health.dump()) == health
    assert EventPublished.parse(event.dump()) == event


@pytest.mark.parametrize(
    ("pattern", "topic", "is_one"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/+/c", "a/b/c", True),
        ("a/+/c", "a/b/d/c", False),
        ("a/+/c", "a//c", False),
        ("+", "a", True),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("a/#", "b/c", False),
        ("#", "a/b", True),
        ("a/b/#", "a", False),
        ("a/b", "A/b", False),
    ],
)
def test_topic_matches_pattern(pattern: str, topic: str, is_one: bool) -> None:
    assert matches(pattern, topic) is is_one
