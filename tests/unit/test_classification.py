"""The one table of event types."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vigilar.bus.messages import BadMessage
from vigilar.events.classification import Severity, title_of
from vigilar.events.subject import Subject, all_types, handler_of
from vigilar.events.subjects import EVENT_TYPES, SUBJECTS
from vigilar.store.schema import SEVERITIES

PAGE = Path(__file__).resolve().parents[2] / "docs/architecture/subsystems/events.md"


def test_table_is_what_was_agreed() -> None:
    assert {name: event_type.severity.value for name, event_type in EVENT_TYPES.items()} == {
        "motion": "INFO",
        "camera_offline": "WARNING",
        "camera_online": "INFO",
        "footage_lost": "ALERT",
        "recording_tampered": "ALERT",
        "recording_damaged": "ALERT",
        "history_changed": "CRITICAL",
        "recording_recovered": "WARNING",
        "disk_full": "CRITICAL",
        "disk_read_only": "CRITICAL",
        "disk_failed": "CRITICAL",
        "recording_resumed": "INFO",
        "drive_away": "CRITICAL",
        "drive_hangs": "CRITICAL",
        "drive_back": "INFO",
        "process_restarted": "WARNING",
        "process_failing": "ALERT",
        "clock_stepped": "WARNING",
        "system_started": "INFO",
        "system_stopped": "INFO",
        "retention_held": "ALERT",
        "retention_stuck": "ALERT",
        "alarm": "CRITICAL",
        "armed": "INFO",
        "disarmed": "INFO",
        "left_open": "ALERT",
        "entry": "WARNING",
        "pin_wrong": "ALERT",
        "pin_set": "WARNING",
        "duress": "CRITICAL",
        "arm_refused": "WARNING",
        "arm_suggested": "WARNING",
        "sensor_opened": "INFO",
        "sensor_motion": "INFO",
        "sensor_vibration": "INFO",
        "sensor_glass": "ALERT",
        "sensor_tamper": "ALERT",
        "sensor_leak": "CRITICAL",
        "sensor_smoke": "CRITICAL",
        "sensor_gas": "CRITICAL",
        "coverage_low": "WARNING",
        "coverage_restored": "INFO",
        "pet_escaped": "ALERT",
        "pet_missing": "WARNING",
        "wildlife_first": "INFO",
        "wildlife_back": "INFO",
        "sensor_silent": "WARNING",
        "sensor_battery": "WARNING",
        "phone_silent": "WARNING",
        "phone_gone": "WARNING",
        "push_rejected": "ALERT",
        "push_waiting": "WARNING",
        "push_resumed": "INFO",
        "database_replaced": "CRITICAL",
        "database_upgraded": "INFO",
        "database_rebuilt": "WARNING",
        "power_loss": "ALERT",
        "battery_low": "ALERT",
        "battery_critical": "CRITICAL",
        "power_restored": "INFO",
        "ups_silent": "WARNING",
        "ups_unwatched": "ALERT",
        "battery_worn": "WARNING",
        "backup_failed": "WARNING",
        "backup_late": "ALERT",
        "backup_caught_up": "INFO",
        "backup_damaged": "ALERT",
        "backup_proved": "INFO",
        "backup_not_proved": "ALERT",
    }


def test_severities_are_those_of_the_schema() -> None:
    assert tuple(severity.value for severity in Severity) == SEVERITIES


def test_page_shows_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+?) \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [
        (event_type.name, event_type.severity.value, ", ".join(event_type.reporters), event_type.title)
        for event_type in EVENT_TYPES.values()
    ]


def test_reporters_are_subjects() -> None:
    known = {subject.name for subject in SUBJECTS}
    assert {reporter for event_type in EVENT_TYPES.values() for reporter in event_type.reporters} == known


def test_two_subjects_share_no_type() -> None:
    with pytest.raises(ValueError, match="two subjects have a type 'motion'"):
        all_types([*SUBJECTS, Subject(name="other", types=(EVENT_TYPES["motion"],))])


@pytest.mark.parametrize("topic", ["vigilar/camera/a/health", "vigilar/sensor/a/fact", "vigilar/camera/a/fact/b", ""])
def test_unknown_topic_is_refused(topic: str) -> None:
    with pytest.raises(BadMessage, match="no event comes from this topic"):
        handler_of(SUBJECTS, topic)


def test_swept_topics_are_handled_topics() -> None:
    """A prefix that no handler's topic begins with would be swept for nothing."""
    for subject in SUBJECTS:
        for prefix in subject.outbox_prefixes:
            assert any(topic.startswith(prefix) for topic in subject.handlers)


def test_title_takes_any_name() -> None:
    assert title_of(EVENT_TYPES["motion"], "Front {door}") == "Motion, Front {door}"
    assert title_of(EVENT_TYPES["system_started"], "Vigilar") == "Vigilar started"
