"""Packets out of what is recorded: the way back from ``fmp4``. Pure bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.media.bitstream import START_CODE
from vigilar.media.boxes import Data, read_tracks
from vigilar.media.packets import Kind, Packet, StreamInfo
from vigilar.media.read_init import read_video
from vigilar.media.samples import read_fragment
from vigilar.media.sps import BadBitstream

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Unpacker:
    """Of one recording: its picture's stream, and the number of its track."""

    info: StreamInfo
    track_id: int

    @classmethod
    def of(cls, init: Data) -> Unpacker:
        """Raises RecordingError (corrupt) for an INIT without a picture."""
        video = next((one for one in read_tracks(init) if one.is_video), None)
        try:
            info = read_video(bytes(init))
        except (BadBitstream, struct.error, IndexError) as error:
            raise _no_picture() from error
        if video is None:
            raise _no_picture()
        return cls(replace(info, time_base=Fraction(1, video.timescale)), video.id)

    def packets(self, fragment: Data, utc_ns: int) -> Iterator[Packet]:
        """The pictures of a fragment, in the order in which they are decoded. ``utc_ns`` is when the first was taken.
        Raises RecordingError (corrupt)."""
        base = self.info.time_base
        for part in read_fragment(fragment).tracks:
            if part.track_id != self.track_id:
                continue
            at = part.at
            for one in part.samples():
                pts = one.decode_time + one.offset
                since_ns = (pts - part.time - part.first_offset) * _NS * base.numerator // base.denominator
                data = _annex_b(fragment, at, at + one.size)
                at += one.size
                yield Packet(
                    *(Kind.VIDEO, data, pts, one.decode_time, max(1, one.duration), base, one.is_key, 0),
                    *(utc_ns + since_ns, 0),
                )


def _annex_b(data: Data, start: int, stop: int) -> bytes:
    """A sample, with start codes in the place of the lengths (4 bytes, as we write them) of its NAL units."""
    found = bytearray(data[start:stop])
    at = 0
    while at + 4 <= len(found):
        size = int.from_bytes(found[at : at + 4], "big")
        found[at : at + 4] = START_CODE
        at += 4 + size
    if at != len(found):
        raise RecordingError("A picture of this recording is not whole.", kind=ErrorKind.CORRUPT)
    return bytes(found)


def _no_picture() -> RecordingError:
    return RecordingError("This recording holds no picture that is known.", kind=ErrorKind.CORRUPT)
