"""The upkeep process goes on deleting from a full disk, whatever keeps it from giving rows to files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from tests.ready_store import open_ready_store
from vigilar.base.clock import SimulatedClock
from vigilar.base.control import ControlChild
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.base.not_recording import NotRecording
from vigilar.base.stop import Stop
from vigilar.config.jobs import UpkeepJob
from vigilar.processes.refill import Refill
from vigilar.processes.upkeep import UpkeepProcess
from vigilar.upkeep.keeper import Keeper


class OneTurn:
    """The line to a supervisor that tells of a full disk, or not, and ends the process behind its first turn."""

    def __init__(self, not_recording: str | None) -> None:
        self.stop_requested = Stop()
        self._not_recording = not_recording

    def listen(self, *, on_settings: object, on_status: Callable[[dict[str, Any]], None]) -> None:
        on_status({"processes": {"camera/front": {"status": {"not_recording": self._not_recording}}}})

    def heartbeat(self, _status: object) -> None:
        pass


@pytest.mark.parametrize(
    ("kind", "not_recording", "deletes"),
    [
        (ErrorKind.FULL, None, True),
        (ErrorKind.TRANSIENT, NotRecording.DISK_FULL.value, True),
        (ErrorKind.TRANSIENT, None, False),
    ],
)
def test_rows_that_cannot_be_made_wait_for_no_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: ErrorKind, not_recording: str | None, deletes: bool
) -> None:
    turns: list[bool] = []
    control = OneTurn(not_recording)

    def fill(_self: object) -> bool:
        control.stop_requested.set()
        raise StoreError("no row can be stored", kind=kind)

    monkeypatch.setattr(Refill, "turn", fill)
    monkeypatch.setattr(Keeper, "turn", lambda _self, *, is_full_told: turns.append(is_full_told))
    with closing(open_ready_store(tmp_path)) as store:
        job = UpkeepJob(
            data_dir=tmp_path, secrets_dir=tmp_path, run_dir=tmp_path, database_url="",
            bus_host="", bus_port=0, bus_user="", bus_password="",
        )  # fmt: skip
        UpkeepProcess(job, cast(ControlChild, control), store, SimulatedClock(1, 1)).run()
    assert bool(turns) is deletes
