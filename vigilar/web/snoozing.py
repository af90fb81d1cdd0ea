"""Snoozing from a page, a push or a program: who may, and until when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from typing import Any

from vigilar.base.day_spans import house_day, moment_ms
from vigilar.rules.situation import snoozes_in_force
from vigilar.rules.words import clock_at
from vigilar.store import snoozes
from vigilar.store.snoozes import LONGEST_MS, NewSnooze, Snooze
from vigilar.web.deeds import note_deed
from vigilar.web.parts import Parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Member, Right
from vigilar.web.settings_file import check_disarmed
from vigilar.web.visible import visible_cameras

MINUTE_MS = 60_000
MOST_QUIET_MINUTES = 120

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SnoozeWish:
    """What is asked for: exactly one of ``minutes``, ``until`` (a time of the house's clock) and ``quiet_minutes``."""

    camera_id: str | None = None
    minutes: int | None = None
    until: str = ""
    quiet_minutes: int | None = None
    for_all: bool = False


def snooze_by_asker(here: Parts, me: Member, wish: SnoozeWish) -> Snooze:
    """Store it. Raises Problem: 422 for what is not right, 403 and 409 for one for everybody that may not be."""
    if wish.camera_id is not None:
        visible_cameras(me).get(wish.camera_id)
    if wish.for_all:
        _check_may_for_all(here, me)
    now_ms = here.now_ms()
    new = NewSnooze(
        user_id=None if wish.for_all else me.id,
        camera_id=wish.camera_id,
        made_by=me.name,
        start_ms=now_ms,
        until_ms=_end_ms(here, wish, now_ms),
        quiet_ms=(wish.quiet_minutes or 0) * MINUTE_MS,
    )
    made = snoozes.add_snooze(here.store, new)
    if wish.for_all:
        note_deed("snoozed_all", subject=f"camera:{wish.camera_id}" if wish.camera_id else "")
    return made


def end_by_asker(here: Parts, me: Member, snooze_id: int) -> None:
    """End one now. Raises Problem 404 for one that is not the asker's to end."""
    found = snoozes.find_snooze(here.store, snooze_id)
    mine = found is not None and found.user_id == me.id
    if not mine and not (found is not None and found.user_id is None and me.may(Right.CHANGE_ARMING)):
        raise Problem(404, "snooze.unknown", "There is no such snooze.")
    snoozes.end_snooze(here.store, snooze_id, here.now_ms())


def visible_snoozes(here: Parts, me: Member) -> list[Snooze]:
    """Those in force that the asker is under; of a camera that the asker does not see none is told."""
    return [
        one
        for one in snoozes_in_force(here.store, here.now_ms())
        if one.user_id in (None, me.id) and (one.camera_id is None or me.sees(one.camera_id))
    ]


def snooze_json(one: Snooze, zone: tzinfo) -> dict[str, Any]:
    return {
        "id": one.id,
        "camera": one.camera_id,
        "for_all": one.user_id is None,
        "by": one.made_by,
        "start_ts": one.start_ms,
        "until_ts": one.until_ms,
        "until": clock_at(one.until_ms, zone),
        "quiet_minutes": one.quiet_ms // MINUTE_MS or None,
    }


def _check_may_for_all(here: Parts, me: Member) -> None:
    if not me.may(Right.CHANGE_ARMING):
        raise Problem(403, "right.missing", "Only an owner snoozes for everybody.", field="for_all")
    check_disarmed(here)


def _end_ms(here: Parts, wish: SnoozeWish, now_ms: int) -> int:
    given = [wish.minutes is not None, bool(wish.until), wish.quiet_minutes is not None]
    if sum(given) != 1:
        raise Problem(422, "snooze.end", "Say how long: minutes, until or quiet_minutes.", field="minutes")
    if wish.minutes is not None:
        if not 1 <= wish.minutes <= LONGEST_MS // MINUTE_MS:
            raise Problem(422, "snooze.end", "A snooze ends within twelve hours: 1 to 720 minutes.", field="minutes")
        return now_ms + wish.minutes * MINUTE_MS
    if wish.quiet_minutes is not None:
        if not 1 <= wish.quiet_minutes <= MOST_QUIET_MINUTES:
            said = f"Wait for 1 to {MOST_QUIET_MINUTES} minutes of quiet."
            raise Problem(422, "snooze.end", said, field="quiet_minutes")
        return now_ms + LONGEST_MS
    return _clock_ms(here, wish.until, now_ms)


def _clock_ms(here: Parts, text: str, now_ms: int) -> int:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise Problem(422, "snooze.end", "Say a time of day, such as 07:00.", field="until")
    minutes, today = int(found[1]) * 60 + int(found[2]), house_day(now_ms, here.zone)
    for day in (today, today + timedelta(days=1)):
        at_ms = moment_ms(day, minutes, here.zone)
        if now_ms < at_ms <= now_ms + LONGEST_MS:
            return at_ms
    raise Problem(422, "snooze.end", f"A snooze ends within twelve hours, and {text} is later.", field="until")
