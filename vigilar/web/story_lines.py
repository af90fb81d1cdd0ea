"""What happened, line by line: the events, tracks and zones of a story, and what else was going on meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from vigilar.base.track_path import BadPath
from vigilar.base.visit_kinds import KIND_WORDS, MOTION
from vigilar.detect.zones import is_inside
from vigilar.store.events import StoredEvent
from vigilar.store.incident_pages import Story
from vigilar.store.tracks import StoredTrack
from vigilar.web.event_words import event_title, is_going
from vigilar.web.times import clock_text, iso_text, length_text

Areas = Mapping[str, Sequence[tuple[float, float]]]
"""Zones of a camera by name: their corners in 0..1 of the picture."""

MOST_LINES = 60
NO_LENGTH = frozenset({"wildlife_first", "wildlife_back"})
"""Types that have the time of a visit, whose own lines say how long it was."""

SHORT_MS = 2_000
"""What lasted less long has no line for its end."""


@dataclass(frozen=True, slots=True)
class StoryLine:
    """``event_id`` leads to the event it is of; ``is_head``: an event of the story, and not a part of one."""

    at_ms: int
    clock: str
    iso: str
    words: str
    event_id: int
    is_head: bool


@dataclass(frozen=True, slots=True)
class _Raw:
    at_ms: int
    rank: int
    words: str
    event_id: int


def story_lines(
    story: Story,
    tracks: Callable[[int], Sequence[StoredTrack]],
    areas: Callable[[str], Areas],
    zone: tzinfo,
) -> list[StoryLine]:
    """In the order of time, the first 60. ``tracks`` of an event by its id; ``areas`` of a camera as they are today: of
    a zone that is no more only its name is known."""
    raw: list[_Raw] = []
    for event in story.events:
        raw.append(_Raw(event.ts_ms, 0, event_title(event), event.id))
        raw += [line for track in tracks(event.id) for line in _of_track(track, event, areas(event.source_id))]
        if event.type in NO_LENGTH:
            continue
        if event.end_ms is not None and event.end_ms - event.ts_ms >= SHORT_MS:
            words = f"{_over(event)} ({length_text(event.end_ms - event.ts_ms)})"
            raw.append(_Raw(event.end_ms, 2, words, event.id))
        elif is_going(event):
            raw.append(_Raw(event.ts_ms, 1, "still going", event.id))
    raw.sort(key=lambda line: (line.at_ms, line.rank, line.event_id))
    return [
        StoryLine(
            one.at_ms, clock_text(one.at_ms, zone), iso_text(one.at_ms, zone), one.words, one.event_id, one.rank == 0
        )
        for one in raw[:MOST_LINES]
    ]


def _over(event: StoredEvent) -> str:
    if event.type == "motion":
        return "left" if event.kind and event.kind != MOTION else "all still again"
    return "picture back" if event.type == "camera_offline" else "over"


def _of_track(track: StoredTrack, event: StoredEvent, areas: Areas) -> list[_Raw]:
    """When somebody came, and into which zones; what is only known to move has its event's line."""
    if track.kind == MOTION:
        return []
    name = KIND_WORDS.get(track.kind, track.kind)
    if track.is_stationary:
        return [_Raw(track.start_ms, 1, f"{name} stood there", event.id)]
    lines = [_Raw(track.start_ms, 1, f"{name} came into view", event.id)]
    entered = _entered(track, areas)
    for zone in track.zones:
        at_ms = entered.get(zone, track.start_ms)
        words = f"{name} entered {zone}" if at_ms > track.start_ms else f"{name} was in {zone}"
        lines.append(_Raw(at_ms, 1, words, event.id))
    return lines


def _entered(track: StoredTrack, areas: Areas) -> dict[str, int]:
    """When its foot was in each of these zones first, UTC ms."""
    found: dict[str, int] = {}
    try:
        boxes = track.boxes()
    except BadPath:  # a row that was changed by hand
        return {}
    for box in boxes:
        for name, corners in areas.items():
            if name not in found and is_inside(corners, box.foot):
                found[name] = box.ts_ms
    return found
