"""The phones that a member may change, and what is said of each on the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from flask import request

from vigilar.store import phones as phone_rows
from vigilar.store.phones import PhoneRow
from vigilar.web.auth import asker
from vigilar.web.own_logins import device_words
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right
from vigilar.web.times import clock_text, day_text
from vigilar.web.transport import is_secure, secure_address

PAGE = "/settings/notifications"

_DONE = {
    "added": "This device is told from now on. Try it with Test.",
    "tested": "A test is on its way. Look at the phone.",
    "renamed": "It has a new name.",
    "removed": "It is not told of anything any more.",
}


@dataclass(frozen=True, slots=True)
class PhoneLine:
    """A phone on the page. ``mark`` is ``ok``, ``bad`` or ``unknown``: the symbol beside the ``sentence``."""

    id: int
    name: str
    whose: str
    device: str
    mark: str
    sentence: str


@dataclass(frozen=True, slots=True)
class PhonePart:
    """The part of the page: ``done`` is what came of the last button, empty for nothing."""

    lines: list[PhoneLine]
    done: str
    is_secure: bool
    secure_link: str


def phone_part() -> PhonePart:
    """For ``phones.html``."""
    done = _DONE.get(request.args.get("phone", ""), "")
    return PhonePart(phone_lines(), done, is_secure(), secure_address(PAGE))


def visible_phones() -> list[PhoneRow]:
    """One's own; an owner sees those of all."""
    me = asker()
    return phone_rows.list_phones(parts().store, None if me.may(Right.MANAGE_HOUSEHOLD) else me.id)


def get_phone(phone_id: int) -> PhoneRow:
    """Raises Problem 404 for one that the asker may not change."""
    for one in visible_phones():
        if one.id == phone_id:
            return one
    raise Problem(404, "push.unknown", "There is no such phone.")


def phone_lines() -> list[PhoneLine]:
    """The asker's own first."""
    here, me = parts(), asker()
    found = sorted(visible_phones(), key=lambda one: (one.user_id != me.id, one.user_name, one.id))
    return [_line(one, "" if one.user_id == me.id else one.user_name, here.now_ms(), here.zone) for one in found]


def _line(one: PhoneRow, whose: str, now_ms: int, zone: tzinfo) -> PhoneLine:
    mark, sentence = _state(one, now_ms, zone)
    return PhoneLine(one.id, one.name, whose, device_words(one.user_agent), mark, sentence)


def _state(one: PhoneRow, now_ms: int, zone: tzinfo) -> tuple[str, str]:
    if one.state != "ok":
        return "bad", one.sentence
    if one.shown_ms is not None and one.shown_ms >= (one.accepted_ms or 0):
        delay = "" if one.delay_ms is None else f" after {delay_text(one.delay_ms)}"
        return "ok", f"Works: showed its last push {when_text(one.shown_ms, now_ms, zone)}{delay}."
    if one.accepted_ms is not None:
        shown = "It has never said that it showed one."
        if one.shown_ms is not None:
            shown = f"The last one it showed was {when_text(one.shown_ms, now_ms, zone)}."
        return "unknown", f"Its push service took a push {when_text(one.accepted_ms, now_ms, zone)}. {shown}"
    return "unknown", "Nothing was sent to it yet. Try it with Test."


def delay_text(delay_ms: int) -> str:
    """``0.9 s``, ``12 s``, ``3 h``."""
    seconds = max(0, delay_ms) / 1000
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def when_text(ms: int, now_ms: int, zone: tzinfo) -> str:
    """``at 14:02``, ``yesterday at 14:02``."""
    day, clock = day_text(ms, now_ms, zone), clock_text(ms, zone)
    return f"at {clock}" if day == "Today" else f"{day[0].lower() + day[1:] if day == 'Yesterday' else day} at {clock}"
