"""The page's test of a camera, in its own program: what can be read of it from outside."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.rtp import IDR, SDP, interleaved, rtp
from tests.fakes.scripted_camera import Asked, ScriptedCamera, answer
from vigilar.web.probe import ProbeWish, probe_by_command


def command_lines() -> str:
    """The arguments and the environment of every process of ours, as anybody's ``ps`` shows the first."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found.append((folder / "cmdline").read_bytes() + (folder / "environ").read_bytes())
        except OSError:
            continue
    return b"".join(found).decode("utf-8", "replace")


@pytest.mark.parametrize("path", ["user={user}_password={password}_channel=1", "feed@home", "main"])
def test_nothing_of_address_or_login_is_an_argument(path: str) -> None:
    seen: list[str] = []

    def describe(asked: Asked) -> bytes:
        seen.append(command_lines())
        return answer(asked, body=SDP)

    with ScriptedCamera() as camera:
        camera.special["DESCRIBE"] = describe
        camera.special["PLAY"] = lambda asked: answer(asked) + interleaved(rtp(IDR, 0, 0, marker=True))
        address = camera.url().replace("/main", f"/{path}")
        told: list[dict[str, Any]] = []
        found = probe_by_command(ProbeWish(address, "hidden-user", "h1dden@pw"), told.append)
    assert found["ok"], found
    [text] = seen
    assert "camera\0test" in text
    assert not any(word in text for word in ("h1dden", "hidden-user", address, address.rsplit("/", 1)[1] + "?"))
    assert "h1dden" not in json.dumps([found, told])


def test_login_in_the_path_reaches_the_camera_as_it_is() -> None:
    with ScriptedCamera() as camera:
        camera.special["DESCRIBE"] = lambda asked: answer(asked, 404)
        address = camera.url().replace("/main", "/user={user}_password={password}_channel=1.sdp")
        thread = threading.Thread(target=probe_by_command, args=(ProbeWish(address, "admin", "p@ss%40"), print))
        thread.start()
        camera.wait_asked("DESCRIBE", timeout_s=30.0)
        thread.join(30.0)
    assert camera.asked[-1].uri.endswith("/user=admin_password=p@ss%40_channel=1.sdp")
