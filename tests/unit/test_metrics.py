"""Metrics as Prometheus reads them: a strict reader of the text format, and what is in it."""

from __future__ import annotations

import re

import pytest

from tests.health_kit import NOW, RUNNING, known, line
from vigilar.health.house import look_at_house
from vigilar.health.lines import DiskState
from vigilar.health.metrics import write_metrics

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
_PARTS = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
_SAMPLE = re.compile(rf"(?P<name>{_NAME})(?:\{{(?P<labels>{_LABEL}(?:,{_LABEL})*)\}})? (?P<number>\S+)")

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Samples:
    """The samples of an exposition. Fails where Prometheus would, or its linter: HELP and TYPE once, before the samples
    of a family, which stand together; no series twice; counters end in _total."""
    assert text.endswith("\n")
    found: Samples = {}
    kinds: dict[str, str] = {}
    current = ""
    for row in text.splitlines():
        if row.startswith("# HELP "):
            current = row.split(" ")[2]
            assert current not in kinds, f"{current} is told in two places"
            assert row.removeprefix(f"# HELP {current} ").endswith(".")
            kinds[current] = ""
        elif row.startswith("# TYPE "):
            _, _, name, kind = row.split(" ")
            assert (name, kinds[name]) == (current, "")
            assert kind in ("gauge", "counter")
            assert (kind == "counter") == name.endswith("_total"), name
            kinds[name] = kind
        else:
            match = _SAMPLE.fullmatch(row)
            assert match, row
            assert match["name"] == current
            labels = frozenset(_PARTS.findall(match["labels"] or ""))
            key = (match["name"], labels)
            assert key not in found, f"{row} is there twice"
            found[key] = float(match["number"])
    assert all(name.startswith("vigilar_") for name in kinds)
    return found


def measure(coverage: dict[str, tuple[float | None, int]] | None = None, **broken: object) -> Samples:
    facts = known(**broken)
    return read(write_metrics(facts, look_at_house(facts), coverage or {}))


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"vigilar_{name}", frozenset(labels.items())))


def test_well_house_is_measured() -> None:
    camera = line(
        "live", is_recording=True, fps=12.5, kbps=1000.0, last_frame_ts=NOW, counters={"gaps": 2, "note": "text"}
    )
    processes = {**RUNNING, "web": {"state": "running", "restarts": 3, "rss_bytes": 42_000_000}}
    found = measure({"shed": (0.998, 172_800)}, cameras=[camera], processes=processes)
    assert value(found, "info", version="9.9") == 1
    assert value(found, "camera_up", camera="shed") == 1
    assert value(found, "camera_recording", camera="shed") == 1
    assert value(found, "camera_frames_per_second", camera="shed") == 12.5
    assert value(found, "camera_received_bytes_per_second", camera="shed") == 125_000
    assert value(found, "camera_last_frame_timestamp_seconds", camera="shed") == NOW / 1000
    assert value(found, "camera_coverage_today_ratio", camera="shed") == 0.998
    assert value(found, "camera_missed_today_seconds", camera="shed") == 172.8
    assert value(found, "camera_events_total", camera="shed", kind="gaps") == 2
    assert value(found, "camera_events_total", camera="shed", kind="note") is None
    assert value(found, "process_restarts_total", process="web") == 3
    assert value(found, "process_resident_memory_bytes", process="web") == 42_000_000
    assert value(found, "disk_free_bytes") == 50_000_000_000
    assert value(found, "problems", state="bad") == 0
    assert value(found, "part_state", part="cameras", state="ok") == 1
    assert value(found, "part_state", part="cameras", state="bad") == 0
    assert value(found, "part_state", part="backup", state="not-set-up") == 1
    assert value(found, "clock_in_step") == 1


def test_down_camera_is_zero_and_unknown_one_is_absent() -> None:
    found = measure(cameras=[line("no-picture"), line("unknown", "Hall"), line("live", "Attic", enabled=False)])
    assert value(found, "camera_up", camera="shed") == 0
    assert value(found, "camera_up", camera="hall") is None
    assert value(found, "camera_up", camera="attic") is None
    assert value(found, "problems", state="bad") == 1
    assert value(found, "problems", state="unknown") == 1


@pytest.mark.parametrize("missing", ["disk", "footage", "clock", "certificate", "processes"])
def test_what_is_not_known_has_no_sample(missing: str) -> None:
    found = measure(**{missing: None})
    gone = {"disk": "disk_free_bytes", "footage": "footage_kept_days", "clock": "clock_in_step",
            "certificate": "certificate_expiry_timestamp_seconds"}.get(missing, "process_up")  # fmt: skip
    assert [name for name, _ in found if name == f"vigilar_{gone}"] == []


def test_labels_are_escaped_and_no_name_or_reason_is_told() -> None:
    camera = line("failed", reason="The login hunter2 is wrong.", counters={'odd "kind"\\\n': 1})
    text = write_metrics(known(cameras=[camera]), look_at_house(known(cameras=[camera])), {})
    assert 'kind="odd \\"kind\\"\\\\\\n"' in text
    assert read(text)
    assert "hunter2" not in text
    assert "Shed" not in text


def test_failed_disk_has_no_sizes() -> None:
    assert value(measure(disk=DiskState(0, 0, fault="Input/output error")), "disk_size_bytes") is None
