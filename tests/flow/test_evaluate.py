"""``vigilar evaluate`` over clips made on the spot: what it reads, runs, counts and says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.detect_kit import still, walk_by
from tests.film_kit import film
from vigilar.base.errors import ExitCode
from vigilar.cli.program import run
from vigilar.demo.scenes import SCENES, ensure_clip
from vigilar.evaluate.truth import kinds_of
from vigilar.media.tile import encode_tile


def write_truth(folder: Path, clips: dict[str, Any], images: dict[str, Any] | None = None) -> Path:
    (folder / "groundtruth.json").write_text(json.dumps({"clips": clips, "images": images or {}}))
    return folder


def label(*visits: tuple[float, float], quiet: tuple[tuple[float, float], ...] = (), **more: Any) -> dict[str, Any]:
    events = [{"start": a, "end": b, "object": "person", "category": "person"} for a, b in visits]
    return {"events": events, "quiet": quiet, "tolerance": 0.4, **more}


def measure(folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    assert run(["evaluate", str(folder), "--json", "--rounds", "1", "--no-motion", *more]) == ExitCode.OK
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.long
def test_visit_is_found_and_counted_on_both_sides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film(tmp_path / "clips" / "walk.mp4", walk_by(8.3, 11), 16, 10, 20)
    film(tmp_path / "clips" / "still.mp4", still, 12, 10, 20)
    walk = label((8.3, 11.0), quiet=((0, 8), (11.6, 16)))
    found = measure(write_truth(tmp_path, {"walk.mp4": walk, "still.mp4": label(quiet=((0, 12),))}), capsys)
    clip, all_of_it = found["clips"]["walk.mp4"], found["all"]
    assert (clip["found"], clip["events"], clip["recall"], clip["false_starts"]) == (1, 1, 1.0, 0)
    assert 0 <= clip["delays_s"][0] < 0.6
    assert clip["preroll_whole"] == 1
    assert found["clips"]["still.mp4"]["recall"] is None
    assert (all_of_it["recall"], all_of_it["peer_recall"], all_of_it["false_starts"]) == (1.0, 1.0, 0)
    assert 0 < all_of_it["cpu_ratio"] < 2
    assert all_of_it["delay_p95_s"] == pytest.approx(clip["delays_s"][0], abs=0.01)


@pytest.mark.long
def test_installed_model_names_what_comes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The demo's own, on the demo's own person: it knows drawn figures and nothing else."""
    house = tmp_path / "house"
    (tmp_path / "clips").mkdir()
    (tmp_path / "images").mkdir()
    street = ensure_clip(SCENES[0], tmp_path)
    street.main.rename(tmp_path / "clips" / "street.mp4")
    wall = av.VideoFrame.from_ndarray(np.full((240, 320, 3), 90, np.uint8), format="rgb24")
    (tmp_path / "images" / "wall.jpg").write_bytes(encode_tile(wall, 320))
    write_truth(tmp_path, {"street.mp4": label((22.5, 34.5))}, {"wall.jpg": {"objects": [], "categories": []}})
    assert run(["models", "install", "drawn-scenes", "--data-dir", str(house)]) == ExitCode.OK
    capsys.readouterr()
    found = measure(tmp_path, capsys, "--no-peer", "--data-dir", str(house))
    assert found["model"] == "drawn-scenes"
    assert found["clips"]["street.mp4"]["labels"]["person"]["recall"] == 1.0
    assert found["all"]["labels"]["all"]["there"] == 1
    assert (found["images"]["labels"] == {}) == (found["images"]["empty_with_find"] == 0), "a find is a name told"


def test_small_stream_is_looked_at_by_the_labels_of_its_main(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film(tmp_path / "clips" / "main.mp4", walk_by(6, 8), 10, 10, 20)
    film(tmp_path / "clips" / "small.mp4", walk_by(6, 8), 10, 10, 20, scale=1)
    folder = write_truth(tmp_path, {"main.mp4": label((6, 8), sub="small.mp4")})
    found = measure(folder, capsys, "--no-peer")
    assert {name: one["events"] for name, one in found["clips"].items()} == {"main.mp4": 1, "small.mp4": 1}
    assert found["all"]["peer_recall"] is None
    assert found["all"]["cpu_ratio"] is None


def test_table_for_people_ends_in_sentences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film(tmp_path / "clips" / "still.mp4", still, 6, 10, 20, scale=1)
    write_truth(tmp_path, {"still.mp4": label(quiet=((0, 6),))})
    assert run(["evaluate", str(tmp_path), "--rounds", "1", "--no-motion"]) == ExitCode.OK
    assert "Found 0 of 0 visits; MOG2 on every picture 0." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "says", "code"),
    [
        (None, "There is no groundtruth.json", ExitCode.NOT_FOUND),
        ("{", "cannot be read", ExitCode.CONFIG),
        ('{"clips": {"a.mp4": {"events": [{"end": 2}]}}}', "is not as such a file must be", ExitCode.CONFIG),
        ('{"clips": {"a.mp4": {}}}', "names a.mp4, and there is no file", ExitCode.CONFIG),
    ],
)
def test_bad_folder_is_one_sentence(
    content: str | None, says: str, code: ExitCode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "groundtruth.json").write_text(content)
    assert run(["evaluate", str(tmp_path)]) == code
    assert says in capsys.readouterr().err


def test_file_that_is_no_video_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.mp4").write_bytes(b"no video" * 100)
    assert run(["evaluate", str(write_truth(tmp_path, {"a.mp4": {}}))]) == ExitCode.CAMERA
    assert "cannot be read as video" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("what", "category", "kinds"),
    [
        ("Person", "", {"person"}),
        ("cars", "vehicle", {"vehicle"}),
        ("dog", "pet", {"dog"}),
        ("hamster", "pet", {"cat", "dog"}),
        ("deer", "wildlife", {"animal", "bird"}),
        ("bird", "wildlife", {"bird"}),
        ("leaf", "", set()),
    ],
)
def test_labels_become_kinds(what: str, category: str, kinds: set[str]) -> None:
    assert kinds_of(what, category) == kinds
