"""H.264 and H.265 as bytes: NAL units, parameter sets, codec strings. Pure; does not import libav.

Vocabulary: *Annex B* puts a start code before each NAL unit; *length-prefixed* puts four length bytes there, as MP4
wants it. Sources: ITU-T H.264 annex B, ITU-T H.265 annex B, ISO/IEC 14496-15 (avcC 5.3.3, hvcC 8.3.3, codec strings
annex E).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from vigilar.media.packets import Kind, StreamInfo
from vigilar.media.sps import BadBitstream, Sps, parse_sps

_RECOVERY_POINT = 6
_I_SLICES = {"h264": frozenset({2, 4, 7, 9}), "hevc": frozenset({2})}
START_CODE = b"\0\0\0\1"
_SHORT_CODE = b"\0\0\1"
_next_code = re.compile(b"\0\0(?=\1)").search
"""Where the next start code begins. All of every picture is searched for them, and ``bytes.find`` takes three times as
long: a nanosecond a byte, 3 % of what a camera costs that is recorded and looked at. (So does a pattern of three plain
bytes.)"""

MAX_PARAMETER_SETS = 64
"""Of one stream. H.264 allows 32 sequence and 256 picture sets; a camera sends two or three."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a codec keeps the type of a NAL unit, and which types matter. ``slices`` are those of pictures, ``keys``
    of ones that refer to no other (H.265: with which decoding may begin)."""

    shift: int
    mask: int
    vps: int
    sps: int
    pps: int
    slices: range
    keys: range
    delimiter: int
    odd: frozenset[int]


LAYOUTS = {
    "h264": Layout(0, 0x1F, -1, 7, 8, range(1, 6), range(5, 6), 9, frozenset({7, 8, 9})),
    "hevc": Layout(1, 0x3F, 32, 33, 34, range(32), range(16, 22), 35, frozenset({32, 33, 34, 35})),
}
"""``odd`` are parameter sets and access unit delimiters: the sample entry holds the first, nobody needs the second
(ISO/IEC 14496-15 forbids parameter sets in samples of ``hvc1`` and discourages them in ``avc1``)."""


def nal_spans(data: bytes) -> Iterator[tuple[int, int]]:
    """Begin and end of each NAL unit of Annex B ``data``, start codes and padding zeros left out."""
    begin = data.find(_SHORT_CODE)
    while begin >= 0:
        begin += 3
        following = data.find(_SHORT_CODE, begin)
        end = following if following >= 0 else len(data)
        while end > begin and data[end - 1] == 0:
            end -= 1
        if end > begin:
            yield begin, end
        begin = following


def parameter_sets(codec: str, data: bytes) -> list[bytes]:
    """The parameter sets at the head of an Annex B packet, in their order; stops at the first slice, so it is cheap.

    Raises BadBitstream when there are more than MAX_PARAMETER_SETS.
    """
    layout = LAYOUTS[codec]
    wanted = (layout.vps, layout.sps, layout.pps)
    found: list[bytes] = []
    begin = data.find(_SHORT_CODE)
    while 0 <= begin < len(data) - 3:
        begin += 3
        following = data.find(_SHORT_CODE, begin, begin + 5)
        if following >= 0 and not any(data[begin:following]):  # a start code twice, nothing between
            begin = following
            continue
        kind = (data[begin] >> layout.shift) & layout.mask
        if kind in layout.slices:  # its end is not looked for: it is the whole rest of a keyframe
            break
        following = data.find(_SHORT_CODE, begin)
        if kind in wanted:
            nal = data[begin : following if following >= 0 else len(data)].rstrip(b"\0")
            if nal not in found:
                found.append(nal)
        if len(found) > MAX_PARAMETER_SETS:
            raise BadBitstream("more parameter sets than a camera can need")
        begin = following
    return found


def begins_with_key(codec: str, data: bytes) -> bool:
    """Whether the first slice of an Annex B packet is of an IDR picture (H.265: of an IRAP picture)."""
    layout = LAYOUTS[codec]
    kinds = ((data[begin] >> layout.shift) & layout.mask for begin, _ in nal_spans(data))
    return next((kind for kind in kinds if kind in layout.slices), -1) in layout.keys


def annex_b(nals: Iterable[bytes]) -> bytes:
    """NAL units with a start code before each."""
    return b"".join(START_CODE + nal for nal in nals)


def with_sets(codec: str, setup: bytes, sets: list[bytes]) -> bytes:
    """``setup`` (Annex B) with ``sets`` in the place of those of the same kind. Raises BadBitstream."""
    layout = LAYOUTS[codec]

    def kind(nal: bytes) -> int:
        return (nal[0] >> layout.shift) & layout.mask

    new = {kind(nal) for nal in sets}
    both = [nal for nal in parameter_sets(codec, setup) if kind(nal) not in new] + sets
    return annex_b(sorted(both, key=lambda nal: (layout.vps, layout.sps, layout.pps).index(kind(nal))))


def has_whole_setup(codec: str, setup: bytes) -> bool:
    """Whether ``setup`` (Annex B) is enough to begin decoding."""
    layout = LAYOUTS[codec]
    kinds = {(nal[0] >> layout.shift) & layout.mask for nal in parameter_sets(codec, setup)}
    return {layout.sps, layout.pps} <= kinds and (codec != "hevc" or layout.vps in kinds)


def setup_of_extradata(codec: str, extradata: bytes) -> bytes:
    """Parameter sets as Annex B out of libav's extradata, which is avcC, hvcC or already Annex B.

    Empty when there are none. Raises BadBitstream when a length points outside.
    """
    if not extradata:
        return b""
    if extradata.startswith((_SHORT_CODE, START_CODE)):
        return annex_b(parameter_sets(codec, extradata))
    try:
        return annex_b(_avcc_sets(extradata) if codec == "h264" else _hvcc_sets(extradata))
    except (struct.error, IndexError) as error:
        raise BadBitstream("decoder set-up ends too early") from error


def _avcc_sets(box: bytes) -> Iterator[bytes]:
    position = 6
    count = box[5] & 31
    for is_last in (False, True):
        for _ in range(count):
            (length,) = struct.unpack_from(">H", box, position)
            yield _cut(box, position + 2, length)
            position += 2 + length
        if not is_last:
            count = box[position]
            position += 1


def _hvcc_sets(box: bytes) -> Iterator[bytes]:
    position = 23
    for _ in range(box[22]):
        kind = box[position] & 63
        (count,) = struct.unpack_from(">H", box, position + 1)
        position += 3
        for _ in range(count):
            (length,) = struct.unpack_from(">H", box, position)
            nal = _cut(box, position + 2, length)
            position += 2 + length
            if kind in (32, 33, 34):
                yield nal


def _cut(box: bytes, begin: int, length: int) -> bytes:
    if length == 0 or begin + length > len(box):
        raise BadBitstream("decoder set-up ends too early")
    return box[begin : begin + length]


def sample_pieces(codec: str, data: bytes, left_out: Container[bytes]) -> tuple[list[bytes | memoryview], int]:
    """An Annex B packet as length-prefixed pieces to be joined, and their size in bytes.

    Access unit delimiters are left out, and parameter sets that are in ``left_out``: the sample entry has those. The
    pieces are views of ``data``: the one copy is made when the fragment is written or sent.
    """
    layout = LAYOUTS[codec]
    shift, mask, odd = layout.shift, layout.mask, layout.odd
    view = memoryview(data)
    pieces: list[bytes | memoryview] = []
    size = 0
    # As ``nal_spans``, written out: this runs for each picture of each camera.
    code = _next_code(data)
    while code is not None:
        begin = code.start() + 3
        code = _next_code(data, begin)
        end = code.start() if code is not None else len(data)
        while end > begin and not data[end - 1]:
            end -= 1
        if end > begin:
            kind = (data[begin] >> shift) & mask
            if kind not in odd or (kind != layout.delimiter and data[begin:end] not in left_out):
                pieces += ((end - begin).to_bytes(4, "big"), view[begin:end])
                size += 4 + end - begin
    return pieces, size


def first_sps(codec: str, setup: bytes) -> Sps:
    """The first sequence parameter set of ``setup``. Raises BadBitstream when there is none."""
    layout = LAYOUTS[codec]
    for nal in parameter_sets(codec, setup):
        if (nal[0] >> layout.shift) & layout.mask == layout.sps:
            return parse_sps(codec, nal)
    raise BadBitstream("no sequence parameter set")


def sample_entry(info: StreamInfo) -> str:
    """The name of a video track's sample entry: ``avc3`` and ``hev1`` carry parameter sets in samples as well."""
    if info.codec == "h264":
        return "avc3" if info.has_sets_in_band else "avc1"
    return "hev1" if info.has_sets_in_band else "hvc1"


