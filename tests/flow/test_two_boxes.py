"""Two boxes that share a database make their plans: each has its own cameras, and removes no other's."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.ports import free_port
from vigilar.base.folder_id import find_folder_id, make_folder_id
from vigilar.config.jobs import HouseJobs
from vigilar.config.places import find_places
from vigilar.processes.plan import make_jobs
from vigilar.processes.planner import PlanTask
from vigilar.processes.upgrade import prepare_start
from vigilar.store.cameras import ensure_camera, list_cameras
from vigilar.store.engine import Store

CAMERA = '[[camera]]\nid = "{id}"\nname = "{name}"\naddress = "rtsp://127.0.0.1:1/{id}"\n'


class Box:
    """A data folder with its configuration, on the database of both."""

    def __init__(self, folder: Path, database_url: str) -> None:
        folder.mkdir()
        make_folder_id(folder)  # as the supervisor does
        self.places = find_places(data_dir=folder, environ={})
        self._database_url = database_url

    def plan(self, *cameras: str, is_start: bool = True) -> HouseJobs:
        text = f'[bus]\nport = 0\n[storage]\ndatabase_url = "{self._database_url}"\n'
        text += "".join(CAMERA.format(id=camera, name=camera.title()) for camera in cameras)
        self.places.config_file.write_text(text, encoding="utf-8")
        if is_start:
            prepare_start(self.places)
        return make_jobs(PlanTask(self.places, bus_port=free_port(), is_start=is_start))

    @property
    def node_id(self) -> str:
        found = find_folder_id(self.places.data_dir)
        assert found is not None
        return found


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'shared.db'}"


def _owners(url: str) -> dict[str, str]:
    with closing(Store.open(url)) as store:
        return {row.id: row.node_id for row in list_cameras(store)}


def test_plan_removes_own_cameras_only(tmp_path: Path, url: str) -> None:
    north, south = Box(tmp_path / "north", url), Box(tmp_path / "south", url)
    north.plan("front", "yard")
    south.plan("barn")
    assert _owners(url) == {"front": north.node_id, "yard": north.node_id, "barn": south.node_id}
    north.plan("front", is_start=False)
    south.plan(is_start=False)
    assert _owners(url) == {"front": north.node_id}


def test_camera_id_of_the_other_box_is_a_problem_and_the_rest_runs(tmp_path: Path, url: str) -> None:
    north, south = Box(tmp_path / "north", url), Box(tmp_path / "south", url)
    north.plan("front")
    jobs = south.plan("front", "barn")
    assert [name for name in jobs.processes if name.startswith("camera/")] == ["camera/barn"]
    (problem,) = jobs.problems
    assert problem == (
        "Front: another box of this house has a camera with the id front. "
        "Give this camera another id than front, on one of the two boxes."
    )
    assert _owners(url) == {"front": north.node_id, "barn": south.node_id}


def test_start_after_the_upgrade_claims_cameras_from_before(tmp_path: Path, url: str) -> None:
    Store.open(url, migrate=True).close()
    with closing(Store.open(url)) as store:
        ensure_camera(store, "front", "Front", 1)
        ensure_camera(store, "gone", "Gone", 1)
    north = Box(tmp_path / "north", url)
    north.plan("front")
    assert _owners(url) == {"front": north.node_id}
