"""The steps that delete: row, file, folder, row (``store/deletions.py`` says what holds after a crash between two)."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from vigilar.base.atomic import fsync_folder
from vigilar.base.clock import Clock
from vigilar.base.disk import DEVICE_ERRORS, device_fault, disk_error, disk_errors
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.base.folder_id import FILE_NAME
from vigilar.base.reserve import Reserve
from vigilar.store import deletions
from vigilar.store.deletions import Deletion, KeptAround, Why
from vigilar.store.sql import Database

logger = logging.getLogger(__name__)

BATCH = 8
"""Files a transaction. It holds the database's lock for about 2 ms; events and rows of recordings wait as long."""

FOLDERS = frozenset({"footage", "stills", "storyboards"})
"""Nothing outside of these, in the data folder, is ever unlinked, whatever a row says."""

NEW_DAYS = 2
"""Folders of so many newest days stay, empty or not: a recorder may be about to make a file in one."""


class Remover:
    """Deletes files of the box ``node_id``. One thread; another process may do the same at the same time.

    ``check_folder`` raises VigilarError when what lies at ``data_dir`` is not the house's own folder.
    """

    def __init__(
        self,
        store: Database,
        data_dir: Path,
        node_id: str,
        around: KeptAround,
        clock: Clock,
        check_folder: Callable[[], None],
        stuck: dict[str, str] | None = None,
    ) -> None:
        """``stuck``: that of the remover before."""
        self._store = store
        self._data_dir = data_dir
        self._node_id = node_id
        self._around = around
        self._clock = clock
        self._check_folder = check_folder
        self._reserve = Reserve(data_dir)
        self.stuck: dict[str, str] = {} if stuck is None else stuck
        """Files that could not be unlinked when it was tried last, and why: they stay pending."""

    def remove(self, wanted: Sequence[tuple[int, Why]]) -> list[Deletion]:
        """Delete files by the ids of their rows, at most BATCH; those that went, durably.

        On a disk that is too full for the database the reserve is spent first. A file that cannot be unlinked is named
        in the log and in ``stuck``, stays pending and keeps no other from going, also when it is the disk that refuses
        (EIO) as long as that answers otherwise. Raises StoreError, and VigilarError when the folder is away or its disk
        fails: what was begun stays pending.
        """
        self._check_folder()
        begun = self._reserve.help(
            lambda: deletions.begin(self._store, self._node_id, wanted, self._around, self._now_ms())
        )
        return self._finish(begun)

    def finish_pending(self) -> int:
        """Finish what somebody began and did not end; how many. Raises as ``remove``."""
        rows = deletions.pending(self._store, self._node_id)
        if rows:
            self._check_folder()
        return sum(len(self._finish(rows[at : at + BATCH])) for at in range(0, len(rows), BATCH))

    def _finish(self, rows: Sequence[Deletion]) -> list[Deletion]:
        gone = [row for row in rows if self._is_unlinked(row)]
        for folder in dict.fromkeys(self._path_of(row).parent for row in gone):
            self._settle(folder)
        if gone:
            self._reserve.help(lambda: deletions.finish(self._store, gone, self._now_ms()))
        return gone

    def _is_unlinked(self, row: Deletion) -> bool:
        path = self._path_of(row)
        try:
            _unlink(path)
        except OSError as error:
            # One bad place on a disk must not keep for ever what is to go from the rest of it.
            if error.errno in DEVICE_ERRORS and device_fault(self._data_dir / FILE_NAME):
                raise disk_error(error, f"delete {path.name}", path) from error
            if row.path not in self.stuck:
                logger.error("%s cannot be deleted and stays: %s", row.path, error.strerror)
            self.stuck[row.path] = str(error.strerror)
            return False
        self.stuck.pop(row.path, None)
        return True

    def _path_of(self, row: Deletion) -> Path:
        path = PurePosixPath(row.path)
        if path.is_absolute() or ".." in path.parts or path.parts[0] not in FOLDERS or path.suffix != ".vge":
            raise StoreError(f"{row.path[:80]!r} is not a recording's place", kind=ErrorKind.BUG)
        return self._data_dir / path

    def _settle(self, folder: Path) -> None:
        """Make the unlinking in ``folder`` durable, and take the folder away when it is an empty one of a past day."""
        with disk_errors("delete recordings", folder), suppress(FileNotFoundError):
            if self._is_past(folder.name) and _remove_empty(folder):
                fsync_folder(folder.parent)
            else:
                fsync_folder(folder)

    def _is_past(self, day: str) -> bool:
        newest = datetime.fromtimestamp(self._now_ms() / 1000, UTC) - timedelta(days=NEW_DAYS)
        return day < newest.strftime("%Y-%m-%d")

    def _now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)


def _remove_empty(folder: Path) -> bool:
    try:
        os.rmdir(folder)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY):
            return False
        raise
    return True


def batches(wanted: Iterable[tuple[int, Why]]) -> Iterable[list[tuple[int, Why]]]:
    """``wanted`` in pieces of BATCH, in their order."""
    batch: list[tuple[int, Why]] = []
    for one in wanted:
        batch.append(one)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
