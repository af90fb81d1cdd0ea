"""Places, and the jobs cut out of a configuration."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from vigilar.base.errors import ConfigError
from vigilar.base.home_note import HomeNote, save_note
from vigilar.base.keep_rules import CameraKeep, KeepRules
from vigilar.config.cut import CutSource, DemoClips, database_url, make_broker_plan, shared_logins
from vigilar.config.home_cut import make_home_assistant_job
from vigilar.config.jobs import (
    BrokerPlan,
    BusLogin,
    BusLogins,
    CameraInfo,
    CameraJob,
    DetectorJob,
    HomeAssistantJob,
    HouseJobs,
    UpkeepJob,
    WebJob,
    live_settings,
    with_settings,
)
from vigilar.config.load import parse_config
from vigilar.config.places import Places, find_places
from vigilar.config.secrets import SecretStore
from vigilar.processes.cutting import cut_house
from vigilar.processes.kinds import KINDS, kind_of

BUS = BusLogins(
    host="127.0.0.1",
    port=18830,
    accounts={
        "camera-front-door": BusLogin("camera-front-door", "cam-pw"),
        "camera-hall": BusLogin("camera-hall", "hall-pw"),
        "events": BusLogin("events", "ev-pw"),
        "web": BusLogin("web", "web-pw"),
        "notify": BusLogin("notify", "notify-pw"),
        "jobs": BusLogin("jobs", "jobs-pw"),
        "sensors": BusLogin("sensors", "sensors-pw"),
        "homeassistant": BusLogin("homeassistant", "home-pw"),
        "ups": BusLogin("ups", "ups-pw"),
    },
)
TEXT = b"""
[house]
time_zone = "UTC"
[log]
level = "debug"
[recording]
before = "8s"
[[camera]]
name = "Front door"
address = "rtsp://10.0.0.7/x"
small = "rtsp://10.0.0.7/y"
login = "secret:front-door"
[[camera]]
name = "Hall"
address = "demo:hall"
record = "motion"
[[camera]]
name = "Old"
address = "rtsp://10.0.0.9/x"
enabled = false
"""
CLIPS = {"hall": (Path("/d/main.mp4"), Path("/d/sub.mp4"))}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    SecretStore(tmp_path / "secrets").put_login("front-door", "admin", "p@ss")
    return find_places(data_dir=tmp_path, environ={})


def cut(places: Places, clips: DemoClips, uuids: dict[str, bytes] | None = None) -> HouseJobs:
    config = parse_config(TEXT, "v")
    source = CutSource(config=config, places=places, bus=BUS, demo_clips=clips, camera_uuids=uuids or {})
    return cut_house(KINDS, source, make_broker_plan(config, places))


def camera_jobs(jobs: HouseJobs) -> list[CameraJob]:
    return [planned.job for planned in jobs.processes.values() if isinstance(planned.job, CameraJob)]


def test_camera_process_is_told_no_secret_of_the_web() -> None:
    """What opens the house, or proves that it is the house, is for the web process alone."""
    told = {field.name for field in fields(CameraJob)}
    assert not told & {"certificate", "key", "proxies", "names", "listen", "port", "config_file", "has_door"}


def test_jobs_hold_what_the_processes_need(places: Places) -> None:
    jobs = cut(places, CLIPS, {"hall": b"h" * 16})
    door, hall = camera_jobs(jobs)
    events, web = jobs.processes["events"].job, jobs.processes["web"].job
    assert isinstance(web, WebJob)
    assert (door.camera_id, door.name, door.camera_uuid) == ("front-door", "Front door", b"")
    assert (door.main_url, door.sub_url) == ("rtsp://admin:p%40ss@10.0.0.7/x", "rtsp://admin:p%40ss@10.0.0.7/y")
    assert (door.before_s, door.recording_mode, door.sensitivity, door.log_level) == (8.0, "always", 0.5, "DEBUG")
    assert (door.bus_port, door.bus_user, door.bus_password) == (18830, "camera-front-door", "cam-pw")
    assert (hall.main_url, hall.sub_url, hall.recording_mode) == ("file:/d/main.mp4", "file:/d/sub.mp4", "motion")
    assert hall.camera_uuid == b"h" * 16
    assert (events.bus_user, web.bus_user) == ("events", "web")
    assert (
        web.cameras
        == jobs.cameras
        == (
            CameraInfo("front-door", "Front door", has_sub=True, enabled=True),
            CameraInfo("hall", "Hall", has_sub=True, enabled=True),
            CameraInfo("old", "Old", has_sub=False, enabled=False),
        )
    )
    assert (web.port, web.time_zone, web.config_file) == (49735, "UTC", places.config_file)
    assert events.database_url == f"sqlite:///{places.data_dir}/vigilar.db"
    assert jobs.broker == BrokerPlan(is_own=True, host="127.0.0.1", port=1883)
    assert jobs.problems == ()
    names = ["camera/front-door", "camera/hall", "events", "web", "notify", "jobs", "upkeep"]
    assert list(jobs.processes) == names, "in the order of starting"
    assert jobs.processes["camera/hall"].title == "The camera process of Hall"


def test_detector_is_planned_with_a_model_and_a_wish(places: Places) -> None:
    def planned(more: bytes = b"") -> tuple[bool, list[bool], bool]:
        config = parse_config(TEXT.replace(b'record = "motion"', b"") + more, "v")
        source = CutSource(config=config, places=places, bus=BUS, demo_clips=CLIPS)
        jobs = cut_house(KINDS, source, make_broker_plan(config, places))
        web = jobs.processes["web"].job
        assert isinstance(web, WebJob)
        assert jobs.recognises == ("detector" in jobs.processes)
        return jobs.recognises, [job.objects for job in camera_jobs(jobs)], web.wants_objects

    assert planned() == (False, [False, False], True)
    folder = places.data_dir / "models"
    folder.mkdir()
    (folder / "some.json").write_text("{}")
    assert planned() == (False, [False, False], True), "a manifest without its network is no model"
    (folder / "some.onnx").write_bytes(b"")
    assert planned() == (True, [True, True], True)
    assert planned(b"[detect]\nobjects = false\n") == (False, [False, False], False)
    assert planned(b"[detect]\nenabled = false\n") == (False, [False, False], False)


@pytest.mark.parametrize(("written", "cores"), [('"auto"', 0.0), ("0.5", 0.5), ("2", 2.0)])
def test_budget_reaches_the_detector(places: Places, written: str, cores: float) -> None:
    (places.data_dir / "models").mkdir()
    for name in ("some.json", "some.onnx"):
        (places.data_dir / "models" / name).write_bytes(b"")
    config = parse_config(f"[detect]\nbudget = {written}\n".encode(), "v")
    source = CutSource(config=config, places=places, bus=BUS)
    job = cut_house(KINDS, source, make_broker_plan(config, places)).processes["detector"].job
    assert isinstance(job, DetectorJob)
    assert job.budget_cores == cores


@pytest.mark.parametrize("written", ["0", "-1", "100", '"half"', "true"])
def test_budget_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(ConfigError, match="auto"):
        parse_config(f"[detect]\nbudget = {written}\n".encode(), "v")


def test_jobs_show_no_secret_and_travel(places: Places) -> None:
    jobs = cut(places, CLIPS)
    for secret in ("p%40ss", "p@ss", "cam-pw", "ev-pw", "web-pw", "jobs-pw"):
        assert secret not in repr(jobs)
    assert pickle.loads(pickle.dumps(jobs)) == jobs  # noqa: S301 -- our own bytes


def test_camera_that_cannot_run_leaves_the_others(places: Places) -> None:
    SecretStore(places.secrets_dir).delete("front-door")
    jobs = cut(places, {})
    assert camera_jobs(jobs) == []
    assert jobs.problems == (
        'Front door: There is no secret "front-door".',
        'Hall: The demo scene "hall" was not made.',
    )


def test_external_broker_brings_its_login(places: Places) -> None:
    SecretStore(places.secrets_dir).put_login("mqtt", "vigilar", "geheim")
    config = parse_config(b'[bus]\nbroker = "external"\nhost = "mqtt.lan"\nlogin = "secret:mqtt"', "v")
    plan = make_broker_plan(config, places)
    assert (plan.is_own, plan.host, plan.port, plan.user, plan.password) == (
        False,
        "mqtt.lan",
        1883,
        "vigilar",
        "geheim",
    )
    assert shared_logins(plan).of("camera-any") == BusLogin("vigilar", "geheim")
    assert "geheim" not in repr(plan) + repr(shared_logins(plan))


def test_database_login_is_encoded_into_the_address(places: Places) -> None:
    SecretStore(places.secrets_dir).put_login("db", "u", "p@/")
    config = parse_config(b'[storage]\ndatabase_url = "postgresql+psycopg://h/x"\nlogin = "secret:db"', "v")
    assert database_url(config, places) == "postgresql+psycopg://u:p%40%2F@h/x"
    SecretStore(places.secrets_dir).delete("db")
    with pytest.raises(ConfigError, match='no secret "db"'):
        database_url(config, places)


def test_live_settings_change_the_job_of_the_running_process(places: Places) -> None:
    door = camera_jobs(cut(places, CLIPS))[0]
    live = kind_of("camera", KINDS).live
    settings = json.loads(json.dumps(live_settings(replace(door, name="Gate", before_s=2.0), live)))
    assert with_settings(door, settings) == replace(door, name="Gate", before_s=2.0)


def test_rules_of_keeping_reach_upkeep_and_pages(places: Places) -> None:
    text = b"""
