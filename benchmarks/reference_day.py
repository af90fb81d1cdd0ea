"""How often a phone sounds on the reference day: ``python -m benchmarks.reference_day [--testbed DIR]`` (Q-07).

The day is the test bed's: each of its twelve clips runs through once each half hour, those in daylight from 7 to 22 and
those in infrared from 22 to 7, and what its ground truth says is to be seen comes as cameras tell it. The clip with the
most people hangs at the front door. At half past two somebody crosses the yard. Nobody wrote a rule, nobody arms, one
phone takes pushes. The messages go through the events process' own code to rows and stories, the rules decide, and the
tests' push service counts what it was given.

What is recognised is the ground truth: what the detector makes of these clips is the figure of ``vigilar evaluate``.

Targets: at most 6 ordinary pushes and one summary, each loud one sent. Ends with 1 when one is missed.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.fakes.push_service import push_service
from tests.notify_kit import NODE, NotifyHouse, notify_house
from tests.ports import free_port
from vigilar.base.day_spans import house_day, moment_ms
from vigilar.base.zone import load_zone
from vigilar.bus.client import PublishTicket
from vigilar.bus.messages import Message, MotionEnd, MotionStart, VisitSeen
from vigilar.bus.topics import Topics
from vigilar.config.load import parse_config
from vigilar.config.notify_cut import notify_rules
from vigilar.events.processor import EventProcessor
from vigilar.rules.decide import decide
from vigilar.store.cameras import ensure_camera

MOST_ORDINARY = 6
ZONE = load_zone("Europe/Berlin")
MINUTE_MS = 60_000
KNOWN_MS = 1_500
"""After the first move it is recognised."""

PAUSE_MS = 10_000

NAMES = {
    "front_room": "Front door", "plaza": "Square", "motorway": "Motorway", "night_lane": "Lane", "yard_deer": "Yard",
    "drive_cars": "Drive", "porch_cat": "Steps", "street_clouds": "Street", "woods_cat": "Woods", "highway": "Road",
    "carpark": "Car park", "waving_tree": "Garden",
}  # fmt: skip
NIGHT = frozenset({"night_lane", "yard_deer", "woods_cat"})
KINDS = {"person": "person", "vehicle": "vehicle", "pet": "cat", "wildlife": "animal"}
INTRUDER = ("carpark", 2 * 60 + 30)


@dataclass(frozen=True, slots=True, order=True)
class Seen:
    """Something that comes by before a camera. UTC ms."""

    start_ms: int
    end_ms: int
    camera_id: str
    kind: str


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--testbed", type=Path, help="else VIGILAR_TESTBED, or the one beside the project")
    beside = os.environ.get("VIGILAR_TESTBED", ROOT.parent / "shared" / "testbed")
    testbed = parser.parse_args().testbed or Path(beside)
    if not (testbed / "groundtruth.json").is_file():
        print(f"no test bed in {testbed}")
        return 2
    with (
        tempfile.TemporaryDirectory() as name,
        push_service(Path(name), free_port()) as service,
        notify_house(Path(name), service) as house,
    ):
        midnight_ms = begin(house)
        phone = house.add_phone("phone")
        day = sorted(seen_on_day(testbed, midnight_ms))
        live(house, day)
        house.clock.advance((midnight_ms + 32 * 60 * MINUTE_MS - house.now_ms()) / 1000)
        house.desk.sum_up()
        house.let_go()
        return say(house, day, len({one.message["notification"]["tag"] for one in service.accepted()}), phone.name)


def begin(house: NotifyHouse) -> int:
    """Cameras and the rules of a house that wrote none; the clock stands at midnight, which is the answer."""
    cameras = "\n".join(f'[[camera]]\nname = "{name}"\naddress = "demo:street"' for name in NAMES.values())
    config = parse_config(f'[house]\ntime_zone = "Europe/Berlin"\n{cameras}\n'.encode(), "x")
    for name in NAMES.values():
        ensure_camera(house.store, id_of(name), name, 1, NODE)
    house.decide = decide
    rules = notify_rules(config)
    house.desk.use(type(house.settings)(rules=rules, push_hosts=house.settings.push_hosts))
    midnight_ms = moment_ms(house_day(house.now_ms() + 24 * 60 * MINUTE_MS, ZONE), 0, ZONE)
    house.clock.advance((midnight_ms - house.now_ms()) / 1000)
    return midnight_ms


def id_of(name: str) -> str:
    return name.lower().replace(" ", "-")


def seen_on_day(testbed: Path, midnight_ms: int) -> Iterator[Seen]:
    truth = json.loads((testbed / "groundtruth.json").read_text(encoding="utf-8"))["clips"]
    for camera in json.loads((testbed / "cameras.json").read_text(encoding="utf-8"))["cameras"]:
        name, clip = camera["name"], truth[camera["streams"]["main"]]
        minutes = [at for at in range(0, 24 * 60, 30) if (7 * 60 <= at < 22 * 60) != (name in NIGHT)]
        minutes += [INTRUDER[1]] if name == INTRUDER[0] else []
        for at in minutes:
            for one in clip["events"]:
                start_ms = midnight_ms + at * MINUTE_MS + round(one["start"] * 1000)
                length_ms = round((one["end"] - one["start"]) * 1000)
                yield Seen(start_ms, start_ms + length_ms, id_of(NAMES[name]), KINDS[one["category"]])


class Bus:
    """A broker that takes everything; nobody listens to it here."""

    is_connected = True

    def publish(self, _topic: str, _payload: bytes) -> PublishTicket:
        ticket = PublishTicket(1)
        ticket._settle()
        return ticket


def live(house: NotifyHouse, day: list[Seen]) -> None:
    """The day as it comes, in the order of time; what is due is sent before the next thing happens."""
    processor = EventProcessor(house.store, Bus(), house.clock, NODE, {})  # type: ignore[arg-type]  # its publishing part
    waiting: list[tuple[int, int, str, Message]] = []
    for number, one in enumerate(day):
        for at_ms, topic, message in messages_of(number, one):
            heapq.heappush(waiting, (at_ms, len(waiting), topic, message))
    while waiting:
        at_ms, _, topic, message = heapq.heappop(waiting)
        house.clock.advance(max(0, at_ms - house.now_ms()) / 1000)
        processor._handle_event(topic, message.dump())
        house.settle()
        if not waiting or waiting[0][0] - at_ms > PAUSE_MS:
            house.let_go()
            house.clock.advance(PAUSE_MS / 1000)  # what waits for more to come of a story is sent in a pause
            house.desk.look()
        house.let_go()


def messages_of(number: int, one: Seen) -> Iterator[tuple[int, str, Message]]:
    motion, camera = f"m{number}", one.camera_id
    length_ms = one.end_ms - one.start_ms
    known_ms = min(one.start_ms + KNOWN_MS, one.end_ms)
    yield one.start_ms, Topics.motion_start(camera), MotionStart(motion, one.start_ms, camera, 1, 0.05)
    yield known_ms, Topics.camera_visit(camera), VisitSeen(f"v{number}", known_ms, camera, motion, one.kind, 0.9)
    yield one.end_ms, Topics.motion_end(camera), MotionEnd(f"e{number}", one.end_ms, camera, motion, length_ms, 0.1)


def say(house: NotifyHouse, day: list[Seen], shown: int, phone: str) -> int:
    with house.store.sql_read("count pushes") as run:
        rows = run("SELECT is_loud, told_revision, story FROM deliveries WHERE way = 'push' ORDER BY id")
        stories = run("SELECT count(*) FROM incidents")[0][0]
    summaries = sum(str(story).startswith("summary") for _, _, story in rows)
    loud = [bool(told) for is_loud, told, _ in rows if is_loud]
    ordinary = len(rows) - len(loud) - summaries
    is_met = ordinary <= MOST_ORDINARY and summaries <= 1 and bool(loud) and all(loud)
    print(
        f"Q-07 {len(day)} visits in {stories} stories before {len(NAMES)} cameras: {ordinary} ordinary pushes to the "
        f"{phone} (at most {MOST_ORDINARY}), {sum(loud)} of {len(loud)} loud, "
        f"{summaries} summary; {shown} notifications in all {'ok' if is_met else 'MISSED'}",
        flush=True,
    )
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main())
