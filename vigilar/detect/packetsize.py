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
one. At the most a noisy camera costs one needless look a minute. One that is stronger by FACTOR is heeded all the same:
what comes to nothing again and again says nothing of it."""


class PacketSizes:
    """Watches the sizes of the pictures between keyframes. One stream, one thread."""

    def __init__(self) -> None:
        self._sizes: deque[int] = deque(maxlen=MEMORY_PACKETS)
        self._recent: deque[int] = deque(maxlen=RECENT)
        self._level = 0.0
        self._usual = 0.0
        self._spread = 0.0
        self._added = 0
        self._deaf_until_ns = 0
        self._deaf_to = 0.0
        self._back_off_s = BACK_OFF_MIN_S
        self._levels: deque[float] = deque(maxlen=LOUD_MEMORY)
        self._large = math.inf
        self._large_ns = 0

    @property
    def knows_large(self) -> bool:
        """Whether enough was seen to tell large packets."""
        return self._large != math.inf

    def is_large(self, mono_ns: int) -> bool:
        """Whether the newest packets are among the largest of the last 30 s: a hint while resting, mostly wrong."""
        if self._level <= self._large or mono_ns - self._large_ns < LARGE_GAP_S * 1e9:
            return False
        self._large_ns = mono_ns
        return True

    def add(self, size_bytes: int, mono_ns: int) -> float:
        """How much the packets up to this one hint at motion: by what factor they are unusual, 0 when they do not."""
        self._recent.append(size_bytes)
        self._level = _middle(self._recent)
        strength = self._strength()
        is_heard = mono_ns >= self._deaf_until_ns or strength > FACTOR * self._deaf_to
        self._sizes.append(size_bytes)
        self._levels.append(self._level)
        self._added += 1
        if self._added % RENEW_PACKETS == 0:
            self._usual = usual = _middle(self._sizes)
            self._spread = _middle([abs(size - usual) for size in self._sizes])
            if len(self._levels) >= LOUD_LEAST:
                self._large = sorted(self._levels)[-math.ceil(LARGE_SHARE * len(self._levels))]
        return strength if is_heard else 0.0

    def judge(self, strength: float, *, was_right: bool, mono_ns: int) -> None:
        """Say what came of the last hint, given with this strength at ``mono_ns``."""
        if was_right:
            self._back_off_s = BACK_OFF_MIN_S
            return
        self._deaf_to = strength
        self._deaf_until_ns = mono_ns + int(self._back_off_s * 1e9)
        self._back_off_s = min(BACK_OFF_MAX_S, 2 * self._back_off_s)

    def _strength(self) -> float:
        """By how much the newest packets are larger or smaller than usual; 0 when that is nothing unusual."""
        if self._added < LEAST_PACKETS or len(self._recent) < RECENT:
            return 0.0
        strength = max(self._level, self._usual) / max(1.0, min(self._level, self._usual))
        is_unusual = strength > FACTOR and (strength - 1.0) * self._usual > SPREAD * self._spread
        return strength if is_unusual else 0.0


def _middle(values: Collection[float]) -> float:
    """The median; of an even number of values the upper of the two."""
    return sorted(values)[len(values) // 2]
