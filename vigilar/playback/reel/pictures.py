"""Pictures out of recordings by time: each of a stretch one after the other, or single ones at the keyframes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.media.decode import Decoder, Picture
from vigilar.media.packets import Packet
from vigilar.media.private_areas import Polygon
from vigilar.media.unpack import Unpacker
from vigilar.playback.library import FootageGone, Library
from vigilar.playback.stretch import Stretch

NS_PER_MS = 1_000_000

Work = Callable[[], None]
"""Called again and again while pictures are sought; may raise to end it."""


@dataclass(slots=True)
class PictureReader:
    """The pictures of one camera. ``private`` is black in them. One thread; a decoder at a time is held."""

    library: Library
    camera_id: str
    private: tuple[Polygon, ...]
    work: Work
    _decoder: Decoder | None = None
    _unpacker: Unpacker | None = None
    _file_id: int = 0
    _group: tuple[int, int] = (0, -1)
    _rest: Iterator[Picture] = field(default_factory=lambda: iter(()))
    _shown: Picture | None = None
    _coming: Picture | None = None

    def play(self, from_ms: int, to_ms: int) -> Iterator[Picture]:
        """The pictures of [from_ms, to_ms), in the order in which they are shown, from the one on screen at its begin
        on. What is damaged or gone is left out. Raises StoreError."""
        try:
            stretches = self.library.find(self.camera_id, from_ms, to_ms)
        except RecordingError:
            return
        before: Picture | None = None
        for stretch in stretches:
            for picture in self._all_of(stretch, stretch.first, stretch.last):
                at_ms = picture.utc_ns // NS_PER_MS
                if at_ms >= to_ms:
                    break
                if at_ms < from_ms:
                    before = picture
                    continue
                if before is not None:
                    yield before
                    before = None
                yield picture
        if before is not None:
            yield before

    def at_key(self, stretch: Stretch, keyframe: int) -> Picture | None:
        """The picture of one keyframe; None when it cannot be read."""
        self.work()
        try:
            found = self._opened(stretch)
            entries = self.library.group(stretch, keyframe)
            if found is None or not entries or not entries[0].is_keyframe:
                return None
            data = self.library.read(stretch.row, entries[0])
            packet = next(found[0].packets(data, entries[0].utc_ns), None)
            return found[1].decode_alone(packet) if packet is not None else None
        except RecordingError as error:
            _check(error)
            return None

    def in_group(self, stretch: Stretch, keyframe: int, at_ms: int) -> Picture | None:
        """The picture on screen at that time, of the group of one keyframe; None when none can be read. Times of one
        group are asked for in their order: it is decoded once, and two pictures of it are held."""
        if self._group != (stretch.row.id, keyframe):
            self._group = (stretch.row.id, keyframe)
            self._rest = self._all_of(stretch, keyframe, keyframe)
            self._shown = next(self._rest, None)
            self._coming = next(self._rest, None)
        while self._coming is not None and self._coming.utc_ns // NS_PER_MS <= at_ms:
            self._shown, self._coming = self._coming, next(self._rest, None)
        return self._shown

    def _all_of(self, stretch: Stretch, first: int, last: int) -> Iterator[Picture]:
        try:
            found = self._opened(stretch)
            if found is None:
                return
            unpacker, decoder = found
            decoder.reset()
            for keyframe in range(first, last + 1):
                for entry in self.library.group(stretch, keyframe):
                    self.work()
                    for packet in unpacker.packets(self.library.read(stretch.row, entry), entry.utc_ns):
                        yield from self._decoded(decoder, packet)
            yield from decoder.finish()
        except RecordingError as error:
            _check(error)

    def _decoded(self, decoder: Decoder, packet: Packet) -> list[Picture]:
        self.work()
        return decoder.decode(packet)

    def _opened(self, stretch: Stretch) -> tuple[Unpacker, Decoder] | None:
        """What reads the pictures of its file; None for one without pictures."""
        if self._file_id != stretch.row.id or self._unpacker is None or self._decoder is None:
            init = self.library.find_init(stretch.row)
            if init is None:
                return None
            unpacker = Unpacker.of(init)
            if self._decoder is None or self._unpacker is None or unpacker.info != self._unpacker.info:
                private = self.private
                self._decoder = Decoder(unpacker.info, private=lambda: private)
            self._unpacker, self._file_id = unpacker, stretch.row.id
        return self._unpacker, self._decoder


def _check(error: RecordingError) -> None:
    """A recording that is damaged or gone is left out; what else goes wrong ends the work."""
    if not isinstance(error, FootageGone) and error.kind not in (ErrorKind.CORRUPT, ErrorKind.PERMANENT):
        raise error
