"""Encoding of clips that Vigilar itself draws: the demo house and the clips of tests. Footage is never re-encoded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from numpy.typing import NDArray

SOUND_RATE = 16000
_SOUND_FRAME = 1024
"""Samples in one access unit of AAC-LC (ISO/IEC 14496-3)."""


class ClipWriter:
    """Writes BGR pictures (uint8, height x width x 3) as H.264 in MP4, without B-frames.

    A keyframe comes every ``keyframe_every`` pictures. With ``has_sound`` a faint rustle is added as AAC, mono,
    16 kHz. ``codec`` may be ``libx265`` for H.265.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        frame_rate: int,
        keyframe_every: int,
        has_sound: bool = False,
        codec: str = "libx264",
    ) -> None:
        self._container = av.open(str(path), "w", format="mp4")
        options = {"preset": "ultrafast", "crf": "26", "bf": "0", "sc_threshold": "0"}
        if codec == "libx265":
            options = {"preset": "ultrafast", "x265-params": "bframes=0:scenecut=0:log-level=none"}
        video = cast(av.VideoStream, self._container.add_stream(codec, rate=frame_rate, options=options))
        video.width, video.height, video.pix_fmt, video.gop_size = width, height, "yuv420p", keyframe_every
        video.codec_context.thread_count = 1
        self._video = video
        self._frame_rate = frame_rate
        self._count = 0
        self._sound: AudioStream | None = None
        self._sound_count = 0
        if has_sound:
            self._sound = self._container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        self._rng = np.random.default_rng(7)

    def write(self, picture: NDArray[np.uint8]) -> None:
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        frame.pts, frame.time_base = self._count, Fraction(1, self._frame_rate)
        self._container.mux(self._video.encode(frame))
        self._count += 1
        if self._sound is not None:
            while self._sound_count * self._frame_rate < self._count * SOUND_RATE:
                self._write_sound(self._sound)

    def _write_sound(self, sound: AudioStream) -> None:
        samples = self._rng.normal(0.0, 0.004, (1, _SOUND_FRAME)).astype(np.float32)
        frame = AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, self._sound_count, Fraction(1, SOUND_RATE)
        self._container.mux(sound.encode(frame))
        self._sound_count += _SOUND_FRAME

    def close(self) -> None:
        self._container.mux(self._video.encode(None))
        if self._sound is not None:
            self._container.mux(self._sound.encode(None))
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
