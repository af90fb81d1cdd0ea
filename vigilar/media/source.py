"""Opens a camera or a file with libav and reads its packets. Measured behaviour of libav and PyAV 18 is named in place.

Traps this module closes: the reading thread alone closes the container (closing from another one ends the process);
a stream that ends without an error is an error for a camera; libav's own log stays off, as its way into Python has
dead-locked threaded programs.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.logging
from av.bitstream import BitStreamFilterContext

from vigilar.base.errors import CameraError, ErrorKind
from vigilar.base.redact import redact
from vigilar.media.audio import FRAME_SAMPLES, EncodedSound, SoundEncoder
from vigilar.media.bitstream import LAYOUTS, first_sps, setup_of_extradata
from vigilar.media.packets import Kind, StreamInfo
from vigilar.media.sps import BadBitstream

av.logging.set_level(None)

logger = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 8.0
READ_TIMEOUT_S = 1.0
"""How long a silent camera keeps the reader from looking at the stop. Reading goes on after it (measured: a camera that
hung for four seconds, its connection open, went on in the same stream); giving up is the worker's watchdog's part."""

_FAST_OPEN = {"probesize": "32", "analyzeduration": "0", "fpsprobesize": "0"}
"""Opening in 0.1 s instead of 1.3 s: nothing is probed, the session description says it all."""


@dataclass(frozen=True, slots=True)
class RawPacket:
    """A packet as libav gives it: stamps in ticks of ``time_base`` and perhaps missing, ``duration`` perhaps 0."""

    kind: Kind
    data: bytes
    pts: int | None
    dts: int | None
    duration: int
    time_base: Fraction
    is_keyframe: bool


class Source:
    """An open camera or file. One thread opens, reads and closes it.

    ``streams`` is video first, then sound if there is any, always as AAC. Iterating gives packets until the stop or an
    error, and None when a camera was silent for READ_TIMEOUT_S, so that the caller can look at its watchdog; files
    begin again at their end, with stamps that go on, at the pace of their time stamps.
    """

    def __init__(self, url: str, wait: Callable[[float], bool], *, loops: bool = True) -> None:
        """``wait(seconds)`` waits and tells whether to stop. Raises CameraError."""
        self._is_file = url.startswith("file:")
        self._wait = wait
        self._loops = loops
        with _mapped(url):
            self._container = _open(url, self._is_file)
        try:
            self._pick()
        except BaseException:
            self._container.close()
            raise
        self._url = url

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
                facts = first_sps(codec.name, setup)
                width, height = facts.width, facts.height
        self.streams = [StreamInfo(Kind.VIDEO, codec.name, self._ticks(self._video), setup, width, height, believable)]
        if self._audio is not None:
            try:
                self.streams.append(self._sound_info(self._audio))
            except av.FFmpegError as error:  # a picture without its sound is better than none
                logger.warning("the sound (%s) is left out: %s", self._audio.codec_context.name, type(error).__name__)
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
        self._encoder = SoundEncoder(sound.sample_rate, channels)
        return self._encoder.info

    @staticmethod
    def _ticks(stream: Any) -> Fraction:
        return Fraction(stream.time_base)

    def __iter__(self) -> Iterator[RawPacket | None]:
        if self._is_file:
            yield from self._paced()
            return
        while True:
            try:
                yield from self._once()
            except av.ExitError:  # nothing came in time; the connection is as good as before
                yield None
                if self._wait(0.0):
                    return
                continue
            raise CameraError("The camera ended the stream.", kind=ErrorKind.TRANSIENT, code="V-CAM-16")

    def _once(self) -> Iterator[RawPacket]:
        wanted = [s for s in (self._video, self._audio) if s is not None]
        with _mapped(self._url, is_reading=True):
            for packet in self._container.demux(wanted):
                if packet.size == 0:
                    continue
                if packet.stream is self._video:
                    for filtered in self._filter.filter(packet) if self._filter else (packet,):
                        yield _raw(Kind.VIDEO, filtered, self.streams[0].time_base)
                elif self._encoder is None:
                    yield _raw(Kind.AUDIO, packet, self.streams[1].time_base)
                else:
                    for unit in self._encoder.encode(packet):
                        yield _encoded(unit, self.streams[1].time_base)

    def _paced(self) -> Iterator[RawPacket]:
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
            with _mapped(self._url):
                self._container.seek(0)

    def close(self) -> None:
        if self._encoder is not None:
            self._encoder.close()
        with contextlib.suppress(av.FFmpegError):
            self._container.close()


def _encoded(unit: EncodedSound, time_base: Fraction) -> RawPacket:
    return RawPacket(Kind.AUDIO, unit.data, unit.pts, unit.pts, FRAME_SAMPLES, time_base, True)


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


def _open(url: str, is_file: bool) -> Any:
    if is_file:
        path = url.removeprefix("file:")
        if not Path(path).is_file():
            raise CameraError("There is no such file.", code="V-CAM-15")
        return av.open(path, timeout=OPEN_TIMEOUT_S)
    options = {"rtsp_transport": "tcp", **_FAST_OPEN}
    return av.open(url, options=options, timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S))


def _no_picture(streams: Any) -> CameraError:
    names = sorted({s.codec_context.name for s in streams.video})
    if names:
        sentence = f"The camera sends {', '.join(names)}, which this box cannot record."
        return CameraError(sentence, next_step="Set the camera to H.264 or H.265.", code="V-CAM-14")
    return CameraError(
        "The camera sends sound but no picture.", next_step="Choose another stream of the camera.", code="V-CAM-14"
    )


@contextlib.contextmanager
def _mapped(url: str, *, is_reading: bool = False) -> Iterator[None]:
    """The door: libav's errors become one sentence each, without the address. A time-out while reading passes."""
    try:
        yield
    except av.FFmpegError as error:
        if is_reading and isinstance(error, av.ExitError):
            raise
        raise _sentence(url, error) from error
    except OSError as error:
        raise CameraError(
            f"Nothing answers at that address: {redact(error.strerror or type(error).__name__)}.",
            kind=ErrorKind.TRANSIENT,
            next_step="Is it on, and on the same network?",
            code="V-CAM-01",
        ) from error


