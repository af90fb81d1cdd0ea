"""Whether what lies at the target is what was copied, and whether it can be brought back."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vigilar.backup.copier import fetch_file, read_digest
from vigilar.backup.house_copy import DATABASE, check_database, open_house_copy
from vigilar.backup.target import Target, target_error
from vigilar.backup.work import Bench, Pace
from vigilar.base.errors import ErrorKind, RecordingError, StoreError, VigilarError
from vigilar.store.backups import (
    HOUSE,
    CopyRow,
    change_state,
    count_copies,
    forget_copy,
    list_copies,
    list_houses,
    list_unseen,
    note_copy,
    sample_copies,
)
from vigilar.vge.format import CORE_BYTES, HEADER_BYTES
from vigilar.vge.keys import KeyRing
from vigilar.vge.report import Verdict
from vigilar.vge.verify import verify_file

logger = logging.getLogger(__name__)

SAMPLE_COUNT = 12
SAMPLE_BYTES = 1_000_000_000
"""Recordings that a drill brings back, and their bytes: a minute over a slow network."""

LOOK_AGAIN_MS = 30 * 86_400_000
LOOK_AGAIN_COUNT = 500
LOOK_AGAIN_BYTES = 5_000_000_000
"""Each copy is read again a month after it was last; by a run so much at most, seven minutes at 12 MB/s."""

DISK_SHARE = 20
"""A drill takes at most the twentieth part of what is free on this box."""


@dataclass(frozen=True, slots=True)
class Checked:
    """How many copies were looked at, and their bytes; ``wrong``: names of those that are not there or not right, of
    which ``lost`` are not on this box any more either."""

    count: int
    size_bytes: int
    wrong: tuple[str, ...]
    lost: int

    @property
    def sentence(self) -> str:
        if not self.wrong:
            return f"All {self.count} copies are as they were written."
        again = len(self.wrong) - self.lost
        words = f"{len(self.wrong)} of {self.count} copies were gone or changed"
        parts = [
            f"{again} will be copied again" if again else "",
            "1 is lost" if self.lost == 1 else f"{self.lost} are lost" if self.lost else "",
        ]
        return f"{words}; {' and '.join(filter(None, parts))}."


class Prover:
    """Of one target, whose mark is ``target_id``. One thread. Methods raise TargetError, StoreError, StoppedError."""

    def __init__(self, bench: Bench, target: Target, target_id: str) -> None:
        self._bench = bench
        self._target = target
        self._target_id = target_id

    def check(self, *, is_deep: bool) -> Checked:
        """Each copy: there, and of its length; ``is_deep``: each byte of it. What is not right is forgotten, so that it
        is copied again, and told."""
        bench, pace = self._bench, Pace(self._bench)
        bench.progress.all_count, bench.progress.all_bytes = count_copies(bench.store, bench.node_id, self._target_id)
        count = size = lost = 0
        wrong: list[str] = []
        for copy in self._copies():
            pace(0)
            count += 1
            size += copy.size_bytes
            bench.progress.done_count, bench.progress.done_bytes = count, size
            if self._is_right(copy, pace, is_deep=is_deep):
                continue
            wrong.append(copy.path)
            lost += self._forget(copy)
        return self._told(Checked(count, size, tuple(wrong), lost))

    def look_again(self) -> Checked:
        """Read some copies again whose bytes nobody has seen for LOOK_AGAIN_MS: a disk that loses bits is noticed while
        the recordings are still here. A run reads LOOK_AGAIN_BYTES at most."""
        bench, pace = self._bench, Pace(self._bench)
        before_ms = bench.now_ms() - LOOK_AGAIN_MS
        size = count = lost = 0
        wrong: list[str] = []
        for copy in list_unseen(bench.store, bench.node_id, self._target_id, before_ms, LOOK_AGAIN_COUNT):
            if count and size + copy.size_bytes > LOOK_AGAIN_BYTES:
                break
            count, size = count + 1, size + copy.size_bytes
            if not self._is_right(copy, pace, is_deep=True):
                wrong.append(copy.path)
                lost += self._forget(copy)
        return self._told(Checked(count, size, tuple(wrong), lost))

    def _forget(self, copy: CopyRow) -> bool:
        """It is owed again; True when this box does not have it any more either."""
        forget_copy(self._bench.store, self._bench.node_id, self._target_id, copy.path)
        return copy.content != HOUSE and not (self._bench.files.data_dir / copy.path).exists()

    def _told(self, checked: Checked) -> Checked:
        if checked.wrong:
            detail = {"reason": checked.sentence, "paths": checked.wrong[:20], "target": self._target.words}
            self._bench.report("backup_damaged", "check", detail)
        return checked

    def _is_right(self, copy: CopyRow, pace: Pace, *, is_deep: bool) -> bool:
        if self._target.find_size(copy.path) != copy.size_bytes:
            return False
        if not is_deep:
            return True
        if read_digest(self._target, copy.path, copy.size_bytes, pace) != copy.sha256:
            return False
        seen = replace(copy, verified_ms=self._bench.now_ms())
        note_copy(self._bench.store, self._bench.node_id, self._target_id, seen)
        return True

    def drill(self) -> tuple[int, int]:
        """Bring recordings and the house back into a folder of its own, and compare: bytes with those of this box, or
        of when they were copied; each tag by its key; the database by itself. How many files, and their bytes.

        Raises TargetError (not_proved) when something is not as it was, RecordingError (denied) while the house is
        locked."""
        bench, pace = self._bench, Pace(self._bench)
        ring = KeyRing.load(bench.files.secrets_dir)
        if ring.is_locked:
            raise RecordingError(
                "The recordings are locked, so restoring cannot be proved",
                kind=ErrorKind.DENIED,
                code="backup.locked",
                next_step="Unlock them: on the page under System, Keys, or vigilar keys unlock",
            )
        sample = self._sample()
        bench.progress.all_count = len(sample)
        bench.progress.all_bytes = sum(one.size_bytes for one in sample)
        folder = bench.scratch / "drill"
        shutil.rmtree(bench.scratch, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        size = 0
        try:
            for number, copy in enumerate(sample, 1):
                self._try_one(copy, ring, folder, pace)
                size += copy.size_bytes
                bench.progress.done_count, bench.progress.done_bytes = number, size
        finally:
            shutil.rmtree(bench.scratch, ignore_errors=True)
        change_state(bench.store, bench.node_id, drilled_ms=bench.now_ms())
        return len(sample), size

    def _try_one(self, copy: CopyRow, ring: KeyRing, folder: Path, pace: Pace) -> None:
        back = folder / "file.vge"
        try:
            if self._target.find_size(copy.path) is None:
                raise RecordingError("it is not there", kind=ErrorKind.CORRUPT)
            fetched = fetch_file(self._target, copy.path, copy.size_bytes, back, pace)
            if (fetched.size_bytes, fetched.sha256) != (copy.size_bytes, copy.sha256):
                raise RecordingError("its bytes are not those that were copied", kind=ErrorKind.CORRUPT)
            if copy.content == HOUSE:
                members = open_house_copy(back, ring, folder, lambda: pace(0)).members
                if DATABASE in members:
                    check_database(members[DATABASE])
            else:
                self._compare(copy, back, ring)
        except (RecordingError, StoreError) as error:
            if error.kind is not ErrorKind.CORRUPT:
                raise
            raise self._not_proved(copy, error) from error

    def _compare(self, copy: CopyRow, back: Path, ring: KeyRing) -> None:
        local = self._bench.files.data_dir / copy.path
        if local.exists() and not is_same(back, local):
            raise RecordingError("it is not the same as on this box", kind=ErrorKind.CORRUPT)
        report = verify_file(back, ring)
        if copy.is_proved and (report.verdict is not Verdict.CLOSED or report.link != copy.link):
            raise RecordingError(report.sentence, kind=ErrorKind.CORRUPT)

    def _not_proved(self, copy: CopyRow, error: VigilarError) -> VigilarError:
        """It is copied again, and a person is told."""
        forget_copy(self._bench.store, self._bench.node_id, self._target_id, copy.path)
        return target_error(
            "not_proved",
            f"{copy.path} could not be restored from {self._target.words}: {error}",
            "It is copied again. Look at that drive, and have all of it checked: vigilar backup check --deep",
        )

    def _sample(self) -> list[CopyRow]:
        """The newest copy of the house, and the oldest, the newest and some other recordings."""
        bench = self._bench
        budget = min(SAMPLE_BYTES, shutil.disk_usage(bench.files.data_dir).free // DISK_SHARE)
        houses = list_houses(bench.store, bench.node_id, self._target_id)[:1]
        sample = list(houses)
        for one in sample_copies(bench.store, bench.node_id, self._target_id, SAMPLE_COUNT):
            if sum(other.size_bytes for other in sample) + one.size_bytes <= budget:
                sample.append(one)
        if not sample:
            raise target_error(
                "empty", f"Nothing of {self._target.words} could be tried: there is nothing yet, or no space here", ""
            )
        return sample

    def _copies(self) -> Iterator[CopyRow]:
        last = ""
        while True:
            page = list_copies(self._bench.store, self._bench.node_id, self._target_id, after=last)
            if not page:
                return
            yield from page
            last = page[-1].path


def is_same(one: Path, other: Path) -> bool:
    """Whether two files of a recording are the same, bit by bit; but for the key slots of their headers, which a change
    of keys writes anew."""
    return _digest_of(one) == _digest_of(other)


def _digest_of(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(CORE_BYTES))
        file.seek(HEADER_BYTES)
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.digest()
