"""What the address of the list of events asks for: read, turned into conditions, and into the links that change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, tzinfo
from typing import Any, Self
from urllib.parse import urlencode

from vigilar.base.visit_kinds import KIND_WORDS
from vigilar.store.events import EventFilter
from vigilar.store.schema import SEVERITIES
from vigilar.store.story_query import ClockHours, StoryFilter
from vigilar.web.clock_stretches import clock_spans
from vigilar.web.plain_search import Names, Search, read_search
from vigilar.web.problems import Problem
from vigilar.web.said_times import ClockHours as AskedHours
from vigilar.web.times import parse_moment
from vigilar.web.typed_time import day_range, parse_day

LEVEL_GROUPS: Mapping[str, tuple[str, ...]] = {
    "alert": ("ALERT", "CRITICAL"),
    "notable": ("WARNING",),
    "background": ("INFO",),
}
"""The three chips. What is critical stands with the alerts: both must be looked at."""

PAGE_SIZE = 30

NO_TYPE = ("",)
"""A filter that no event meets."""

FROM_PUSH = "push"
"""``?from=push``: somebody comes from a notification. It says nothing of time."""


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The parameters of the address, checked. Empty texts and None: not asked. ``search`` is ``q`` as it was read."""

    q: str = ""
    camera: str = ""
    kind: str = ""
    type: str = ""
    level: str = ""
    severity: str = ""
    zone: str = ""
    day: date | None = None
    kept: bool = False
    unseen: bool = False
    from_ms: int | None = None
    to_ms: int | None = None
    cursor: str = ""
    search: Search = field(default=Search(""), compare=False)

    @classmethod
    def read(cls, args: Mapping[str, str], now_ms: int, zone: tzinfo, names: Names) -> Self:
        """Raises Problem 422 for what an address of ours never says."""
        if "sort" in args:
            raise Problem(422, "query.sort", "Events are always listed newest first.", field="sort")
        q = " ".join((args.get("q") or "")[:200].split())
        return cls(
            q=q,
            camera=args.get("camera") or "",
            kind=_one_of(args, "kind", KIND_WORDS),
            type=args.get("type") or "",
            level=_one_of(args, "level", LEVEL_GROUPS),
            severity=_one_of(args, "severity", SEVERITIES),
            zone=args.get("zone") or "",
            day=parse_day(args["day"]) if args.get("day") else None,
            kept=args.get("kept") == "1",
            unseen=args.get("unseen") == "1",
            from_ms=parse_moment(args["from"], "from") if args.get("from", FROM_PUSH) not in ("", FROM_PUSH) else None,
            to_ms=parse_moment(args["to"], "to") if args.get("to") else None,
            cursor=args.get("cursor") or "",
            search=read_search(q, now_ms, zone, names),
        )

    @property
    def is_filtered(self) -> bool:
        return replace(self, cursor="", search=Search("")) != ListQuery()

    @property
    def is_timed(self) -> bool:
        """Whether it asks for a span of time."""
        told = (self.day, self.from_ms, self.to_ms, self.search.from_ms, self.search.to_ms)
        return any(one is not None for one in told)

    def query(self, **changes: Any) -> str:
        """The end of an address that asks for this with these changes: ``?camera=drive``, or nothing. The page
        further down is not taken along."""
        values = {name: getattr(self, name) for name in _ASKED} | {"cursor": ""} | changes
        chosen = {_ASKED[name]: text for name, value in values.items() if (text := _text(value))}
        return f"?{urlencode(chosen)}" if chosen else ""

    def times(self, zone: tzinfo) -> tuple[int | None, int | None]:
        """The span of time in which all that it says of time holds, UTC ms."""
        day = day_range(self.day, zone) if self.day is not None else None
        lows = (self.from_ms, self.search.from_ms, day.from_ms if day else None)
        highs = (self.to_ms, self.search.to_ms, day.to_ms if day else None)
        return (
            max((one for one in lows if one is not None), default=None),
            min((one for one in highs if one is not None), default=None),
        )

    def filter(self, seen: EventFilter, member_id: int, now_ms: int, zone: tzinfo) -> StoryFilter:
        """The conditions, of what ``seen`` lets the member see."""
        from_ms, to_ms = self.times(zone)
        search, levels = self.search, self._levels()
        base = replace(
            seen,
            camera=self.camera or None,
            kind=self.kind or None,
            type=self.type or None,
            from_ms=from_ms,
            to_ms=to_ms,
            q=" ".join(search.words) or None,
            cursor=self.cursor or None,
            limit=PAGE_SIZE,
        )
        return StoryFilter(
            base=base,
            sources=search.sources,
            kinds=search.kinds,
            types=search.types if levels is not None else NO_TYPE,
            zones=(self.zone,) if self.zone else search.zones,
            levels=levels or (),
            kept=self.kept or search.kept,
            unseen_by=member_id if self.unseen or search.seen is False else None,
            seen_by=member_id if search.seen else None,
            unwanted=search.unwanted,
            left_out=search.left_out,
            left_out_hours=tuple(
                hours
                for one in search.left_out_hours
                for hours in _hours(one.hours, one.from_ms, one.to_ms, now_ms, zone)
            ),
            hours=_hours(search.hours, from_ms, to_ms, now_ms, zone)
            + tuple(
                hours for one in search.any_of for hours in _hours(one.hours, one.from_ms, one.to_ms, now_ms, zone)
            ),
        )

    def _levels(self) -> tuple[str, ...] | None:
        """Empty: any. None: what is asked for cannot be, such as background among the alerts."""
        asked = [set(one) for one in (LEVEL_GROUPS.get(self.level, ()), self.search.levels) if one]
        asked += [{self.severity}] if self.severity else []
        if not asked:
            return ()
        both = set.intersection(*asked)
        return tuple(level for level in SEVERITIES if level in both) or None


_ASKED = {one.name: one.name.removesuffix("_ms") for one in fields(ListQuery) if one.name != "search"}
"""The parameter of the address for each field."""


def _hours(
    hours: AskedHours | None, from_ms: int | None, to_ms: int | None, now_ms: int, zone: tzinfo
) -> tuple[ClockHours, ...]:
    if hours is None:
        return ()
    spans = clock_spans(from_ms or 0, now_ms + 1 if to_ms is None else to_ms, zone)
    return tuple(
        ClockHours(first, last, away, hours.after_ms, hours.before_ms, hours.weekdays) for first, last, away in spans
    )


def _one_of(args: Mapping[str, str], name: str, known: Any) -> str:
    value = args.get(name) or ""
    if value and value not in known:
        raise Problem(422, f"query.{name}", f"{name} is one of {', '.join(known)}.", field=name)
    return value


def _text(value: Any) -> str:
    if value is None or value is False:
        return ""
    return "1" if value is True else str(value)
