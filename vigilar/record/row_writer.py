"""The rows of one camera's files, on a thread of their own: who records never waits for the database.

Invariant: a file with a record in it has its row, or is on the way to one: its entry waits here, and if the process
dies first, the camera's next process makes the row from the file itself (``recovery``). The steps of a file, and what
that next process finds and does when this one dies behind each:

    1  a number is taken (``chain``)                         nothing: a gap in the numbers
    2  header, then folder entry are durable                 a file without row or record: into quarantine
    3  its entry waits here; records are written and synced  a file without row: adopted, then as after 4
    4  the row is written                                    proved, cut behind its last true record, closed
    5  a checkpoint is written, always after its sync        the same; it must not end before its checkpoint
    6  CLOSE is durable; its link goes to the next header    the row gets its end from the CLOSE (adopted before if 4
                                                             was not reached)
    7  the end and the link are written to the row           nothing to do

The recorder's thread does 1, 2, 3 and 6, which touch files and memory only; this thread does 4, 5 and 7 as soon as
the database takes them, for each file in this order. Between files no order is needed: the chain in the database
goes by number (``store.files.close_file``). The next file begins after 6, whether 4 to 7 are done or not.

Bound: a newer checkpoint of a file replaces the one that waits; starts and ends are never dropped, they are a few
hundred bytes each; when MAX_WAITING files wait, no further file begins until the database takes some.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vigilar.base.bell import Bell
from vigilar.base.clock import Clock
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.base.stop import Stop
from vigilar.base.tally import Tally
from vigilar.record.chain import BLOCK, FileChain
from vigilar.store import files
from vigilar.store.sql import Database
from vigilar.vge.writer import Checkpoint, Closed

logger = logging.getLogger(__name__)

MAX_WAITING = 1000
"""Three days of files of 5 minutes, about 1 MB."""

RETRY_S = 1.0
IDLE_S = 5.0
"""A sign of life at least this often; ``wake`` and each entry end the wait."""

_MAY_PASS = (ErrorKind.TRANSIENT, ErrorKind.FULL, ErrorKind.DENIED, ErrorKind.CORRUPT)
"""A busy, full, read-only or damaged database may be mended."""


EndState = Literal["closed", "recovered", "damaged"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a file ended: what its row is to say. ``closed`` is None for a file without CLOSE."""

    state: EndState
    reason: str
    end_ms: int
    closed: Closed | None
    size_bytes: int = 0
    plaintext_bytes: int = 0


def store_ending(store: Database, row_id: int, ending: Ending, *, unless_closed: bool = False) -> bool:
    """Write how a file ended, with ``unless_closed`` only to a row that is open; whether it was. Raises StoreError."""
    closed = ending.closed
    return files.close_file(
        store,
        row_id,
        state=ending.state,
        end_ms=ending.end_ms,
        size_bytes=closed.size_bytes if closed else ending.size_bytes,
        plaintext_bytes=closed.plaintext_bytes if closed else ending.plaintext_bytes,
        record_count=closed.record_count if closed else 0,
        link=closed.link if closed else None,
        reason=ending.reason,
        unless_closed=unless_closed,
    )


class RowEntry:
    """What is to be written to the row of one file. ``checkpoint`` and ``close`` do not wait; any thread."""

    def __init__(self, rows: RowWriter, new: files.NewFile) -> None:
        self.new = new
        self.row_id: int | None = None
        self.point: tuple[Checkpoint, int] | None = None
        self.ending: Ending | None = None
        self.is_refused = False
        self._rows = rows

    @property
    def is_due(self) -> bool:
        return not self.is_refused and (self.row_id is None or self.point is not None or self.ending is not None)

    def checkpoint(self, point: Checkpoint, end_ms: int) -> None:
        """The file is durable up to ``point``, which ends at ``end_ms`` UTC."""
        self.point = (point, end_ms)
        self._rows.queue(self)

    def close(self, ending: Ending) -> None:
        """The file is over. Once."""
        self.ending = ending
        self._rows.queue(self)

    def write(self) -> int:
        """Write what waits, on the calling thread; the id of the row. Raises StoreError: then it goes on waiting."""
        return self._rows.write(self)


