"""What guards the house, cut out of the configuration file: modes with the cameras in force, schedule, sensors."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from vigilar.base.arm_rules import ArmRules, ModeRules, ScheduleRow
from vigilar.base.errors import ConfigError
from vigilar.config.cut import CutSource, make_broker_plan, make_sensors_job
from vigilar.config.guard_cut import arm_rules
from vigilar.config.jobs import BusLogin, BusLogins, EventsJob, LanWay, live_settings, with_settings
from vigilar.config.load import InvalidConfigError, parse_config
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.config.secrets import SecretStore

CAMERAS = """
[[camera]]
name = "Street"
address = "demo:street"
[[camera]]
name = "Hall"
address = "demo:hall"
indoor = true
[[camera]]
name = "Old"
address = "demo:garden"
enabled = false
"""


def config_of(text: str) -> Config:
    return parse_config((text + CAMERAS).encode(), "vigilar.toml")


def mode_of(text: str, mode: str) -> ModeRules:
    found = arm_rules(config_of(text)).of(mode)
    assert found is not None
    return found


def test_modes_are_meant_as_they_are_called() -> None:
    home, night, away = (mode_of("", mode) for mode in ("home", "night", "away"))
    assert [one.cameras for one in (home, night, away)] == [(), ("street",), ("street", "hall")]
    assert [one.trigger for one in (home, night, away)] == ["person", "person", "motion"]
    assert [one.motion_sensors for one in (home, night, away)] == [False, False, True]
    assert [(one.leave_s, one.enter_s) for one in (home, night, away)] == [(0, 30), (0, 30), (60, 30)]


def test_what_is_written_counts() -> None:
    text = '[arm]\nleave_delay = "90s"\nenter_delay = "10s"\n[arm.night]\ncameras = ["hall", "gone", "old"]\n'
    night = mode_of(text + 'sensors = "none"\nenter_delay = "0s"', "night")
    assert (night.cameras, night.sensors, night.enter_s) == (("hall",), (), 0)
    assert mode_of(text, "away").leave_s == 90
    assert mode_of(text, "home").enter_s == 10


@pytest.mark.parametrize(
    ("before", "after", "is_weaker"),
    [("away", "home", True), ("away", "night", True), ("home", "away", False), ("night", "away", False),
     ("home", "disarmed", True), ("disarmed", "home", False), ("home", "home", False), ("night", "home", True)],
)  # fmt: skip
def test_less_guard_is_known(before: str, after: str, is_weaker: bool) -> None:
    assert arm_rules(config_of("")).weakens(before, after) is is_weaker


def test_schedule_is_read() -> None:
    row = '[[arm.schedule]]\nmode = "night"\nfrom = "23:00"\nto = "06:30"\ndays = ["sat", "mon"]\n'
    rules = arm_rules(config_of(row + '[house]\ntime_zone = "Europe/Berlin"'))
    assert rules.schedules == (ScheduleRow(mode="night", from_min=1380, to_min=390, days=(0, 5)),)
    assert rules.time_zone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[arm]\nleave_delay = "11m"', "must be between"),
        ('[arm]\nleave = "1m"', 'did you mean "leave_delay"'),
        ('[arm.away]\ncameras = "some"', '"all", "outside", "none", or a list of ids'),
        ('[arm.away]\ncameras = ["Front Door"]', "a list of ids"),
        ('[[arm.schedule]]\nfrom = "24:00"', "must be a time of day"),
        ('[[arm.schedule]]\nfrom = "22:00"\nto = "22:00"', "must not be the time at which it begins"),
        ('[[arm.schedule]]\ndays = []', 'must be "every day"'),
        ('[[arm.schedule]]\ndays = "monday"', 'must be "every day"'),
        ('[sensors]\nlisten = "1884"', "an address of this machine and a port"),
        ('[sensors]\nzigbee2mqtt = "vigilar/system"', "other than vigilar"),
        ('[sensors]\nzigbee2mqtt = "#"', "must be a topic"),
        ('[sensors]\nhost = "10.0.0.2"\nlisten = "0.0.0.0:1884"', "leave it out"),
        ('[sensors]\nlogin = "secret:x"', "there is none in host"),
        ('[[sensors.gpio]]\nline = 4\n[[sensors.gpio]]\nline = 4', "twice"),
        ('[presence]\naway_after = "5s"', "must be between"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        config_of(text)
    assert said in str(caught.value)


def source_of(text: str, folder: Path) -> CutSource:
    places = Places(folder / "vigilar.toml", folder, folder / "secrets")
    bus = BusLogins(host="127.0.0.1", port=1883, accounts={"sensors": BusLogin("sensors", "pw")})
    return CutSource(config=config_of(text), places=places, bus=bus)


LOGIN = BusLogin("sensors", "pw")


@pytest.mark.parametrize("text", ["", '[bus]\nbroker = "external"', "[presence]\nenabled = false"])
def test_house_without_sensors_runs_no_process(tmp_path: Path, text: str) -> None:
    assert make_sensors_job(source_of(text, tmp_path), LOGIN) is None


def test_sensors_are_heard_where_the_file_says(tmp_path: Path) -> None:
    own = make_sensors_job(source_of('[sensors]\nlisten = "0.0.0.0:1884"', tmp_path), LOGIN)
    assert own is not None
    assert (own.topic, own.host) == ("zigbee2mqtt", "")
    shared = make_sensors_job(source_of('[bus]\nbroker = "external"\n[sensors]\nzigbee2mqtt = "z2m"', tmp_path), LOGIN)
    assert shared is not None
    assert (shared.topic, shared.host) == ("z2m", "")
    phones = make_sensors_job(source_of("[presence]\nenabled = true", tmp_path), LOGIN)
    assert phones is not None
    assert (phones.topic, phones.looks_for_phones) == ("", True)


def test_owners_broker_has_its_login_in_a_secret(tmp_path: Path) -> None:
    text = '[sensors]\nhost = "10.0.0.2"\nlogin = "secret:zigbee"'
    with pytest.raises(ConfigError, match="There is no secret"):
        make_sensors_job(source_of(text, tmp_path), LOGIN)
    SecretStore(tmp_path / "secrets").put_login("zigbee", "me", "hunter2")
    job = make_sensors_job(source_of(text, tmp_path), LOGIN)
    assert job is not None
    assert (job.host, job.user, job.password) == ("10.0.0.2", "me", "hunter2")
    assert "hunter2" not in repr(job)


def test_only_our_own_broker_listens_for_sensors(tmp_path: Path) -> None:
    source = source_of('[sensors]\nlisten = "[::]:1884"\nzigbee2mqtt = "z2m"', tmp_path)
    assert make_broker_plan(source.config, source.places).sensors == LanWay("::", 1884, "z2m")
    assert make_broker_plan(config_of('[bus]\nbroker = "external"'), source.places).sensors is None


def test_rules_reach_a_running_process(tmp_path: Path) -> None:
    job = EventsJob(
        data_dir=tmp_path, secrets_dir=tmp_path, run_dir=tmp_path, database_url="", bus_host="", bus_port=1,
        bus_user="", bus_password="",
    )  # fmt: skip
    rules = arm_rules(config_of('[[arm.schedule]]\nmode = "night"'))
    told = json.loads(json.dumps(live_settings(replace(job, arm=rules), {"arm"})))
    assert with_settings(job, told).arm == rules
    assert job.arm == ArmRules()
