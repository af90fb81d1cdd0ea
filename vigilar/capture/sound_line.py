"""Keeps sound beside the picture: unit behind unit, filled with silence where there is none. Pure; one thread.

A unit of AAC lasts as long as its samples, whatever its stamp says. So stamps only tell where the first one belongs;
from then on units are counted. Where counting goes wrong (another crystal, lost packets, a microphone that was off)
the arrival tells: sound and picture come over one connection, so what holds up one holds up the other, and how far
apart they come is known much better than when. A whole silent unit is put in, or one left out, before they are further
apart than anybody hears.

Of units that come together the one that came soonest tells: the others waited in the camera. One that gathers seconds
of sound and sends them at once is known by pictures that come meanwhile; its sound is waited for before there is
silence.
"""

from __future__ import annotations

from dataclasses import dataclass

ABSENT_NS = 1_000_000_000
"""Without sound for this long silence is put in its place, so that no player waits for it."""

FIRST_ABSENT_NS = 4_000_000_000
"""As ABSENT_NS, for the first sound: nothing tells yet whether the camera gathers it."""

TOGETHER_NS = 150_000_000
"""Units that come within this come together. Reading in batches makes 0.2 s."""

SAME_READ_NS = 20_000_000
"""What comes within this was read at once, and came anywhere in the time since the read before."""

GATHERED_NS = 400_000_000
"""Without sound for this long while pictures come, and with as much sound behind it at once, sound is gathered..."""

GATHERED_MOST_NS = 10_000_000_000
"""...and waited for twice as long as it lasted, at least as long as the first, and so long at most."""

BEHIND_NS = 500_000_000
"""How far silence stays behind the picture, so that sound that comes after all has its place."""

STOPPED_NS = 300_000_000
"""Sound that comes after ABSENT_NS, and so much elsewhere beside the picture, had stopped: it has its place at once."""

LEARN_NS = 2_000_000_000
LEARN_UNITS = 8
"""So long, and so many units, tell how far sound and picture come apart on this connection."""

PATIENCE_NS = 1_000_000_000
"""Over this time at least, and eight pictures, the distance is averaged before sound is moved."""

