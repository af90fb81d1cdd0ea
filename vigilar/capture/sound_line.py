"""Keeps sound beside the picture: unit behind unit, filled with silence where there is none. Pure; one thread.

A unit of AAC lasts as long as its samples, whatever its stamp says. So stamps only tell where the first one belongs;
from then on units are counted. Where counting goes wrong (another crystal, lost packets, a microphone that was off)
the arrival tells: sound and picture come over one connection, so what holds up one holds up the other, and how far
apart they come is known much better than when. A whole silent unit is put in, or one left out, before they are further
apart than anybody hears.
"""

from __future__ import annotations

from dataclasses import dataclass

ABSENT_NS = 1_000_000_000
"""Without sound for this long silence is put in its place, so that no player waits for it."""

BEHIND_NS = 500_000_000
"""How far silence stays behind the picture, so that sound that comes after all has its place."""

STOPPED_NS = 300_000_000
"""Sound that comes after ABSENT_NS, and so much elsewhere beside the picture, had stopped: it has its place at once."""

LEARN_NS = 2_000_000_000
LEARN_UNITS = 8
"""So long, and so many units, tell how far sound and picture come apart on this connection."""

PATIENCE_NS = 1_000_000_000
"""Over about this time, and eight pictures, the distance is averaged before sound is moved."""

MOVE_SHARE = 0.6
"""Of a unit: sound that is off by more is moved by whole units, to 0.4 at most."""

MAX_FILL_NS = 600_000_000_000
"""Put in at once at most. A picture that was away for longer begins a new file in any case."""

_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a unit goes, and how long it lasts. ``is_silence``: it is one of ours."""

    samples: int
    length: int
    is_silence: bool


class SoundLine:
    """Places the units of one sound track on the line of time of the picture."""

    def __init__(self, rate: int, has_silence: bool) -> None:
        """``rate`` is samples a second. Without ``has_silence`` the track has gaps instead."""
        self._rate = rate
        self._has_silence = has_silence
        self._next: int | None = None  # where the next unit begins
        self._unit = 1024
        self._wanted = 0  # where the first stamp and counting put the next unit
        self._apart_ns = 0.0  # how much later than the picture beside it sound should come
        self._mean_ns = 0.0  # how much later it comes
        self._learned = 0
        self._is_learning = True
        self._since_ns = 0
        self._heard_ns = 0
        self.filled = 0
        """Silent units put in so far."""
        self.left_out = 0

    def begin(self, picture_ns: int, mono_ns: int) -> None:
        """The first picture of the connection, at ``picture_ns`` of media time."""
        if self._next is None:
            self._next = picture_ns * self._rate // _SECOND_NS
            self._heard_ns = mono_ns

    def add(
        self,
        samples: int,
        unit: int,
        mono_ns: int,
        picture_late_ns: int | None,
        step_ns: int,
        *,
        is_placed: bool = False,
    ) -> list[Place]:
        """Where the unit that came at ``mono_ns`` goes, behind silence if there must be some; empty: it is left out.

        ``samples`` is where its stamp puts it and ``unit`` how long it lasts. ``picture_late_ns`` is the arrival of the
        last picture less its media time, None when that came too long ago to compare; ``step_ns`` is the distance of
        pictures. ``is_placed`` says that the stamp is to
        be followed again.
        """
        if self._next is None:
            self._next = samples
        self._unit = unit
        unit_ns = unit * _SECOND_NS // self._rate
        if self._learned == 0 or is_placed:
            self._is_learning, self._learned, self._apart_ns = True, 0, 0.0
            self._wanted, self._since_ns = samples, mono_ns
        late_ns = None
        if picture_late_ns is not None:
            late_ns = mono_ns - picture_late_ns - self._next * _SECOND_NS // self._rate
        if self._is_learning:
            off_ns = float(self._learn(late_ns, unit, mono_ns))
        else:
            if late_ns is not None:
                self._follow(late_ns, unit_ns, step_ns, mono_ns)
            off_ns = self._mean_ns - self._apart_ns
        self._heard_ns = mono_ns
        places = []
        if abs(off_ns) > MOVE_SHARE * unit_ns + min(step_ns / 4, unit_ns):
            units = round(off_ns / unit_ns) or 1
            if units < 0:
                self._mean_ns += unit_ns
                self.left_out += 1
                return []
            self._mean_ns -= units * unit_ns
            places = self._fill(min(units, MAX_FILL_NS // unit_ns))
        places.append(Place(self._next, self._unit, False))
        self._next += unit
        return places

    def _learn(self, late_ns: int | None, unit: int, mono_ns: int) -> int:
        """Take the stamp at its word, and note how sound comes. How far the track is from where it belongs."""
        assert self._next is not None  # noqa: S101 -- the caller has set it
        if self._learned and mono_ns - self._heard_ns > ABSENT_NS:
            self._wanted += int((mono_ns - self._heard_ns) * self._rate // _SECOND_NS)
        off_ns = (self._wanted - self._next) * _SECOND_NS // self._rate
        self._wanted += unit
        if late_ns is None and self._learned:
            return off_ns
        self._learned += 1
        self._apart_ns += ((late_ns or 0) - off_ns - self._apart_ns) / self._learned
        if mono_ns - self._since_ns >= LEARN_NS and self._learned >= LEARN_UNITS:
            self._is_learning = False
            self._mean_ns = self._apart_ns + off_ns
        return off_ns

    def _follow(self, late_ns: int, unit_ns: int, step_ns: int, mono_ns: int) -> None:
        if mono_ns - self._heard_ns > ABSENT_NS and abs(late_ns - self._mean_ns) > STOPPED_NS:
            self._mean_ns = float(late_ns)  # it stopped, and not the connection
        else:
            change_ns = max(-4 * unit_ns, min(4 * unit_ns, late_ns - self._mean_ns))
            self._mean_ns += change_ns * unit_ns / max(unit_ns, PATIENCE_NS, 8 * step_ns)

    def fill(self, picture_ns: int, mono_ns: int) -> list[Place]:
        """Silence up to a little behind the picture at ``picture_ns``, when no sound has come for a while."""
        if self._next is None or mono_ns - self._heard_ns <= ABSENT_NS:
            return []
        behind_ns = picture_ns - int(self._apart_ns) - BEHIND_NS
        units = (behind_ns * self._rate // _SECOND_NS - self._next) // self._unit
        return self._fill(min(units, MAX_FILL_NS * self._rate // _SECOND_NS // self._unit))

    def _fill(self, units: int) -> list[Place]:
        assert self._next is not None  # noqa: S101 -- the callers looked
        places = []
        for _ in range(units):
            if self._has_silence:
                self.filled += 1
                places.append(Place(self._next, self._unit, True))
            self._next += self._unit
        return places
