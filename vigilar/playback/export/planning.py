"""From stretches of recordings to plain MP4s, cut to the picture.

Every record of the range is read and proved once, for its tables; the media stay where they are. The movie begins at
the keyframe before the range and hides what comes before the first picture with an edit list; so not a picture is
encoded again. Three decisions:

- A gap is closed up: a viewer does not stare at a still picture for an hour. Each is listed with its reason.
- When the picture's format changes (another codec, size or set-up), another movie begins: players of phones and of
  Windows take one format a track, and a file that half of them show half of would be no file.
- A record that is not as it was written is a gap up to the next keyframe, with its reason; what can be played is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.media.boxes import sample_descriptions
from vigilar.media.movie import MovieTrack, movie_head, movie_tracks
from vigilar.media.samples import FragmentContent, TrackSamples, read_fragment, tables_length
from vigilar.playback.export.planned import ClosedGap, MoviePiece, PlannedMovie
from vigilar.playback.library import FootageGone, Library
from vigilar.playback.stretch import Stretch
from vigilar.vge.reader import RecordEntry

_NS = 1_000_000_000
_NS_PER_MS = 1_000_000

SEAM_NS = 250_000_000
"""Files whose clocks say they follow one another within this have no gap between them (``playback.clip``)."""

DAMAGED_WORDS = "The recording is damaged there."
UNTOLD_WORDS = "Nothing was recorded."
UNSHOWN_WORDS = "A recording of that time is there, but it is not as it was written, so it is not shown."

Note = Callable[[int], None]
"""Told the bytes of each record that was read; may raise to end the planning."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to make a movie of: [from_ms, to_ms) in UTC ms of a camera."""

    camera_id: str
    from_ms: int
    to_ms: int


def plan_movies(library: Library, wanted: Wanted, stretches: Sequence[Stretch], note: Note) -> list[PlannedMovie]:
    """The movies of the stretches, in time order; empty when no picture of the range can be read.

    Raises FootageGone when nothing is left of what the rows promise, and what ``note`` raises.
    """
    planner = _Planner(library, wanted, note)
    gone = None
    for stretch in stretches:
        try:
            planner.add(stretch)
        except FootageGone as error:
            gone = error  # what else there is makes the movie; the place is a gap
    movies = planner.finish()
    if not movies and gone is not None:
        raise gone
    return movies


@dataclass(slots=True)
class _Shown:
    """Which pictures of the range are seen: times in the movie, in ticks of the picture's track; UTC in ns."""

    start: int | None = None
    start_ns: int = 0
    end: int = 0
    end_ns: int = 0
    count: int = 0

    def take(self, time: int, duration: int, utc_ns: int, length_ns: int, from_ns: int) -> None:
        """A picture before the range's end. The one on screen at the range's start is the first, and replaces those
        before it."""
        if self.start is not None and utc_ns <= from_ns and self.start_ns <= from_ns and time > self.start:
            self.start, self.count = None, 0
        if self.start is None or (time < self.start and utc_ns > from_ns):
            self.start, self.start_ns = time, utc_ns
        self.count += 1
        if time + duration > self.end or self.count == 1:
            self.end, self.end_ns = time + duration, utc_ns + length_ns


@dataclass(slots=True)
class _Movie:
    """A movie that grows piece by piece."""

    tracks: dict[int, MovieTrack]
    video: MovieTrack
    descriptions: list[bytes]
    pieces: list[MoviePiece] = field(default_factory=list)
    gaps: list[ClosedGap] = field(default_factory=list)
    shown: _Shown = field(default_factory=_Shown)
    media_bytes: int = 0
    zero: int | None = None  # decode time in the file of the picture that begins the piece
    began: int = 0  # time in the movie of that picture
    reorder: int = 0  # composition offset of that picture

    def begin_piece(self, file_id: int, number: int) -> None:
        self.pieces.append(MoviePiece(file_id, number, number, self.media_bytes))
        self.zero = None

    def time_of(self, track: MovieTrack, decode_time: int) -> int:
        """Ticks in the movie of a decode time in the file, both of ``track``."""
        base = self.zero or 0
        return self.began * track.scale // self.video.scale + decode_time - base * track.scale // self.video.scale


