"""One time axis for picture and sound: its zero is the first picture, each stream counts in ticks of its own clock.

RTP gives each stream a random start, and cameras give stamps that cannot be: ``StampLine`` puts those right, stream by
stream. Three things tie the two streams together, the better one last:

1. arrival: the first sound is placed by how long after the first picture it came (``first_sound``), or after the one
   that came soonest after its stamp: the first is large, and may wait for the camera;
2. RTP-Info of the answer to PLAY, if it has an rtptime for both, each within RTP_INFO_NEAR_S of the first stamp, and
   agrees with the arrival to RTP_INFO_AGREES_S: many cameras say 0 there, or the time of an earlier PLAY;
3. RTCP sender reports, of which a stream's counts when it goes on from the one before it (NTP time and stamp went on
   by the same): a camera that sets its clock between two reports moves nothing. If two pairs of such reports say the
   same, that the sound is off by 80 ms to 10 s, it is moved, and again when later ones say otherwise. Below that
   nobody hears it; above, the camera's two clocks have nothing to do with each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from vigilar.capture.rtsp.rtp import Unwrap, find_report, signed_distance
from vigilar.capture.stamp_line import StampLine

RTP_INFO_NEAR_S = 10.0
RTP_INFO_AGREES_S = 2.0
ARRIVALS_AGREE_S = 2.0
"""The soonest picture tells when the first should have come if that is no further from when it did."""

SKEW_HEARD_S = 0.08
SKEW_MAX_S = 10.0

STEADY_SHARE = 0.02
STEADY_S = 0.05
"""A report goes on from the one before it when time and stamp went on by the same to this. Stamps that count at a
wrong rate never do: what they say of the other stream would be wrong a second later."""

SAME_S = 0.04
"""Two pairs of reports say the same within this."""

_SOUND_STEP_S = 0.02
_VIDEO_STEP_S = 0.04


Report = tuple[float, int]
"""NTP time in seconds, RTP stamp."""


@dataclass(slots=True)
class _Stream:
    """One stream and its last two sender reports. ``is_news``: the newer one was not compared yet."""

    clock: int
    line: StampLine
    unwrap: Unwrap
    stamp: int = 0
    ticks: int = 0
    before: Report | None = None
    report: Report | None = None
    is_news: bool = False

    def is_steady(self) -> bool:
        """Whether time and stamp went on by the same between the two."""
        if self.before is None or self.report is None:
            return False
        ntp_s = self.report[0] - self.before[0]
        media_s = signed_distance(self.report[1], self.before[1]) / self.clock
        return ntp_s > 0 and abs(ntp_s - media_s) <= STEADY_S + STEADY_SHARE * ntp_s

    def at_s(self, report: Report) -> float:
        """Where a report stands on the axis, less its NTP time."""
        return (self.ticks + signed_distance(report[1], self.stamp)) / self.clock - report[0]


class Timeline:
    """Of one connection, one thread. Sound that comes before the first picture has no place and gets None."""

    def __init__(self, video_clock: int, sound_clock: int, now: Callable[[], float] = time.monotonic) -> None:
        self._video = self._stream(video_clock, _VIDEO_STEP_S)
        self._sound = self._stream(max(1, sound_clock), _SOUND_STEP_S)
        self._now = now
        self._video_began: tuple[int, float] | None = None
        self._sound_shift: int | None = None
        self._is_moved = False
        self.rtp_times: tuple[int | None, int | None] = (None, None)
        """Of picture and sound, from RTP-Info."""
        self.sound_came_s: float | None = None
        """When the sound at hand would have come if the camera had not gathered more first; None: now."""
        self.before_picture: Callable[[], None] | None = None
        """Called before the next picture has its place, for sound that came before it and is held."""

    @staticmethod
    def _stream(clock: int, step_s: float) -> _Stream:
        return _Stream(clock, StampLine(clock, max(1, int(clock * step_s))), Unwrap())

    @property
    def odd_stamps(self) -> int:
        """Stamps that were not taken as they came, of both streams."""
        return self._video.line.odd + self._sound.line.odd

    @property
    def video_report_s(self) -> float | None:
        """NTP time of the last sender report of the picture."""
        return self._video.report[0] if self._video.report else None

    @property
    def is_anchored(self) -> bool:
        return self._sound_shift is not None

    @property
    def has_begun(self) -> bool:
        return self._video_began is not None

    def has_moved(self) -> bool:
        """Whether sound was moved since this was asked last."""
        is_moved, self._is_moved = self._is_moved, False
        return is_moved

    def video_ticks(self, stamp: int, *, in_order: bool = False) -> int:
        """``in_order``: no picture comes before one that is shown earlier."""
        if self.before_picture is not None:
            self.before_picture()
        if self._video_began is None:
            self._video_began = (stamp, self._now())
        video = self._video
        video.line.in_order = in_order
        video.stamp = stamp
        video.ticks = ticks = video.line.ticks(video.unwrap.to_ticks(stamp), int(self._now() * 1e9))
        return ticks

    def sound_ticks(self, stamp: int) -> int | None:
        if self._video_began is None:
            return None
        sound = self._sound
        sound.stamp = stamp
        sound.ticks = ticks = sound.line.ticks(sound.unwrap.to_ticks(stamp), int(self._now() * 1e9))
        if self._sound_shift is None:
            self._sound_shift = round(self._first_sound_s(stamp, *self._video_began) * sound.clock)
        return ticks + self._sound_shift

    def add_report(self, is_video: bool, data: bytes | bytearray, begin: int, end: int) -> None:
        """An RTCP packet of one of the streams."""
        report = find_report(data, begin, end)
        if report is None:
            return
        stream = self._video if is_video else self._sound
        stream.before, stream.report, stream.is_news = stream.report, report, True
        if self._video.is_news and self._sound.is_news:
            self._video.is_news = self._sound.is_news = False
            if self._sound_shift is not None:
                self._compare(self._sound_shift)

    def _compare(self, shift: int) -> None:
        """Move the sound when two pairs of reports say the same and went on steadily."""
        video, sound = self._video, self._sound
        if not (video.is_steady() and sound.is_steady()):
            return
        assert video.before and video.report and sound.before and sound.report  # noqa: S101, PT018 -- they are steady
        shift_s = shift / sound.clock
        skew_s = sound.at_s(sound.report) + shift_s - video.at_s(video.report)
        before_s = sound.at_s(sound.before) + shift_s - video.at_s(video.before)
        if abs(skew_s - before_s) <= SAME_S and SKEW_HEARD_S < abs(skew_s) <= SKEW_MAX_S:
            self._sound_shift = shift - round(skew_s * sound.clock)
            self._is_moved = True

    def _first_sound_s(self, stamp: int, first_video: int, video_began_s: float) -> float:
        came_s = self._now() if self.sound_came_s is None else self.sound_came_s
        arrived_s = came_s - video_began_s
        by_soonest_s = came_s - self._video.line.soonest_ns / 1e9
        if self._video.line.in_order and abs(by_soonest_s - arrived_s) <= ARRIVALS_AGREE_S:
            arrived_s = by_soonest_s
        video_time, sound_time = self.rtp_times
        if video_time is None or sound_time is None:
            return arrived_s
        video_s = signed_distance(first_video, video_time) / self._video.clock
        sound_s = signed_distance(stamp, sound_time) / self._sound.clock
        is_near = max(abs(video_s), abs(sound_s)) <= RTP_INFO_NEAR_S
        told_s = sound_s - video_s
        return told_s if is_near and abs(told_s - arrived_s) <= RTP_INFO_AGREES_S else arrived_s
