"""From packets to motion: decides which packets are decoded at all, and which pictures looked at.

*Idle*: a look now and then (``pace``), in between packets are only kept. A look, or packets of unusual size, may wake
it; then all pictures since the last look are looked at, so that the first moving frame is known. *Awake*: everything is
decoded, up to thirty looks a second, until nothing has moved for a while. Pure logic on the caller's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vigilar.base.clock import Clock
from vigilar.detect.gops import Gops
from vigilar.detect.hysteresis import QUIET_S, Change, Hysteresis, Look
from vigilar.detect.lighting import Grey
from vigilar.detect.motion import MotionDetector, MotionReading, MotionSettings
from vigilar.detect.pace import HINT_GAP_S, Pace
from vigilar.detect.packetsize import PacketSizes
from vigilar.detect.pictures import DecoderFactory, DecoderLike, MotionEnded, MotionStarted, PictureLike
from vigilar.detect.shrink import shrink
from vigilar.media.packets import Kind, Packet, RunStart, StreamInfo

MAX_LOOKS_PER_S = 30
WAKE_SHARE = 0.6
"""A blob of this share of what is motion wakes: somebody may be coming in."""
AWAKE_S = 1.0
"""Back to idle after this long without such a blob, unless a motion is going on."""
MAX_REPLAY_S = 10.0
"""A longer GOP is not decoded again to date a start: it would take seconds. The start is then the look's."""
SILENCE_S = QUIET_S + 1.0
"""Without a packet for this long a motion is ended by ``check``."""


@dataclass(slots=True)
class Counters:
    """What the analysis did, since it was made."""

    packets: int = 0
    decoded: int = 0
    looks: int = 0
    wakes: int = 0
    hints: int = 0
    motions: int = 0


@dataclass(frozen=True, slots=True)
class _Kept:
    """A picture between two looks, in case it must be looked at: already small, or the decoder's own."""

    utc_ns: int
    mono_ns: int
    luma: Grey
    is_small: bool


