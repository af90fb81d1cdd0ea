"""Packets of unusual size: a cheap hint that something moves, read before anything is decoded.

Larger ones tell it, and so do smaller ones: an encoder that keeps to a rate pays for somebody who comes in with what it
takes from the pictures after (a single packet of three times the size, then a second of half of it).

A hint wakes the analysis, it never keeps it asleep: with rate control and sensor noise packet size says little
(measured on three clips: to catch 95 % of moving frames 62 to 95 % of the still ones had to be let through).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum

PAID_PACKETS = 12
"""Smaller packets are a hint if one of so many, a second of a slow camera, was large: it is paid for."""
MEMORY_PACKETS = 120
"""Packets the usual size is taken from: 4 s at 30 a second, 12 s at 10."""
RENEW_PACKETS = 20
"""What is usual is taken anew after so many: to sort 120 numbers for each packet would cost more than to read it."""
LEAST_PACKETS = 20
"""Before so many are known nothing is unusual."""
RECENT = 3
"""Packets that are judged together, by the middle one: some encoders refresh their picture by a single large one."""
FACTOR = 1.5
"""How much larger or smaller than usual it must be..."""
SPREAD = 4.0
"""...and by how many usual deviations (median of the absolute deviations)."""
LOUD_MEMORY = 300
LOUD_LEAST = 100
"""Levels (middles of RECENT) that size is judged by, at most and at least: 30 and 10 s at 10 a second..."""
LARGE_SHARE = 0.01
"""...of which the largest hundredth counts as large. Not a size but a rate of false alarms is set: somebody who walks
into a noisy picture makes its packets a fifth larger (measured: 1.2 to 1.4 times), which no fixed factor tells from
noise."""
LARGE_GAP_S = 1.0
"""Large packets hint no more often than this."""
BACK_OFF_MIN_S = 1.0
BACK_OFF_MAX_S = 60.0
"""After a hint that came to nothing the next is heeded no sooner than this; it doubles, and starts anew after a good
one. At the most a noisy camera costs one needless look a minute for each of the kinds."""


@dataclass(slots=True)
class _Trust:
    """How far hints of one kind are heeded, by what came of them."""

    deaf_until_ns: int = 0
    back_off_s: float = BACK_OFF_MIN_S

    def judge(self, mono_ns: int, *, was_right: bool) -> None:
        if was_right:
            self.back_off_s = BACK_OFF_MIN_S
            return
        self.deaf_until_ns = mono_ns + int(self.back_off_s * 1e9)
        self.back_off_s = min(BACK_OFF_MAX_S, 2 * self.back_off_s)


class Hint(IntEnum):
    """What the sizes of packets say, the surest first."""

    LARGER = 0
    STARVED = 1
    LOUD = 2


class PacketSizes:
    """Watches the sizes of the pictures between keyframes. One stream, one thread."""

    def __init__(self) -> None:
        self._sizes: deque[int] = deque(maxlen=MEMORY_PACKETS)
        self._recent: deque[int] = deque(maxlen=RECENT)
        self._paid: deque[int] = deque(maxlen=PAID_PACKETS)
        self._level = 0.0
        self._usual = 0.0
        self._spread = 0.0
        self._added = 0
        self._trust = {hint: _Trust() for hint in Hint}
        self._levels: deque[float] = deque(maxlen=LOUD_MEMORY)
        self._large = math.inf
        self._large_ns = 0

    @property
    def knows_large(self) -> bool:
        """Whether enough was seen to tell large packets."""
        return self._large != math.inf

    def is_loud(self, mono_ns: int) -> bool:
        """Whether the newest packets are among the largest of the last 30 s: a hint while resting, mostly wrong, and so
        not always judged."""
        heard_ns = max(self._large_ns + int(LARGE_GAP_S * 1e9), self._trust[Hint.LOUD].deaf_until_ns)
        if self._level <= self._large or mono_ns < heard_ns:
            return False
        self._large_ns = mono_ns
        return True

    def add(self, size_bytes: int, mono_ns: int) -> Hint | None:
        """Whether the packets up to this one hint at motion."""
        self._recent.append(size_bytes)
        self._paid.append(size_bytes)
        self._level = _middle(self._recent)
        hint = self._unusual()
        self._sizes.append(size_bytes)
        self._levels.append(self._level)
        self._added += 1
        if self._added % RENEW_PACKETS == 0:
            self._usual = usual = _middle(self._sizes)
            self._spread = _middle([abs(size - usual) for size in self._sizes])
            if len(self._levels) >= LOUD_LEAST:
                self._large = sorted(self._levels)[-math.ceil(LARGE_SHARE * len(self._levels))]
        return hint if hint is not None and mono_ns >= self._trust[hint].deaf_until_ns else None

    def judge(self, hint: Hint, *, was_right: bool, mono_ns: int) -> None:
        """Say what came of the last ``hint``, given at ``mono_ns``."""
        self._trust[hint].judge(mono_ns, was_right=was_right)

    def _unusual(self) -> Hint | None:
        if self._added < LEAST_PACKETS or len(self._recent) < RECENT:
            return None
        factor = max(self._level, self._usual) / max(1.0, min(self._level, self._usual))
        if factor <= FACTOR or (factor - 1.0) * self._usual <= SPREAD * self._spread:
            return None
        if self._level > self._usual:
            return Hint.LARGER
        return Hint.STARVED if max(self._paid) > FACTOR * self._usual else None


def _middle(values: Collection[float]) -> float:
    """The median; of an even number of values the upper of the two."""
    return sorted(values)[len(values) // 2]
