"""The program itself: help, near misses, errors as sentences, what is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vigilar.base.errors import ConfigError, ExitCode, VigilarError
from vigilar.cli.program import COMMANDS, describe, run


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in COMMANDS)


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("vigilar ")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["strat"], "'start'"),
        (["config", "vaildate"], "'validate'"),
        (["camera", "lst"], "'list'"),
        (["config", "show", "--jsn"], "'--json'"),
    ],
)
def test_near_miss_names_what_was_meant(args: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(args) == ExitCode.USAGE
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (VigilarError("port 80 is taken", next_step="Free it."), "Port 80 is taken.\nFree it."),
        (VigilarError("The camera said no.", code="V-CAM-03"), "The camera said no. [V-CAM-03]"),
        (ConfigError("v.toml:1:1: x: is unknown"), "v.toml:1:1: x: is unknown."),
        (ConfigError("v.toml:1:1: a\nv.toml:2:1: b"), "v.toml:1:1: a\nv.toml:2:1: b"),
    ],
)
def test_error_becomes_a_sentence(error: VigilarError, text: str) -> None:
    assert describe(error) == text


def test_places_may_stand_before_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "vigilar.toml").write_text("[web]\nport = 1234\n")
    assert run(["--data-dir", str(tmp_path), "config", "show"]) == 0
    before = capsys.readouterr().out
    assert run(["config", "show", "--data-dir", str(tmp_path)]) == 0
    assert "port = 1234" in before
    assert capsys.readouterr().out == before


def test_reader_that_leaves_early_is_no_traceback() -> None:
    command = f"{sys.executable} -m vigilar config schema | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert done.stderr == b""


@pytest.mark.parametrize("module", ["vigilar.cli.start", "vigilar.cli.demo"])
def test_supervisor_commands_load_nothing_heavy(module: str) -> None:
    heavy = {"pydantic", "sqlalchemy", "flask", "av", "cv2", "numpy", "tomlkit", "paho"}
    code = f"import sys, vigilar.cli.program, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
