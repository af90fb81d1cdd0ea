"""What the supervisor stands on: locks, ports, the broker's accounts, the service manager, plans and refusals."""

from __future__ import annotations

import ast
import base64
import errno
import hashlib
import multiprocessing
import os
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.ports import free_port
from vigilar.base.child import Launched
from vigilar.base.errors import BusError, ErrorKind, ExitCode, VigilarError
from vigilar.base.launch import launch_process
from vigilar.base.lock import FileLock, holder_pid
from vigilar.base.ports import check_page_port, is_port_free
from vigilar.base.signals import SignalInbox
from vigilar.base.stop import Stop
from vigilar.base.systemd import ServiceManager
from vigilar.bus.accounts import OWNER, Account, access_list, load_or_create_passwords, password_file
from vigilar.bus.broker import broker_command, check_port, write_configuration
from vigilar.config.jobs import BrokerPlan
from vigilar.config.places import Places
from vigilar.processes.plan import make_broker_ready
from vigilar.processes.planner import NoPlan, Planner, PlanTask


def test_second_holder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with FileLock(path) as first:
        assert first.acquire()
        assert holder_pid(path) == os.getpid()
        assert not FileLock(path).acquire()
    assert holder_pid(path) is None


def test_lock_is_waited_for(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "x.lock"), FileLock(tmp_path / "x.lock")
    assert first.acquire()
    threading.Timer(0.05, first.release).start()
    assert second.acquire(wait_s=5.0)
    second.release()


def test_stop_ends_waiting_for_lock(tmp_path: Path) -> None:
    stop = Stop()
    stop.set()
    with FileLock(tmp_path / "x.lock") as first:
        assert first.acquire()
        assert not FileLock(tmp_path / "x.lock").acquire(wait_s=60.0, stop=stop)


def test_dead_holder_leaves_lock_free(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    code = f"from pathlib import Path; from vigilar.base.lock import *; l = FileLock(Path({str(path)!r})); l.acquire()"
    subprocess.run([sys.executable, "-c", code + "; import os; os.kill(os.getpid(), 9)"], check=False)
    assert path.exists()
    assert holder_pid(path) is None
    with FileLock(path) as lock:
        assert lock.acquire()


def test_holder_of_missing_lock_is_none(tmp_path: Path) -> None:
    assert holder_pid(tmp_path / "x.lock") is None


def test_taken_port_is_not_free() -> None:
    port = free_port()
    assert is_port_free("127.0.0.1", port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_port_free("127.0.0.1", port)
        assert not is_port_free("0.0.0.0", port)
        with pytest.raises(VigilarError, match=f"port {port}, wanted for the page, is taken") as caught:
            check_page_port("127.0.0.1", port)
    assert caught.value.exit_code is ExitCode.BUSY


def test_foreign_address_is_a_config_error() -> None:
    with pytest.raises(VigilarError, match=r"cannot be served on 192\.0\.2\.1 port 5: Cannot assign") as caught:
        check_page_port("192.0.2.1", 5)
    assert caught.value.exit_code is ExitCode.CONFIG


def test_taken_broker_port_names_the_way_out() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)), pytest.raises(BusError, match=str(port)) as caught:
        check_port(port)
    assert caught.value.exit_code is ExitCode.BUSY
    assert "Debian's own mosquitto service" in caught.value.next_step
    assert "[bus] port" in caught.value.next_step


def test_missing_broker_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_args, **_named: None)
    with pytest.raises(BusError, match="Mosquitto is not installed") as caught:
        broker_command(tmp_path)
    assert "apt-get install mosquitto" in caught.value.next_step


def test_accounts_are_made_once_and_private(tmp_path: Path) -> None:
    users = ["camera-front", "events", "owner"]
    first = load_or_create_passwords(tmp_path / "secrets", users)
    assert list(first) == users
    assert len(set(first.values())) == len(users)
    assert load_or_create_passwords(tmp_path / "secrets", users) == first
    assert (tmp_path / "secrets" / "bus-users").stat().st_mode & 0o777 == 0o600


def test_new_user_keeps_the_others_and_a_gone_one_is_forgotten(tmp_path: Path) -> None:
    before = load_or_create_passwords(tmp_path, ["camera-front", "camera-back"])
    after = load_or_create_passwords(tmp_path, ["camera-new", "camera-front"])
    assert after["camera-front"] == before["camera-front"]
    assert "camera-back" not in (tmp_path / "bus-users").read_text()


