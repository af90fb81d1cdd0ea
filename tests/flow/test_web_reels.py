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
from tests.export_kit import do_jobs
from tests.flow.test_export_movie import T0, record
from tests.recording_kit import Clip, make_clip
from vigilar.media.boxes import walk

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
        assert [gap["from"] for gap in facts["missing"]] == [T0 + 65_000]

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
        assert [(gap["from"], gap["to"]) for gap in facts["missing"]] == [(T0 + 60_000, T0 + 90_000)]
        assert facts["missing"][0]["words"].startswith("No recording 03:41 to 03:41: ")
        shown = sum(p["to_s"] - p["from_s"] for p in facts["parts"] if p["event_id"] == str(event))
        assert (shown > 3.0) is smart
        assert len(pictures(owner.get(facts["video"]).data)) * 40 == facts["length_ms"]

    def test_time_without_recordings_is_refused(self, owner: FlaskClient) -> None:
        body = {"camera": "front-door", "from": T0 + 61_000, "to": T0 + 89_000, "length_s": 10}
        assert owner.post("/api/v1/timelapses", json=body).status_code == 404
