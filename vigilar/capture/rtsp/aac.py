"""Bytes around AAC: its set-up, the headers of ADTS, the lengths of LATM (ISO/IEC 14496-3). Pure, bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350)
"""By samplingFrequencyIndex (table 1.18)."""

ADTS_HEAD_BYTES = 7
_SPECTRAL_COPY = (5, 29)
"""Object types whose units have twice as many samples at the output (SBR, and with parametric stereo)."""

MAX_LATM_UNITS = 64


@dataclass(frozen=True, slots=True)
class AacFacts:
    """What an AudioSpecificConfig says (1.6.2.1): ``rate`` and ``samples`` of a unit before spectral band replication.
    Zeros where it says nothing."""

    rate: int
    channels: int
    samples: int
    is_spectral_copy: bool
    rate_index: int


class _Bits:
    """Reads from the front; zeros behind the end."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data + bytes(8), "big"), 8 * len(data) + 64

    def take(self, count: int) -> int:
        self._left = max(0, self._left - count)
        return self._value >> self._left & ((1 << count) - 1)


def _object_type(bits: _Bits) -> int:
    kind = bits.take(5)
    return 32 + bits.take(6) if kind == 31 else kind


def _rate(bits: _Bits) -> tuple[int, int]:
    index = bits.take(4)
    if index == 15:
        return index, bits.take(24)
    return index, RATES[index] if index < len(RATES) else 0


def parse_aac(setup: bytes) -> AacFacts:
    """The facts of an AudioSpecificConfig."""
    bits = _Bits(setup[:16])
    kind = _object_type(bits)
    index, rate = _rate(bits)
    count = bits.take(4)
    if kind in _SPECTRAL_COPY:
        _rate(bits)
        _object_type(bits)
    samples = 960 if bits.take(1) else 1024
    return AacFacts(rate, {7: 8}.get(count, count) if count <= 7 else 0, samples, kind in _SPECTRAL_COPY, index)


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


def parse_latm(config: bytes) -> tuple[bytes, int]:
    """(AudioSpecificConfig, units in each element) of a StreamMuxConfig (1.7.3.2). Raises ValueError for what no camera
    sends: several programmes or layers, version 1."""
    bits = _Bits(config)
    if bits.take(1):
        raise ValueError("another version of LATM")
    bits.take(1)
    units = bits.take(6) + 1
    if bits.take(4) or bits.take(3):
        raise ValueError("more than one stream in LATM")
    rest = int.from_bytes(config, "big") & ((1 << (8 * len(config) - 15)) - 1) if len(config) > 2 else 0
    setup = (rest << 7).to_bytes(len(config) - 1, "big") if rest else b""
    size = _config_bytes(setup)
    if len(setup) < size:
        raise ValueError("it ends too early")
    return setup[:size], units


def _config_bytes(setup: bytes) -> int:
    """How long an AudioSpecificConfig is: what follows it in LATM belongs to the lengths."""
    bits = _Bits(setup)
    count = 5 + 4 + 4 + 3
    kind = _object_type(bits)
    count += 6 if kind >= 32 else 0
    count += 24 if _rate(bits)[0] == 15 else 0
    bits.take(4)
    if kind in _SPECTRAL_COPY:
        count += 4 + 5 + (24 if _rate(bits)[0] == 15 else 0)
    return (count + 7) // 8


def split_latm(element: bytes, units: int) -> list[bytes]:
    """The units of an AudioMuxElement without set-up (PayloadLengthInfo and PayloadMux); empty if it is not whole."""
    found: list[bytes] = []
    at = 0
    for _ in range(min(units, MAX_LATM_UNITS)):
        size = 0
        while at < len(element):
            size, at = size + element[at], at + 1
            if element[at - 1] != 255:
                break
        else:
            return []
        if at + size > len(element):
            return []
        found.append(element[at : at + size])
        at += size
    return found
