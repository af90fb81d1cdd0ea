"""Ties a track's ticks to the box's clock: which rate they really have, and when each picture was. Pure; one thread.

The box's clock judges by arrival. A packet cannot come before it was taken, so of those of some seconds the one that
came soonest tells where the camera's clock stands; the others waited in some buffer. Wi-Fi holds packets back for
seconds and then hands them out at once: that is lateness after a silence, and says nothing about the camera's clock.
Lateness that grows without a silence before it does: the stamps count at another rate than they say.
"""

from __future__ import annotations

from collections import deque

SETTLE_NS = 700_000_000
"""So long after the start only labels follow: some cameras begin with a burst of seconds-old pictures."""

SLEW_PPM = 500
"""How fast a small difference is followed, as NTP slews; crystals differ by less than 100 ppm."""

FAST_PPM = 10_000
"""How fast one above LARGE_NS is: a hundredth of the speed is not seen."""

LARGE_NS = 200_000_000
OWED_NS = 100_000_000
"""Up to this only labels are moved, and durations are what the stamps say to the tick. Above it durations follow."""

LATE_NS = 400_000_000
LATE_FOR_NS = 400_000_000
"""Later than LATE_NS for so long without a silence that explains it, or soonest so late for LASTING_NS in any case, and
the stamps are not believed any more: durations follow arrival."""

LASTING_NS = 10_000_000_000
EARLY_NS = 250_000_000
"""A label ahead of its arrival by more than this cannot be."""

SILENCE_NS = 300_000_000
"""Without a packet for this, and a step (a second at most), longer than its stamp says, something held packets back.
Reading in batches makes 0.2 s."""

WINDOW_NS = 500_000_000
MEASURE_NS = 8_000_000_000
FIRST_MEASURE_NS = 1_000_000_000
TRUE_RATE = 0.01
"""Stamps whose rate is right to this are believed again."""

_PULL = 0.3
"""A second, and at most: how fast the rest of a difference is taken up while durations follow arrival."""

_MAX_RATE = 500.0
_SECOND_NS = 1_000_000_000


