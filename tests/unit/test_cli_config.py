"""``vigilar config`` and ``vigilar reload``."""

from __future__ import annotations

import json
import os
import signal
import tomllib
from pathlib import Path
from types import FrameType

import pytest

from vigilar.base.errors import ExitCode
from vigilar.base.lock import FileLock
from vigilar.cli.program import run
from vigilar.config.secrets import SecretStore

CAMERA = '[[camera]]\nname = "Door"\naddress = "rtsp://10.0.0.7/x"\nlogin = "secret:door"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    SecretStore(tmp_path / "secrets").put_login("door", "admin", "geheim")
    (tmp_path / "vigilar.toml").write_text(CAMERA)
    return tmp_path


def test_validate_counts_the_cameras(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "validate", "--data-dir", str(folder)]) == 0
    assert capsys.readouterr().out == "OK, 1 camera\n"


def test_validate_without_a_file_is_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "validate", "--data-dir", str(tmp_path / "new")]) == 0
    assert capsys.readouterr().out == "OK, 0 cameras\n"


def test_validate_names_all_that_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "vigilar.toml").write_text('[web]\nprot = 1\nport = "geheim"\n')
    assert run(["config", "validate", "--data-dir", str(folder)]) == ExitCode.CONFIG
    out, err = capsys.readouterr()
    assert out == ""
    assert f'{folder}/vigilar.toml:2:1: web.prot: is unknown; did you mean "port"?' in err
    assert f"{folder}/vigilar.toml:3:1: web.port: must be a whole number" in err
    assert "geheim" not in err


def test_validate_misses_a_secret(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    SecretStore(folder / "secrets").delete("door")
    assert run(["config", "validate", "--data-dir", str(folder)]) == ExitCode.CONFIG
    assert 'no secret "door"' in capsys.readouterr().err


def test_show_prints_what_is_in_force_without_secrets(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "show", "--data-dir", str(folder)]) == 0
    text = capsys.readouterr().out
    assert run(["config", "show", "--data-dir", str(folder), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"schema": 1, "config": tomllib.loads(text)}
    assert shown["config"]["camera"][0]["login"] == "secret:door"
    assert "geheim" not in text


def test_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "vigilar.toml"


def test_reload_without_a_service_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reload", "--data-dir", str(folder)]) == ExitCode.NOT_RUNNING
    assert "No Vigilar runs with" in capsys.readouterr().err


def test_reload_signals_the_service_unless_the_file_is_wrong(folder: Path) -> None:
    received: list[int] = []

    def take(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    before = signal.signal(signal.SIGHUP, take)
    try:
        with FileLock(folder / "supervisor.lock") as lock:
            assert lock.acquire()
            assert run(["reload", "--data-dir", str(folder)]) == 0
            (folder / "vigilar.toml").write_text("x = 1")
            assert run(["reload", "--data-dir", str(folder)]) == ExitCode.CONFIG
    finally:
        signal.signal(signal.SIGHUP, before)
    assert received == [signal.SIGHUP]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_file_that_may_not_be_read_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "vigilar.toml").chmod(0)
    assert run(["config", "show", "--data-dir", str(folder)]) == ExitCode.DENIED
    assert "may not be read" in capsys.readouterr().err
