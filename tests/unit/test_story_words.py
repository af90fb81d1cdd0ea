"""The line of an incident: how places are called, what is named first, and what is left out."""

from __future__ import annotations

import pytest

from vigilar.base.story import Happening, Parts, best_still, cameras, count_all, dump_parts, kinds, parse_parts, worst
from vigilar.base.story_words import title_of

NOW = 1_770_000_000_000


def seen(
    name: str, kind: str = "person", at_s: int = 0, *, score: float = 0.9, still_id: int | None = None
) -> Happening:
    return Happening(
        type="motion",
        kind=kind,
        severity="INFO",
        source_id=name.casefold(),
        name=name,
        title=f"{kind}, {name}",
        ts_ms=NOW + at_s * 1000,
        is_camera=True,
        still_id=still_id,
        score=score,
    )


def told(type_: str, title: str, *, severity: str = "INFO", source_id: str = "house", at_s: int = 0) -> Happening:
    return Happening(
        type=type_, kind="", severity=severity, source_id=source_id, name="", title=title, ts_ms=NOW + at_s * 1000
    )


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("Front door", "at the front door"),
        ("Garden", "in the garden"),
        ("Back garden", "in the back garden"),
        ("living room", "in the living room"),
        ("Driveway", "on the driveway"),
        ("Haustür", "at Haustür"),
        ("Anna's garden", "at Anna's garden"),
        ("GARDEN", "at GARDEN"),
        ("Garden 2", "at Garden 2"),
        ("IPCAM-3 {x}", "at IPCAM-3 {x}"),
        ("Front", "at Front"),
    ],
)
def test_common_places_read_as_a_sentence_and_names_stay(name: str, where: str) -> None:
    assert title_of(count_all([seen(name)])) == f"Person {where}"


def test_many_places_are_counted() -> None:
    parts = count_all(seen(f"Cam {number}", at_s=number) for number in range(5))
    assert title_of(parts) == "Person at Cam 0, then Cam 1 and 3 more places"


def test_somebody_known_by_name_comes_first() -> None:
    parts = count_all([seen("Garden", "person"), seen("Garden", "anna", 5)])
    assert (title_of(parts), kinds(parts)) == ("Anna and person in the garden", ("anna", "person"))


def test_line_places_nobody_where_they_were_not_seen() -> None:
    parts = count_all([seen("Drive", "vehicle"), seen("Front door", at_s=9), seen("Garden", "motion", 12)])
    assert title_of(parts) == "Person at the front door"
    assert cameras(parts) == ("drive", "front door", "garden")


def test_places_of_hidden_cameras_are_in_no_line() -> None:
    parts = count_all([seen("Front door"), seen("Garden", at_s=9)])
    cut: Parts = tuple(part for part in parts if part.source_id == "garden")
    assert title_of(cut) == "Person in the garden"


def test_worst_leads_where_nobody_came() -> None:
    parts = count_all(
        [
            told("drive_away", "The drive for recordings is not there", severity="CRITICAL"),
            told("drive_back", "The drive for recordings is back", at_s=60),
        ]
    )
    assert title_of(parts) == "The drive for recordings is not there, then the drive for recordings is back"
    assert worst(parts) == "CRITICAL"


def test_event_without_a_title_still_has_a_line() -> None:
    assert title_of(count_all([told("ups_tested", "")])) == "Ups tested"


def test_surest_picture_of_what_matters_most_is_the_best() -> None:
    happened = [
        seen("Garden", "cat", score=0.99, still_id=1),
        seen("Garden", "person", 5, score=0.6, still_id=2),
        seen("Front door", "person", 6, score=0.8, still_id=3),
        seen("Front door", "person", 7, score=0.95),
    ]
    assert best_still(count_all(happened)) == 3
    assert best_still(count_all(reversed(happened))) == 3


def test_parts_are_stored_and_read_back() -> None:
    parts = count_all([seen("Haustür", still_id=4), told("alarm", 'Alarm: "x"', severity="CRITICAL")])
    assert parse_parts(dump_parts(parts)) == parts
