"""Pages and API of pets: who it was in one tap with a way back, who sees what, who may say it, nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from tests.pet_kit import COATS, draw, jpeg_of, look_at
from vigilar.store import pets as rows
from vigilar.store.events import StoredEvent
from vigilar.web.camera_book import CameraBook
from vigilar.web.pet_words import dump_not_seen, parse_not_seen

PAGE = {"Accept": "text/html"}
HOUR = 3_600_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.member("owner", name="ada")


def cat(house: House, camera: str = "garden", *, ago_ms: int = HOUR, kind: str = "cat") -> StoredEvent:
    """A cat was there, with a picture that says enough."""
    picture, box = draw(COATS["orange"], np.random.default_rng(ago_ms))
    event = house.event(
        camera_id=camera, ts_ms=house.now_ms() - ago_ms, what=kind, still_id=house.still(camera, jpeg_of(picture)),
        title=f"Cat, {camera.capitalize()}",
    )  # fmt: skip
    found = look_at(picture, box)
    assert found is not None
    rows.put_look(house.store, event.id, found.dump(), house.now_ms())
    return event


def add(client: FlaskClient, name: str = "Milo", **more: object) -> int:
    answer = client.post("/api/v1/pets", json={"name": name, "kind": "cat", **more})
    assert answer.status_code == 201, answer.text
    return int(answer.get_json()["id"])


def say(client: FlaskClient, event: StoredEvent, verdict: str, **more: object) -> dict[str, object]:
    answer = client.post(f"/api/v1/events/{event.id}/pet", json={"verdict": verdict, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.get_json()
    return found


def test_empty_page_says_how_to_begin(owner: FlaskClient) -> None:
    page = owner.get("/pets", headers=PAGE).get_data(as_text=True)
    assert "Add a pet by tapping any cat or dog event" in page
    assert 'href="/pets"' in page
    assert 'data-key="a"' in page


def test_new_pet_of_an_event_is_seen_in_it(house: House, owner: FlaskClient) -> None:
    event = cat(house)
    pet = add(owner, event=event.id)
    (found,) = owner.get("/api/v1/pets").get_json()["pets"]
    assert (found["id"], found["name"], found["kind"], found["pictures"]) == (pet, "Milo", "cat", 1)
    assert found["last_seen"] == {"ts": event.ts_ms, "camera": "garden", "event": event.id}
    page = owner.get(f"/events/{event.id}", headers=PAGE).get_data(as_text=True)
    assert f'<a href="/pets/{pet}">Milo</a>' in page
    assert "Not Milo" in page


def test_each_answer_is_taken_back_to_what_was_before(house: House, owner: FlaskClient) -> None:
    event, milo, luna = cat(house), add(owner), add(owner, "Luna")
    before = [say(owner, event, "yes", pet=milo), say(owner, event, "yes", pet=luna), say(owner, event, "none")]
    assert [one["before"] for one in before] == ["", f"yes:{milo}", f"yes:{luna}"]
    assert say(owner, event, "no", pet=milo)["before"] == "none"
    assert say(owner, event, "undo", to="none")["pet"] is None
    assert say(owner, event, "undo", to=f"yes:{luna}")["pet"] == {"id": luna, "name": "Luna"}
    assert say(owner, event, "clear")["pet"] is None


def test_form_without_script_offers_the_way_back(house: House, owner: FlaskClient) -> None:
    event, milo = cat(house), add(owner)
    answer = owner.post(f"/events/{event.id}/pet", data={"say": f"yes:{milo}"}, headers=PAGE, follow_redirects=True)
    page = answer.get_data(as_text=True)
    assert "as somebody said" in page
    assert 'name="to" value=""' in page
    answer = owner.post(f"/events/{event.id}/pet", data={"say": "undo", "to": "", "from": "pets"}, headers=PAGE)
    assert answer.headers["Location"].startswith("/pets?")
    assert rows.find_sighting(house.store, event.id) is None


def test_picture_is_asked_for_until_somebody_answers(house: House, owner: FlaskClient) -> None:
    event, milo = cat(house), add(owner)
    assert "1 to answer" in owner.get("/pets", headers=PAGE).get_data(as_text=True)
    say(owner, event, "unsure")
    assert "to answer" not in owner.get("/pets", headers=PAGE).get_data(as_text=True)
    say(owner, event, "no", pet=milo)
    assert "1 to answer" in owner.get("/pets", headers=PAGE).get_data(as_text=True), "who else was it?"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"verdict": "maybe"}, "pet.verdict"),
        ({"verdict": "yes"}, "pet.unknown"),
        ({"verdict": "yes", "pet": 99}, "pet.unknown"),
        ({"verdict": "undo", "to": "yes:1,yes:1"}, "pet.undo"),
        ({"verdict": "undo", "to": "x" * 500}, "pet.undo"),
    ],
)
def test_nonsense_is_refused(house: House, owner: FlaskClient, body: dict[str, object], code: str) -> None:
    event, _ = cat(house), add(owner)
    answer = owner.post(f"/api/v1/events/{event.id}/pet", json=body)
    assert (answer.status_code, answer.get_json()["type"].rpartition("/")[2].rpartition(":")[2]) == (422, code)


def test_only_cats_and_dogs_are_pets_of_their_kind(house: House, owner: FlaskClient) -> None:
    person = house.event(what="person")
    milo = add(owner)
    assert owner.post(f"/api/v1/events/{person.id}/pet", json={"verdict": "none"}).status_code == 422
    dog = cat(house, kind="dog")
    assert owner.post(f"/api/v1/events/{dog.id}/pet", json={"verdict": "yes", "pet": milo}).status_code == 422


def test_names_are_unlike_and_lengths_are_checked(owner: FlaskClient) -> None:
    milo = add(owner, "Mïlo")
    assert owner.post("/api/v1/pets", json={"name": "milo", "kind": "cat"}).status_code == 409
    for wrong in ({"name": " "}, {"name": "x" * 41}, {"not_seen_for": "soon"}, {"not_seen_for": "1m"}):
        assert owner.patch(f"/api/v1/pets/{milo}", json=wrong).status_code == 422, wrong
    changed = owner.patch(f"/api/v1/pets/{milo}", json={"indoor_only": True, "not_seen_for": "6h"}).get_json()
    assert (changed["name"], changed["indoor_only"], changed["not_seen_for"]) == ("Mïlo", True, "6h")
    assert owner.patch("/api/v1/pets/99", json={"name": "Tom"}).status_code == 404


def test_lengths_are_read_as_they_are_written() -> None:
    for text in ("none", "90m", "6h", "24h", "2d"):
        assert dump_not_seen(parse_not_seen(text)) == text


def test_settings_of_a_pet_without_script(house: House, owner: FlaskClient) -> None:
    event = cat(house)
    milo = add(owner, event=event.id)
    answer = owner.post(f"/pets/{milo}", data={"name": "", "not_seen_for": "6h"}, headers=PAGE)
    assert answer.status_code == 422
    owner.post(f"/pets/{milo}", data={"name": "Tom", "indoor_only": "on", "not_seen_for": "12h"}, headers=PAGE)
    page = owner.get(f"/pets/{milo}", headers=PAGE).get_data(as_text=True)
    assert "Tom last seen" in page
    assert '<option value="12h" selected>' in page
    assert f"/events/{event.id}/still.jpg" in page
    assert owner.post(f"/pets/{milo}/delete", headers=PAGE).status_code == 422, "it cannot be undone"
    assert owner.post(f"/pets/{milo}/delete", data={"sure": "on"}, headers=PAGE).status_code == 303
    assert owner.get(f"/pets/{milo}").status_code == 404
    assert rows.find_look(house.store, event.id) is None


def test_hidden_camera_is_not_where_a_pet_was_seen(house: House, owner: FlaskClient) -> None:
    milo = add(owner, event=cat(house, "front-door", ago_ms=2 * HOUR).id)
    say(owner, cat(house, "garden"), "yes", pet=milo)
    guest = house.member("adult", cameras=["front-door"], name="eve")
    (found,) = guest.get("/api/v1/pets").get_json()["pets"]
    assert found["last_seen"]["camera"] == "front-door"
    for path in ("/pets", f"/pets/{milo}"):
        assert "Garden" not in guest.get(path, headers=PAGE).get_data(as_text=True), path
    nobody = house.member("guest", cameras=[], name="uma")
    assert nobody.get("/api/v1/pets").get_json()["pets"][0]["last_seen"] is None


@pytest.mark.parametrize("role", ["child", "guest"])
def test_who_only_looks_says_nothing(house: House, owner: FlaskClient, role: str) -> None:
    event = cat(house)
    milo = add(owner, event=event.id)
    looker = house.member(role, name=f"a {role}")  # type: ignore[arg-type]  # one of the roles
    assert looker.get("/pets", headers=PAGE).status_code == 200
    assert "Not Milo" not in looker.get(f"/events/{event.id}", headers=PAGE).get_data(as_text=True)
    assert looker.post(f"/api/v1/events/{event.id}/pet", json={"verdict": "none"}).status_code == 403
    assert looker.post("/api/v1/pets", json={"name": "Tom", "kind": "cat"}).status_code == 403
    assert looker.delete(f"/api/v1/pets/{milo}").status_code == 403


def test_place_of_the_camera_says_in_or_out(house: House, owner: FlaskClient) -> None:
    add(owner, event=cat(house).id)
    cameras = tuple(replace(one, place="exterior" if one.id == "garden" else "") for one in house.parts.cameras.all())
    house.parts.cameras = CameraBook(replace(house.parts.cfg, cameras=cameras))
    assert owner.get("/api/v1/pets").get_json()["pets"][0]["state"] == "out"
    assert "Outside." in owner.get("/pets", headers=PAGE).get_data(as_text=True)
