"""The journal: visits by species and hour of the house's day, by night and hour, and what is new among them. Pure.

A night goes from noon to noon and has the date of its evening, so that a visit at one o'clock is in the night that
began the evening before. Hours watched are shared out a quarter of an hour at a time where an hour of UTC is none of
the house: no time zone and no change of the clocks cuts a quarter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cached_property
from typing import NamedTuple

from vigilar.base.day_spans import day_start_ms, house_day, moment_ms
from vigilar.store.wildlife import Sighting
from vigilar.wildlife.novelty import Novelty, find_novelty
from vigilar.wildlife.species import WILD_KINDS, KnownSpecies, Species
from vigilar.wildlife.watched import HOUR_MS

HOURS = 24
NOON = 12
DAY_MS = HOURS * HOUR_MS
QUARTER_MS = 900_000
_FIRST_DAY = date(1970, 1, 1)
_MS = timedelta(milliseconds=1)

LEAST_RATED_MS = 12 * HOUR_MS
"""Of the first minutes of a house a rate would be thousands a night."""

LITTLE_FRAC = 0.5
"""An hour of the day that was watched for less than this share of its time is hatched lightly."""

USUAL_SHARE = 0.85
LEAST_VISITS = 8
LONGEST_USUAL_H = 8
"""Usual hours are told when so much of at least so many visits, per hour watched, lies in so few hours in a row."""


class HouseClock:
    """Night and hour of moments, quickly for many of them: on a day of UTC on which the clock of the house is not set,
    it is as far from UTC all day, and the rest is counting."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self._away_ms: dict[int, int | None] = {}
        self._nights: dict[int, date] = {}

    def place(self, ms: int) -> tuple[date, int]:
        """The night (its evening's date) and the hour of the house's clock."""
        day = ms // DAY_MS
        away_ms = self._away_ms[day] if day in self._away_ms else self._find_away(day)
        local_ms = ms + (self._offset_ms(ms) if away_ms is None else away_ms)
        number = (local_ms - NOON * HOUR_MS) // DAY_MS
        night = self._nights.get(number)
        if night is None:
            night = self._nights[number] = _FIRST_DAY + timedelta(days=number)
        return night, local_ms // HOUR_MS % HOURS

    def _find_away(self, day: int) -> int | None:
        """How far the clock of the house is ahead on that day of UTC; None while it is set."""
        first_ms, last_ms = self._offset_ms(day * DAY_MS), self._offset_ms((day + 1) * DAY_MS - 1)
        self._away_ms[day] = first_ms if first_ms == last_ms else None
        return self._away_ms[day]

    def _offset_ms(self, ms: int) -> int:
        offset = datetime.fromtimestamp(ms / 1000, UTC).astimezone(self.zone).utcoffset()
        return 0 if offset is None else offset // _MS


@dataclass(frozen=True, slots=True)
class Span:
    """Whole nights: from the noon before the first to now. UTC ms."""

    first: date
    last: date
    from_ms: int
    to_ms: int


def span_of_nights(count: int, now_ms: int, zone: tzinfo) -> Span:
    """The newest ``count`` nights, the one that goes on or comes included."""
    last = HouseClock(zone).place(now_ms)[0]
    first = last - timedelta(days=count - 1)
    return Span(first, last, moment_ms(first, NOON * 60, zone), now_ms + 1)


class Visit(NamedTuple):
    """A sighting with what it was, and where it stands in the house's time. A tuple, as the sighting."""

    sighting: Sighting
    species: Species
    night: date
    hour: int


@dataclass(slots=True)
class Row:
    """One species. ``hours``: visits by hour of the day."""

    species: Species
    hours: list[int] = field(default_factory=lambda: [0] * HOURS)
    visits: int = 0
    last_ms: int = 0


