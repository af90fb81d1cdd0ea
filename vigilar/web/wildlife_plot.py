"""The plots of the journal as shapes: hours by species, nights by hours, and the lines of the sun. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from math import ceil, log2

from vigilar.wildlife.journal import HOURS, NOON, Journal, Row
from vigilar.wildlife.sun import sun_day
from vigilar.wildlife.watched import HOUR_MS

STEPS = 5
"""Tints, each for twice as many visits per hour watched as the one before."""


@dataclass(frozen=True, slots=True)
class Cell:
    """``step``: 0 for none, else 1..5. ``light``: nothing watched (``dark``), little did (``little``), or empty."""

    hour: int
    count: int
    step: int
    light: str
    words: str


@dataclass(frozen=True, slots=True)
class SunMarks:
    """Hours of the house's day, 0..24: the span of sunrises and of sunsets, and how today's read. ``words`` where the
    sun does not rise or not set."""

    rise: tuple[float, float] | None
    sets: tuple[float, float] | None
    rise_text: str = ""
    set_text: str = ""
    words: str = ""


def tint(rate: float, most: float) -> int:
    """The step of a rate when the highest is ``most``."""
    if rate <= 0 or most <= 0:
        return 0
    return max(1, min(STEPS, ceil(STEPS + log2(rate / most))))


def most_rate(journal: Journal) -> float:
    """The highest rate of any cell."""
    return max(
        (journal.rate(count, hour) or 0.0 for row in journal.rows for hour, count in enumerate(row.hours)), default=0.0
    )


def make_cells(row: Row, journal: Journal, most: float) -> list[Cell]:
    cells = []
    for hour, count in enumerate(row.hours):
        light = "dark" if journal.is_dark(hour) else "little" if journal.is_little(hour) else ""
        watched = journal.watched_ms[hour] / HOUR_MS
        rate = journal.rate(count, hour)
        step = tint(rate, most) if rate is not None else int(count > 0)
        cells.append(Cell(hour, count, step, light, _words(row.species.name, hour, count, watched)))
    return cells


def _words(name: str, hour: int, count: int, watched_h: float) -> str:
    visits = f"{count} visit{'' if count == 1 else 's'}" if count else "none"
    watched = f"{watched_h:.0f} h watched" if watched_h >= 1 else f"{watched_h * 60:.0f} min watched"
    return f"{name}, {hour:02d}:00 to {(hour + 1) % 24:02d}:00: {visits}, {watched if watched_h else 'not watched'}"


@dataclass(frozen=True, slots=True)
class Night:
    """A row of the raster: its number from the top, and what it is in words."""

    night: date
    row: int
    visits: int
    watched_h: float
    words: str


@dataclass(frozen=True, slots=True)
class Raster:
    """Nights from noon to noon, the newest first. ``tints`` and ``dark`` are paths in units of an hour and a night,
    ``rise`` and ``sets`` points of lines in the same, broken where the sun does not cross the horizon."""

    nights: Sequence[Night]
    tints: Mapping[int, str]
    dark: str
    rise: Sequence[str]
    sets: Sequence[str]


def draw_raster(journal: Journal, place: tuple[float, float] | None, zone: tzinfo) -> Raster:
    counts = Counter((one.night, one.hour) for one in journal.visits)
    by_night = Counter(one.night for one in journal.visits)
    days = (journal.span.last - journal.span.first).days + 1
    order = [journal.span.last - timedelta(days=ago) for ago in range(days)]
    most = max(counts.values(), default=0)
    cells: dict[int, list[tuple[int, int]]] = {}
    dark: list[tuple[int, int]] = []
    nights = []
    for row, night in enumerate(order):
        watched_ms = 0
        for column in range(HOURS):
            hour = (column + NOON) % HOURS
            ms = journal.by_night.get((night, hour))
            if ms == 0:
                dark.append((column, row))
            watched_ms += ms or 0
            if count := counts[night, hour]:
                cells.setdefault(tint(count, most), []).append((column, row))
        watched_h, visits = watched_ms / HOUR_MS, by_night[night]
        said = f"{visits} visit{'' if visits == 1 else 's'}" if visits else "none"
        words = f"Night of {night.day} {night:%B %Y}: {said}, {watched_h:.0f} h watched"
        nights.append(Night(night, row, visits, watched_h, words))
    rise, sets = sun_lines(order, place, zone) if place is not None else ((), ())
    return Raster(nights, {step: _path(found) for step, found in sorted(cells.items())}, _path(dark), rise, sets)


def _path(cells: Iterable[tuple[int, int]]) -> str:
    """One path through these squares, to be drawn with a stroke as thick as a row; neighbours in a row are one piece.
    ``cells`` in the order of rows. Steps from piece to piece are short to write: a year has thousands."""
    pieces: list[list[int]] = []
    for column, row in cells:
        if pieces and pieces[-1][1] == row and pieces[-1][0] + pieces[-1][2] == column:
            pieces[-1][2] += 1
        else:
            pieces.append([column, row, 1])
    path, at_column, at_row = ["M0 .5"] if pieces else [], 0, 0
    for column, row, width in pieces:
        path.append(f"m{column - at_column} {row - at_row}h{width}")
        at_column, at_row = column + width, row
    return "".join(path)


def sun_lines(nights: Sequence[date], place: tuple[float, float], zone: tzinfo) -> tuple[Sequence[str], Sequence[str]]:
    """Lines through the middle of each night: the rise that ends it and the set that begins it."""
    some = list(enumerate(nights))[:: _step(len(nights))]
    rise = _line([(sun_day(one + timedelta(days=1), *place).rise_ms, row) for row, one in some], zone)
    return rise, _line([(sun_day(one, *place).set_ms, row) for row, one in some], zone)


def _step(days: int) -> int:
    """In a long span the sun of each week is enough: it moves by minutes."""
    return 7 if days > 60 else 1


def _line(moments: Iterable[tuple[int | None, int]], zone: tzinfo) -> list[str]:
    lines: list[list[str]] = [[]]
    last: float | None = None
    for ms, row in moments:
        x = None if ms is None else (house_hour(ms, zone) - NOON) % HOURS
        if x is None or (last is not None and abs(x - last) > 2):
            lines.append([])
        if x is not None:
            lines[-1].append(f"{x:.2f},{row + 0.5}")
        last = x
    return [" ".join(points) for points in lines if len(points) > 1]


def house_hour(ms: int, zone: tzinfo) -> float:
    """The clock of the house as hours, 0..24."""
    at = datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone)
    return at.hour + at.minute / 60


def mark_sun(journal: Journal, place: tuple[float, float], zone: tzinfo) -> SunMarks:
    """Sunrises and sunsets of the span, and those of its last day."""
    count = (journal.span.last - journal.span.first).days
    days = [sun_day(journal.span.last - timedelta(days=ago), *place) for ago in range(0, count + 1, _step(count))]
    rises = [house_hour(one.rise_ms, zone) for one in days if one.rise_ms is not None]
    sets = [house_hour(one.set_ms, zone) for one in days if one.set_ms is not None]
    today = days[0]
    words = ""
    if today.rise_ms is None:
        words = "The sun does not set now." if today.is_polar_day else "The sun does not rise now."
    return SunMarks(
        rise=(min(rises), max(rises)) if rises else None,
        sets=(min(sets), max(sets)) if sets else None,
        rise_text=_clock(today.rise_ms, zone),
        set_text=_clock(today.set_ms, zone),
        words=words,
    )


def _clock(ms: int | None, zone: tzinfo) -> str:
    """To the nearest minute."""
    return "" if ms is None else f"{datetime.fromtimestamp(round(ms / 60_000) * 60, UTC).astimezone(zone):%H:%M}"
