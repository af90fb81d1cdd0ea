"""Makes a camera's time stamps believable, and ties them to the clocks of the box. Pure; one thread."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from vigilar.media.packets import Kind, Packet, RawPacket

MAX_JUMP_NS = 2_000_000_000
"""A stamp that runs ahead of the box's clock by more than this since the packet before it ends the run."""

MAX_BACKWARD = 8
"""So many packets in a row behind the last one, and the camera's clock went back: the run ends."""

MAX_OFF_NS = 2_000_000_000
"""Media time and the box's clock may differ by this much before a new run re-anchors them."""

SLEW_PPM = 500
"""How fast the anchor follows the box's clock, as NTP slews; crystals differ by less than 100 ppm."""

WINDOW_NS = 10_000_000_000
"""The smallest delay within this time is taken as the true one: the rest waited in some buffer."""

SETTLE_NS = 2_000_000_000
"""So long after the start the anchor follows at once: some cameras begin with a burst of seconds-old pictures."""

_SECOND_NS = 1_000_000_000


class StampJump(Exception):
    """The stamps cannot belong to the same run any more."""


@dataclass(slots=True)
class _Track:
    """One stream: ``scale`` is (numerator, denominator) from ticks to ns, ``base`` what is taken off each stamp."""

    scale: tuple[int, int]
    base: int
    step: int
    last_dts: int | None = None
    last_mono_ns: int = 0
    backward: int = 0

    def ns(self, ticks: int) -> int:
        return ticks * self.scale[0] // self.scale[1]


