"""Numbers and links: what the header of a camera's next file says about the files before it. No I/O but one look.

The row writer keeps some numbers set aside in the database before they are needed. A database that takes nothing for
so long that they run out, or from the process' start on, does not keep a file from beginning: the numbers then go on
behind the highest one that was set aside or lies in the folder, and the database learns of them with the file's row.
Nobody else makes files of this camera, so no number is used twice. What was set aside and not used is a gap.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from vigilar.store.files import ChainEnd

BLOCK = 8
"""Numbers set aside at a time: with files of 5 minutes for 40 minutes; a restart leaves a gap of that many at most."""

LOW = 4
"""With fewer left the next block is due."""


class FileChain:
    """The chain of one camera's files of one content. Thread-safe.

    ``find_highest`` gives the highest number among the files on the disk, 0 without any; it is called once, by the
    thread that takes the first number, and may raise RecordingError.
    """

    def __init__(self, end: ChainEnd, find_highest: Callable[[], int]) -> None:
        self._lock = threading.Lock()
        self._find_highest: Callable[[], int] | None = find_highest
        self._next = self._block_end = end.next_number
        self._link, self._link_number = end.link, end.link_number
        self._ours: list[range] = []
        self._returned: int | None = None

    @property
    def link(self) -> bytes:
        """The link of the newest closed file, for the next header."""
        with self._lock:
            return self._link

    def is_ours(self, number: int) -> bool:
        """Whether this process took that number."""
        with self._lock:
            return any(number in numbers for numbers in self._ours)

    def take(self) -> int:
        """The number of the next file."""
        highest = self._find_highest() if self._find_highest else 0
        with self._lock:
            self._find_highest = None
            if self._returned is not None:
                number, self._returned = self._returned, None
                return number
            number = max(self._next, highest + 1)
            self._next = number + 1
            if self._ours and self._ours[-1].stop == number:
                self._ours[-1] = range(self._ours[-1].start, number + 1)
            else:
                self._ours.append(range(number, number + 1))
            return number

    def give_back(self, number: int) -> None:
        """No file could be made with it: the next one gets it."""
        with self._lock:
            self._returned = number

    def note_link(self, number: int, link: bytes) -> None:
        """File ``number`` is closed with ``link``. One that was closed late does not replace a newer one's."""
        with self._lock:
            if number > self._link_number:
                self._link, self._link_number = link, number

    def missing_from(self) -> int | None:
        """Where a block that is due should begin at the least; None when enough numbers are set aside."""
        with self._lock:
            return self._next if self._block_end - self._next < LOW else None

    def add_block(self, first: int) -> None:
        """The BLOCK numbers from ``first`` on are ours. Not behind the last block: the rest of that one is let go."""
        with self._lock:
            if first != self._block_end:
                self._next = max(self._next, first)
            self._block_end = first + BLOCK
