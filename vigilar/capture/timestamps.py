"""Makes a camera's time stamps believable, and ties them to the clocks of the box. Pure; one thread."""

from __future__ import annotations

from fractions import Fraction

from vigilar.capture.box_line import BoxLine
from vigilar.capture.sound_line import Place, SoundLine
from vigilar.capture.stamp_line import StampLine
from vigilar.media.packets import AUDIO, FRAME_SAMPLES, Packet, RawPacket, StreamInfo
from vigilar.media.silence import silent_unit

HOLD_NS = 28_000_000_000
"""A picture waits this long for the next one, whose stamp tells how long it lasts. Then it is handed on as it is:
before the recorder ends its file for silence."""

_SECOND_NS = 1_000_000_000


FRESH_NS = 300_000_000
"""A picture that came longer ago says nothing of sound that comes now: something held both back."""

UNITS = (960, 1024, 1920, 2048)
"""Samples of a unit of AAC, without and with spectral band replication (ISO/IEC 14496-3 4.5.1.1)."""


_Waiting = tuple[RawPacket, int, int, int, int]
"""A picture with its pts, dts, UTC and monotonic label."""


def _made(waiting: _Waiting, duration: int, run: int) -> Packet:
    raw, pts, dts, utc_ns, mono_ns = waiting
    duration = duration if duration > 0 else 1
    return Packet(raw.kind, raw.data, pts, dts, duration, raw.time_base, raw.is_keyframe, run, utc_ns, mono_ns)


