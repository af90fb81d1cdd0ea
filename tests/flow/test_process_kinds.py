"""What a row of the table of process kinds brings about in a whole running house: real processes, Mosquitto, page."""

from __future__ import annotations

import http.client
import json
import os
import signal
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE_S, wait_until
from tests.fair_watch import FairWatch
from tests.fakes.clips import make_clip
from tests.flow.command_line import Service
from tests.flow.made_up_kind import TOPIC
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink

IN_USE_S = 2.0
"""From the change of the file to its use in the running processes, as people see it: the middle of three."""


class House(Service):
    """A service, its owner's session, and who is in it."""

    cookie = ""

    def sign_in(self) -> None:
        body = json.dumps({"name": "owner", "password": "a long enough password"})
        _, headers = self.ask("POST", "/api/v1/setup", body)
        self.cookie = headers["Set-Cookie"].split(";")[0]

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[bytes, Any]:
        origin = f"http://127.0.0.1:{self.port}"
        headers = {"Content-Type": "application/json", "Origin": origin, "Cookie": self.cookie}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
            assert answer.status < 300, data
            return data, answer.headers

    def told(self) -> dict[str, dict[str, Any]]:
        """The processes as the page shows them, by name; empty while the supervisor has not been heard."""
        told = json.loads(self.ask("GET", "/api/v1/system")[0])["processes"] or ()
        return {one["name"]: one for one in told}

    def pids(self) -> dict[str, int]:
        """Of those that stay, by the names that processes give themselves."""
        stay = ("mosquitto", "events", "web", "jobs", "front", "side")
        return {name: pid for name, pid in self.programs().items() if name in stay}

    def password(self, account: str) -> str:
        return str(json.loads((self.folder / "secrets" / "bus-users").read_text())[account])

    def bus_port(self) -> int:
        text = (self.folder / "broker" / "mosquitto.conf").read_text()
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith("listener")))

    def edit(self, change: Callable[[str], str]) -> FairWatch:
        """Change the file and have it read again; a watch that began then."""
        file = self.folder / "vigilar.toml"
        file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
        watch = FairWatch()
        os.kill(self.pid, signal.SIGHUP)
        return watch


