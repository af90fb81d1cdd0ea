"""Copies what is owed to the target, then the house itself, and takes away there what is over."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from vigilar.backup.copier import copy_file
from vigilar.backup.house_copy import make_house_copy
from vigilar.backup.target import INCOMING, Mark, Target, TargetError, enter
from vigilar.backup.work import Bench, Pace, Rules
from vigilar.base.amounts import size_text
from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.base.tally import Tally
from vigilar.store.backups import (
    HOUSE,
    CopyRow,
    Owed,
    OwedList,
    StateRow,
    change_state,
    count_copies,
    find_state,
    forget_copy,
    list_houses,
    list_over,
    list_owed,
    note_copy,
)
from vigilar.store.files import FileRow, get_file
from vigilar.vge.keys import KeyRing
from vigilar.vge.report import Verdict
from vigilar.vge.verify import verify_file

logger = logging.getLogger(__name__)

LOOK_AGAIN_S = 60.0
"""So long files are copied in one order; then it is asked again what is owed. An alarm is at the target within this and
the time that one file takes, also while a year of recordings is copied for the first time."""

DAYS_KEPT, WEEKS_KEPT = 7, 5
"""Of so many days, and of so many weeks, the newest copy of database and settings stays at the target."""

HOUSE_EVERY_MS = 3_600_000
"""Where copying is done more often than once an hour, the house itself is copied this often."""


class BackupKeeper:
    """One run after another, by one thread. Whoever is killed in the middle loses nothing: see ``copier``."""

    def __init__(self, bench: Bench, target: Target, rules: Rules) -> None:
        self._bench = bench
        self._target = target
        self._rules = rules
        self._unread = Tally(logger, "a recording could not be read for the backup", every_s=10.0)
        self._not_read: set[int] = set()

    def enter(self) -> Mark:
        """Reach the target and see that it is ours. Raises TargetError."""
        bench = self._bench
        state = find_state(bench.store, bench.node_id) or StateRow()
        known = state.target_id if state.target == bench.address else ""
        mark = enter(self._target, bench.node_id, known)
        if (state.target, state.target_id) != (bench.address, mark.id):
            changes = {"up_to_ms": None, "house_ms": None, "drilled_ms": None} if state.target_id != mark.id else {}
            change_state(bench.store, bench.node_id, target=bench.address, target_id=mark.id, **changes)
        return mark

    def copy(self, *, with_house: bool) -> tuple[int, int]:
        """Copy all that is owed; how many files, and their bytes. ``with_house``: the house itself too, however new its
        copy is. Raises TargetError, StoreError, StoppedError."""
        try:
            return self._copy(with_house=with_house)
        except TargetError as error:
            if error.kind is ErrorKind.FULL:
                with suppress(TargetError):
                    self._clear_incoming()  # the room that parts take, of files that are gone perhaps
            raise

    def _copy(self, *, with_house: bool) -> tuple[int, int]:
        bench, progress = self._bench, self._bench.progress
        mark = self.enter()
        self._target.free_bytes()  # a target that is read-only says so, also when nothing is owed
        pace = Pace(bench, self._rules.limit_bps)
        self._not_read.clear()
        self._remove_over(mark)  # first: of a target that is full this may be all that makes room
        if not list_houses(bench.store, bench.node_id, mark.id):  # the first files may take days
            self._copy_house(mark, pace, is_wanted=True)
        done = size = 0
        while True:
            owed = self._owed(mark)
            progress.all_count = done + len(owed.files)
            progress.all_bytes = progress.done_bytes + owed.size_bytes
            left = [one for one in owed.files if one.file_id not in self._not_read]
            if not left:
                break
            until_s = time.monotonic() + LOOK_AGAIN_S
            for one in left:
                copy = self._copy_one(mark, one, pace)
                if copy is not None:
                    done, size = done + 1, size + copy.size_bytes
                progress.done_count = done
                if time.monotonic() > until_s:
                    break
        self._copy_house(mark, pace, is_wanted=with_house or done > 0)
        self._clear_incoming()  # of files that retention took meanwhile
        self._owed(mark)
        return done, size

    def _clear_incoming(self) -> None:
        for name, _ in self._target.walk(INCOMING):
            self._target.remove(name)

    def _owed(self, mark: Mark) -> OwedList:
        bench = self._bench
        owed = list_owed(bench.store, bench.node_id, mark.id, self._rules.wanted, bench.now_ms())
        change_state(
            bench.store, bench.node_id, owed_count=len(owed.files), owed_bytes=owed.size_bytes, up_to_ms=owed.up_to_ms
        )
        return owed

    def _copy_one(self, mark: Mark, owed: Owed, pace: Pace) -> CopyRow | None:
        """None for a file that went meanwhile or cannot be read: the others need not wait for it."""
        bench = self._bench
        row = get_file(bench.store, owed.file_id)
        if row is None:
            return None
        path = bench.files.data_dir / row.path
        try:
            copied = copy_file(path, row.path, self._target, pace)
            is_proved = self._proves(path, row)
        except RecordingError as error:
            self._unread.add(error)
            self._not_read.add(owed.file_id)
            return None
        copy = CopyRow(
            path=row.path,
            content=row.content,
            camera_id=row.camera_id,
            number=row.number,
            start_ms=owed.start_ms,
            end_ms=owed.end_ms,
            size_bytes=copied.size_bytes,
            sha256=copied.sha256,
            link=row.link,
            is_proved=is_proved,
            verified_ms=bench.now_ms(),
        )
        note_copy(bench.store, bench.node_id, mark.id, copy)
        return copy

    def _proves(self, path: Path, row: FileRow) -> bool:
        """Whether each record of the file, whose bytes the target gave back, has its tag, and its end is the one that
        was recorded. False where no key is here for now: ``drill`` proves by what it brings back."""
        try:
            report = verify_file(path, KeyRing.load(self._bench.files.secrets_dir))
        except RecordingError:
            return False
        return report.verdict is Verdict.CLOSED and (row.link is None or report.link == row.link)

    def _copy_house(self, mark: Mark, pace: Pace, *, is_wanted: bool) -> None:
        bench = self._bench
        state = find_state(bench.store, bench.node_id) or StateRow()
        now_ms = bench.now_ms()
        age_ms = None if state.house_ms is None else now_ms - state.house_ms
        if age_ms is not None and 0 <= age_ms < HOUSE_EVERY_MS and not is_wanted:
            return
        houses = list_houses(bench.store, bench.node_id, mark.id)
        number = max(now_ms // 1000, houses[0].number + 1 if houses else 0)
        shutil.rmtree(bench.scratch, ignore_errors=True)
        bench.scratch.mkdir(mode=0o700)
        made = bench.scratch / "house.vge"
        try:
            make_house_copy(bench.files, made, bench.scratch, number, bench.node_id, bench.clock)
            name = f"house/{number}.vge"
            copied = copy_file(made, name, self._target, pace)
            is_proved = verify_file(made, KeyRing.load(bench.files.secrets_dir)).verdict is Verdict.CLOSED
        finally:
            shutil.rmtree(bench.scratch, ignore_errors=True)
        copy = CopyRow(
            path=name,
            content=HOUSE,
            camera_id="",
            number=number,
            start_ms=now_ms,
            end_ms=now_ms,
            size_bytes=copied.size_bytes,
            sha256=copied.sha256,
            link=None,
            is_proved=is_proved,
            verified_ms=bench.now_ms(),
        )
        note_copy(bench.store, bench.node_id, mark.id, copy)
        change_state(bench.store, bench.node_id, house_ms=now_ms)
        kept = houses_kept([one.number for one in list_houses(bench.store, bench.node_id, mark.id)])
        for old in list_houses(bench.store, bench.node_id, mark.id):
            if old.number not in kept:
                self._remove(mark, old)

    def _remove_over(self, mark: Mark) -> None:
        """More than half of all goes only by a clock that is proven: a copy may be the last there is."""
        bench, is_proven = self._bench, self._bench.even.proven_ms() is not None  # a look, whatever is over
        over = list_over(bench.store, bench.node_id, mark.id, self._rules.wanted, bench.now_ms())
        size = size_text(sum(one.size_bytes for one in over))
        houses = list_houses(bench.store, bench.node_id, mark.id)
        count = count_copies(bench.store, bench.node_id, mark.id)[0] - len(houses)
        if len(over) * 2 > count and not is_proven:
            logger.warning(
                "%d of %d copies are too old; they stay until the clock went evenly for 20 h", len(over), count
            )
            return
        for one in over:
            self._remove(mark, one)
        if over:
            logger.info("%d copies of %s were older than copies are kept and were removed", len(over), size)

    def _remove(self, mark: Mark, copy: CopyRow) -> None:
        """The file first: without a row nothing would ever take it away."""
        self._target.remove(copy.path)
        forget_copy(self._bench.store, self._bench.node_id, mark.id, copy.path)


def houses_kept(numbers: Sequence[int]) -> frozenset[int]:
    """Which copies of the house stay: the newest of each of the last days and weeks of which there is one. ``numbers``
    are UTC seconds. However often copies are made, what was wrong a month ago can still be looked up."""
    kept: set[int] = set()
    for span_s, most in ((86_400, DAYS_KEPT), (7 * 86_400, WEEKS_KEPT)):
        newest = {number // span_s: number for number in sorted(numbers)}
        kept.update(newest[span] for span in sorted(newest, reverse=True)[:most])
    return frozenset(kept)
