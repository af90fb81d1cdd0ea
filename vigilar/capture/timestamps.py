"""Makes a camera's time stamps believable, and ties them to the clocks of the box. Pure; one thread."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from vigilar.media.packets import Kind, Packet
from vigilar.media.source import RawPacket

MAX_JUMP_S = 2.0
"""A stamp further ahead than this ends the run: the camera's clock jumped, or much is missing."""

MAX_BACKWARD = 8
"""So many packets in a row behind the last one, and the camera's clock went back: the run ends."""

MAX_OFF_S = 2.0
"""Media time and the box's clock may differ by this much before a new run re-anchors them."""

SLEW = 500e-6
"""How fast the anchor follows the box's clock: 500 ppm, as NTP slews; crystals differ by less than 100 ppm."""

WINDOW_S = 10.0
"""The smallest delay within this time is taken as the true one: the rest waited in some buffer."""


class StampJump(Exception):
    """The stamps cannot belong to the same run any more."""


@dataclass(slots=True)
class _Track:
    time_base: Fraction
    last_dts: int | None = None
    step: int = 0
    backward: int = 0


class StampGate:
    """Raw packets of one run in, packets out. A packet with a stamp that cannot be is dropped and counted.

    The first packet of an RTSP stream with sound has no stamps at all and is the keyframe (measured, PyAV 18 and 19):
    it takes the second packet's time less one step, so it is held until then. Stamps are moved so that a run begins
    one to two seconds after zero: none is negative, which fragmented MP4 cannot say.
    """

    def __init__(self, run: int, frame_rate: Fraction | None) -> None:
        self._run = run
        self._rate = frame_rate or Fraction(15)
        self._tracks: dict[Kind, _Track] = {}
        self._held: dict[Kind, RawPacket] = {}
        self._base_s: int | None = None
        self._offset_ns: int | None = None
        self._utc_less_mono_ns = 0
        self._window: list[tuple[int, int]] = []
        self._slewed_ns = 0
        self.dropped = 0

    def pass_on(self, raw: RawPacket, utc_ns: int, mono_ns: int) -> list[Packet]:
        """The packets that are now sure. Raises StampJump when the run is over."""
        if raw.dts is None and raw.pts is None:
            if raw.kind in self._tracks or raw.kind in self._held:
                self.dropped += 1
            else:
                self._held[raw.kind] = raw
            return []
        dts = raw.dts if raw.dts is not None else raw.pts
        assert dts is not None  # noqa: S101 -- one of the two is there
        pts = raw.pts if raw.pts is not None else dts
        if self._base_s is None:
            self._base_s = math.floor(dts * raw.time_base) - 1
        base_ticks = math.floor(self._base_s / raw.time_base)
        dts, pts = dts - base_ticks, pts - base_ticks
        track = self._tracks.setdefault(raw.kind, _Track(raw.time_base, step=self._first_step(raw)))
        packets = []
        held = self._held.pop(raw.kind, None)
        if held is not None:
            early = max(0, dts - track.step)
            packets.append(self._packet(held, early, early, track, utc_ns, mono_ns))
        if self._is_in_order(track, dts):
            packets.append(self._packet(raw, pts, dts, track, utc_ns, mono_ns))
        return packets

    def _first_step(self, raw: RawPacket) -> int:
        if raw.duration > 0:
            return raw.duration
        return max(1, round(1 / self._rate / raw.time_base)) if raw.kind is Kind.VIDEO else 1024

    def _is_in_order(self, track: _Track, dts: int) -> bool:
        if track.last_dts is None:
            return True
        ahead = dts - track.last_dts
        if ahead <= 0:
            track.backward += 1
            self.dropped += 1
            if track.backward > MAX_BACKWARD:
                raise StampJump("the camera's time went back")
            return False
        if ahead * track.time_base > MAX_JUMP_S:
            raise StampJump("the camera's time jumped ahead")
        track.backward = 0
        return True

    def _packet(self, raw: RawPacket, pts: int, dts: int, track: _Track, utc_ns: int, mono_ns: int) -> Packet:
        if track.last_dts is not None and raw.duration <= 0:
            track.step = dts - track.last_dts
        track.last_dts = dts
        media_ns = int(dts * raw.time_base * 1_000_000_000)
        at_mono_ns = self._on_box_clock(media_ns, utc_ns, mono_ns)
        duration = raw.duration if raw.duration > 0 else track.step
        return Packet(
            raw.kind,
            raw.data,
            pts,
            dts,
            max(1, duration),
            raw.time_base,
            raw.is_keyframe,
            self._run,
            at_mono_ns + self._utc_less_mono_ns,
            at_mono_ns,
        )

    def _on_box_clock(self, media_ns: int, utc_ns: int, mono_ns: int) -> int:
        """When ``media_ns`` was, on the box's monotonic clock."""
        offset_ns = mono_ns - media_ns
        self._utc_less_mono_ns = utc_ns - mono_ns
        if self._offset_ns is None:
            self._offset_ns, self._slewed_ns = offset_ns, mono_ns
        self._window.append((mono_ns, offset_ns))
        if mono_ns - self._window[0][0] > WINDOW_S * 1e9:
            self._follow(mono_ns)
        return media_ns + self._offset_ns

    def _follow(self, mono_ns: int) -> None:
        assert self._offset_ns is not None  # noqa: S101 -- set by the first packet
        error_ns = min(offset for _, offset in self._window) - self._offset_ns
        self._window.clear()
        if abs(error_ns) > MAX_OFF_S * 1e9:
            raise StampJump("the camera's clock is too far off")
        limit_ns = int((mono_ns - self._slewed_ns) * SLEW)
        self._offset_ns += max(-limit_ns, min(limit_ns, error_ns))
        self._slewed_ns = mono_ns
