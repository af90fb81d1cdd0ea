"""Our broker as it runs: accounts, rules, and what it remembers over a kill."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.conftest import PATIENCE_S, RunningBroker, wait_until
from vigilar.bus.broker import broker_command, is_answering


class Guest:
    """A bare MQTT client, so that the broker is judged and not our own client."""

    def __init__(self, broker: RunningBroker, user: str, password: str | None = None, *, client_id: str = "") -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.codes: list[str] = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=not client_id)
        self.client.username_pw_set(user, password or broker.passwords.get(user, "x"))
        self.client.on_connect = lambda _c, _u, _f, code, _p: self.codes.append(str(code))
        self.client.on_message = lambda _c, _u, message: self.heard.append((message.topic, bytes(message.payload)))
        self.client.connect("127.0.0.1", broker.port, 30)
        self.client.loop_start()
        wait_until(lambda: self.codes, 3.0)

    def say(self, topic: str, text: bytes) -> None:
        self.client.publish(topic, text, qos=1).wait_for_publish(PATIENCE_S)

    def hear(self, topic: str) -> None:
        done: list[int] = []
        self.client.on_subscribe = lambda *_args: done.append(1)
        self.client.subscribe(topic, 1)
        wait_until(lambda: done, 3.0)

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def guest(broker: RunningBroker, user: str, password: str | None = None, *, client_id: str = "") -> Iterator[Guest]:
    made = Guest(broker, user, password, client_id=client_id)
    try:
        yield made
    finally:
        made.leave()


@pytest.mark.parametrize("user", ["camera-front", "camera-back", "events", "web", "owner"])
def test_each_user_may_enter(broker: RunningBroker, user: str) -> None:
    with guest(broker, user) as entered:
        assert entered.codes[0] == "Success"


@pytest.mark.parametrize(("user", "password"), [("events", "wrong"), ("nobody", "x")])
def test_stranger_is_refused(broker: RunningBroker, user: str, password: str) -> None:
    with guest(broker, user, password) as refused:
        assert refused.codes[0] == "Not authorized"


def test_only_the_right_users_are_heard(broker: RunningBroker) -> None:
    with guest(broker, "owner") as owner, guest(broker, "web") as web, guest(broker, "camera-front") as camera:
        owner.hear("vigilar/#")
        web.say("vigilar/events/published", b"forged")
        camera.say("vigilar/events/published", b"forged")
        camera.say("vigilar/system/health", b"forged")
        owner.say("vigilar/camera/front/motion/start", b"forged")
        camera.say("vigilar/camera/front/motion/start", b"true")
        wait_until(lambda: owner.heard, 3.0)
        time.sleep(0.05)
        assert owner.heard == [("vigilar/camera/front/motion/start", b"true")]


def test_killed_broker_keeps_what_waits_for_an_absent_client(broker: RunningBroker, tmp_path: Path) -> None:
    with guest(broker, "events", client_id="vigilar-events") as events:
        events.hear("vigilar/camera/+/motion/+")
    with guest(broker, "camera-front") as camera:
        for number in range(20):
            camera.say("vigilar/camera/front/motion/start", f"{number:06}".encode())
    # It acknowledges before it saves: the very last may be lost, which is what the outbox is for.
    wait_until(lambda: any(b"000019" in file.read_bytes() for file in (tmp_path / "broker").glob("*.db")), 3.0)
    broker.process.send_signal(signal.SIGKILL)
    broker.process.wait()
    again = subprocess.Popen(broker_command(tmp_path / "broker"))
    try:
        wait_until(lambda: is_answering(broker.port, 0.2), 5.0)
        with guest(broker, "events", client_id="vigilar-events") as events:
            wait_until(lambda: len(events.heard) >= 20, 3.0)
    finally:
        again.kill()
        again.wait()
    assert [int(text) for _, text in events.heard] == list(range(20))


def test_stopped_broker_does_not_answer(broker: RunningBroker) -> None:
    broker.process.send_signal(signal.SIGSTOP)
    assert not is_answering(broker.port, 0.2)
    broker.process.send_signal(signal.SIGCONT)
    wait_until(lambda: is_answering(broker.port, 0.2), 3.0)
