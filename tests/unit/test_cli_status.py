"""``vigilar status`` with a real database, a lock, and a page that answers."""

from __future__ import annotations

import json
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from vigilar import __version__
from vigilar.base.errors import ExitCode
from vigilar.base.folder_id import make_folder_id
from vigilar.base.lock import FileLock
from vigilar.base.status_socket import StatusServer
from vigilar.cli.program import run
from vigilar.cli.service import is_serving, lan_address, local_host, page_address
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.files import NewFile, add_file, reserve_numbers
from vigilar.store.health import put_off
from vigilar.store.nodes import claim_rows


class Page(BaseHTTPRequestHandler):
    """Answers ``/healthz`` as the web process does."""

    def do_GET(self) -> None:
        body = b"ok"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Says nothing."""


@pytest.fixture
def page_port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


RECORDING = {"is_recording": True, "not_recording": "", "is_offline": False, "state": "live", "mode": "always"}
NO_PICTURE = {"is_recording": False, "not_recording": "", "is_offline": True, "state": "failed", "code": "V-CAM-03",
              "reason": "The camera refuses the login."}  # fmt: skip


@contextmanager
def supervisor(folder: Path, **camera: Any) -> Iterator[None]:
    """Who holds the lock and says how the processes are, as the supervisor does."""
    process = {"title": "Door", "state": "running", "last_exit": "", "status": RECORDING, **camera}
    (folder / "run").mkdir(exist_ok=True)
    main = {"title": "The main program", "state": "running", "pid": 1}
    said = {"processes": {"supervisor": main, "camera/door": process}, "config_error": "", "problems": []}
    now = lambda: {"ts": time.time_ns() // 1_000_000, **said}  # noqa: E731 -- said when it is asked
    server, ended = StatusServer(folder / "run", now), threading.Event()

    def answer() -> None:
        while not ended.is_set():
            if select.select([server], [], [], 0.05)[0]:
                server.answer()

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        with FileLock(folder / "supervisor.lock") as lock:
            assert lock.acquire()
            yield
    finally:
        ended.set()
        thread.join()
        server.close()


def house(folder: Path, port: int, footage_age_s: float) -> None:
    camera = '[[camera]]\nname = "Door"\naddress = "demo:hall"\n'
    (folder / "vigilar.toml").write_text(f"[web]\nport = {port}\n{camera}")
    store = Store.open(f"sqlite:///{folder}/vigilar.db", migrate=True)
    ensure_camera(store, "door", "Door", 1)
    number = reserve_numbers(store, "door", "video", 1)
    start_ms = int((time.time() - footage_age_s) * 1000)
    add_file(store, NewFile(camera_id="door", content="video", number=number, path="x", start_ms=start_ms))
    store.close()


def status(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    code = run(["status", "--data-dir", str(folder), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_not_running_has_its_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(tmp_path, capsys) == (ExitCode.NOT_RUNNING, {"schema": 1, "running": False})
    assert run(["status", "--data-dir", str(tmp_path)]) == ExitCode.NOT_RUNNING
    assert "vigilar start" in capsys.readouterr().err


def test_all_well_ends_with_zero(tmp_path: Path, page_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    house(tmp_path, page_port, footage_age_s=5)
    with supervisor(tmp_path):
        code, shown = status(tmp_path, capsys)
        assert run(["status", "--data-dir", str(tmp_path)]) == 0
    assert (code, shown["version"], shown["warnings"]) == (0, __version__, [])
    out = capsys.readouterr().out
    assert f"Vigilar {__version__} runs" in out
    assert "Door" in out


@pytest.mark.parametrize(
    ("process", "state", "warning"),
    [
        ({"state": "waiting", "last_exit": "was ended by signal 9 (SIGKILL)"}, "restarting",
         "Door: restarting, not recording. Its process ended and is started again."),
        ({"status": {**RECORDING, "is_recording": False, "not_recording": "database"}}, "not recording",
         "Door: live, not recording. The database cannot be written."),
        ({"status": NO_PICTURE}, "not recording",
         "Door: no picture. The camera refuses the login. [V-CAM-03] Try: vigilar camera test door"),
        ({"status": {**RECORDING, "not_recording": "disk-read-only"}}, "not recording",
         "The disk is read-only: nothing is recorded. A disk with faults is often made read-only"),
    ],
)  # fmt: skip
def test_what_a_camera_process_says_now_counts(
    tmp_path: Path, page_port: int, capsys: pytest.CaptureFixture[str], process: Any, state: str, warning: str
) -> None:
    house(tmp_path, page_port, footage_age_s=5)
    with supervisor(tmp_path, **process):
        code, shown = status(tmp_path, capsys)
    assert code == ExitCode.WARNINGS
    assert shown["cameras"][0]["state"] == state  # type: ignore[index]  # JSON
    assert str(shown["warnings"][0]).startswith(warning)  # type: ignore[index]


def test_supervisor_that_does_not_answer_is_never_all_well(
    tmp_path: Path, page_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    house(tmp_path, page_port, footage_age_s=5)
    with FileLock(tmp_path / "supervisor.lock") as lock:
        assert lock.acquire()
        code, shown = status(tmp_path, capsys)
    assert (code, shown["warnings"]) == (
        10,
        [
            "Door: its state is not known. This camera has not reported yet. Try: vigilar camera test door",
            "Whether all programs run is not known. On the box: systemctl status vigilar",
        ],
    )


def test_late_footage_is_a_warning(tmp_path: Path, page_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    house(tmp_path, page_port, footage_age_s=300)
    with supervisor(tmp_path):
        code, shown = status(tmp_path, capsys)
    assert (code, shown["warnings"]) == (ExitCode.WARNINGS, ["Door has no new footage"])


def test_command_says_the_sentence_of_the_page(
    tmp_path: Path, page_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    house(tmp_path, page_port, footage_age_s=5)
    with supervisor(tmp_path, status=NO_PICTURE):
        _, shown = status(tmp_path, capsys)
        run(["status", "--data-dir", str(tmp_path)])
        out = capsys.readouterr().out
    assert str(shown["sentence"]).startswith("One thing to do: Door: no picture.")
    assert out.startswith(f"{shown['sentence']}\n")
    assert shown["parts"]["backup"]["state"] == "not-set-up"  # type: ignore[index]  # JSON
    assert "Not set up: Power, Backup" in out


def test_problem_put_off_is_no_all_well_for_scripts(
    tmp_path: Path, page_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    house(tmp_path, page_port, footage_age_s=5)
    store = Store.open(f"sqlite:///{tmp_path}/vigilar.db")
    now_ms = time.time_ns() // 1_000_000
    put_off(store, "camera:door", now_ms + 3_600_000, None, now_ms)
    store.close()
    with supervisor(tmp_path, status=NO_PICTURE):
        code, shown = status(tmp_path, capsys)
    assert code == ExitCode.WARNINGS
    assert str(shown["sentence"]).startswith("Nothing new to do. Put off: Door.")


def test_broken_settings_and_silent_page_are_warnings(
    tmp_path: Path, free_tcp_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    house(tmp_path, free_tcp_port, footage_age_s=5)
    with supervisor(tmp_path):
        code, shown = status(tmp_path, capsys)
        assert code == ExitCode.WARNINGS
        assert "does not answer" in str(shown["warnings"])
        (tmp_path / "vigilar.toml").write_text("x = 1")
        code, shown = status(tmp_path, capsys)
    assert code == ExitCode.WARNINGS
    assert "x: is unknown" in str(shown["warnings"])


def test_page_is_reached_where_it_listens(page_port: int, free_tcp_port: int) -> None:
    assert local_host("0.0.0.0") == "127.0.0.1"
    assert page_address(local_host("::"), 80) == "http://[::1]:80/"
    assert is_serving("127.0.0.1", page_port)
    assert not is_serving("127.0.0.1", free_tcp_port)


def test_lan_address_is_never_loopback() -> None:
    assert not (lan_address() or "").startswith("127.")


def test_recordings_that_are_not_what_they_were_are_a_warning(
    tmp_path: Path, page_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    house(tmp_path, page_port, footage_age_s=5)
    node_id = make_folder_id(tmp_path)
    store = Store.open(f"sqlite:///{tmp_path}/vigilar.db")
    claim_rows(store, node_id)
    with store.sql_write("change by hand") as run_sql:
        run_sql(
            "INSERT INTO files (camera_id, content, number, path, state, reason, start_ms, node_id) "
            "VALUES ('door', 'video', 900, 'y', 'missing', 'found missing; rollover', 1, :node_id)",
            node_id=node_id,
        )
    store.close()
    with supervisor(tmp_path):
        code, shown = status(tmp_path, capsys)
    words = "1 recording is missing, changed or damaged. On the box, vigilar check says which."
    assert (code, shown["warnings"]) == (ExitCode.WARNINGS, [words])
