"""The newest keys of a folder, loaded anew when they change: a running recorder takes up a new epoch with its next
file, and lets go of the one before."""

from __future__ import annotations

import logging
from pathlib import Path

from vigilar.base.errors import RecordingError
from vigilar.vge.keys import KeyRing, memory_folder

logger = logging.getLogger(__name__)


class RingFolder:
    """Watches one secrets folder for who writes (``KeyRing.load_newest``), and where its clear keys lie when they are
    sealed, by the times of their last change: a look costs some microseconds. Any thread."""

    def __init__(self, secrets_dir: Path) -> None:
        self._secrets_dir = secrets_dir
        self._memory = memory_folder(secrets_dir)
        self._seen_ns = self._changed_ns()

    def refresh(self, ring: KeyRing) -> KeyRing:
        """The ring of the folder as it is now; ``ring`` while nothing changed, or when the folder cannot be read: who
        records goes on with the keys at hand. Never raises."""
        changed_ns = self._changed_ns()
        if changed_ns[0] == 0 or changed_ns == self._seen_ns:
            return ring
        try:
            found = KeyRing.load_newest(self._secrets_dir)
        except RecordingError as error:
            logger.warning("the keys stay as they were loaded: %s", error)
            return ring
        self._seen_ns = changed_ns
        return found

    def _changed_ns(self) -> tuple[int, int]:
        return _time_of(self._secrets_dir), _time_of(self._memory)


def _time_of(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0
