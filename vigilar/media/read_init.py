"""What an init segment of ours says of its streams: the way back from ``recording_boxes.init_segment``. Pure bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

from vigilar.media.bitstream import codecs_of, setup_of_extradata
from vigilar.media.packets import Kind, StreamInfo
from vigilar.media.sps import BadBitstream

_ENTRIES = (
    (b"avc1", b"avcC", "h264"),
    (b"hvc1", b"hvcC", "hevc"),
    (b"avc3", b"avcC", "h264"),
    (b"hev1", b"hvcC", "hevc"),
)
_TO_SIZE = 4 + 24
"""From the name of a picture's sample entry to its width and height (ISO/IEC 14496-12 12.1.3)."""
_TO_SPECIFIC = 4 + 25
"""From the name of ``esds`` to the length of the AudioSpecificConfig in it, as ``recording_boxes`` writes it."""
_ANY_TICKS = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class InitContent:
    """``codecs`` as in RFC 6381; width and height of the picture in pixels."""

    codecs: str
    width: int
    height: int


def read_init(init: bytes) -> InitContent:
    """Raises BadBitstream when ``init`` is not one of ours."""
    try:
        video = read_video(init)
        streams = [video, *_read_sound(init)]
        return InitContent(codecs_of(streams), video.width, video.height)
    except (struct.error, IndexError) as error:
        raise BadBitstream("the init segment ends too early") from error


def read_video(init: bytes) -> StreamInfo:
    """Its picture, in ticks of no meaning. Raises BadBitstream; struct.error where it ends too early."""
    for entry, config, codec in _ENTRIES:
        at, config_at = init.find(entry, init.find(b"stsd")), init.find(config)
        if 0 <= at < config_at:
            width, height = struct.unpack_from(">HH", init, at + _TO_SIZE)
            (size,) = struct.unpack_from(">I", init, config_at - 4)
            setup = setup_of_extradata(codec, init[config_at + 4 : config_at - 4 + size])
            has_sets_in_band = entry in (b"avc3", b"hev1")
            return StreamInfo(Kind.VIDEO, codec, _ANY_TICKS, setup, width, height, has_sets_in_band=has_sets_in_band)
    raise BadBitstream("the init segment has no picture")


def _read_sound(init: bytes) -> list[StreamInfo]:
    at = init.find(b"esds")
    if at < 0:
        return []
    specific = at + _TO_SPECIFIC
    return [StreamInfo(Kind.AUDIO, "aac", _ANY_TICKS, init[specific + 1 : specific + 1 + init[specific]])]
