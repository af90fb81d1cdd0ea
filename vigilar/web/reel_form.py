"""The form of a reel: what it is filled with, and what it asks for. It works without script; with one its address says
all that is chosen, so that a reload keeps it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from vigilar.store.reels import LENGTHS_S, Params
from vigilar.web.form_times import FormTime, fill_time, parse_house_time
from vigilar.web.parts import Parts
from vigilar.web.problems import Problem
from vigilar.web.reel_words import STYLE_WORDS, days_before
from vigilar.web.reels import read_reel, read_timelapse

LAPSES = ("timelapse", "smart")
"""The styles that are of one camera."""

FIELDS = frozenset({"style", "cameras", "camera", "when", "from", "to", "length"})
"""What has a place for a sentence."""

WEEK_DAYS = 7
_FIELD_OF = {"length_s": "length"}


@dataclass(frozen=True, slots=True)
class ReelForm:
    """What the fields show. ``length`` is one of those that are offered, or ``own`` with the seconds in ``own``."""

    style: str
    cameras: Collection[str]
    camera: str
    when: str
    range: dict[str, FormTime]
    length: str
    own: str
    clock: bool
    without: tuple[str, ...]

    @property
    def is_lapse(self) -> bool:
        return self.style in LAPSES


def fill_form(here: Parts, sent: MultiDict[str, str]) -> ReelForm:
    """Of what was sent, or stands in the address; what is not said there is as at first."""
    yesterday_ms, today_ms = (days_before(here.now_ms(), here.zone, days) for days in (1, 0))
    length = sent.get("length", "60")
    return ReelForm(
        style=sent.get("style", "highlights"),
        cameras=sent.getlist("cameras"),
        camera=sent.get("camera", ""),
        when=sent.get("when", "range" if sent.get("from") and sent.get("to") else "yesterday"),
        range={
            "from": fill_time(sent.get("from", ""), sent.get("from_zone", ""), here.zone, "from", yesterday_ms),
            "to": fill_time(sent.get("to", ""), sent.get("to_zone", ""), here.zone, "to", today_ms),
        },
        length=length,
        own=sent.get("own", "90"),
        clock="clock" in sent or "style" not in sent,
        without=tuple(dict.fromkeys(one for one in sent.getlist("without") if one.isascii() and one.isdigit())),
    )


def read_form(here: Parts, form: ReelForm, sent: MultiDict[str, str]) -> Params:
    """What the form asks for. Raises Problem with the field that it is about: 422, and 404 for a camera that is not
    seen and a time without recordings."""
    if form.style not in STYLE_WORDS:
        raise Problem(422, "reel.style", "Choose one of those that are offered.", field="style")
    from_ms, to_ms = _range(here, form, sent)
    body: dict[str, Any] = {"from": str(from_ms), "to": str(to_ms), "length_s": _length_s(form), "clock": form.clock}
    try:
        if form.is_lapse:
            return read_timelapse({**body, "camera": form.camera, "smart": form.style == "smart"})
        cameras = list(form.cameras) or None
        return read_reel({**body, "cameras": cameras, "style": form.style, "without": list(form.without)})
    except Problem as problem:
        field = _FIELD_OF.get(problem.field, problem.field)
        problem.field = "when" if field in ("from", "to") and form.when != "range" else field
        raise


def _range(here: Parts, form: ReelForm, sent: MultiDict[str, str]) -> tuple[int, int]:
    now_ms = here.now_ms()
    today_ms = days_before(now_ms, here.zone, 0)
    if form.when == "yesterday":
        return days_before(now_ms, here.zone, 1), today_ms
    if form.when == "today":
        return today_ms, now_ms
    if form.when == "week":
        return days_before(now_ms, here.zone, WEEK_DAYS), today_ms
    if form.when != "range":
        raise Problem(422, "reel.when", "Choose one of those that are offered.", field="when")
    found = [
        parse_house_time(sent.get(field, ""), here.zone, field, sent.get(f"{field}_zone", ""))
        for field in ("from", "to")
    ]
    return found[0], found[1]


def _length_s(form: ReelForm) -> int:
    text = form.own.strip() if form.length == "own" else form.length
    least, most = LENGTHS_S
    if text.isascii() and text.isdigit() and least <= int(text[:9]) <= most:
        return int(text)
    raise Problem(422, "reel.length", f"A length is {least} seconds to {most // 60} minutes.", field="length")
