"""A house with one foreign camera, one for each file of tests: what one file kills, another does not miss.

Tests that share what a file starts stay in one process; the others go to whoever is free. Those that need quiet are in
files that begin last: while one of them waits for the rest to end, nobody else begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from tests.page_chaos import disturb_pages_if_asked
from tests.rtsp.server import missing_reason, serve
from tests.system.house import RunningHouse, run_house
from tests.together import make_once
from vigilar.demo.scenes import SCENES, Scene, ensure_clip

disturb_pages_if_asked()

HERE = Path(__file__).parent
ALONE = frozenset({"test_drive.py", "test_drive_hangs.py", "test_locked_house.py", "test_objects.py", "test_power.py"})
"""Files of several tests that share nothing which takes long to make."""


class ByHouse(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Work units of pytest-xdist: a file for the house that its tests share, a test where they share none."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def unit_of(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return nodeid if file.rpartition("/")[2] in ALONE else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    return ByHouse(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)  # after all other sorting
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Units with a test that needs quiet begin last."""
    here = [item for item in items if item.path.parent == HERE]
    with_quiet = {unit_of(item.nodeid) for item in here if item.get_closest_marker("quiet")}
    others = [item for item in items if item not in here]
    items[:] = others + sorted(here, key=lambda item: unit_of(item.nodeid) in with_quiet)


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
