"""A supervisor with processes that do nothing but what their name says.

usage: python -m tests.flow.fake_house DATA_DIR

DATA_DIR/house.json says which processes there are, and is read again at a reload:
``{"cameras": {"front": "works"}, "port": 49000, "bus_port": 49001 or null, "refuse": "sentence" or ""}``.
Each process appends what it does to DATA_DIR/diary: ``<monotonic s> <process> <pid> <what>``.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from vigilar import main
from vigilar.base import child, control
from vigilar.base.atomic import write_atomic
from vigilar.base.control import ControlChild, ProcessFact
from vigilar.base.errors import VigilarError
from vigilar.bus.accounts import access_list, load_or_create_accounts, password_file
from vigilar.bus.broker import write_configuration
from vigilar.config.jobs import BrokerPlan, CameraInfo, CameraJob, EventsJob, HouseJobs, WebJob
from vigilar.config.places import Places
from vigilar.processes import entry
from vigilar.processes.planner import PlanTask, Refusal
from vigilar.processes.supervisor import Targets

for _name, _seconds in json.loads(os.environ.get("FAKE_HOUSE_LIMITS", "{}")).items():
    setattr(child if hasattr(child, _name) else control, _name, _seconds)  # in each process, as each imports this


def note(data_dir: Path, name: str, what: str) -> None:
    with (data_dir / "diary").open("a", encoding="utf-8") as diary:
        diary.write(f"{time.monotonic():.3f} {name} {os.getpid()} {what}\n")


def plan(task: PlanTask, answer: Connection) -> None:
    places = task.places
    house = json.loads((places.data_dir / "house.json").read_text(encoding="utf-8"))
    if house.get("refuse"):
        answer.send(Refusal(house["refuse"], "Do it right.", 6))
        return
    bus_port = house["bus_port"]
    if bus_port:
        accounts = password_file(load_or_create_accounts(places.secrets_dir))
        write_configuration(places.broker_dir, bus_port, accounts, access_list())
    folders: dict[str, Any] = {
        "data_dir": places.data_dir,
        "secrets_dir": places.secrets_dir,
        "run_dir": places.run_dir,
    }
    bus: dict[str, Any] = {
        "bus_host": "127.0.0.1",
        "bus_port": bus_port or 1,
        "bus_user": "u",
        "bus_password": "bus-secret",
    }
    shared: dict[str, Any] = {**folders, **bus, "database_url": ""}
    cameras = house["cameras"]
    answer.send(
        HouseJobs(
            cameras=tuple(
                CameraJob(camera_id=c, name=how, main_url="rtsp://u:cam-secret@h/", **shared)
                for c, how in cameras.items()
            ),
            events=EventsJob(**shared),
            web=WebJob(
                config_file=places.config_file,
                listen="127.0.0.1",
                port=house["port"],
                cameras=tuple(CameraInfo(c, how, False, True) for c, how in cameras.items()),
                **shared,
            ),
            broker=BrokerPlan(is_own=bool(bus_port), host="127.0.0.1", port=bus_port or 1),
        )
    )


def camera(job: CameraJob, sock: socket.socket) -> None:
    entry._run(f"camera/{job.camera_id}", job, sock, lambda line: _live(job, line))


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


def events(job: EventsJob, sock: socket.socket) -> None:
    def work(line: ControlChild) -> None:
        def take(fact: ProcessFact) -> None:
            note(job.data_dir, "events", f"fact {fact.kind} {fact.source_id} {fact.id}")

        note(job.data_dir, "events", "starts")
        line.listen(on_fact=take)
        while not line.stop_requested.wait(0.1):
            line.heartbeat()
        note(job.data_dir, "events", "stops")

    entry._run("events", job, sock, work)


def web(job: WebJob, sock: socket.socket) -> None:
    def work(line: ControlChild) -> None:
        note(job.data_dir, "web", "starts")

        def show(status: dict[str, Any]) -> None:
            write_atomic(job.data_dir / "status.json", json.dumps(status).encode())

        line.listen(on_status=show)
        asked = job.data_dir / "ask-reload"
        while not line.stop_requested.wait(0.05):
            line.heartbeat()
            if asked.exists():
                asked.unlink()
                line.ask_reload()
        note(job.data_dir, "web", "stops")

    entry._run("web", job, sock, work)


def run(data_dir: Path) -> int:
    places = Places(data_dir / "vigilar.toml", data_dir, data_dir / "secrets")
    try:
        return main.run_supervisor(places, Targets(plan, camera, events, web))
    except VigilarError as error:
        sys.stderr.write(f"{error}. {error.next_step}\n")
        return int(error.exit_code)


if __name__ == "__main__":
    from tests.flow import fake_house  # by its own name, so that the processes find their targets in it

    sys.exit(fake_house.run(Path(sys.argv[1])))