def codec_string(info: StreamInfo) -> str:
    """The codec as MIME types say it (RFC 6381): ``avc1.64001f``, ``hvc1.1.6.L93.90``, ``mp4a.40.2``.

    Raises BadBitstream when ``info.setup`` lacks what the string is made of.
    """
    if info.codec == "h264":
        return f"{sample_entry(info)}." + first_sps("h264", info.setup).profile.hex()
    if info.codec == "hevc":
        return f"{sample_entry(info)}." + _hevc_string(first_sps("hevc", info.setup).profile)
    if info.codec == "aac":
        if not info.setup:
            raise BadBitstream("no AudioSpecificConfig")
        return f"mp4a.40.{info.setup[0] >> 3}"
    return info.codec


def _hevc_string(profile: bytes) -> str:
    """From the 12 bytes of general profile, tier and level (ISO/IEC 14496-15 annex E.3)."""
    space = ("", "A", "B", "C")[profile[0] >> 6]
    compatible = int.from_bytes(profile[1:5], "big")
    reversed_bits = int(f"{compatible:032b}"[::-1], 2)
    tier = "H" if profile[0] & 0x20 else "L"
    constraints = profile[5:11].rstrip(b"\0")
    parts = [f"{space}{profile[0] & 31}", f"{reversed_bits:x}", f"{tier}{profile[11]}"]
    return ".".join(parts + [f"{byte:x}" for byte in constraints])


