"""The journal of wild animals on pages and in the API: counts equal their lists, names in one tap, who sees what."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from vigilar.base.wildlife_rules import WildlifeRules
from vigilar.store import wildlife as rows
from vigilar.store.events import EventFilter, StoredEvent, get_event, name_event, update_event
from vigilar.web.times import house_time

PAGE = {"Accept": "text/html"}
HOUR_MS, DAY_MS = 3_600_000, 86_400_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.member("owner", name="ada")


def night_ms(house: House, nights_ago: int, hour: float) -> int:
    """A moment of a night that is over: hours of 12 to 36, counted from the midnight before its evening."""
    now = house_time(house.now_ms(), house.parts.zone)
    evening = (now - timedelta(days=nights_ago + 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    at = evening + timedelta(hours=hour)
    return int(at.timestamp() * 1000)


def visit(house: House, ts_ms: int, kind: str = "animal", camera_id: str = "garden") -> StoredEvent:
    title = f"{kind.capitalize()}, {dict(house_names())[camera_id]}"
    return house.event(camera_id=camera_id, ts_ms=ts_ms, what=kind, title=title)


def house_names() -> tuple[tuple[str, str], ...]:
    return (("front-door", "Front door"), ("garden", "Garden"), ("drive", "Drive"), ("shed", "Shed"))


def name_it(client: FlaskClient, event: StoredEvent, **body: str) -> dict[str, Any]:
    answer = client.put(f"/api/v1/events/{event.id}/species", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def test_numbers_of_cells_are_those_of_their_lists(house: House, owner: FlaskClient) -> None:
    for nights_ago, hour, key in [
        (1, 23.5, "fox"),
        (1, 24.5, "fox"),
        (2, 23.2, "fox"),
        (3, 21, "hedgehog"),
        (2, 33, ""),
    ]:
        event = visit(house, night_ms(house, nights_ago, hour))
        if key:
            name_it(owner, event, species=key)
    rows.add_hours(house.store, "garden", {night_ms(house, 1, 23) // HOUR_MS * HOUR_MS: HOUR_MS})
    page = owner.get("/wildlife", headers=PAGE).text
    cells = re.findall(r'<a class="c t\d" href="([^"]+)"[^>]*>.*?<text[^>]*>(\d+)</text></a>', page)
    assert sorted(int(count) for _, count in cells) == [1, 1, 1, 2]
    for link, count in cells:
        listed = owner.get(link.replace("&amp;", "&"), headers=PAGE).text
        assert f'id="count">{count} visit' in listed
        assert listed.count('class="visit-picture"') == int(count)
    told = owner.get("/api/v1/wildlife").get_json()
    assert {one["species"]: (one["visits"], one["hours"][23], one["hours"][0]) for one in told["species"]} == {
        "fox": (3, 2, 1),
        "hedgehog": (1, 0, 0),
        "animal": (1, 0, 0),
    }
    night = house_time(night_ms(house, 1, 12), house.parts.zone).date()
    assert 'id="count">2 visits' in owner.get(f"/wildlife/visits?night={night}", headers=PAGE).text


def test_name_is_given_and_taken_back_by_one_tap_with_history(house: House, owner: FlaskClient) -> None:
    event = visit(house, night_ms(house, 0, 23))
    answer = owner.post(f"/events/{event.id}/species", data={"species": "fox"}, headers=PAGE)
    assert answer.status_code == 303
    page = owner.get(answer.location, headers=PAGE).text
    assert "<b>Fox</b>" in page
    assert "Predator" in page
    named = get_event(house.store, event.id)
    assert named is not None
    assert (named.payload["title"], named.kind, named.change > event.change) == ("Fox, Garden", "animal", True)
    act = re.search(r'name="act" value="(\w+)"', page)
    assert act is not None
    assert owner.post("/wildlife/undo", data={"act": act[1]}, headers=PAGE).status_code == 303
    back = get_event(house.store, event.id)
    assert back is not None
    assert (back.payload, back.kind) == (event.payload, event.kind)
    assert [(one.species, one.by_name, one.is_current) for one in rows.history(house.store, event.id)] == [
        ("", "ada", False),
        ("fox", "ada", False),
    ]
    assert owner.post("/wildlife/undo", data={"act": act[1]}, headers=PAGE).status_code == 409


def test_kind_is_corrected_by_the_same_tap(house: House, owner: FlaskClient) -> None:
    wrong, bird, cat = (
        visit(house, night_ms(house, 0, 20 + n), kind) for n, kind in enumerate(("animal", "animal", "cat"))
    )
    assert [one["species"] for one in owner.get("/api/v1/wildlife").get_json()["species"]] == ["animal"]
    assert name_it(owner, wrong, species="none")["kind"] == "motion"
    assert name_it(owner, bird, species="bird")["title"] == "Bird, Garden"
    assert name_it(owner, cat, species="neighbours-cat")["kind"] == "cat"
    told = owner.get("/api/v1/wildlife").get_json()
    assert {one["species"]: one["tier"] for one in told["species"]} == {"neighbours-cat": "nuisance", "bird": None}
    assert owner.delete(f"/api/v1/events/{wrong.id}/species").status_code == 204
    found = get_event(house.store, wrong.id)
    assert found is not None
    assert (found.kind, found.payload) == ("animal", wrong.payload)


def test_word_of_a_person_outlives_what_cameras_say_later(house: House, owner: FlaskClient) -> None:
    event = visit(house, night_ms(house, 0, 23))
    name_it(owner, event, species="badger")
    ended = update_event(house.store, event, end_ms=event.ts_ms + 20_000, payload={**event.payload, "is_open": False})
    assert ended is not None
    later = name_event(
        house.store,
        event.id,
        kind="dog",
        label_score=0.9,
        still_id=None,
        payload={**event.payload, "title": "Dog, Garden"},
    )
    found = later or get_event(house.store, event.id)
    assert found is not None
    assert (found.kind, found.payload["title"], found.end_ms) == ("animal", "Badger, Garden", event.ts_ms + 20_000)


def test_visits_alike_are_shown_before_they_are_named(house: House, owner: FlaskClient) -> None:
    first, second, third = (visit(house, night_ms(house, 1, hour)) for hour in (21, 23.5, 25))
    others = [visit(house, night_ms(house, 3, 22)), visit(house, night_ms(house, 1, 22), camera_id="drive")]
    told = name_it(owner, first, species="fox")
    assert told["alike"] == [second.id, third.id]
    assert [one["visits"] for one in owner.get("/api/v1/wildlife").get_json()["species"]] == [1, 4]
    page = owner.get(f"/events/{first.id}", headers=PAGE).text
    assert "2 more like this were seen here that night" in page
    form = {"species": "fox", "only_also": "1", "also": [str(second.id)]}
    assert owner.post(f"/events/{first.id}/species", data=form, headers=PAGE).status_code == 303
    saids = {one.event_id: one.said for one in rows.list_sightings(house.store, EventFilter(), None, house.now_ms())}
    assert saids == {first.id: "fox", second.id: "fox", third.id: "", **{one.id: "" for one in others}}


def test_household_adds_a_species_with_its_tier(house: House, owner: FlaskClient) -> None:
    event = visit(house, night_ms(house, 0, 23))
    told = name_it(owner, event, name="Pine  marten", tier="predator")
    assert (told["species"], told["title"]) == ("own-pine-marten", "Pine marten, Garden")
    assert (
        name_it(owner, visit(house, night_ms(house, 1, 23)), name="pine marten", tier="passive")["species"]
        == "own-pine-marten"
    )
    assert "Pine marten" in owner.get(f"/events/{event.id}", headers=PAGE).text
    assert owner.get("/wildlife/own-pine-marten", headers=PAGE).status_code == 200
    for body in ({"name": "", "tier": "predator"}, {"name": "x", "tier": "sweet"}, {"species": "dragon"}, {}):
        assert owner.put(f"/api/v1/events/{event.id}/species", json=body).status_code == 422


def test_person_is_never_made_an_animal(house: House, owner: FlaskClient) -> None:
    event = house.event(what="person", title="Person, Front door")
    assert owner.put(f"/api/v1/events/{event.id}/species", json={"species": "fox"}).status_code == 422
    assert "What was it?" not in owner.get(f"/events/{event.id}", headers=PAGE).text


def test_member_sees_the_animals_of_own_cameras_alone(house: House, owner: FlaskClient) -> None:
    name_it(owner, visit(house, night_ms(house, 0, 23), camera_id="shed"), species="fox")
    hidden = visit(house, night_ms(house, 0, 22), camera_id="shed")
    name_it(owner, visit(house, night_ms(house, 1, 23)), species="hedgehog")
    child = house.member("child", cameras=["garden"])
    told = child.get("/api/v1/wildlife").get_json()
    assert [one["species"] for one in told["species"]] == ["hedgehog"]
    for path in ("/wildlife", "/wildlife/visits", "/wildlife.csv?what=visits"):
        text = child.get(path, headers=PAGE).text
        assert "Hedgehog" in text
        assert "fox" not in text.replace("/fox", "").lower() or path == "/wildlife/visits"
    assert child.get("/wildlife?camera=shed", headers=PAGE).status_code == 404
    assert child.get("/wildlife/fox", headers=PAGE).text.count("Not seen yet.") == 1
    assert child.put(f"/api/v1/events/{hidden.id}/species", json={"species": "fox"}).status_code == 403


def test_empty_journal_says_how_long_it_was_watched(house: House, owner: FlaskClient) -> None:
    hour = house.now_ms() // HOUR_MS * HOUR_MS
    rows.add_hours(house.store, "garden", {hour - n * HOUR_MS: HOUR_MS for n in range(1, 215)})
    assert "None in 30 days; 214 h watched." in owner.get("/wildlife", headers=PAGE).text


def test_place_of_the_house_brings_the_sun(house: House, owner: FlaskClient) -> None:
    visit(house, night_ms(house, 0, 23))
    without = owner.get("/wildlife", headers=PAGE).text
    assert "<code>latitude</code>" in without
    assert "sunrise" not in without.replace("sunrise and sunset", "")
    house.parts.cfg = replace(house.parts.cfg, wildlife=WildlifeRules(place=(52.52, 13.4)))
    page = owner.get("/wildlife", headers=PAGE).text
    assert re.search(r"sunrise \d\d:\d\d", page)
    assert re.search(r"sunset \d\d:\d\d", page)


def test_news_stand_on_top(house: House, owner: FlaskClient) -> None:
    old = house.now_ms() - 40 * DAY_MS
    name_it(owner, visit(house, old), species="fox")
    name_it(owner, visit(house, house.now_ms() - HOUR_MS), species="fox")
    page = owner.get("/wildlife", headers=PAGE).text
    sentence = re.search(r'class="sentence big">(.+?)</p>', page)
    assert sentence is not None
    assert re.fullmatch(r"Fox .*at \d\d:\d\d, first (in (39|40) days|this year)\.", sentence[1])


def test_csv_has_each_hour_and_no_formula(house: House, owner: FlaskClient) -> None:
    name_it(owner, visit(house, night_ms(house, 0, 23)), name="=1+1", tier="passive")
    lines = list(csv.DictReader(io.StringIO(owner.get("/wildlife.csv").text)))
    assert [int(one["hour"]) for one in lines] == list(range(24))
    assert (lines[23]["visits"], lines[0]["name"]) == ("1", "'=1+1")
    visits = list(csv.DictReader(io.StringIO(owner.get("/wildlife.csv?what=visits").text)))
    assert [one["camera"] for one in visits] == ["garden"]


@pytest.mark.parametrize("query", ["days=8", "hour=24", "night=yesterday", "view=circle", "page=0"])
def test_address_of_none_of_ours_is_refused(house: House, owner: FlaskClient, query: str) -> None:
    assert owner.get(f"/wildlife/visits?{query}").status_code == 422


@pytest.mark.parametrize("which", [0, 1])
def test_best_picture_is_that_of_a_visit_somebody_keeps(house: House, owner: FlaskClient, which: int) -> None:
    visits = [
        house.event(camera_id="garden", ts_ms=house.now_ms() - ago * HOUR_MS, what="animal",
                    title="Animal, Garden", still_id=house.still("garden", b"\xff\xd8\xff"))
        for ago in (3, 2)
    ]  # fmt: skip
    owner.post(f"/events/{visits[which].id}/keep", data={"kept": "1"})
    page = owner.get("/wildlife/animal", headers=PAGE).text
    assert f'<a class="best" href="/events/{visits[which].id}">' in page
