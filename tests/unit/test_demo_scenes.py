"""The demo house: clips are whole, alike in both sizes, and somebody comes by."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from vigilar.demo.scenes import FRAME_RATE, SCENES, Scene, _make, ensure_clip, ensure_clips


def _short(scene: Scene, seconds: int) -> Scene:
    return Scene(scene.name, scene.place, scene.act, seconds, scene.has_sound)


@pytest.mark.parametrize("scene", SCENES, ids=[s.name for s in SCENES])
def test_somebody_comes_by_and_leaves(scene: Scene) -> None:
    empty = scene.place(np.random.default_rng(1))
    moved = []
    for second in range(scene.length_s):
        picture = empty.copy()
        scene.act(picture, float(second) + 0.5)
        moved.append(float(np.mean(np.any(picture != empty, axis=2))))
    assert max(moved) > 0.01, "nobody can be seen"
    assert moved[0] == 0.0, "the loop does not begin empty"
    assert moved[-1] == 0.0, "the loop does not end empty"
    assert sum(m == 0.0 for m in moved) > len(moved) / 3, "there is no quiet time"


def test_both_streams_have_every_picture(tmp_path: Path) -> None:
    clip = ensure_clip(_short(SCENES[0], 2), tmp_path)
    for path, size in ((clip.main, (1280, 720)), (clip.sub, (640, 360))):
        with av.open(str(path)) as container:
            video = container.streams.video[0]
            assert (video.width, video.height, video.frames) == (*size, 2 * FRAME_RATE)
    with av.open(str(clip.main)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"


def test_second_start_makes_nothing_again(tmp_path: Path) -> None:
    scene = _short(SCENES[3], 1)
    before = ensure_clip(scene, tmp_path).main.stat().st_mtime_ns
    assert ensure_clip(scene, tmp_path).main.stat().st_mtime_ns == before


def test_only_scenes_that_cameras_show_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A house with one of them was not there for a minute or two on a slow machine, until all had been made."""
    monkeypatch.setattr("vigilar.demo.scenes.SCENES", tuple(_short(scene, 1) for scene in SCENES))
    name = SCENES[2].name
    assert list(ensure_clips(tmp_path, {name, "nowhere"})) == [name]
    assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} == {name}
    assert list(ensure_clips(tmp_path)) == [scene.name for scene in SCENES]


def test_clip_cut_short_is_made_again(tmp_path: Path) -> None:
    scene = _short(SCENES[3], 1)
    clip = ensure_clip(scene, tmp_path)
    clip.main.unlink()
    clip.main.with_suffix(".new").write_bytes(b"half")
    assert ensure_clip(scene, tmp_path).main.stat().st_size > 1000


def test_no_temporary_file_stays(tmp_path: Path) -> None:
    clip = ensure_clip(_short(SCENES[2], 1), tmp_path)
    _make(_short(SCENES[2], 1), clip)
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".mp4", ".mp4"]
