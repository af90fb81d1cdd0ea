"""The boxes of what we write: init segments and ``moof`` (ISO/IEC 14496-12, -14, -15). Pure bytes, no state."""

from __future__ import annotations

import struct

from vigilar.media.bitstream import LAYOUTS, first_sps, parameter_sets, sample_entry
from vigilar.media.boxes import box, full_box
from vigilar.media.packets import Kind, StreamInfo
from vigilar.media.sps import BadBitstream

_UNITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
"""The matrix that leaves the picture as it is (14496-12 8.3.2)."""


def init_segment(streams: tuple[StreamInfo, ...]) -> bytes:
    """``ftyp`` and ``moov`` for ``streams``, tracks numbered from 1 in their order.

    No box declares a duration: Chromium then picks its renderer of low delay. Raises BadBitstream when a stream's
    set-up is not complete.
    """
    ftyp = box(b"ftyp", b"iso6", struct.pack(">I", 1), b"iso6iso5mp41dash")
    mvhd = full_box(
        b"mvhd", 0, 0, struct.pack(">4I", 0, 0, 1000, 0), struct.pack(">IH10x", 0x10000, 0x100), _UNITY, bytes(24),
        struct.pack(">I", len(streams) + 1),
    )  # fmt: skip
    tracks = [_trak(number, info) for number, info in enumerate(streams, 1)]
    trex = [full_box(b"trex", 0, 0, struct.pack(">5I", n, 1, 0, 0, 0)) for n in range(1, len(streams) + 1)]
    return ftyp + box(b"moov", mvhd, *tracks, box(b"mvex", *trex))


def _trak(number: int, info: StreamInfo) -> bytes:
    is_video = info.kind is Kind.VIDEO
    tkhd = full_box(
        b"tkhd", 0, 3, struct.pack(">5I8x", 0, 0, number, 0, 0),
        struct.pack(">hhhH", 0, 0 if is_video else 1, 0 if is_video else 0x100, 0), _UNITY,
        struct.pack(">II", *(side << 16 for side in info.shown_size)),
    )  # fmt: skip
    mdhd = full_box(b"mdhd", 0, 0, struct.pack(">4IHH", 0, 0, info.time_base.denominator, 0, 0x55C4, 0))
    handler = b"vide" if is_video else b"soun"
    hdlr = full_box(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, handler), b"Vigilar\0")
    head = full_box(b"vmhd", 0, 1, bytes(8)) if is_video else full_box(b"smhd", 0, 0, bytes(4))
    dinf = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))
    entry = _video_entry(info) if is_video else _audio_entry(info)
    empty = [full_box(name, 0, 0, bytes(4)) for name in (b"stts", b"stsc", b"stco")]
    stbl = box(b"stbl", full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry), *empty, full_box(b"stsz", 0, 0, bytes(8)))
    return box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, box(b"minf", head, dinf, stbl)))


def _video_entry(info: StreamInfo) -> bytes:
    config = _avcc(info.setup) if info.codec == "h264" else _hvcc(info.setup, is_all=not info.has_sets_in_band)
    aspect = info.pixel_aspect
    shape = b"" if aspect == 1 else box(b"pasp", struct.pack(">II", aspect.numerator, aspect.denominator))
    sizes = struct.pack(">6xH16xHHIIIH32xHh", 1, info.width, info.height, 0x480000, 0x480000, 0, 1, 24, -1)
    return box(sample_entry(info).encode(), sizes, config, shape)


def _sorted_sets(codec: str, setup: bytes) -> dict[int, list[bytes]]:
    layout = LAYOUTS[codec]
    by_kind: dict[int, list[bytes]] = {}
    for nal in parameter_sets(codec, setup):
        by_kind.setdefault((nal[0] >> layout.shift) & layout.mask, []).append(nal)
    needed = {layout.sps, layout.pps} | ({layout.vps} if codec == "hevc" else set())
    if not needed <= by_kind.keys():
        raise BadBitstream("parameter sets are not complete")
    return by_kind


