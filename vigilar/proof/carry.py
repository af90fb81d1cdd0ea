"""Signed checkpoints leave the box: over the bus, kept there for who comes later, and into a folder of the owner's.

What lies elsewhere is what proves: who holds the box can set back all that is on it (``docs/.../proof.md``). The folder
may be a network drive that does not answer, so it is written by a thread of its own, and nobody waits for it.
"""

from __future__ import annotations

import logging
import os
import stat
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from vigilar.base.atomic import fsync_folder
from vigilar.base.tally import Tally
from vigilar.proof.checkpoint import dump_signed
from vigilar.store.checkpoints import StoredCheckpoint

logger = logging.getLogger(__name__)

Publish = Callable[[StoredCheckpoint], None]

MAX_WAITING = 1000
"""Six weeks of a folder that is away; then the oldest is not copied. The newest says the most."""

_END = b"\n\n"
_LONGEST_BYTES = 256 * 1024
"""Of one checkpoint, far above any: a line of 120 bytes for each camera and content."""


class Carrier:
    """``carry`` belongs to one thread; ``problem`` and ``copy_to`` to any.

    ``copy_to`` is the owner's folder, empty for none; it is never made, because a place where a drive should be mounted
    is a folder too. In it grows one file a box and month: a checkpoint an hour, some 3 kB each.
    """

    def __init__(self, node_id: str, data_dir: Path, copy_to: str, publish: Publish) -> None:
        self.copy_to = copy_to
        self._node_id = node_id
        self._data_dir = data_dir
        self._publish = publish
        self._problem = ""
        self._waiting: deque[StoredCheckpoint] = deque(maxlen=MAX_WAITING)
        self._lock = threading.Lock()
        self._writer: threading.Thread | None = None
        self._failed = Tally(logger, "checkpoints are not copied", every_s=3600.0)

    @property
    def problem(self) -> str:
        """Why checkpoints do not leave the box, in a sentence; empty while they do, or nobody wants it."""
        with self._lock:
            return self._problem if self.copy_to else ""

    def carry(self, made: StoredCheckpoint) -> None:
        """Never waits and never raises: what could not be copied is copied with the next one."""
        self._publish(made)
        if not self.copy_to:
            return
        with self._lock:
            self._waiting.append(made)
            if self._writer is not None:
                self._problem = f"The folder for checkpoints, {self.copy_to}, does not answer."
                return
            self._writer = threading.Thread(
                target=self._copy_all, args=(Path(self.copy_to),), name="proof-copy", daemon=True
            )
            self._writer.start()

    def join(self, timeout_s: float) -> None:
        """Wait until what was handed in is copied."""
        writer = self._writer
        if writer is not None:
            writer.join(timeout_s)

    def _copy_all(self, folder: Path) -> None:
        """Until nothing waits, also of what came meanwhile, or the folder refuses."""
        problem = ""
        while (made := self._next(problem)) is not None:
            try:
                append_checkpoint(folder, self._node_id, made)
                is_beside = folder.stat().st_dev == self._data_dir.stat().st_dev
            except OSError as error:
                self._failed.add(f"{folder}: {error.strerror}")
                with self._lock:
                    self._end(f"The folder for checkpoints, {folder}, cannot be written: {error.strerror}.")
                return
            problem = (
                f"The folder for checkpoints, {folder}, lies on the disk of the recordings: it proves nothing there."
                if is_beside
                else ""
            )
            with self._lock:
                if self._waiting[0] is made:
                    self._waiting.popleft()

    def _next(self, problem: str) -> StoredCheckpoint | None:
        """The oldest that waits. With none the writer is at its end, and what comes from now on begins another."""
        with self._lock:
            if self._waiting:
                return self._waiting[0]
            self._end(problem)
            return None

    def _end(self, problem: str) -> None:
        """Under the lock."""
        self._writer, self._problem = None, problem


def append_checkpoint(folder: Path, node_id: str, made: StoredCheckpoint) -> None:
    """Add it to the file of its month; on the disk when this returns. What a power cut or a full disk left of one
    before it goes first: one that is torn would make all the others unreadable. Raises OSError, also when there is no
    folder."""
    month = datetime.fromtimestamp(made.created_ms / 1000, UTC).strftime("%Y-%m")
    path = folder / f"vigilar-{node_id[:8]}-{month}.checkpoints"
    is_new = not path.exists()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        _cut_torn(fd, path)
        data = memoryview(f"{dump_signed(made)}\n".encode())
        while data:
            data = data[os.write(fd, data) :]
        os.fsync(fd)
    finally:
        os.close(fd)
    if is_new:
        fsync_folder(folder)


def _cut_torn(fd: int, path: Path) -> None:
    """Each whole one ends with an empty line."""
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or not found.st_size:
        return
    with path.open("rb") as file:
        start = file.seek(max(0, found.st_size - _LONGEST_BYTES))
        tail = file.read()
    if tail.endswith(_END):
        return
    last = tail.rfind(_END)
    if last >= 0:
        os.ftruncate(fd, start + last + len(_END))
    elif start == 0:
        os.ftruncate(fd, 0)
