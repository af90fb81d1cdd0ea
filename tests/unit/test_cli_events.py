"""``vigilar events`` on a real database."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vigilar.base.errors import ExitCode
from vigilar.base.house_file import HouseFile
from vigilar.base.stop import Stop
from vigilar.cli import events
from vigilar.cli.events import changes, incident_changes
from vigilar.cli.program import run
from vigilar.config.places import find_places
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, NewEvent, insert_event, list_events, update_event


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.open(f"sqlite:///{tmp_path}/vigilar.db", migrate=True)
    for number, (kind, camera, age_s) in enumerate(
        [("motion", "door", 7200), ("camera_offline", "shed", 3600), ("motion", "shed", 60)]
    ):
        add(store, f"e{number}", kind, camera, now_ms() - age_s * 1000)
    return store


def add(store: Store, uid: str, kind: str, camera: str, ts_ms: int) -> None:
    payload = {"title": f"{kind} \x1b[31m, {camera}"}
    new = NewEvent(uid=uid, type=kind, severity="INFO", source_id=camera, ts_ms=ts_ms, payload=payload)
    assert insert_event(store, new, now_ms=ts_ms)


def listed(folder: Path, capsys: pytest.CaptureFixture[str], *args: str) -> list[tuple[str, str]]:
    assert run(["events", "list", "--data-dir", str(folder), "--json", *args]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["schema"] == 1
    return [(event["type"], event["source_id"]) for event in shown["events"]]


@pytest.mark.parametrize("command", ["list", "watch"])
def test_drive_that_is_not_there_is_named_and_no_new_house_is_proposed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    places = find_places(None, tmp_path / "drive")
    (tmp_path / "drive").mkdir()
    HouseFile(places.house_file).change(folder_id="0123456789abcdef0123456789abcdef")
    assert run(["events", command, "--data-dir", str(tmp_path / "drive")]) == ExitCode.NOT_FOUND
    words = capsys.readouterr().err
    assert "The drive for recordings is not there." in words
    assert "Start Vigilar once" not in words


@pytest.mark.usefixtures("store")
def test_list_filters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    everything = [("motion", "door"), ("camera_offline", "shed"), ("motion", "shed")]
    assert listed(tmp_path, capsys) == everything
    assert listed(tmp_path, capsys, "--since", "-90m") == everything[1:]
    assert listed(tmp_path, capsys, "--until", "-90m") == everything[:1]
    assert listed(tmp_path, capsys, "--camera", "shed") == everything[1:]
    assert listed(tmp_path, capsys, "--type", "motion", "--camera", "shed") == everything[2:]
    assert listed(tmp_path, capsys, "--limit", "1") == everything[2:]


@pytest.mark.usefixtures("store")
def test_list_for_people_cannot_colour_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["events", "list", "--data-dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "motion ?[31m, door" in out
    assert "\x1b" not in out


def test_unknown_type_names_the_right_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["events", "list", "--data-dir", str(tmp_path), "--type", "motoin"]) == ExitCode.USAGE
    assert "camera_offline" in capsys.readouterr().err


def test_without_a_database_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["events", "list", "--data-dir", str(tmp_path)]) == ExitCode.NOT_RUNNING
    assert "no database" in capsys.readouterr().err


@pytest.mark.usefixtures("store")
def test_long_lists_are_read_page_by_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PAGE", 1)
    assert listed(tmp_path, capsys, "--limit", "2") == [("camera_offline", "shed"), ("motion", "shed")]
    assert len(listed(tmp_path, capsys)) == 3


def test_list_says_that_there_is_more_and_how_to_get_it(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began_ms = now_ms()
    for number in range(57):
        add(store, f"more{number}", "motion", "door", began_ms - 30_000 - number * 100)
    assert run(["events", "list", "--data-dir", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 50
    hint = shown.err.strip()
    assert hint.startswith("50 of 60 shown; --limit or --before ")
    assert hint.endswith(" for more.")
    before = hint.split()[7]
    assert run(["events", "list", "--data-dir", str(tmp_path), "--before", before]) == 0
    rest = capsys.readouterr()
    assert len(rest.out.splitlines()) == 10
    assert rest.err == ""
    assert not set(rest.out.splitlines()) & set(shown.out.splitlines()[10:])
    assert run(["events", "list", "--data-dir", str(tmp_path), "--json", "--limit", "7"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (len(told["events"]), told["total"]) == (7, 60)


def test_two_times_of_the_autumn_night_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "vigilar.toml").write_text('[house]\ntime_zone = "Europe/Berlin"\n', encoding="utf-8")
    with closing(Store.open(f"sqlite:///{tmp_path}/vigilar.db", migrate=True)) as store:
        for hour in (0, 1, 3):
            at = datetime(2026, 10, 25, hour, 15, tzinfo=UTC)
            add(store, f"h{hour}", "motion", "door", int(at.timestamp() * 1000))
    assert run(["events", "list", "--data-dir", str(tmp_path)]) == 0
    times = [line.partition("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert times == ["2026-10-25 02:15:00 CEST", "2026-10-25 02:15:00 CET", "2026-10-25 04:15:00"]


@pytest.mark.usefixtures("store")
def test_list_of_incidents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["events", "list", "--incidents", "--data-dir", str(tmp_path)]
    assert run([*arguments, "--limit", "2"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 2
    assert "2 of 3 shown" in shown.err
    assert run([*arguments, "--json", "--camera", "shed"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["events"] for one in told["incidents"]] == [[2], [3]]
    assert told["total"] == 2


@pytest.mark.usefixtures("store")
def test_show_gives_an_event_with_its_incident(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["events", "show", "2", "--data-dir", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "Event 2: " in shown
    assert "type    camera_offline" in shown
    assert "Incident 2: " in shown
    assert "\x1b" not in shown
    assert run(["events", "show", "3", "--incident", "--json", "--data-dir", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["incident"]["events"] == [3]
    assert [one["incident_id"] for one in told["events"]] == [3]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("more", [[], ["--incident"]])
def test_show_of_what_is_not_there_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str]) -> None:
    assert run(["events", "show", "99", *more, "--data-dir", str(tmp_path)]) == ExitCode.NOT_FOUND
    assert f"There is no {'incident' if more else 'event'} 99" in capsys.readouterr().err


def test_watch_gives_incidents_as_they_grow(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(events, "PAGE", 2)
    began_ms = now_ms()

    def add_five() -> None:
        for number in range(5):
            add(store, f"n{number}", "motion", "new", began_ms + number)

    steps = [add_five, lambda: None]
    seen = [incident.id for incident in incident_changes(store, StepByStep(steps))]
    assert seen == [4, 5, 6, 7, 8]


def test_watch_gives_new_events_and_their_changes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LOOK_EVERY_S", 0.01)
    old, at_ms = list_events(store, EventFilter(camera="door"))[0][0], now_ms()
    steps = [
        lambda: add(store, "n1", "motion", "new", at_ms),
        lambda: update_event(store, old, end_ms=at_ms, payload={}),
        lambda: None,
    ]
    stop = StepByStep(steps)
    seen = [(change.event.source_id, change.event.end_ms, change.is_new) for change in changes(store, stop)]
    assert seen == [("new", None, True), ("door", at_ms, False)]


class StepByStep(Stop):
    """Does one step at each wait, then stops."""

    def __init__(self, steps: Sequence[Callable[[], object]]) -> None:
        super().__init__()
        self._steps = list(steps)

    def wait(self, timeout_s: float | None = None) -> bool:
        if not self._steps:
            return True
        self._steps.pop(0)()
        return super().wait(timeout_s)
