"""Recordings deleted through the API: told first, refused to others, done by the real upkeep process, and provable."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from tests.browser.house import House, open_house
from tests.conftest import wait_until
from tests.flow.upkeep_process import upkeep_beside
from tests.recording_kit import Clip, make_clip
from vigilar.base.clock import SimulatedClock
from vigilar.base.errors import ExitCode
from vigilar.cli.program import run
from vigilar.store.audit import list_deeds
from vigilar.store.deletions import hash_of, list_deletions
from vigilar.store.events import EventFilter, StoredEvent, set_kept
from vigilar.store.files import FileRow, get_file
from vigilar.store.incident_pages import story_of
from vigilar.web.erased_words import read_erased

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), size=(320, 180))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        house.client()
        yield house


def recorded(house: House, clip: Clip, hours_ago: int, camera: str = "front-door") -> tuple[FileRow, StoredEvent]:
    """A recording with an event in it."""
    shift_ns = (house.now_ms() - hours_ago * HOUR_MS) * 1_000_000 - clip.run().utc_ns
    packets = [replace(one, utc_ns=one.utc_ns + shift_ns) for one in islice(clip.endless(), 40)]
    row = get_file(house.store, house.record(camera, packets, clip.run()))
    assert row is not None
    return row, house.event(camera_id=camera, ts_ms=row.start_ms + 500, length_ms=1000)


def test_dry_run_tells_and_changes_nothing(house: House, clip: Clip) -> None:
    (row, event), (_, kept) = recorded(house, clip, 5), recorded(house, clip, 3)
    set_kept(house.store, kept.id, kept=True)
    house.event(ts_ms=row.start_ms, length_ms=100)
    answer = house.client().post("/api/v1/events/delete", json={"ids": [event.id, str(kept.id)], "dry_run": True})
    told = json.loads(answer.data)
    assert (answer.status_code, told["recordings"], told["bytes"], told["others"]) == (200, 1, row.size_bytes, 1)
    assert told["stay"] == [{"id": kept.id, "why": "kept"}]
    assert told["spans"] == [
        {"camera": "front-door", "from": row.start_ms, "to": row.end_ms, "recordings": 1, "bytes": row.size_bytes}
    ]
    with house.store.sql_read("test") as run_sql:
        assert run_sql("SELECT count(*) FROM erasures")[0][0] == 0


def test_only_an_owner_may_and_sees_the_way(house: House, clip: Clip) -> None:
    _, event = recorded(house, clip, 5)
    page = {"Accept": "text/html"}
    for role in ("adult", "child", "guest"):
        client = house.member(role)
        assert client.post("/api/v1/events/delete", json={"ids": [event.id]}).status_code == 403
        assert client.get(f"/events/delete?story=i{event.incident_id}").status_code == 403
        assert "/events/delete" not in client.get("/events", headers=page).text
        assert "/events/delete" not in client.get(f"/events/{event.id}", headers=page).text
    owner = house.client()
    assert "/events/delete" in owner.get("/events", headers=page).text
    assert f"/events/delete?story=i{event.incident_id}" in owner.get(f"/events/{event.id}", headers=page).text


def test_page_that_was_left_open_deletes_nothing(house: House, clip: Clip) -> None:
    _, event = recorded(house, clip, 5)
    owner = house.client()
    clock = house.parts.clock
    house.parts.clock = SimulatedClock(utc_ns=time.time_ns() + 3_600_000_000_000)
    told = owner.post("/api/v1/events/delete", json={"ids": [event.id], "dry_run": True}).get_json()
    asked = owner.post("/api/v1/events/delete", json={"ids": [event.id], "plan": told["plan"]})
    house.parts.clock = clock
    assert (asked.status_code, asked.get_json()["type"]) == (403, "account.prove")
    with house.store.sql_read("test") as run_sql:
        assert run_sql("SELECT count(*) FROM erasures")[0][0] == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"ids": []}, 422, "erase.ids"),
        ({"ids": [[1]]}, 422, "erase.ids"),
        ({"ids": [True]}, 422, "erase.ids"),
        ({"ids": [999]}, 404, "event.unknown"),
        ({"ids": ["-1"]}, 404, "event.unknown"),
        ({"dry_run": True}, 422, "body.missing"),
        ({"ids": [1], "all": True}, 422, "body.unknown"),
        ({"ids": [1]}, 409, "erase.nothing"),
    ],
)
def test_bad_wish_gets_a_sentence(house: House, body: dict[str, object], status: int, code: str) -> None:
    house.event()
    answer = house.client().post("/api/v1/events/delete", json=body)
    assert (answer.status_code, json.loads(answer.data)["type"]) == (status, code)


def test_list_keeps_its_filter_over_a_deletion(house: House, clip: Clip) -> None:
    _, event = recorded(house, clip, 5)
    owner, page = house.client(), {"Accept": "text/html"}
    story, query = f"i{event.incident_id}", "?camera=front-door&amp;unseen=1"
    assert f'formaction="/events/delete{query}"' in owner.get("/events?camera=front-door&unseen=1", headers=page).text
    one = owner.get(f"/events/{event.id}?camera=front-door", headers=page).text
    assert f'href="/events/delete?camera=front-door&amp;story={story}"' in one
    asked = owner.post("/events/delete?camera=front-door&unseen=1", data={"story": story}, headers=page).text
    assert f'href="/events{query}#{story}"' in asked
    [token] = re.findall(r'name="plan" value="([^"]+)"', asked)
    answer = owner.post("/events/delete?camera=front-door&unseen=1", data={"story": story, "plan": token}, headers=page)
    assert (answer.status_code, answer.headers["Location"].partition("done=")[0]) == (
        303,
        "/events?camera=front-door&unseen=1&",
    )


def test_what_changed_since_is_told_and_not_deleted(house: House, clip: Clip) -> None:
    row, event = recorded(house, clip, 5)
    owner = house.client()
    told = json.loads(owner.post("/api/v1/events/delete", json={"ids": [event.id], "dry_run": True}).data)
    house.event(ts_ms=row.start_ms, length_ms=100)
    answer = owner.post("/api/v1/events/delete", json={"ids": [event.id], "plan": told["plan"]})
    assert (answer.status_code, json.loads(answer.data)["type"]) == (409, "erase.changed")
    assert json.loads(answer.data)["others"] == 1
    page = owner.post("/events/delete", data={"story": f"i{event.incident_id}", "plan": told["plan"]})
    assert page.status_code == 409
    assert "This has changed since you looked" in page.text
    with house.store.sql_read("test") as run_sql:
        assert run_sql("SELECT count(*) FROM erasures")[0][0] == 0


def test_camera_that_was_removed_is_named_and_its_event_says_who(house: House, clip: Clip) -> None:
    _, event = recorded(house, clip, 5, "barn")
    owner, page = house.client(), {"Accept": "text/html"}
    assert "barn (removed)" in owner.get(f"/events/delete?story=i{event.incident_id}", headers=page).text
    assert owner.post("/api/v1/events/delete", json={"ids": [event.id]}).status_code == 202
    words = "Its recording is being deleted, as sam said."
    assert words in owner.get(f"/events/{event.id}", headers=page).text
    assert words in owner.get("/events", headers=page).text


def test_of_an_old_story_only_its_own_time_is_read(house: House, clip: Clip) -> None:
    """A page of old stories must not read all that was deleted since."""
    (row, old), (_, new) = recorded(house, clip, 5), recorded(house, clip, 3)
    assert house.client().post("/api/v1/events/delete", json={"ids": [old.id, new.id]}).status_code == 202
    story = story_of(house.store, old, EventFilter(), 1)
    assert story is not None
    assert [one.path for one in read_erased(house.store, [story])] == [row.path]


def test_upkeep_process_deletes_and_all_can_be_proved(
    house: House, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    (row, event), (stays, _) = recorded(house, clip, 5), recorded(house, clip, 3)
    owner = house.client()
    with upkeep_beside(house.folder):
        answer = owner.post("/api/v1/events/delete", json={"ids": [event.id]})
        assert (answer.status_code, json.loads(answer.data)["bytes"]) == (202, row.size_bytes)
        wait_until(lambda: not (house.folder / row.path).exists(), 30.0)
        wait_until(lambda: all(one.done_ms for one in list_deletions(house.store, house.node_id)), 10.0)
    [gone] = list_deletions(house.store, house.node_id)
    assert (gone.path, gone.why, gone.size_bytes, gone.hash) == (row.path, "owner", row.size_bytes, hash_of(gone))
    assert (house.folder / stays.path).exists()
    text = owner.get(f"/events/{event.id}", headers={"Accept": "text/html"}).text
    assert any(f"was deleted by sam {day}" in text for day in ("today", "yesterday")), "it may be midnight just now"
    line = f"/footage/front-door/timeline?from={row.start_ms}&to={row.end_ms}"
    [gap] = json.loads(owner.get(line).data)["gaps"]
    assert (gap["reason"], gap["words"]) == ("deleted-owner", "The recording was deleted by sam.")
    assert house.parts.audit.flush(10.0)
    [deed] = list_deeds(house.store, limit=9, actions=["erased"])
    assert (deed.deed.name, deed.deed.subject) == ("sam", "camera:front-door")
    assert deed.deed.detail.startswith("1 recording, ")
    capsys.readouterr()
    assert run(["verify", str(house.folder / row.path), "--data-dir", str(house.folder)]) == ExitCode.NOT_FOUND
    assert "by a person's word" in capsys.readouterr().out
    assert run(["check", "--data-dir", str(house.folder)]) == ExitCode.OK, capsys.readouterr().out
