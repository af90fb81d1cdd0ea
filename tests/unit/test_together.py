"""What tests share when they run side by side: ports that nobody else gets, things made once, turns alone."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from tests import ports
from tests.conftest import PATIENCE_S, pytest_configure, wait_until
from tests.together import make_once, turn


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run of its own."""
    monkeypatch.setenv("VIGILAR_TEST_RUN", str(tmp_path))
    return tmp_path


def _tell_ports(answer: Connection) -> None:
    answer.send([ports.free_port() for _ in range(2 * ports.BLOCK)])
    answer.recv()


def test_processes_at_once_never_get_the_same_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spawn = multiprocessing.get_context("spawn")
    told, ends = [], []
    for number in range(2):
        own_folder = tmp_path / str(number)  # as who gives each run a TMPDIR of its own
        own_folder.mkdir()
        monkeypatch.setenv("TMPDIR", str(own_folder))
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=_tell_ports, args=(theirs,))
        process.start()
        ends.append((process, ours))
    for _, ours in ends:
        told.append(set(ours.recv()))
    own = {ports.free_port() for _ in range(ports.BLOCK)}  # while both are still there, with their blocks
    for process, ours in ends:
        with closing(ours):
            ours.send(None)
        process.join()
    assert told[0].isdisjoint(told[1])
    assert told[0].isdisjoint(own)


def _tell_ports_from_another_network(answer: Connection) -> None:
    pytest_configure(None)  # type: ignore[arg-type]  # the run has its folder: it is not asked
    if ctypes.CDLL(None).unshare(CLONE_NEWNET):
        answer.send(0)
        return
    answer.send(ports.free_port())
    answer.recv()


CLONE_NEWNET = 0x40000000  # linux/sched.h


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network of its own")
def test_ports_of_a_test_on_another_network_are_known_here(run: Path) -> None:
    """Else that process goes on with the ports of another, also on this network."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_tell_ports_from_another_network, args=(theirs,))
    process.start()
    with closing(ours):
        port = ours.recv()
        if not port:
            pytest.skip("this machine makes no network")
        held = {path.readlink().name for path in Path(f"/proc/{process.pid}/fd").iterdir()}
        lines = [
            line.split() for line in Path("/proc/net/unix").read_text(encoding="ascii", errors="replace").splitlines()
        ]
        names = {line[-1] for line in lines if f"socket:[{line[6]}]" in held}
        ours.send(None)
    process.join()
    assert f"@vigilar-test-ports-{port - port % ports.BLOCK}" in names


def test_ports_in_a_row_are_of_one_block() -> None:
    for _ in range(50):
        first = ports.free_ports(7)
        assert first // ports.BLOCK == (first + 6) // ports.BLOCK


def test_thing_is_made_once_for_all(run: Path) -> None:
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.05)
        (folder / "clip").write_text("whole")

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: (make_once("clips", make) / "clip").read_text(), range(4)))
    assert found == ["whole"] * 4
    assert made == [run / "clips"]


def test_failed_making_is_tried_again(run: Path) -> None:
    def fail(folder: Path) -> None:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        make_once("clips", fail)
    assert make_once("clips", lambda folder: (folder / "clip").touch()).joinpath("clip").exists()


def test_turn_alone_waits_for_others_and_keeps_new_ones_out(run: Path) -> None:
    order: list[str] = []
    first_may_end, quiet_may_end = threading.Event(), threading.Event()

    def take(name: str, until: threading.Event | None, *, alone: bool = False) -> None:
        with turn(alone=alone):
            order.append(f"{name} begins")
            if until:
                assert until.wait(PATIENCE_S)
            order.append(f"{name} ends")

    threads = [threading.Thread(target=take, args=("first", first_may_end))]
    threads[0].start()
    wait_until(lambda: order == ["first begins"], 5.0)
    threads.append(threading.Thread(target=take, args=("quiet", quiet_may_end), kwargs={"alone": True}))
    threads[1].start()
    wait_until(lambda: _waits_for_lock(run / "turn.lock"), 5.0)
    threads.append(threading.Thread(target=take, args=("second", None)))
    threads[2].start()
    wait_until(lambda: _waits_for_lock(run / "gate.lock"), 5.0)
    assert order == ["first begins"]
    first_may_end.set()
    wait_until(lambda: "quiet begins" in order, 5.0)
    quiet_may_end.set()
    for thread in threads:
        thread.join()
    assert order == ["first begins", "first ends", "quiet begins", "quiet ends", "second begins", "second ends"]


def _waits_for_lock(path: Path) -> bool:
    """By the kernel's list of locks, where those that wait have an arrow (proc(5), locks)."""
    inode = f":{os.stat(path).st_ino} "
    lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    return any("->" in line and inode in line for line in lines)