class StampGate:
    """Raw packets of one run in, packets out. A packet with a stamp that cannot be is dropped and counted.

    A video packet waits for the next one, whose stamp tells its duration: RTP says nothing of durations, and what
    parameter sets say may be half the truth (a camera of 30 frames that its H.265 calls 60, measured). A first packet
    without stamps takes the second packet's time less one step.
    Stamps are moved so that a run begins one to two seconds after zero: none is negative, which fragmented MP4 cannot
    say.
    """

    def __init__(self, run: int, frame_rate: Fraction | None) -> None:
        self._run = run
        self._rate = frame_rate or Fraction(15)
        self._tracks: dict[Kind, _Track] = {}
        self._unstamped: dict[Kind, RawPacket] = {}
        self._waiting: tuple[RawPacket, int, int, int, int] | None = None
        self._base_s: int | None = None
        self._offset_ns: int | None = None
        self._smallest_ns: int | None = None
        self._window_mono_ns = 0
        self._settled_mono_ns = 0
        self.dropped = 0

    def pass_on(self, raw: RawPacket, utc_ns: int, mono_ns: int) -> list[Packet]:
        """The packets that are now sure. Raises StampJump when the run is over."""
        stamp = raw.dts if raw.dts is not None else raw.pts
        if stamp is None:
            if raw.kind in self._tracks or raw.kind in self._unstamped:
                self.dropped += 1
            else:
                self._unstamped[raw.kind] = raw
            return []
        track = self._tracks.get(raw.kind) or self._begin(raw, stamp)
        dts = stamp - track.base
        pts = dts if raw.pts is None else raw.pts - track.base
        packets: list[Packet] = []
        if self._unstamped and (first := self._unstamped.pop(raw.kind, None)) is not None:
            early = max(0, dts - track.step)
            packets = self._packet(first, early, early, track, utc_ns, mono_ns)
        if track.last_dts is None or self._is_in_order(track, dts - track.last_dts, mono_ns):
            packets += self._packet(raw, pts, dts, track, utc_ns, mono_ns)
        return packets

    def flush(self) -> list[Packet]:
        """The video packet that still waits for its successor, with the last known duration. At the end of a run."""
        return self._release(self._tracks[Kind.VIDEO].step) if self._waiting else []

    def _begin(self, raw: RawPacket, stamp: int) -> _Track:
        base = raw.time_base
        if self._base_s is None:
            self._base_s = stamp * base.numerator // base.denominator - 1
        if raw.duration > 0:
            step = raw.duration
        else:
            step = max(1, round(1 / self._rate / base)) if raw.kind is Kind.VIDEO else 1024
        scale = (base.numerator * _SECOND_NS, base.denominator)
        track = _Track(scale, self._base_s * base.denominator // base.numerator, step)
        self._tracks[raw.kind] = track
        return track

    def _is_in_order(self, track: _Track, ahead: int, mono_ns: int) -> bool:
        if ahead <= 0:
            track.backward += 1
            self.dropped += 1
            if track.backward > MAX_BACKWARD:
                raise StampJump("the camera's time went back")
            return False
        # Compared with the box's clock: a camera that paused, or sends one picture in five seconds, has not jumped.
        if track.ns(ahead) - (mono_ns - track.last_mono_ns) > MAX_JUMP_NS and self._is_future(track, ahead, mono_ns):
            raise StampJump("the camera's time jumped ahead")
        track.backward = 0
        return True

    def _is_future(self, track: _Track, ahead: int, mono_ns: int) -> bool:
        """Whether the stamp is ahead of the run's anchor too. Else the packet before it was late: a camera that hung
        for some seconds hands out one old picture first (GStreamer's server, measured), and then those of now."""
        if track.last_dts is None or self._offset_ns is None:
            return True
        return track.ns(track.last_dts + ahead) + self._offset_ns - mono_ns > MAX_JUMP_NS

    def _packet(self, raw: RawPacket, pts: int, dts: int, track: _Track, utc_ns: int, mono_ns: int) -> list[Packet]:
        last_dts, track.last_dts, track.last_mono_ns = track.last_dts, dts, mono_ns
        at_mono_ns = self._on_box_clock(track.ns(dts), mono_ns)
        at_utc_ns = at_mono_ns + utc_ns - mono_ns
        if raw.kind is Kind.VIDEO:
            if last_dts is not None:
                track.step = dts - last_dts
            released = self._release(track.step)
            self._waiting = (raw, pts, dts, at_utc_ns, at_mono_ns)
            return released
        duration = raw.duration if raw.duration > 0 else track.step
        return [self._made(raw, pts, dts, duration, at_utc_ns, at_mono_ns)]

    def _release(self, duration: int) -> list[Packet]:
        if self._waiting is None:
            return []
        raw, pts, dts, utc_ns, mono_ns = self._waiting
        self._waiting = None
        return [self._made(raw, pts, dts, duration, utc_ns, mono_ns)]

    def _made(self, raw: RawPacket, pts: int, dts: int, duration: int, utc_ns: int, mono_ns: int) -> Packet:
        is_key = raw.is_keyframe
        return Packet(raw.kind, raw.data, pts, dts, max(1, duration), raw.time_base, is_key, self._run, utc_ns, mono_ns)

    def _on_box_clock(self, media_ns: int, mono_ns: int) -> int:
        """When ``media_ns`` was, on the box's monotonic clock."""
        offset_ns = mono_ns - media_ns
        if self._offset_ns is None or self._smallest_ns is None:
            self._offset_ns = self._smallest_ns = offset_ns
            self._window_mono_ns = mono_ns
            self._settled_mono_ns = mono_ns + SETTLE_NS
        elif offset_ns < self._smallest_ns:
            self._smallest_ns = offset_ns
            if mono_ns < self._settled_mono_ns:
                self._offset_ns = offset_ns
        if mono_ns - self._window_mono_ns > WINDOW_NS:
            self._follow(mono_ns, self._smallest_ns - self._offset_ns)
            self._smallest_ns = offset_ns
        return media_ns + self._offset_ns

    def _follow(self, mono_ns: int, error_ns: int) -> None:
        assert self._offset_ns is not None  # noqa: S101 -- set by the first packet
        if abs(error_ns) > MAX_OFF_NS:
            raise StampJump("the camera's clock is too far off")
        limit_ns = (mono_ns - self._window_mono_ns) * SLEW_PPM // 1_000_000
        self._offset_ns += max(-limit_ns, min(limit_ns, error_ns))
        self._window_mono_ns = mono_ns
