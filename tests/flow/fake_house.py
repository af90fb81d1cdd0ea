"""A supervisor with processes that do nothing but what their name says.

usage: python -m tests.flow.fake_house DATA_DIR

DATA_DIR/house.json says which processes there are, and is read again at a reload:
``{"cameras": {"front": "works"}, "port": 49000, "bus_port": 49001 or null, "refuse": "sentence" or "",
"sensitivity": {"front": 0.5}, "has_ups": true, "reloads_at_start": true}``. The last one: a reload is asked for before
the first plan is there. The watch over the UPS says once that the house runs on its battery,
crashes, and never gets so far again.
Each process appends what it does to DATA_DIR/diary: ``<monotonic s> <process> <pid> <what>``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from vigilar import main
from vigilar.base import child, control
from vigilar.base.atomic import write_atomic
from vigilar.base.control import ControlChild, ProcessFact
from vigilar.base.errors import VigilarError
from vigilar.config.jobs import (
    BrokerPlan,
    BusLogins,
    CameraInfo,
    CameraJob,
    EventsJob,
    HouseJobs,
    PlannedProcess,
    ProcessJob,
    WebJob,
)
from vigilar.config.places import Places
from vigilar.power.watch import Level
from vigilar.processes import shedding
from vigilar.processes.kinds import KINDS, kind_of
from vigilar.processes.planner import NoPlan, PlanTask
from vigilar.processes.settings import settings_handler

for _name, _seconds in json.loads(os.environ.get("FAKE_HOUSE_LIMITS", "{}")).items():
    for _module in (child, control, shedding):
        if hasattr(_module, _name):
            setattr(_module, _name, _seconds)  # in each process, as each imports this


FAKE_KINDS = tuple(
    replace(kind, entry=f"tests.flow.fake_house:{kind.name}", live=kind.live - {"name"}, starts_line=True)
    if kind.name != "broker"
    else kind
    for kind in KINDS
)


def note(data_dir: Path, name: str, what: str) -> None:
    with (data_dir / "diary").open("a", encoding="utf-8") as diary:
        diary.write(f"{time.monotonic():.3f} {name} {os.getpid()} {what}\n")


def _has_noted(data_dir: Path, name: str) -> bool:
    diary = data_dir / "diary"
    return diary.exists() and f" {name} " in diary.read_text(encoding="utf-8")


def plan(task: PlanTask, answer: Connection) -> None:
    places = task.places
    house = json.loads((places.data_dir / "house.json").read_text(encoding="utf-8"))
    if house.get("refuse"):
        answer.send(NoPlan(house["refuse"], "Do it right.", 6))
        return
    if house.get("reloads_at_start"):
        note(places.data_dir, "plan", f"is made, start {task.is_start}, port {task.bus_port}")
        if task.is_start:
            os.kill(os.getppid(), signal.SIGHUP)
    broker = BrokerPlan(is_own=bool(house["bus_port"]), host="127.0.0.1", port=house["bus_port"] or 1)
    cameras = house["cameras"]
    logins = BusLogins(host="127.0.0.1", port=broker.port)
    if broker.is_own:
        # Here, because the rest of this module is in the supervisor, and only a house with a broker needs it.
        from vigilar.processes.cutting import list_accounts
        from vigilar.processes.plan import make_broker_ready

        logins = make_broker_ready(places, broker, list_accounts(task.kinds, cameras))

    def planned(kind: str, job_type: Callable[..., ProcessJob], camera: str = "", **more: Any) -> PlannedProcess:
        row = kind_of(kind, task.kinds)
        login = logins.of(row.account(camera) if broker.is_own else "")
        job = job_type(
            data_dir=places.data_dir,
            secrets_dir=places.secrets_dir,
            run_dir=places.run_dir,
            database_url="",
            bus_host="127.0.0.1",
            bus_port=broker.port,
            bus_user=login.user,
            bus_password=login.password or "bus-secret",
            **more,
        )
        return PlannedProcess(row.title_for(f"The {camera}"), job)

    infos = tuple(CameraInfo(c, how, False, True) for c, how in cameras.items())
    page = {"config_file": places.config_file, "listen": "127.0.0.1", "port": house["port"]}
    processes = {
        "events": planned("events", EventsJob, cameras=infos),
        "web": planned("web", WebJob, cameras=infos, **page),
    }
    if house.get("has_ups"):
        processes |= {name: planned(name, ProcessJob) for name in ("ups", "jobs")}
    for c, how in cameras.items():
        more = {"name": how, "main_url": "rtsp://u:cam-secret@h/", "sensitivity": house["sensitivity"].get(c, 0.5)}
        processes[f"camera/{c}"] = planned("camera", CameraJob, c, camera_id=c, **more)
    answer.send(HouseJobs(processes=processes, broker=broker, cameras=infos, page=("127.0.0.1", house["port"])))


def camera(job: CameraJob, line: ControlChild) -> None:
    name = f"camera/{job.camera_id}"
    use = settings_handler(job, lambda new: note(new.data_dir, name, f"sensitivity {new.sensitivity}"))
    line.listen(on_settings=use)
    _live(job, line)


def _live(job: CameraJob, line: ControlChild) -> None:
    name = f"camera/{job.camera_id}"
    note(job.data_dir, name, "starts")
    if job.name == "crashes":
        sys.exit(3)
    if job.name == "fails":
        raise VigilarError("the lens is on fire")
    if job.name == "will-not-stop":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while job.name == "will-not-stop" or not line.stop_requested.wait(0.1):
        line.heartbeat({"how": job.name})
        if job.name in ("hangs", "will-not-stop"):
            while True:
                time.sleep(0.1)
    note(job.data_dir, name, "stops")


def events(job: EventsJob, line: ControlChild) -> None:
    def take(fact: ProcessFact) -> None:
        note(job.data_dir, "events", f"fact {fact.kind} {fact.source_id} {fact.id} {fact.detail.get('process_title')}")

    note(job.data_dir, "events", "starts")
    line.listen(on_fact=take, on_settings=settings_handler(job, lambda _new: None))
    while not line.stop_requested.wait(0.1):
        line.heartbeat()
    note(job.data_dir, "events", "stops")


def web(job: WebJob, line: ControlChild) -> None:
    note(job.data_dir, "web", "starts")

    def show(status: dict[str, Any]) -> None:
        write_atomic(job.data_dir / "status.json", json.dumps(status).encode())

    line.listen(on_status=show, on_settings=settings_handler(job, lambda _new: None))
    asked = job.data_dir / "ask-reload"
    while not line.stop_requested.wait(0.05):
        line.heartbeat()
        if asked.exists():
            asked.unlink()
            line.ask_reload()
    note(job.data_dir, "web", "stops")


def jobs(job: ProcessJob, line: ControlChild) -> None:
    note(job.data_dir, "jobs", "starts")
    while not line.stop_requested.wait(0.1):
        line.heartbeat()
    note(job.data_dir, "jobs", "stops")


def ups(job: ProcessJob, line: ControlChild) -> None:
    said = job.data_dir / "ups-said"
    if not said.exists():
        said.touch()
        while not _has_noted(job.data_dir, "jobs"):  # what has not begun by then never begins
            if line.stop_requested.wait(0.05):
                return
        line.heartbeat({"level": Level.BATTERY.value})
    sys.exit(3)


def run(data_dir: Path) -> int:
    places = Places(data_dir / "vigilar.toml", data_dir, data_dir / "secrets")
    try:
        return main.run_supervisor(places, FAKE_KINDS, plan)
    except VigilarError as error:
        sys.stderr.write(f"{error}. {error.next_step}\n")
        return int(error.exit_code)


if __name__ == "__main__":
    from tests.flow import fake_house  # by its own name, so that the processes find their plan in it

    sys.exit(fake_house.run(Path(sys.argv[1])))
