"""Signed checkpoints leave the box: over the bus, kept there for who comes later, and into a folder of the owner's.

What lies elsewhere is what proves: who holds the box can set back all that is on it (``docs/.../proof.md``). The folder
may be a network drive that does not answer, so it is written by a thread of its own, and nobody waits for it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from vigilar.base.tally import Tally
from vigilar.proof.checkpoint import dump_signed
from vigilar.store.checkpoints import StoredCheckpoint

logger = logging.getLogger(__name__)

Publish = Callable[[StoredCheckpoint], None]


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
        self._waiting: list[StoredCheckpoint] = []
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
            if self._writer is not None and self._writer.is_alive():
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
        with self._lock:
            batch = tuple(self._waiting)
        try:
            for made in batch:
                append_checkpoint(folder, self._node_id, made)
            is_beside = folder.stat().st_dev == self._data_dir.stat().st_dev
        except OSError as error:
            self._failed.add(f"{folder}: {error.strerror}")
            self._say(f"The folder for checkpoints, {folder}, cannot be written: {error.strerror}.")
            return
        with self._lock:
            self._waiting = [one for one in self._waiting if one not in batch]
        self._say(
            f"The folder for checkpoints, {folder}, lies on the disk of the recordings: it proves nothing there."
            if is_beside
            else ""
        )

    def _say(self, problem: str) -> None:
        with self._lock:
            self._problem = problem


def append_checkpoint(folder: Path, node_id: str, made: StoredCheckpoint) -> None:
    """Add it to the file of its month; on the disk when this returns. Raises OSError, also when there is no folder."""
    month = datetime.fromtimestamp(made.created_ms / 1000, UTC).strftime("%Y-%m")
    path = folder / f"vigilar-{node_id[:8]}-{month}.checkpoints"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        data = memoryview(f"{dump_signed(made)}\n".encode())
        while data:
            data = data[os.write(fd, data) :]
        os.fsync(fd)
    finally:
        os.close(fd)
