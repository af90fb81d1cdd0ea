"""A camera is added on the page of the real service, without script, and recorded; one elsewhere is not opened."""

from __future__ import annotations

import http.client
import urllib.parse
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S, wait_until
from tests.fakes.clips import make_clip
from tests.fakes.rtsp_camera import FakeCamera, Fault
from tests.fakes.small_clip import make_small_clip
from tests.flow.command_line import SECRET, Service, service


class PlainBrowser:
    """Forms and pages, no script. ``seen`` is the text of every answer."""

    def __init__(self, house: Service) -> None:
        self._house, self._cookie = house, ""
        self.seen: list[str] = []

    def send(self, method: str, path: str, fields: dict[str, str] | None = None) -> http.client.HTTPResponse:
        headers = {"Accept": "text/html", "Cookie": self._cookie}
        body = None if fields is None else urllib.parse.urlencode(fields)
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        with closing(http.client.HTTPConnection("127.0.0.1", self._house.port, timeout=PATIENCE_S)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            self.seen.append(answer.read().decode("utf-8", "replace"))
        self.seen.append(answer.headers.get("Location", ""))
        if cookie := answer.headers.get("Set-Cookie"):
            self._cookie = cookie.split(";")[0]
        return answer

    def page(self, path: str) -> str:
        assert self.send("GET", path).status == 200
        return self.seen[-2]


@pytest.mark.long
def test_bare_address_becomes_a_recorded_camera(tmp_path: Path) -> None:
    main = make_clip(tmp_path / "main.mp4", pictures=30, sound=True)
    small = make_small_clip(tmp_path / "small.mp4")
    lock = Fault(user="admin", password=SECRET)
    with (
        FakeCamera({"stream1": (main, lock), "stream2": (small, lock)}) as camera,
        service(tmp_path / "data", {"elsewhere": "rtsp://203.0.113.7/x"}) as house,
    ):
        house.start()
        browser = PlainBrowser(house)
        assert browser.send("POST", "/setup", {"name": "sam", "password": "correct horse"}).status == 303
        form = {"address": f"127.0.0.1:{camera.port}", "user": "admin", "password": "wrong"}
        where = str(browser.send("POST", "/cameras/add", form).headers["Location"])
        wait_until(lambda: "V-CAM-03" in browser.page(where), 30.0)
        assert camera.refused_logins == 1
        assert "Try 2 of 5" in browser.page(where)
        where = str(browser.send("POST", "/cameras/add", {**form, "password": SECRET}).headers["Location"])
        wait_until(lambda: "picture.jpg" in browser.page(where), 30.0)
        wait_until(lambda: "Add it" in browser.page(where), 30.0)
        assert "as TP-Link has them" in browser.page(where)
        assert browser.send("POST", where, {"name": "Porch"}).status == 303
        assert camera.refused_logins == 1

        wait_until(lambda: house.recorded_bytes("porch") > 20_000, 30.0)
        # The new one may be slow to come as well, where the machine is busy.
        wait_until(lambda: "elsewhere" in {one.source_id for one in house.events("camera_offline")}, 30.0)
        [offline] = [one for one in house.events("camera_offline") if one.source_id == "elsewhere"]
        house.stop()
        text = (house.folder / "vigilar.toml").read_text(encoding="utf-8")
        assert f'address = "rtsp://127.0.0.1:{camera.port}/stream1"' in text
        assert f'small = "rtsp://127.0.0.1:{camera.port}/stream2"' in text
        assert not any(SECRET in one for one in [text, house.log, *browser.seen])
        assert offline.payload["code"] == "V-CAM-13"
        assert "not in your home network" in offline.payload["reason"]
        notes = [path.name for path in (house.folder / "secrets" / "protected-logins").iterdir()]
        assert notes == [f"127.0.0.1_{camera.port}"], "from now on its password never goes out unprotected"


@pytest.mark.long
def test_own_services_are_no_camera(tmp_path: Path) -> None:
    with service(tmp_path / "data", {}) as house:
        with (house.folder / "vigilar.toml").open("a", encoding="utf-8") as file:
            file.write(f'[[camera]]\nname = "mirror"\naddress = "rtsp://127.0.0.1:{house.port}/x"\n')
        house.start()
        wait_until(lambda: len(house.events("camera_offline")) == 1, 30.0)
        [offline] = house.events("camera_offline")
        assert offline.payload["code"] == "V-CAM-13"
        assert "own services" in offline.payload["reason"]
        house.stop()
