"""Times of a form: a ``datetime-local`` holds the house's clock without a zone, which in autumn shows an hour twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from vigilar.web.problems import Problem
from vigilar.web.times import comes_twice, house_time, parse_moment

_YEARS = range(1970, 9999)
"""In these every time of any zone has a UTC millisecond."""


@dataclass(frozen=True, slots=True)
class FormTime:
    """What a field is filled with. ``zones`` are the names by which the two are told apart where the clock shows the
    time twice, else none; ``zone`` is the chosen one, or empty."""

    text: str
    zone: str = ""
    zones: tuple[str, ...] = ()


def moments_of(local: datetime, zone: tzinfo) -> list[int]:
    """UTC ms at which the house's clock shows ``local``, which has no zone: one, two in the hour that comes twice, none
    in the one that is left out."""
    both = [local.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    return sorted({int(one.timestamp() * 1000) for one in both if _is_there(one, zone)})


def zone_name(ms: int, zone: tzinfo) -> str:
    """``CEST``, as the house's clock has it at that moment."""
    return house_time(ms, zone).tzname() or ""


def parse_house_time(text: str, zone: tzinfo, field: str, which: str = "") -> int:
    """UTC milliseconds of what a form's ``datetime-local`` sends. ``which`` is the name of the zone that was chosen for
    a time that the clock shows twice; without it such a time is asked back. Raises Problem."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        moment = None
    if moment is None or moment.year not in _YEARS:
        raise Problem(422, "time.form", "Say a day and a time, such as 2026-11-28 07:30:05.", field=field)
    if moment.tzinfo is not None:
        return max(0, int(moment.timestamp() * 1000))
    found = moments_of(moment, zone)
    if not found:
        raise skipped(moment, field)
    chosen = [ms for ms in found if zone_name(ms, zone) == which] if len(found) > 1 else found
    if not chosen:
        names = " or ".join(zone_name(ms, zone) for ms in found)
        raise Problem(422, "time.twice", f"This night the clock shows {moment:%H:%M} twice. Say {names}.", field=field)
    return max(0, chosen[0])


def skipped(moment: datetime, field: str) -> Problem:
    """For a time that no clock showed."""
    said = f"The clocks went forward that day: there was no {moment:%H:%M}."
    return Problem(422, "time.skipped", said, field=field)


def fill_time(text: str, which: str, zone: tzinfo, field: str, default_ms: int) -> FormTime:
    """What the field shows of ``text``: as a form or a link says it, with or without a zone, or UTC milliseconds."""
    try:
        ms = parse_moment(text, field) if text else default_ms
    except Problem:
        return _as_typed(text, which, zone)
    shown = house_time(ms, zone).strftime("%Y-%m-%dT%H:%M:%S")
    return _as_typed(shown, zone_name(ms, zone), zone) if comes_twice(ms, zone) else FormTime(shown)


def _as_typed(text: str, which: str, zone: tzinfo) -> FormTime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return FormTime(text)
    found = moments_of(moment, zone) if moment.tzinfo is None and moment.year in _YEARS else []
    return FormTime(text, which, tuple(zone_name(ms, zone) for ms in found) if len(found) > 1 else ())


def _is_there(moment: datetime, zone: tzinfo) -> bool:
    """Whether the house's clock ever showed it: in spring it leaves an hour out."""
    return moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) == moment.replace(tzinfo=None, fold=0)
