"""Opens whatever an address names: a camera by our own reader, a file by libav."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from vigilar.capture.rtsp.intake import Intake
from vigilar.capture.rtsp.sdp import Media
from vigilar.capture.rtsp.sound import SoundCoder
from vigilar.capture.rtsp.source import PictureTrack, RtspSource
from vigilar.capture.rtsp.timeline import Timeline
from vigilar.media.packets import RawPacket, StreamInfo


class OpenSource(Protocol):
    """A camera or file that is being read, by one thread; ``hurry`` is for any. Tests hand in another.

    ``quiet_s`` is seconds since anything at all came from the camera, an answer to a sign of life included;
    ``odd_stamps`` counts stamps that the source has put right.
    """

    streams: list[StreamInfo]

    @property
    def quiet_s(self) -> float: ...

    @property
    def odd_stamps(self) -> int: ...

    def __iter__(self) -> Iterator[RawPacket | None]: ...

    def hurry(self, is_watched: bool) -> None: ...

    def close(self) -> None: ...


def open_source(url: str, wait: Callable[[float], bool], intake: Intake | None = None) -> OpenSource:
    """``wait(seconds)`` waits and tells whether to stop; ``intake`` is for cameras. Raises CameraError."""
    if url.startswith("file:"):
        # Not at the top: a process that only records RTSP never loads libav, which is 16 MB (measured).
        from vigilar.media.file_source import FileSource

        return FileSource(url, wait)
    if url.startswith("http:"):
        # Nor does it load what only MJPEG cameras need.
        from vigilar.capture.http.source import HttpSource
        from vigilar.media.convert import JpegConverter

        return HttpSource(url, wait, JpegConverter, intake)
    return RtspSource(url, wait, _make_sound_encoder, intake, _make_jpeg_track)


def _make_sound_encoder(codec: str, sample_rate: int, channels: int, setup: bytes) -> SoundCoder:
    # For the same reason: a camera without sound, or with AAC, needs no encoder.
    from vigilar.media.audio import SoundEncoder

    return SoundEncoder(codec, sample_rate, channels, setup)


def _make_jpeg_track(media: Media, timeline: Timeline, out: list[RawPacket]) -> tuple[PictureTrack, StreamInfo]:
    from vigilar.capture.rtsp.jpeg import JpegTrack
    from vigilar.media.convert import JpegConverter

    coder = JpegConverter()
    return JpegTrack(media.payload_type, media.clock or 90_000, media.size, timeline, coder, out), coder.info