[storage]
quota = "1.5 TB"
keep = "30d"
[recording]
before = "2s"
after = "1m"
[[camera]]
name = "Hall"
address = "demo:hall"
keep = "12h"
[[camera]]
name = "Shed"
address = "demo:hall"
quota = "200 GB"
[[camera]]
name = "Door"
address = "demo:hall"
"""
    bus = replace(BUS, shared=BusLogin("all", "pw"))
    source = CutSource(config=parse_config(text, "v"), places=places, bus=bus, demo_clips=CLIPS)
    jobs = cut_house(KINDS, source, BrokerPlan(is_own=True, host="127.0.0.1", port=1883))
    web, upkeep = jobs.processes["web"].job, jobs.processes["upkeep"].job
    assert isinstance(web, WebJob)
    assert isinstance(upkeep, UpkeepJob)
    day_ms = 86_400_000
    assert upkeep.rules == web.rules
    assert upkeep.rules == KeepRules(
        quota_bytes=1_500_000_000_000,
        keep_ms=30 * day_ms,
        keep_alarms_ms=90 * day_ms,
        before_ms=5_000,
        after_ms=60_000,
        cameras=(CameraKeep("hall", None, day_ms // 2), CameraKeep("shed", 200_000_000_000, None)),
    )
    settings = json.loads(json.dumps(live_settings(upkeep, kind_of("upkeep", KINDS).live)))
    assert with_settings(replace(upkeep, rules=KeepRules()), settings) == upkeep


def test_lists_of_cameras_and_names_survive_the_way(places: Places) -> None:
    web = cut(places, CLIPS).processes["web"].job
    assert isinstance(web, WebJob)
    new = replace(web, names=("box", "house"), cameras=(CameraInfo("new", "New {one}", True, False),))
    settings = json.loads(json.dumps(live_settings(new, kind_of("web", KINDS).live)))
    assert with_settings(web, settings) == new


@pytest.mark.parametrize(
    ("config", "data_dir", "environ", "file", "folder", "secrets", "may_lack"),
    [
        (None, None, {}, "/etc/vigilar/vigilar.toml", "/var/vigilar", "/etc/vigilar/secrets", True),
        (None, "/d", {}, "/d/vigilar.toml", "/d", "/d/secrets", True),
        ("/c.toml", "/d", {}, "/c.toml", "/d", "/d/secrets", False),
        ("/c.toml", None, {}, "/c.toml", "/var/vigilar", "/etc/vigilar/secrets", False),
        (None, "/d", {"VIGILAR_CONFIG": "/e.toml"}, "/e.toml", "/d", "/d/secrets", False),
        ("/c.toml", None, {"VIGILAR_CONFIG": "/e.toml"}, "/c.toml", "/var/vigilar", "/etc/vigilar/secrets", False),
        (None, None, {"VIGILAR_CONFIG": ""}, "/etc/vigilar/vigilar.toml", "/var/vigilar", "/etc/vigilar/secrets", True),
    ],
)
def test_places_follow_the_options(
    config: str | None,
    data_dir: str | None,
    environ: dict[str, str],
    file: str,
    folder: str,
    secrets: str,
    may_lack: bool,
) -> None:
    found = find_places(Path(config) if config else None, Path(data_dir) if data_dir else None, environ)
    assert found == Places(Path(file), Path(folder), Path(secrets), may_lack_config=may_lack)


def test_relative_folder_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_places(data_dir=Path("d"), environ={}).lock_file == tmp_path / "d" / "supervisor.lock"


def test_plain_types_do_not_bring_pydantic_along() -> None:
    code = "import sys, vigilar.config.jobs, vigilar.config.places; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_home_assistant_sees_what_is_chosen_and_stays_until_all_is_taken_away(places: Places) -> None:
    def job(text: str) -> HomeAssistantJob | None:
        config = parse_config(TEXT + text.encode(), "v")
        return make_home_assistant_job(CutSource(config=config, places=places, bus=BUS), BUS.of("homeassistant"))

    assert job("") is None
    every = job("[home_assistant]\nenabled = true\n")
    assert every is not None
    assert ([one.id for one in every.cameras], every.shows_all, every.pictures) == (["front-door", "hall"], True, False)
    some = job('[home_assistant]\nenabled = true\ncameras = ["hall", "old", "none"]\n')
    assert some is not None
    assert ([one.id for one in some.cameras], some.shows_all) == (["hall"], False)
    save_note(places.data_dir, HomeNote())
    leaving = job("")
    assert leaving is not None
    assert not leaving.is_enabled
