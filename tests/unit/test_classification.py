"""The one table of event types."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vigilar.events.classification import EVENT_TYPES, Reporter, Severity, classify, process_title_name, title_of
from vigilar.store.schema import SEVERITIES

PAGE = Path(__file__).resolve().parents[2] / "docs/architecture/subsystems/events.md"


def test_table_is_what_was_agreed() -> None:
    assert {name: event_type.severity.value for name, event_type in EVENT_TYPES.items()} == {
        "motion": "INFO",
        "camera_offline": "WARNING",
        "camera_online": "INFO",
        "footage_lost": "ALERT",
        "recording_recovered": "WARNING",
        "disk_full": "CRITICAL",
        "recording_resumed": "INFO",
        "drive_away": "CRITICAL",
        "drive_hangs": "CRITICAL",
        "drive_back": "INFO",
        "process_restarted": "WARNING",
        "process_failing": "ALERT",
        "clock_stepped": "WARNING",
        "system_started": "INFO",
        "system_stopped": "INFO",
    }


def test_severities_are_those_of_the_schema() -> None:
    assert tuple(severity.value for severity in Severity) == SEVERITIES


def test_page_shows_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+?) \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [
        (event_type.name, event_type.severity.value, _reporters(event_type.reporters), event_type.title)
        for event_type in EVENT_TYPES.values()
    ]


def _reporters(reporters: Reporter) -> str:
    return ", ".join(str(one.name).lower() for one in Reporter if one in reporters)


def test_heartbeat_and_health_are_no_events() -> None:
    for kind in ("heartbeat", "health", "", "Motion"):
        with pytest.raises(ValueError, match="unknown type"):
            classify(kind, Reporter.CAMERA)


@pytest.mark.parametrize(("kind", "reporter"), [("system_started", Reporter.CAMERA), ("motion", Reporter.SUPERVISOR)])
def test_foreign_reporter_is_refused(kind: str, reporter: Reporter) -> None:
    with pytest.raises(ValueError, match="not for a"):
        classify(kind, reporter)


def test_title_takes_any_name() -> None:
    assert title_of(EVENT_TYPES["motion"], "Front {door}") == "Motion, Front {door}"
    assert title_of(EVENT_TYPES["system_started"], "Vigilar") == "Vigilar started"


def test_processes_have_names_for_people() -> None:
    restarted = EVENT_TYPES["process_restarted"]
    titles = [
        title_of(restarted, process_title_name(process, name))
        for process, name in (("camera/front", "Front door"), ("web", None), ("notify", None))
    ]
    assert titles == [
        "The camera process of Front door was restarted",
        "The web server was restarted",
        "The process notify was restarted",
    ]
