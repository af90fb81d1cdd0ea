"""Bytes around AAC: its set-up and the headers of ADTS (ISO/IEC 14496-3). Pure, bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350)
"""By samplingFrequencyIndex (table 1.18)."""

ADTS_HEAD_BYTES = 7
SPECTRAL_COPY = (5, 29)
"""Object types whose units have twice as many samples at the output (SBR, and with parametric stereo)."""


@dataclass(frozen=True, slots=True)
class AacFacts:
    """What an AudioSpecificConfig says (1.6.2.1): ``rate`` and ``samples`` of a unit before spectral band replication.
    Zeros where it says nothing."""

    rate: int
    channels: int
    samples: int
    is_spectral_copy: bool
    rate_index: int


class Bits:
    """Reads from the front; zeros behind the end."""

    def __init__(self, data: bytes) -> None:
        self._size = 8 * len(data)
        self._value, self._left = int.from_bytes(data + bytes(8), "big"), self._size + 64

    @property
    def at(self) -> int:
        """How many were read."""
        return self._size + 64 - self._left

    @property
    def left(self) -> int:
        """How many there are still; negative when more were read than there are."""
        return self._left - 64

    def take(self, count: int) -> int:
        self._left = max(0, self._left - count)
        return self._value >> self._left & ((1 << count) - 1)

    def take_bytes(self, count: int) -> bytes:
        """Whole bytes, wherever they begin. Raises ValueError when there are not so many."""
        if 8 * count > self.left:
            raise ValueError("it ends too early")
        return self.take(8 * count).to_bytes(count, "big")

    def between(self, begin: int, end: int) -> int:
        """Those that were read between two values of ``at``."""
        return self._value >> (self._size + 64 - end) & ((1 << (end - begin)) - 1)


def object_type(bits: Bits) -> int:
    kind = bits.take(5)
    return 32 + bits.take(6) if kind == 31 else kind


def read_rate(bits: Bits) -> tuple[int, int]:
    index = bits.take(4)
    if index == 15:
        return index, bits.take(24)
    return index, RATES[index] if index < len(RATES) else 0


def parse_aac(setup: bytes) -> AacFacts:
    """The facts of an AudioSpecificConfig."""
    bits = Bits(setup[:16])
    kind = object_type(bits)
    index, rate = read_rate(bits)
    count = bits.take(4)
    if kind in SPECTRAL_COPY:
        read_rate(bits)
        object_type(bits)
    samples = 960 if bits.take(1) else 1024
    return AacFacts(rate, {7: 8}.get(count, count) if count <= 7 else 0, samples, kind in SPECTRAL_COPY, index)


def make_setup(rate: int, channels: int) -> bytes:
    """The AudioSpecificConfig of AAC-LC. Raises ValueError for a rate or channels that have no short number."""
    if not 1 <= channels <= 6:
        raise ValueError("so many channels")
    return (2 << 11 | RATES.index(rate) << 7 | channels << 3).to_bytes(2, "big")


def is_adts(data: bytes | bytearray, at: int) -> bool:
    """Whether an ADTS frame seems to begin there: the sync word, and layer 0."""
    return len(data) - at >= ADTS_HEAD_BYTES and data[at] == 0xFF and data[at + 1] & 0xF6 == 0xF0


def adts_bytes(frame: bytes) -> int:
    """The length of the frame, its header included."""
    return (frame[3] & 3) << 11 | frame[4] << 3 | frame[5] >> 5


def adts_head_bytes(frame: bytes) -> int:
    """The length of its header: with a checksum two more."""
    return ADTS_HEAD_BYTES if frame[1] & 1 else ADTS_HEAD_BYTES + 2


def split_adts(data: bytes) -> Iterator[bytes]:
    """The whole frames at the head of ``data``; the last one may claim more than there is and is left out."""
    at = 0
    while is_adts(data, at):
        size = adts_bytes(data[at : at + ADTS_HEAD_BYTES])
        if size < ADTS_HEAD_BYTES or at + size > len(data):
            return
        yield data[at : at + size]
        at += size


def fits_setup(frame: bytes, facts: AacFacts) -> bool:
    """Whether an ADTS frame is of the rate and channels that the set-up says."""
    if len(frame) <= adts_head_bytes(frame):
        return False
    channels = (frame[2] & 1) << 2 | frame[3] >> 6
    is_same_rate = facts.rate_index >= len(RATES) or frame[2] >> 2 & 15 == facts.rate_index
    return is_same_rate and (not channels or not facts.channels or channels == facts.channels)
