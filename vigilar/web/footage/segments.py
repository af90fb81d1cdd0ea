"""Cuts records into segments a player asks for one by one, and finds what is recorded and what is not. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vigilar.vge.reader import RecordEntry
from vigilar.web.footage.library import Stretch

SEGMENT_MS = 2000
"""A segment ends at the first keyframe after this: few requests, and a jump into it is still quick."""

SEAM_MS = 1500
"""Spans closer than this are one: rolling to a new file and rounding leave less."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Records ``first`` to ``last`` of a file, from a keyframe on. ``starts_file`` needs a new set-up before it."""

    file_id: int
    init_number: int
    first: int
    last: int
    start_ms: int
    duration_ms: int
    starts_file: bool


@dataclass(frozen=True, slots=True)
class Span:
    """Unbroken recording, UTC ms. ``reason`` tells why it ended, as far as the recorder wrote it down."""

    from_ms: int
    to_ms: int
    reason: str


def cut_segments(stretches: Sequence[Stretch], *, is_finished: bool) -> list[Segment]:
    """Segments of the stretches. Cuts depend only on what comes before them, so a growing recording never changes a
    segment that was listed; unless ``is_finished``, the last one of a growing file waits for the keyframe after it."""
    segments: list[Segment] = []
    for stretch in stretches:
        groups = _groups(stretch.media)
        is_last_open = stretch is stretches[-1] and stretch.is_growing and not is_finished
        for index, group in enumerate(groups[:-1] if is_last_open else groups):
            segments.append(_segment(stretch, group, starts_file=index == 0))
    return segments


def find_spans(stretches: Iterable[Stretch], from_ms: int, to_ms: int) -> list[Span]:
    """What is recorded of [from_ms, to_ms): spans that do not touch, in time order."""
    spans: list[Span] = []
    for stretch in stretches:
        for piece_start, piece_end in _unbroken(stretch.media):
            start, end = max(from_ms, piece_start), min(to_ms, piece_end)
            if end <= start:
                continue
            if spans and start - spans[-1].to_ms <= SEAM_MS:
                start = spans[-1].from_ms
                end = max(end, spans.pop().to_ms)
            spans.append(Span(start, end, stretch.row.reason or ""))
    return spans


def _groups(media: Sequence[RecordEntry]) -> list[list[RecordEntry]]:
    groups: list[list[RecordEntry]] = []
    length_ms = 0
    for entry in media:
        if not groups or (entry.is_keyframe and length_ms >= SEGMENT_MS):
            groups.append([])
            length_ms = 0
        groups[-1].append(entry)
        length_ms += entry.duration_ms
    return groups


def _segment(stretch: Stretch, group: Sequence[RecordEntry], *, starts_file: bool) -> Segment:
    return Segment(
        file_id=stretch.row.id,
        init_number=stretch.init.number,
        first=group[0].number,
        last=group[-1].number,
        start_ms=group[0].utc_ns // 1_000_000,
        duration_ms=sum(entry.duration_ms for entry in group),
        starts_file=starts_file,
    )


def _unbroken(media: Sequence[RecordEntry]) -> Iterable[tuple[int, int]]:
    """Start and end in UTC ms of each part of ``media`` without a hole."""
    start = end = media[0].utc_ns // 1_000_000
    for entry in media:
        at = entry.utc_ns // 1_000_000
        if at - end > SEAM_MS:
            yield start, end
            start = at
        end = max(end, at + entry.duration_ms)
    yield start, end
