"""``vigilar doctor``: each look on a house that is broken in just this way, and the whole on one that is stopped."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.health_kit import known as well_known
from tests.health_kit import line, look
from tests.ports import free_port
from tests.ready_store import lay_database
from vigilar.base.clock_sync import ClockState
from vigilar.base.errors import VigilarError
from vigilar.base.file_system import FileSystem
from vigilar.base.folder_id import make_folder_id
from vigilar.base.house_file import HouseFile
from vigilar.cli.doctor import box, house
from vigilar.cli.doctor.check import Check, Patient, run_look
from vigilar.cli.doctor.command import LOOKS, exit_code
from vigilar.cli.known import Gathered
from vigilar.cli.program import run
from vigilar.config.load import parse_config
from vigilar.config.models import Config, Web
from vigilar.config.places import find_places
from vigilar.health.known import Footage, Sensors
from vigilar.health.part import State
from vigilar.record.free_space import FreeSpace
from vigilar.store.files import StorageTotal
from vigilar.vge.key_store import prepare_keys

NOW_MS = 1_780_000_000_000


@pytest.fixture
def patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Patient:
    """A stopped house with keys and a database."""
    monkeypatch.setenv("VIGILAR_STATE_DIR", str(tmp_path / "state"))
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    make_folder_id(folder)
    lay_database(folder)
    prepare_keys(folder / "secrets")
    port, bus = free_port(), free_port()
    text = f'[web]\nport = {port}\nlisten = "127.0.0.1"\n[bus]\nport = {bus}\n'
    (folder / "vigilar.toml").write_text(text)
    places = find_places(data_dir=folder, environ={})
    config = parse_config(text.encode(), "x")
    gathered = Gathered(well_known(), {"shed": StorageTotal("shed", "video", 1, 1, NOW_MS - 5, NOW_MS - 1)})
    proc, sys = tmp_path / "proc", tmp_path / "sys"
    for path, content in {
        "meminfo": "MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\n",
        "loadavg": "0.10 0.20 0.30 1/100 5\n",
        "swaps": "Filename\tType\tSize\tUsed\tPriority\n",
        "self/limits": "Limit  Soft Hard Units\nMax open files  4096  524288  files\n",
    }.items():
        (proc / path).parent.mkdir(parents=True, exist_ok=True)
        (proc / path).write_text(content)
    sys.mkdir()
    return Patient(places, config, "", None, None, gathered, look(), NOW_MS, proc, sys)


def with_config(patient: Patient, text: str) -> Patient:
    return replace(patient, config=parse_config(text.encode(), "x"))


def state_of(check: Any) -> State:
    assert isinstance(check, Check)
    if check.state in (State.WARN, State.BAD):
        assert check.sentence.endswith((".", "…")), check
    return check.state


def test_healthy_looks_are_well(patient: Patient) -> None:
    looks = (
        *(box.space, box.inodes, box.disk_answers, box.swap, box.memory, box.processor, box.kernel, box.open_files),
        *(box.libraries, box.clock_order, box.page, box.broker_program, box.broker),
        *(house.settings, house.secrets, house.data_folder, house.database, house.database_version, house.keys),
        *(house.logins, house.set_aside, house.coverage, house.recordings, house.retention),
    )
    assert {one.__name__: state_of(one(patient)) for one in looks if state_of(one(patient)) is not State.OK} == {}


def test_settings_that_are_not_valid_show_the_line(patient: Patient) -> None:
    found = house.settings(replace(patient, config=None, config_error="v.toml:3:1: x: is unknown\nv.toml:4:1: y"))
    assert found.state is State.BAD
    assert found.sentence == "The settings are not valid: v.toml:3:1: x: is unknown (and 1 more)"
    assert "vigilar config undo" in found.next_step


def test_secrets_that_others_can_read_are_bad(patient: Patient) -> None:
    secret = patient.places.secrets_dir / "camera.json"
    secret.write_text("{}")
    secret.chmod(0o644)
    found = house.secrets(patient)
    assert found.state is State.BAD
    assert str(secret) in found.sentence
    assert "chmod" in found.next_step


def test_missing_login_is_named(patient: Patient) -> None:
    text = '[[camera]]\nname = "Shed"\naddress = "rtsp://10.0.0.9/x"\nlogin = "secret:shed"\n'
    assert state_of(house.logins(with_config(patient, text))) is State.BAD


def test_other_drive_in_the_place_of_the_houses_is_bad(patient: Patient) -> None:
    memory = HouseFile(patient.places.house_file)
    memory.make_folder()
    memory.change(folder_id="f" * 32)
    assert state_of(house.data_folder(patient)) is State.BAD


def test_folder_that_is_not_there_is_bad(patient: Patient, tmp_path: Path) -> None:
    gone = replace(patient.places, data_dir=tmp_path / "gone")
    assert state_of(house.data_folder(replace(patient, places=gone))) is State.BAD


def test_damaged_database_is_bad_and_stays_as_it_is(patient: Patient) -> None:
    path = patient.places.data_dir / "vigilar.db"
    data = bytearray(path.read_bytes())
    with sqlite3.connect(path) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    data = bytearray(path.read_bytes())
    data[(root - 1) * size : root * size] = bytes([0xAA]) * size
    path.write_bytes(data)
    found = house.database(patient)
    assert found.state is State.BAD
    assert found.sentence.startswith("The database is damaged")
    assert path.read_bytes() == data


def test_locked_keys_and_missing_sheet_are_to_look_at(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_of(house.recovery_sheet(patient)) is State.WARN
    monkeypatch.setattr(house, "lock_problem", lambda _: "Older recordings are locked.")
    assert state_of(house.keys(patient)) is State.WARN


def test_keys_beside_the_recordings_are_told(patient: Patient) -> None:
    found = house.keys_beside(patient)
    assert (found.state, found.next_step) == (State.WARN, "vigilar keys passphrase set, or vigilar keys stick make")


def test_camera_that_answers_and_one_that_does_not(patient: Patient) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        open_port, closed = server.getsockname()[1], free_port()
        text = "".join(
            f'[[camera]]\nname = "{name}"\naddress = "rtsp://127.0.0.1:{port}/x"\n'
            for name, port in (("Good", open_port), ("Bad", closed))
        )
        good, bad = house.cameras(with_config(patient, text))
    assert (good.id, good.state) == ("camera:good", State.OK)
    assert (bad.id, bad.state) == ("camera:bad", State.BAD)
    assert "vigilar camera test bad" in bad.next_step


def test_house_without_camera_is_to_look_at(patient: Patient) -> None:
    [found] = house.cameras(patient)
    assert state_of(found) is State.WARN


def test_camera_that_is_not_recorded_is_bad(patient: Patient) -> None:
    gathered = Gathered(well_known(cameras=[line("no-picture")]), {})
    found = house.recording(replace(patient, gathered=gathered, status={"processes": {}}, pid=1))
    assert (found.state, found.sentence) == (State.BAD, "Not recorded, or not known to be: Shed.")
    assert state_of(house.recording(patient)) is State.UNKNOWN, "a stopped house says nothing of its cameras"


@pytest.mark.parametrize(
    ("look_at", "broken", "state"),
    [
        (house.coverage, {"low_coverage": {"shed": 5}}, State.WARN),
        (house.coverage, {"sensors": None}, State.UNKNOWN),
        (house.recordings, {"damaged": 3}, State.WARN),
        (house.recordings, {"history": "It was set back."}, State.BAD),
        (house.retention, {"footage": None}, State.UNKNOWN),
        (house.retention, {"told": ["130 GB waits for your word."]}, State.WARN),
        (house.retention, {"footage": Footage(None, None, "Nothing yet.")}, State.OK),
        (house.coverage, {"sensors": Sensors(1)}, State.OK),
    ],
)
def test_what_the_database_tells(patient: Patient, look_at: Any, broken: dict[str, Any], state: State) -> None:
    gathered = Gathered(well_known(**broken), {})
    assert state_of(look_at(replace(patient, gathered=gathered, status={}, pid=1))) is state


def test_model_that_is_missing_is_to_look_at(patient: Patient) -> None:
    assert state_of(house.models(patient)) is State.WARN
    assert state_of(house.models(with_config(patient, "[detect]\nobjects = false\n"))) is State.OK


def test_taken_ports_are_bad_while_stopped(patient: Patient) -> None:
    web, bus = patient.settings.web.port, patient.settings.bus.port
    with socket.create_server(("127.0.0.1", web)), socket.create_server(("127.0.0.1", bus)):
        assert state_of(box.page(patient)) is State.BAD
        assert state_of(box.broker(patient)) is State.BAD


def test_silent_page_and_broker_are_bad_while_running(patient: Patient) -> None:
    running = replace(patient, pid=os.getpid(), status={})
    assert state_of(box.page(running)) is State.BAD
    assert state_of(box.broker(running)) is State.BAD
    assert state_of(box.service(running)) is State.OK
    assert state_of(box.service(replace(running, status=None))) is State.BAD
    assert state_of(box.service(patient)) is State.BAD


def test_missing_programs_are_named(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_args, **_names: None)
    monkeypatch.setattr(box, "find_haproxy", lambda: None)
    assert state_of(box.broker_program(patient)) is State.BAD
    assert state_of(box.door(patient)) is State.WARN
    closed = replace(patient, config=Config(web=Web(https_only=True)))
    for one, says in ((patient, "may look and change nothing"), (closed, "see nothing")):
        assert f"without it other machines {says}." in str(box.door(one))
    assert state_of(box.disk_smart(patient)) is State.UNKNOWN
    assert state_of(box.unit(patient)) is State.UNKNOWN


@pytest.mark.parametrize(("passed", "state"), [("true", State.OK), ("false", State.BAD), ("null", State.UNKNOWN)])
def test_drive_that_says_it_fails_is_bad(
    patient: Patient, tmp_path: Path, monkeypatch: Any, passed: str, state: State
) -> None:
    program = tmp_path / "bin" / "smartctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho \'{{"smart_status": {{"passed": {passed}}}}}\'\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(box, "find_device", lambda *_: "sda")
    assert state_of(box.disk_smart(patient)) is state


def test_drive_is_found_below_encryption_and_partition(patient: Patient, tmp_path: Path) -> None:
    number = tmp_path.stat().st_dev
    devices = patient.sys / "devices"
    (devices / "dm-0/slaves").mkdir(parents=True)
    (devices / "sdb/sdb1").mkdir(parents=True)
    (devices / "sdb/queue").mkdir()
    (devices / "sdb/sdb1/partition").write_text("1")
    (devices / "dm-0/slaves/sdb1").symlink_to(devices / "sdb/sdb1")
    by_number = patient.sys / "dev/block"
    by_number.mkdir(parents=True)
    (by_number / f"{os.major(number)}:{os.minor(number)}").symlink_to(devices / "dm-0")
    assert box.find_device(tmp_path, patient.sys) == "sdb"
    assert box.find_device(tmp_path, tmp_path / "none") is None


@pytest.mark.parametrize(
    ("file", "content", "look_at"),
    [
        ("swaps", "Filename Type Size Used Priority\n/swap.img file 2000000 0 -2\n", box.swap),
        ("meminfo", "MemTotal: 300000 kB\nMemAvailable: 200000 kB\n", box.memory),
        ("meminfo", "MemTotal: 8000000 kB\nMemAvailable: 100000 kB\n", box.memory),
        ("loadavg", "99.0 990.0 99.0 1/1 1\n", box.processor),
        ("self/limits", "Max open files            256       256      files\n", box.open_files),
    ],
)
def test_what_the_kernel_tells(patient: Patient, file: str, content: str, look_at: Any) -> None:
    (patient.proc / file).write_text(content)
    assert state_of(look_at(patient)) is State.WARN


def test_swap_in_memory_or_encrypted_is_well(patient: Patient, tmp_path: Path) -> None:
    swap_file = tmp_path / "swap"
    swap_file.write_bytes(b"")
    number = swap_file.stat().st_dev
    uuid = patient.sys / "dev/block" / f"{os.major(number)}:{os.minor(number)}" / "dm/uuid"
    uuid.parent.mkdir(parents=True)
    uuid.write_text("CRYPT-PLAIN-swap\n")
    (patient.proc / "swaps").write_text(f"Filename Type\n/dev/zram0 partition 1 0 5\n{swap_file} file 1 0 -2\n")
    assert state_of(box.swap(patient)) is State.OK


def test_old_kernel_is_bad(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.uname", lambda: os.uname_result(("Linux", "x", "4.19.0-rpi", "v", "armv7l")))
    assert state_of(box.kernel(patient)) is State.BAD


def test_recording_in_the_future_means_a_wrong_clock(patient: Patient) -> None:
    totals = {"shed": StorageTotal("shed", "video", 1, 1, NOW_MS, NOW_MS + 3_600_000)}
    ahead = replace(patient, gathered=Gathered(well_known(), totals))
    assert state_of(box.clock_order(ahead)) is State.BAD


@pytest.mark.parametrize(
    ("state", "expected"),
    [(None, State.UNKNOWN), (False, State.WARN), (True, State.OK)],
)
def test_clock_says_how_it_is_kept(patient: Patient, monkeypatch: Any, state: bool | None, expected: State) -> None:
    monkeypatch.setattr(box, "read_clock", lambda: None if state is None else box_clock(state))
    assert state_of(box.clock(patient)) is expected
    assert state_of(box.clock(replace(patient, now_ms=5))) is State.BAD


def box_clock(is_in_step: bool) -> Any:
    return ClockState(is_in_step, 3.0)


@pytest.mark.parametrize(("kind", "state"), [("ext4", State.OK), ("exfat", State.WARN), ("nfs4", State.WARN)])
def test_file_systems(patient: Patient, monkeypatch: Any, kind: str, state: State) -> None:
    monkeypatch.setattr(box, "find_file_system", lambda _: FileSystem(kind, "/dev/x", ""))
    assert state_of(box.file_system(patient)) is state


def test_full_and_read_only_disks_are_bad(patient: Patient, monkeypatch: Any) -> None:
    monkeypatch.setattr(box, "free_space_of", lambda _: FreeSpace(1000, 10**12))
    assert state_of(box.space(patient)) is State.BAD
    monkeypatch.setattr(box, "is_read_only", lambda _: True)
    assert state_of(box.disk_answers(patient)) is State.BAD
    monkeypatch.setattr(box, "is_read_only", lambda _: False)
    monkeypatch.setattr(box, "device_fault", lambda _: "Input/output error")
    assert state_of(box.disk_answers(patient)) is State.BAD


def test_look_that_fails_is_not_known_and_stops_no_other(patient: Patient) -> None:
    def refused(_: Patient) -> Check:
        raise PermissionError(13, "Permission denied")

    def broken(_: Patient) -> Check:
        raise VigilarError("it cannot be read", next_step="Mend it.")

    assert run_look("a", refused, patient) == [
        Check("a", State.UNKNOWN, "Cannot be told: Permission denied.",
              "Run the doctor as the user of the service, or with sudo.")
    ]  # fmt: skip
    assert run_look("b", broken, patient) == [
        Check("b", State.UNKNOWN, "Cannot be told: it cannot be read.", "Mend it.")
    ]


@pytest.mark.parametrize(
    ("states", "code"),
    [((State.OK,), 0), ((State.OK, State.WARN), 1), ((State.UNKNOWN,), 1), ((State.WARN, State.BAD), 2)],
)
def test_exit_codes(states: tuple[State, ...], code: int) -> None:
    assert exit_code([Check("x", state, "s") for state in states]) == code


def test_whole_doctor_speaks_of_a_stopped_house_and_changes_nothing(
    patient: Patient, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = patient.places.data_dir
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    code = run(["doctor", "--data-dir", str(folder), "--json"])
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert code == 2, "it does not run"
    assert len(checks) >= len(LOOKS)
    assert all(set(one) == {"id", "state", "sentence", "next_step"} for one in checks)
    assert len({one["id"] for one in checks}) == len(checks)
    assert {one["state"] for one in checks} <= {"ok", "warn", "bad", "unknown"}
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {path: data for path, data in after.items() if path in before} == before
    assert run(["doctor", "--data-dir", str(folder)]) == 2
    assert "Vigilar does not run" in capsys.readouterr().out


def test_doctor_works_with_nothing_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--data-dir", str(tmp_path / "none"), "--json"]) == 2
    states = {one["id"]: one["state"] for one in json.loads(capsys.readouterr().out)["checks"]}
    assert (states["data-folder"], states["service"], states["settings"]) == ("bad", "bad", "ok")
    assert not (tmp_path / "none").exists()