class _Video:
    """The picture's line. Stamps are counted in ticks of 1/``clock`` s, ``scale`` of them to one of the time base."""

    def __init__(self, time_base: Fraction, base_s: int, step: int) -> None:
        self.clock, self.scale = time_base.denominator, time_base.numerator
        self.stamps = StampLine(self.clock, step * self.scale)
        self.box = BoxLine(self.clock)
        self.base = base_s * self.clock
        self.step = step
        self.stamp = 0
        self.mono_ns = 0
        self.last: int | None = None
        self._out = 0

    @property
    def media_ns(self) -> int:
        """Media time of the last picture."""
        return self._out * _SECOND_NS // self.clock

    @property
    def late_ns(self) -> int:
        """Its arrival less its media time."""
        return self.mono_ns - self.media_ns

    def place(self, stamp: int, mono_ns: int) -> tuple[int, int]:
        """(dts in ticks of the time base, label in ns)."""
        ticks = self.stamps.ticks(stamp * self.scale - self.base, mono_ns)
        out, label_ns = self.box.place(ticks, mono_ns)
        dts = out if self.scale == 1 else out // self.scale
        last = self.last
        if last is not None:
            if dts <= last:
                dts = last + 1
            self.step = dts - last
        self.stamp, self.mono_ns, self.last, self._out = stamp, mono_ns, dts, out
        return dts, label_ns

    def next_stamp(self, mono_ns: int) -> int:
        """For a picture that comes without one: behind the last, as much as it came later."""
        return self.stamp + max(1, min(self.step, (mono_ns - self.mono_ns) * self.clock // self.scale // _SECOND_NS))


class _Sound:
    """The sound's line, counted in samples. ``silence`` is a unit without sound."""

    def __init__(self, time_base: Fraction, sample_rate: int, channels: int, base_s: int) -> None:
        self.time_base = time_base
        self.rate = sample_rate or time_base.denominator
        self.silence = silent_unit(channels)
        self.line = SoundLine(self.rate, self.silence is not None)
        self.base = base_s * self.rate
        self.has_begun = False
        self._to_ticks = Fraction(1, self.rate) / time_base
        self._is_same = self._to_ticks == 1

    def samples(self, ticks: int) -> int:
        return ticks if self._is_same else round(ticks / self._to_ticks)

    def ticks(self, samples: int) -> int:
        return samples if self._is_same else round(samples * self._to_ticks)

    def unit(self, duration: int) -> int:
        """Samples of a unit that lasts ``duration`` ticks, which may be rounded."""
        samples = self.samples(duration) if duration > 0 else FRAME_SAMPLES
        return next((unit for unit in UNITS if abs(samples - unit) * 50 < unit), samples)


class StampGate:
    """Raw packets of one connection in, packets out: no picture is left out for its stamp.

    Of the picture, stamps that cannot be are put right (``StampLine``), and durations last as long as the box's clock
    says (``BoxLine``). Sound is counted and kept beside the picture; where there is none, silence is (``SoundLine``).

    A video packet waits for the next one, whose stamp tells its duration: RTP says nothing of durations, and what
    parameter sets say may be half the truth (a camera of 30 frames that its H.265 calls 60, measured). A first packet
    without stamps takes the second packet's time less one step; a later one is put behind its neighbour.
    Stamps are moved so that a connection begins one to two seconds after zero: none is negative, which fragmented MP4
    cannot say.
    """

    def __init__(self, run: int, frame_rate: Fraction | None, sound: StreamInfo | None = None) -> None:
        """``run`` is the first run's number. What is missing of the stream ``sound`` is filled with silence."""
        self.run = run
        self._rate = frame_rate or Fraction(15)
        self._sound_info = sound
        self._video: _Video | None = None
        self._sound: _Sound | None = None
        self._unstamped: RawPacket | None = None
        self._waiting: _Waiting | None = None
        self._waiting_mono_ns = 0
        self._base_s = 0

    @property
    def odd_stamps(self) -> int:
        """Stamps of pictures that were not taken as they came."""
        return self._video.stamps.odd if self._video else 0

    @property
    def is_trusted(self) -> bool:
        """Whether durations are what the stamps say, and not what arrival says."""
        return self._video is None or self._video.box.is_trusted

    @property
    def silent_units(self) -> int:
        """Of sound, put in where none came."""
        return self._sound.line.filled if self._sound else 0

    def pass_on(self, raw: RawPacket, utc_ns: int, mono_ns: int) -> list[Packet]:
        """The packets that are now sure. Sound before the first picture has no place and is left out."""
        if raw.kind is AUDIO:
            return self._hear(raw, utc_ns - mono_ns, mono_ns) if self._video is not None else []
        video = self._video
        stamp = raw.dts if raw.dts is not None else raw.pts
        early: list[Packet] = []
        if video is None:
            if stamp is None:
                self._unstamped = self._unstamped or raw
                return []
            video = self._begin(raw, stamp)
            if self._unstamped is not None:
                first, self._unstamped = self._unstamped, None
                early = self._see(video, first, max(self._base_s * video.clock, stamp - video.step), utc_ns, mono_ns)
        elif stamp is None:
            stamp = video.next_stamp(mono_ns)
        packets = self._see(video, raw, stamp, utc_ns, mono_ns)
        if self._sound_info is not None:
            packets += self._fill(video, self._sound_info, utc_ns - mono_ns, mono_ns)
        return early + packets if early else packets

    def newest(self) -> Packet | None:
        """The picture that waits for its successor, with the last known duration: for who would rather see it now. It
        comes once more, as all do, with its true one."""
        video, waiting = self._video, self._waiting
        return _made(waiting, video.step, self.run) if video is not None and waiting is not None else None

    def release(self, mono_ns: int) -> list[Packet]:
        """The picture that has waited for HOLD_NS in vain. To be called now and then while none comes."""
        if self._waiting is None or self._video is None or mono_ns - self._waiting_mono_ns < HOLD_NS:
            return []
        clock, scale = self._video.clock, self._video.scale
        return self._release((mono_ns - self._waiting_mono_ns) * clock // scale // _SECOND_NS)

    def flush(self) -> list[Packet]:
        """The video packet that still waits for its successor, with the last known duration. At the end."""
        return self._release(self._video.step) if self._video else []

    def _begin(self, raw: RawPacket, stamp: int) -> _Video:
        base = raw.time_base
        step = raw.duration if raw.duration > 0 else max(1, round(1 / self._rate / base))
        self._base_s = stamp * base.numerator // base.denominator - 1
        self._video = _Video(base, self._base_s, step)
        return self._video

    def _see(self, video: _Video, raw: RawPacket, stamp: int, utc_ns: int, mono_ns: int) -> list[Packet]:
        found_late = video.box.found_late
        dts, label_ns = video.place(stamp, mono_ns)
        pts = dts if raw.pts is None else dts + raw.pts - stamp
        before, self._waiting = self._waiting, (raw, pts, dts, label_ns + utc_ns - mono_ns, label_ns)
        if before is not None and video.box.found_late != found_late:
            came_ns = min(self._waiting_mono_ns, label_ns - 1)
            before = (*before[:3], came_ns + utc_ns - mono_ns, came_ns)
        self._waiting_mono_ns = mono_ns
        return [] if before is None else [_made(before, video.step, self.run)]

    def _release(self, duration: int) -> list[Packet]:
        if self._waiting is None:
            return []
        waiting, self._waiting = self._waiting, None
        return [_made(waiting, duration, self.run)]

    def _hear(self, raw: RawPacket, ahead_ns: int, mono_ns: int) -> list[Packet]:
        video, sound = self._video, self._sound
        assert video is not None  # noqa: S101 -- the caller looked
        if sound is None:
            info = self._sound_info
            rate, channels = (info.sample_rate, info.channels) if info is not None else (0, 0)
            sound = self._sound = _Sound(raw.time_base, rate, channels, self._base_s)
        if raw.pts is None:
            samples = video.media_ns * sound.rate // _SECOND_NS
        else:
            moved = video.box.shift * sound.rate // video.clock
            samples = sound.samples(raw.pts) - sound.base + moved
        step_ns = video.step * video.scale * _SECOND_NS // video.clock
        is_fresh = mono_ns - video.mono_ns <= FRESH_NS + 2 * step_ns
        late_ns = video.late_ns if is_fresh or not sound.has_begun else None
        sound.has_begun = True
        places = sound.line.add(
            max(0, samples), sound.unit(raw.duration), mono_ns, late_ns, step_ns, is_placed=raw.is_placed
        )
        return self._sounds(sound, places, raw.data, ahead_ns)

    def _fill(self, video: _Video, info: StreamInfo, ahead_ns: int, mono_ns: int) -> list[Packet]:
        sound = self._sound
        if sound is None:
            sound = self._sound = _Sound(info.time_base, info.sample_rate, info.channels, self._base_s)
        sound.line.begin(video.media_ns, mono_ns)
        places = sound.line.fill(video.media_ns, mono_ns)
        return self._sounds(sound, places, b"", ahead_ns) if places else []

    def _sounds(self, sound: _Sound, places: list[Place], data: bytes, ahead_ns: int) -> list[Packet]:
        assert self._video is not None  # noqa: S101 -- the callers looked
        offset_ns, silence = self._video.box.offset_ns, sound.silence or b""
        packets = []
        for place in places:
            dts = sound.ticks(place.samples)
            label_ns = place.samples * _SECOND_NS // sound.rate + offset_ns
            packets.append(
                Packet(
                    AUDIO, silence if place.is_silence else data, dts, dts,
                    max(1, sound.ticks(place.samples + place.length) - dts), sound.time_base, True, self.run,
                    label_ns + ahead_ns, label_ns,
                )
            )  # fmt: skip
        return packets