class RowWriter:
    """Writes the rows of one camera. ``run`` belongs to one thread; the rest: any thread.

    Locks: 1 ``_writing`` (held over a transaction, never by the recorder's thread), 2 ``_lock`` (never over I/O).
    """

    def __init__(
        self, store: Database, camera_id: str, chains: Mapping[files.Content, FileChain], clock: Clock
    ) -> None:
        self.alive_mono_ns = clock.mono_ns()
        self._store = store
        self._camera_id = camera_id
        self._chains = chains
        self._clock = clock
        self._writing = threading.Lock()
        self._lock = threading.Lock()
        self._due: dict[RowEntry, None] = {}
        self._bell = Bell()
        self._errors = Tally(logger, "rows of recordings wait for the database", every_s=10.0)

    @property
    def waiting(self) -> int:
        """Files of which the database does not know all yet."""
        return len(self._due)

    def check_space(self) -> None:
        """Raises StoreError (transient) when so many files wait that no further one may begin."""
        if len(self._due) >= MAX_WAITING:
            raise StoreError(f"the rows of {len(self._due)} files wait for the database", kind=ErrorKind.TRANSIENT)

    def begin(self, new: files.NewFile) -> RowEntry:
        """The entry of a file whose header and folder entry are durable. Does not wait."""
        entry = RowEntry(self, new)
        self.queue(entry)
        return entry

    def queue(self, entry: RowEntry) -> None:
        """Something of ``entry`` is due."""
        with self._lock:
            if not entry.is_refused:
                self._due[entry] = None
        self._bell.ring()

    def run(self, stop: Stop) -> None:
        """Write until ``stop``, then once more. What is left then is for the next process to find."""
        while not stop.is_set():
            is_done = self.write_waiting()
            self.alive_mono_ns = self._clock.mono_ns()
            if is_done:
                self._bell.wait(IDLE_S)
            else:
                stop.wait(RETRY_S)
        if not self.write_waiting() and self._due:
            logger.warning("the rows of %d files are left to the next start", len(self._due))

    def wake(self) -> None:
        """Make ``run`` look at its ``stop`` now."""
        self._bell.ring()

    def write_waiting(self) -> bool:
        """Write all that is due and set numbers aside; False when the database does not take it for now."""
        try:
            while entry := self._first():
                with self._writing:
                    self._write(entry)
                self.alive_mono_ns = self._clock.mono_ns()
            self._reserve()
        except StoreError as error:
            self._errors.add(error)
            return False
        return True

    def write(self, entry: RowEntry) -> int:
        """See ``RowEntry.write``."""
        with self._writing:
            self._write(entry)
        if entry.row_id is None:
            raise StoreError(f"{entry.new.path} has no row", kind=ErrorKind.BUG)
        return entry.row_id

    def _first(self) -> RowEntry | None:
        with self._lock:
            return next(iter(self._due), None)

    def _write(self, entry: RowEntry) -> None:
        """What is due of one file, in order. Raises StoreError if it may pass; what never can is named and left out,
        so that the others are written."""
        try:
            self._write_start(entry)
            self._write_point(entry)
            self._write_ending(entry)
        except StoreError as error:
            if error.kind in _MAY_PASS:
                raise
            logger.exception("the row of %s could not be written", entry.new.path)
            entry.is_refused = True
        with self._lock:
            if not entry.is_due:
                self._due.pop(entry, None)

    def _write_start(self, entry: RowEntry) -> None:
        if entry.row_id is None and not entry.is_refused:
            entry.row_id = files.add_file(self._store, entry.new)

    def _write_point(self, entry: RowEntry) -> None:
        waiting = entry.point
        if waiting is None or entry.row_id is None:
            return
        point, end_ms = waiting
        if entry.ending is None:  # an end says more
            files.checkpoint_file(
                self._store,
                entry.row_id,
                record=point.record_number,
                tag=point.tag,
                offset=point.offset,
                end_ms=end_ms,
                size_bytes=point.offset,
                plaintext_bytes=point.plaintext_bytes,
            )
        with self._lock:
            if entry.point is waiting:
                entry.point = None

    def _write_ending(self, entry: RowEntry) -> None:
        if entry.ending is not None and entry.row_id is not None:
            try:
                store_ending(self._store, entry.row_id, entry.ending)
            except StoreError as error:
                if error.code != files.NO_FILE:
                    raise
                # The row was lost with a damaged database: the file gets another, or the one made of it meanwhile.
                entry.row_id = files.add_file(self._store, entry.new)
                store_ending(self._store, entry.row_id, entry.ending)
            entry.ending = None

    def _reserve(self) -> None:
        for content, chain in self._chains.items():
            at_least = chain.missing_from()
            if at_least is not None:
                with self._writing:
                    first = files.reserve_numbers(self._store, self._camera_id, content, BLOCK, at_least)
                    chain.add_block(first)
