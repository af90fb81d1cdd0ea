"""What was perhaps meant by a search with a wrong letter."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from vigilar.web.meant_words import meant_text
from vigilar.web.plain_search import Names, read_search

NAMES = {"front": "Front door", "garden": "Garden", "cafe": "Caf\u00e9"}


def meant(text: str) -> str:
    search = read_search(text, 1_795_000_000_000, ZoneInfo("Europe/Berlin"), Names(NAMES))
    return meant_text(search, NAMES.values())


@pytest.mark.parametrize("text", ["gardn", "gaarden", "gatden", "gadren", "GARDEM", "arden", "ygarden", "gardens"])
def test_one_wrong_letter_is_put_right(text: str) -> None:
    assert meant(text) == "garden"


@pytest.mark.parametrize("text", ["grdn", "zeppelin", "ga", "cr", "g", "", "door", "gar den", "nedrag"])
def test_nothing_is_offered_for_what_is_not_near_or_is_known(text: str) -> None:
    assert meant(text) == ""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a person in the gadren, yestrday", "a person in the garden, yesterday"),
        ("persom frnot door", "person front door"),
        ("vehcile not garden", "vehicle not garden"),
        ("offlime", "offline"),
        ("resrtarted", "restarted"),
        ("caf\u00e8", "caf\u00e9"),
    ],
)
def test_the_rest_of_the_text_stays(text: str, wanted: str) -> None:
    assert meant(text) == wanted


def test_nobody_is_led_to_the_secret_alarm() -> None:
    assert meant("dures") == ""