def codecs_of(streams: Iterable[StreamInfo]) -> str:
    """The codec strings of all streams, video first, as the ``codecs`` parameter of a MIME type lists them."""
    ordered = sorted(streams, key=lambda info: info.kind is not Kind.VIDEO)
    return ",".join(codec_string(info) for info in ordered)


def is_i_slice(codec: str, data: bytes | bytearray, begin: int, end: int) -> bool:
    """Whether the slice whose header begins there has no other pictures in it.

    H.264 7.3.3: first_mb_in_slice, slice_type. H.265 7.3.6.1: the flag of the first one, which reads as a number too,
    slice_pic_parameter_set_id, slice_type; later ones of a picture are not looked at and count as such.
    """
    if codec == "hevc" and begin < end and not data[begin] & 0x80:
        return True
    bits = int.from_bytes(data[begin : min(end, begin + 16)], "big")
    left = 8 * (min(end, begin + 16) - begin)
    value = 0
    for _ in range(2 if codec == "h264" else 3):
        zeros = 0
        while left > 0 and not bits >> (left - 1) & 1:
            zeros, left = zeros + 1, left - 1
        if left < zeros + 1:
            return False
        left -= zeros + 1
        value = (bits >> left & ((1 << (zeros + 1)) - 1)) - 1
    return value in _I_SLICES[codec]


def find_recovery_point(data: bytes | bytearray, begin: int, end: int) -> bool | None:
    """What an SEI unit (behind its header) says of decoding that begins here: that it is right at once (True), or over
    time (False); None when it says nothing of it.

    A recovery point (H.264 D.1.8, H.265 D.2.8) counts the pictures until then: 0 is the bit 1.
    """
    while begin < end:
        numbers = [0, 0]
        for index in range(2):
            while begin < end and data[begin] == 255:
                numbers[index] += 255
                begin += 1
            if begin >= end:
                return None
            numbers[index] += data[begin]
            begin += 1
        if numbers[0] == _RECOVERY_POINT:
            return bool(data[begin] & 0x80) if begin < end else None
        begin += numbers[1]
    return None
