"""What stands above the list of events: one true sentence, the levels with their counts, and the days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

from vigilar.base.amounts import count_text
from vigilar.health.lines import CameraLine
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter
from vigilar.store.incident_counts import DayCount, NewStories, count_days, count_new, newest_story_ms
from vigilar.web.times import comes_twice, day_text, house_time
from vigilar.web.typed_time import day_range

NEW_FOR_MS = 24 * 3_600_000
"""What was not seen for longer is no news."""

STRIP_DAYS = 7
BAR_STEPS = 5


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, at what and when: ``limits`` are what the member may see, ``now_ms`` is UTC."""

    store: Store
    limits: EventFilter
    member_id: int
    now_ms: int
    zone: tzinfo

    @property
    def today(self) -> date:
        return house_time(self.now_ms, self.zone).date()


@dataclass(frozen=True, slots=True)
class DayMark:
    """A day of the strip or the calendar. ``bar``: 0 to 5, how busy beside the busiest of those shown; ``words`` is
    all of it for who does not see it. ``is_ahead``: still to come."""

    day: date
    name: str
    number: str
    words: str
    bar: int
    has_unseen: bool
    has_gap: bool
    is_today: bool
    is_chosen: bool
    is_ahead: bool
    is_outside: bool = False


@dataclass(frozen=True, slots=True)
class Month:
    """A month as weeks from Monday on, with the links to the ones beside it (``2026-10``); ``next`` empty: to come."""

    title: str
    weeks: list[list[DayMark]]
    previous: str
    next: str


def list_sentence(viewer: Viewer, cameras: Sequence[CameraLine]) -> str:
    """``12 new since 08:10. 2 matter. Shed has no picture.``"""
    new = count_new(viewer.store, viewer.limits, viewer.member_id, viewer.now_ms - NEW_FOR_MS)
    is_well = all(one.is_well for one in cameras)
    told = new_words(new, viewer.now_ms, viewer.zone) or _old_words(viewer, is_well=is_well)
    return " ".join((told, *camera_trouble(cameras)))


def _old_words(viewer: Viewer, *, is_well: bool) -> str:
    """Where nothing is new: peace is told only where nothing makes it doubtful."""
    newest = newest_story_ms(viewer.store, viewer.limits)
    if newest is None:
        return "Nothing has happened yet."
    last = f"Last event was {moment_words(newest, viewer.now_ms, viewer.zone)}."
    return f"Quiet, nothing new. {last}" if is_well else f"Nothing new. {last}"


def new_words(new: NewStories, now_ms: int, zone: tzinfo) -> str:
    """``12 new since 08:10. 2 matter.``; empty when there is none."""
    if not new.count:
        return ""
    since = f"{new.count} new since {moment_words(new.since_ms, now_ms, zone)}."
    return f"{since} {new.matter} {'matters' if new.matter == 1 else 'matter'}." if new.matter else since


def camera_trouble(cameras: Sequence[CameraLine]) -> list[str]:
    """A sentence for each thing that makes peace doubtful: where nothing is seen nothing happens."""
    if any(one.state == "unknown" for one in cameras):
        return ["How the cameras are is not known."]
    down = [one.name for one in cameras if not (one.has_picture or one.is_coming)]
    blind = [one.name for one in cameras if one.has_picture and not one.is_well]
    told = [f"{_and(down)} {'has' if len(down) == 1 else 'have'} no picture."] if down else []
    return told + ([f"{_and(blind)} {'is' if len(blind) == 1 else 'are'} not recorded."] if blind else [])


def moment_words(ms: int, now_ms: int, zone: tzinfo) -> str:
    """``08:10``, ``yesterday 22:14``, ``Monday 23 November 22:14``; with the zone where the clock shows it twice."""
    day = day_text(ms, now_ms, zone)
    clock = house_time(ms, zone).strftime("%H:%M %Z" if comes_twice(ms, zone) else "%H:%M")
    return clock if day == "Today" else f"{day.lower() if day == 'Yesterday' else day} {clock}"


def make_strip(viewer: Viewer, chosen: date | None) -> list[DayMark]:
    """The seven days up to today, or around the one that was chosen."""
    today = viewer.today
    last = today if chosen is None or (today - chosen).days < STRIP_DAYS else chosen + timedelta(days=STRIP_DAYS // 2)
    last = min(last, today)
    return _marks(viewer, [last - timedelta(days=back) for back in range(STRIP_DAYS - 1, -1, -1)], chosen)


def make_month(viewer: Viewer, first: date, chosen: date | None) -> Month:
    """The month that begins with ``first``."""
    after = (first + timedelta(days=31)).replace(day=1)
    begin = first - timedelta(days=first.weekday())
    end = after + timedelta(days=-after.weekday() % 7)
    marks = _marks(
        viewer, [begin + timedelta(days=number) for number in range((end - begin).days)], chosen, first.month
    )
    return Month(
        title=f"{first:%B} {first.year}",
        weeks=[marks[start : start + 7] for start in range(0, len(marks), 7)],
        previous=f"{first - timedelta(days=1):%Y-%m}",
        next=f"{after:%Y-%m}" if after <= viewer.today else "",
    )


def _marks(viewer: Viewer, days: list[date], chosen: date | None, month: int | None = None) -> list[DayMark]:
    today = viewer.today
    ranges = [day_range(day, viewer.zone) for day in days if day <= today]
    spans = [(one.from_ms, one.to_ms) for one in ranges]
    counts = count_days(viewer.store, viewer.limits, spans, viewer.member_id, viewer.now_ms)
    counts += [DayCount(0, has_unseen=False, has_gap=False)] * (len(days) - len(counts))
    most = max((one.events for one in counts), default=0)
    return [_mark(day, count, most, today, chosen, month) for day, count in zip(days, counts, strict=True)]


def _mark(day: date, count: DayCount, most: int, today: date, chosen: date | None, month: int | None) -> DayMark:
    told = [f"{day:%A} {day.day} {day:%B}", "no event" if not count.events else count_text(count.events, "event")]
    told += ["not all seen"] if count.has_unseen else []
    told += ["not all recorded"] if count.has_gap else []
    bar = 0 if not count.events else max(1, round(BAR_STEPS * count.events / most))
    return DayMark(
        day=day,
        name=f"{day:%a}",
        number=str(day.day),
        words=", ".join(told),
        bar=bar,
        has_unseen=count.has_unseen,
        has_gap=count.has_gap,
        is_today=day == today,
        is_chosen=day == chosen,
        is_ahead=day > today,
        is_outside=month is not None and day.month != month,
    )


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
