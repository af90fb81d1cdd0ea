"""Texts of new cards, for the pages that are open.

What is new is told to all open pages at once, and each needs the same card. So its text goes with the telling, to pages
that show the list, and is made once for all of them that belong to one member.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from vigilar.web.rights import Member

MAX_TEXTS = 32
"""Cards that are held, of about 2 kB: those of the newest changes, for as many members as a house has."""


class CardTexts:
    """Texts of cards by member and change, made once each: who asks while one is being made waits for it. Any thread.
    A text is of the moment at which it was first asked for: a page that comes late gets what came since by itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: OrderedDict[tuple[Member, int], str] = OrderedDict()

    def get(self, member: Member, change: int, make: Callable[[], str]) -> str:
        """Raises what ``make`` raises; then the next one tries again."""
        with self._lock:
            if (member, change) not in self._texts:
                self._texts[member, change] = make()
                if len(self._texts) > MAX_TEXTS:
                    self._texts.popitem(last=False)
            return self._texts[member, change]
