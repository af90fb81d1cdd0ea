"""Makes a time-lapse: pictures of one camera at even steps of time, as many as the length asked needs.

Where a step is longer than a group of pictures only keyframes are decoded, the nearest of them; else each picture is
the one that was on screen. Time without a recording is left out, and a plate says so.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from vigilar.base.errors import RecordingError
from vigilar.base.house_time import clock_text, house_time
from vigilar.base.visit_kinds import KIND_WORDS, MOTION
from vigilar.media.decode import Picture
from vigilar.media.film import FPS, Canvas, make_scaler
from vigilar.media.lettering import write_on
from vigilar.playback.event_span import clip_span
from vigilar.playback.gaps import Gap
from vigilar.playback.reel.events import find_visits
from vigilar.playback.reel.make import MAX_MISSING, PICTURE_MS, STORING, Studio, film_size
from vigilar.playback.reel.pace import Span, clipped, joined, pick_times
from vigilar.playback.reel.pictures import NS_PER_MS, PictureReader
from vigilar.playback.reel.words import NO_FOOTAGE, day_words
from vigilar.playback.stretch import Stretch
from vigilar.playback.timeline import Timeline, read_timeline
from vigilar.store.events import StoredEvent
from vigilar.store.reels import TimelapseParams

LOOKING, DRAWING = "Looking for recordings", "Drawing the pictures"

PLATE_PICTURES = FPS
"""A plate is shown for a second."""

MOST_PLATES_SHARE = 0.2
"""At most so much of a film are plates, of the longest gaps; all are listed."""

LEAST_GAP_MS = 60_000
"""Shorter gaps get no plate: in a day they are no picture."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is shown when: moments (UTC ms) and gaps, in order."""

    shown: tuple[int | Gap, ...]

    @property
    def count(self) -> int:
        return sum(PLATE_PICTURES if isinstance(one, Gap) else 1 for one in self.shown)


def make_lapse(studio: Studio, params: TimelapseParams) -> dict[str, Any]:
    """Make the film; the job's result. Raises RecordingError, StoreError, and what the progress raises: then nothing of
    it is left."""
    studio.progress(LOOKING, 0.0)
    library, camera_id = studio.library, params.camera_id
    timeline = read_timeline(library, camera_id, params.from_ms, params.to_ms, studio.now_ms())
    events = list(find_visits(library, (camera_id,), params.from_ms, params.to_ms))
    plan = plan_lapse(timeline, events if params.smart else [], params.length_s * FPS, studio.now_ms())
    missing = [
        {"from_ms": gap.from_ms, "to_ms": gap.to_ms, "words": gap_words(gap, studio)}
        for gap in sorted(_longest(timeline.gaps, MAX_MISSING), key=lambda gap: gap.from_ms)
    ]
    if not plan.count:
        return {"nothing": NO_FOOTAGE, "missing": missing}
    size = film_size(library, [(camera_id, next(one for one in plan.shown if isinstance(one, int)))])
    film = _Film(studio, params, plan, size)
    with studio.writer(size) as writer:
        for canvas in film.canvases():
            writer.add(canvas)
        if film.poster is None:
            return {"nothing": NO_FOOTAGE, "missing": missing}
        studio.progress(STORING, 1.0)
        stored = writer.finish(film.poster.to_jpeg())
    times = [at_ms for at_ms, _ in film.drawn]
    return {
        "length_ms": film.count * PICTURE_MS,
        "start_ms": times[0],
        "end_ms": times[-1],
        "bytes": stored,
        "parts": list(_parts(film, events, studio, params)),
        "missing": missing,
        "shows": [[camera_id, span.from_ms, span.to_ms] for span in timeline.spans],
    }


