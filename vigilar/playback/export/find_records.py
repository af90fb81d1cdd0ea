"""Finds the records of a movie in its media again, when some were changed, cut out or moved.

Bytes are looked at in order. Where the record that must come does not stand, another one is looked for by its first
bytes and proved by its hash; what is then never found was changed or is missing, and what is found out of its order was
moved. ``verify.html`` does the same in its own words.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

READ_BYTES = 1 << 20
NEAR = 400
"""So many records behind the one that must come are looked for in strange bytes: three minutes."""


class Fate(Enum):
    """What became of a record."""

    EXACT = "exact"
    CHANGED = "changed"
    MISSING = "missing"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Known:
    """A record as the manifest has it. ``size`` of its media; ``head`` its first bytes; ``is_it`` proves bytes."""

    size: int
    head: bytes
    is_it: Callable[[bytes], bool]


Read = Callable[[int, int], bytes]
"""The bytes [start, stop) of the movie; fewer at its end."""


def find_fates(read: Read, start: int, stop: int, records: Sequence[Known]) -> tuple[list[Fate], int]:
    """What became of each record, and how many bytes belong to none. The media are bytes [start, stop)."""
    search = _Search(read, stop, records)
    return search.run(start)


class _Search:
    def __init__(self, read: Read, stop: int, records: Sequence[Known]) -> None:
        self._read = read
        self._stop = stop
        self._records = records
        self._by_head: dict[bytes, list[int]] = {}
        for number, one in enumerate(records):
            self._by_head.setdefault(one.head, []).append(number)
        self._found: set[int] = set()
        self._order: list[int] = []
        self._strange: dict[int, int] = {}  # bytes that are no record, by the record that should have come

    def run(self, at: int) -> tuple[list[Fate], int]:
        expected = 0
        while at < self._stop:
            number = self._match(at, expected)
            if number is None:
                next_at = self._look_on(at, expected)
                self._strange[expected] = self._strange.get(expected, 0) + next_at - at
                at = next_at
                continue
            self._found.add(number)
            self._order.append(number)
            at += self._records[number].size
            expected = number + 1
            while expected in self._found:
                expected += 1
        return self._fates(), sum(self._strange.values())

    def _match(self, at: int, expected: int) -> int | None:
        """The record that stands at ``at``; the one that is expected is tried first."""
        head = self._read(at, at + 8)
        others = self._by_head.get(head, [])
        for number in ([expected] if expected < len(self._records) else []) + others:
            one = self._records[number]
            if number in self._found or not head.startswith(one.head) or at + one.size > self._stop:
                continue
            if one.is_it(self._read(at, at + one.size)):
                return number
        return None

    def _look_on(self, at: int, expected: int) -> int:
        """Where the next record begins behind bytes that are none."""
        if expected + 1 < len(self._records):  # changed, and as long as it was: by far the most frequent
            beside = at + self._records[expected].size
            if beside <= self._stop and self._match(beside, expected + 1) is not None:
                return beside
        heads = {one.head for one in self._records[expected : expected + NEAR]} | {
            self._records[number].head
            for number in range(max(0, expected - NEAR), expected)
            if number not in self._found
        }
        place = at + 1
        while place < self._stop:
            piece = self._read(place, place + READ_BYTES + 8)
            hits = sorted(
                hit
                for head in heads
                if head
                for hit in _all_hits(piece, head)
                if self._match(place + hit, expected) is not None
            )
            if hits:
                return place + hits[0]
            place += READ_BYTES
        return self._stop

    def _fates(self) -> list[Fate]:
        in_order = _longest_rise(self._order)
        fates = []
        for number in range(len(self._records)):
            if number in self._found:
                fates.append(Fate.EXACT if number in in_order else Fate.MOVED)
            else:
                fates.append(Fate.CHANGED if self._strange_near(number) else Fate.MISSING)
        return fates

    def _strange_near(self, number: int) -> bool:
        """Whether strange bytes stand where the record should: in the run of records that were not found around it."""
        first = number
        while first and first not in self._strange and first - 1 not in self._found:
            first -= 1
        return first in self._strange


def _all_hits(piece: bytes, head: bytes) -> list[int]:
    hits: list[int] = []
    at = piece.find(head)
    while at >= 0 and len(hits) < 8:
        hits.append(at)
        at = piece.find(head, at + 1)
    return hits


def _longest_rise(numbers: Sequence[int]) -> set[int]:
    """The most numbers that stand in their order: what is not among them was moved."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, number in enumerate(numbers):
        place = bisect_left(tails, number)
        before.append(ends[place - 1] if place else -1)
        if place == len(tails):
            tails.append(number)
            ends.append(index)
        else:
            tails[place], ends[place] = number, index
    found: set[int] = set()
    at = ends[-1] if ends else -1
    while at >= 0:
        found.add(numbers[at])
        at = before[at]
    return found