class _Planner:
    def __init__(self, library: Library, wanted: Wanted, note: Note) -> None:
        self._library = library
        self._wanted = wanted
        self._from_ns, self._to_ns = wanted.from_ms * _NS_PER_MS, wanted.to_ms * _NS_PER_MS
        self._note = note
        self._movie: _Movie | None = None
        self._done: list[PlannedMovie] = []
        self._end_ns: int | None = None  # of the newest picture, across movies
        self._is_after_damage = False

    def add(self, stretch: Stretch) -> None:
        """Take in a stretch, in time order. Raises FootageGone in the middle of it, harmlessly."""
        init = self._find_init(stretch)
        if init is None:
            self._is_after_damage = True
            return
        descriptions = sample_descriptions(init)
        if self._movie is None or self._movie.descriptions != descriptions:
            self._finish_movie()
            tracks = movie_tracks(init)
            video = next((one for one in tracks.values() if one.is_video), None)
            if video is None:
                return
            self._movie = _Movie(tracks, video, descriptions)
        movie = self._movie
        is_in_piece = False
        for entry, data in self._records(stretch):
            if data is None or (not is_in_piece and not entry.is_keyframe):
                is_in_piece, self._is_after_damage = False, True
                continue
            content = self._read(data)
            if content is None:
                is_in_piece, self._is_after_damage = False, True
                continue
            if not is_in_piece:
                movie.begin_piece(stretch.row.id, entry.number)
                is_in_piece = True
            self._take(movie, entry, content, len(data))

    def finish(self) -> list[PlannedMovie]:
        self._finish_movie()
        return self._done

    def _records(self, stretch: Stretch) -> Iterator[tuple[RecordEntry, memoryview | None]]:
        """Each record of MEDIA with its payload, in clear as far as its tables reach; None for one that is lost or not
        as it was written."""
        expected = stretch.index.plaintext_offset(stretch.first)
        entries = self._library.records(stretch)
        proved = self._library.read_ahead(stretch.row, entries, tables_length)
        for entry, data in zip(entries, proved, strict=True):
            if entry.plaintext_offset != expected:
                yield entry, None
            expected = entry.plaintext_offset + entry.payload_len
            self._note(entry.payload_len)
            if isinstance(data, RecordingError):
                at_ms = entry.utc_ns // _NS_PER_MS
                self._library.tell_damage(stretch.row, at_ms, at_ms + entry.duration_ms)
                yield entry, None
            else:
                yield entry, data

    def _find_init(self, stretch: Stretch) -> memoryview | None:
        """The set-up of the stretch; None when it has none, or one that is not as it was written, which is told."""
        try:
            return self._library.find_init(stretch.row)
        except FootageGone:
            raise
        except RecordingError as error:
            if error.kind is not ErrorKind.CORRUPT:
                raise
            self._library.tell_damage(stretch.row, stretch.start_ms, stretch.end.utc_ns // _NS_PER_MS)
            return None

    def _read(self, data: memoryview) -> FragmentContent | None:
        try:
            return read_fragment(data)
        except RecordingError:
            return None

    def _take(self, movie: _Movie, entry: RecordEntry, content: FragmentContent, size: int) -> None:
        piece = movie.pieces[-1]
        place = movie.media_bytes - content.body
        first = next((one for one in content.tracks if movie.video.id == one.track_id and one), None)
        if movie.zero is None and first is not None:
            movie.zero, movie.began, movie.reorder = first.time, movie.video.end, first.first_offset
            self._note_gap(movie, entry.utc_ns)
        for part in content.tracks:
            track = movie.tracks.get(part.track_id)
            if track is None:
                continue
            if track is movie.video:
                track.begin_chunk(place + part.at)
                self._take_pictures(movie, entry, part)
            else:
                self._take_sound(movie, track, entry, part, place + part.at, first)
        piece.last = entry.number
        piece.prefixes.append(content.body)
        piece.sizes.append(size)
        movie.media_bytes += size - content.body

    def _take_pictures(self, movie: _Movie, entry: RecordEntry, part: TrackSamples) -> None:
        if part and self._are_all_inside(movie, entry, part):
            self._take_inner(movie, entry, part)
            return
        track, shown = movie.video, movie.shown
        for sample in part.samples():
            since = sample.decode_time - part.time
            if entry.utc_ns + (since - movie.reorder) * _NS // track.scale >= self._to_ns:
                break  # neither this one nor any behind it is shown before the end
            time = movie.time_of(track, sample.decode_time)
            track.add(sample, time)
            utc_ns = entry.utc_ns + (since + sample.offset - movie.reorder) * _NS // track.scale
            length_ns = sample.duration * _NS // track.scale
            if utc_ns < self._to_ns:
                shown.take(time + sample.offset, sample.duration, utc_ns, length_ns, self._from_ns)
                self._end_ns = max(self._end_ns or 0, utc_ns + length_ns)

    def _are_all_inside(self, movie: _Movie, entry: RecordEntry, part: TrackSamples) -> bool:
        """Whether these pictures, each shown as it comes, lie behind the range's start and before its end."""
        if movie.reorder or movie.shown.start is None or entry.utc_ns <= self._from_ns:
            return False
        ends_ns = entry.utc_ns + sum(part.durations) * _NS // movie.video.scale
        return ends_ns < self._to_ns and not any(part.offsets)

    def _take_inner(self, movie: _Movie, entry: RecordEntry, part: TrackSamples) -> None:
        """What ``_take_pictures`` does, for pictures of which all are shown and none is the first."""
        track, shown, last, length = movie.video, movie.shown, part.last_time, part.durations[-1]
        shift = movie.time_of(track, 0)
        track.extend(part, shift)
        shown.count += len(part)
        end_ns = entry.utc_ns + (last - part.time) * _NS // track.scale + length * _NS // track.scale
        if last + shift + length > shown.end:
            shown.end, shown.end_ns = last + shift + length, end_ns
        self._end_ns = max(self._end_ns or 0, end_ns)

    def _take_sound(
        self,
        movie: _Movie,
        track: MovieTrack,
        entry: RecordEntry,
        part: TrackSamples,
        place: int,
        picture: TrackSamples | None,
    ) -> None:
        """``place`` is that of the first sample among all media of the movie. What lies before the end of the sound at
        hand is left out: a file may begin with sound that the one before has too."""
        if not part:
            return
        if picture is not None:
            first_ns = part.time * _NS // track.scale - picture.time * _NS // movie.video.scale
        else:
            first_ns = 0
        shift = movie.time_of(track, 0)
        length_ns = (part.last_time - part.time) * _NS // track.scale
        # A nanosecond more: each is rounded by itself below.
        is_inside = entry.utc_ns + first_ns + length_ns + 1 < self._to_ns
        if is_inside and part.time + shift > track.last_time:
            track.begin_chunk(place)
            track.extend(part, shift)
            return
        is_left_out = True
        for sample in part.samples():
            if picture is not None:
                apart_ns = sample.decode_time * _NS // track.scale - picture.time * _NS // movie.video.scale
            else:
                apart_ns = (sample.decode_time - part.time) * _NS // track.scale
            time = sample.decode_time + shift
            if entry.utc_ns + apart_ns >= self._to_ns or time <= track.last_time:
                is_left_out = True
            else:
                if is_left_out:
                    track.begin_chunk(place)
                    is_left_out = False
                track.add(sample, time)
            place += sample.size

    def _note_gap(self, movie: _Movie, begin_ns: int) -> None:
        """Two pieces: what lies between their pictures by the clock, if anything does."""
        end_ns = self._end_ns
        is_damage, self._is_after_damage = self._is_after_damage, False
        if end_ns is None or begin_ns - end_ns <= SEAM_NS:
            return
        words = DAMAGED_WORDS if is_damage else UNTOLD_WORDS
        at_ms = (movie.video.end - (movie.shown.start or 0)) * 1000 // movie.video.scale
        movie.gaps.append(ClosedGap(end_ns // _NS_PER_MS, begin_ns // _NS_PER_MS, max(0, at_ms), words))

    def _finish_movie(self) -> None:
        movie, self._movie = self._movie, None
        if movie is None or movie.shown.start is None:
            return
        shown, scale = movie.shown, movie.video.scale
        start = movie.shown.start or 0
        for track in movie.tracks.values():
            track.shown_from = start * track.scale // scale
            track.shown_to = min(shown.end * track.scale // scale, max(track.end, track.shown_from))
        movie.video.shown_to = shown.end
        start_ms = shown.start_ns // _NS_PER_MS
        self._done.append(
            PlannedMovie(
                camera_id=self._wanted.camera_id,
                head=movie_head(movie.tracks.values(), movie.media_bytes, start_ms // 1000),
                pieces=tuple(movie.pieces),
                media_bytes=movie.media_bytes,
                start_ms=start_ms,
                end_ms=shown.end_ns // _NS_PER_MS,
                length_ms=(shown.end - start) * 1000 // scale,
                pictures=shown.count,
                gaps=tuple(movie.gaps),
            )
        )
