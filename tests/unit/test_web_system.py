"""Pages and API of health, with a real database and real recordings: what is to do, put off, coverage, jobs, log."""

from __future__ import annotations

import io
import re
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from tests.conftest import PATIENCE_S, wait_until
from tests.recording_kit import Clip, make_clip
from tests.unit.test_metrics import read, value
from vigilar.base.clock import SimulatedClock
from vigilar.base.clock_sync import ClockState
from vigilar.media.packets import Packet
from vigilar.store.deletions import KeptAround, begin
from vigilar.store.jobs import add_job
from vigilar.web.slow_facts import ClockWatch, SlowFacts

PAGE = {"Accept": "text/html"}
ALL = ("front-door", "garden", "drive", "shed")
DAY_MS = 86_400_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


def system(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/v1/system").get_json()
    return found


def down(house: House) -> None:
    house.well(*ALL)
    house.health("shed", "no-picture", reason="Nothing answers at 10.0.0.9.", last_frame_ts=house.now_ms() - 42_000)


class TestParts:
    def test_agreed_parts_have_state_and_sentence(self, house: House, owner: FlaskClient) -> None:
        house.well(*ALL)
        facts = system(owner)
        for part in ("power", "backup", "storage", "detector", "notify", "clock", "certificate"):
            assert facts[part]["state"] in ("ok", "warn", "bad", "unknown"), part
            assert facts[part]["sentence"], part
        assert (facts["power"]["state"], facts["power"]["is_set_up"]) == ("unknown", False)

    def test_page_header_and_api_say_the_same(self, house: House, owner: FlaskClient) -> None:
        down(house)
        facts = system(owner)
        [todo] = [one for one in facts["todo"] if one["id"] == "camera:shed"]
        assert todo["since_ts"] is not None
        assert todo["cost"] == "Nothing of it is recorded."
        page = owner.get("/system", headers=PAGE).text
        assert facts["sentence"] in page
        assert f'data-state="{facts["mark"]["state"]}"' in page
        assert "Nothing of it is recorded." in page

    def test_clock_out_of_step_is_unknown_first(self, house: House, owner: FlaskClient) -> None:
        house.parts.clock_watch = ClockWatch(read=lambda: ClockState(False))
        house.well(*ALL)
        facts = system(owner)
        assert (facts["clock"]["state"], facts["mark"]["state"]) == ("unknown", "unknown")
        assert "All well" not in facts["sentence"]

    def test_mistake_in_the_settings_is_shown_with_its_line(self, house: House, owner: FlaskClient) -> None:
        house.well(*ALL)
        house.parts.board.set_settings("vigilar.toml:3:1: x: is unknown", ())
        page = owner.get("/system", headers=PAGE).text
        assert "vigilar.toml:3:1: x: is unknown" in page
        assert "vigilar config undo" in page

    def test_retry_tells_the_camera(self, house: House, owner: FlaskClient) -> None:
        told: list[str] = []

        def ask(camera_id: str) -> bool:
            told.append(camera_id)
            return True

        house.parts.ask_retry = ask
        assert owner.post("/system/cameras/shed/retry").headers["Location"] == "/system"
        assert told == ["shed"]
        assert owner.post("/system/cameras/attic/retry").status_code == 404
        house.parts.ask_retry = lambda _: False
        assert owner.post("/system/cameras/shed/retry").status_code == 503


class TestSnooze:
    def test_problem_is_put_off_and_taken_up_by_forms(self, house: House, owner: FlaskClient) -> None:
        down(house)
        assert owner.post("/system/snooze", data={"problem": "camera:shed", "hours": "8"}).status_code == 303
        facts = system(owner)
        assert [one["id"] for one in facts["put_off"]] == ["camera:shed"]
        assert "camera:shed" not in [one["id"] for one in facts["todo"]]
        assert "All well" not in facts["sentence"]
        assert "Take up again" in owner.get("/system", headers=PAGE).text
        owner.post("/system/snooze", data={"problem": "camera:shed", "hours": "0"})
        assert "camera:shed" in [one["id"] for one in system(owner)["todo"]]

    def test_api_does_the_same(self, house: House, owner: FlaskClient) -> None:
        down(house)
        path = "/api/v1/system/snoozes/camera:shed"
        assert owner.put(path, json={"hours": 24}).status_code == 204
        assert [one["id"] for one in system(owner)["put_off"]] == ["camera:shed"]
        assert owner.delete(path).status_code == 204
        assert system(owner)["put_off"] == []

    @pytest.mark.parametrize(
        ("problem", "hours", "code"),
        [
            ("camera:shed", 5, "snooze.hours"),
            ("camera:shed", -1, "snooze.hours"),
            ("camera:attic", 1, "snooze.unknown"),
        ],
    )
    def test_what_cannot_be_put_off(
        self, house: House, owner: FlaskClient, problem: str, hours: int, code: str
    ) -> None:
        down(house)
        answer = owner.put(f"/api/v1/system/snoozes/{problem}", json={"hours": hours})
        assert answer.get_json()["type"] == code

    def test_it_is_written_down_who_put_it_off(self, house: House, owner: FlaskClient) -> None:
        down(house)
        owner.post("/system/snooze", data={"problem": "camera:shed", "hours": "1"})
        entries = owner.get("/api/v1/audit").get_json()["entries"]
        assert entries[0]["sentence"] == "sam put off what was to be done."


def shifted(house: House, clip: Clip, ago_ms: int) -> list[Packet]:
    shift_ns = (house.now_ms() - ago_ms) * 1_000_000 - clip.run().utc_ns
    return [replace(packet, utc_ns=packet.utc_ns + shift_ns) for packet in islice(clip.endless(), 40)]


class TestCoverage:
    def test_gap_has_its_share_and_its_cause(self, house: House, owner: FlaskClient, clip: Clip) -> None:
        first = house.record("garden", shifted(house, clip, 3_600_000), clip.run())
        house.record("garden", shifted(house, clip, 1_800_000), clip.run())
        with house.store.sql_write("say why it ended") as run:
            run("UPDATE files SET reason = 'new connection' WHERE id = :id", id=first)
        days = days_of(owner, "garden")
        gaps = [gap for day in days[:2] for gap in day["gaps"]]
        assert any(gap["reason"] == "disconnected" for gap in gaps)
        shares = [day["share"] for day in days[:2] if day["share"] is not None]
        assert all(0 <= share < 0.2 for share in shares)
        page = owner.get("/system/cameras/garden", headers=PAGE).text
        assert "The camera was not connected." in page

    def test_day_without_data_has_no_number(self, house: House, owner: FlaskClient, clip: Clip) -> None:
        house.record("garden", shifted(house, clip, 60_000), clip.run())
        days = days_of(owner, "garden")
        assert [day["share"] for day in days[2:]] == [None] * 5
        assert all(day["expected_ms"] == 0 for day in days[2:])
        assert "No data" in owner.get("/system/cameras", headers=PAGE).text
        assert [day["share"] for day in days_of(owner, "shed")] == [None] * 7

    def test_what_was_deleted_since_counts_as_recorded(self, house: House, owner: FlaskClient, clip: Clip) -> None:
        ids = [house.record("garden", shifted(house, clip, ago * DAY_MS), clip.run()) for ago in (3, 2)]
        before = days_of(owner, "garden")
        begin(house.store, house.node_id, [(ids[0], "age")], KeptAround(0, 0), house.now_ms())
        house.parts.slow_facts = type(house.parts.slow_facts)()
        after = days_of(owner, "garden")
        assert [day["missed_ms"] for day in after] == [pytest.approx(day["missed_ms"], abs=2000) for day in before]
        assert not any(gap["reason"].startswith("deleted") for day in after for gap in day["gaps"])

    def test_thirty_days_and_nothing_else(self, owner: FlaskClient) -> None:
        page = owner.get("/system/cameras?days=30", headers=PAGE).text
        assert page.count("<time datetime=") == 30
        assert len(re.findall(r">[1-3]?[0-9] [A-Z][a-z][a-z]</time>", page)) == 29, "and today"
        assert owner.get("/api/v1/system/coverage?days=31").get_json()["type"] == "query.days"

    def test_hidden_camera_is_in_none_of_it(self, house: House, clip: Clip) -> None:
        kim = house.member("adult", ("garden",))
        house.record("shed", shifted(house, clip, 60_000), clip.run())
        assert [one["id"] for one in kim.get("/api/v1/system/coverage").get_json()["cameras"]] == ["garden"]
        assert "shed" not in kim.get("/system/cameras", headers=PAGE).text.lower()
        assert "shed" not in kim.get("/metrics").text


def days_of(client: FlaskClient, camera_id: str) -> list[dict[str, Any]]:
    cameras = client.get("/api/v1/system/coverage").get_json()["cameras"]
    found: list[dict[str, Any]] = next(one["days"] for one in cameras if one["id"] == camera_id)
    return found


class TestLogAndJobs:
    def test_log_tells_what_the_house_did_and_not_who_came_by(self, house: House, owner: FlaskClient) -> None:
        house.event("system_started", "system", title="Vigilar started")
        house.event("camera_offline", "shed", title="No picture from Shed", reason="Nothing answers.")
        page = owner.get("/system/log", headers=PAGE).text
        assert "Vigilar started" in page
        assert "No picture from Shed: Nothing answers." in page
        assert owner.get("/system/log?cursor=nonsense", headers=PAGE).status_code == 422

    def test_jobs_are_listed_for_who_sees_their_camera(self, house: House, owner: FlaskClient) -> None:
        params = {"camera_id": "shed", "from_ms": 1, "to_ms": 2, "proof": False}
        add_job(
            house.store, node_id=house.node_id, kind="export", params=params, made_by=None, now_ms=house.now_ms()
        )  # fmt: skip
        assert "Export: Waiting" in owner.get("/system/jobs", headers=PAGE).text
        assert system(owner)["jobs"]["sentence"] == "1 waits."
        kim = house.member("adult", ("garden",))
        assert "Export:" not in kim.get("/system/jobs", headers=PAGE).text
        assert system(kim)["jobs"]["sentence"] == "Nothing to do."


class TestMetrics:
    def test_key_for_programs_reads_them(self, house: House, owner: FlaskClient) -> None:
        house.well(*ALL)
        token = owner.post("/api/v1/tokens", json={"name": "prometheus", "rights": ["see_system"]}).get_json()["token"]
        program = house.client(signed_in=False)
        answer = program.get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.mimetype) == (200, "text/plain")
        assert value(read(answer.text), "camera_up", camera="garden") == 1
        assert program.get("/metrics").status_code == 401
        other = owner.post("/api/v1/tokens", json={"name": "x", "rights": ["see_events"]}).get_json()["token"]
        assert program.get("/metrics", headers={"Authorization": f"Bearer {other}"}).status_code == 403


