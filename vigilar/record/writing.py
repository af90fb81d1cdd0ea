"""One `.vge` file while it is written: records, syncs, checkpoints, its end and its row. One thread."""

from __future__ import annotations

import logging

from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.record.rows import Ending, RowBook
from vigilar.store import files
from vigilar.vge.format import CloseReason
from vigilar.vge.keys import KeyRing
from vigilar.vge.recover import recover_file
from vigilar.vge.writer import VgeWriter

logger = logging.getLogger(__name__)


class OpenFile:
    """A file that has its row. Ends by ``close`` or ``give_up``, whichever comes first; the other is then nothing."""

    def __init__(
        self, writer: VgeWriter, content: files.Content, row_id: int, name: str, rows: RowBook, ring: KeyRing
    ) -> None:
        self.writer = writer
        self.row_id = row_id
        self.name = name
        self._content = content
        self._rows = rows
        self._ring = ring
        self._is_open = True

    def checkpoint(self, end_utc_ns: int) -> None:
        """Sync, then tell the database how far. Raises RecordingError (the file is lost for writing) or StoreError."""
        self._rows.checkpoint(self.row_id, self.writer.sync(), end_utc_ns // 1_000_000)

    def close(self, reason: CloseReason, why: str, *, utc_ns: int, mono_ns: int) -> None:
        """End the file with CLOSE; times are those of its last picture's end. Never raises for the file's own fate.

        Without room for CLOSE the file stays open in the database, and is closed before the next one begins. A
        device error makes it damaged.
        """
        if not self._is_open:
            return
        self._is_open = False
        end_ms = utc_ns // 1_000_000
        try:
            closed = self.writer.close(reason, utc_ns=utc_ns, mono_ns=mono_ns)
        except RecordingError as error:
            logger.warning("%s has no proper end yet: %s", self.name, error)
            if error.kind is ErrorKind.FULL:
                self._rows.finish_later(self._content, lambda: self._close_late(why, utc_ns, mono_ns))
            else:
                self._finish(self._damage(str(error), end_ms))
            return
        self._finish(Ending("closed", why, end_ms, closed))

    def give_up(self, why: str, *, utc_ns: int) -> None:
        """Let go of a file whose device failed; what it holds stays and is marked as damaged."""
        if not self._is_open:
            return
        self._is_open = False
        self.writer.abandon()
        self._finish(self._damage(why, utc_ns // 1_000_000))

    def _damage(self, why: str, end_ms: int) -> Ending:
        return Ending("damaged", why, end_ms, None, self.writer.size_bytes, self.writer.plaintext_bytes)

    def _finish(self, ending: Ending) -> None:
        self._rows.finish(self._content, lambda: self._rows.close(self.row_id, ending))

    def _close_late(self, why: str, utc_ns: int, mono_ns: int) -> None:
        """Add the CLOSE for which there was no room. Raises RecordingError (full) while there still is none."""
        found = recover_file(self.writer.path, self._ring, utc_ns=utc_ns, mono_ns=mono_ns)
        end_ms = utc_ns // 1_000_000
        if found.closed is None:
            self._rows.close(self.row_id, self._damage(f"after {why}: {found.verdict.name.lower()}", end_ms))
            return
        self._rows.close(self.row_id, Ending("recovered", why, end_ms, found.closed))