@dataclass(frozen=True)
class Journal:
    """``rows``: most visits first. ``watched_ms``: how long something watched in each hour of the day; ``whole_ms``:
    how long that hour was in all. ``by_night``: ms watched by night and hour, with 0 for an hour in which nothing
    watched; an hour that the clock left out is not in it."""

    span: Span
    visits: Sequence[Visit]
    rows: Sequence[Row]
    watched_ms: Sequence[int]
    whole_ms: Sequence[int]
    by_night: Mapping[tuple[date, int], int]

    @cached_property
    def watched_h(self) -> float:
        return sum(self.watched_ms) / HOUR_MS

    @property
    def nights_watched(self) -> float:
        """In days of 24 hours watched."""
        return self.watched_h / HOURS

    def is_dark(self, hour: int) -> bool:
        """Whether nothing watched at that hour of the day in all these nights."""
        return self.watched_ms[hour] == 0

    def is_little(self, hour: int) -> bool:
        return 0 < self.watched_ms[hour] < LITTLE_FRAC * self.whole_ms[hour]

    def rate(self, visits: int, hour: int | None = None) -> float | None:
        """Visits per hour watched, at that hour of the day or, once ``is_rated``, at all; None when nothing watched."""
        if hour is None:
            return visits / self.watched_h if self.is_rated else None
        return visits * HOUR_MS / self.watched_ms[hour] if self.watched_ms[hour] else None

    def per_night(self, visits: int) -> float | None:
        """Visits per day watched; None while less than ``LEAST_RATED_MS`` was watched."""
        return visits / self.nights_watched if self.is_rated else None

    @property
    def is_rated(self) -> bool:
        return sum(self.watched_ms) >= LEAST_RATED_MS


def make_journal(
    sightings: Iterable[Sighting], known: KnownSpecies, watched: Mapping[int, int], span: Span, zone: tzinfo
) -> Journal:
    """``sightings`` of the span, oldest first; ``watched``: ms by hour (``store.wildlife.list_hours``)."""
    clock = HouseClock(zone)
    visits: list[Visit] = []
    rows: dict[str, Row] = {}
    cache: dict[tuple[str, str], Row | None] = {}
    for one in sightings:
        pair = one.kind, one.said
        if pair in cache:
            row = cache[pair]
        else:
            species = known.of_visit(*pair)
            row = cache[pair] = None if species is None else rows.setdefault(species.key, Row(species))
        if row is None:
            continue
        night, hour = clock.place(one.ts_ms)
        visits.append(Visit(one, row.species, night, hour))
        row.hours[hour] += 1
        row.visits += 1
        row.last_ms = one.ts_ms
    by_night, whole = _by_night(watched, span, clock)
    watched_ms, whole_ms = [0] * HOURS, [0] * HOURS
    for (_, hour), ms in by_night.items():
        watched_ms[hour] += ms
    for (_, hour), ms in whole.items():
        whole_ms[hour] += ms
    ordered = sorted(rows.values(), key=lambda row: (row.species.key in WILD_KINDS, -row.visits, row.species.name))
    return Journal(span, visits, ordered, watched_ms, whole_ms, by_night)


