"""Sound that browsers do not play from MP4 (G.711, Opus and others) becomes AAC. AAC itself is never touched.

Measured: 8 kHz G.711 to AAC costs 5 to 9 thousandths of a core a camera, most of it the encoder.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from vigilar.media.packets import Kind, StreamInfo

FRAME_SAMPLES = 1024
"""Samples in one access unit of AAC-LC (ISO/IEC 14496-3)."""

BITS_PER_SAMPLE = 4
"""8 kHz speech in 32 kbit/s, 48 kHz in 192: generous for a microphone in a camera."""

_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000})
_OTHER_RATE = 16_000


@dataclass(frozen=True, slots=True)
class EncodedSound:
    """One AAC access unit; ``pts`` in ticks of 1/sample rate."""

    data: bytes
    pts: int


class SoundEncoder:
    """One stream's sound to AAC. One thread. What cannot be decoded is counted in ``errors`` and left out."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        """Raises av.FFmpegError when the encoder does not take it."""
        self._rate = sample_rate if sample_rate in _RATES else _OTHER_RATE
        self._channels = 2 if channels > 1 else 1
        self.errors = 0
        self.reset()

    @property
    def info(self) -> StreamInfo:
        """What comes out."""
        setup = bytes(self._encoder.extradata or b"")[:2]  # the rest is an extension that says "no SBR"
        base = Fraction(1, self._rate)
        return StreamInfo(Kind.AUDIO, "aac", base, setup, sample_rate=self._rate, channels=self._channels)

    def reset(self) -> None:
        """Forget what waits for a whole access unit, as before stamps that begin anew."""
        layout = "stereo" if self._channels == 2 else "mono"
        encoder: Any = av.CodecContext.create("aac", "w")
        encoder.sample_rate, encoder.layout, encoder.format = self._rate, layout, "fltp"
        encoder.bit_rate = self._rate * BITS_PER_SAMPLE * self._channels
        encoder.time_base = Fraction(1, self._rate)
        encoder.open()
        self._encoder = encoder
        self._resampler: Any = av.AudioResampler("fltp", layout, self._rate, frame_size=FRAME_SAMPLES)

    def encode(self, packet: Any) -> Iterator[EncodedSound]:
        """The access units that PyAV's ``packet`` completes. One without a stamp is left out."""
        if packet.pts is None:
            return
        try:
            frames = packet.decode()
        except av.FFmpegError:
            self.errors += 1
            return
        for frame in frames:
            for whole in self._resampler.resample(frame):
                for unit in self._encoder.encode(whole):
                    yield EncodedSound(bytes(unit), int(unit.pts))

    def close(self) -> None:
        """Ends the encoder; libav otherwise says that frames were left in it."""
        with contextlib.suppress(av.FFmpegError):
            self._encoder.encode(None)
