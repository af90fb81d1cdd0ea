"""Free space put by on the disk of a folder, for the little that must be written when the disk is full.

Files that hold nothing: removing one frees its blocks. What the recorder keeps free is not enough, because another
program may fill the disk to the last byte, and may take at once what a removed file leaves over: hence several.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from vigilar.base.errors import ErrorKind, VigilarError
from vigilar.base.folder_id import FILE_NAME

FOLDER_NAME = "reserve"
PIECES = 8
PIECE_BYTES = 256 * 1024
"""2 MiB in all, an eighth of what the recorder leaves free. One piece is enough for the database's shared memory (32
KiB at least) and the log of a few small transactions, or for the broker's files."""

Result = TypeVar("Result")


class Reserve:
    """The reserve in ``folder``. Any thread, any process: each step is one call to the system."""

    def __init__(self, folder: Path) -> None:
        self._mark = folder / FILE_NAME
        self._folder = folder / FOLDER_NAME
        self._pieces = [self._folder / str(number) for number in range(PIECES)]

    def keep(self) -> None:
        """Make the pieces that are not there, as far as the disk has free space. Does nothing where the folder does not
        carry the mark of a house: its drive is away then, and this would be the system disk under its mount point."""
        with contextlib.suppress(OSError):
            if not self._mark.exists():
                return
            self._folder.mkdir(mode=0o700, exist_ok=True)
            for piece in self._pieces:
                if not piece.exists():
                    _make(piece)

    def spend(self) -> bool:
        """Give the space of one piece free. False when there is none left: trying again is of no use then."""
        for piece in self._pieces:
            with contextlib.suppress(OSError):
                piece.unlink()
                return True
        return False

    def help(self, step: Callable[[], Result]) -> Result:
        """Do ``step``; when the disk is too full for it, again with one more piece spent. What remains is kept for the
        next time. Raises what ``step`` raises."""
        while True:
            try:
                done = step()
            except VigilarError as error:
                if error.kind is not ErrorKind.FULL or not self.spend():
                    raise
            else:
                self.keep()
                return done


def _make(piece: Path) -> None:
    fd = os.open(piece, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(fd, 0, PIECE_BYTES)
    except OSError:
        piece.unlink()
        raise
    finally:
        os.close(fd)