class Guest:
    """Somebody at the broker under an account of the house."""

    def __init__(self, house: House, account: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.connections = 0
        self.bus = MessageBus(
            BusLink("127.0.0.1", house.bus_port(), account, house.password(account)), f"guest-{account}"
        )
        self.bus.on_connected(self._count)

    def _count(self) -> None:
        self.connections += 1

    def hear(self, topic: str) -> None:
        self.bus.subscribe(topic, lambda heard, payload: self.heard.append((heard, payload)))

    def said(self, topic: str) -> list[bytes]:
        return [payload for heard, payload in self.heard if heard == topic]

    def say(self, topic: str, text: bytes) -> None:
        assert self.bus.publish(topic, text).wait(PATIENCE_S)


@contextmanager
def guest(house: House, account: str, *topics: str) -> Iterator[Guest]:
    made = Guest(house, account)
    for topic in topics:
        made.hear(topic)
    made.bus.start()
    wait_until(lambda: made.connections, 5.0)
    try:
        yield made
    finally:
        made.bus.stop(1.0)


@contextmanager
def running(folder: Path, *names: str, program: tuple[str, ...] = Service.program) -> Iterator[House]:
    """A house with a camera of each name, started, its owner signed in."""
    clip = make_clip(folder / "clip.mp4", pictures=40, sound=True)
    house = House(folder / "data", dict.fromkeys(names, f"file:{clip}"))
    house.program = program
    try:
        house.start()
        house.sign_in()
        wait_until(lambda: is_all_running(house, len(names) + 5), 30.0)
        yield house
    finally:
        if house.processes[-1].poll() is None:
            house.kill()


def is_all_running(house: House, count: int) -> bool:
    """At least ``count`` do, the supervisor included, and none does not."""
    states = [one["state"] for one in house.told().values()]
    return len(states) >= count and set(states) == {"Running"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running(tmp_path_factory.mktemp("house"), "Front", "Side") as started:
        yield started
        started.stop()


def test_made_up_kind_is_started_shown_restarted_and_stopped_in_order(tmp_path: Path) -> None:
    with running(tmp_path, "Front", program=("tests.flow.made_up_kind",)) as house:
        wait_until(lambda: "barometer" in house.told(), 10.0)
        with guest(house, "owner", "vigilar/#") as owner:
            wait_until(lambda: owner.said(TOPIC), 10.0)
            assert owner.said("vigilar/events/published") == [], "what is not in its row it may not say"
        first = house.programs()["barometer"]
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: house.told().get("barometer", {}).get("restarts") == 1, 10.0)
        wait_until(lambda: house.told()["barometer"]["state"] == "Running", 10.0)
        assert house.told()["barometer"]["words"] == "The barometer"
        wait_until(lambda: house.events("process_restarted"), 10.0)
        assert house.events("process_restarted")[0].payload["title"] == "The barometer was restarted"
        assert house.programs()["barometer"] != first
        house.stop()
        ended = [line.split(": ")[1] for line in house.log.splitlines() if line.endswith(" stopped")]
        assert sorted(ended[:3]) == ["barometer stopped", "camera/front stopped", "upkeep stopped"]
        assert sorted(ended[3:7]) == ["door stopped", "jobs stopped", "notify stopped", "web stopped"]
        assert ended[7:] == ["events stopped", "broker stopped"]
        assert "INFO barometer tests.flow.made_up_kind: the barometer rests" in house.log


def test_camera_speaks_for_itself_only_also_after_a_reload(house: House) -> None:
    clip = f"file:{house.folder.parent}/clip.mp4"
    before = house.pids()
    with guest(house, "owner", "vigilar/camera/+/fact") as owner, guest(house, "camera-front") as front:
        front.say("vigilar/camera/side/fact", b"front of side")
        front.say("vigilar/events/published", b"front of events")
        front.say("vigilar/camera/front/fact", b"front of front")
        house.edit(lambda text: f'{text}\n[[camera]]\nname = "Back"\naddress = "{clip}"\n')
        wait_until(lambda: '"camera-back"' in (house.folder / "secrets" / "bus-users").read_text(), 10.0)
        wait_until(lambda: "INFO camera/back bus.client: connected to the bus" in house.log, 20.0)
        with guest(house, "camera-back") as back:
            back.say("vigilar/camera/front/fact", b"back of front")
            front.say("vigilar/camera/back/fact", b"front of back")
            back.say("vigilar/camera/back/fact", b"back of back")
            wait_until(lambda: owner.said("vigilar/camera/back/fact"), 5.0)
        # Mosquitto hands on in order: what was forged before these would have been heard by now.
        assert owner.heard == [
            ("vigilar/camera/front/fact", b"front of front"),
            ("vigilar/camera/back/fact", b"back of back"),
        ]
        assert (owner.connections, front.connections) == (1, 1), "nobody lost a connection"
    assert house.pids() == before
    assert "refused camera-back" not in house.log
    assert "lost the bus" not in house.log


def test_settings_reach_running_processes_in_time(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    before, seen = house.pids(), len(house.log)
    assert set(before) == {"mosquitto", "events", "web", "jobs", "front", "side"}
    plain = (house.folder / "vigilar.toml").read_text(encoding="utf-8")
    assert plain.count('name = "Front"\n') == 1
    took = []
    for number, (name, sensitivity) in enumerate((("Gate", "high"), ("Drive", "low"), ("Lane", "high")), 1):
        front = f'name = "{name}"\nid = "front"\nsensitivity = "{sensitivity}"\nrecord = "motion"\nsound = false\n'
        text = f'[house]\nname = "{name} house"\n' + plain.replace('name = "Front"\n', front)
        watch = house.edit(partial(_instead, text))
        wait_until(partial(is_in_use, house, name, seen, 5 * number), 10.0)
        took.append(watch.elapsed_s())
    tell(capsys, "settings", took)
    assert statistics.median(took) < IN_USE_S
    news = house.log[seen:]
    assert "INFO camera/front processes.settings: new settings in use: name, recording_mode, sensitivity, sound" in news
    assert "INFO events processes.settings: new settings in use: cameras" in news
    assert "INFO web processes.settings: new settings in use: house_name, cameras" in news
    assert house.pids() == before, "nobody was restarted"


def _instead(text: str, _old: str) -> str:
    return text


def is_in_use(house: House, name: str, seen: int, changes: int) -> bool:
    """The title and the page say the new names, and the processes that many changes since ``seen`` bytes of the log."""
    return (
        house.told().get("camera/front", {}).get("words") == f"The camera process of {name}"
        and f">{name} house<" in house.ask("GET", "/live")[0].decode()
        and house.log[seen:].count("processes.settings: new settings in use") == changes
    )


def tell(capsys: pytest.CaptureFixture[str], what: str, took_s: list[float]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{what} in use after {', '.join(f'{one:.2f}' for one in took_s)} s\n")


def test_change_on_the_page_reaches_the_camera_in_time(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    before, took = house.pids(), []
    for name in ("Orchard", "Meadow", "Pond"):
        watch = FairWatch()
        house.ask("PATCH", "/api/v1/cameras/side", json.dumps({"name": name}))
        title = f"The camera process of {name}"
        wait_until(partial(is_called, house, "camera/side", title), 10.0)
        took.append(watch.elapsed_s())
    tell(capsys, "name", took)
    assert statistics.median(took) < IN_USE_S
    assert house.pids() == before


def is_called(house: House, process: str, title: str) -> bool:
    return bool(house.told().get(process, {}).get("words") == title)


def test_new_address_restarts_that_camera_only(house: House) -> None:
    other = make_clip(house.folder.parent / "other.mp4", pictures=40)
    before, programs = house.pids(), house.programs()

    def change(text: str) -> str:
        head, side = text.rsplit('address = "', 1)
        return f'{head}address = "file:{other}"{side.split(chr(34), 1)[1]}'

    last = "side" if "Back" not in (house.folder / "vigilar.toml").read_text() else "back"
    house.edit(change)
    wait_until(lambda: f"camera/{last} begins anew with other settings: main_url" in house.log, 10.0)
    # The page may still say that the one before runs.
    wait_until(lambda: house.programs().get(last, programs[last]) != programs[last], 20.0)
    wait_until(lambda: house.told()[f"camera/{last}"]["state"] == "Running", 20.0)
    after = house.pids()
    assert {name for name in before if before[name] != after.get(name)} <= {last}
