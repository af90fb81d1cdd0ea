"""The contact sheet over real camera processes: one request, all cameras' pictures, the absent one black."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from tests.conftest import PATIENCE_S, wait_until
from tests.fair_watch import FairWatch
from tests.fakes.clips import make_clip
from tests.pace import slowness
from tests.ready_store import database_url
from vigilar.base.child import Launched
from vigilar.base.launch import launch_process
from vigilar.config.jobs import CameraJob
from vigilar.processes.entry import ProcessStart, enter
from vigilar.processes.kinds import KINDS, kind_of
from vigilar.web import contact_sheet

CAMERAS = (("porch", "Porch"), ("yard", "Yard"), ("attic", "Attic"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, CAMERAS) as house:
        (tmp_path / "run").mkdir()
        yield house


@pytest.fixture
def running(house: House) -> Iterator[list[Launched]]:
    """The processes of porch and yard; attic has none."""
    clip = make_clip(house.folder / "clip.mp4", pictures=30)
    context = multiprocessing.get_context("spawn")
    jobs = [
        CameraJob(
            camera_id=camera_id,
            name=name,
            main_url=f"file:{clip}",
            data_dir=house.folder,
            secrets_dir=house.folder / "secrets",
            run_dir=house.folder / "run",
            database_url=database_url(house.folder),
            bus_host="127.0.0.1",
            bus_port=1,
            bus_user="camera-porch",
            bus_password="none",
        )
        for camera_id, name in CAMERAS[:2]
    ]
    processes = [
        launch_process(context, enter, ProcessStart(f"camera/{job.camera_id}", kind_of("camera", KINDS), job))
        for job in jobs
    ]
    yield processes
    for process in processes:
        os.kill(process.pid, signal.SIGKILL)
        process.reap()
        process.close()


def ask(client: FlaskClient) -> tuple[dict[str, Any], bytes]:
    response = client.get("/live/contact-sheet.jpg")
    if response.status_code != 200:
        return {"cameras": []}, b""
    assert response.mimetype == "image/jpeg"
    return json.loads(response.headers["X-Sheet"]), response.data


def seen(layout: dict[str, Any]) -> set[str]:
    return {camera_id for camera_id, taken_ms in layout["cameras"] if taken_ms is not None}


def test_all_pictures_come_with_one_request(
    house: House, running: list[Launched], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = house.client()
    wait_until(lambda: seen(ask(client)[0]) == {"porch", "yard"}, 30.0)
    monkeypatch.setattr(contact_sheet, "FRESH_NS", 0)  # this one is made, not shared
    monkeypatch.setattr(contact_sheet, "WAIT_S", PATIENCE_S)  # a busy camera would have an empty tile, as it should
    watch = FairWatch()
    layout, jpeg = ask(client)
    assert watch.elapsed_s() < 0.5 * slowness()
    assert [camera_id for camera_id, _ in layout["cameras"]] == ["porch", "yard", "attic"]
    assert layout["cameras"][2][1] is None
    assert all(abs(house.now_ms() - taken) < 15_000 for _, taken in layout["cameras"][:2])
    decoder: Any = av.CodecContext.create("mjpeg", "r")
    frame = (decoder.decode(av.Packet(jpeg)) + decoder.decode(None))[0]
    picture = np.asarray(frame.to_ndarray(format="gray"))
    width, height = layout["tile"]
    assert picture.shape == (2 * height, layout["columns"] * width)
    assert picture[:height, :width].std() > 5
    assert picture[:height, width:].std() > 5
    assert picture[height:].max() == 0
