"""The reels that are made by themselves: what the settings say, and what a form makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vigilar.base.errors import ConfigError
from vigilar.config.film_models import OFF
from vigilar.config.guard_edit import Path, Wanted
from vigilar.config.guard_models import dump_clock
from vigilar.config.load import load_config
from vigilar.web.auth import asker
from vigilar.web.guard_form import Form, seconds
from vigilar.web.parts import Parts
from vigilar.web.rights import Right
from vigilar.web.settings_file import places_of
from vigilar.web.times import house_time

PATH = "/settings/reels"
SECTIONS = {"reels": "the daily reel", "timelapse": "the daily time-lapse"}
"""The tables of the file, each a form of the page, and what a change of one is called."""

USUAL_MIN = 6 * 60 + 30
"""When it is made unless somebody says otherwise, in minutes of the day."""


@dataclass(frozen=True, slots=True)
class DailyLine:
    """What a page says of the daily reel, ``first`` where there is none yet. ``link``: where it is changed, for who
    may."""

    words: str
    first: str
    is_on: bool
    link: str


def daily_line(here: Parts) -> DailyLine:
    """A file that cannot be read says nothing of it here: the page of the system does."""
    link = PATH if asker().may(Right.CHANGE_CAMERAS) else ""
    try:
        daily_min = load_config(places_of(here)).reels.daily_min
    except ConfigError:
        return DailyLine("", "", is_on=False, link="")
    if daily_min == OFF:
        words = "No reel is made by itself."
        return DailyLine(words, words, is_on=False, link=link)
    daily = dump_clock(daily_min)
    is_to_come = f"{house_time(here.now_ms(), here.zone):%H:%M}" < daily
    first = f"Your first is made {'today' if is_to_come else 'tomorrow'} at {daily}."
    return DailyLine(f"Every day at {daily} a reel of the day before is made.", first, is_on=True, link=link)


def reel_keys(form: Form, section: str) -> Mapping[Path, Wanted]:
    """The keys of a section of the form."""
    keys: dict[Path, Wanted] = {
        (section, "daily"): form.get("daily", "") if form.get("on") == "1" else "off",
        (section, "length"): seconds(form, "length"),
    }
    if section == "timelapse":
        keys[section, "cameras"] = form.getlist("cameras") or None
        keys[section, "smart"] = form.get("smart") == "1"
    return keys
