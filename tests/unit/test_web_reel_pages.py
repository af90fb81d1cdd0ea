"""The pages of reels as a browser without script gets them: each state, who may what, what is wrong at its field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests import reel_page_kit as kit
from tests.browser.house import CAMERAS, House, open_house
from tests.forms_kit import HTML, ReadForm, ReadPage, read
from vigilar.playback.reel.words import QUIET
from vigilar.store import jobs as job_rows
from vigilar.store.reels import ReelParams, TimelapseParams, find_rows, params_of
from vigilar.web.reel_words import days_before

HOUR_MS = 3_600_000


CONFIG = """\
[reels]
# Everybody is up by then.
daily = "06:30"
""" + "".join(f'[[camera]]\nname = "{name}"\naddress = "demo:street"\n' for _, name in CAMERAS)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture(scope="module")
def owner(house: House) -> FlaskClient:
    return house.client()


@pytest.fixture(scope="module")
def child(house: House) -> FlaskClient:
    return house.member("child")


@pytest.fixture(autouse=True)
def _nothing_made(house: House, owner: FlaskClient) -> None:
    assert owner
    settings(house).write_text(CONFIG, encoding="utf-8")
    kit.forget_all(house)


def settings(house: House) -> Path:
    return house.parts.cfg.config_file


def words(client: FlaskClient, path: str) -> str:
    """What the page says, without its marks."""
    answer = client.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    main = answer.text.partition("<main")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def form_to(page: ReadPage, action: str) -> ReadForm:
    (found,) = [one for one in page.forms if one.action == action]
    return found


def send(client: FlaskClient, **typed: str | list[str]) -> tuple[int, str]:
    """The form of a new reel with that chosen: the status, and where it leads or what it says."""
    answer = client.post("/reels/new", data={"style": "highlights", "when": "yesterday", "length": "60", **typed})
    return answer.status_code, answer.headers.get("Location") or answer.text


def newest(house: House) -> job_rows.JobRow:
    return job_rows.list_jobs(house.store, house.node_id)[0]


class TestList:
    def test_empty_one_says_when_the_first_comes(self, owner: FlaskClient) -> None:
        said = words(owner, "/reels")
        assert "No reels yet" in said
        assert re.search(r"Your first is made (today|tomorrow) at 06:30\. Change it", said)
        assert "Make one" in said

    def test_empty_one_says_how_to_turn_it_on(self, house: House, owner: FlaskClient) -> None:
        settings(house).write_text(CONFIG.replace("06:30", "off"), encoding="utf-8")
        assert "No reel is made by itself. Turn it on" in words(owner, "/reels")

    def test_each_state_says_what_comes_next(self, house: House, owner: FlaskClient) -> None:
        kit.finish(house, day="2026-01-01", by=None)
        kit.finish(house, result={"nothing": QUIET}, length_s=61)
        kit.fail(house, "The disk is full.", length_s=62)
        kit.finish(house, has_film=False, length_s=63)
        kit.run(house, length_s=64)
        said = words(owner, "/reels")
        assert "One is being made, 15 s left." in said
        assert re.search(r"Running joining clips 15 s left 63 % 63 % Stop", said)
        for one in (
            "1:14",
            "9.0 MB",
            QUIET,
            "The disk is full. Try again",
            "Its file is not there any more.",
            "Download",
        ):
            assert one in said, one
        assert said.index("Running") < said.index("1:14")
        assert said.count("Delete it") == 4

    def test_sentence_on_top_is_of_the_newest(self, house: House, owner: FlaskClient) -> None:
        kit.finish(house)
        assert words(owner, "/reels").startswith('id="main" tabindex="-1"> Reels Yesterday in 74 seconds.')

    def test_one_waits_for_mains(self, house: House, owner: FlaskClient) -> None:
        kit.ask(house)
        before = house.parts.cfg
        house.parts.use_settings(replace(before, power=(50, 600, 10)))
        ups = {"title": "UPS", "state": "running", "pid": 7, "restarts": 0, "status": {"level": "battery"}}
        house.parts.board.set_processes({"ups": ups}, house.now_ms())
        said = words(owner, "/reels")
        house.parts.use_settings(before)
        house.parts.board.clear()
        assert "The house runs on its battery: one waits for mains." in said
        assert "It goes on by itself when mains are back." in said

    def test_what_is_kept_no_longer_can_be_taken_back(self, house: House, owner: FlaskClient) -> None:
        reel_id = kit.finish(house)
        path = f"/reels/{reel_id}/keep"
        assert owner.post(path, data={"kept": "1", "back": "/reels"}).headers["Location"] == "/reels"
        assert find_rows(house.store, [reel_id])[reel_id].is_kept
        where = owner.post(path, data={"kept": "0", "back": "/reels"}).headers["Location"]
        assert "is kept no longer. It goes" in words(owner, where)
        assert owner.post(path, data={"kept": "1", "back": "/reels"}).status_code == 303
        assert "is kept no longer" not in words(owner, where)
        assert "Kept: it stays until somebody deletes it." in words(owner, "/reels")

    def test_deleted_one_is_gone_with_its_file(self, house: House, owner: FlaskClient) -> None:
        reel_id = kit.finish(house)
        assert owner.post(f"/reels/{reel_id}/delete").headers["Location"] == "/reels"
        assert owner.get(f"/reels/{reel_id}").status_code == 404
        assert "No reels yet" in words(owner, "/reels")


class TestOne:
    def test_parts_lead_to_events_and_missing_footage_is_named(self, house: House, owner: FlaskClient) -> None:
        event = house.event(what="person", title="Person, Drive", camera_id="drive")
        part = {
            "from_s": 0.0,
            "to_s": 4.0,
            "event_id": event.id,
            "camera_id": "drive",
            "ts": event.ts_ms,
            "title": "Person, Drive",
        }
        from_ms = days_before(house.now_ms(), house.parts.zone, 1)
        gap = {"from_ms": from_ms + 14 * HOUR_MS, "to_ms": from_ms + 15 * HOUR_MS, "words": "Shed: no picture"}
        made = kit.RESULT | {"parts": [part, part | {"from_s": 4.0, "to_s": 8.0}], "missing": [gap]}
        path = f"/reels/{kit.finish(house, result=made)}"
        page = owner.get(path).text
        assert page.count(f'href="/events/{event.id}"') == 3  # of what is shown, and of each part
        said = words(owner, path)
        assert "Yesterday in 74 seconds." in said
        assert "In it (2)" in said
        assert "Yesterday, 14:00 to 15:00, Shed: no picture" in said
        assert "by sam" in said

    def test_one_that_is_made_can_be_stopped(self, house: House, owner: FlaskClient) -> None:
        path = f"/reels/{kit.run(house)}"
        assert "joining clips" in words(owner, path)
        assert "<video" not in owner.get(path).text
        assert owner.post(f"{path}/cancel").headers["Location"] == path
        assert job_rows.get_job(house.store, int(path.rpartition("/")[2])).is_cancel_asked  # type: ignore[union-attr]

    def test_failed_one_is_tried_again(self, house: House, owner: FlaskClient) -> None:
        failed = kit.fail(house, "The disk is full.")
        assert "The disk is full. Try again" in words(owner, f"/reels/{failed}")
        where = owner.post(f"/reels/{failed}/again").headers["Location"]
        assert where != f"/reels/{failed}"
        assert "Waiting" in words(owner, where)

    def test_quiet_day_says_so(self, house: House, owner: FlaskClient) -> None:
        path = f"/reels/{kit.finish(house, has_film=False, result={'nothing': QUIET})}"
        assert QUIET in words(owner, path)
        assert "<video" not in owner.get(path).text


class TestForm:
    def test_form_makes_what_was_chosen(self, house: House, owner: FlaskClient) -> None:
        status, where = send(
            owner, style="everybody", cameras=["drive", "shed"], length="own", own="45", without=["7", "9"]
        )
        row = newest(house)
        assert (status, where) == (303, f"/reels/{row.id}")
        zone, now_ms = house.parts.zone, house.now_ms()
        assert params_of(row) == ReelParams(
            cameras=("drive", "shed"), from_ms=days_before(now_ms, zone, 1), to_ms=days_before(now_ms, zone, 0),
            length_s=45, style="everybody", clock=False, without=(7, 9),
        )  # fmt: skip

    def test_none_ticked_is_every_camera_that_is_seen(self, house: House, owner: FlaskClient) -> None:
        send(owner, clock="1")
        found = params_of(newest(house))
        assert isinstance(found, ReelParams)
        assert found.cameras == ("drive", "front-door", "garden", "shed")
        assert found.clock

    @pytest.mark.parametrize(
        ("typed", "field", "sentence"),
        [
            ({"length": "own", "own": "5"}, "length", "A length is 10 seconds to 10 minutes."),
            (
                {"when": "range", "from": "2026-02-02T10:00", "to": "2026-02-02T09:00"},
                "to",
                "The end lies before the start.",
            ),
            ({"when": "range", "from": "soon", "to": "2026-02-02T09:00:00"}, "from", "Say a day and a time"),
            ({"when": "range", "from": "2025-10-26T02:30", "to": "2025-10-26T05:00"}, "from", "Say CEST or CET."),
            ({"style": "timelapse", "camera": "drive"}, "when", "Nothing was recorded in this time."),
            ({"style": "timelapse", "camera": "cellar"}, "problem", "There is no such camera."),
            ({"style": "opera"}, "style", "Choose one of those that are offered."),
        ],
    )
    def test_what_is_wrong_is_said_once_at_its_field(
        self, owner: FlaskClient, typed: dict[str, str], field: str, sentence: str
    ) -> None:
        status, text = send(owner, **typed)
        assert status in (404, 422)
        page = ReadPage(text)
        assert sentence in page.words[field if field == "problem" else f"{field}-wrong"]
        form = form_to(page, "/reels/new")
        assert form.has_focus or field == "problem"
        for name, value in typed.items():
            if name in ("own", "from", "to"):
                assert form.fields[name] == [value]

    def test_address_keeps_what_was_chosen(self, owner: FlaskClient) -> None:
        path = (
            "/reels/new?style=smart&camera=shed&when=range&from=2026-02-02T03:40&to=2026-02-02T05:00&length=own&own=33"
        )
        form = form_to(read(owner, path), "/reels/new")
        assert form.fields["camera"] == ["shed"]
        assert (form.fields["own"], form.fields["from"]) == (["33"], ["2026-02-02T03:40"])
        assert "clock" not in form.fields
        assert "clock" in form_to(read(owner, "/reels/new"), "/reels/new").fields

    def test_preview_shows_moments_and_what_was_left_out(self, house: House, owner: FlaskClient) -> None:
        left = house.event(what="person", title="Person, Drive", camera_id="drive")
        said = words(owner, f"/reels/new?style=highlights&when=today&without={left.id}")
        assert QUIET in said
        assert "Left out (1)" in said
        assert "Person, Drive Today" in said
        assert "Recording is never slowed." in said


class TestRights:
    def test_child_looks_and_makes_nothing(self, house: House, child: FlaskClient) -> None:
        done, going = kit.finish(house), kit.run(house)
        for path in ("/reels", f"/reels/{done}", f"/reels/{going}"):
            said = words(child, path)
            assert not [
                one for one in ("Make one", "Delete", "Keep", "Stop ", "Turn it on", "Change it") if one in said
            ], path
        assert child.get("/reels/new", headers=HTML).status_code == 403
        assert child.post(f"/reels/{done}/delete", headers=HTML).status_code == 403

    def test_who_does_not_see_a_camera_sees_no_reel_of_it(self, house: House) -> None:
        limited = house.member("adult", {"drive"}, name="limited")
        both, own = kit.finish(house), kit.finish(house, cameras=("drive",))
        page = limited.get("/reels").text
        assert f"/reels/{own}" in page
        assert f"/reels/{both}" not in page
        assert limited.get(f"/reels/{both}", headers=HTML).status_code == 404

    def test_guest_has_no_reels(self, house: House) -> None:
        guest = house.member("guest")
        assert guest.get("/reels", headers=HTML).status_code == 403
        assert 'href="/reels"' not in guest.get("/events").text


class TestDaily:
    def test_form_changes_the_file_and_keeps_its_comments(self, house: House, owner: FlaskClient) -> None:
        page = read(owner, "/settings/reels")
        form = next(one for one in page.forms if one.fields.get("section") == ["reels"])
        sent = {**form.fields, "daily": ["07:15"], "length": ["90"]}
        answer = owner.post("/settings/reels", data={name: values for name, values in sent.items() if values})
        assert answer.headers["Location"] == "/settings/reels?saved=1#top", answer.text
        text = settings(house).read_text(encoding="utf-8")
        assert 'daily = "07:15"' in text
        assert "# Everybody is up by then." in text
        assert 'length = "90s"' in text
        assert "at 07:15." in words(owner, "/reels")

    def test_time_lapse_of_chosen_cameras_is_turned_on(self, house: House, owner: FlaskClient) -> None:
        data = {"section": "timelapse", "on": "1", "daily": "05:00", "length": "60", "cameras": ["drive"], "smart": "1"}
        assert owner.post("/settings/reels", data=data).status_code == 303
        assert 'cameras = ["drive"]' in settings(house).read_text(encoding="utf-8")
        form = next(one for one in read(owner, "/settings/reels").forms if one.fields.get("section") == ["timelapse"])
        assert form.fields["cameras"] == ["drive"]
        assert form.fields["on"] == ["1"]

    def test_what_is_wrong_is_said_at_its_field(self, owner: FlaskClient) -> None:
        data = {"section": "reels", "on": "1", "daily": "25:00", "length": "60"}
        answer = owner.post("/settings/reels", data=data, headers=HTML)
        assert answer.status_code == 422
        said = ReadPage(answer.text).words["reels-daily-wrong"]
        assert " ".join(said.split()) == "“Every day at” must be a time of day, such as 22:30."


def test_time_lapse_is_asked_for(house: House, owner: FlaskClient) -> None:
    kit.ask(house, camera_id="drive", smart=False)
    row = newest(house)
    assert isinstance(params_of(row), TimelapseParams)
    assert "Time-lapse" in words(owner, f"/reels/{row.id}")
