"""Pages and API of who came: kinds, filters, tracks, the way of a visit, the heat map, and what the detector says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from vigilar.base.track_path import PathBox, pack_path
from vigilar.base.visit_kinds import KIND_WORDS
from vigilar.bus.messages import ObjectSeen
from vigilar.detect.objects.detection import ObjectKind
from vigilar.health.detector_words import INSTALL_STEP, detector_line
from vigilar.store.events import StoredEvent, name_event
from vigilar.store.tracks import NewTrack, insert_track
from vigilar.web.health import BOARD
from vigilar.web.hub import HUB, OBJECTS, make_notice
from vigilar.web.sse_bridge import SseBridge

PAGE = {"Accept": "text/html"}
HOUR_MS, DAY_MS = 3_600_000, 86_400_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.member("owner", name="ada")


def visit(house: House, kind: str = "person", score: float | None = 0.93, **more: Any) -> StoredEvent:
    event = house.event(**more)
    title = f"{KIND_WORDS[kind]}, Front door"
    named = name_event(
        house.store, event.id, kind=kind, label_score=score, still_id=None, payload={**event.payload, "title": title}
    )
    assert named is not None
    return named


def track(house: House, event: StoredEvent | None, kind: str = "person", **more: Any) -> None:
    start = more.pop("start_ms", None) or (event.ts_ms if event else house.now_ms())
    boxes = more.pop("boxes", [PathBox(start, 0.1, 0.2, 0.1, 0.3), PathBox(start + 1000, 0.5, 0.4, 0.1, 0.3)])
    values = {"camera_id": "front-door", "score": 0.9, "is_stationary": False, **more}
    new = NewTrack(
        uid=f"track-{next(house.numbers)}",
        event_id=event.id if event else None,
        kind=kind,
        start_ms=start,
        end_ms=start + 1000,
        path=pack_path(boxes),
        **values,
    )
    assert insert_track(house.store, new)


def test_words_of_pages_are_the_kinds_of_models() -> None:
    assert set(KIND_WORDS) == {kind.value for kind in ObjectKind} | {"motion"}


def test_event_says_who_came_and_how_sure_that_is(house: House, owner: FlaskClient) -> None:
    event = visit(house)
    found = owner.get(f"/api/v1/events/{event.id}").get_json()
    assert (found["kind"], found["label_score"], found["zones"]) == ("person", 0.93, [])
    assert found["title"] == "Person, Front door"
    page = owner.get(f"/events/{event.id}", headers=PAGE).get_data(as_text=True)
    assert "Person, sure (93 %)" in page


@pytest.mark.parametrize(
    ("kind", "score", "words"),
    [
        ("dog", 0.75, "Dog, likely (75 %)"),
        ("animal", 0.55, "Animal, perhaps (55 %)"),
        ("motion", None, "it is not known"),
    ],
)
def test_doubt_is_said(house: House, owner: FlaskClient, kind: str, score: float | None, words: str) -> None:
    assert words in owner.get(f"/events/{visit(house, kind, score).id}", headers=PAGE).get_data(as_text=True)


def test_lists_are_filtered_by_kind(house: House, owner: FlaskClient) -> None:
    person, cat = visit(house), visit(house, "cat", 0.8)
    house.event("camera_offline", title="No picture from Front door")
    for kind, ids in (("person", [person.id]), ("cat", [cat.id]), ("bird", [])):
        assert [one["id"] for one in owner.get(f"/api/v1/events?kind={kind}").get_json()["events"]] == ids
        page = owner.get(f"/events?kind={kind}", headers=PAGE).get_data(as_text=True)
        assert page.count('class="card-row') == len(ids)
    page = owner.get("/events?kind=person", headers=PAGE).get_data(as_text=True)
    assert '<summary class="chip is-on">Person</summary>' in page
    assert f'href="/events/{person.id}?kind=person"' in page, "the filter goes along to the event"
    answer = owner.get("/api/v1/events?kind=ghost")
    assert (answer.status_code, answer.get_json()["field"]) == (422, "kind")


def test_still_has_a_new_address_when_it_is_a_new_one(house: House, owner: FlaskClient) -> None:
    event = house.event(still_id=house.still("front-door", b"first"))
    first = owner.get(f"/api/v1/events/{event.id}").get_json()["still"]
    better = house.still("front-door", b"better")
    name_event(house.store, event.id, kind="cat", label_score=0.9, still_id=better, payload=event.payload)
    second = owner.get(f"/api/v1/events/{event.id}").get_json()["still"]
    assert first != second
    assert owner.get(second).data == b"better"
    assert "immutable" in owner.get(second).headers["Cache-Control"]
    for path in (first, f"/events/{event.id}/still.jpg"):
        assert (owner.get(path).data, owner.get(path).headers["Cache-Control"]) == (b"better", "private, no-cache")


def test_tracks_of_an_event_come_with_their_boxes(house: House, owner: FlaskClient) -> None:
    event = visit(house)
    track(house, event)
    track(house, visit(house, "cat"), "cat")
    (found,) = owner.get(f"/api/v1/events/{event.id}/tracks").get_json()["tracks"]
    assert (found["kind"], found["score"], found["start_ts"]) == ("person", 0.9, event.ts_ms)
    assert [[round(side, 2) for side in box] for box in found["boxes"]] == [
        [event.ts_ms, 0.1, 0.2, 0.2, 0.5],
        [event.ts_ms + 1000, 0.5, 0.4, 0.6, 0.7],
    ]
    assert owner.get("/api/v1/events/99/tracks").status_code == 404


def test_tracks_of_a_camera_are_those_of_the_range(house: House, owner: FlaskClient) -> None:
    track(house, visit(house))
    now = house.now_ms()
    for span, count in (
        (f"from={now - HOUR_MS}&to={now + HOUR_MS}", 1),
        (f"from={now - 9 * HOUR_MS}&to={now - HOUR_MS}", 0),
    ):
        assert len(owner.get(f"/api/v1/cameras/front-door/tracks?{span}").get_json()["tracks"]) == count
    assert owner.get("/api/v1/cameras/front-door/tracks").status_code == 422


def test_way_of_a_visit_is_drawn_over_its_still(house: House, owner: FlaskClient) -> None:
    event = visit(house, still_id=house.still("front-door", b"jpeg"))
    track(house, event)
    track(house, event, "motion", boxes=[PathBox(event.ts_ms, 0.0, 0.0, 1.0, 1.0)])
    page = owner.get(f"/events/{event.id}", headers=PAGE).get_data(as_text=True)
    assert page.count('<polyline points="') == 1, "what is not known what it was would only cover who is"
    assert '<polyline points="150,500 550,700">' in page


def test_row_changed_by_hand_costs_only_its_own_way(house: House, owner: FlaskClient) -> None:
    event = visit(house, still_id=house.still("front-door", b"jpeg"))
    track(house, event)
    with house.store.write("break") as connection:
        connection.exec_driver_sql("UPDATE tracks SET path = x'00'")
    assert owner.get(f"/events/{event.id}", headers=PAGE).status_code == 200
    assert owner.get(f"/api/v1/events/{event.id}/tracks").get_json()["tracks"][0]["boxes"] == []
    assert owner.get("/cameras/front-door/heat", headers=PAGE).status_code == 200


def test_heat_counts_each_place_once_a_visit(house: House, owner: FlaskClient) -> None:
    start = house.now_ms() - HOUR_MS
    for _ in range(2):
        track(house, None, start_ms=start, boxes=[PathBox(start + n, 0.5, 0.5, 0.02, 0.1) for n in range(20)])
    track(house, None, "cat", start_ms=start)
    track(house, None, start_ms=start - 10 * DAY_MS)
    found = owner.get("/api/v1/cameras/front-door/heat").get_json()
    assert (found["days"], found["visits"], sum(found["hours"])) == (7, 3, 3)
    assert {"column": 16, "row": 10, "visits": 2} in found["places"]
    assert owner.get("/api/v1/cameras/front-door/heat?kind=cat").get_json()["visits"] == 1
    assert owner.get("/api/v1/cameras/front-door/heat?days=30").get_json()["visits"] == 4
    busy = found["hours"].index(3)
    assert owner.get(f"/api/v1/cameras/front-door/heat?hour={busy}").get_json()["visits"] == 3
    quiet = owner.get(f"/api/v1/cameras/front-door/heat?hour={(busy + 1) % 24}").get_json()
    assert (quiet["visits"], quiet["places"], sum(quiet["hours"])) == (0, [], 3)


def test_heat_page_needs_no_script(house: House, owner: FlaskClient) -> None:
    track(house, None, boxes=[PathBox(house.now_ms(), 0.1, 0.2, 0.1, 0.27)])  # feet at 0.15, 0.47
    page = owner.get("/cameras/front-door/heat?days=30&kind=person", headers=PAGE).get_data(as_text=True)
    assert "1 visit in 30 days." in page
    assert '<rect x="4" y="8"' in page
    assert "Nothing like this was seen" in owner.get("/cameras/front-door/heat?kind=bird", headers=PAGE).get_data(
        as_text=True
    )
    assert owner.get("/watch/front-door", headers=PAGE).get_data(as_text=True).count("/cameras/front-door/heat") == 1


@pytest.mark.parametrize("query", ["days=8", "days=x", "kind=ghost", "hour=24", "hour=-1", "hour=1e3"])
def test_heat_refuses_nonsense(owner: FlaskClient, query: str) -> None:
    answer = owner.get(f"/api/v1/cameras/front-door/heat?{query}")
    assert (answer.status_code, answer.get_json()["field"]) == (422, query.split("=")[0])


def test_guest_sees_who_came_but_no_habits(house: House, owner: FlaskClient) -> None:
    event = visit(house)
    guest = house.member("guest")
    assert guest.get(f"/api/v1/events/{event.id}/tracks").status_code == 200
    for path in ("/cameras/front-door/heat", "/api/v1/cameras/front-door/heat", "/api/v1/cameras/front-door/tracks"):
        assert guest.get(path).status_code == 403
    page = guest.get("/watch/front-door", headers=PAGE).get_data(as_text=True)
    assert "/heat" not in page


def test_boxes_reach_open_pages_of_who_may_watch(house: House) -> None:
    seen = ObjectSeen("o1", house.now_ms(), "front-door", "m1", "yolox-nano", [{"kind": "person", "box": [0, 0, 1, 1]}])
    listener = HUB.subscribe()
    SseBridge.on_objects(None, "t", seen.dump())  # type: ignore[arg-type]  # it uses nothing of the bridge
    SseBridge.on_objects(None, "t", b"{}")  # type: ignore[arg-type]
    notice = listener.get(1.0)
    assert notice is not None
    assert (notice.name, notice.source_id, notice.change) == (OBJECTS, "front-door", None)
    assert json.loads(notice.data)["objects"] == seen.objects
    HUB.unsubscribe(listener)


def test_boxes_of_hidden_cameras_are_told_to_nobody(house: House) -> None:
    child = house.member("child", ("garden",))
    with child.get("/events/stream", buffered=False) as answer:
        lines = iter(answer.response)
        next(lines), next(lines)
        HUB.broadcast(make_notice(OBJECTS, {"camera_id": "shed"}, source_id="shed"))
        HUB.broadcast(make_notice(OBJECTS, {"camera_id": "garden"}, source_id="garden"))
        assert "garden" in str(next(lines))


RUNNING = {"model": "yolox-nano", "kinds": ["person", "cat", "animal"], "used_cores": 0.1, "budget_cores": 0.5}


def up(**status: Any) -> dict[str, Any]:
    """What the supervisor says of a detector that runs."""
    return {"detector": {"state": "running", "status": status}}


SHARE = "10 % of a processor just now, and may take 50 %"


@pytest.mark.parametrize(
    ("processes", "is_wanted", "state", "words", "step"),
    [
        ({}, False, "ok", "Switched off", ""),
        (None, True, "unknown", "not known", ""),
        ({}, True, "warn", "No model is installed", INSTALL_STEP),
        ({"detector": {"state": "restarting"}}, True, "bad", "Recording and motion go on", ""),
        ({"detector": {"state": "starting"}}, True, "unknown", "starts", ""),
        (up(), True, "unknown", "starts", ""),
        (up(problem="The file is bad."), True, "warn", "The file is bad.", INSTALL_STEP),
        (up(**RUNNING), True, "ok", "Recognises people, cats and other animals", ""),
        (up(**RUNNING), True, "ok", SHARE, ""),
        (up(**RUNNING, made_for="tests"), True, "ok", "made for tests", ""),
        (up(**RUNNING, problem="Bad."), True, "warn", "A newer one cannot be used: Bad.", INSTALL_STEP),
        (up(**RUNNING, longest_wait_s=9.0), True, "warn", "wait up to 9 s", "Give it more"),
    ],
)
def test_detector_says_how_it_is(processes: Any, is_wanted: bool, state: str, words: str, step: str) -> None:
    line = detector_line(processes, is_wanted=is_wanted)
    assert line.state == state
    assert words in line.sentence
    assert line.next_step.startswith(step)
    assert bool(line.next_step) == bool(step)


def test_system_page_and_api_show_it(house: House, owner: FlaskClient) -> None:
    house.well("front-door")
    assert owner.get("/api/v1/system").get_json()["detector"]["next_step"] == INSTALL_STEP
    assert "No model is installed" in owner.get("/system", headers=PAGE).get_data(as_text=True)
    running = {"state": "running", "restarts": 0, "status": RUNNING}
    BOARD.set_processes({"supervisor": {"state": "running"}, "detector": running}, house.now_ms() + 1)
    found = owner.get("/api/v1/system").get_json()["detector"]
    assert (found["state"], found["model"], found["next_step"]) == ("ok", "yolox-nano", "")
