"""Somebody leaves a mistake in the settings file, and the power fails: the house starts, records, and says where."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import wait_until
from tests.fakes.clips import make_clip
from tests.flow.browser import Browser
from tests.flow.command_line import service, vigilar


def test_house_starts_by_its_last_good_settings_and_names_line_and_fix(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pictures=60)
    with service(tmp_path / "data", {"good": f"file:{clip}"}, "[detect]\nenabled = false") as house:
        house.start()
        sam = Browser(house)
        assert sam.sign_in("/api/v1/setup") == 201
        wait_until(lambda: house.recorded_bytes("good") > 0, 30.0)
        file = house.folder / "vigilar.toml"
        good = file.read_text(encoding="utf-8")
        file.write_text(good.replace("port =", "prot =", 1), encoding="utf-8")
        house.kill()
        before = house.recorded_bytes("good")
        house.start()
        wait_until(lambda: house.recorded_bytes("good") > before, 30.0)
        wait_until(lambda: any(one["id"] == "settings" for one in sam.json("/api/v1/system")["todo"]), 20.0)
        [todo] = [one for one in sam.json("/api/v1/system")["todo"] if one["id"] == "settings"]
        assert "vigilar.toml:2:1: web.prot" in todo["detail"]
        assert "vigilar config undo" in todo["next_step"]
        status = vigilar(house.folder, "status", "--json")
        assert status.code == 10
        assert any("vigilar.toml:2:1: web.prot" in one for one in status.json["warnings"])
        assert [one["name"] for one in status.json["cameras"]] == ["good"]
        checks = {one["id"]: one for one in vigilar(house.folder, "doctor", "--json").json["checks"]}
        assert checks["settings"]["state"] == "bad"
        file.write_text(good, encoding="utf-8")
        assert vigilar(house.folder, "reload").code == 0
        wait_until(lambda: all(one["id"] != "settings" for one in sam.json("/api/v1/system")["todo"]), 20.0)
        house.stop()
