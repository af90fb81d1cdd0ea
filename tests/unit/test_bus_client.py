"""The MQTT client against the real broker: receipts, limits, reconnects, handlers that fail."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S, RunningBroker, wait_until
from tests.fair_watch import FairWatch
from vigilar.base.errors import BusError, ErrorKind
from vigilar.bus import client
from vigilar.bus.broker import broker_command, is_answering
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink

Connect = Callable[[str, str], MessageBus]


@pytest.fixture
def make_bus(broker: RunningBroker) -> Iterator[Connect]:
    """Buses by user and client id, not started; stopped at the end."""
    made: list[MessageBus] = []

    def make(user: str, client_id: str) -> MessageBus:
        bus = MessageBus(BusLink("127.0.0.1", broker.port, user, broker.passwords.get(user, "wrong")), client_id)
        made.append(bus)
        return bus

    yield make
    for bus in made:
        bus.stop(1.0)


def _started(bus: MessageBus) -> MessageBus:
    ready = threading.Event()
    bus.on_connected(ready.set)
    bus.start()
    assert ready.wait(PATIENCE_S)
    return bus


def test_link_hides_password() -> None:
    assert "geheim" not in repr(BusLink("127.0.0.1", 1883, "events", "geheim"))


def test_message_arrives_and_ticket_is_settled(make_bus: Connect) -> None:
    got: list[tuple[str, bytes]] = []
    reader = make_bus("events", "reader")
    reader.subscribe("vigilar/camera/+/motion/+", lambda topic, payload: got.append((topic, payload)))
    _started(reader)
    ticket = _started(make_bus("camera-front", "writer")).publish("vigilar/camera/front/motion/start", b"{}")
    assert ticket.wait(PATIENCE_S)
    wait_until(lambda: got, 5.0)
    assert got == [("vigilar/camera/front/motion/start", b"{}")]


def test_subscription_made_later_works(make_bus: Connect) -> None:
    got: list[bytes] = []
    bus = _started(make_bus("events", "reader"))
    bus.subscribe("vigilar/system/health", lambda _topic, payload: got.append(payload))

    def has_arrived() -> bool:
        bus.publish("vigilar/system/health", b"x", qos=0)
        return bool(got)

    wait_until(has_arrived, 5.0)


def test_failing_handler_is_counted_and_next_runs(make_bus: Connect, caplog: pytest.LogCaptureFixture) -> None:
    got: list[bytes] = []

    def fail(_topic: str, _payload: bytes) -> None:
        raise ValueError("broken handler")

    bus = make_bus("events", "reader")
    bus.subscribe("vigilar/events/published", fail)
    bus.subscribe("vigilar/events/#", lambda _topic, payload: got.append(payload))
    _started(bus)
    for payload in (b"1", b"2"):
        bus.publish("vigilar/events/published", payload)
    wait_until(lambda: len(got) == 2, 5.0)
    assert bus.handler_error_count == 2
    assert "broken handler" in caplog.text


def test_wrong_password_never_connects(make_bus: Connect, caplog: pytest.LogCaptureFixture) -> None:
    bus = make_bus("nobody", "stranger")
    bus.start()
    wait_until(lambda: "refused nobody" in caplog.text, 5.0)
    assert not bus.is_connected


def test_account_hears_and_says_its_own_only(make_bus: Connect) -> None:
    """Mosquitto 2 accepts any subscription and delivers nothing; what it may not publish is not delivered either."""
    got: list[bytes] = []
    camera = make_bus("camera-front", "camera")
    camera.subscribe("vigilar/events/#", lambda _topic, payload: got.append(payload))
    _started(camera)
    _started(make_bus("events", "events")).publish("vigilar/events/published", b"secret").wait(PATIENCE_S)
    camera.publish("vigilar/events/published", b"forged").wait(PATIENCE_S)
    assert got == []


def test_message_without_connection_is_held(make_bus: Connect) -> None:
    bus = make_bus("camera-front", "writer")
    ticket = bus.publish("vigilar/camera/front/fact", b"{}")
    assert not ticket.wait(0.01)
    assert not ticket.is_refused
    bus.start()
    assert ticket.wait(PATIENCE_S)


def test_qos_0_without_connection_is_refused(make_bus: Connect) -> None:
    assert make_bus("camera-front", "writer").publish("vigilar/camera/front/health", b"{}", qos=0).is_refused


def test_too_many_held_messages_are_refused(make_bus: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_UNACKNOWLEDGED", 3)
    bus = make_bus("camera-front", "writer")
    tickets = [bus.publish("vigilar/camera/front/fact", b"{}") for _ in range(5)]
    assert [ticket.is_refused for ticket in tickets] == [False, False, False, True, True]
    assert not tickets[4].wait(PATIENCE_S)
    bus.start()
    assert tickets[2].wait(PATIENCE_S)


@pytest.mark.parametrize("topic", ["", "vigilar/#", "vigilar/+/x"])
def test_impossible_topic_is_bug(make_bus: Connect, topic: str) -> None:
    with pytest.raises(BusError) as caught:
        make_bus("camera-front", "writer").publish(topic, b"{}")
    assert caught.value.kind is ErrorKind.BUG


def test_message_after_acknowledgement_goes_at_once(make_bus: Connect) -> None:
    """It used to wait 40 ms for the other side's kernel (Nagle's algorithm meets delayed acknowledgements)."""
    answered = threading.Event()
    page = make_bus("web", "page")
    page.subscribe("vigilar/events/published", lambda *_: answered.set())
    _started(page)
    events = make_bus("events", "events")

    def answer_from_other_thread(_topic: str, _payload: bytes) -> None:
        threading.Timer(0.005, events.publish, ("vigilar/events/published", b"{}")).start()

    events.subscribe("vigilar/camera/front/fact", answer_from_other_thread)
    _started(events)
    camera = _started(make_bus("camera-front", "camera"))
    took_s: list[float] = []
    for _ in range(9):
        answered.clear()
        watch = FairWatch()
        camera.publish("vigilar/camera/front/fact", b"{}")
        assert answered.wait(PATIENCE_S)
        took_s.append(watch.elapsed_s())
        time.sleep(0.06)  # the broker's own socket may wait, too; by now it has not to
    assert sorted(took_s)[4] < 0.035


def test_stop_waits_for_acknowledgement(make_bus: Connect) -> None:
    bus = _started(make_bus("camera-front", "writer"))
    tickets = [bus.publish("vigilar/camera/front/fact", b"{}") for _ in range(200)]
    assert bus.stop(PATIENCE_S)
    assert all(ticket.is_acknowledged for ticket in tickets)


def test_stop_without_broker_is_quick(free_tcp_port: int) -> None:
    bus = MessageBus(BusLink("127.0.0.1", free_tcp_port, "camera-front", "x"), "writer")
    bus.start()
    bus.publish("vigilar/camera/front/fact", b"{}")
    watch = FairWatch()
    assert not bus.stop(1.0)
    assert watch.elapsed_s() < 2.0


def test_broker_killed_and_back_delivers_in_order(broker: RunningBroker, make_bus: Connect, tmp_path: Path) -> None:
    """What was published while it was away comes first, in its order, and subscriptions are in force again."""
    got: list[int] = []
    times_connected: list[int] = []
    reader = make_bus("events", "reader")
    reader.subscribe("vigilar/camera/front/fact", lambda _topic, payload: got.append(int(payload)))
    reader.on_connected(lambda: times_connected.append(1))
    _started(reader)
    writer = _started(make_bus("camera-front", "writer"))
    assert writer.publish("vigilar/camera/front/fact", b"0").wait(PATIENCE_S)
    broker.process.kill()
    broker.process.wait()
    wait_until(lambda: not writer.is_connected and not reader.is_connected, 5.0)
    tickets = [writer.publish("vigilar/camera/front/fact", str(number).encode()) for number in range(1, 50)]
    again = subprocess.Popen(broker_command(tmp_path / "broker"))
    try:
        wait_until(lambda: is_answering(broker.port, 0.2), 5.0)
        wait_until(lambda: len(times_connected) == 2 and all(t.is_acknowledged for t in tickets), 10.0)
        wait_until(lambda: writer.publish("vigilar/camera/front/fact", b"50").wait(PATIENCE_S) and 50 in got, 5.0)
    finally:
        again.kill()
        again.wait()
    # The reader may come back after the writer, and then misses messages: that is what the outbox is for.
    assert got == sorted(got)
