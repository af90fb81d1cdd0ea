"""Sound that browsers do not play from MP4 (G.711, Opus and others) becomes AAC. AAC itself is never touched.

8 kHz G.711 to AAC costs about 2 thousandths of a core a camera (``python -m benchmarks.encode_cost``).
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from vigilar.media.packets import FRAME_SAMPLES, EncodedSound, Kind, SoundRefused, StreamInfo

BITS_PER_SAMPLE = 4
"""8 kHz speech in 32 kbit/s, 48 kHz in 192: generous for a microphone in a camera."""

_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000})
_OTHER_RATE = 16_000
_G726 = frozenset({"g726", "g726le"})


class SoundEncoder:
    """One stream's sound to AAC. One thread. What cannot be decoded or encoded counts in ``errors``."""

    def __init__(self, codec: str, sample_rate: int, channels: int, setup: bytes = b"") -> None:
        """``codec`` is libav's name of its decoder, ``setup`` what that needs to begin: of G.726 one byte, how many
        bits a sample has. Raises SoundRefused."""
        self._codec, self._setup = codec, setup
        self._rate_in = sample_rate
        self._rate = sample_rate if sample_rate in _RATES else _OTHER_RATE
        self._channels_in = max(1, channels)
        self._channels = 2 if channels > 1 else 1
        self._container: Any = None  # of a decoder that cannot be without
        self.errors = 0
        self.reset()

    @property
    def info(self) -> StreamInfo:
        """What comes out."""
        setup = bytes(self._encoder.extradata or b"")[:2]  # the rest is an extension that says "no SBR"
        base = Fraction(1, self._rate)
        return StreamInfo(Kind.AUDIO, "aac", base, setup, sample_rate=self._rate, channels=self._channels)

    def reset(self) -> None:
        """Forget what waits for a whole access unit, as before stamps that begin anew. Raises SoundRefused."""
        try:
            self._decoder = self._open_decoder()
            self._encoder = self._open_encoder()
        except (av.FFmpegError, ValueError, OverflowError) as error:
            raise SoundRefused(f"{type(error).__name__} of the {self._codec} decoder or its encoder") from error
        layout = "stereo" if self._channels == 2 else "mono"
        self._resampler: Any = av.AudioResampler("fltp", layout, self._rate, frame_size=FRAME_SAMPLES)

    def _open_decoder(self) -> Any:
        if self._codec in _G726:
            return self._open_g726()
        decoder: Any = av.CodecContext.create(self._codec, "r")
        decoder.sample_rate = self._rate_in
        decoder.layout = {1: "mono", 2: "stereo"}.get(self._channels_in, f"{self._channels_in}c")
        if self._setup:
            decoder.extradata = self._setup
        decoder.open()
        return decoder

    def _open_g726(self) -> Any:
        """PyAV has no way to say how many bits a sample has, but its demuxer of bare G.726 has one."""
        options = {"code_size": str(self._setup[0]), "sample_rate": str(self._rate_in)}
        self._container = av.open(io.BytesIO(bytes(64)), format=self._codec, options=options)
        decoder: Any = self._container.streams.audio[0].codec_context
        return decoder

    def _open_encoder(self) -> Any:
        encoder: Any = av.CodecContext.create("aac", "w")
        encoder.sample_rate, encoder.format = self._rate, "fltp"
        encoder.layout = "stereo" if self._channels == 2 else "mono"
        encoder.bit_rate = self._rate * BITS_PER_SAMPLE * self._channels
        encoder.time_base = Fraction(1, self._rate)
        encoder.open()
        return encoder

    def encode(self, data: bytes, pts: int) -> Iterator[EncodedSound]:
        """The access units that ``data`` completes; ``pts`` in ticks of 1/sample rate of what comes in."""
        packet = av.Packet(data)
        packet.pts = packet.dts = pts
        packet.time_base = Fraction(1, self._rate_in)
        try:
            for frame in self._decoder.decode(packet):
                frame.time_base = packet.time_base
                for whole in self._resampler.resample(frame):
                    for unit in self._encoder.encode(whole):
                        yield EncodedSound(bytes(unit), int(unit.pts))
        except (av.FFmpegError, ValueError):
            self.errors += 1

    def close(self) -> None:
        """Ends the encoder; libav otherwise says that frames were left in it."""
        with contextlib.suppress(av.FFmpegError):
            self._encoder.encode(None)
