"""A house with one foreign camera, one for each file of tests: what one file kills, another does not miss."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from tests.rtsp.server import missing_reason, serve
from tests.system.house import RunningHouse, run_house
from tests.together import make_once
from vigilar.demo.scenes import SCENES, Scene, ensure_clip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHouse]:
    if missing_reason():
        pytest.skip(f"no foreign RTSP server: {missing_reason()}")
    folder = tmp_path_factory.mktemp("house")
    street = next(s for s in SCENES if s.name == "street")
    scene = Scene("street", street.place, street.act, 24)
    clips = make_once("street-24-s", partial(ensure_clip, scene))
    clip = ensure_clip(scene, clips)
    with (
        serve({"street": str(clip.main)}) as server,
        run_house(folder / "data", {"Street": server.url("street")}) as it,
    ):
        yield it
