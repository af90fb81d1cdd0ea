"""Makes a reel: plays the chosen pieces of recordings into one film, with words, one turning into the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any

from vigilar.base.clock import Clock
from vigilar.base.house_time import clock_text, house_time
from vigilar.base.visit_kinds import KIND_WORDS
from vigilar.media.decode import Picture
from vigilar.media.film import FPS, Canvas, make_scaler
from vigilar.media.lettering import write_on
from vigilar.media.private_areas import Polygon
from vigilar.playback.export.make import Progress
from vigilar.playback.library import Library
from vigilar.playback.reel.choose import FADE_MS, Choice, Piece, choose
from vigilar.playback.reel.events import find_visits, recorded_spans
from vigilar.playback.reel.film_writer import FilmWriter
from vigilar.playback.reel.pictures import NS_PER_MS, PictureReader
from vigilar.playback.reel.words import QUIET, UNRECORDED, day_words
from vigilar.store.reels import ReelParams
from vigilar.vge.keys import KeyRing

CHOOSING, JOINING, STORING = "Choosing the moments", "Joining the moments", "Storing the film"

MOST_SIZE = (1280, 720)
FADE_PICTURES = FADE_MS * FPS // 1000
PICTURE_MS = 1000 // FPS

STILL_MS = 1500
"""A picture behind which none comes is shown for so long: what follows is lost, and a still picture is no film."""

MAX_MISSING = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """What films are made with. ``names`` of cameras by id; ``private`` are the areas nobody may see, by camera."""

    library: Library
    path: Path
    job_id: int
    ring: Callable[[], KeyRing]
    clock: Clock
    zone: tzinfo
    names: Mapping[str, str]
    private: Mapping[str, tuple[Polygon, ...]]
    progress: Progress

    def now_ms(self) -> int:
        return self.clock.utc_ns() // NS_PER_MS

    def name(self, camera_id: str) -> str:
        return self.names.get(camera_id, camera_id)

    def reader(self, camera_id: str, work: Callable[[], None]) -> PictureReader:
        return PictureReader(self.library, camera_id, self.private.get(camera_id, ()), work)

    def writer(self, size: tuple[int, int]) -> FilmWriter:
        return FilmWriter(self.path, self.job_id, size, self.ring(), self.clock)


def make_film(studio: Studio, params: ReelParams) -> dict[str, Any]:
    """Make the film; the job's result. Raises RecordingError, StoreError, and what the progress raises: then nothing of
    it is left."""
    studio.progress(CHOOSING, 0.0)
    choice = choose(
        find_visits(studio.library, params.cameras, params.from_ms, params.to_ms),
        recorded_spans(studio.library, params.cameras, params.from_ms, params.to_ms),
        length_ms=params.length_s * 1000,
        now_ms=studio.now_ms(),
        people_only=params.style == "everybody",
        kinds=params.kinds,
        without=params.without,
    )
    missing = _missing(studio, choice)
    if not choice.pieces:
        return {"nothing": QUIET, "missing": missing}
    size = film_size(studio.library, [(one.moment.camera_id, one.moment.from_ms) for one in choice.pieces])
    film = _Film(studio, params, choice, size)
    with studio.writer(size) as writer:
        for canvas in film.canvases():
            writer.add(canvas)
        if film.poster is None:  # recorded by the rows, and no picture can be read
            return {"nothing": QUIET, "missing": missing}
        studio.progress(STORING, 1.0)
        stored = writer.finish(film.poster.to_jpeg())
    shown = film.parts
    return {
        "length_ms": film.count * PICTURE_MS,
        "start_ms": min(one.moment.from_ms for one, _, _ in shown),
        "end_ms": max(one.moment.from_ms + one.length_ms for one, _, _ in shown),
        "bytes": stored,
        "parts": [
            {
                "from_s": round(first / FPS, 2),
                "to_s": round(stop / FPS, 2),
                "event_id": one.moment.event_id,
                "camera_id": one.moment.camera_id,
                "ts": one.moment.from_ms,
                "title": f"{KIND_WORDS.get(one.moment.kind, 'Visit')}, {studio.name(one.moment.camera_id)}",
            }
            for one, first, stop in shown
        ],
        "missing": missing,
        "shows": [
            [one.moment.camera_id, one.moment.from_ms, one.moment.from_ms + one.length_ms] for one, _, _ in shown
        ],
    }


def film_size(library: Library, moments: Sequence[tuple[str, int]]) -> tuple[int, int]:
    """Width and height of a film of pictures of these cameras at these times: as large as the largest in each
    direction, within 1280 by 720, and even."""
    found = (0, 0)
    for camera_id, at_ms in moments:
        row = next((one for one in library.rows(camera_id, at_ms, at_ms + 1) if one.width), None)
        if row is None:
            return MOST_SIZE
        scale = min(1.0, MOST_SIZE[0] / row.width, MOST_SIZE[1] / row.height)
        wide, high = (max(2, round(side * scale / 2) * 2) for side in (row.width, row.height))
        found = (max(found[0], wide), max(found[1], high))
    return found if all(found) else MOST_SIZE


def _missing(studio: Studio, choice: Choice) -> list[dict[str, Any]]:
    return [
        {"from_ms": from_ms, "to_ms": to_ms, "words": f"{studio.name(camera_id)}: {UNRECORDED}"}
        for camera_id, from_ms, to_ms in choice.unrecorded[:MAX_MISSING]
    ]


class _Film:
    """The pictures of a reel, one after the other. ``parts`` are its pieces, each with its first picture and the one
    behind its last: where one turns into the next, the second begins in the middle. ``poster`` is a picture of the one
    that is worth most."""

    def __init__(self, studio: Studio, params: ReelParams, choice: Choice, size: tuple[int, int]) -> None:
        self._studio, self._params, self._choice, self._size = studio, params, choice, size
        self._total = max(1, choice.length_ms // PICTURE_MS)
        self._begun: list[tuple[Piece, int]] = []
        self._best = max(choice.pieces, key=lambda one: (one.moment.score, -one.moment.ts_ms))
        self._scaler = make_scaler()
        self.count = 0
        self.poster: Canvas | None = None

    @property
    def parts(self) -> list[tuple[Piece, int, int]]:
        stops = [*(first for _, first in self._begun[1:]), self.count]
        return [(piece, first, stop) for (piece, first), stop in zip(self._begun, stops, strict=True)]

    def canvases(self) -> Iterator[Canvas]:
        tail: deque[Canvas] = deque()  # of the piece before, not shown yet
        for piece in self._choice.pieces:
            ahead: deque[Canvas] = deque()
            fading, begin, at = len(tail), self.count, 0
            for canvas in self._of_piece(piece):
                at += 1
                if tail:
                    yield self._shown(tail.popleft().mixed(canvas, at / (fading + 1)))
                    continue
                ahead.append(canvas)
                if len(ahead) > FADE_PICTURES:
                    if self.poster is None or (piece is self._best and at == 2 * FADE_PICTURES):
                        self.poster = canvas
                    yield self._shown(ahead.popleft())
            if at:  # else nothing of it can be read
                self._begun.append((piece, begin + fading // 2))
                yield from map(self._shown, tail)
                tail = ahead
        yield from map(self._shown, tail)

    def _shown(self, canvas: Canvas) -> Canvas:
        self.count += 1
        return canvas

    def _work(self) -> None:
        self._studio.progress(JOINING, min(1.0, self.count / self._total))

    def _of_piece(self, piece: Piece) -> Iterator[Canvas]:
        """Its pictures, 25 a second, each until the next one comes; it ends where nothing came for a while."""
        moment = piece.moment
        pictures = self._studio.reader(moment.camera_id, self._work).play(
            moment.from_ms, moment.from_ms + piece.length_ms
        )
        shown: Picture | None = None
        coming = next(pictures, None)
        plain = written = None
        words: list[str] = []
        for at_ms in range(moment.from_ms, moment.from_ms + piece.length_ms - PICTURE_MS + 1, PICTURE_MS):
            is_new = False
            while coming is not None and (shown is None or coming.utc_ns // NS_PER_MS <= at_ms):
                shown, coming, is_new = coming, next(pictures, None), True
            if shown is None or (coming is None and at_ms - shown.utc_ns // NS_PER_MS > STILL_MS):
                return
            if is_new or plain is None:
                plain = Canvas(*self._size)
                plain.put(shown, self._scaler)
            now = self._words(piece, at_ms)
            if is_new or written is None or now != words:
                written, words = plain.copy(), now
                write_on(written.planes, words)
            self._work()
            yield written

    def _words(self, piece: Piece, at_ms: int) -> list[str]:
        kind = KIND_WORDS.get(piece.moment.kind, "Visit")
        if not self._params.clock:
            return []
        name = self._studio.name(piece.moment.camera_id)
        day = day_words(at_ms, self._studio.zone) if self._is_of_days else ""
        return [f"{name}  {day}{clock_text(at_ms, self._studio.zone)}", kind]

    @property
    def _is_of_days(self) -> bool:
        """Whether the time alone would not say when it was."""
        first, last = (
            house_time(ms, self._studio.zone).date() for ms in (self._params.from_ms, self._params.to_ms - 1)
        )
        return first != last