class Analyser:
    """Finds motion in the video of one stream of one camera.

    ``feed`` gets every packet of the stream in order, from a keyframe after a gap; packets may be left out up to the
    next keyframe when the caller cannot keep up. The callbacks run inside ``feed``, ``start_run``, ``check`` or
    ``end``: every MotionStarted is followed by one MotionEnded.
    """

    def __init__(
        self,
        settings: MotionSettings,
        decoder_factory: DecoderFactory,
        on_motion_start: Callable[[MotionStarted], None],
        on_motion_end: Callable[[MotionEnded], None],
        clock: Clock,
    ) -> None:
        self.counters = Counters()
        self._detector = MotionDetector(settings)
        self._wanted = settings
        self._hysteresis = Hysteresis(settings.least_area_frac)
        self._decoder_factory = decoder_factory
        self._on_motion_start = on_motion_start
        self._on_motion_end = on_motion_end
        self._clock = clock
        self._info: StreamInfo | None = None
        self._fed_mono_ns = clock.mono_ns()

    @property
    def is_moving(self) -> bool:
        return self._hysteresis.is_moving

    @property
    def is_awake(self) -> bool:
        return self._info is not None and self._is_awake

    @property
    def worst_delay_s(self) -> float:
        """How late a motion may be found on this stream, in seconds; 0 before the first run."""
        return self._pace.worst_delay_s if self._info is not None else 0.0

    def set_sensitivity(self, sensitivity: float) -> None:
        """Any thread; takes effect with the next packet. The background stays."""
        self._wanted = MotionSettings(sensitivity)

    def start_run(self, start: RunStart) -> None:
        """A connection has begun. A motion going on is ended; the background is kept, the camera is the same."""
        self.end()
        self._info = start.video
        self._decoder: DecoderLike = self._decoder_factory(start.video)
        self._gops, self._sizes = Gops(), PacketSizes()
        self._pace = Pace(start.role, start.video)
        self._kept: list[_Kept] = []
        self._newest: PictureLike | None = None
        self._looked_mono_ns = 0
        self._stirred_mono_ns = 0
        self._is_awake = True

    def feed(self, packet: Packet) -> None:
        """Take the next packet; audio is ignored, and video before the first keyframe."""
        if packet.kind is not Kind.VIDEO or self._info is None or (self._gops.is_empty and not packet.is_keyframe):
            return
        self._fed_mono_ns = self._clock.mono_ns()
        self._take_settings()
        self.counters.packets += 1
        self._pace.count(packet)
        self._gops.add(packet)
        is_hint = not packet.is_keyframe and self._sizes.add(len(packet.data), packet.mono_ns)
        if self._is_awake:
            self._follow()
        else:
            self._doze(packet, is_hint=is_hint)

    def check(self) -> None:
        """Call now and then while no packet comes: ends a motion whose stream has fallen silent."""
        if self._hysteresis.is_moving and self._clock.mono_ns() - self._fed_mono_ns >= SILENCE_S * 1e9:
            self.end()

    def end(self) -> None:
        """No more packets of this run: a motion going on is ended at its last moving frame."""
        if self._hysteresis.break_off():
            self._tell_end()

    def _take_settings(self) -> None:
        if self._wanted is not self._detector.settings:
            self._detector.settings = self._wanted
            self._hysteresis.least_area_frac = self._wanted.least_area_frac

    # Idle

    def _doze(self, packet: Packet, *, is_hint: bool) -> None:
        since_look_s = (packet.mono_ns - self._looked_mono_ns) / 1e9
        is_hint = is_hint and since_look_s >= HINT_GAP_S
        if not (is_hint or self._gops.is_full or self._pace.is_due(packet, since_look_s)):
            return
        picture = self._decode_pending()
        if picture is None:
            return
        reading = self._look(picture)
        is_stirring = reading.area_frac >= WAKE_SHARE * self._wanted.least_area_frac
        if is_hint:
            self.counters.hints += 1
            self._sizes.judge(was_right=is_stirring, mono_ns=packet.mono_ns)
        if is_stirring:
            self._wake(packet)
        self._note(picture, reading)
        self._kept.clear()

    def _decode_pending(self) -> PictureLike | None:
        """Decode up to the newest packet; that picture, when it was not looked at before. Keeps those in between."""
        newest: PictureLike | None = None
        for packet in self._gops.take_pending():
            for picture in self._decode(packet):
                if newest is not None:
                    self._keep(newest)
                newest = picture
        return newest if newest is not None and newest.mono_ns > self._looked_mono_ns else None

    def _keep(self, picture: PictureLike) -> None:
        # Large pictures are made small at once: a GOP of them would fill the memory. Small ones wait, most are
        # never looked at.
        is_small = not self._pace.is_small
        luma = shrink(picture.luma) if is_small else picture.luma
        self._kept.append(_Kept(picture.utc_ns, picture.mono_ns, luma, is_small))

    def _wake(self, packet: Packet) -> None:
        """Something stirs in the picture of ``packet``: look at everything since the look before it."""
        self.counters.wakes += 1
        self._is_awake = True
        since_ns = self._before_mono_ns
        if packet.is_keyframe:
            self._replay(since_ns, packet)
        for kept in self._kept:
            if kept.mono_ns > since_ns:
                self._look_back(kept)

    def _replay(self, since_ns: int, keyframe: Packet) -> None:
        """Decode the GOP before ``keyframe`` (again) and look at its pictures after ``since_ns``."""
        before = self._gops.whole_before()
        if not before or keyframe.mono_ns - before[0].mono_ns > MAX_REPLAY_S * 1e9:
            return
        decoder = self._decoder_factory(self._stream())
        last_ns = since_ns
        for packet in before:
            for picture in decoder.decode(packet):
                self.counters.decoded += 1
                if picture.mono_ns > last_ns and self._is_spaced(picture.mono_ns - last_ns):
                    last_ns = picture.mono_ns
                    self._look_back(_Kept(picture.utc_ns, picture.mono_ns, picture.luma, is_small=False))
        self._gops.forget_before()

    def _look_back(self, kept: _Kept) -> None:
        self.counters.looks += 1
        reading = self._detector.look_back(kept.luma if kept.is_small else shrink(kept.luma))
        self._add(Look(kept.utc_ns, kept.mono_ns, reading.area_frac))

    # Awake

    def _follow(self) -> None:
        for packet in self._gops.take_pending():
            for picture in self._decode(packet):
                if self._is_spaced(picture.mono_ns - self._looked_mono_ns):
                    self._note(picture, self._look(picture))

    @staticmethod
    def _is_spaced(gap_ns: int) -> bool:
        # A fifth early is in time: stamps jitter, and a camera of 30 a second must not become one of 15.
        return gap_ns >= 0.8e9 / MAX_LOOKS_PER_S

    def _note(self, picture: PictureLike, reading: MotionReading) -> None:
        """Take what a look said into account, and go back to idle when nothing stirs any more."""
        self._newest = picture
        if reading.area_frac >= WAKE_SHARE * self._wanted.least_area_frac or not self._detector.is_warm:
            self._stirred_mono_ns = picture.mono_ns
        self._add(Look(picture.utc_ns, picture.mono_ns, reading.area_frac))
        if not self._hysteresis.is_moving and picture.mono_ns - self._stirred_mono_ns >= AWAKE_S * 1e9:
            self._is_awake = False
        self._newest = None

    # Both

    def _decode(self, packet: Packet) -> list[PictureLike]:
        pictures = list(self._decoder.decode(packet))
        self.counters.decoded += len(pictures)
        return pictures

    def _look(self, picture: PictureLike) -> MotionReading:
        self.counters.looks += 1
        self._before_mono_ns, self._looked_mono_ns = self._looked_mono_ns, picture.mono_ns
        return self._detector.look(shrink(picture.luma), picture.mono_ns)

    def _add(self, look: Look) -> None:
        change = self._hysteresis.add(look)
        if change is Change.STARTED:
            self._tell_start(look)
        elif change is Change.ENDED:
            self._tell_end()