def test_processes_get_new_passwords_at_each_start(tmp_path: Path) -> None:
    """Not while they run, and never those that people wrote down elsewhere; the broker is told of the new ones."""
    places = Places(tmp_path / "vigilar.toml", tmp_path, tmp_path / "secrets")
    plan, accounts = BrokerPlan(is_own=True, host="127.0.0.1", port=1883), [Account("web"), OWNER]
    first = make_broker_ready(places, plan, accounts, is_start=True)
    running = make_broker_ready(places, plan, [*accounts, Account("camera-new")])
    assert {user: running.accounts[user] for user in first.accounts} == first.accounts
    again = make_broker_ready(places, plan, accounts, is_start=True)
    assert again.accounts["owner"] == first.accounts["owner"]
    assert again.accounts["web"] != first.accounts["web"]
    told = (places.broker_dir / "accounts").read_text(encoding="utf-8")
    assert password_file({user: login.password for user, login in again.accounts.items()}, told) == told


def test_start_on_a_full_disk_keeps_the_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_or_create_passwords(tmp_path, ["web", "owner"])

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("vigilar.bus.accounts.write_atomic", full)
    assert load_or_create_passwords(tmp_path, ["web", "owner"], renewed=["web"]) == before
    with pytest.raises(OSError, match="No space"):
        load_or_create_passwords(tmp_path, ["web", "camera-new"], renewed=["web"])


@pytest.mark.parametrize(
    ("text", "mode", "kind"),
    [("{}", 0o644, ErrorKind.DENIED), ("{", 0o600, ErrorKind.CORRUPT), ("[]", 0o600, ErrorKind.CORRUPT)],
)
def test_bad_accounts_file_is_refused(tmp_path: Path, text: str, mode: int, kind: ErrorKind) -> None:
    (tmp_path / "bus-users").write_text(text)
    (tmp_path / "bus-users").chmod(mode)
    with pytest.raises(BusError) as caught:
        load_or_create_passwords(tmp_path, ["web"])
    assert caught.value.kind is kind


def test_password_file_holds_salted_hashes_only() -> None:
    line = password_file({"web": "very secret"}).strip()
    user, rest = line.split(":")
    _, kind, rounds, salt, digest = rest.split("$")
    assert (user, kind, rounds) == ("web", "7", "101")
    expected = hashlib.pbkdf2_hmac("sha512", b"very secret", base64.b64decode(salt), 101)
    assert base64.b64decode(digest) == expected
    assert "very secret" not in line


def test_broker_files_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    write_configuration(folder, 1234, "accounts", access_list([OWNER]))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    text = (folder / "mosquitto.conf").read_text()
    assert "listener 1234 127.0.0.1\n" in text
    assert "allow_anonymous false\n" in text


def test_rules_say_who_may_write_and_read_what() -> None:
    accounts = [Account("events", says=("a/#", "b"), hears=("a/#", "c/+")), Account("mute")]
    assert access_list(accounts) == ("user events\ntopic readwrite a/#\ntopic write b\ntopic read c/+\n\nuser mute\n")


def test_service_manager_is_told(tmp_path: Path) -> None:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "n"), "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1", "HOME": "/"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "n"))
        manager = ServiceManager(environ)
        manager.tell("READY=1")
        assert listener.recv(100) == b"READY=1"
    assert manager.watchdog_every_s == 10.0
    assert environ == {"HOME": "/"}
    manager.tell("STOPPING=1")  # nobody listens any more: no error


def test_no_service_manager_is_fine() -> None:
    manager = ServiceManager({})
    manager.tell("READY=1")
    assert manager.watchdog_every_s is None


def test_refusal_keeps_what_the_error_said() -> None:
    error = NoPlan("a.toml:1:2: x: unknown key", "Correct it.", int(ExitCode.CONFIG)).error()
    assert (str(error), error.next_step, error.exit_code) == (
        "a.toml:1:2: x: unknown key",
        "Correct it.",
        ExitCode.CONFIG,
    )


