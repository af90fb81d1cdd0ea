"""From packets to motion: decides which packets are decoded at all, and which pictures looked at.

*Idle*: a look now and then (``pace``), in between packets are only kept. A look, or packets of unusual size, may wake
it; then all pictures since the last look are looked at, so that the first moving frame is known. *Awake*: everything is
decoded, up to fifteen looks a second, until nothing has moved for a while. *Steady*: a motion that goes on is followed
by few looks; the first quiet one is reason to look at all that was left out, so that the last moving frame is known.
Pure logic on the caller's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from vigilar.base.clock import Clock
from vigilar.base.errors import ErrorKind, VigilarError
from vigilar.detect.gops import Gops
from vigilar.detect.hysteresis import END_SHARE, QUIET_S, Hysteresis, Look, Turn
from vigilar.detect.lighting import Grey
from vigilar.detect.motion import MotionDetector, MotionReading, MotionSettings
from vigilar.detect.pace import HINT_GAP_S, REST_AFTER_S, Pace
from vigilar.detect.packetsize import Hint, PacketSizes
from vigilar.detect.pictures import DecoderFactory, DecoderLike, MotionEnded, MotionStarted, PictureLike
from vigilar.detect.shrink import shrink
from vigilar.detect.usual_stir import UsualStir
from vigilar.media.packets import VIDEO, Packet, RunStart, StreamInfo

MAX_LOOKS_PER_S = 15
"""A start is dated to its fifteenth of a second, and who is seen for a third of one is seen five times."""
WAKE_SHARE = 0.6
"""A blob of this share of what is motion wakes: somebody may be coming in."""
AWAKE_S = 1.0
"""Back to idle after this long without such a blob, unless a motion is going on."""
SURE_LOOK_S = 0.1
"""A motion that is told is looked at no more often, nor is what is decoded again to date one: a tenth of a second is
exact enough, and a look costs as much as decoding. The same while a background is learned."""
STEADY_AFTER_S = 1.0
"""So long after its start, and after a change of light, a motion is followed closely..."""
LARGE_AREA_FRAC = 0.1
"""...and so is one that fills more than this of the picture: it may be a lamp, and new light is learned by looking."""
CLOSE_LOOK_S = 0.2
"""...then this often where others want its pictures, and as ``pace`` says where nobody does."""
HINT_REST = 3.0
"""A hint that made so many seconds of packets be decoded is followed by this many times as much in which hints are not
heeded, but for surer ones: where keyframes are rare, a look between them is dear."""
MAX_REPLAY_S = 10.0
"""A longer GOP is not decoded again to date a start: it would take seconds. The start is then the look's."""
MANY_PENDING = 6
"""More pictures than this of a small stream are kept small too: 0.35 MB each as they are."""
LONG_AGO_NS = -(1 << 62)
SILENCE_S = QUIET_S + 1.0
"""Without a packet for this long a motion is ended by ``check``."""


@dataclass(slots=True)
class AnalysisCounters:
    """What the analysis did, since it was made."""

    packets: int = 0
    decoded: int = 0
    looks: int = 0
    wakes: int = 0
    hints: int = 0
    largest: int = 0
    motions: int = 0


@dataclass(frozen=True, slots=True)
class _Kept:
    """A picture between two looks, in case it must be looked at: already small, or the decoder's own."""

    utc_ns: int
    mono_ns: int
    luma: Grey
    is_small: bool


@dataclass(slots=True)
class _Run:
    """What is known of the connection being analysed. The clocks are those of pictures."""

    info: StreamInfo
    decoder: DecoderLike
    pace: Pace
    gops: Gops = field(default_factory=Gops)
    sizes: PacketSizes = field(default_factory=PacketSizes)
    kept: list[_Kept] = field(default_factory=list)
    is_awake: bool = True
    newest: PictureLike | None = None
    looked_mono_ns: int = LONG_AGO_NS
    stirred_mono_ns: int = LONG_AGO_NS
    closely_until_ns: int = LONG_AGO_NS
    is_steady: bool = False
    was_quiet: bool = False
    hint: Hint | None = None  # woke it, and nobody knows yet whether a motion comes of it
    rests_until_ns: dict[Hint, int] = field(default_factory=lambda: dict.fromkeys(Hint, LONG_AGO_NS))


