"""The journal of wild animals as one member sees it: what is asked for, the rows behind it, and its sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from vigilar.base.amounts import count_text
from vigilar.base.wildlife_rules import DAY_MS
from vigilar.store import wildlife as rows
from vigilar.store.cameras import list_cameras
from vigilar.store.events import EventFilter
from vigilar.web.parts import Parts
from vigilar.web.problems import Problem
from vigilar.web.times import clock_text, house_time
from vigilar.web.visible import VisibleCameras
from vigilar.wildlife.journal import HOURS, Journal, Row, Visit, find_news, make_journal, span_of_nights, usual_hours
from vigilar.wildlife.novelty import NEW_STEPS, Novelty
from vigilar.wildlife.species import WILD_KINDS, KnownSpecies
from vigilar.wildlife.watched import TAIL_MS, read_watched

DAYS = (7, 30, 365)
DEFAULT_DAYS = 30
VIEWS = ("hours", "nights", "years")

MOST_NEWS = 8
SEASON_DAYS = 30
"""The first of a season is told for so long: over a year each animal has several."""

_RANKS = {"season": 0, "back": 1, "year": 2, "ever": 2}
"""What is told of an animal with several news: what is rarer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, checked. ``hour`` and ``night`` choose a cell of a plot, ``species`` a row."""

    days: int = DEFAULT_DAYS
    camera: str = ""
    view: str = "hours"
    species: str = ""
    hour: int | None = None
    night: date | None = None
    page: int = 1

    @classmethod
    def read(cls, args: Mapping[str, str], visible: VisibleCameras) -> Asked:
        """Raises Problem 404 for a camera that the member does not see, 422 for what an address of ours never says."""
        days, camera = args.get("days") or str(DEFAULT_DAYS), args.get("camera") or ""
        if days not in {str(one) for one in DAYS}:
            raise Problem(422, "query.days", f"days is one of {', '.join(map(str, DAYS))}.", field="days")
        if camera:
            visible.check_had(camera)
        return cls(
            days=int(days),
            camera=camera,
            view=_one_of(args, "view", VIEWS) or "hours",
            species=(args.get("species") or "")[:60],
            hour=_hour(args.get("hour")),
            night=_night(args.get("night")),
            page=_page(args.get("page")),
        )

    def query(self, **changes: object) -> str:
        """The end of an address that asks for this with these changes; what is as usual is left out."""
        wanted = replace(self, **changes)  # type: ignore[arg-type]  # names of our own fields
        usual = Asked()
        found = {
            name: str(value)
            for name in self.__slots__
            if (value := getattr(wanted, name)) is not None and value != getattr(usual, name)
        }
        return f"?{urlencode(found)}" if found else ""


def known_species(here: Parts) -> KnownSpecies:
    """The common species and those of this household. Raises StoreError."""
    return KnownSpecies.of_house(rows.list_own(here.store))


def camera_ids(here: Parts, visible: VisibleCameras, camera: str) -> list[str]:
    """The cameras whose visits count, those that were removed included."""
    if camera:
        return [camera]
    return [one.id for one in list_cameras(here.store, with_removed=True) if one.id in visible]


def read_journal(here: Parts, visible: VisibleCameras, asked: Asked, known: KnownSpecies) -> Journal:
    """The journal of the nights that are asked for. Raises StoreError."""
    span = span_of_nights(asked.days, here.now_ms(), here.zone)
    limits = visible.limit(EventFilter(camera=asked.camera or None))
    sightings = rows.list_sightings(here.store, limits, span.from_ms, span.to_ms)
    cameras = camera_ids(here, visible, asked.camera)
    watched = read_watched(here.store, cameras, span.from_ms, here.now_ms(), here.cfg.wildlife)
    return make_journal(sightings, known, watched, span, here.zone)


def read_news(here: Parts, visible: VisibleCameras, asked: Asked, journal: Journal) -> list[tuple[Visit, Novelty]]:
    """What is new among the visits, newest first; each species once. Raises StoreError."""
    limits = visible.limit(EventFilter(camera=asked.camera or None))
    keys = {row.species.key for row in journal.rows} | {one for one in WILD_KINDS if journal.visits}
    before = {key: rows.last_before(here.store, key, journal.span.from_ms, limits) for key in keys}
    rules = here.cfg.wildlife
    south = rules.place is not None and rules.place[0] < 0
    found = find_news(journal.visits, before, rules.back_after_ms, here.zone, south=south)
    year = house_time(here.now_ms(), here.zone).year
    told: dict[str, tuple[Visit, Novelty]] = {}
    for visit, novelty in found:
        if novelty.step == "season" and asked.days > SEASON_DAYS:
            continue
        if novelty.step in NEW_STEPS and house_time(visit.sighting.ts_ms, here.zone).year != year:
            continue  # it was new in the year before
        known = told.get(visit.species.key)
        if known is None or _RANKS[novelty.step] >= _RANKS[known[1].step]:
            told[visit.species.key] = visit, novelty
    return sorted(told.values(), key=lambda one: -one[0].sighting.ts_ms)[:MOST_NEWS]


def top_sentence(here: Parts, asked: Asked, journal: Journal, news: list[tuple[Visit, Novelty]]) -> str:
    """``Fox at 03:12, first in 19 days.``"""
    if not journal.visits:
        return f"None in {asked.days} days; {hours_text(journal.watched_h)} h watched."
    visit = journal.visits[-1]
    day_ago = here.now_ms() - DAY_MS
    if news and news[0][0].sighting.ts_ms >= day_ago:
        visit = news[0][0]
    new = next((novelty for one, novelty in news if one.sighting.event_id == visit.sighting.event_id), None)
    said = f"{visit.species.name} {when_text(here, visit.sighting.ts_ms)}"
    return f"{said}, {new.words}." if new else f"{said}."


def when_text(here: Parts, ms: int) -> str:
    """``at 03:12``, ``yesterday at 03:12``, ``on 3 March at 03:12``, by the clock of the house."""
    at, now = house_time(ms, here.zone), house_time(here.now_ms(), here.zone)
    clock = clock_text(ms, here.zone)
    clock = clock[:5] + clock[8:]  # without seconds, with the zone in the hour that comes twice
    days = (now.date() - at.date()).days
    if days == 0:
        return f"at {clock}"
    if days == 1:
        return f"yesterday at {clock}"
    year = "" if at.year == now.year else f" {at.year}"
    return f"on {at.day} {at:%B}{year} at {clock}"


def usual_sentence(row: Row, journal: Journal) -> str:
    """``Almost all visits between 22:00 and 04:00.``; empty where the numbers do not carry it."""
    found = usual_hours(row, journal)
    return "" if found is None else f"Almost all visits between {found[0]:02d}:00 and {found[1]:02d}:00."


def takeaway(journal: Journal) -> str:
    """What the plot says, in words."""
    if not journal.rows:
        return ""
    total = count_text(sum(row.visits for row in journal.rows), "visit")
    hours = journal.watched_h
    watched = f"{hours_text(hours)} h" if hours >= 1 or not hours else f"{hours * 60:.0f} min"
    said = [f"{total} in {watched} watched."]
    for row in journal.rows:
        if sentence := usual_sentence(row, journal):
            said.append(f"{row.species.name}: {sentence[:1].lower()}{sentence[1:]}")
            break
    return " ".join(said)


def hours_text(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 10 or hours == 0 else f"{hours:.1f}"


def rate_text(rate: float | None) -> str:
    """Two digits that count: ``0.7``, ``0.031``; a dash where nothing watched."""
    if rate is None:
        return "-"
    return "0" if not rate else f"{rate:.1f}" if rate >= 0.1 else f"{rate:.2g}"


def choose(journal: Journal, asked: Asked) -> list[Visit]:
    """The visits behind a cell, a row or all of a plot, newest first."""
    return [
        one
        for one in reversed(journal.visits)
        if (not asked.species or one.species.key == asked.species)
        and (asked.hour is None or one.hour == asked.hour)
        and (asked.night is None or one.night == asked.night)
    ]


def is_counting(here: Parts, cameras: Iterable[str], from_ms: int) -> bool:
    """Whether the hours watched of so long ago are still being counted, as for some minutes after an upgrade."""
    for camera_id in cameras:
        noted = rows.noted_span(here.store, camera_id)
        if noted is not None and noted[0] <= from_ms:
            continue
        first_ms = here.footage.began_ms(camera_id)
        if first_ms is not None and max(first_ms, from_ms) < (here.now_ms() - TAIL_MS if noted is None else noted[0]):
            return True
    return False


def night_text(night: date) -> str:
    """``the night of 3 March``: it begins that evening."""
    return f"the night of {night.day} {night:%B}"


def utc_iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")


def _hour(text: str | None) -> int | None:
    if not text:
        return None
    if text not in {str(one) for one in range(HOURS)}:
        raise Problem(422, "query.hour", "hour is 0 to 23.", field="hour")
    return int(text)


def _night(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Problem(
            422, "query.night", "A night is written as 2026-03-08, the day of its evening.", field="night"
        ) from error


def _page(text: str | None) -> int:
    if not text:
        return 1
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 6 and int(text) > 0):
        raise Problem(422, "query.page", "page is a number from 1 on.", field="page")
    return int(text)


def _one_of(args: Mapping[str, str], name: str, known: Iterable[str]) -> str:
    value = args.get(name) or ""
    if value and value not in known:
        raise Problem(422, f"query.{name}", f"{name} is one of {', '.join(known)}.", field=name)
    return value


def days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=step) for step in range((last - first).days + 1)]
