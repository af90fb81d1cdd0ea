"""What the tests of drives ask of a running house, and the camera they give it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

from tests.conftest import PATIENCE_S
from tests.system.house import ROOT, RunningHouse
from vigilar.demo.scenes import SCENES, Scene, ensure_clip


def camera_beside(folder: Path) -> dict[str, str | dict[str, str]]:
    """A camera whose pictures come from ``folder``, which is not on the drive."""
    street = next(scene for scene in SCENES if scene.name == "street")
    clip = ensure_clip(Scene("street", street.place, street.act, 12), folder)
    return {"Street": {"address": f"file:{clip.main}", "small": f"file:{clip.sub}"}}


def answer_of(house: RunningHouse, path: str, body: bytes | None = None, accept: str = "*/*") -> tuple[int, str]:
    """Status and text of the answer to somebody without a session."""
    headers = {"Accept": accept, "Content-Type": "application/json"}
    request = urllib.request.Request(house.base + path, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def status_command(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vigilar", "status", "--data-dir", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=PATIENCE_S)


def is_recording(house: RunningHouse) -> bool:
    cameras = json.loads(house.get("/api/v1/system"))["cameras"]
    return bool(cameras and cameras[0].get("is_recording"))


def quarantined(house: RunningHouse) -> list[Path]:
    return list((house.folder / "quarantine").glob("*"))


def files_without_rows(house: RunningHouse) -> set[str]:
    with closing(sqlite3.connect(f"file:{house.folder}/vigilar.db?mode=ro", uri=True)) as connection:
        rows = {path for (path,) in connection.execute("SELECT path FROM files")}
    return {str(path.relative_to(house.folder)) for path in house.folder.glob("footage/**/*.vge")} - rows
