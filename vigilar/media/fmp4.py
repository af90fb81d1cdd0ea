"""Fragmented MP4 out of packets, written by hand.

Why not libav's muxer: with ``frag_every_frame`` it hands a frame out only when the next one comes (measured: after n
packets n-1 fragments), which costs every viewer a whole frame of delay; its fragments come some packets after the
call that caused them; and with two tracks it gives every second track wrong durations. Here a fragment leaves in the
call that completes it, the init segment is there before the first packet, and sizes are exact. The cost is the same.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.media.bitstream import codecs_of, parameter_sets, sample_pieces
from vigilar.media.packets import AUDIO, VIDEO, Fragment, Packet, StreamInfo
from vigilar.media.recording_boxes import init_segment, movie_fragment
from vigilar.media.sps import BadBitstream

FRAGMENT_MS = 500
"""A crash loses what is not yet in a fragment; half a second leaves room for the sync below one second."""
MAX_FRAGMENT_BYTES = 2 * 1024 * 1024
"""Above this a fragment is cut early: it keeps a recording's records and a reader's memory small."""
MAX_FRAME_BYTES = 4 * 1024 * 1024 - 4096
"""A larger frame is refused: with its boxes it would not fit the largest record of a recording (4 MiB)."""
_LONELY_AUDIO_MS = 1000
"""Sound without pictures is put out after this long, so that a stalled picture does not hold it back."""
_BOXES_BYTES = 256
_SAMPLE_BYTES = 16
_KEY_FLAGS = 0x02000000
_DEPENDENT_FLAGS = 0x01010000
"""sample_depends_on and sample_is_non_sync_sample (ISO/IEC 14496-12 8.8.3.1)."""


@dataclass(slots=True)
class _Track:
    """Samples of one track that wait for the end of the fragment. ``table`` is what ``trun`` wants."""

    number: int
    scale: int
    decode_time: int = 0
    ticks: int = 0
    size: int = 0
    table: list[int] = field(default_factory=list)
    pieces: list[bytes | memoryview] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)

    def add(self, packet: Packet, pieces: list[bytes | memoryview], size: int) -> None:
        if not self.table:
            self.decode_time = packet.dts
        self.table += (packet.duration * self.scale, size, _KEY_FLAGS if packet.is_keyframe else _DEPENDENT_FLAGS)
        self.offsets.append((packet.pts - packet.dts) * self.scale)
        self.pieces += pieces
        self.ticks += packet.duration
        self.size += size

    def traf(self) -> tuple[int, int, list[int], int, bool]:
        has_offsets = any(self.offsets)
        table = self.table
        if has_offsets:
            table = []
            for index, offset in enumerate(self.offsets):
                table += [*self.table[3 * index : 3 * index + 3], offset & 0xFFFFFFFF]
        return self.number, self.decode_time * self.scale, table, self.size, has_offsets

    def clear(self) -> None:
        self.table, self.pieces, self.offsets = [], [], []
        self.ticks = self.size = 0


class _KnownSets:
    """The parameter sets of the sample entry, which samples need not carry. From the first other one on they carry
    all: decoders take the newest."""

    def __init__(self, sets: Sequence[bytes]) -> None:
        self._sets = frozenset(sets)

    def __contains__(self, nal: object) -> bool:
        if nal in self._sets:
            return True
        self._sets = frozenset()
        return False


class FragmentMuxer:
    """Packets of one run in, whole fragments (moof+mdat) out. One thread.

    ``streams`` are those of the run: video first, sound if wanted. A fragment ends before a keyframe, when its video
    reaches ``fragment_ms``, before it would pass ``max_bytes`` (one frame alone may), or with each frame and each
    access unit of sound if ``per_frame``: then a fragment is of one track. Decode times in the fragments are
    the packets' own, so fragments of several muxers of one run fit together.
    """

    def __init__(
        self,
        streams: Sequence[StreamInfo],
        *,
        fragment_ms: int = FRAGMENT_MS,
        per_frame: bool = False,
        max_bytes: int = MAX_FRAGMENT_BYTES,
    ) -> None:
        """Raises RecordingError (corrupt) when a stream's set-up is not complete or makes no sense."""
        self._codec = streams[0].codec
        self._video_info = streams[0]
        self._per_frame = per_frame
        self._max_bytes = max_bytes
        self._video = _Track(1, streams[0].time_base.numerator)
        self._audio = _Track(2, streams[1].time_base.numerator) if len(streams) > 1 else None
        self._limit_ticks = max(1, int(fragment_ms / 1000 / streams[0].time_base))
        self._audio_limit_ticks = int(_LONELY_AUDIO_MS / 1000 / streams[1].time_base) if len(streams) > 1 else 0
        self._audio_base = streams[1].time_base if len(streams) > 1 else Fraction(1)
        self._video_end: int | None = None  # of the last fragment with pictures
        self._first: Packet | None = None
        self._sequence = 0
        self.refused = 0
        try:
            self.init_segment = init_segment(tuple(streams))
            self.codecs = codecs_of(streams)
            sets = parameter_sets(self._codec, streams[0].setup)
            self._known = _KnownSets(() if streams[0].has_sets_in_band else sets)
        except (BadBitstream, struct.error) as error:
            sentence = f"The camera's {self._codec} set-up cannot be used: {error}."
            raise RecordingError(sentence, kind=ErrorKind.CORRUPT) from error

    def mux(self, packet: Packet) -> list[Fragment]:
        """The fragments that ``packet`` completes: none, one, or two (one cut before it, one with it).

        A frame above MAX_FRAME_BYTES is refused and counted in ``refused``; packets of a kind without a stream are
        left out.
        """
        if len(packet.data) > MAX_FRAME_BYTES:
            self.refused += 1
            return []
        if packet.kind is AUDIO:
            return self._mux_audio(packet)
        video = self._video
        done = self._cut() if packet.is_keyframe and video.table else []
        pieces, size = sample_pieces(self._codec, packet.data, self._known)
        if not size:
            return done
        if self._is_too_much(size):
            done += self._cut()
        if not video.table:
            self._first = packet
        video.add(packet, pieces, size)
        if self._per_frame or video.ticks >= self._limit_ticks:
            done += self._cut()
        return done

    def flush(self) -> list[Fragment]:
        """What is left, as one fragment, if anything is."""
        return self._cut()

    def _mux_audio(self, packet: Packet) -> list[Fragment]:
        if self._audio is None or not packet.data:
            return []
        done = self._cut() if self._is_too_much(len(packet.data)) else []
        self._audio.add(packet, [packet.data], len(packet.data))
        if not self._video.table and self._first is None:
            self._first = packet
        if self._per_frame or (not self._video.table and self._is_lonely(self._audio)):
            done += self._cut()
        return done

    def _is_lonely(self, audio: _Track) -> bool:
        """Whether there is sound for long, and of a time that no picture has come for: some cameras gather it, and it
        belongs to pictures that are in a fragment already."""
        if audio.ticks < self._audio_limit_ticks or self._video_end is None:
            return audio.ticks >= self._audio_limit_ticks
        pictures_end = int(self._video_end * self._video_info.time_base / self._audio_base)
        return audio.decode_time + audio.ticks - pictures_end >= self._audio_limit_ticks

    def _is_too_much(self, size: int) -> bool:
        """Whether one more sample of ``size`` would take the fragment at hand past its bound."""
        held, samples = self._video.size, len(self._video.offsets) + 1
        if self._audio is not None:
            held, samples = held + self._audio.size, samples + len(self._audio.offsets)
        return held > 0 and held + size + samples * _SAMPLE_BYTES + _BOXES_BYTES > self._max_bytes

    def _cut(self) -> list[Fragment]:
        """What is held as a fragment; nothing when nothing is held."""
        tracks = [track for track in (self._video, self._audio) if track is not None and track.table]
        if not tracks or self._first is None:
            return []
        first, self._first = self._first, None
        if self._video.table:
            self._video_end = self._video.decode_time + self._video.ticks
        self._sequence += 1
        size = sum(track.size for track in tracks)
        moof = movie_fragment(self._sequence, [track.traf() for track in tracks])
        pieces = [piece for track in tracks for piece in track.pieces]
        fragment = self._fragment(first, (moof + struct.pack(">I4s", 8 + size, b"mdat"), *pieces))
        for track in tracks:
            track.clear()
        return [fragment]

    def _fragment(self, first: Packet, pieces: tuple[bytes | memoryview, ...]) -> Fragment:
        base = self._video_info.time_base
        if first.kind is VIDEO:
            start, ticks = first.dts, self._video.ticks
        else:
            start, ticks = int(first.dts * first.time_base / base), 0
        scale, rate = base.numerator * 1000, base.denominator
        # Difference of two floors, so that the durations of a run add up to its length.
        duration_ms = (start + ticks) * scale // rate - start * scale // rate
        is_key = first.kind is VIDEO and first.is_keyframe
        return Fragment(pieces, is_key, start, duration_ms, first.utc_ns, first.mono_ns)