class Analyser:
    """Finds motion in the video of one stream of one camera.

    ``feed`` gets every packet of the stream in order; packets may be left out up to the next keyframe when the caller
    cannot keep up. The callbacks run inside ``feed``, ``start_run``, ``check`` or ``end``: every MotionStarted is
    followed by one MotionEnded.
    """

    def __init__(
        self,
        settings: MotionSettings,
        decoder_factory: DecoderFactory,
        on_motion_start: Callable[[MotionStarted], None],
        on_motion_end: Callable[[MotionEnded], None],
        clock: Clock,
        on_look: Callable[[PictureLike, MotionReading], None] | None = None,
        *,
        follows_closely: bool = False,
    ) -> None:
        """``on_look`` gets each picture that is looked at in its turn, and what was seen; not those looked back at.
        ``follows_closely``: it wants five a second during a motion."""
        self.counters = AnalysisCounters()
        self._detector = MotionDetector(settings)
        self._wanted = settings
        self._hysteresis = Hysteresis(settings.least_area_frac)
        self._usual = UsualStir()
        self._decoder_factory = decoder_factory
        self._on_motion_start = on_motion_start
        self._on_motion_end = on_motion_end
        self._on_look = on_look
        self._follows_closely = follows_closely
        self._zone_names: dict[str, None] = {}
        self._clock = clock
        self._fed_mono_ns = clock.mono_ns()
        self._run: _Run | None = None

    @property
    def is_moving(self) -> bool:
        return self._hysteresis.is_moving

    @property
    def is_awake(self) -> bool:
        return self._run is not None and self._run.is_awake

    @property
    def worst_delay_s(self) -> float:
        """How late a motion may be found on this stream, in seconds; 0 before the first run."""
        return self._run.pace.worst_delay_s if self._run is not None else 0.0

    def use(self, settings: MotionSettings) -> None:
        """Any thread; takes effect with the next packet. The background stays, unless other areas are private now."""
        self._wanted = settings

    def start_run(self, start: RunStart) -> None:
        """A connection has begun. A motion going on is ended; the background is kept, the camera is the same."""
        self.end()
        self._run = _Run(start.video, self._make_decoder(start.video), Pace(start.role, start.video))

    def feed(self, packet: Packet) -> None:
        """Take the next packet; audio is ignored, and video before the first keyframe."""
        run = self._run
        if run is None or packet.kind is not VIDEO:
            return
        if run.gops.keyframe_mono_ns is None and not packet.is_keyframe:
            return
        self._fed_mono_ns = self._clock.mono_ns()
        self._take_settings()
        self.counters.packets += 1
        run.pace.count(packet)
        run.gops.add(packet)
        hint = None if packet.is_keyframe else run.sizes.add(len(packet.data), packet.mono_ns)
        if run.is_awake and run.is_steady and not self._follows_closely:
            self._keep_up(run, packet)
        elif run.is_awake:
            self._follow(run)
        else:
            self._doze(run, packet, hint)

    def check(self) -> None:
        """Call now and then while no packet comes: ends a motion whose stream has fallen silent."""
        if self._hysteresis.is_moving and self._clock.mono_ns() - self._fed_mono_ns >= SILENCE_S * 1e9:
            self.end()

    def end(self) -> None:
        """No more packets of this run: a motion going on is ended at its last moving frame."""
        run = self._run
        if run is not None and run.is_steady and self._hysteresis.is_moving:
            self._look_at_rest(run)
        if self._hysteresis.break_off():
            self._tell_end()

    def _take_settings(self) -> None:
        if self._wanted is not self._detector.settings:
            self._detector.settings = self._wanted

    # Awake

    def _follow(self, run: _Run) -> None:
        """Decode what has come, and look at up to MAX_LOOKS_PER_S of it, less of a steady motion."""
        for packet in run.gops.take_pending():
            for picture in self._decode(run.decoder, packet):
                if _is_spaced(picture.mono_ns - run.looked_mono_ns, self._look_gap_s(run)):
                    self._note(run, picture, self._look(run, picture))

    def _keep_up(self, run: _Run, packet: Packet) -> None:
        """Of a motion that goes on, look at what ``pace`` says; when nothing moves any more, at all since the last
        look, in which something did."""
        since_look_s = (packet.mono_ns - run.looked_mono_ns) / 1e9
        if not (run.pace.is_due_moving(packet, since_look_s) or run.gops.is_full):
            return
        picture = self._decode_pending(run)
        if picture is None:
            return
        looked_before_ns = run.looked_mono_ns
        reading = self._look(run, picture)
        if self._is_quiet(reading) and not run.was_quiet:
            run.newest = picture
            self._follow_back(run, looked_before_ns)
        run.kept.clear()
        self._note(run, picture, reading)

    def _look_gap_s(self, run: _Run) -> float:
        if run.is_steady:
            return CLOSE_LOOK_S
        is_sure = self._hysteresis.is_moving or not self._detector.is_warm
        return SURE_LOOK_S if is_sure else 1.0 / MAX_LOOKS_PER_S

    def _look_at_rest(self, run: _Run) -> None:
        """Nothing comes after: look at what was left out since the last look."""
        looked_before_ns = run.looked_mono_ns
        picture = self._decode_pending(run)
        if picture is not None:
            run.newest = picture
            self._follow_back(run, looked_before_ns)
            kept = _keep(picture, shrink_now=False)
            self._add(run, kept, self._look_back(kept))
            run.newest = None
        run.kept.clear()

    def _follow_back(self, run: _Run, since_ns: int) -> None:
        """Look at what was left out of a motion after ``since_ns``."""
        for kept, reading in self._look_between(run, since_ns):
            self._add(run, kept, reading)

    def _note(self, run: _Run, picture: PictureLike, reading: MotionReading) -> None:
        """Take what a look said into account, and go back to idle when nothing stirs any more."""
        run.newest = picture
        is_settling = reading.is_learning and self._detector.is_warm
        if self._is_stirring(reading) or is_settling:
            run.stirred_mono_ns = picture.mono_ns
        self._add(run, picture, reading)
        run.newest = None
        run.was_quiet = self._is_quiet(reading)
        is_settling = reading.is_learning or reading.is_lighting_change or reading.area_frac > LARGE_AREA_FRAC
        if not self._hysteresis.is_moving or is_settling:
            run.closely_until_ns = picture.mono_ns + int(STEADY_AFTER_S * 1e9)
        run.is_steady = picture.mono_ns >= run.closely_until_ns
        is_calm = not self._hysteresis.is_moving and picture.mono_ns - run.stirred_mono_ns >= AWAKE_S * 1e9
        if is_calm and self._detector.is_warm:
            run.is_awake = False
            self._zone_names = {}
            self._judge_hint(run, picture.mono_ns, was_right=False)

    def _judge_hint(self, run: _Run, mono_ns: int, *, was_right: bool) -> None:
        """Say what came of the hint that woke it, if one did. To stir is not enough: insects in infrared light do, and
        make packets larger all night."""
        if run.hint is not None:
            run.sizes.judge(run.hint, was_right=was_right, mono_ns=mono_ns)
            run.hint = None

    # Idle

    def _doze(self, run: _Run, packet: Packet, hint: Hint | None) -> None:
        """Decode only when a look is due or something hints at motion; wake when the look says so."""
        since_look_s = (packet.mono_ns - run.looked_mono_ns) / 1e9
        may_rest = packet.mono_ns - run.stirred_mono_ns >= REST_AFTER_S * 1e9 and run.sizes.knows_large
        is_due = run.pace.is_due(packet, since_look_s, may_rest=may_rest) or run.gops.is_full
        hint = self._heeded(run, packet, since_look_s, hint, may_rest=may_rest)
        if hint is None and not is_due:
            return
        if hint is not None and not is_due:
            rest_ns = int(HINT_REST * 1e9 * min(since_look_s, run.gops.pending_s))
            run.rests_until_ns |= {one: packet.mono_ns + rest_ns for one in Hint if one >= hint}
        picture = self._decode_pending(run)
        if picture is None:
            return
        looked_before_ns = run.looked_mono_ns
        reading = self._look(run, picture)
        # The largest packets of a small stream are looked at although they are mostly wrong: that costs little there.
        if hint is not None and not (hint is Hint.LOUD and run.pace.is_small):
            self.counters.hints += hint is not Hint.LOUD
            run.hint = hint
            if not self._is_stirring(reading):
                self._judge_hint(run, packet.mono_ns, was_right=False)
        if self._is_stirring(reading):
            run.newest = picture
            if not self._wake(run, looked_before_ns):
                reading = MotionReading(0.0, is_learning=True)
        elif reading.is_learning:
            run.is_awake = True  # a new light is learned by looking; what was before is another picture
        run.kept.clear()
        self._note(run, picture, reading)
        if packet.is_keyframe and not run.is_awake and not run.pace.is_small:
            self._put_away(run)

    def _put_away(self, run: _Run) -> None:
        """A decoder of 1080p keeps 14 MB for one keyframe in two seconds. To make a new one each time takes a tenth
        more of the processor (measured), and a box of 4 GB has more of that to spare.

        At a keyframe only: later in a group, all before would have to be decoded again.
        """
        run.decoder = self._make_decoder(run.info)
        run.gops.rewind()

    def _heeded(
        self, run: _Run, packet: Packet, since_look_s: float, hint: Hint | None, *, may_rest: bool
    ) -> Hint | None:
        """The hint that is worth a look now, if any."""
        if packet.is_keyframe or since_look_s < HINT_GAP_S or run.pace.is_keyframe_near(packet):
            return None
        if hint is not None and packet.mono_ns >= run.rests_until_ns[hint]:
            return hint
        if may_rest and packet.mono_ns >= run.rests_until_ns[Hint.LOUD] and run.sizes.is_loud(packet.mono_ns):
            self.counters.largest += 1
            return Hint.LOUD
        return None

    def _decode_pending(self, run: _Run) -> PictureLike | None:
        """Decode up to the newest packet; its picture, None when the decoder has none yet. Keeps of those in between
        what may be looked back at."""
        newest: PictureLike | None = None
        pending = run.gops.take_pending()
        shrink_now = not run.pace.is_small or len(pending) > MANY_PENDING
        last_ns = run.kept[-1].mono_ns if run.kept else run.looked_mono_ns
        for packet in pending:
            for picture in self._decode(run.decoder, packet):
                if newest is not None and _is_spaced(newest.mono_ns - last_ns, 1.0 / MAX_LOOKS_PER_S):
                    run.kept.append(_keep(newest, shrink_now=shrink_now))
                    last_ns = newest.mono_ns
                newest = picture
        return newest if newest is not None and newest.mono_ns > run.looked_mono_ns else None

    def _wake(self, run: _Run, since_ns: int) -> bool:
        """Something stirs: look at all pictures after ``since_ns``, so that its first frame is known. False when they
        show that the picture has changed as a whole since: what stirs is the new light, and is learned."""
        self.counters.wakes += 1
        run.is_awake = True
        looks = list(self._look_between(run, since_ns))
        if any(reading.is_other_scene for _, reading in looks) and self._detector.settle():
            return False
        for kept, reading in looks:
            self._add(run, kept, reading)
        return True

    def _look_between(self, run: _Run, since_ns: int) -> Iterator[tuple[_Kept, MotionReading]]:
        """Look back at all pictures after ``since_ns`` and before the newest look."""
        keyframe_ns = run.gops.keyframe_mono_ns
        if keyframe_ns is not None and since_ns < keyframe_ns:
            yield from self._replay_before(run, since_ns, keyframe_ns)
        last_ns = since_ns
        for kept in run.kept:
            if _is_spaced(kept.mono_ns - last_ns, 1.0 / MAX_LOOKS_PER_S):
                last_ns = kept.mono_ns
                yield kept, self._look_back(kept)

    def _replay_before(self, run: _Run, since_ns: int, until_ns: int) -> Iterator[tuple[_Kept, MotionReading]]:
        """Decode the GOP before the newest, of which little or nothing was decoded, and look at its pictures."""
        before = run.gops.take_before()
        if not before or until_ns - before[0].mono_ns > MAX_REPLAY_S * 1e9:
            return
        decoder = self._make_decoder(run.info)
        last_ns = since_ns
        newest_ns = max(packet.mono_ns for packet in before)
        for packet in before:
            if not _is_spaced(newest_ns - last_ns, SURE_LOOK_S):
                return  # what is left is too close to be looked at
            for picture in self._decode(decoder, packet):
                if _is_spaced(picture.mono_ns - last_ns, SURE_LOOK_S):
                    last_ns = picture.mono_ns
                    kept = _keep(picture, shrink_now=True)
                    yield kept, self._look_back(kept)

    def _look_back(self, kept: _Kept) -> MotionReading:
        self.counters.looks += 1
        small = kept.luma if kept.is_small else shrink(kept.luma)
        return self._detector.look_back(small, kept.mono_ns)

    # Both

    def _make_decoder(self, info: StreamInfo) -> DecoderLike:
        return self._decoder_factory(info, skip_loop_filter=True)

    def _decode(self, decoder: DecoderLike, packet: Packet) -> Sequence[PictureLike]:
        pictures = decoder.decode(packet)
        self.counters.decoded += len(pictures)
        return pictures

    def _look(self, run: _Run, picture: PictureLike) -> MotionReading:
        self.counters.looks += 1
        run.looked_mono_ns = picture.mono_ns
        reading = self._detector.look(shrink(picture.luma), picture.mono_ns)
        self._usual.add(reading.area_frac, picture.mono_ns, is_moving=self._hysteresis.is_moving)
        least = self._wanted.least_area_frac
        self._hysteresis.least_area_frac = least * self._usual.factor(least)
        if self._on_look is not None:
            self._on_look(picture, reading)
        return reading

    def _is_stirring(self, reading: MotionReading) -> bool:
        return max(reading.area_frac, reading.stir_frac) >= WAKE_SHARE * self._wanted.least_area_frac

    def _is_quiet(self, reading: MotionReading) -> bool:
        return reading.area_frac < END_SHARE * self._wanted.least_area_frac

    def _add(self, run: _Run, picture: PictureLike | _Kept, reading: MotionReading) -> None:
        self._zone_names |= dict.fromkeys(reading.zone_names)
        at = reading.counting
        box = (at.left, at.top, at.right, at.bottom) if at is not None else None
        change = self._hysteresis.add(Look(picture.utc_ns, picture.mono_ns, reading.area_frac, box))
        if change is Turn.STARTED:
            self._tell_start(run)
        elif change is Turn.ENDED:
            self._tell_end()

    def _tell_start(self, run: _Run) -> None:
        first, picture = self._hysteresis.first, run.newest
        if first is None or picture is None:
            raise VigilarError("motion started without a picture", kind=ErrorKind.BUG)
        self.counters.motions += 1
        self._judge_hint(run, picture.mono_ns, was_right=True)
        peak, names = self._hysteresis.peak_area_frac, tuple(self._zone_names)
        self._on_motion_start(MotionStarted(first.utc_ns, first.mono_ns, peak, picture, picture.mono_ns, names))

    def _tell_end(self) -> None:
        first, last = self._hysteresis.first, self._hysteresis.last
        if first is None or last is None:
            raise VigilarError("motion ended without a start", kind=ErrorKind.BUG)
        duration_ms = (last.mono_ns - first.mono_ns) // 1_000_000
        names = tuple(self._zone_names)
        self._zone_names = {}
        peak = self._hysteresis.peak_area_frac
        self._on_motion_end(MotionEnded(last.utc_ns, last.mono_ns, duration_ms, peak, names))


def _keep(picture: PictureLike, *, shrink_now: bool) -> _Kept:
    # Large pictures are made small at once: a GOP of them would fill the memory. Small ones wait as they are, most
    # are never looked at.
    luma = shrink(picture.luma) if shrink_now else picture.luma
    return _Kept(picture.utc_ns, picture.mono_ns, luma, is_small=shrink_now)


def _is_spaced(gap_ns: int, wanted_s: float) -> bool:
    # A fifth early is in time: stamps jitter, and a camera of 30 a second must not become one of 15.
    return gap_ns >= 0.8e9 * wanted_s
