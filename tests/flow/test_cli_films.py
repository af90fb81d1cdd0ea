"""``vigilar reel`` and ``vigilar timelapse`` on a real data folder: asking, waiting, listing, what is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.house import House, open_house
from tests.conftest import PATIENCE_S, wait_until
from tests.export_kit import do_jobs
from tests.flow.command_line import Done, vigilar
from tests.flow.test_export_movie import T0, record
from tests.recording_kit import make_clip
from vigilar.base.errors import ExitCode
from vigilar.store import jobs as job_rows

TIMES = ("--from", "2026-02-02T03:40:00", "--to", "2026-02-02T03:40:40")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    folder = tmp_path / "data"
    folder.mkdir()
    with open_house(folder) as house:
        record(house, make_clip(tmp_path), 0, 40)
        house.event(ts_ms=T0 + 5_000, length_ms=8_000, what="person")
        (folder / "vigilar.toml").write_text('[house]\ntime_zone = "Europe/Berlin"\n', encoding="utf-8")
        yield house


def test_reel_is_asked_for_waited_for_and_listed(house: House) -> None:
    command = ("reel", "make", "--camera", "front-door", *TIMES, "--length", "10s", "--wait")
    done: list[Done] = []
    waiting = threading.Thread(target=lambda: done.append(vigilar(house.folder, *command)))
    waiting.start()
    wait_until(lambda: bool(job_rows.list_jobs(house.store, house.node_id)), PATIENCE_S)
    do_jobs(house)
    waiting.join(PATIENCE_S)
    assert (done[0].code, done[0].out) == (ExitCode.OK, f"1: 10 seconds of 1 moment, {done[0].out.split(', ')[-1]}")
    lapse = vigilar(house.folder, "timelapse", "make", "front-door", *TIMES, "--length", "12s", "--json")
    assert (lapse.code, lapse.json["state"], lapse.json["kind"]) == (ExitCode.OK, "waiting", "timelapse")
    do_jobs(house)
    listed = json.loads(vigilar(house.folder, "reel", "list", "--json").out)["reels"]
    assert [(one["kind"], one["state"], one["wanted_s"]) for one in listed] == [
        ("timelapse", "done", 12),
        ("reel", "done", 10),
    ]
    assert [abs(one["length_ms"] - one["wanted_s"] * 1000) <= 1000 for one in listed] == [True, True]
    text = vigilar(house.folder, "reel", "list").out
    assert "front-door, Monday 2 February" in text


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("reel", "make", "--camera", "nowhere", *TIMES), ExitCode.NOT_FOUND),
        (("timelapse", "make", "nowhere", *TIMES), ExitCode.NOT_FOUND),
        (("timelapse", "make", "front-door", *TIMES, "--length", "5s"), ExitCode.USAGE),
        (("timelapse", "make", "front-door", *TIMES, "--length", "long"), ExitCode.CONFIG),
        (("reel", "make", "--camera", "front-door", "--day", "yesterday", *TIMES), ExitCode.USAGE),
        (("reel", "make", "--camera", "front-door", "--day", "someday"), ExitCode.USAGE),
        (("reel", "make", "--camera", "front-door", "--from", "-2h"), ExitCode.USAGE),
        (("reel", "make", "--camera", "front-door", "--from", "-2h", "--to", "-3h"), ExitCode.USAGE),
    ],
)
def test_what_cannot_be_is_refused(house: House, command: tuple[str, ...], code: ExitCode) -> None:
    done = vigilar(house.folder, *command)
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    assert job_rows.list_jobs(house.store, house.node_id) == []
