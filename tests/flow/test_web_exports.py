"""Exports from click to file: form, job, download with ranges, links for others; who may, and what is told."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from tests.conftest import PATIENCE_S
from tests.export_kit import do_jobs
from tests.flow.test_export_movie import T0, probe, record, shown_times
from tests.recording_kit import Clip, make_clip
from vigilar.media.boxes import walk
from vigilar.playback.export.check import check_bundle
from vigilar.store import jobs as job_rows
from vigilar.store.exports import LIFE_MS, HeldRange, held_footage

PAGE = {"Accept": "text/html"}
DAY_MS = 24 * 3600 * 1000


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), has_sound=True)


@pytest.fixture
def house(tmp_path: Path, clip: Clip) -> Iterator[House]:
    with open_house(tmp_path) as house:
        for start in (0, 4, 8):
            record(house, clip, start, start + 4)
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


def ask(client: FlaskClient, from_s: float = 1.5, to_s: float = 10.5, *, proof: bool = False) -> str:
    body = {"camera": "front-door", "from": T0 + round(from_s * 1000), "to": T0 + round(to_s * 1000), "proof": proof}
    response = client.post("/api/v1/exports", json=body)
    assert response.status_code == 202, response.data
    found = response.get_json()
    assert found["id"] == found["job"]
    return str(found["id"])


def supply(house: House, level: str) -> None:
    """As the watch over the UPS says it."""
    house.parts.use_settings(replace(house.parts.cfg, power=(50, 600, 10)))
    process = {"title": "The watch over the UPS", "state": "running", "pid": 7, "restarts": 0}
    house.parts.board.set_processes({"ups": {**process, "status": {"level": level}}}, house.now_ms())


def test_export_says_that_it_waits_for_mains(house: House, owner: FlaskClient) -> None:
    export_id = ask(owner)
    for level, waits in (("mains", False), ("battery", True), ("low", True), ("mains", False)):
        supply(house, level)
        assert owner.get(f"/api/v1/jobs/{export_id}").get_json()["waits_for_mains"] is waits
        for path in ("/exports", f"/exports/{export_id}", "/system/jobs"):
            assert ("Waits for mains" in owner.get(path, headers=PAGE).text) is waits, (level, path)
        words = "The house runs on its battery: one waits for mains."
        assert (words in owner.get("/exports", headers=PAGE).text) is waits
    do_jobs(house)
    supply(house, "battery")
    assert "Waits for mains" not in owner.get("/exports", headers=PAGE).text, "it is made"


class TestMaking:
    def test_export_goes_from_wish_to_plain_file(self, house: House, owner: FlaskClient, tmp_path: Path) -> None:
        export_id = ask(owner)
        assert owner.get(f"/api/v1/exports/{export_id}").get_json()["state"] == "waiting"
        told = do_jobs(house)
        assert (told[0].state, told[-1].state, told[-1].source_id) == ("running", "done", "front-door")
        facts = owner.get(f"/api/v1/exports/{export_id}").get_json()
        assert (facts["state"], facts["percent"], facts["length_ms"], facts["pictures"]) == ("done", 100, 9000, 90)
        [file] = facts["files"]
        assert file["name"] == "Front door 2026-02-02 03.40.01 CET.mp4"
        data = owner.get(file["url"]).data
        assert len(data) == file["bytes"]
        assert [one.kind for one in walk(data)] == [b"ftyp", b"moov", b"mdat"]
        path = tmp_path / "a.mp4"
        path.write_bytes(data)
        assert shown_times(path) == [round(index / 10, 3) for index in range(90)]
        assert float(probe(path, "-show_entries", "format=duration")["format"]["duration"]) == pytest.approx(
            9, abs=0.01
        )

    def test_export_with_proof_is_a_bundle_that_checks(self, house: House, owner: FlaskClient, tmp_path: Path) -> None:
        export_id = ask(owner, proof=True)
        do_jobs(house)
        facts = owner.get(f"/api/v1/exports/{export_id}").get_json()
        bundle, movie = facts["files"]
        path = tmp_path / "a.zip"
        path.write_bytes(owner.get(bundle["url"]).data)
        report = check_bundle(path)
        assert report.is_exact
        assert report.proof_code == facts["proof_code"]
        manifest = json.loads(zipfile.ZipFile(path).read("proof/manifest.json"))
        assert (manifest["house"], manifest["made_by"], manifest["zone"]) == ("Lindenweg 4", "sam", "Europe/Berlin")
        assert zipfile.ZipFile(path).read(movie["name"]) == owner.get(movie["url"]).data

    def test_form_works_without_script(self, house: House, owner: FlaskClient) -> None:
        form = {"camera": "front-door", "from": "2026-02-02T03:40:01", "to": "2026-02-02T03:40:05", "proof": "1"}
        response = owner.post("/exports", data=form, headers=PAGE)
        assert response.status_code == 303
        page = owner.get(response.location, headers=PAGE).get_data(as_text=True)
        assert "Waiting" in page
        do_jobs(house)
        page = owner.get(response.location, headers=PAGE).get_data(as_text=True)
        assert "Front door 2026-02-02 03.40.01 CET with proof.zip" in page
        assert "Front door" in owner.get("/exports", headers=PAGE).get_data(as_text=True)

    @pytest.mark.parametrize(
        ("from_text", "to_text", "status", "words"),
        [
            ("2026-02-02T03:40:05", "2026-02-02T03:40:05", 422, "The end lies before the start."),
            ("2026-02-02T03:40:05", "yesterday", 422, "Say a day and a time"),
            ("2026-02-01T00:00", "2026-02-03T00:00", 422, "at most one day"),
            ("2026-01-01T00:00", "2026-01-01T01:00", 404, "Nothing was recorded in this time."),
            ("2999-01-01T00:00", "2999-01-01T01:00", 422, "That time has not come yet."),
        ],
    )
    def test_form_says_what_is_wrong(
        self, owner: FlaskClient, from_text: str, to_text: str, status: int, words: str
    ) -> None:
        form = {"camera": "front-door", "from": from_text, "to": to_text}
        response = owner.post("/exports", data=form, headers=PAGE)
        assert response.status_code == status
        page = response.get_data(as_text=True)
        assert words in page
        assert f'value="{from_text}"' in page, "what was typed stays"

    def test_event_is_saved_by_the_same_code(self, house: House, owner: FlaskClient, tmp_path: Path) -> None:
        event = house.event(ts_ms=T0 + 7_000, length_ms=1_000)
        page = owner.get(f"/events/{event.id}", headers=PAGE).get_data(as_text=True)
        assert "Save clip (MP4)" in page
        saved = owner.get(f"/events/{event.id}/clip.mp4")
        assert [one.kind for one in walk(saved.data)] == [b"ftyp", b"moov", b"mdat"]
        assert 'filename="Front door 2026-02-02 03.40.06 CET.mp4"' in saved.headers["Content-Disposition"]
        response = owner.post("/exports", data={"event": str(event.id), "proof": "1"}, headers=PAGE)
        do_jobs(house)
        facts = owner.get(f"/api/v1{response.location}").get_json()
        assert facts["state"] == "done"
        assert owner.get(facts["files"][1]["url"]).data == saved.data

    def test_asked_twice_is_made_once(self, owner: FlaskClient) -> None:
        assert ask(owner) == ask(owner)

    def test_same_wish_by_iso_times(self, owner: FlaskClient) -> None:
        body = {"camera": "front-door", "from": "2026-02-02T02:40:01.500Z", "to": "2026-02-02T02:40:10.500Z"}
        assert owner.post("/api/v1/exports", json=body).get_json()["id"] == ask(owner)


class TestFiles:
    def test_safari_asks_for_two_bytes_first(self, house: House, owner: FlaskClient) -> None:
        export_id = ask(owner)
        do_jobs(house)
        url = f"/exports/{export_id}/files/0?play"
        whole = owner.get(url).data
        first = owner.get(url, headers={"Range": "bytes=0-1"})
        assert (first.status_code, first.data) == (206, whole[:2])
        assert first.headers["Content-Range"] == f"bytes 0-1/{len(whole)}"
        assert first.headers["Content-Disposition"].startswith("inline;")
        rest = owner.get(url, headers={"Range": "bytes=1000-", "If-Range": first.headers["ETag"]})
        assert (rest.status_code, rest.data) == (206, whole[1000:])
        assert owner.get(url, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416

    def test_nothing_decrypted_lies_on_the_disk(self, house: House, owner: FlaskClient) -> None:
        export_id = ask(owner, proof=True)
        do_jobs(house)
        data = owner.get(f"/exports/{export_id}/files/1").data
        media, setup = data[-2000:-1900], data[data.index(b"avcC") :][:24]
        for path in house.folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert media not in content, path
                assert setup not in content, path

    def test_recording_that_went_is_told(self, house: House, owner: FlaskClient) -> None:
        export_id = ask(owner)
        do_jobs(house)
        for path in (house.folder / "footage").rglob("*.vge"):
            path.unlink()
        response = owner.get(f"/exports/{export_id}/files/0", headers={"Range": "bytes=20000-"})
        assert response.status_code == 404
        assert response.get_json()["type"] == "recording.gone"

    def test_lost_plan_is_made_again(self, house: House, owner: FlaskClient) -> None:
        export_id = ask(owner)
        do_jobs(house)
        for path in (house.folder / "exports").glob("*.vge"):
            path.unlink()
        assert owner.get(f"/exports/{export_id}/files/0").get_json()["type"] == "export.gone"
        page = owner.get(f"/exports/{export_id}", headers=PAGE).get_data(as_text=True)
        assert "Make it again" in page
        again = owner.post(f"/exports/{export_id}/again", headers=PAGE)
        do_jobs(house)
        assert owner.get(again.location + "/files/0").status_code == 200

    def test_file_that_is_not_ready_or_not_there(self, house: House, owner: FlaskClient) -> None:
        export_id = ask(owner)
        assert owner.get(f"/exports/{export_id}/files/0").get_json()["type"] == "export.not_ready"
        do_jobs(house)
        assert owner.get(f"/exports/{export_id}/files/1").status_code == 404
        assert owner.get("/exports/77/files/0").status_code == 404


class TestJobs:
    def test_waiting_job_is_cancelled_and_forgotten(self, house: House, owner: FlaskClient) -> None:
        export_id = ask(owner)
        assert owner.delete(f"/api/v1/exports/{export_id}").status_code == 409
        assert owner.post(f"/api/v1/jobs/{export_id}/cancel").get_json()["state"] == "cancelled"
        [job] = owner.get("/api/v1/jobs").get_json()["jobs"]
        assert (job["state"], job["kind"], job["title"]) == ("cancelled", "export", "Front door")
        assert owner.delete(f"/api/v1/exports/{export_id}").status_code == 204
        assert owner.get(f"/api/v1/jobs/{export_id}").status_code == 404

    def test_failed_export_says_why_and_can_be_tried_again(self, house: House, owner: FlaskClient) -> None:
        export_id = ask(owner)
        key = next((house.folder / "secrets").glob("recording-key-*"))
        held = key.read_bytes()
        key.unlink()
        do_jobs(house)
        facts = owner.get(f"/api/v1/exports/{export_id}").get_json()
        assert facts["state"] == "failed"
        assert "key" in facts["error"]
        page = owner.get(f"/exports/{export_id}", headers=PAGE).get_data(as_text=True)
        assert "Try again" in page
        key.write_bytes(held)
        key.chmod(0o600)
        owner.post(f"/exports/{export_id}/again")
        do_jobs(house)
        assert owner.get("/api/v1/exports").get_json()["exports"][0]["state"] == "done"

    def test_footage_is_held_while_the_export_lives(self, house: House, owner: FlaskClient) -> None:
        export_id = ask(owner)
        do_jobs(house)
        now_ms = house.now_ms()

        def held_at(at_ms: int) -> list[HeldRange]:
            with house.store.sql_read("read the footage of exports") as run:
                return held_footage(run, at_ms)

        [held] = held_at(now_ms)
        assert (held.camera_id, held.from_ms, held.to_ms) == ("front-door", T0 + 1500, T0 + 10_500)
        assert held_at(now_ms + LIFE_MS + 60_000) == []
        owner.post(f"/exports/{export_id}/delete")
        assert held_at(now_ms) == []
        assert list((house.folder / "exports").glob("*.vge")) == []

    def test_who_asked_is_in_the_row(self, house: House, owner: FlaskClient) -> None:
        export_id = ask(owner)
        row = job_rows.get_job(house.store, int(export_id))
        assert row is not None
        assert row.made_by is not None

    def test_pages_are_told_by_the_stream(self, house: House, owner: FlaskClient) -> None:
        listener = house.parts.hub.subscribe()
        export_id = ask(owner)
        notice = listener.get(PATIENCE_S)
        assert notice is not None
        assert (notice.name, notice.source_id) == ("job", "front-door")
        assert json.loads(notice.data)["id"] == export_id


class TestWhoMay:
    def test_camera_that_is_hidden_hides_its_exports(self, house: House, owner: FlaskClient) -> None:
        export_id = ask(owner)
        do_jobs(house)
        limited = house.member("adult", ["garden"], "Kim")
        assert limited.get("/api/v1/exports").get_json() == {"exports": []}
        assert limited.get("/api/v1/jobs").get_json() == {"jobs": []}
        for path in (f"/api/v1/exports/{export_id}", f"/api/v1/jobs/{export_id}", f"/exports/{export_id}/files/0"):
            assert limited.get(path).status_code == 404
        assert limited.post(f"/api/v1/jobs/{export_id}/cancel").status_code == 404
        body = {"camera": "front-door", "from": T0, "to": T0 + 1000}
        assert limited.post("/api/v1/exports", json=body).status_code == 404

    def test_adult_may_and_child_may_not(self, house: House, owner: FlaskClient) -> None:
        event = house.event(ts_ms=T0 + 7_000, length_ms=1_000)
        child = house.member("child", None, "Ida")
        assert child.get("/exports", headers=PAGE).status_code == 403
        assert "Save clip" not in child.get(f"/events/{event.id}", headers=PAGE).get_data(as_text=True)
        assert house.member("adult", None, "Kim").get("/exports", headers=PAGE).status_code == 200


class TestShares:
    @pytest.fixture
    def shared(self, house: House, owner: FlaskClient) -> tuple[str, str]:
        """An export and the path of a link to it."""
        export_id = ask(owner)
        do_jobs(house)
        response = owner.post(f"/api/v1/exports/{export_id}/shares", json={"days": 7})
        assert response.status_code == 201
        return export_id, "/s/" + response.get_json()["url"].rpartition("/")[2]

    def test_link_opens_its_export_and_nothing_else(
        self, house: House, owner: FlaskClient, shared: tuple[str, str]
    ) -> None:
        export_id, path = shared
        stranger = house.client(signed_in=False)
        page = stranger.get(path, headers=PAGE)
        text = page.get_data(as_text=True)
        assert "Front door 2026-02-02 03.40.01 CET.mp4" in text
        assert "Set-Cookie" not in page.headers
        assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert "Sign out" not in text
        assert 'href="/events"' not in text
        data = stranger.get(f"{path}/0").data
        assert data == owner.get(f"/exports/{export_id}/files/0").data
        assert stranger.get(f"{path}/1").status_code == 404
        assert stranger.get(f"/exports/{export_id}/files/0").status_code == 401
        assert stranger.get("/s/").status_code in (401, 404)

    def test_downloads_are_logged_and_shown(self, house: House, owner: FlaskClient, shared: tuple[str, str]) -> None:
        export_id, path = shared
        stranger = house.client(signed_in=False)
        for byte_range in ("bytes=0-1", "bytes=0-", "bytes=500-"):
            stranger.get(f"{path}/0", headers={"Range": byte_range, "User-Agent": "Phone"})
        [share] = owner.get(f"/api/v1/exports/{export_id}/shares").get_json()["shares"]
        assert [(use["address"], use["user_agent"]) for use in share["uses"]] == [("127.0.0.1", "Phone")]
        page = owner.get(f"/exports/{export_id}", headers=PAGE).get_data(as_text=True)
        assert "Opened 1 time" in page
        assert "127.0.0.1" in page

    def test_link_ends_on_its_day(
        self, house: House, owner: FlaskClient, shared: tuple[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, path = shared
        stranger = house.client(signed_in=False)
        later = house.now_ms() + 7 * DAY_MS
        monkeypatch.setattr(type(house.parts), "now_ms", lambda _self: later)
        for one in (path, f"{path}/0"):
            response = stranger.get(one)
            assert (response.status_code, response.get_json()["type"]) == (410, "share.over")

    def test_link_is_taken_back(self, house: House, owner: FlaskClient, shared: tuple[str, str]) -> None:
        export_id, path = shared
        page = owner.get(f"/exports/{export_id}", headers=PAGE).get_data(as_text=True)
        found = re.search(r'name="share" value="([0-9a-f]{64})"', page)
        assert found is not None
        assert owner.post(f"/exports/{export_id}/revoke", data={"share": found[1]}).status_code == 303
        assert house.client(signed_in=False).get(f"{path}/0").status_code == 410
        assert owner.post(f"/exports/{export_id}/revoke", data={"share": "zz"}).status_code == 404

    def test_token_is_stored_nowhere(self, house: House, owner: FlaskClient, shared: tuple[str, str]) -> None:
        token = shared[1].removeprefix("/s/").encode()
        for path in house.folder.rglob("*"):
            if path.is_file():
                assert token not in path.read_bytes(), path

    def test_guessing_is_slowed_down(self, house: House, owner: FlaskClient, shared: tuple[str, str]) -> None:
        stranger = house.client(signed_in=False)
        answers = [stranger.get("/s/" + "A" * 43).status_code for _ in range(21)]
        assert answers == [404] * 20 + [429]

    def test_new_link_is_shown_once(self, house: House, owner: FlaskClient, shared: tuple[str, str]) -> None:
        export_id, _ = shared
        page = owner.post(f"/exports/{export_id}/share", data={"days": "1"}, headers=PAGE).get_data(as_text=True)
        found = re.search(r"/s/[\w-]{43}", page)
        assert found is not None
        assert house.client(signed_in=False).get(found[0]).status_code == 200
        assert found[0] not in owner.get(f"/exports/{export_id}", headers=PAGE).get_data(as_text=True)
        assert owner.post(f"/exports/{export_id}/share", data={"days": "400"}).status_code == 422

    def test_checker_page_needs_no_account_and_reaches_nothing(self, house: House) -> None:
        page = house.client(signed_in=False).get("/verify", headers=PAGE)
        assert page.status_code == 200
        assert "Is this video exactly what was exported?" in page.get_data(as_text=True)
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none';")
        assert "connect-src" not in policy

    def test_links_end_with_their_export(self, house: House, owner: FlaskClient, shared: tuple[str, str]) -> None:
        export_id, path = shared
        owner.post(f"/exports/{export_id}/delete")
        assert house.client(signed_in=False).get(path).status_code == 404
