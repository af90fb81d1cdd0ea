"""AAC in LATM (ISO/IEC 14496-3 1.7.3), whose set-up stands in the session description or in the elements. Pure,
bounded."""

from __future__ import annotations

from dataclasses import dataclass

from vigilar.capture.rtsp.aac import SPECTRAL_COPY, Bits, object_type, read_rate

MAX_OTHER_BITS = 1 << 16
MAX_SETUP_BITS = 8 * 64
_WITH_CORE = frozenset({1, 2, 3, 4, 6, 7})
"""Object types of GASpecificConfig (4.4.1) whose set-up ends after three flags. Cameras have 2, 5 or 29."""


@dataclass(frozen=True, slots=True)
class Mux:
    """A StreamMuxConfig of one programme and one layer. ``setup`` is the AudioSpecificConfig; ``units`` come in each
    element; ``unit_bytes`` is their length where it is fixed, 0 where each has its own; ``other_bits`` follow them."""

    setup: bytes
    units: int
    unit_bytes: int = 0
    other_bits: int = 0


def parse_mux(config: bytes) -> Mux:
    """The set-up of a session description. Raises ValueError for what no camera sends: several programmes or layers."""
    return read_mux(Bits(config))


def split_element(element: bytes, mux: Mux | None, *, has_set_up: bool) -> tuple[Mux | None, list[bytes]]:
    """The mux in force after an AudioMuxElement, and its units; ``has_set_up``: it may bring one (muxConfigPresent).

    Raises ValueError when it is not whole or makes no sense. Without a mux yet there are no units.
    """
    bits = Bits(element)
    if has_set_up and not bits.take(1):
        mux = read_mux(bits)
    if mux is None:
        return None, []
    units = []
    for _ in range(mux.units):
        size = mux.unit_bytes or _length(bits)
        units.append(bits.take_bytes(size))
    return mux, units


def read_mux(bits: Bits) -> Mux:
    """StreamMuxConfig (1.7.3.2.3). Raises ValueError."""
    version = bits.take(1)
    if version and bits.take(1):
        raise ValueError("another version of LATM")
    if version:
        _value(bits)  # taraBufferFullness
    bits.take(1)
    units = bits.take(6) + 1
    if bits.take(4) or bits.take(3):
        raise ValueError("more than one stream in LATM")
    setup = _setup_of(bits, _value(bits) if version else 0)
    unit_bytes = _fixed_length(bits)
    other_bits = 0
    if bits.take(1):
        other_bits = _value(bits) if version else _escaped(bits)
    if bits.take(1):
        bits.take(8)  # of the set-up, which is judged by what it says
    if bits.left < -7 or other_bits > MAX_OTHER_BITS:  # descriptions leave out the last zeros
        raise ValueError("it ends too early")
    return Mux(setup, units, unit_bytes, other_bits)


def _setup_of(bits: Bits, told_bits: int) -> bytes:
    """The AudioSpecificConfig, filled up to whole bytes. Its length is told from version 1 on."""
    begin = bits.at
    size = told_bits or _setup_bits(bits)
    if not 16 <= size <= MAX_SETUP_BITS or begin + size - bits.at > bits.left:
        raise ValueError("a set-up of no believable length")
    bits.take(begin + size - bits.at)
    whole = -(-size // 8)
    return (bits.between(begin, begin + size) << (8 * whole - size)).to_bytes(whole, "big")


def _setup_bits(bits: Bits) -> int:
    """How long an AudioSpecificConfig is that tells it by nothing but its content."""
    begin = bits.at
    kind = object_type(bits)
    read_rate(bits)
    if bits.take(4) == 0:
        raise ValueError("its channels are told in a way of their own")
    if kind in SPECTRAL_COPY:
        read_rate(bits)
        kind = object_type(bits)
    if kind not in _WITH_CORE:
        raise ValueError("another kind of sound than AAC")
    bits.take(1)
    if bits.take(1):
        bits.take(14)
    if bits.take(1) and kind == 6:
        bits.take(3)
    return bits.at - begin


def _fixed_length(bits: Bits) -> int:
    kind = bits.take(3)
    if kind == 0:
        bits.take(8)  # how full the decoder's buffer is to be
        return 0
    if kind == 1:
        return bits.take(9) + 20
    raise ValueError("units of a length that AAC does not have")


def _length(bits: Bits) -> int:
    """PayloadLengthInfo (1.7.3.2.5)."""
    size = 0
    while bits.left >= 8:
        more = bits.take(8)
        size += more
        if more != 255:
            return size
    raise ValueError("it ends too early")


def _value(bits: Bits) -> int:
    """LatmGetValue (1.7.3.2.4)."""
    return bits.take(8 * (bits.take(2) + 1))


def _escaped(bits: Bits) -> int:
    """otherDataLenBits of version 0."""
    size = 0
    for _ in range(4):
        has_more = bits.take(1)
        size = size << 8 | bits.take(8)
        if not has_more:
            break
    return size
