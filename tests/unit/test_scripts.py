"""What the scripts say on a system where something is missing and whoever runs them may not install it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


class BareSystem:
    """A PATH with next to nothing on it, and a user who is not root. Nothing here can install anything."""

    def __init__(self, folder: Path) -> None:
        self._bin = folder / "bin"
        self._bin.mkdir()
        (self._bin / "dirname").symlink_to(shutil.which("dirname") or "/usr/bin/dirname")
        self.add("id", "echo 1000")
        self.add("apt-get", "exit 1")
        self.add("dpkg-query", "exit 1")
        self._env = {"PATH": str(self._bin), "PYTHON": sys.executable, "VIGILAR_VENV": str(folder / "no-venv")}

    def add(self, name: str, script: str) -> None:
        command = self._bin / name
        command.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        command.chmod(0o755)

    def remove(self, name: str) -> None:
        (self._bin / name).unlink()

    def need(self, *parts: str) -> subprocess.CompletedProcess[str]:
        script = f'source "{ROOT}/scripts/lib.sh"; need_system "$@"; echo went on'
        command = [shutil.which("bash") or "/bin/bash", "-euo", "pipefail", "-c", script, "test", *parts]
        return subprocess.run(
            command, env=self._env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )


@pytest.fixture
def bare(tmp_path: Path) -> BareSystem:
    return BareSystem(tmp_path)


def test_user_without_sudo_is_told_one_command(bare: BareSystem) -> None:
    done = bare.need("no-such-server=server", "/no/such/file=data", "library")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "System packages are missing; please run this as root, then start again: "
        "apt-get update && apt-get install -y server data library\n"
    )


def test_user_whose_sudo_asks_is_told_to_use_it(bare: BareSystem) -> None:
    bare.add("sudo", "exit 1")
    done = bare.need("no-such-server=server")
    assert done.returncode == 1
    assert done.stderr.endswith("start again: sudo apt-get update && sudo apt-get install -y server\n")


def test_nothing_missing_goes_on_in_silence(bare: BareSystem) -> None:
    bare.add("dpkg-query", 'printf "ii "')
    done = bare.need("dirname=coreutils", "/etc/passwd=base-passwd", "library")
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")


def test_system_without_apt_is_told_names(bare: BareSystem) -> None:
    bare.remove("apt-get")
    done = bare.need("no-such-server=server")
    assert done.returncode == 1
    assert done.stderr == "Please install what your system calls: server\n"


@pytest.mark.parametrize("name", ["demo.sh", "test.sh", "try-image.sh"])
def test_scripts_are_executable_and_explain_themselves(name: str) -> None:
    script = ROOT / "scripts" / name
    assert os.access(script, os.X_OK)
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"usage: ./scripts/{name}")