class TestSupport:
    def test_button_gives_the_file_of_the_command(self, house: House, owner: FlaskClient) -> None:
        assert "vigilar doctor" in owner.get("/system/support", headers=PAGE).text
        answer = owner.post("/system/support")
        assert (answer.status_code, answer.mimetype) == (200, "application/zip")
        with zipfile.ZipFile(io.BytesIO(answer.data)) as made:
            assert "README.txt" in made.namelist()

    def test_it_is_the_owners(self, house: House) -> None:
        assert house.member("adult").post("/system/support").status_code == 403


class TestSlowFacts:
    def test_old_answer_is_given_at_once_and_made_anew_by_one(self) -> None:
        clock, may_end = SimulatedClock(), threading.Event()
        made: list[int] = []
        facts = SlowFacts(clock)

        def make() -> int:
            if made:
                assert may_end.wait(PATIENCE_S)
            made.append(1)
            return len(made)

        assert facts.get("x", 60, make, waits=False) == 1
        clock.advance(61)
        assert [facts.get("x", 60, make, waits=False) for _ in range(3)] == [1, 1, 1]
        may_end.set()
        wait_until(lambda: facts.get("x", 60, make, waits=False) == 2, 5.0)
        assert len(made) == 2

    def test_forgotten_answer_is_made_for_the_next(self) -> None:
        facts, numbers = SlowFacts(SimulatedClock()), iter(range(9))
        assert facts.get("x", 60, lambda: next(numbers)) == 0
        assert facts.get("x", 60, lambda: next(numbers)) == 0
        facts.forget("x")
        assert facts.get("x", 60, lambda: next(numbers)) == 1

    def test_answer_that_was_being_made_when_it_was_forgotten_is_not_kept(self) -> None:
        """Else a problem that was just put off stood on the page for as long as an answer is kept."""
        facts = SlowFacts(SimulatedClock())

        def make_and_lose() -> int:
            facts.forget("x")
            return 0

        assert facts.get("x", 60, make_and_lose) == 0
        assert facts.get("x", 60, lambda: 1) == 1
        assert facts.get("x", 60, lambda: 2) == 1


class TestWhoWatched:
    def watched(self, client: FlaskClient) -> list[str]:
        found = client.get("/api/v1/audit?group=recordings").get_json()["entries"]
        return [one["sentence"] for one in found]

    def test_watching_live_is_written_down_once(self, owner: FlaskClient) -> None:
        for path in ("/live", "/live", "/watch/shed", "/watch/shed", "/live/shed/index.m3u8"):
            owner.get(path, headers=PAGE)
        assert self.watched(owner) == ["sam watched live pictures of Shed.", "sam watched live pictures."]

    def test_list_of_cameras_is_no_watching(self, owner: FlaskClient) -> None:
        owner.get("/api/v1/cameras")
        owner.get("/system", headers=PAGE)
        assert self.watched(owner) == []
