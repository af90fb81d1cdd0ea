"""Opens a video file with libav and reads its packets at their pace, again and again, as if it were a camera.

libav's own log stays off: its way into Python has dead-locked threaded programs.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.logging
from av.bitstream import BitStreamFilterContext

from vigilar.base.errors import CameraError, ErrorKind
from vigilar.media.audio import SoundEncoder
from vigilar.media.bitstream import LAYOUTS, first_sps, setup_of_extradata
from vigilar.media.packets import Kind, RawPacket, SoundRefused, StreamInfo, sound_packet
from vigilar.media.sps import BadBitstream

av.logging.set_level(None)

logger = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 8.0


class FileSource:
    """An open file. One thread opens, reads and closes it: closing from another one ends the process (PyAV 18, 19).

    ``streams`` is video first, then sound if there is any, always as AAC. Iterating gives packets until the stop or an
    error; the file begins again at its end, with stamps that go on, at the pace of its time stamps.
    """

    def __init__(self, url: str, wait: Callable[[float], bool], *, loops: bool = True) -> None:
        """``url`` is ``file:PATH``; ``wait(seconds)`` waits and tells whether to stop. Raises CameraError."""
        self._wait = wait
        self._loops = loops
        path = url.removeprefix("file:")
        if not Path(path).is_file():
            raise CameraError("There is no such file.", code="V-CAM-15")
        with _mapped():
            self._container: Any = av.open(path, timeout=OPEN_TIMEOUT_S)
        try:
            self._pick()
        except BaseException:
            self._container.close()
            raise

    def _pick(self) -> None:
        videos = [s for s in self._container.streams.video if s.codec_context.name in LAYOUTS]
        if not videos:
            raise _no_picture(self._container.streams)
        self._video = videos[0]
        self._audio = self._pick_sound()
        self._encoder: SoundEncoder | None = None
        codec = self._video.codec_context
        extradata = bytes(codec.extradata or b"")
        try:
            setup = setup_of_extradata(codec.name, extradata)
        except BadBitstream as error:
            raise CameraError(f"The camera's picture set-up cannot be read: {error}.", code="V-CAM-14") from error
        self._filter = None
        if extradata.startswith(b"\x01"):
            self._filter = BitStreamFilterContext(f"{codec.name}_mp4toannexb", in_stream=self._video)
        rate = self._video.average_rate or self._video.base_rate
        believable = rate if rate and 1 <= rate <= 240 else None
        width, height = codec.width, codec.height
        if setup and not width:  # nothing was probed: the parameter set knows
            with contextlib.suppress(BadBitstream):
                sps = first_sps(codec.name, setup)
                width, height = sps.width, sps.height
        self.streams = [StreamInfo(Kind.VIDEO, codec.name, self._ticks(self._video), setup, width, height, believable)]
        if self._audio is not None:
            try:
                self.streams.append(self._sound_info(self._audio))
            except SoundRefused as error:  # a picture without its sound is better than none
                logger.warning("the sound (%s) is left out: %s", self._audio.codec_context.name, error)
                self._audio = None

    def _pick_sound(self) -> Any:
        """AAC if there is any, else what libav can decode, else None."""
        sounds = [s for s in self._container.streams.audio if s.codec_context is not None]
        return next((s for s in sounds if s.codec_context.name == "aac"), sounds[0] if sounds else None)

    def _sound_info(self, stream: Any) -> StreamInfo:
        sound = stream.codec_context
        channels = sound.layout.nb_channels if sound.layout else 1
        setup = bytes(sound.extradata or b"")
        if sound.name == "aac" and setup:
            rate = sound.sample_rate
            return StreamInfo(Kind.AUDIO, "aac", self._ticks(stream), setup, sample_rate=rate, channels=channels)
        self._encoder = SoundEncoder(sound.name, sound.sample_rate, channels, setup)
        self._to_samples = self._ticks(stream) * sound.sample_rate
        return self._encoder.info

    @staticmethod
    def _ticks(stream: Any) -> Fraction:
        return Fraction(stream.time_base)

    quiet_s = 0.0
    """A file always answers."""

    odd_stamps = 0

    def __iter__(self) -> Iterator[RawPacket | None]:
        began = time.monotonic()
        shift = 0.0
        while True:
            end = 0.0
            for raw in self._once():
                if raw.dts is None:
                    continue
                at = float(raw.dts * raw.time_base)
                end = max(end, at + float(raw.duration * raw.time_base))
                due = began + shift + at - time.monotonic()
                if due > 0 and self._wait(due):
                    return
                ticks = round(shift / raw.time_base)
                pts = raw.dts if raw.pts is None else raw.pts
                yield RawPacket(
                    raw.kind, raw.data, pts + ticks, raw.dts + ticks, raw.duration, raw.time_base, raw.is_keyframe
                )
            if end <= 0.0:
                raise CameraError("The file holds no picture.", code="V-CAM-15")
            if not self._loops:
                return
            shift += end
            if self._encoder is not None:
                self._encoder.reset()
            with _mapped():
                self._container.seek(0)

    def _once(self) -> Iterator[RawPacket]:
        wanted = [s for s in (self._video, self._audio) if s is not None]
        with _mapped():
            for packet in self._container.demux(wanted):
                if packet.size == 0:
                    continue
                if packet.stream is self._video:
                    for filtered in self._filter.filter(packet) if self._filter else (packet,):
                        yield _raw(Kind.VIDEO, filtered, self.streams[0].time_base)
                elif self._encoder is None:
                    yield _raw(Kind.AUDIO, packet, self.streams[1].time_base)
                elif packet.pts is not None:
                    base = self.streams[1].time_base
                    for unit in self._encoder.encode(bytes(packet), int(packet.pts * self._to_samples)):
                        yield sound_packet(unit.data, unit.pts, base)

    def hurry(self, is_watched: bool) -> None:
        """Nothing: a file's packets are handed on when they are due."""

    def close(self) -> None:
        if self._encoder is not None:
            self._encoder.close()
        with contextlib.suppress(av.FFmpegError):
            self._container.close()


def _raw(kind: Kind, packet: Any, time_base: Fraction) -> RawPacket:
    return RawPacket(
        kind,
        bytes(packet),
        packet.pts,
        packet.dts,
        packet.duration or 0,
        time_base,
        bool(packet.is_keyframe),
    )


def _no_picture(streams: Any) -> CameraError:
    names = sorted({s.codec_context.name for s in streams.video})
    if names:
        sentence = f"The file holds {', '.join(names)}, which this box cannot record."
        return CameraError(sentence, next_step="Make it H.264 or H.265.", code="V-CAM-14")
    return CameraError("The file holds sound but no picture.", next_step="Choose another file.", code="V-CAM-14")


@contextlib.contextmanager
def _mapped() -> Iterator[None]:
    """The door: libav's errors become one sentence, without the path."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise CameraError("The file cannot be read as video.", kind=ErrorKind.CORRUPT, code="V-CAM-15") from error
