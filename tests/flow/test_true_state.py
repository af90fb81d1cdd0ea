"""What pages say of a camera whose process dies: true within two seconds, whoever looks."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import wait_until
from tests.fair_watch import FairWatch
from tests.fakes.clips import make_clip
from tests.flow.browser import Browser, OpenPage
from tests.flow.command_line import service, vigilar

TOLD = ("good: restarting, not recording.", "good: connecting, no picture yet.", "good: no picture.")


def camera(browser: Browser) -> dict[str, Any]:
    [found] = browser.json("/api/v1/system")["cameras"]
    assert isinstance(found, dict)
    return found


def not_live(browser: Browser) -> Any:
    """What the house says of itself, in one answer, once the camera is not called live any more."""
    answers: list[Any] = []

    def is_so() -> bool:
        answers.append(browser.json("/api/v1/system"))
        return bool(answers[-1]["cameras"][0]["state"] != "live")

    wait_until(is_so, 2.0)
    return answers[-1]


def states(page: OpenPage, since_s: float) -> list[str]:
    """Of the camera, as the open page was told them since then, in their order."""
    return [one["state"] for at_s, one in list(page.heard) if at_s > since_s]


def test_killed_camera_process_is_not_called_live_and_recording(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pictures=60)
    away = clip.with_suffix(".away")
    with (
        service(tmp_path / "data", {"good": f"file:{clip}"}, "[detect]\nenabled = false") as house,
        ExitStack() as ending,
    ):
        house.start()
        sam = Browser(house)
        assert sam.sign_in("/api/v1/setup") == 201
        wait_until(lambda: camera(sam)["is_recording"] and camera(sam)["state"] == "live", 20.0)
        assert vigilar(house.folder, "status", "--json").json["cameras"][0]["state"] == "recording"
        page = OpenPage(sam)
        ending.callback(page.close)
        for number in range(3):  # the second and later ones wait before they are started again
            process = psutil.Process(house.programs()["good"])
            clip.rename(away)  # the next process may be live sooner than a busy test has asked
            killed_s, watch = time.monotonic(), FairWatch()
            process.kill()
            system = not_live(sam)
            assert watch.elapsed_s() < 2.0, "said to who asks within 2 s"
            assert not system["cameras"][0]["is_recording"], number
            assert "All well" not in system["sentence"]
            assert system["problems"][0] in TOLD
            if number:  # the first is back at once
                text = sam.page("/watch/good")[1]
                assert any(word in text for word in ("Restarting", "Connecting", "No picture"))
            wait_until(lambda since_s=killed_s: "restarting" in states(page, since_s), 2.0)
            assert watch.elapsed_s() < 2.0, "told to the open page within 2 s"
            # What its last message says may still be on the way; its end is told, and nothing better before.
            since = states(page, killed_s)
            assert set(since[: since.index("restarting")]) <= {"live"}
            away.rename(clip)
            wait_until(lambda: camera(sam)["state"] == "live" and camera(sam)["is_recording"], 20.0)
        wait_until(lambda: "live" in states(page, killed_s)[since.index("restarting") :], 2.0)
        house.stop()