def _by_night(
    watched: Mapping[int, int], span: Span, clock: HouseClock
) -> tuple[dict[tuple[date, int], int], Counter[tuple[date, int]]]:
    """Ms watched, and ms that there were, by night and hour. An hour of UTC may lie in two of the house."""
    found: dict[tuple[date, int], int] = {}
    whole: Counter[tuple[date, int]] = Counter()
    is_whole = _has_whole_hours(span, clock.zone)
    for hour_ms in range(span.from_ms // HOUR_MS * HOUR_MS, span.to_ms, HOUR_MS):
        ms, there_ms = watched.get(hour_ms, 0), min(HOUR_MS, span.to_ms - hour_ms)
        if is_whole:
            place = clock.place(hour_ms)
            found[place] = found.get(place, 0) + ms
            whole[place] += there_ms
            continue
        for step in range(0, HOUR_MS, QUARTER_MS):
            place = clock.place(hour_ms + step)
            found[place] = found.get(place, 0) + ms * QUARTER_MS // HOUR_MS
            whole[place] += there_ms * QUARTER_MS // HOUR_MS
    return found, whole


def _has_whole_hours(span: Span, zone: tzinfo) -> bool:
    """Whether an hour of UTC is an hour of the house's clock, on each day of the span."""
    days = range(span.from_ms, span.to_ms + DAY_MS, DAY_MS)
    moments = (datetime.fromtimestamp(one / 1000, UTC).astimezone(zone) for one in days)
    return all(one.utcoffset() % timedelta(hours=1) == timedelta(0) for one in moments)  # type: ignore[operator]


def find_news(
    visits: Iterable[Visit], before: Mapping[str, int | None], back_after_ms: int, zone: tzinfo, *, south: bool
) -> list[tuple[Visit, Novelty]]:
    """Visits that are something new, oldest first. ``before``: when each species, and each kind (``animal``, ``bird``),
    was last seen before the first of these; None for never."""
    last: dict[str, int | None] = dict(before)
    found = []
    seasons = _Seasons(zone)
    for visit in visits:
        ts_ms, kind = visit.sighting.ts_ms, visit.sighting.kind
        before_ms = last.get(visit.species.key)
        if before_ms is None or ts_ms - before_ms >= back_after_ms or not seasons.has_both(before_ms, ts_ms):
            novelty = find_novelty(ts_ms, before_ms, back_after_ms, zone, south)
            if novelty is not None:
                found.append((visit, novelty))
        last[visit.species.key] = ts_ms
        if kind in WILD_KINDS:
            last[kind] = ts_ms
    return found


class _Seasons:
    """Whether two moments lie in one season of one year, quickly for many in the order of time."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._from_ms, self._to_ms = 0, 0

    def has_both(self, before_ms: int, ts_ms: int) -> bool:
        if not self._from_ms <= ts_ms < self._to_ms:
            day = house_day(ts_ms, self._zone)
            edges = [date(year, month, 1) for year in (day.year, day.year + 1) for month in (1, 3, 6, 9, 12)]
            self._from_ms = day_start_ms(max(one for one in edges if one <= day), self._zone)
            self._to_ms = day_start_ms(min(one for one in edges if one > day), self._zone)
        return before_ms >= self._from_ms


def usual_hours(row: Row, journal: Journal) -> tuple[int, int] | None:
    """From which hour to which (not included) almost all visits lie, corrected for the hours watched; None where the
    numbers do not carry it."""
    if row.visits < LEAST_VISITS:
        return None
    rates = [journal.rate(count, hour) or 0.0 for hour, count in enumerate(row.hours)]
    total = sum(rates)
    dark = sum(journal.is_dark(hour) for hour in range(HOURS))
    if not total or dark > HOURS // 4:
        return None
    for length in range(1, LONGEST_USUAL_H + 1):
        sums = [sum(rates[(start + step) % HOURS] for step in range(length)) for start in range(HOURS)]
        start = max(range(HOURS), key=sums.__getitem__)
        if sums[start] >= USUAL_SHARE * total:
            return start, (start + length) % HOURS
    return None


def first_of_years(visits: Iterable[Visit], zone: tzinfo) -> dict[str, dict[int, int]]:
    """By species the first visit of each year of the house, UTC ms. ``visits`` oldest first."""
    clock: dict[int, int] = {}
    found: dict[str, dict[int, int]] = {}
    for visit in visits:
        ts_ms = visit.sighting.ts_ms
        hour = ts_ms // HOUR_MS
        year = clock.get(hour)
        if year is None:
            year = clock[hour] = datetime.fromtimestamp(ts_ms / 1000, UTC).astimezone(zone).year
        found.setdefault(visit.species.key, {}).setdefault(year, ts_ms)
    return found
