"""What could not be handled reaches people: from the row to the heartbeat, the page of the system and the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.browser.house import House, open_house
from tests.conftest import RunningBroker, wait_until
from tests.spawned_process import spawning
from vigilar.cli.program import run
from vigilar.store.consumers import Consumer, next_batch, register, set_aside
from vigilar.store.engine import Store
from vigilar.store.inbound import put
from vigilar.vge.keys import KeyRing


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        KeyRing.load_or_create(tmp_path / "secrets")
        yield house


def test_what_was_set_aside_is_told_until_it_is_let_go(
    house: House, broker: RunningBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    client = house.client()
    event = house.event()
    with closing(Store.open(house.parts.cfg.database_url)) as store:
        bell = Consumer(house.node_id, "the doorbell")
        register(store, bell, from_now=False, now_ms=1)
        [change] = next_batch(store, bell, 10)
        set_aside(store, bell, change, "no such chime", house.now_ms())
        put(store, house.node_id, "bad-1", "vigilar/camera/front/fact", b"no message", house.now_ms())
    url = house.parts.cfg.database_url
    told: dict[str, object] = {}

    def heard() -> str:
        for message in spawned.line.receive() or []:
            told.update(message.get("beat", {}))
        return str(told.get("problem", ""))

    with spawning("tests.flow.events_process", url, broker, "events") as spawn:
        spawned = spawn()
        wait_until(lambda: heard().count("set aside, which") == 2, 30.0)  # one of them may be told of before the other
    problem = str(told["problem"])
    assert problem == (
        "1 message was set aside, which could not be read as events. "
        "1 event was set aside, which the doorbell could not handle. On the box: vigilar events set-aside"
    )
    house.well("front-door")
    house.parts.board.set_processes({"events": {"state": "running", "restarts": 0, "status": told}}, house.now_ms() + 1)
    assert problem in client.get("/system").text

    asked = ["--data-dir", str(house.folder)]
    assert run(["events", "set-aside", "--json", *asked]) == 0
    found = json.loads(capsys.readouterr().out)["set_aside"]
    assert [(one["kind"], one["of"], one["id"]) for one in found] == [
        ("event", "the doorbell", str(event.id)),
        ("message", "vigilar/camera/front/fact", "bad-1"),
    ]
    assert run(["events", "set-aside", "--forget", *asked]) == 0
    capsys.readouterr()
    assert run(["events", "set-aside", "--json", *asked]) == 0
    assert json.loads(capsys.readouterr().out)["set_aside"] == []
