"""A backup by the real processes, whole: recorded, copied, proved, the NAS gone and back, the house on a new box."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import PATIENCE_S
from tests.ports import free_port
from tests.small_disk import mounted_small_disk
from tests.system.drive_house import camera_beside
from tests.system.house import PASSWORD, RunningHouse, run_house, start_house, wait_for, zone_in_which_it_is
from vigilar.vge.keys import KeyRing
from vigilar.vge.report import Verdict
from vigilar.vge.verify import verify_file

pytestmark = [pytest.mark.system, pytest.mark.long(80), pytest.mark.timeout(600)]


@contextmanager
def bound(disk: Path, to: Path) -> Iterator[None]:
    """A share of a NAS mounted at ``to``, as far as a mount point can tell."""
    subprocess.run(["mount", "--bind", disk, to], check=True)
    try:
        yield
    finally:
        # It vanishes although somebody may just look at it.
        subprocess.run(["umount", "--lazy", to], check=True)


def command(folder: Path, *args: str, told: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vigilar", *args, "--data-dir", folder],
        input=told, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


CANARY = "canary-9f31-of-the-gate"
"""The password of a camera that does not answer, so that its process tells all it can of it."""


def lay_login(folder: Path) -> dict[str, str | dict[str, str]]:
    """A camera whose login is a secret of the house."""
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700, parents=True)
    (secrets / "gate.json").touch(mode=0o600)
    (secrets / "gate.json").write_text(json.dumps({"user": "admin", "password": CANARY}), encoding="utf-8")
    return {"Gate": {"address": f"rtsp://127.0.0.1:{free_port()}/live", "login": "secret:gate"}}


def shown_of(house: RunningHouse) -> dict[str, bytes]:
    """All that a house lets out, by where: log, arguments and environment of its processes, each answer of the API and
    each page that needs nothing named, the file for support."""
    found = {"log": house.log().encode()}
    for one in (psutil.Process(house.process.pid), *house.children()):
        with contextlib.suppress(psutil.NoSuchProcess, OSError):
            proc = Path(f"/proc/{one.pid}")
            found[f"process {one.name()}"] = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
    paths = [path for path, ways in answer(house, "/api/v1/openapi.json")["paths"].items() if "get" in ways]
    for path in [
        *(one for one in paths if "{" not in one),
        "/system",
        "/system/backup",
        "/settings",
        "/live",
        "/events",
    ]:
        with contextlib.suppress(urllib.error.HTTPError):
            found[path] = b"" if path in ENDLESS else house.get(path)
    bundle = house.folder.parent / "support.zip"
    assert command(house.folder, "support-bundle", str(bundle)).returncode == 0
    with zipfile.ZipFile(bundle) as members:
        found |= {f"bundle {name}": members.read(name) for name in members.namelist()}
    return found


ENDLESS = frozenset({"/events/stream"})


def answer(house: RunningHouse, path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(house.get(path))
    return found


def test_recording_is_copied_the_nas_vanishes_and_the_house_comes_back(tmp_path: Path) -> None:
    clip, nas = tmp_path / "clip", tmp_path / "mnt"
    clip.mkdir()
    nas.mkdir()
    noon = ("[house]", f'time_zone = "{zone_in_which_it_is(12)}"')
    wanted = ("[recording]", 'segment = "10s"', "[backup]", f'target = "{nas}"', 'every = "1h"', 'what = "all"')
    with (
        mounted_small_disk(tmp_path / "disk", 400) as disk,
        run_house(tmp_path / "data", {**camera_beside(clip), **lay_login(tmp_path / "data")}, *noon, *wanted) as house,
    ):
        told = wait_for(lambda: house.events("backup_failed"), 60, "the folder on the box's own disk is refused")
        assert "not mounted" in told[0]["payload"]["reason"]
        assert list(nas.iterdir()) == []
        sheet = command(house.folder, "keys", "recovery")
        assert sheet.returncode == 0, sheet
        words = " ".join(
            part
            for line in sheet.stdout.splitlines()
            if line[:4].strip().isdigit()
            for part in line.split()
            if part.isalpha()
        )
        with bound(disk, nas):
            assert command(house.folder, "backup", "now").returncode == 0
            wait_for(lambda: house.events("backup_caught_up"), 60, "it is told that it goes on")
            wait_for(lambda: _closed_count(house) > 1, 60, "it records")
            done = command(house.folder, "backup", "now")
            assert done.returncode == 0, done
            copies = list(nas.glob("footage/street/*/*.vge"))
            ring = KeyRing.load(house.folder / "secrets")
            assert copies
            assert {verify_file(path, ring).verdict for path in copies} == {Verdict.CLOSED}
            same = {path: (house.folder / path.relative_to(nas)).read_bytes() == path.read_bytes() for path in copies}
            assert all(same.values())
            wait_for(lambda: house.events("backup_proved"), 60, "the first drill proves it")
            page = house.get("/system/backup").decode()
            assert "All up to " in page
            assert "Proved by restore: today." in page
            shown = shown_of(house) | {str(path): path.read_bytes() for path in nas.rglob("*") if path.is_file()}
            ring_key = (house.folder / "secrets/recording-key-0001").read_text(encoding="ascii").strip()
            for secret in (CANARY, PASSWORD, ring_key, *bus_passwords(house.folder)):
                assert [where for where, text in shown.items() if secret.encode() in text] == []
            assert "gate" in house.log()
            assert len([where for where, text in shown.items() if text]) > 30
        before = len(copies)
        failed = command(house.folder, "backup", "now")
        assert failed.returncode != 0
        assert "not mounted" in failed.stderr
        assert list(nas.iterdir()) == []
        part = answer(house, "/api/v1/backup")
        assert (part["state"], part["problem"]) == ("warn", "backup.same_disk")
        wait_for(lambda: _closed_count(house) > before, 60, "recording goes on all the while")
        with bound(disk, nas):
            caught = command(house.folder, "backup", "now")
            assert caught.returncode == 0, caught
            assert len(list(nas.glob("footage/street/*/*.vge"))) > before
            assert answer(house, "/api/v1/backup")["state"] == "ok"
            command(house.folder, "backup", "now")
            house.stop()
            _restore_and_start(house, nas, tmp_path / "new", words)
        house.start()  # for the end of the block


def bus_passwords(folder: Path) -> list[str]:
    found: dict[str, str] = json.loads((folder / "secrets/bus-users").read_text(encoding="utf-8"))
    return list(found.values())


def _closed_count(house: RunningHouse) -> int:
    """How many recordings there are to be copied: by their rows, which come behind their files."""
    with contextlib.closing(sqlite3.connect(f"file:{house.folder}/vigilar.db?mode=ro", uri=True)) as connection:
        query = "SELECT count(*) FROM files WHERE content = 'video' AND state = 'closed'"
        return int(connection.execute(query).fetchone()[0])


def _restore_and_start(house: RunningHouse, nas: Path, new: Path, words: str) -> None:
    done = command(new, "backup", "restore", str(nas), told=words)
    assert done.returncode == 0, done
    copies = list(nas.glob("footage/**/*.vge"))
    assert copies
    for copy in copies:
        own = house.folder / copy.relative_to(nas)
        assert (new / copy.relative_to(nas)).read_bytes() == copy.read_bytes() == own.read_bytes()
    assert (new / "secrets/recording-key-0001").read_bytes() == (
        house.folder / "secrets/recording-key-0001"
    ).read_bytes()
    moved = replace(house, folder=new)
    with start_house(moved):
        wait_for(lambda: moved.get("/healthz"), 120, "the house on the new box answers")
        body = json.dumps({"name": "sam", "password": PASSWORD}).encode()
        request = urllib.request.Request(
            moved.base + "/api/v1/login", body, {"Content-Type": "application/json"}, method="POST"
        )
        moved.opener.open(request, timeout=PATIENCE_S).close()
        assert [event["type"] for event in moved.events("backup_proved")] == ["backup_proved"]
        file_count = len(list(new.glob("footage/street/*/*.vge")))
        wait_for(lambda: len(list(new.glob("footage/street/*/*.vge"))) > file_count, 60, "it records again")
        for kind in ("recording_tampered", "recording_damaged"):
            assert moved.events(kind) == []
