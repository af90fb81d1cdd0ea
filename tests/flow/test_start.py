"""``vigilar start`` with the real processes, and what it answers when it cannot start."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S, ROOT, wait_until
from tests.ports import free_port


class Service:
    """A data folder and the ``vigilar start`` that runs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.started: list[subprocess.Popen[str]] = []
        self.configure("")

    def configure(self, more: str) -> None:
        text = f'[web]\nlisten = "127.0.0.1"\nport = {self.port}\n[bus]\nport = 0\n{more}'
        (self.folder / "vigilar.toml").write_text(text, encoding="utf-8")

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "vigilar", "start", "--data-dir", str(self.folder)]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.started.append(process)
        return process

    def is_up(self) -> bool:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5.0)) as connection:
            try:
                connection.request("GET", "/healthz")
                return connection.getresponse().status == 200
            except OSError:
                return False


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    yield made
    for process in made.started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_real_supervisor_is_small_and_stops_in_time(service: Service) -> None:
    process = service.start()
    wait_until(service.is_up, 60.0)
    text = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    facts = {line.split(":")[0]: line.split()[1] for line in text.splitlines() if line.startswith(("VmHWM", "Threads"))}
    assert int(facts["VmHWM"]) < 30 * 1024, "KiB at most, ever"
    assert facts["Threads"] == "1"
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors, errors
    assert not service.is_up()


def test_second_start_names_the_first(service: Service) -> None:
    first = service.start()
    wait_until(lambda: (service.folder / "supervisor.lock").exists(), 20.0)
    wait_until(lambda: (service.folder / "supervisor.lock").read_text() != "", 5.0)
    second = service.start()
    _, errors = second.communicate(timeout=PATIENCE_S)
    assert second.returncode == 75
    assert f"process {first.pid}" in errors
    assert first.poll() is None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[web2]\nport = 1\n", "vigilar.toml:6:2: web2"),
        ("[log]\nlevel = 3\n", "vigilar.toml:7:1: log.level"),
        ("[log\n", "vigilar.toml:6"),
    ],
)
def test_wrong_settings_name_file_line_and_key(service: Service, more: str, said: str) -> None:
    service.configure(more)
    process = service.start()
    _, errors = process.communicate(timeout=30.0)
    assert process.returncode == 6
    assert said in errors
    assert "Traceback" not in errors


def test_unusable_data_folder_is_a_sentence(service: Service) -> None:
    (service.folder / "run").write_text("a file where a folder belongs")
    process = service.start()
    _, errors = process.communicate(timeout=30.0)
    assert process.returncode == 5
    assert f"{service.folder / 'run'} cannot be used" in errors
    assert "Traceback" not in errors
