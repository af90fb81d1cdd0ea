"""One `.vge` file while it is written: records, syncs, checkpoints, its end. One thread, and file work only."""

from __future__ import annotations

import logging
from collections.abc import Callable

from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.record.chain import FileChain
from vigilar.record.row_writer import Ending, EndState, RowEntry
from vigilar.vge.format import CloseReason
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import LOCKED_CODES
from vigilar.vge.recover import recover_file
from vigilar.vge.writer import Closed, VgeWriter

logger = logging.getLogger(__name__)


class OpenFile:
    """A file whose row is written or waits. Ends by ``close`` or ``give_up``, whichever comes first; the other is then
    nothing. ``end_later`` takes what must be done before the next file of its chain begins. ``ring`` has the key it is
    under, ``get_ring`` gives the keys as they are later, when a rotation may have moved it."""

    def __init__(
        self,
        writer: VgeWriter,
        row: RowEntry,
        chain: FileChain,
        end_later: Callable[[Callable[[], None]], None],
        ring: KeyRing,
        get_ring: Callable[[], KeyRing],
    ) -> None:
        self.writer = writer
        self.row = row
        self._chain = chain
        self._end_later = end_later
        self._ring, self._get_ring = ring, get_ring
        self._is_open = True

    @property
    def name(self) -> str:
        """The path in the data folder."""
        return self.row.new.path

    def checkpoint(self, end_utc_ns: int) -> None:
        """Sync; the database will be told how far. Raises RecordingError: the file is lost for writing."""
        self.row.checkpoint(self.writer.sync(), end_utc_ns // 1_000_000)

    def close(self, reason: CloseReason, why: str, *, utc_ns: int, mono_ns: int) -> None:
        """End the file with CLOSE; times are those of its last picture's end. Never raises for the file's own fate.

        Without space for CLOSE the file stays open in the database, and is closed before the next one begins. A
        device error makes it damaged.
        """
        if not self._is_open:
            return
        self._is_open = False
        try:
            closed = self.writer.close(reason, utc_ns=utc_ns, mono_ns=mono_ns)
        except RecordingError as error:
            logger.warning("%s has no proper end yet: %s", self.name, error)
            if error.kind is ErrorKind.FULL:
                self._end_later(lambda: self._close_late(why, utc_ns, mono_ns))
            else:
                self._end_damaged(str(error), utc_ns)
            return
        self._end_closed("closed", why, utc_ns, closed)

    def give_up(self, why: str, *, utc_ns: int) -> None:
        """Let go of a file whose device failed; what it holds stays and is marked as damaged."""
        if not self._is_open:
            return
        self._is_open = False
        self.writer.abandon()
        self._end_damaged(why, utc_ns)

    def _close_late(self, why: str, utc_ns: int, mono_ns: int) -> None:
        """Add the CLOSE for which there was no space. Raises RecordingError: full while there still is none, denied
        when no key that is held opens the file."""
        path = self.writer.path
        try:
            found = recover_file(path, self._ring, utc_ns=utc_ns, mono_ns=mono_ns)
        except RecordingError as error:
            if error.code not in LOCKED_CODES:
                raise
            found = recover_file(path, self._get_ring(), utc_ns=utc_ns, mono_ns=mono_ns)
        if found.closed is None:
            self._end_damaged(f"after {why}: {found.verdict.name.lower()}", utc_ns)
        else:
            self._end_closed("recovered", why, utc_ns, found.closed)

    def _end_closed(self, state: EndState, why: str, utc_ns: int, closed: Closed) -> None:
        self._chain.note_link(self.row.new.number, closed.link)
        self.row.close(Ending(state, why, utc_ns // 1_000_000, closed))

    def _end_damaged(self, why: str, utc_ns: int) -> None:
        size, plaintext = self.writer.size_bytes, self.writer.plaintext_bytes
        self.row.close(Ending("damaged", why, utc_ns // 1_000_000, None, size, plaintext))
