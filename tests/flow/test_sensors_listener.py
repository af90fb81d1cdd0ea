"""A port for sensors that somebody else has keeps the house from hearing sensors, and from nothing else."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.ports import free_port
from vigilar.base.folder_id import make_folder_id
from vigilar.config.jobs import HouseJobs
from vigilar.config.places import Places
from vigilar.door.places import serving_file
from vigilar.processes.plan import make_jobs
from vigilar.processes.planner import PlanTask
from vigilar.processes.upgrade import prepare_start


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Places(tmp_path / "vigilar.toml", tmp_path, tmp_path / "secrets")
    places.run_dir.mkdir()
    make_folder_id(places.data_dir)
    places.config_file.write_text("", encoding="utf-8")
    prepare_start(places)
    return places


def plan(places: Places, listen: str, more: str = "", *, is_start: bool = True) -> tuple[HouseJobs, str]:
    text = f'[bus]\nport = 1810\n[sensors]\nlisten = "{listen}"\n{more}'
    places.config_file.write_text(text, encoding="utf-8")
    jobs = make_jobs(PlanTask(places, bus_port=None, is_start=is_start))
    return jobs, (places.broker_dir / "mosquitto.conf").read_text(encoding="utf-8")


def test_free_port_is_listened_on(places: Places) -> None:
    port = free_port()
    jobs, conf = plan(places, f"127.0.0.1:{port}")
    assert jobs.problems == ()
    assert f"listener {port} 127.0.0.1" in conf
    with socket.create_server(("127.0.0.1", port)):  # by now our own broker has it
        assert plan(places, f"127.0.0.1:{port}", is_start=False)[0].problems == ()


@pytest.mark.parametrize("is_start", [True, False])
def test_taken_port_is_told_and_left_alone(places: Places, is_start: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        jobs, conf = plan(places, f"127.0.0.1:{port}", is_start=is_start)
    assert jobs.problems == (f"Port {port}, wanted for sensors, is taken: choose another one in [sensors] listen.",)
    assert f"listener {port}" not in conf
    assert jobs.broker.sensors is None


def test_port_of_the_bus_is_not_for_sensors(places: Places) -> None:
    assert "is taken" in plan(places, "0.0.0.0:1810")[0].problems[0]


def test_address_of_another_machine_is_told(places: Places) -> None:
    assert "cannot be listened to on 192.0.2.1" in plan(places, "192.0.2.1:1884")[0].problems[0]


def test_encrypted_way_in_shows_the_certificate_of_the_pages(places: Places) -> None:
    port = free_port()
    listen = f"127.0.0.1:{port}"
    plain, text = plan(places, listen)
    assert "certfile" not in text
    jobs, text = plan(places, listen, "tls = true\n")
    certificate = serving_file(places.secrets_dir)
    assert f"certfile {certificate}\nkeyfile {certificate}\n" in text.partition(f"listener {port} ")[2]
    assert jobs.broker != plain.broker, "it begins anew"
    certificate.write_bytes(certificate.read_bytes() + b"\n")
    assert plan(places, listen, "tls = true\n", is_start=False)[0].broker != jobs.broker, "so it does with another one"


def test_without_a_certificate_nothing_is_heard_in_the_clear(places: Places) -> None:
    serving_file(places.secrets_dir).unlink()
    jobs, text = plan(places, f"127.0.0.1:{free_port()}", "tls = true\n")
    assert "there is no certificate" in jobs.problems[0]
    assert jobs.broker.sensors is None
    assert text.count("listener ") == 1
