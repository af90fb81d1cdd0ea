"""What was done to many events at once, remembered for a while so that it can be taken back.

In memory, of this process: after a restart the button says that it is too late, and nothing else is lost.
"""

from __future__ import annotations

import secrets
import threading
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

LIVES_MS = 15 * 60_000
"""Whoever regrets something does so within minutes."""

What = Literal["seen", "kept"]

MOST = 32
"""Remembered at once; the oldest goes. One that marks 100,000 events takes 0.8 MB."""


@dataclass(frozen=True, slots=True)
class Undo:
    """The events (ids) of which a member changed ``what``, to ``value``; ``words`` say what was done."""

    member_id: int
    words: str
    what: What
    value: bool
    events: array[int]
    at_ms: int


class Undos:
    """Any thread. ``now_ms`` gives UTC ms."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Undo] = OrderedDict()

    def add(self, member_id: int, words: str, what: What, *, value: bool, events: Iterable[int]) -> str:
        """Remember it; the token by which it is told and, if it changed any event, taken back."""
        undo = Undo(member_id, words, what, value, array("q", events), self._now_ms())
        token = secrets.token_urlsafe(12)
        with self._lock:
            self._known[token] = undo
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return token

    def find(self, token: str, member_id: int) -> Undo | None:
        """What the token stands for; None when it is somebody else's, too old, or was taken back."""
        with self._lock:
            found = self._known.get(token)
        is_good = found is not None and found.member_id == member_id and self._now_ms() - found.at_ms < LIVES_MS
        return found if is_good else None

    def take(self, token: str, member_id: int, what: What) -> Undo | None:
        """The same, once."""
        found = self.find(token, member_id)
        if found is None or found.what != what:
            return None
        with self._lock:
            return self._known.pop(token, None)
