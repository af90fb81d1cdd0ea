"""Rows of files, written now or as soon as the database takes them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from vigilar.base.errors import ErrorKind, RecordingError, StoreError
from vigilar.store import files
from vigilar.store.sql import Database
from vigilar.vge.writer import Checkpoint, Closed

logger = logging.getLogger(__name__)

_MAY_PASS = (ErrorKind.TRANSIENT, ErrorKind.FULL, ErrorKind.DENIED, ErrorKind.CORRUPT)
"""A busy, full, read-only or damaged database may be mended; recording cannot begin a file before that anyway."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a file ended: what its row is to say. ``closed`` is None for a file without CLOSE."""

    state: Literal["closed", "recovered", "damaged"]
    reason: str
    end_ms: int
    closed: Closed | None
    size_bytes: int = 0
    plaintext_bytes: int = 0
    record_count: int = 0


class RowBook:
    """The rows of one camera's files. Thread-safe.

    The end of a file is never lost to a busy or full database: it waits here, and ``settle`` is done before the next
    file of the same content begins, because that one carries the link of the one before. If the process dies first,
    ``recovery`` completes the row from the file's own CLOSE.
    """

    def __init__(self, store: Database) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._waiting: dict[files.Content, list[Callable[[], None]]] = {"video": [], "still": []}

    def take_number(self, camera_id: str, content: files.Content) -> tuple[int, bytes]:
        return files.take_number(self.store, camera_id, content)

    def add(self, new: files.NewFile) -> int:
        return files.add_file(self.store, new)

    def checkpoint(self, row_id: int, point: Checkpoint, end_ms: int) -> None:
        """Note how far the open file is durable. Raises StoreError; to be tried again with a newer checkpoint."""
        files.checkpoint_file(
            self.store,
            row_id,
            record=point.record_number,
            tag=point.tag,
            offset=point.offset,
            end_ms=end_ms,
            size_bytes=point.offset,
            plaintext_bytes=point.plaintext_bytes,
        )

    def close(self, row_id: int, ending: Ending) -> None:
        """Write how a file ended. Raises StoreError."""
        closed = ending.closed
        files.close_file(
            self.store,
            row_id,
            state=ending.state,
            end_ms=ending.end_ms,
            size_bytes=closed.size_bytes if closed else ending.size_bytes,
            plaintext_bytes=closed.plaintext_bytes if closed else ending.plaintext_bytes,
            record_count=closed.record_count if closed else ending.record_count,
            link=closed.link if closed else None,
            reason=ending.reason,
        )

    def finish(self, content: files.Content, write: Callable[[], None]) -> None:
        """Do ``write`` now or, if it raises StoreError, before the next file."""
        self.finish_later(content, write)
        try:
            self.settle(content)
        except StoreError as error:
            logger.warning("the end of a file is not in the database yet: %s", error)
        except RecordingError as error:
            logger.warning("an earlier file has no proper end yet: %s", error)

    def finish_later(self, content: files.Content, write: Callable[[], None]) -> None:
        """Do ``write`` before the next file."""
        with self._lock:
            self._waiting[content].append(write)

    def settle(self, content: files.Content) -> None:
        """Do what ``finish`` could not. Raises StoreError or RecordingError if it still cannot; the rest waits on.

        What can never succeed (its row or file is gone) is named in the log and set aside, so that recording goes on.
        """
        while True:
            with self._lock:
                if not self._waiting[content]:
                    return
                write = self._waiting[content][0]
            try:
                write()
            except (RecordingError, StoreError) as error:
                if error.kind in _MAY_PASS:
                    raise
                logger.exception("the end of a file could not be stored")
            with self._lock:
                self._waiting[content].remove(write)
