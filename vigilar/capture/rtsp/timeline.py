"""One time axis for picture and sound: its zero is the first picture, each stream counts in ticks of its own clock.

RTP gives each stream a random start. Three things tie them together, the better one last:

1. arrival: the first sound is placed by how long after the first picture it came;
2. RTP-Info of the answer to PLAY, if it has an rtptime for both, each within RTP_INFO_NEAR_S of the first stamp, and
   agrees with the arrival to RTP_INFO_AGREES_S: many cameras say 0 there, or the time of an earlier PLAY;
3. RTCP sender reports, once both streams had one: if they say that the sound is off by 80 ms to 10 s, it is moved,
   once. Below that nobody hears it; above, the camera's two clocks have nothing to do with each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from vigilar.capture.rtsp.rtp import Unwrap, find_report, signed_distance

RTP_INFO_NEAR_S = 10.0
RTP_INFO_AGREES_S = 2.0
SKEW_HEARD_S = 0.08
SKEW_MAX_S = 10.0


class Timeline:
    """Of one connection, one thread. Sound that comes before the first picture has no place and gets None."""

    def __init__(self, video_clock: int, sound_clock: int, now: Callable[[], float] = time.monotonic) -> None:
        self._video_clock, self._sound_clock, self._now = video_clock, max(1, sound_clock), now
        self._video, self._sound = Unwrap(), Unwrap()
        self._video_began: tuple[int, float] | None = None
        self._sound_shift: int | None = None
        self._last_sound: int | None = None
        self._reports: dict[bool, tuple[float, int]] = {}
        self._is_corrected = False
        self.rtp_times: tuple[int | None, int | None] = (None, None)
        """Of picture and sound, from RTP-Info."""

    @property
    def is_anchored(self) -> bool:
        return self._sound_shift is not None

    @property
    def has_begun(self) -> bool:
        return self._video_began is not None

    def video_ticks(self, stamp: int) -> int:
        if self._video_began is None:
            self._video_began = (stamp, self._now())
        return self._video.to_ticks(stamp)

    def sound_ticks(self, stamp: int) -> int | None:
        """None also for sound that a correction moved to where sound already is."""
        if self._video_began is None:
            return None
        ticks = self._sound.to_ticks(stamp)
        if self._sound_shift is None:
            self._sound_shift = round(self._first_sound_s(stamp, *self._video_began) * self._sound_clock)
        if not self._is_corrected and len(self._reports) == 2:
            self._correct()
        ticks += self._sound_shift
        if self._last_sound is not None and ticks <= self._last_sound < ticks + SKEW_MAX_S * self._sound_clock:
            return None
        self._last_sound = ticks
        return ticks

    def add_report(self, is_video: bool, data: bytes | bytearray, begin: int, end: int) -> None:
        """An RTCP packet of one of the streams."""
        report = None if self._is_corrected else find_report(data, begin, end)
        if report is not None:
            self._reports[is_video] = report

    def _first_sound_s(self, stamp: int, first_video: int, video_began_s: float) -> float:
        arrived_s = self._now() - video_began_s
        video_time, sound_time = self.rtp_times
        if video_time is None or sound_time is None:
            return arrived_s
        video_s = signed_distance(first_video, video_time) / self._video_clock
        sound_s = signed_distance(stamp, sound_time) / self._sound_clock
        is_near = max(abs(video_s), abs(sound_s)) <= RTP_INFO_NEAR_S
        told_s = sound_s - video_s
        return told_s if is_near and abs(told_s - arrived_s) <= RTP_INFO_AGREES_S else arrived_s

    def _correct(self) -> None:
        assert self._sound_shift is not None and self._video.last is not None and self._sound.last is not None  # noqa: S101, PT018 -- the caller saw them
        self._is_corrected = True
        video_ntp_s, video_stamp = self._reports[True]
        sound_ntp_s, sound_stamp = self._reports[False]
        video_s = (self._video.ticks + signed_distance(video_stamp, self._video.last)) / self._video_clock
        sound_ticks = self._sound.ticks + self._sound_shift + signed_distance(sound_stamp, self._sound.last)
        skew_s = (sound_ticks / self._sound_clock - sound_ntp_s) - (video_s - video_ntp_s)
        if SKEW_HEARD_S < abs(skew_s) <= SKEW_MAX_S:
            self._sound_shift -= round(skew_s * self._sound_clock)
