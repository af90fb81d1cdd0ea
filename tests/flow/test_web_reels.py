"""Reels and time-lapses from wish to film: preview, job, ranges, who may see, what is missing, what goes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from tests.export_kit import do_jobs, work_job
from tests.flow.test_export_movie import T0, record
from tests.recording_kit import Clip, make_clip
from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.config.areas import Zone, dump_areas
from vigilar.media.boxes import walk
from vigilar.processes.reel_tidy import tidy
from vigilar.processes.reel_watch import ReelWatch
from vigilar.store import erasures
from vigilar.vge.key_store import add_epoch
from vigilar.vge.keys import KeyRing
from vigilar.vge.places import sealed_files
from vigilar.vge.rewrap import is_moved, rewrap_files
from vigilar.vge.writer import VgeWriter
from vigilar.web.blueprints.events import _may_hear
from vigilar.web.rights import Member
from vigilar.web.visible import VisibleCameras

LEFT_HALF = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
RANGE = {"from": T0, "to": T0 + 120_000}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def house(tmp_path: Path, clip: Clip) -> Iterator[House]:
    """A minute of front door, and half of one after half a minute without."""
    with open_house(tmp_path) as house:
        record(house, clip, 0, 60)
        record(house, clip, 90, 120)
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


def visit(house: House, at_s: float, length_s: float = 8.0, what: str = "person", **more: Any) -> int:
    return house.event(ts_ms=T0 + round(at_s * 1000), length_ms=round(length_s * 1000), what=what, **more).id


def ask(client: FlaskClient, path: str = "reels", **body: Any) -> str:
    wanted = {"length_s": 10, **RANGE, **({"cameras": ["front-door"]} if path == "reels" else {}), **body}
    response = client.post(f"/api/v1/{path}", json=wanted)
    assert response.status_code == 202, response.data
    return str(response.get_json()["id"])


def one(client: FlaskClient, reel_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/v1/reels/{reel_id}").get_json()
    return found


def pictures(data: bytes) -> list[np.ndarray[Any, Any]]:
    with av.open(io.BytesIO(data), "r") as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


class TestReel:
    def test_reel_shows_moments_at_the_length_asked(self, house: House, owner: FlaskClient) -> None:
        ids = [
            visit(house, at, what=what) for at, what in ((5, "person"), (20, "vehicle"), (45, "cat"), (95, "person"))
        ]
        reel_id = ask(owner)
        assert one(owner, reel_id)["state"] == "waiting"
        told = do_jobs(house)
        assert {message.step for message in told} >= {"Joining the moments"}
        assert [m.percent for m in told] == sorted(m.percent for m in told)
        facts = one(owner, reel_id)
        assert (facts["state"], facts["error"], facts["nothing"]) == ("done", None, None)
        assert abs(facts["length_ms"] - 10_000) <= 200
        assert {int(part["event_id"]) for part in facts["parts"]} <= set(ids)
        assert facts["parts"][0]["from_s"] == 0.0
        assert facts["parts"][-1]["to_s"] == facts["length_ms"] / 1000
        assert all(a["to_s"] == b["from_s"] for a, b in zip(facts["parts"], facts["parts"][1:], strict=False))
        data = owner.get(facts["video"]).data
        assert [box.kind for box in walk(data)] == [b"ftyp", b"moov", b"mdat"]
        assert len(pictures(data)) * 40 == facts["length_ms"]
        assert owner.get(facts["poster"]).data[:2] == b"\xff\xd8"
        assert facts["bytes"] == (house.folder / "reels" / f"{int(reel_id):06d}.vge").stat().st_size

    def test_preview_is_what_is_made(self, house: House, owner: FlaskClient) -> None:
        for at in (5, 20, 45, 95):
            visit(house, at)
        body = {"length_s": 10, "cameras": ["front-door"], **RANGE}
        preview = owner.post("/api/v1/reels/preview", json=body).get_json()
        assert preview["length_s"] == 10
        reel_id = ask(owner)
        do_jobs(house)
        made = one(owner, reel_id)
        assert [part["event_id"] for part in made["parts"]] == [m["event_id"] for m in preview["moments"]]
        dropped = preview["moments"][0]["event_id"]
        after = owner.post("/api/v1/reels/preview", json={**body, "without": [dropped]}).get_json()
        assert dropped not in [m["event_id"] for m in after["moments"]]

    def test_short_material_makes_a_short_reel_and_says_so(self, house: House, owner: FlaskClient) -> None:
        visit(house, 5, 4.0)
        preview = owner.post("/api/v1/reels/preview", json={"length_s": 60, "cameras": None, **RANGE}).get_json()
        assert preview["sentence"] == "1 moment in 7 seconds. There is no more to show."
        reel_id = ask(owner, length_s=60)
        do_jobs(house)
        assert one(owner, reel_id)["length_ms"] == 7000

    def test_quiet_day_makes_no_file(self, house: House, owner: FlaskClient) -> None:
        reel_id = ask(owner)
        do_jobs(house)
        facts = one(owner, reel_id)
        assert (facts["state"], facts["nothing"], facts["video"]) == ("done", "Quiet day, no reel made.", None)
        assert list(house.folder.glob("reels/*")) == []
        assert owner.get(f"/reels/{reel_id}/video.mp4").status_code == 404

    def test_moment_without_recording_is_named_as_missing(self, house: House, owner: FlaskClient) -> None:
        visit(house, 5)
        visit(house, 66)
        reel_id = ask(owner)
        do_jobs(house)
        facts = one(owner, reel_id)
        assert len(facts["parts"]) == 1
        assert [gap["from_ms"] for gap in facts["missing"]] == [T0 + 65_000]

    def test_private_area_is_black_in_the_film(self, house: House, owner: FlaskClient) -> None:
        visit(house, 5)
        films = [ask(owner, clock=False), ask(owner, "timelapses", camera="front-door", clock=False, smart=False)]
        left = Zone.model_validate({"id": "left", "name": "Left", "kind": "private", "points": LEFT_HALF})
        do_jobs(house, areas=(("front-door", dump_areas((left,), ())),))
        for film in films:
            shown = pictures(owner.get(one(owner, film)["video"]).data)
            assert len(shown) == 250
            middle = shown[0].shape[1] // 2
            for picture in shown:
                assert picture[:, : middle - 8].max() < 25, "the bar goes through it, and nothing of it is seen"
            assert max(picture[:, middle + 8 :].max() for picture in shown) > 150

    def test_name_and_time_are_in_the_picture(self, house: House, owner: FlaskClient) -> None:
        visit(house, 5)
        films = [ask(owner, clock=True), ask(owner, clock=False)]
        do_jobs(house)
        written, plain = (pictures(owner.get(one(owner, film)["video"]).data)[20] for film in films)
        assert written[-20:, :60].max() > 220
        assert plain[-20:, :60].max() <= 210

    def test_nothing_of_it_is_plain_on_the_disk(self, house: House, owner: FlaskClient) -> None:
        visit(house, 5)
        reel_id = ask(owner)
        do_jobs(house)
        data = owner.get(one(owner, reel_id)["video"]).data
        assert b"moov" in data
        for path in house.folder.rglob("*"):
            if path.is_file():
                held = path.read_bytes()
                assert not any(word in held for word in (b"ftypisom", b"moov", b"mdat", b"JFIF", b"x264")), path


class TestRanges:
    @pytest.fixture
    def film(self, house: House, owner: FlaskClient) -> str:
        visit(house, 5)
        reel_id = ask(owner)
        do_jobs(house)
        return f"/reels/{reel_id}/video.mp4"

    def test_every_range_is_that_part_of_the_whole(self, owner: FlaskClient, film: str) -> None:
        whole = owner.get(film)
        assert (whole.status_code, whole.headers["Accept-Ranges"]) == (200, "bytes")
        size = len(whole.data)
        for start, stop in ((0, 1), (0, 700), (500, 5000), (size // 2, size), (size - 1, size)):
            part = owner.get(film, headers={"Range": f"bytes={start}-{stop - 1}"})
            assert (part.status_code, part.data) == (206, whole.data[start:stop]), (start, stop)
        assert owner.get(film, headers={"Range": f"bytes={size}-"}).status_code == 416
        head = owner.head(film)
        assert (head.data, head.headers["Content-Length"]) == (b"", str(size))
        other = owner.get(film, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
        assert (other.status_code, len(other.data)) == (200, size)

    def test_download_has_a_name(self, owner: FlaskClient, film: str) -> None:
        shown = owner.get(film).headers["Content-Disposition"]
        saved = owner.get(f"{film}?download=1").headers["Content-Disposition"]
        assert shown.startswith("inline; ")
        assert saved.startswith('attachment; filename="Front door 2026-02-02 reel.mp4"')

    def test_flipped_byte_sends_nothing_of_its_record(self, house: House, owner: FlaskClient, film: str) -> None:
        (path,) = (house.folder / "reels").glob("*.vge")
        data = bytearray(path.read_bytes())
        data[len(data) // 3] ^= 1
        path.write_bytes(data)
        with pytest.raises(Exception, match="damaged"):
            _ = owner.get(film).data


class TestTimelapse:
    @pytest.mark.parametrize("smart", [False, True])
    def test_time_lapse_has_the_length_asked_and_leaves_gaps_out(
        self, house: House, owner: FlaskClient, smart: bool
    ) -> None:
        event = visit(house, 20, 4.0)
        reel_id = ask(owner, "timelapses", camera="front-door", smart=smart)
        do_jobs(house)
        facts = one(owner, reel_id)
        assert (facts["kind"], facts["state"], facts["error"]) == ("timelapse", "done", None)
        assert abs(facts["length_ms"] - 10_000) <= 1000
        assert [(gap["from_ms"], gap["to_ms"]) for gap in facts["missing"]] == [(T0 + 60_000, T0 + 90_000)]
        assert facts["missing"][0]["words"].startswith("No recording 03:41 to 03:41: ")
        shown = sum(p["to_s"] - p["from_s"] for p in facts["parts"] if p["event_id"] == str(event))
        assert (shown > 3.0) is smart
        assert len(pictures(owner.get(facts["video"]).data)) * 40 == facts["length_ms"]

    def test_time_without_recordings_is_refused(self, owner: FlaskClient) -> None:
        body = {"camera": "front-door", "from": T0 + 61_000, "to": T0 + 89_000, "length_s": 10}
        assert owner.post("/api/v1/timelapses", json=body).status_code == 404


class TestWhoMay:
    def test_member_sees_a_reel_only_with_all_its_cameras(self, house: House, owner: FlaskClient) -> None:
        visit(house, 5)
        kim = house.member("adult", ["front-door"], "Kim")
        both = ask(owner, cameras=["front-door", "garden"])
        one_camera = ask(owner)
        do_jobs(house)
        assert [found["id"] for found in kim.get("/api/v1/reels").get_json()["reels"]] == [one_camera]
        assert [job["id"] for job in kim.get("/api/v1/jobs").get_json()["jobs"]] == [one_camera]
        for path in (
            f"/api/v1/reels/{both}",
            f"/api/v1/jobs/{both}",
            f"/reels/{both}/video.mp4",
            f"/reels/{both}/poster.jpg",
        ):
            assert owner.get(path).status_code == 200, path
            assert kim.get(path).status_code == 404, path
        assert kim.delete(f"/api/v1/reels/{both}").status_code == 404
        assert kim.patch(f"/api/v1/reels/{both}", json={"is_kept": True}).status_code == 404
        body = {"length_s": 10, **RANGE}
        assert kim.post("/api/v1/reels", json={**body, "cameras": ["front-door", "garden"]}).status_code == 404
        mine = kim.post("/api/v1/reels", json={**body, "cameras": None}).get_json()["id"]
        assert one(kim, mine)["cameras"] == ["front-door"]
        assert "Reel" in kim.get("/system/jobs", headers={"Accept": "text/html"}).text

    def test_page_is_told_only_with_all_its_cameras(self, house: House, owner: FlaskClient) -> None:
        listener = house.parts.hub.subscribe()
        house.member("adult", ["front-door"], "Kim")
        ask(owner, cameras=["front-door", "garden"])
        notice = listener.get(10.0)
        assert notice is not None
        assert (notice.source_id, notice.more_sources) == ("front-door", ("garden",))
        for cameras, hears in ((["front-door"], False), (["garden"], False), (["garden", "front-door"], True)):
            member = Member(7, "Kim", "adult", frozenset(cameras))
            visible = VisibleCameras(member, house.parts.cameras, house.store, house.now_ms)
            assert _may_hear(house.parts, visible, notice) is hears

    def test_child_looks_and_makes_none(self, house: House, owner: FlaskClient) -> None:
        visit(house, 5)
        reel_id = ask(owner)
        do_jobs(house)
        child = house.member("child", None, "Ida")
        assert child.get(f"/reels/{reel_id}/video.mp4").status_code == 200
        assert child.delete(f"/api/v1/reels/{reel_id}").status_code == 403
        assert child.post("/api/v1/reels", json={"length_s": 10, **RANGE}).status_code == 403
        assert house.member("guest", None, "Gus").get("/api/v1/reels").status_code == 403


class TestLife:
    @pytest.fixture
    def made(self, house: House, owner: FlaskClient) -> str:
        visit(house, 5)
        reel_id = ask(owner)
        do_jobs(house)
        return reel_id

    def test_it_goes_after_thirty_days_unless_kept(self, house: House, owner: FlaskClient, made: str) -> None:
        kept = ask(owner, length_s=11)
        do_jobs(house)
        assert owner.patch(f"/api/v1/reels/{kept}", json={"is_kept": True}).get_json()["is_kept"] is True
        ends_ms = one(owner, made)["ends_ms"]
        tidy(work_job(house), house.store, ends_ms - 60_000)
        assert len(list(house.folder.glob("reels/*.vge"))) == 2
        tidy(work_job(house), house.store, ends_ms + 60_000)
        assert [path.name for path in house.folder.glob("reels/*.vge")] == [f"{int(kept):06d}.vge"]
        assert owner.get(f"/api/v1/reels/{made}").status_code == 404

    def test_file_without_a_row_goes(self, house: House, made: str) -> None:
        (path,) = house.folder.glob("reels/*.vge")
        other = path.with_name("000999.vge")
        other.write_bytes(b"left")
        tidy(work_job(house), house.store, house.now_ms())
        assert path.exists()
        assert not other.exists()

    def test_deleted_one_is_gone(self, house: House, owner: FlaskClient, made: str) -> None:
        assert owner.delete(f"/api/v1/reels/{made}").status_code == 204
        assert list(house.folder.glob("reels/*.vge")) == []
        assert owner.get("/api/v1/reels").get_json() == {"reels": []}

    def test_one_without_its_file_says_so_and_is_made_again(self, house: House, owner: FlaskClient, made: str) -> None:
        assert owner.post(f"/api/v1/reels/{made}/again").status_code == 409
        for path in house.folder.glob("reels/*.vge"):
            path.unlink()
        facts = one(owner, made)
        assert (facts["video"], facts["error"]) == (None, "Its file is not there any more. Make it again.")
        again = owner.post(f"/api/v1/reels/{made}/again").get_json()["id"]
        do_jobs(house)
        assert one(owner, again)["video"] == f"/reels/{again}/video.mp4"
        assert owner.get(f"/api/v1/reels/{made}").status_code == 404

    def test_footage_that_somebody_lets_go_takes_its_films_along(
        self, house: House, owner: FlaskClient, made: str
    ) -> None:
        visit(house, 100)
        lapse = ask(owner, "timelapses", camera="front-door")
        late = ask(owner, "reels", **{"from": T0 + 90_000})
        do_jobs(house)
        first = house.parts.footage.rows("front-door", T0, T0 + 1000)[0]
        with house.store.sql_write("let go") as run:
            erasures.ask(run, [first.id], "Sam", house.now_ms())
        assert [found["id"] for found in owner.get("/api/v1/reels").get_json()["reels"]] == [late]
        assert owner.get(f"/reels/{made}/video.mp4").status_code == 404
        assert owner.get(f"/reels/{late}/video.mp4").status_code == 200
        ReelWatch().look(work_job(house), house.store, house.now_ms(), 0.0)
        assert [path.name for path in house.folder.glob("reels/*.vge")] == [f"{int(late):06d}.vge"]
        for gone in (made, lapse):
            assert owner.get(f"/api/v1/reels/{gone}").status_code == 404

    def test_new_key_opens_it_alone_after_moving(self, house: House, owner: FlaskClient, made: str) -> None:
        (path,) = house.folder.glob("reels/*.vge")
        before = owner.get(f"/reels/{made}/video.mp4").data
        secrets = house.parts.cfg.secrets_dir
        add_epoch(secrets)
        assert path in set(sealed_files(house.folder))
        rewrap_files(sealed_files(house.folder), KeyRing.load(secrets))
        assert is_moved(path, KeyRing.load(secrets))
        assert owner.get(f"/reels/{made}/video.mp4").data == before

    def test_full_disk_fails_with_a_sentence(
        self, house: House, owner: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        visit(house, 5)
        reel_id = ask(owner)

        def refuse(*_args: object, **_named: object) -> None:
            raise RecordingError("No space left on device", kind=ErrorKind.FULL)

        monkeypatch.setattr(VgeWriter, "append_media", refuse)
        do_jobs(house)
        facts = one(owner, reel_id)
        assert facts["state"] == "failed"
        assert facts["error"].startswith("The disk is full, so the film could not be stored.")
        assert list(house.folder.glob("reels/*")) == []
        monkeypatch.undo()
        again = owner.post(f"/api/v1/reels/{reel_id}/again").get_json()["id"]
        do_jobs(house)
        assert one(owner, again)["state"] == "done"

    def test_storage_counts_it(self, owner: FlaskClient, made: str) -> None:
        assert owner.get("/api/v1/storage").get_json()["film_bytes"] == one(owner, made)["bytes"] > 0


class TestWishes:
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"length_s": 9}, "length_s"),
            ({"length_s": 601}, "length_s"),
            ({"to": T0 - 1}, "to"),
            ({"style": "best"}, "style"),
            ({"kinds": ["ghost"]}, "kinds"),
            ({"kinds": []}, "kinds"),
            ({"cameras": []}, "cameras"),
            ({"without": ["x"]}, "without"),
            ({"from": "yesterday"}, "from"),
        ],
    )
    def test_what_cannot_be_is_said(self, owner: FlaskClient, body: dict[str, Any], field: str) -> None:
        wanted = {"length_s": 10, "cameras": ["front-door"], **RANGE, **body}
        for path in ("reels", "reels/preview"):
            answer = owner.post(f"/api/v1/{path}", json=wanted)
            assert (answer.status_code, answer.get_json()["field"]) == (422, field)

    def test_double_click_makes_one(self, house: House, owner: FlaskClient) -> None:
        assert ask(owner) == ask(owner)