def test_fork_server_alone_has_the_added_environment() -> None:
    program = (
        "import os\n"
        "from vigilar.base.launch import start_fork_server\n"
        "os.environ['THEIRS'] = 'kept'\n"
        "context = start_fork_server('json', {'OURS': 'added', 'THEIRS': 'lost'})\n"
        "with context.Pool(1) as pool:\n"
        "    print(pool.map(os.getenv, ['OURS', 'THEIRS']), os.getenv('OURS'))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "['added', 'kept'] None"


@pytest.mark.parametrize(("again", "is_same"), [("wave", True), ("csv", False)])
def test_fork_server_is_begun_anew_only_for_another_preload(again: str, *, is_same: bool) -> None:
    program = (
        "import os\n"
        "from vigilar.base.launch import start_fork_server\n"
        "def ask(preload):\n"
        "    with start_fork_server(preload, {}).Pool(1) as pool:\n"
        "        return pool.apply(os.getppid), pool.apply(eval, [f'{preload!r} in __import__(\"sys\").modules'])\n"
        f"print([ask('wave'), ask({again!r})])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    (first, had_first), (second, had_second) = ast.literal_eval(done.stdout)
    assert (had_first, had_second, first == second) == (True, True, is_same)


def test_nothing_runs_beside_what_is_started() -> None:
    """A tracker of resources that nobody makes would take 6 MB for the life of the house."""
    program = (
        "import multiprocessing, operator, psutil\n"
        "from vigilar.base.launch import launch_process, start_fork_server\n"
        "served = start_fork_server('json', {})\n"
        "for context in (served, multiprocessing.get_context('spawn')):\n"
        "    assert launch_process(context, operator.is_, 5).reap_within(60)\n"
        "print(sum('resource_tracker' in ' '.join(one.cmdline()) for one in psutil.Process().children()))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "0"


def test_signal_that_comes_while_the_inbox_is_opened_or_closed_is_not_swallowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stop that nobody heard of would be waited for until the service manager kills the house."""
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))
    take_signal, set_wakeup_fd = signal.signal, signal.set_wakeup_fd

    def take_and_get(number: int, handler: Any) -> Any:
        had = take_signal(number, handler)
        signal.raise_signal(number) if number == signal.SIGTERM and not heard else None
        return had

    def set_and_get(fd: int, *, warn_on_full_buffer: bool = True) -> int:
        had = set_wakeup_fd(fd, warn_on_full_buffer=warn_on_full_buffer)
        signal.raise_signal(signal.SIGTERM) if fd == -1 else None
        return had

    try:
        monkeypatch.setattr(signal, "signal", take_and_get)
        monkeypatch.setattr(signal, "set_wakeup_fd", set_and_get)
        inbox = SignalInbox()
        assert inbox.take() == [signal.SIGTERM]
        monkeypatch.setattr(signal, "signal", take_signal)
        inbox.close()
        assert heard == [signal.SIGTERM]
    finally:
        take_signal(signal.SIGTERM, before)


class Plans:
    """In place of the processes that make plans: notes what they are told, and answers when asked to."""

    def __init__(self) -> None:
        self.tasks: list[PlanTask] = []
        self.end: Connection | None = None

    def launch(self, _context: object, _target: object, task: PlanTask) -> tuple[Launched, Connection]:
        self.tasks.append(task)
        answer, self.end = multiprocessing.Pipe(duplex=False)
        return Launched(0, os.open(os.devnull, os.O_RDONLY), lambda: 0), answer


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Plans:
    made = Plans()
    monkeypatch.setattr("vigilar.processes.planner.launch_task", made.launch)
    return made


def test_question_that_waits_keeps_the_wish_to_mend(tmp_path: Path, plans: Plans) -> None:
    with selectors.DefaultSelector() as selector:
        planner = Planner(multiprocessing.get_context("spawn"), lambda _task, _answer: None, selector)
        task = PlanTask(Places(tmp_path / "x.toml", tmp_path, tmp_path), None, is_start=False)
        for mends in (False, True, False):
            planner.ask(replace(task, mends=mends))
        assert plans.end is not None
        plans.end.send(NoPlan("wrong"))
        plans.end.close()
        selector.select()[0][0].data()
        assert [one.mends for one in plans.tasks] == [False, True]
        for left in planner.let_go():
            left.close()


def test_plan_whose_process_was_killed_in_the_middle_of_its_answer_is_refused(tmp_path: Path, plans: Plans) -> None:
    with selectors.DefaultSelector() as selector:
        planner = Planner(multiprocessing.get_context("spawn"), lambda _task, _answer: None, selector)
        planner.ask(PlanTask(Places(tmp_path / "x.toml", tmp_path, tmp_path), None, is_start=False))
        assert plans.end is not None
        os.write(plans.end.fileno(), struct.pack("!i", 100) + b"the first bytes")
        plans.end.close()
        selector.select()[0][0].data()
        assert planner.no_plan is not None
        assert planner.let_go() == []


def test_fork_server_that_ended_is_a_process_that_could_not_be_started() -> None:
    """The supervisor tries again later; an error that it does not know would end the house."""

    class Ended:
        pid = None

        def start(self) -> None:
            raise EOFError("unexpected EOF")

    context: Any = SimpleNamespace(Process=lambda **_: Ended())
    with pytest.raises(OSError, match="fork server"):
        launch_process(context, lambda _job, _line: None, None)
