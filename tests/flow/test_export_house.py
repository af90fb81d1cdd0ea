"""An export in a whole house: a camera records, a click makes a job, the jobs process does it, the browser saves it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import wait_until
from tests.fakes.clips import make_clip
from tests.flow.browser import Browser
from tests.flow.command_line import Service, vigilar
from tests.flow.test_export_movie import probe, shown_times
from vigilar.base.errors import ExitCode
from vigilar.playback.export.check import check_bundle


def download(browser: Browser, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", browser.house.port, timeout=20.0)
    connection.request("GET", path, headers={"Cookie": browser.cookie})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    data = answer.read()
    connection.close()
    return data


def jobs_pid(house: Service) -> int | None:
    return house.programs().get("jobs")


@pytest.mark.long
def test_camera_to_saved_proof(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pictures=40, sound=True)
    house = Service(tmp_path / "data", {"Front": f"file:{clip}"})
    house.start()
    try:
        browser = Browser(house)
        assert browser.sign_in("/api/v1/setup") == 201
        wait_until(lambda: house.recorded_bytes("front") > 0, 30.0)
        began_ms = time.time_ns() // 1_000_000
        wait_until(lambda: _recorded_until(browser, began_ms) >= began_ms + 3_000, 30.0)

        wait_until(lambda: jobs_pid(house) is not None, 30.0)  # it begins behind the page
        first = jobs_pid(house)
        assert first is not None
        os.kill(first, signal.SIGKILL)  # a house whose program for exports was killed exports all the same
        wait_until(lambda: jobs_pid(house) not in (None, first), 20.0)
        second = jobs_pid(house)

        body = {"camera": "front", "from": began_ms + 500, "to": began_ms + 2_500, "proof": True}
        answer = browser.ask("POST", "/api/v1/exports", body)
        assert answer.status == 202, answer.text
        address = f"/api/v1/exports/{json.loads(answer.text)['id']}"
        wait_until(lambda: browser.json(address)["state"] == "done", 30.0)

        facts = browser.json(address)
        bundle, movie = facts["files"]
        assert movie["name"].startswith("Front 20")
        path = tmp_path / "saved.mp4"
        path.write_bytes(download(browser, movie["url"]))
        assert float(probe(path, "-show_entries", "format=duration")["format"]["duration"]) == pytest.approx(2, abs=0.2)
        assert len(shown_times(path)) == facts["pictures"]
        proof = tmp_path / "saved.zip"
        proof.write_bytes(download(browser, bundle["url"]))
        assert check_bundle(proof).is_exact

        done = vigilar(house.folder, "export", "front", "--from", _iso(began_ms + 500), "--to", _iso(began_ms + 2_500),
                       "-o", str(tmp_path / "cli.mp4"))  # fmt: skip
        assert done.code == ExitCode.OK, done.err
        assert (tmp_path / "cli.mp4").read_bytes() == path.read_bytes(), "beside the running house, the same file"

        # What the export loaded goes with the process, which is nothing to tell of.
        wait_until(lambda: jobs_pid(house) not in (None, second), 30.0)
        assert [one for one in house.events("process_restarted") if "anew" in one.payload["reason"]] == []
        facts = browser.json(address)
        assert (facts["state"], len(facts["files"])) == ("done", 2)
        house.stop()
    finally:
        if house.processes[-1].poll() is None:
            house.kill()


def _recorded_until(browser: Browser, from_ms: int) -> int:
    spans: list[dict[str, Any]] = browser.json(f"/footage/front/timeline?from={from_ms}&to={from_ms + 60_000}")["spans"]
    return max((int(one["to"]) for one in spans), default=0)


def _iso(ms: int) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(ms / 1000))}.{ms % 1000:03d}+00:00"
