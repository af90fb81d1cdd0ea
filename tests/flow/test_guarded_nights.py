"""Schedules in the nights of both summer-time changes, through the real process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.ready_store import lay_database
from vigilar.base.arm_rules import ArmRules, ModeRules, ScheduleRow
from vigilar.base.control import control_pair
from vigilar.store.arming import HistoryRow, list_history
from vigilar.store.engine import Store

BEFORE_S = 3
"""From when a process has looked at its house once to the moment."""

WITHIN_S = 60.0

NIGHT = ScheduleRow(mode="night", from_min=22 * 60, to_min=6 * 60 + 30)
ODD = ScheduleRow(mode="night", from_min=2 * 60 + 30, to_min=6 * 60 + 30)
"""Begins at a time that the spring night does not have and the autumn night has twice."""


@dataclass(frozen=True)
class Night:
    """``at`` is the moment at which ``row`` makes the house ``become`` what it is then."""

    row: ScheduleRow
    at: str
    become: str

    @property
    def at_ms(self) -> int:
        return round(datetime.fromisoformat(self.at).timestamp() * 1000)


NIGHTS = {
    "spring, to 06:30": Night(NIGHT, "2026-03-29T06:30:00+02:00", "disarmed"),
    "autumn, to 06:30": Night(NIGHT, "2026-10-25T06:30:00+01:00", "disarmed"),
    "spring, from 02:30, which is jumped over": Night(ODD, "2026-03-29T03:00:00+02:00", "armed"),
    "autumn, from the first 02:30": Night(ODD, "2026-10-25T02:30:00+02:00", "armed"),
}


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[dict[str, Store]]:
    """Of a running events process for each night, a little before its moment."""
    with ExitStack() as stack:
        found = {}
        for number, (name, night) in enumerate(NIGHTS.items()):
            folder = tmp_path / str(number)
            folder.mkdir()
            url = lay_database(folder)
            rules = ArmRules(
                modes=(ModeRules(mode="night"),), schedules=(night.row,), time_zone="Europe/Berlin", suggest=False
            )
            line, theirs = control_pair()
            begin_ns = (night.at_ms - BEFORE_S * 1000) * 1_000_000
            arguments = [url, str(theirs.fileno()), str(begin_ns), json.dumps(rules.dump())]
            command = [sys.executable, "-m", "tests.flow.guarding_process", *arguments]
            process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
            theirs.close()
            stack.callback(line.close)
            stack.callback(process.wait)
            stack.callback(process.kill)
            found[name] = stack.enter_context(closing(Store.open(url)))
        yield found


def newest(store: Store) -> HistoryRow | None:
    return next(iter(list_history(store, 1)), None)


def test_schedule_keeps_to_the_clock_of_the_house(stores: dict[str, Store]) -> None:
    deadline = time.monotonic() + WITHIN_S
    lines: dict[str, HistoryRow] = {}
    while len(lines) < len(NIGHTS) and time.monotonic() < deadline:
        for name, night in NIGHTS.items():
            line = newest(stores[name])
            if line is not None and line.action == night.become:
                lines[name] = line
        time.sleep(0.1)
    assert lines.keys() == NIGHTS.keys()
    for name, night in NIGHTS.items():
        assert lines[name].how == "schedule", name
        assert 0 <= lines[name].ts_ms - night.at_ms < WITHIN_S * 1000, name
        armed_before = [one.ts_ms < night.at_ms for one in list_history(stores[name], 9) if one.action == "armed"]
        assert armed_before == [night.become == "disarmed"], "the one that ends was armed before it, and no more"
