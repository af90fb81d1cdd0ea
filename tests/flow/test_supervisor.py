"""The supervisor with small real processes, a real Mosquitto, and signals as they come in real life."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import PATIENCE_S, ROOT, wait_until
from tests.fair_watch import FairWatch
from tests.ports import free_port
from vigilar.bus.broker import is_answering
from vigilar.processes.kinds import KINDS, Start

_RUN = """
import sys
from pathlib import Path

from tests.flow import fake_house

sys.exit(fake_house.run(Path(sys.argv[1])))
"""


class House:
    """A fake house in a process of its own, and what its diary says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.bus_port = free_port(), free_port()
        self.process: subprocess.Popen[str] | None = None

    def write(
        self,
        cameras: dict[str, str],
        *,
        broker: bool = False,
        refuse: str = "",
        sensitivity: dict[str, float] | None = None,
        has_ups: bool = False,
        reloads_at_start: bool = False,
    ) -> None:
        house = {
            "cameras": cameras,
            "port": self.port,
            "bus_port": self.bus_port if broker else None,
            "refuse": refuse,
            "sensitivity": sensitivity or {},
            "has_ups": has_ups,
            "reloads_at_start": reloads_at_start,
        }
        self.folder.mkdir(exist_ok=True)
        (self.folder / "house.json").write_text(json.dumps(house), encoding="utf-8")

    def start(self, *, before: str = "", **limits: float) -> subprocess.Popen[str]:
        """``before``: Python that the supervisor's process runs first."""
        program = ["-c", f"{before}\n{_RUN}"] if before else ["-m", "tests.flow.fake_house"]
        self.process = subprocess.Popen(
            [sys.executable, *program, str(self.folder)],
            cwd=ROOT,
            env={**os.environ, "FAKE_HOUSE_LIMITS": json.dumps(limits)},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return self.process

    def signal(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def finish(self, within_s: float = PATIENCE_S) -> tuple[int, str]:
        assert self.process
        _, errors = self.process.communicate(timeout=within_s)
        return self.process.returncode, errors

    def diary(self, what: str, name: str = "") -> list[tuple[float, str, int, str]]:
        """Entries that begin with ``what``, as seconds, process, process id and text."""
        file = self.folder / "diary"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        rows = [(float(t), who, int(pid), text) for t, who, pid, text in (line.split(" ", 3) for line in lines)]
        return [row for row in rows if row[3].startswith(what) and (not name or row[1] == name)]

    def wait_for(self, name: str, count: int = 1, what: str = "starts", within_s: float = 10.0) -> int:
        """The process id in the ``count``-th such entry."""
        wait_until(lambda: len(self.diary(what, name)) >= count, within_s)
        return self.diary(what, name)[count - 1][2]

    def status(self) -> dict[str, Any]:
        try:
            told: dict[str, Any] = json.loads((self.folder / "status.json").read_bytes())
        except FileNotFoundError:
            return {"processes": {}}
        return told


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "data")
    yield made
    if made.process:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(made.process.pid, signal.SIGKILL)
        made.process.communicate()


def is_gone(pid: int) -> bool:
    """Whether no process of this id works any more (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def children_of(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(stat[1]) == pid:
                found.append(int(entry.name))
    return found


def test_stop_ends_processes_in_order(house: House) -> None:
    house.write({"front": "works", "back": "works"}, broker=True)
    house.start()
    for name in ("camera/front", "camera/back", "web", "events"):
        house.wait_for(name)
    assert is_answering(house.bus_port, 1.0)
    house.signal(signal.SIGTERM)
    code, errors = house.finish()
    assert code == 0, errors
    assert [row[1] for row in house.diary("stops")][2:] == ["web", "events"]
    assert not is_answering(house.bus_port, 0.2)
    assert [row[3].split()[1] for row in house.diary("fact")] == ["system_started", "system_stopped"]
    assert "secret" not in errors


def test_all_of_ours_come_from_one_fork_server(house: House) -> None:
    """Each shares with the others what it has loaded: a Python of its own for each took 60 MB more in a whole house."""
    house.write({"front": "works"})
    supervisor = house.start()
    parents = {psutil.Process(house.wait_for(name)).ppid() for name in ("camera/front", "events", "web")}
    assert [psutil.Process(pid).ppid() for pid in parents] == [supervisor.pid]


def test_killed_process_is_back_at_once(house: House) -> None:
    house.write({"front": "works", "back": "works"})
    supervisor = house.start()
    first = house.wait_for("camera/front")
    other = house.wait_for("camera/back")
    house.wait_for("events")
    os.kill(first, signal.SIGKILL)
    watch = FairWatch()
    second = house.wait_for("camera/front", count=2)
    assert watch.elapsed_s() < 2.0
    house.wait_for("events", what="fact process_restarted camera/front")
    assert second != first
    assert not is_gone(other)
    wait_until(lambda: all(not is_gone(pid) for pid in children_of(supervisor.pid)), 2.0)  # no zombie stays
    wait_until(lambda: house.status()["processes"].get("camera/front", {}).get("restarts") == 1, 3.0)


def test_killed_broker_is_back_on_its_port(house: House) -> None:
    house.write({}, broker=True)
    supervisor = house.start()
    house.wait_for("web")
    brokers = [pid for pid in children_of(supervisor.pid) if "mosquitto" in command_of(pid)]
    assert len(brokers) == 1
    os.kill(brokers[0], signal.SIGKILL)
    wait_until(lambda: is_gone(brokers[0]), 2.0)
    wait_until(lambda: is_answering(house.bus_port, 0.2), 3.0)
    house.wait_for("events", what="fact process_restarted broker")


def command_of(pid: int) -> str:
    """Empty when it has ended meanwhile, as the one that reads the settings does."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except FileNotFoundError:
        return ""


def test_crashing_process_is_tried_with_growing_pauses(house: House) -> None:
    house.write({"front": "fails", "back": "works"})
    supervisor = house.start()
    house.wait_for("camera/front", count=4, within_s=15.0)
    at = [row[0] for row in house.diary("starts", "camera/front")]
    pauses = [later - earlier for earlier, later in itertools.pairwise(at)]
    # A process that begins late, as others run beside it, makes a pause longer, never shorter.
    assert pauses[1] > 0.6
    assert pauses[2] > 1.2
    assert len(house.diary("starts", "camera/back")) == 1
    house.signal(signal.SIGTERM)
    _, errors = house.finish()
    assert supervisor.returncode == 0
    planned = re.findall(r"camera/front .*\(failure (\d) in a row\), next start (.+)", errors)
    assert planned[:2] == [("1", "at once"), ("2", "in 1 s")]
    assert planned[2] in (("3", "in 1 s"), ("3", "in 2 s")), "a third of two seconds is taken away by chance"
    assert "ERROR camera/front processes.entry: the lens is on fire." in errors


def test_watch_over_the_ups_that_is_gone_keeps_nothing_from_its_work(house: House) -> None:
    house.write({"front": "works"}, has_ups=True)
    house.start(UNWATCHED_AFTER_S=2.0)
    house.wait_for("jobs", what="stops")
    house.wait_for("jobs", count=2)
    wait_until(lambda: bool(house.diary("fact ups_unwatched ups")), 10.0)
    wait_until(lambda: (house.status().get("supply"), house.status().get("shed")) == ("unknown", []), 10.0)
    gone, back = house.diary("stops", "jobs")[0][0], house.diary("starts", "jobs")[1][0]
    assert back - gone < 2.0 + 8.0, "two seconds, and what a busy machine needs to start it"
    assert len(house.diary("starts", "camera/front")) == 1
    house.signal(signal.SIGTERM)
    assert house.finish()[0] == 0


def test_hanging_process_is_killed_and_restarted(house: House) -> None:
    house.write({"front": "hangs", "back": "works"})
    house.start(BEAT_S=3.0)  # what the others, which beat ten times a second, keep to on a busy machine too
    house.wait_for("camera/front", count=2)
    house.signal(signal.SIGTERM)
    _, errors = house.finish()
    assert "camera/front gave no sign of life for 3 s and is killed" in errors
    assert len(house.diary("starts", "camera/back")) == 1


def test_nobody_is_taken_for_hung_when_the_whole_machine_stood(house: House) -> None:
    """As a guest of a machine that takes a picture of its guests does, or one that is frozen: nobody beat, and nobody
    could have."""
    house.write({"front": "works", "back": "works"})
    supervisor = house.start(BEAT_S=6.0)
    for name in ("camera/front", "camera/back", "web", "events"):
        house.wait_for(name)
    for _ in range(2):
        os.killpg(supervisor.pid, signal.SIGSTOP)
        time.sleep(8.0)
        os.killpg(supervisor.pid, signal.SIGCONT)
        time.sleep(0.5)
    house.signal(signal.SIGTERM)
    code, errors = house.finish()
    assert code == 0, errors
    assert "no sign of life" not in errors
    assert house.diary("fact drive_") == [], "nor the drive"


def test_process_that_will_not_stop_is_killed_in_time(house: House) -> None:
    house.write({"front": "will-not-stop", "back": "works"})
    house.start(BEAT_S=60.0)
    pid = house.wait_for("camera/front")
    house.wait_for("camera/back")
    house.signal(signal.SIGINT)
    code, errors = house.finish()
    assert code == 0
    # A busy supervisor looks a little later than it wanted, and says how long it really was.
    assert re.search(r"camera/front did not stop within ([4-9]|\d\d)\.\d s and is killed", errors), errors
    assert is_gone(pid)


_ENDLESS_STAGES = """
from vigilar.processes.kinds import StopStage

StopStage.within_s = property(lambda _stage: 3600.0)
"""


def test_second_interrupt_stops_at_once(house: House) -> None:
    """Who does not end has all the time of the world: a busy test sends the second signal before it is over."""
    house.write({"front": "will-not-stop"})
    house.start(before=_ENDLESS_STAGES, BEAT_S=60.0)
    pid = house.wait_for("camera/front")
    house.signal(signal.SIGINT)
    wait_until(lambda: house.diary("fact system_stopped") != [], 3.0)
    house.signal(signal.SIGINT)
    _, errors = house.finish()
    assert "did not stop within" not in errors, "its time is not waited for"
    assert is_gone(pid)


def test_interrupt_of_the_group_is_an_ordered_stop(house: House) -> None:
    house.write({"front": "works"}, broker=True)
    supervisor = house.start()
    for name in ("camera/front", "web", "events"):
        house.wait_for(name)
    os.killpg(supervisor.pid, signal.SIGINT)
    code, errors = house.finish()
    assert code == 0
    assert "Traceback" not in errors, errors
    assert [row[1] for row in house.diary("stops")] == ["camera/front", "web", "events"]


def test_killed_supervisor_takes_all_with_it(house: House) -> None:
    house.write({"front": "works"}, broker=True)
    supervisor = house.start()
    pids = [house.wait_for(name) for name in ("camera/front", "web", "events")] + children_of(supervisor.pid)
    supervisor.kill()
    supervisor.wait()
    wait_until(lambda: all(is_gone(pid) for pid in pids), 4.0)
    assert [row[1] for row in house.diary("stops", "camera/front")] == ["camera/front"]


def test_process_that_outlives_its_supervisor_ends_itself(house: House) -> None:
    house.write({"stuck": "will-not-stop"})
    supervisor = house.start(LAST_RESORT_S=1.5)
    pid = house.wait_for("camera/stuck")
    supervisor.kill()
    supervisor.wait()
    wait_until(lambda: is_gone(pid), 4.0)


def test_new_supervisor_waits_for_old_camera_process(house: House) -> None:
    house.write({"stuck": "will-not-stop"})
    first = house.start(LAST_RESORT_S=1.5)
    old = house.wait_for("camera/stuck")
    first.kill()
    first.communicate()
    house.start()
    wait_until(lambda: len(house.diary("starts")) > 2, 20.0)  # the others are already there
    new = house.wait_for("camera/stuck", count=2, within_s=20.0)
    assert is_gone(old)
    assert new != old


def test_reload_touches_only_what_changed(house: House) -> None:
    house.write({"front": "works", "back": "works", "side": "works"})
    house.start()
    for name in ("camera/front", "camera/back", "camera/side", "web", "events"):
        house.wait_for(name)
    house.write({"front": "works", "side": "works too", "new": "works"})
    house.signal(signal.SIGHUP)
    house.wait_for("camera/new")
    house.wait_for("camera/side", count=2)
    house.wait_for("camera/back", what="stops")
    assert len(house.diary("starts", "camera/front")) == 1
    assert len(house.diary("starts", "web")) == 1
    wait_until(lambda: sorted(house.status()["processes"]) == WANTED, 3.0)
    assert [camera["id"] for camera in house.status()["cameras"]] == ["front", "side", "new"]


def test_live_setting_reaches_the_running_process_and_the_next_one(house: House) -> None:
    house.write({"front": "works", "back": "works"})
    house.start()
    first = house.wait_for("camera/front")
    house.wait_for("camera/back")
    house.wait_for("web")
    house.write({"front": "works", "back": "works"}, sensitivity={"front": 0.9})
    house.signal(signal.SIGHUP)
    assert house.wait_for("camera/front", what="sensitivity 0.9") == first
    os.kill(first, signal.SIGKILL)
    house.wait_for("camera/front", count=2)
    house.write({"front": "works", "back": "works"}, sensitivity={"front": 0.1})
    house.signal(signal.SIGHUP)
    house.wait_for("camera/front", what="sensitivity 0.1")
    assert [row[3] for row in house.diary("sensitivity")] == ["sensitivity 0.9", "sensitivity 0.1"], "once each"
    assert len(house.diary("starts", "camera/back")) == 1
    wait_until(lambda: "camera/front" in house.status()["processes"], 3.0)
    assert house.status()["processes"]["camera/front"]["title"] == "The camera process of The front"


WANTED = ["camera/front", "camera/new", "camera/side", "events", "supervisor", "web"]


def test_reload_before_the_first_plan_waits_for_the_house(house: House) -> None:
    """As a second start it would give all processes other passwords and the broker another port, under the feet of
    those that just began."""
    house.write({"front": "works"}, broker=True, reloads_at_start=True)
    house.start()
    house.wait_for("plan", 2, "is made")
    told = [text for *_, text in house.diary("is made")]
    assert told == ["is made, start True, port None", f"is made, start False, port {house.bus_port}"]
    house.wait_for("camera/front")
    house.signal(signal.SIGTERM)
    assert house.finish()[0] == 0
    assert len(house.diary("starts", "camera/front")) == 1


def test_stop_that_comes_while_the_folder_is_looked_at_is_a_stop(house: House) -> None:
    house.write({"front": "works"})
    house.start(before=_STOPPED_AT_THE_LOOK)
    assert house.finish()[0] == 0
    assert house.diary("starts") == []


def test_stop_is_not_forgotten_when_the_folder_goes_meanwhile(house: House) -> None:
    house.write({"front": "works"})
    house.start(before=_AWAY_AT_THE_STOP)
    house.wait_for("camera/front")
    house.signal(signal.SIGTERM)
    assert house.finish()[0] == 0
    assert len(house.diary("starts", "camera/front")) == 1


_STOPPED_AT_THE_LOOK = """
import os, signal
from vigilar.processes.folder_guard import FolderGuard

look = FolderGuard.look_at_start

def look_and_be_stopped(guard):
    changed = look(guard)
    if guard.is_here:
        os.kill(os.getpid(), signal.SIGTERM)
    return changed

FolderGuard.look_at_start = look_and_be_stopped
"""

_AWAY_AT_THE_STOP = """
from vigilar.base.folder_look import FolderState
from vigilar.processes.supervisor import Supervisor

stop = Supervisor._stop

def stop_and_lose_the_folder(supervisor):
    stop(supervisor)
    supervisor._guard.state = FolderState.AWAY

Supervisor._stop = stop_and_lose_the_folder
"""


_TOLD_IN_ORDER = """
import sys
from vigilar.processes import supervisor
from vigilar.processes.planner import Planner

begin, ask = supervisor.start_fork_server, Planner.ask

def begin_and_tell(preload, environment):
    print("fork server:", preload, file=sys.stderr)
    return begin(preload, environment)

def ask_and_tell(planner, task):
    print("plan is asked for", file=sys.stderr)
    ask(planner, task)

supervisor.start_fork_server, Planner.ask = begin_and_tell, ask_and_tell
"""


def test_second_start_loads_what_cameras_need_while_the_plan_is_made(house: House) -> None:
    house.write({"front": "works"})
    told: list[list[str]] = []
    for _ in range(2):
        house.start(before=_TOLD_IN_ORDER)
        house.wait_for("camera/front", len(told) + 1)
        house.signal(signal.SIGTERM)
        code, errors = house.finish()
        assert code == 0, errors
        told.append(re.findall("^(?:plan is asked for|fork server: .*)$", errors, re.MULTILINE))
    server = "fork server: vigilar.processes.preload_detect"
    assert told == [["plan is asked for", server], [server, "plan is asked for", server]]


_SLOW_STARTS_OF_BACK = """
import time
from vigilar.processes import supervisor

launch = supervisor.launch_process

def launch_slowly(context, enter, start):
    if start.name == "camera/back":
        time.sleep(6.0)
    return launch(context, enter, start)

supervisor.launch_process = launch_slowly
"""


def test_nobody_is_taken_for_hung_while_another_is_started(house: House) -> None:
    """The first start from a new fork server lasts as long as what that loads: half a minute on a box that is busy."""
    house.write({"back": "crashes", "front": "works"})
    house.start(before=_SLOW_STARTS_OF_BACK, BEAT_S=5.0)
    house.wait_for("camera/back", 3, within_s=90.0)
    house.signal(signal.SIGTERM)
    code, errors = house.finish()
    assert code == 0, errors
    assert "no sign of life" not in errors


def test_cameras_are_started_before_what_takes_long_to_load() -> None:
    assert next(kind.name for kind in KINDS if kind.start is Start.FORK) == "camera"


def test_refused_configuration_keeps_last_good_one(house: House) -> None:
    house.write({"front": "works"})
    house.start()
    house.wait_for("camera/front")
    house.wait_for("web")
    house.write({"front": "works"}, refuse="vigilar.toml:3:1: web.prot: unknown key")
    (house.folder / "ask-reload").touch()
    wait_until(lambda: house.status().get("config_error", "") != "", 5.0)
    assert house.status()["config_error"] == "vigilar.toml:3:1: web.prot: unknown key"
    assert len(house.diary("stops")) == 0
    house.write({"front": "works"})
    (house.folder / "ask-reload").touch()
    wait_until(lambda: house.status().get("config_error", "?") == "", 5.0)


def refusal(house: House) -> tuple[int, str]:
    house.start()
    return house.finish()


def test_second_supervisor_names_the_first(house: House) -> None:
    house.write({})
    first = house.start()
    house.wait_for("web")
    code, errors = refusal(house)
    assert code == 75
    assert f"another Vigilar, process {first.pid}, already runs with {house.folder}" in errors
    first.terminate()
    first.communicate(timeout=PATIENCE_S)


def test_taken_page_port_is_refused(house: House) -> None:
    house.write({})
    with socket.create_server(("127.0.0.1", house.port)):
        code, errors = refusal(house)
    assert code == 75
    assert f"port {house.port}, wanted for the page, is taken by another program" in errors
    assert house.diary("starts") == []


def test_taken_bus_port_is_refused(house: House) -> None:
    house.write({}, broker=True)
    with socket.create_server(("127.0.0.1", house.bus_port)):
        code, errors = refusal(house)
    assert code == 75
    assert f"port {house.bus_port} on 127.0.0.1, wanted for the message broker, is taken" in errors
    assert "[bus] port" in errors


def test_refused_configuration_ends_the_start(house: House) -> None:
    house.write({}, refuse="vigilar.toml:1:1: nonsense")
    code, errors = refusal(house)
    assert code == 6
    assert "vigilar.toml:1:1: nonsense" in errors


def test_service_manager_hears_ready_and_stopping(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "900000")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        told.settimeout(PATIENCE_S)
        house.write({"front": "works"})
        house.start()
        assert next_but(told, "WATCHDOG=1") == "READY=1"
        assert told.recv(200) == b"WATCHDOG=1"
        house.signal(signal.SIGTERM)
        assert next_but(told, "WATCHDOG=1") == "STOPPING=1"
        house.finish()


def next_but(told: socket.socket, skipped: str) -> str:
    """The next thing told to the service manager that is not ``skipped``."""
    while (text := told.recv(200).decode()) == skipped:
        pass
    return text


def test_supervisor_stays_small(house: House) -> None:
    house.write({f"camera-{n}": "works" for n in range(4)}, broker=True)
    supervisor = house.start()
    house.wait_for("web")
    house.signal(signal.SIGHUP)
    wait_until(
        lambda: house.status().get("processes", {}).get("camera/camera-3", {"state": ""})["state"] == "running", 10
    )
    text = Path(f"/proc/{supervisor.pid}/status").read_text(encoding="ascii")
    rss_kib = int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS")))
    assert rss_kib < 30 * 1024


def state(house: House, name: str) -> str:
    return str(house.status()["processes"].get(name, {}).get("state"))
