"""Sequence parameter sets of H.264 and H.265: only what a sample entry and a codec string need. Pure bytes.

Source: ITU-T H.264 (7.3.2.1.1), ITU-T H.265 (7.3.2.2 and 7.3.3). A camera is not trusted: every read is bounded and
a set that makes no sense is refused.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from fractions import Fraction

from vigilar.media.packets import SQUARE

MAX_SIDE = 16384
"""Pixels. Larger pictures than H.265 level 6.2 allows are nonsense from a broken or hostile camera."""

MOST_STRETCHED = Fraction(4)
"""Pixels more out of square than this are nonsense; anamorphic cameras have 4:3 or 2:1."""

_ASPECTS = (
    (1, 1), (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11), (80, 33), (18, 11), (15, 11),
    (64, 33), (160, 99), (4, 3), (3, 2), (2, 1),
)  # fmt: skip
_OTHER_ASPECT = 255

_MAX_REORDER = 16
_MAX_REF_SETS = 64
_BASELINE = 66
"""Has no B pictures (H.264 A.2.1)."""

_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


class BadBitstream(ValueError):
    """Bytes that are not the H.264, H.265 or audio set-up they should be."""


@dataclass(frozen=True, slots=True)
class Sps:
    """What one sequence parameter set says. ``profile`` are its raw bytes as the sample entries want them:
    3 for H.264 (profile, constraints, level), 12 for H.265 (general profile, tier and level). ``reorder_depth`` is how
    many pictures may come before one that is shown earlier, ``frame_rate`` pictures a second; None where it says
    nothing (believable). ``pixel_aspect`` is how wide a pixel is to its height. ``has_fields``: of H.264, a picture may
    come as two fields."""

    width: int
    height: int
    chroma_format: int
    luma_bits: int
    chroma_bits: int
    profile: bytes
    temporal_layers: int = 1
    is_temporally_nested: bool = False
    reorder_depth: int | None = None
    frame_rate: Fraction | None = None
    pixel_aspect: Fraction = SQUARE
    has_fields: bool = False

    def is_like(self, other: Sps) -> bool:
        """Whether a decoder that was set up for ``other`` can go on: all but the frame rate is the same."""
        return replace(self, frame_rate=None) == replace(other, frame_rate=None)


class _Bits:
    """Reads bits of a NAL unit's payload, emulation prevention bytes removed. Raises BadBitstream past the end."""

    def __init__(self, nal: bytes, header_bytes: int) -> None:
        self._data = nal[header_bytes:].replace(b"\0\0\3", b"\0\0")
        self._value = int.from_bytes(self._data, "big")
        self._left = len(self._data) * 8

    def take(self, count: int) -> int:
        if count > self._left:
            raise BadBitstream("parameter set ends too early")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def skip(self, count: int) -> None:
        self.take(count)

    def unsigned(self) -> int:
        """ue(v): Exp-Golomb code (H.264 9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise BadBitstream("parameter set holds an endless number")
        return (1 << zeros) - 1 + (self.take(zeros) if zeros else 0)

    def signed(self) -> int:
        """se(v)."""
        code = self.unsigned()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def parse_sps(codec: str, nal: bytes) -> Sps:
    """What ``nal`` says (with its NAL header, without start code). Raises BadBitstream."""
    if len(nal) > 4096:
        raise BadBitstream("parameter set is too long")
    sps = _parse_h264(nal) if codec == "h264" else _parse_h265(nal)
    if not (0 < sps.width <= MAX_SIDE and 0 < sps.height <= MAX_SIDE):
        raise BadBitstream(f"parameter set claims a picture of {sps.width}x{sps.height}")
    return sps


def _parse_h264(nal: bytes) -> Sps:
    bits = _Bits(nal, 1)
    profile, _, _ = bits.take(8), bits.take(8), bits.take(8)
    bits.unsigned()
    chroma, luma_bits, chroma_bits, has_planes = 1, 8, 8, False
    if profile in _HIGH_PROFILES:
        chroma = bits.unsigned()
        has_planes = chroma == 3 and bool(bits.take(1))
        luma_bits, chroma_bits = 8 + bits.unsigned(), 8 + bits.unsigned()
        bits.skip(1)
        if bits.take(1):
            _skip_scaling_lists(bits, 8 if chroma != 3 else 12)
    bits.unsigned()
    is_in_order = _skip_poc(bits) == 2
    bits.unsigned()
    bits.skip(1)
    across, down = bits.unsigned() + 1, bits.unsigned() + 1
    only_frames = bits.take(1)
    if not only_frames:
        bits.skip(1)
    bits.skip(1)
    left, right, top, bottom = _crop(bits)
    unit_x = 2 if chroma in (1, 2) and not has_planes else 1
    unit_y = (2 if chroma == 1 and not has_planes else 1) * (2 - only_frames)
    width = across * 16 - unit_x * (left + right)
    height = (2 - only_frames) * down * 16 - unit_y * (top + bottom)
    depth: int | None = 0 if is_in_order or profile == _BASELINE else None
    rate, aspect = None, SQUARE
    with contextlib.suppress(BadBitstream):  # what follows helps, but a picture can do without it
        if bits.take(1):
            aspect = _aspect(bits)
            told, rate = _h264_vui(bits)
            depth = told if depth is None else depth
    return Sps(
        width, height, chroma, luma_bits, chroma_bits, nal[1:4],
        reorder_depth=depth, frame_rate=rate, pixel_aspect=aspect, has_fields=not only_frames,
    )  # fmt: skip


def _aspect(bits: _Bits) -> Fraction:
    """The sample aspect ratio at the head of the VUI (H.264 and H.265 table E-1); square if it makes no sense."""
    if not bits.take(1):
        return SQUARE
    code = bits.take(8)
    if code != _OTHER_ASPECT:
        return Fraction(*_ASPECTS[code]) if code < len(_ASPECTS) else SQUARE
    across, down = bits.take(16), bits.take(16)
    aspect = Fraction(across, down) if down else SQUARE
    return aspect if MOST_STRETCHED >= aspect >= 1 / MOST_STRETCHED else SQUARE


def _h264_vui(bits: _Bits) -> tuple[int | None, Fraction | None]:
    """max_num_reorder_frames and the frame rate, from the VUI (video usability information, H.264 E.1.1) behind the
    aspect ratio."""
    if bits.take(1):
        bits.skip(1)
    if bits.take(1):
        bits.skip(4)
        if bits.take(1):
            bits.skip(24)
    if bits.take(1):
        bits.unsigned()
        bits.unsigned()
    rate = _believable(*_timing(bits), 2) if bits.take(1) else None
    with contextlib.suppress(BadBitstream):
        has_hrd = [_skip_hrd(bits) for _ in range(2) if bits.take(1)]
        if has_hrd:
            bits.skip(1)
        bits.skip(1)
        if bits.take(1):
            bits.skip(1)
            for _ in range(4):
                bits.unsigned()
            depth = bits.unsigned()
            return (depth if depth <= _MAX_REORDER else None), rate
    return None, rate


def _timing(bits: _Bits) -> tuple[int, int]:
    """num_units_in_tick and time_scale, and past the flag of a fixed rate."""
    units, scale = bits.take(32), bits.take(32)
    bits.skip(1)
    return units, scale


def _believable(units: int, scale: int, ticks_a_picture: int) -> Fraction | None:
    rate = Fraction(scale, units * ticks_a_picture) if units else Fraction(0)
    return rate if 1 <= rate <= 240 else None


def _skip_hrd(bits: _Bits) -> bool:
    """hrd_parameters: the hypothetical reference decoder (HRD, H.264 E.1.2)."""
    count = bits.unsigned() + 1
    bits.skip(8)
    for _ in range(min(count, 32)):
        bits.unsigned()
        bits.unsigned()
        bits.skip(1)
    bits.skip(20)
    return True


def _skip_scaling_lists(bits: _Bits, count: int) -> None:
    for index in range(count):
        if not bits.take(1):
            continue
        last = following = 8
        for _ in range(16 if index < 6 else 64):
            if following:
                following = (last + bits.signed()) % 256
            last = following or last


def _skip_poc(bits: _Bits) -> int:
    """pic_order_cnt_type (POC: picture order count); with 2, pictures are shown in decoding order (H.264 7.4.2.1.1)."""
    kind = bits.unsigned()
    if kind == 0:
        bits.unsigned()
    elif kind == 1:
        bits.skip(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.unsigned(), 255)):
            bits.signed()
    return kind


def _crop(bits: _Bits) -> tuple[int, int, int, int]:
    if not bits.take(1):
        return 0, 0, 0, 0
    return bits.unsigned(), bits.unsigned(), bits.unsigned(), bits.unsigned()


def _parse_h265(nal: bytes) -> Sps:
    bits = _Bits(nal, 2)
    bits.skip(4)
    layers = bits.take(3)
    is_nested = bool(bits.take(1))
    profile = bits.take(96).to_bytes(12, "big")
    _skip_sub_layers(bits, layers)
    bits.unsigned()
    chroma = bits.unsigned()
    has_planes = chroma == 3 and bool(bits.take(1))
    width, height = bits.unsigned(), bits.unsigned()
    left, right, top, bottom = _crop(bits)
    unit_x = 2 if chroma in (1, 2) and not has_planes else 1
    unit_y = 2 if chroma == 1 and not has_planes else 1
    luma_bits, chroma_bits = 8 + bits.unsigned(), 8 + bits.unsigned()
    if chroma > 3 or luma_bits > 16 or chroma_bits > 16:
        raise BadBitstream("parameter set claims an impossible picture format")
    width, height = width - unit_x * (left + right), height - unit_y * (top + bottom)
    depth, aspect = None, SQUARE
    with contextlib.suppress(BadBitstream):
        lsb_bits = bits.unsigned() + 4
        depth = _h265_reorder(bits, layers)
        _skip_h265_tools(bits, lsb_bits)
        aspect = _aspect(bits) if bits.take(1) else SQUARE
    return Sps(
        width, height, chroma, luma_bits, chroma_bits, profile, layers + 1, is_nested, depth, pixel_aspect=aspect
    )


def _skip_h265_tools(bits: _Bits, lsb_bits: int) -> None:
    """From the sizes of coding blocks to the flag of the VUI (H.265 7.3.2.2.1)."""
    for _ in range(6):
        bits.unsigned()
    if bits.take(1) and bits.take(1):
        _skip_h265_scaling_lists(bits)
    bits.skip(2)
    if bits.take(1):
        bits.skip(8)
        bits.unsigned()
        bits.unsigned()
        bits.skip(1)
    count = bits.unsigned()
    if count > _MAX_REF_SETS:
        raise BadBitstream("parameter set has too many sets of references")
    references = 0
    for index in range(count):
        references = _skip_reference_set(bits, index, references)
    if bits.take(1):
        for _ in range(min(bits.unsigned(), 33)):
            bits.skip(lsb_bits + 1)
    bits.skip(2)


def _skip_h265_scaling_lists(bits: _Bits) -> None:
    """scaling_list_data (H.265 7.3.4)."""
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not bits.take(1):
                bits.unsigned()
                continue
            for _ in range((size > 1) + min(64, 1 << (4 + 2 * size))):
                bits.signed()


def _skip_reference_set(bits: _Bits, index: int, before: int) -> int:
    """st_ref_pic_set (H.265 7.3.7); ``before`` is what this gave for the set before: how many pictures it refers to."""
    if index and bits.take(1):
        bits.skip(1)
        bits.unsigned()
        return sum(1 for _ in range(before + 1) if bits.take(1) or bits.take(1))
    count = bits.unsigned() + bits.unsigned()
    for _ in range(min(count, 32)):
        bits.unsigned()
        bits.skip(1)
    return min(count, 32)


def _h265_reorder(bits: _Bits, layers: int) -> int | None:
    """sps_max_num_reorder_pics of the highest layer (H.265 7.3.2.2.1)."""
    depth = 0
    for _ in range(layers + 1 if bits.take(1) else 1):
        bits.unsigned()
        depth = bits.unsigned()
        bits.unsigned()
    return depth if depth <= _MAX_REORDER else None


def _skip_sub_layers(bits: _Bits, layers: int) -> None:
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.skip(2 * (8 - layers))
    for has_profile, has_level in present:
        bits.skip(88 * has_profile + 8 * has_level)