class BoxLine:
    """Ticks of one track in, rising, with their arrival; ticks that last as long as the box's clock says out.

    While ``is_trusted`` (the usual case) the difference between two ticks is what it was, but for what a drifting clock
    needs: below 500 ppm, a hundredth when it is far off.
    """

    def __init__(self, clock: int) -> None:
        """``clock`` is ticks a second."""
        self._clock = clock
        self._shift = 0
        self._carry = 0.0
        self._rate = 0.0  # what each tick lasts longer than one
        self._offset_ns: int | None = None
        self._owed_ns = 0  # what labels were moved by and durations were not
        self._in = self._out = 0
        self._mono_ns = self._settled_ns = 0
        self._label_ns = 0
        self._excuse_ns = 0
        self._late_since_ns = 0  # 0: it is not
        self._soonest_ns = 0
        self._window_ns = 0
        self._point = (0, 0)
        self._points: deque[tuple[int, int]] = deque(maxlen=MEASURE_NS // WINDOW_NS + 1)
        self._delays: deque[tuple[int, int]] = deque(maxlen=LASTING_NS // WINDOW_NS)
        self._slow_ns = 0
        self.delay_ns = 0
        """How much later than its label the last packet came."""
        self.is_trusted = True
        self.found_late = 0
        """How often a packet was late for no silence that explains it, nor was the one before it: that came at its
        time, whatever was made of its silence."""

    @property
    def shift(self) -> int:
        """Ticks out less ticks in, of the last packet."""
        return self._shift

    @property
    def offset_ns(self) -> int:
        """What makes a label of a time in ns."""
        return self._offset_ns or 0

    def place(self, ticks: int, mono_ns: int) -> tuple[int, int]:
        """(ticks, label): the label is the box's monotonic time in ns at which the packet was taken."""
        if self._offset_ns is None:
            self._begin(ticks, mono_ns)
            return ticks, mono_ns
        step = ticks - self._in
        if self._rate:
            self._carry += step * self._rate
            whole = int(self._carry)
            self._carry -= whole
            self._shift += whole
            if self._owed_ns:
                self._pay(whole)
        out = ticks + self._shift
        if out <= self._out:
            out = self._out + 1
            self._shift = out - ticks
        delay_ns = mono_ns - out * _SECOND_NS // self._clock - self._offset_ns
        if delay_ns < 0:
            out, delay_ns = self._take_early(out, step, delay_ns, mono_ns)
        else:
            silence_ns = mono_ns - self._mono_ns - step * _SECOND_NS // self._clock
            if silence_ns > SILENCE_NS and silence_ns > SILENCE_NS + min(step, self._clock) * _SECOND_NS // self._clock:
                # One whose predecessor was not followed by what it held back is none: few pictures come, and late.
                is_worse = self._excuse_ns > SILENCE_NS and delay_ns >= self.delay_ns
                self._excuse_ns = 0 if is_worse else self._excuse_ns + silence_ns
                if is_worse and not self._late_since_ns:
                    self._late_since_ns = self._mono_ns
            if self._excuse_ns > delay_ns:
                self._excuse_ns = delay_ns
            if delay_ns - self._excuse_ns <= LATE_NS:
                self._late_since_ns = 0
            elif not self._late_since_ns:
                self._late_since_ns = mono_ns
            elif mono_ns - self._late_since_ns >= LATE_FOR_NS:
                out, delay_ns = self._take_late(ticks, delay_ns, mono_ns)
        self._in, self._out, self._mono_ns, self.delay_ns = ticks, out, mono_ns, delay_ns
        if delay_ns < self._soonest_ns:
            self._soonest_ns, self._point = delay_ns, (mono_ns, ticks)
        if mono_ns - self._window_ns >= WINDOW_NS:
            self._end_window(mono_ns)
        label_ns = mono_ns - delay_ns
        if label_ns <= self._label_ns:
            label_ns = self._label_ns + 1
        self._label_ns = label_ns
        return out, label_ns

    def _begin(self, ticks: int, mono_ns: int) -> None:
        self._in = self._out = ticks
        self._offset_ns = mono_ns - ticks * _SECOND_NS // self._clock
        self._mono_ns = self._window_ns = self._slow_ns = self._label_ns = mono_ns
        self._settled_ns = mono_ns + SETTLE_NS
        self._point, self._soonest_ns = (mono_ns, ticks), 0
        self._points.append(self._point)

    def _ticks_of(self, span_ns: int) -> int:
        return span_ns * self._clock // _SECOND_NS

    def _take_early(self, out: int, step: int, delay_ns: int, mono_ns: int) -> tuple[int, int]:
        """The packet came before it was taken: labels were too late so far, or the stamps run ahead."""
        assert self._offset_ns is not None  # noqa: S101 -- set by the first packet
        self._excuse_ns = self._late_since_ns = 0
        if self.is_trusted:
            self._offset_ns += delay_ns
            if mono_ns < self._settled_ns:
                return out, 0
            self._owed_ns += delay_ns
            if self._owed_ns >= -EARLY_NS:
                return out, 0
            delay_ns = self._owed_ns
            self._offset_ns -= delay_ns
            self._owed_ns = 0
            self._doubt(mono_ns)
        if delay_ns >= -EARLY_NS // 2:
            return out, delay_ns
        least = self._out + max(1, step // 8)
        placed = max(min(out, least), out - self._ticks_of(-delay_ns - EARLY_NS // 2))
        self._shift -= out - placed
        return placed, delay_ns + (out - placed) * _SECOND_NS // self._clock

    def _take_late(self, ticks: int, delay_ns: int, mono_ns: int) -> tuple[int, int]:
        """Late without an excuse: this packet is put to where it came, and durations follow arrival from here on."""
        self._excuse_ns = self._late_since_ns = 0
        self.found_late += 1
        self._doubt(mono_ns)
        self._shift += self._ticks_of(delay_ns)
        return ticks + self._shift, 0

    def _doubt(self, mono_ns: int) -> None:
        assert self._offset_ns is not None  # noqa: S101 -- set by the first packet
        self.is_trusted = False
        self._shift += self._ticks_of(self._owed_ns)
        self._offset_ns -= self._owed_ns
        self._owed_ns = 0
        rate = self._measure(mono_ns, FIRST_MEASURE_NS)
        self._rate = 0.0 if rate is None else rate - 1.0
        while len(self._points) > 3:
            self._points.popleft()

    def _measure(self, mono_ns: int, span_ns: int) -> float | None:
        """The box's seconds to one of the stamps over the last ``span_ns``; None when that is not known."""
        points = self._points
        newest = points[-1] if points[-1][0] > mono_ns - WINDOW_NS else self._point
        first = points[0]
        for point in points:
            if point[0] > newest[0] - span_ns:
                break
            first = point
        if newest[0] - first[0] < WINDOW_NS or newest[1] <= first[1]:
            return None
        rate = (newest[0] - first[0]) * self._clock / _SECOND_NS / (newest[1] - first[1])
        return max(1 / _MAX_RATE, min(_MAX_RATE, rate))

    def _end_window(self, mono_ns: int) -> None:
        soonest_ns = self._soonest_ns
        self._points.append(self._point)
        self._delays.append((mono_ns, soonest_ns))
        self._window_ns, self._soonest_ns = mono_ns, _SECOND_NS * 1_000_000
        if self.is_trusted:
            self._drift(mono_ns)
        else:
            self._follow(mono_ns, soonest_ns)

    def _drift(self, mono_ns: int) -> None:
        """Once in ten seconds: labels, then durations, follow the soonest of these."""
        if mono_ns - self._slow_ns < LASTING_NS:
            return
        span_ns, self._slow_ns = mono_ns - self._slow_ns, mono_ns
        error_ns = min(delay_ns for at_ns, delay_ns in self._delays if at_ns > mono_ns - span_ns)
        if error_ns > LATE_NS:
            self._doubt(mono_ns)
            return
        if abs(error_ns) > LARGE_NS:
            self._rate = (1 if error_ns > 0 else -1) * FAST_PPM / 1e6
            return
        assert self._offset_ns is not None  # noqa: S101 -- set by the first packet
        limit_ns = span_ns * SLEW_PPM // 1_000_000
        moved_ns = max(-limit_ns, min(limit_ns, error_ns))
        self._offset_ns += moved_ns
        self._owed_ns += moved_ns
        is_owed = abs(self._owed_ns) > OWED_NS or (self._rate != 0.0 and abs(self._owed_ns) > OWED_NS // 5)
        self._rate = (1 if self._owed_ns > 0 else -1) * 2 * SLEW_PPM / 1e6 if is_owed else 0.0

    def _pay(self, ticks: int) -> None:
        """Durations take up what labels were moved by: these stay where they are."""
        assert self._offset_ns is not None  # noqa: S101 -- set by the first packet
        paid_ns = ticks * _SECOND_NS // self._clock
        if paid_ns * self._owed_ns < 0:
            return
        paid_ns = max(-abs(self._owed_ns), min(abs(self._owed_ns), paid_ns))
        self._offset_ns -= paid_ns
        self._owed_ns -= paid_ns

    def _follow(self, mono_ns: int, soonest_ns: int) -> None:
        """While stamps are not believed: the measured rate, and what is left of the difference."""
        short = self._measure(mono_ns, FIRST_MEASURE_NS)
        rate = self._measure(mono_ns, MEASURE_NS)
        if rate is None or short is None:
            return
        if abs(short / rate - 1) > 0.15 and abs(soonest_ns) > EARLY_NS // 2:
            rate = short  # another rate than before, as when night comes
            while len(self._points) > 3:
                self._points.popleft()
        is_long = self._points[-1][0] - self._points[0][0] >= MEASURE_NS - WINDOW_NS
        if is_long and abs(rate - 1) < TRUE_RATE and abs(soonest_ns) < LATE_NS:
            self.is_trusted, self._rate, self._owed_ns, self._slow_ns = True, 0.0, 0, mono_ns
            return
        pull = max(-_PULL, min(_PULL, _PULL * soonest_ns / _SECOND_NS))
        self._rate = rate * (1 + pull) - 1