MOST_WEIGHT = 0.1
"""Of what units that came together say against all before."""

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
        self._seen_ns = 0  # of the last picture
        self._has_begun = self._is_gathered = False
        self._patience_ns = FIRST_ABSENT_NS
        self._pause_ns = self._paused_ns = 0  # how long pictures came without sound, now and before the last units
        self._together = self._placed = 0  # units that came together, and those of them that were not left out
        self._together_ns = 0  # since when
        self._within_ns = TOGETHER_NS
        self._soonest_ns = 0  # how late that one of them was that came soonest
        self._beside_ns = 0  # how late the picture was beside the last one
        self._step_ns = 0
        self.filled = 0
        """Silent units put in so far."""
        self.left_out = 0

    def begin(self, picture_ns: int, mono_ns: int) -> None:
        """The first picture of the connection, at ``picture_ns`` of media time."""
        if self._next is None:
            self._next = picture_ns * self._rate // _SECOND_NS
            self._heard_ns = self._seen_ns = mono_ns

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
        pictures. ``is_placed`` says that the stamp is to be followed again.
        """
        if self._next is None:
            self._next = samples
        self._unit = unit
        unit_ns = unit * _SECOND_NS // self._rate
        self._end_together(mono_ns)
        silent_ns = mono_ns - self._heard_ns
        is_back = self._has_begun and silent_ns > self._patience_ns
        if not self._has_begun or is_placed or (is_back and self._is_gathered):
            self._has_begun = self._is_learning = True
            self._learned, self._together, self._apart_ns = 0, 0, 0.0
            self._wanted, self._since_ns = samples, mono_ns
        elif is_back and self._is_learning:
            self._wanted += int(silent_ns * self._rate // _SECOND_NS)
        late_ns = None
        if picture_late_ns is not None:
            late_ns = mono_ns - picture_late_ns - self._next * _SECOND_NS // self._rate
        if is_back and not self._is_learning and late_ns is not None and abs(late_ns - self._mean_ns) > STOPPED_NS:
            self._mean_ns = float(late_ns)  # it stopped, and not the connection
        off_ns = self._off_ns()
        if late_ns is not None:
            self._note(late_ns - int(off_ns) if self._is_learning else late_ns, step_ns, mono_ns)
            self._beside_ns = picture_late_ns or 0
        self._heard_ns, self._pause_ns = mono_ns, 0
        if not self._is_gathered:
            self._patience_ns = ABSENT_NS
        if self._is_learning:
            self._wanted += unit
        places = []
        if abs(off_ns) > MOVE_SHARE * unit_ns + min(step_ns / 4, unit_ns):
            units = round(off_ns / unit_ns) or 1
            if units < 0:
                self._move(-unit_ns)
                self.left_out += 1
                return []
            self._move(units * unit_ns)
            places = self._fill(min(units, MAX_FILL_NS // unit_ns))
        self._placed += 1
        places.append(Place(self._next, self._unit, False))
        self._next += unit
        return places

    @property
    def _unit_ns(self) -> int:
        return self._unit * _SECOND_NS // self._rate

    def _off_ns(self) -> float:
        """How far the track is from where it belongs: while it learns, from where the stamps and counting put it."""
        assert self._next is not None  # noqa: S101 -- the callers have set it
        if self._is_learning:
            return float((self._wanted - self._next) * _SECOND_NS // self._rate)
        return self._mean_ns - self._apart_ns

    def _move(self, by_ns: int) -> None:
        """The track goes on so much later than counting says: what comes will be so much less late."""
        self._mean_ns -= by_ns
        if not self._is_learning:
            self._soonest_ns -= by_ns

    def _note(self, late_ns: int, step_ns: int, mono_ns: int) -> None:
        """How late a unit came; the first of those that come together begins anew."""
        if not self._together:
            self._together_ns, self._soonest_ns, self._placed = mono_ns, late_ns, 0
            self._paused_ns = self._pause_ns
        self._together += 1
        self._soonest_ns = min(self._soonest_ns, late_ns)
        self._step_ns = step_ns

    def _end_together(self, mono_ns: int) -> None:
        """Take what the units tell that came together, once no more can be of them."""
        count = self._together
        if not count or mono_ns - self._together_ns <= self._within_ns:
            return
        self._together = 0
        paused_ns, unit_ns = self._paused_ns, self._unit_ns
        if paused_ns >= GATHERED_NS and self._placed * unit_ns <= 2 * paused_ns <= 4 * count * unit_ns:
            self._within_ns = max(self._within_ns, min(count * unit_ns, GATHERED_MOST_NS) // 4)
            self._patience_ns = min(max(FIRST_ABSENT_NS, 8 * self._within_ns), GATHERED_MOST_NS)
            if not self._is_gathered:
                self._is_gathered, self._has_begun = True, False  # what is in place of it so far may be silence
                return
        if not self._is_learning:
            self._follow(count)
            return
        self._learned += count
        self._apart_ns += (self._soonest_ns - self._apart_ns) * count / self._learned
        if mono_ns - self._since_ns >= LEARN_NS and self._learned >= LEARN_UNITS:
            off_ns = self._off_ns()
            self._is_learning, self._mean_ns = False, self._apart_ns + off_ns

    def _follow(self, count: int) -> None:
        unit_ns = self._unit_ns
        change_ns = max(-4 * unit_ns, min(4 * unit_ns, self._soonest_ns - self._mean_ns))
        self._mean_ns += change_ns * min(MOST_WEIGHT, count * unit_ns / max(unit_ns, PATIENCE_NS, 8 * self._step_ns))

    def fill(self, picture_ns: int, mono_ns: int) -> list[Place]:
        """Silence up to a little behind the picture at ``picture_ns``, when no sound has come for a while."""
        self._pause_ns += min(mono_ns - max(self._seen_ns, self._heard_ns), GATHERED_NS)
        self._seen_ns = mono_ns
        if self._together and mono_ns - self._heard_ns < SAME_READ_NS:
            # What was read with it and came behind it is nearer than a picture of the read before.
            nearer_ns = max(0, mono_ns - picture_ns - self._beside_ns)
            self._soonest_ns -= nearer_ns
            self._beside_ns += nearer_ns
        self._end_together(mono_ns)
        if self._next is None or mono_ns - self._heard_ns <= self._patience_ns:
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