def plan_lapse(timeline: Timeline, events: Sequence[StoredEvent], count: int, now_ms: int) -> _Plan:
    """Moments and plates that make ``count`` pictures together; nothing where nothing is recorded. ``events``: where it
    goes slower. Pure."""
    recorded: list[Span] = joined((one.from_ms, one.to_ms) for one in timeline.spans)
    plates = [gap for gap in timeline.gaps if gap.to_ms - gap.from_ms >= LEAST_GAP_MS]
    plates = _longest(plates, int(count * MOST_PLATES_SHARE) // PLATE_PICTURES)
    busy = clipped(joined(clip_span(one, now_ms) for one in events), recorded)
    times = pick_times(recorded, busy, count - PLATE_PICTURES * len(plates))
    if not times:
        return _Plan(())
    rows: list[tuple[int, int | Gap]] = [(at_ms, at_ms) for at_ms in times]
    rows += [(gap.from_ms, gap) for gap in plates]
    return _Plan(tuple(what for _, what in sorted(rows, key=lambda row: row[0])))


def _longest(gaps: Sequence[Gap], count: int) -> list[Gap]:
    return sorted(gaps, key=lambda gap: (gap.from_ms - gap.to_ms, gap.from_ms))[:count]


def gap_words(gap: Gap, studio: Studio) -> str:
    """``No recording 02:10 to 02:40: The camera was not connected.``"""
    return f"{_from_to(gap, studio)}: {gap.words}"


def _from_to(gap: Gap, studio: Studio) -> str:
    begin, end = (house_time(ms, studio.zone) for ms in (gap.from_ms, gap.to_ms))
    if begin.date() == end.date():
        return f"No recording {begin:%H:%M} to {end:%H:%M}"
    return f"No recording {begin.day} {begin:%B %H:%M} to {end.day} {end:%B %H:%M}"


class _Film:
    """The pictures of a time-lapse. ``drawn`` are those of recordings: the moment, and the number of the picture."""

    def __init__(self, studio: Studio, params: TimelapseParams, plan: _Plan, size: tuple[int, int]) -> None:
        self._studio, self._params, self._plan, self._size = studio, params, plan, size
        self._name = studio.name(params.camera_id)
        self._is_of_days = params.to_ms - params.from_ms > 24 * 3_600_000
        self._scaler = make_scaler()
        self.count = 0
        self.drawn: list[tuple[int, int]] = []
        self.poster: Canvas | None = None

    def canvases(self) -> Iterator[Canvas]:
        finder = _Finder(self._studio, self._params, self._work)
        times = [one for one in self._plan.shown if isinstance(one, int)]
        canvas: Canvas | None = None
        number = 0
        for one in self._plan.shown:
            self._work()
            if isinstance(one, Gap):
                yield from self._plate(one)
                continue
            step_ms = max(1, (times[min(number + 1, len(times) - 1)] - times[max(0, number - 1)]) // 2)
            number += 1
            picture = finder.find(one, step_ms)
            if picture is not None:
                canvas = Canvas(*self._size)
                canvas.put(picture, self._scaler)
            if canvas is None:  # the first cannot be read: the film begins with one that can
                continue
            if self.poster is None or (number >= len(times) // 2 and number <= len(times) // 2 + 1):
                self.poster = canvas
            shown = canvas
            if self._params.clock:
                shown = canvas.copy()
                day = day_words(one, self._studio.zone) if self._is_of_days else ""
                write_on(shown.planes, [f"{self._name}  {day}{clock_text(one, self._studio.zone)}"])
            self.drawn.append((one, self.count))
            self.count += 1
            yield shown

    def _plate(self, gap: Gap) -> Iterator[Canvas]:
        plate = Canvas(*self._size)
        write_on(plate.planes, [_from_to(gap, self._studio), gap.words], is_centred=True)
        for _ in range(PLATE_PICTURES):
            self.count += 1
            yield plate

    def _work(self) -> None:
        self._studio.progress(DRAWING, min(1.0, self.count / max(1, self._plan.count)))


class _Finder:
    """The picture of a moment. Moments are asked for in their order, so that one file at a time is looked at."""

    def __init__(self, studio: Studio, params: TimelapseParams, work: Any) -> None:
        self._studio, self._params = studio, params
        self._reader: PictureReader = studio.reader(params.camera_id, work)
        self._stretch: Stretch | None = None
        self._until_ms = 0
        self._keys: list[int] = []
        self._last: tuple[int, int] | None = None

    def find(self, at_ms: int, step_ms: int) -> Picture | None:
        """None when it is the same as that of the moment before, or none can be read."""
        stretch = self._look(at_ms)
        if stretch is None:
            return None
        index = bisect_right(self._keys, at_ms) - 1
        here = max(0, index)
        after = self._keys[here + 1] if here + 1 < len(self._keys) else self._until_ms
        if step_ms < after - self._keys[here]:
            return self._reader.in_group(stretch, stretch.first + here, at_ms)
        if here + 1 < len(self._keys) and self._keys[here + 1] - at_ms < at_ms - self._keys[here]:
            here += 1
        if self._last == (stretch.row.id, here):
            return None
        self._last = (stretch.row.id, here)
        return self._reader.at_key(stretch, stretch.first + here)

    def _look(self, at_ms: int) -> Stretch | None:
        """The stretch on screen at that time."""
        if self._stretch is not None and self._stretch.start_ms <= at_ms < self._until_ms:
            return self._stretch
        try:
            found = self._studio.library.find(self._params.camera_id, at_ms, at_ms + 1)
            # All of the file, as the next moments are in it, too.
            found = [whole for one in found[-1:] if (whole := self._studio.library.whole(one.row)) is not None]
        except RecordingError:
            found = []
        if not found:
            self._stretch = None
            return None
        self._stretch = found[-1]
        count = self._stretch.last - self._stretch.first + 1
        self._keys = [self._stretch.index.utc_ns(self._stretch.first + one) // NS_PER_MS for one in range(count)]
        self._until_ms = self._stretch.end.utc_ns // NS_PER_MS
        return self._stretch


def _parts(
    film: _Film, events: Sequence[StoredEvent], studio: Studio, params: TimelapseParams
) -> Iterator[dict[str, Any]]:
    """Stretches of the film in which one event is shown, or none. ``ts`` is the moment of the first picture."""
    name, now_ms = studio.name(params.camera_id), studio.now_ms()
    spans = [clip_span(one, now_ms) for one in events]

    def event_at(at_ms: int) -> StoredEvent | None:
        """The newest of those that go on: of many at a time the last few are looked at."""
        stop = bisect_right(spans, at_ms, key=lambda span: span[0])
        return next((events[at] for at in reversed(range(max(0, stop - 8), stop)) if at_ms < spans[at][1]), None)

    begun: tuple[StoredEvent | None, int, int] | None = None
    stop = 0
    for at_ms, number in film.drawn:
        event = event_at(at_ms)
        if begun is None or begun[0] is not event or number != stop:
            if begun is not None:
                yield _part(*begun, stop, params.camera_id, name)
            begun = (event, at_ms, number)
        stop = number + 1
    if begun is not None:
        yield _part(*begun, stop, params.camera_id, name)


def _part(event: StoredEvent | None, at_ms: int, first: int, stop: int, camera_id: str, name: str) -> dict[str, Any]:
    kind = f"{KIND_WORDS.get(event.kind or MOTION, 'Visit')}, " if event is not None else ""
    return {
        "from_s": round(first / FPS, 2),
        "to_s": round(stop / FPS, 2),
        "event_id": event.id if event is not None else None,
        "camera_id": camera_id,
        "ts": at_ms,
        "title": f"{kind}{name}",
    }