def _sentence(url: str, error: av.FFmpegError) -> CameraError:
    name = type(error).__name__
    if url.startswith("file:"):
        return CameraError("The file cannot be read as video.", kind=ErrorKind.CORRUPT, code="V-CAM-15")
    if name in {"HTTPUnauthorizedError", "HTTPForbiddenError"}:
        next_step = "Check capitals; some makes need a separate user for video."
        return CameraError("The camera refuses the login.", kind=ErrorKind.DENIED, next_step=next_step, code="V-CAM-03")
    if name in {"HTTPNotFoundError", "HTTPBadRequestError"}:
        return CameraError(
            "The camera answers, but has no stream at that path.",
            next_step="Look up the path of its video stream.",
            code="V-CAM-05",
        )
    if name == "HTTPOtherClientError":
        return CameraError(
            "The camera takes no further viewer.",
            kind=ErrorKind.TRANSIENT,
            next_step="Close its own app; each viewer takes one of its connections.",
            code="V-CAM-10",
        )
    if isinstance(error, (ConnectionRefusedError, TimeoutError, OSError)) and name != "InvalidDataError":
        what = {"ConnectionRefusedError": "it refuses the connection", "ExitError": "no answer in time"}
        return CameraError(
            f"Nothing answers at that address: {what.get(name, 'no connection')}.",
            kind=ErrorKind.TRANSIENT,
            next_step="Is it on, and on the same network?",
            code="V-CAM-01",
        )
    return CameraError(
        "Something answers at that address, but not with video over RTSP.",
        kind=ErrorKind.TRANSIENT,
        next_step="Turn on RTSP in the camera's own page.",
        code="V-CAM-02",
    )
