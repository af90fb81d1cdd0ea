"""Whose turn it is: who has waited longest. Pure; no pictures wait here."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Who = TypeVar("Who", bound=Hashable)


class TurnQueue(Generic[Who]):
    """Who waits, since when. Times are monotonic seconds. One thread."""

    def __init__(self) -> None:
        self._since: dict[Who, float] = {}
        self._longest_s = 0.0

    def __len__(self) -> int:
        return len(self._since)

    def want(self, who: Who, now_s: float) -> None:
        """``who`` waits from now on; who waits already keeps the place."""
        self._since.setdefault(who, now_s)

    def drop(self, who: Who) -> None:
        self._since.pop(who, None)

    def next(self, now_s: float) -> Who | None:
        """Who has waited longest, and waits no more; None when nobody does."""
        if not self._since:
            return None
        who = min(self._since, key=lambda one: self._since[one])
        self._longest_s = max(self._longest_s, now_s - self._since.pop(who))
        return who

    def take_longest_s(self, now_s: float) -> float:
        """The longest wait since this was last asked, of those who still wait as well."""
        waiting = max((now_s - since for since in self._since.values()), default=0.0)
        longest, self._longest_s = max(self._longest_s, waiting), 0.0
        return longest