def _avcc(setup: bytes) -> bytes:
    sets = _sorted_sets("h264", setup)
    sps = first_sps("h264", setup)
    parts = [b"\1", sps.profile, b"\xff", bytes([0xE0 | len(sets[7])])]
    parts += [struct.pack(">H", len(nal)) + nal for nal in sets[7]]
    parts.append(bytes([len(sets[8])]))
    parts += [struct.pack(">H", len(nal)) + nal for nal in sets[8]]
    if sps.profile[0] in (100, 110, 122, 144):
        parts.append(bytes([0xFC | sps.chroma_format, 0xF8 | sps.luma_bits - 8, 0xF8 | sps.chroma_bits - 8, 0]))
    return box(b"avcC", *parts)


def _hvcc(setup: bytes, *, is_all: bool) -> bytes:
    """``is_all``: there are no further parameter sets in the samples (array_completeness)."""
    sets = _sorted_sets("hevc", setup)
    sps = first_sps("hevc", setup)
    layers = sps.temporal_layers << 3 | sps.is_temporally_nested << 2 | 3
    parts = [
        b"\1", sps.profile, struct.pack(">HBBBBHBB", 0xF000, 0xFC, 0xFC | sps.chroma_format,
        0xF8 | sps.luma_bits - 8, 0xF8 | sps.chroma_bits - 8, 0, layers, 3),
    ]  # fmt: skip
    for kind in (32, 33, 34):
        parts.append(struct.pack(">BH", is_all << 7 | kind, len(sets[kind])))
        parts += [struct.pack(">H", len(nal)) + nal for nal in sets[kind]]
    return box(b"hvcC", *parts)


def _audio_entry(info: StreamInfo) -> bytes:
    rate = info.sample_rate if info.sample_rate < 65536 else 0
    return box(b"mp4a", struct.pack(">6xH8xHHHHI", 1, info.channels, 16, 0, 0, rate << 16), _esds(info))


def _esds(info: StreamInfo) -> bytes:
    """ES descriptor of AAC (ISO/IEC 14496-1 7.2.6.5): lengths fit one byte as the configuration is 2 to 64 bytes."""
    if not 2 <= len(info.setup) <= 64:
        raise BadBitstream("AudioSpecificConfig has no believable length")
    specific = b"\5" + bytes([len(info.setup)]) + info.setup
    decoder = struct.pack(">BB3xII", 0x40, 0x15, 0, 0) + specific
    body = struct.pack(">HB", 0, 0) + b"\4" + bytes([len(decoder)]) + decoder + b"\6\1\2"
    return full_box(b"esds", 0, 0, b"\3" + bytes([len(body)]) + body)


def movie_fragment(sequence: int, trafs: list[tuple[int, int, list[int], int, bool]]) -> bytes:
    """``moof`` of fragments whose samples lie one track after the other in the ``mdat`` that follows.

    Each item of ``trafs`` is (track number, decode time, table, bytes of its samples, has_offsets); the table holds
    duration, size, flags and, with ``has_offsets``, composition offset of each sample.
    """
    mfhd = full_box(b"mfhd", 0, 0, struct.pack(">I", sequence & 0xFFFFFFFF))
    size = 8 + len(mfhd) + sum(8 + 16 + 20 + 20 + 4 * len(table) for _, _, table, _, _ in trafs)
    position = size + 8
    parts = [struct.pack(">I4s", size, b"moof"), mfhd]
    for number, decode_time, table, sample_bytes, has_offsets in trafs:
        count = len(table) // (4 if has_offsets else 3)
        flags = 0x000701 | (0x800 if has_offsets else 0)
        parts.append(
            struct.pack(
                ">I4sI4sIII4sIQI4sIIi", 8 + 16 + 20 + 20 + 4 * len(table), b"traf",
                16, b"tfhd", 0x020000, number,
                20, b"tfdt", 0x01000000, decode_time,
                20 + 4 * len(table), b"trun", 0x01000000 | flags, count, position,
            )
        )  # fmt: skip
        parts.append(struct.pack(f">{len(table)}I", *table))
        position += sample_bytes
    return b"".join(parts)
