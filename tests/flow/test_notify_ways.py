"""The ways that need no internet: each against a server that speaks the real protocol, and a real Mosquitto."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE_S, RunningBroker, wait_until
from tests.fakes.http_ear import http_server
from tests.fakes.mail_server import mail_server
from tests.ports import free_port
from tests.ready_store import database_url, open_ready_store
from vigilar.base.clock import SystemClock
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import CameraRecord, SirenCommand
from vigilar.bus.topics import Topics
from vigilar.config.jobs import NotifyJob
from vigilar.config.load import parse_config
from vigilar.config.secrets import SecretStore
from vigilar.config.way_cut import dump_ways
from vigilar.notify.email import sender as email_sender
from vigilar.notify.email.sender import EmailSender, message_of
from vigilar.notify.mqtt.sender import BusSender
from vigilar.notify.mqtt.sirens import SirenRelay
from vigilar.notify.ntfy.sender import NtfySender
from vigilar.notify.outcome import ACCEPTED, Outcome, Result
from vigilar.notify.ways import EmailWay, MqttWay, NtfyWay, WebhookWay
from vigilar.notify.webhook.sender import SIGNATURE, WebhookSender
from vigilar.processes.notify_senders import SenderMaker
from vigilar.store.deliveries import Delivery

NOW_MS = 1_800_000_000_000


def delivery(way: str = "ntfy", *, is_critical: bool = False, told: int = 0, **params: Any) -> Delivery:
    content = {
        "title": "Person at the front door",
        "body": "17:52. Armed Away.",
        "path": "/events/7",
        "tag": "incident-3",
        "type": "motion",
        "kind": "person",
        "severity": "ALERT",
        "camera": "front",
        "ts": NOW_MS,
        "event_id": 7,
        "incident_id": 3,
        "still": "",
        "rule": "a rule",
        "params": params,
    }
    return Delivery(
        id=1,
        story="incident-3",
        lane=way,
        way=way,
        target=way,
        phone_id=None,
        user_id=None,
        device=way,
        incident_id=3,
        event_id=7,
        content=content,
        is_loud=True,
        is_critical=is_critical,
        revision=told + 1,
        told_revision=told,
        sent_revision=told + 1,
        shown_revision=0,
        state="sent",
        tries=1,
        created_ms=NOW_MS,
        next_try_ms=NOW_MS,
        expires_ms=NOW_MS + 60_000,
        sent_ms=NOW_MS,
        accepted_ms=None,
        shown_ms=None,
        acknowledged_ms=None,
        topic="topic",
        token="token",
        sentence="",
    )


def test_ntfy_gets_words_priority_and_login() -> None:
    with http_server() as asked:
        way = NtfyWay(address=f"http://127.0.0.1:{asked.port}", topic="house", user="sam", password="pw")
        sender = NtfySender(way)
        assert sender.send(delivery(is_critical=True), NOW_MS).result is Result.ACCEPTED
        assert sender.send(delivery(told=1), NOW_MS).result is Result.ACCEPTED
        sender.close()
    (_, headers, body), (_, _, update) = asked
    assert json.loads(body) == {
        "topic": "house",
        "sequence_id": "topic",
        "title": "Person at the front door",
        "message": "17:52. Armed Away.",
        "priority": 5,
        "tags": ["warning"],
    }
    assert headers["authorization"] == "Basic c2FtOnB3"
    assert json.loads(update)["priority"] == 2, "new words make no sound"


@pytest.mark.parametrize(
    ("status", "result"),
    [(200, Result.ACCEPTED), (403, Result.LATER), (429, Result.LATER), (500, Result.LATER), (404, Result.FAILED)],
)
def test_what_ntfy_answers_counts(status: int, result: Result) -> None:
    with http_server() as asked:
        asked.answer = (status, {})
        sender = NtfySender(NtfyWay(address=f"http://127.0.0.1:{asked.port}", topic="house"))
        assert sender.send(delivery(), NOW_MS).result is result
        sender.close()


KEPT = {"event": "message", "topic": "house", "title": "Person at the front door", "message": "17:52. Armed Away."}


@pytest.mark.parametrize(
    ("kept", "is_sent"),
    [
        ((200, json.dumps(KEPT | {"sequence_id": "topic"}) + "\n"), False),
        ((200, json.dumps(KEPT) + "\n"), False),
        ((200, json.dumps(KEPT | {"sequence_id": "of another"}) + "\n"), True),
        ((200, json.dumps(KEPT | {"message": "17:40."}) + "\n"), True),
        ((200, json.dumps(KEPT)[:-9]), True),
        ((200, "[]\n5\n"), True),
        ((200, ""), True),
        ((403, ""), True),
    ],
    ids=[
        "has it",
        "old server has it",
        "of another",
        "other words",
        "cut off",
        "no ntfy",
        "has nothing",
        "may not read",
    ],
)
def test_ntfy_is_asked_before_it_is_told_again(kept: tuple[int, str], *, is_sent: bool) -> None:
    with http_server() as asked:
        asked.kept = kept
        sender = NtfySender(NtfyWay(address=f"http://127.0.0.1:{asked.port}/ntfy/", topic="house", password="tk_1"))
        assert sender.send(replace(delivery(), tries=2), NOW_MS).result is Result.ACCEPTED
        sender.close()
    path, headers, _ = asked[0]
    assert path.startswith("/ntfy/house/json?poll=1&since=1799999400&title=Person+at+the+front+door&message=17%3A52")
    assert headers["authorization"] == "Bearer tk_1"
    assert [one[0] for one in asked[1:]] == (["/ntfy/"] if is_sent else [])


def test_server_that_is_not_there_makes_the_lane_wait() -> None:
    sender = NtfySender(NtfyWay(address=f"http://127.0.0.1:{free_port()}", topic="house"))
    outcome = sender.send(delivery(), NOW_MS)
    assert outcome.result is Result.UNREACHABLE
    assert "refused" in outcome.sentence


def test_way_without_its_login_asks_nobody_and_says_why(bus: MessageBus, tmp_path: Path) -> None:
    with http_server() as asked:
        settings = f'[notify.ntfy]\naddress = "http://127.0.0.1:{asked.port}"\nlogin = "secret:away"\n'
        ways = dump_ways(parse_config(settings.encode(), "vigilar.toml"), SecretStore(tmp_path / "secrets"))
        job = NotifyJob(
            node_id="box",
            data_dir=tmp_path,
            secrets_dir=tmp_path / "secrets",
            run_dir=tmp_path,
            database_url=database_url(tmp_path),
            bus_host="127.0.0.1",
            bus_port=1,
            bus_user="notify",
            bus_password="",
            ways=ways,
        )
        with closing(open_ready_store(tmp_path)) as store:
            outcome = SenderMaker(job, store, bus).make("ntfy").send(delivery(), NOW_MS)
        assert asked == []
    assert outcome.result is Result.FAILED
    assert outcome.sentence == 'There is no secret "away". On the box: sudo vigilar notify login away'


def test_webhook_is_signed_over_time_and_body() -> None:
    with http_server() as asked:
        sender = WebhookSender(
            WebhookWay(name="Lamp", address=f"http://127.0.0.1:{asked.port}/hook?a=1", secret="shared")
        )
        assert sender.send(delivery("webhook"), NOW_MS).result is Result.ACCEPTED
        sender.close()
    path, headers, body = asked[0]
    assert path == "/hook?a=1"
    expected = hmac.new(b"shared", b"1800000000." + body, hashlib.sha256).hexdigest()
    assert headers[SIGNATURE.lower()] == f"t=1800000000,v1={expected}"
    told = json.loads(body)
    assert (told["title"], told["camera"], told["rule"]) == ("Person at the front door", "front", "a rule")


def test_webhook_follows_nobody_elsewhere() -> None:
    with http_server() as asked, http_server() as other:
        asked.answer = (302, {"Location": f"http://127.0.0.1:{other.port}/"})
        sender = WebhookSender(WebhookWay(name="Lamp", address=f"http://127.0.0.1:{asked.port}/"))
        assert sender.send(delivery("webhook"), NOW_MS).result is Result.FAILED
        sender.close()
    assert other == []


@pytest.mark.parametrize("address", ["http://169.254.169.254/latest", "http://[fd00:ec2::254]/", "http://0.0.0.0/"])
def test_no_way_leads_to_where_a_cloud_hands_out_keys(address: str) -> None:
    sender = WebhookSender(WebhookWay(name="Cloud", address=address))
    outcome = sender.send(delivery("webhook"), NOW_MS)
    assert outcome.result is Result.UNREACHABLE
    assert "may not be asked" in outcome.sentence


def test_names_with_line_ends_make_no_header_of_a_mail() -> None:
    one = delivery("email")
    named = replace(one, content={**one.content, "title": "Door\r\nBcc: x@evil.example open"})
    way = EmailWay(host="localhost", port=25, security="tls", sender="house@home.example", to=("sam@home.example",))
    message = message_of(named, way, NOW_MS)
    assert message["Subject"] == "Door Bcc: x@evil.example open"
    assert message["Bcc"] is None


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_mail_goes_encrypted_with_its_login(tmp_path: Path, security: Any) -> None:
    with mail_server(tmp_path, port := free_port(), is_tls=security == "tls") as server:
        way = EmailWay(
            host="localhost",
            port=port,
            security=security,
            sender="house@home.example",
            to=("sam@home.example", "kim@home.example"),
            user="house",
            password="pw",
            ca_file=str(server.ca_file),
        )
        sender = EmailSender(way)
        assert sender.send(delivery("email"), NOW_MS).result is Result.ACCEPTED
        assert sender.send(delivery("email", told=1), NOW_MS).result is Result.ACCEPTED
    first, second = server.mails
    assert "Subject: Person at the front door" in first
    assert "To: sam@home.example, kim@home.example" in first
    assert "17:52. Armed Away." in first
    assert "In-Reply-To: <token.1@home.example>" in second, "the same thread for a reader"
    assert server.logins == [b"\0house\0pw", b"\0house\0pw"]


def test_mail_server_of_another_authority_gets_no_password(tmp_path: Path) -> None:
    with mail_server(tmp_path, port := free_port(), is_tls=True) as server:
        way = EmailWay(
            host="localhost",
            port=port,
            security="tls",
            sender="a@b.example",
            to=("c@d.example",),
            user="u",
            password="p",
        )
        outcome = EmailSender(way).send(delivery("email"), NOW_MS)
    assert outcome.result is Result.UNREACHABLE
    assert "certificate" in outcome.sentence
    assert server.logins == []


@pytest.mark.parametrize(("says", "result"), [("451 later", Result.LATER), ("554 no", Result.FAILED)])
def test_what_the_mail_server_answers_counts(tmp_path: Path, says: str, result: Result) -> None:
    with mail_server(tmp_path, port := free_port()) as server:
        server.refuses = says
        way = EmailWay(host="localhost", port=port, security="none", sender="a@b.example", to=("c@d.example",))
        assert EmailSender(way).send(delivery("email"), NOW_MS).result is result


@pytest.mark.parametrize("says", ["421 too many", "250 yes", "what?"])
def test_mail_that_was_taken_is_sent_whatever_the_server_says_at_the_end(tmp_path: Path, says: str) -> None:
    """It was sent again and again."""
    with mail_server(tmp_path, port := free_port()) as server:
        server.parts = says
        assert EmailSender(plain_mail(port)).send(delivery("email"), NOW_MS) == ACCEPTED
    assert len(server.mails) == 1


def test_what_is_no_mail_server_is_told_in_words(tmp_path: Path) -> None:
    with mail_server(tmp_path, port := free_port()) as server:
        server.greets = "HTTP/1.1 400 Bad Request"
        plain = EmailSender(plain_mail(port)).send(delivery("email"), NOW_MS)
        sealed = EmailSender(replace(plain_mail(port), security="tls")).send(delivery("email"), NOW_MS)
    assert (plain.result, sealed.result) == (Result.UNREACHABLE, Result.UNREACHABLE)
    assert plain.sentence == "What answers there is no mail server: look at its name and port, and at security."
    assert sealed.sentence == "The mail server does not speak TLS there: look at its port and at security."


def test_password_of_a_mail_server_may_have_any_letters(tmp_path: Path) -> None:
    """It stopped each mail with an error of the program."""
    with mail_server(tmp_path, port := free_port(), is_tls=True) as server:
        way = replace(
            plain_mail(port), security="tls", user="haus", password="Türschlüssel", ca_file=str(server.ca_file)
        )
        assert EmailSender(way).send(delivery("email"), NOW_MS) == ACCEPTED
    assert server.logins == ["\0haus\0Türschlüssel".encode()]


def test_mail_server_that_never_comes_to_an_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its lines is in time, and the last one never comes: no mail behind it would ever go."""
    monkeypatch.setattr(email_sender, "TOTAL_S", 0.5)
    listening, stop = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def talk() -> None:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            while not stop.wait(0.05):
                connection.sendall(b"220-and another thing\r\n")

    thread = threading.Thread(target=talk, name="endless-mail-server")
    thread.start()
    outcome: list[Outcome] = []
    way = plain_mail(listening.getsockname()[1])
    sending = threading.Thread(target=lambda: outcome.append(EmailSender(way).send(delivery("email"), NOW_MS)))
    sending.start()
    sending.join(20)
    is_over = not sending.is_alive()
    stop.set()
    thread.join()
    sending.join()
    listening.close()
    assert is_over
    assert outcome == [Outcome(Result.UNREACHABLE, "The mail server does not answer.")]


def plain_mail(port: int) -> EmailWay:
    return EmailWay(host="localhost", port=port, security="none", sender="a@b.example", to=("c@d.example",))


class Listener:
    """All that an account hears, newest last."""

    def __init__(self, broker: RunningBroker, user: str, topic: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._bus = MessageBus(BusLink("127.0.0.1", broker.port, user, broker.passwords[user]), f"test-{user}")
        self._bus.subscribe(topic, lambda topic, payload: self.heard.append((topic, payload)))
        ready = threading.Event()
        self._bus.on_connected(ready.set)
        self._bus.start()
        assert ready.wait(PATIENCE_S), "it hears all that is said from now on"

    def close(self) -> None:
        self._bus.stop(1.0)


@pytest.fixture
def bus(broker: RunningBroker) -> Iterator[MessageBus]:
    made = MessageBus(BusLink("127.0.0.1", broker.port, "notify", broker.passwords["notify"]), "test-notify")
    yield made
    made.stop(1.0)


WAY = MqttWay(base="zigbee2mqtt", sirens=("hall siren",), lights=("porch",), on_s=1)


def test_rule_sounds_the_siren_of_the_house(broker: RunningBroker, bus: MessageBus) -> None:
    zigbee, owner = Listener(broker, "sensors", "zigbee2mqtt/#"), Listener(broker, "owner", Topics.SIREN)
    way = replace(WAY, on_s=600)  # longer than a busy machine needs to hear of it
    SirenRelay(bus, way).follow()
    ready = threading.Event()
    bus.on_connected(ready.set)
    bus.start()
    assert ready.wait(PATIENCE_S)
    sender, now_ms = BusSender(bus, way), SystemClock().utc_ns() // 1_000_000
    assert sender.send(delivery("siren"), now_ms).result is Result.ACCEPTED
    wait_until(lambda: bool(zigbee.heard and owner.heard), 5.0)
    command = SirenCommand.parse(owner.heard[0][1])
    assert (command.state, command.until_ts, command.what) == ("on", now_ms + 600_000, "Person at the front door")
    topic, payload = zigbee.heard[0]
    assert topic == "zigbee2mqtt/hall siren/set"
    assert json.loads(payload)["warning"]["mode"] == "burglar"
    zigbee.close()
    owner.close()


def test_disarming_silences_the_siren(broker: RunningBroker, bus: MessageBus) -> None:
    """The guard says "off" on the one topic; the relay hands it on, also what was said while it was away."""
    zigbee = Listener(broker, "sensors", "zigbee2mqtt/#")
    events = MessageBus(BusLink("127.0.0.1", broker.port, "events", broker.passwords["events"]), "test-events")
    events.start()
    wait_until(lambda: events.is_connected, 5.0)
    assert events.publish(Topics.SIREN, SirenCommand("1", NOW_MS, "off").dump(), retain=True).wait(PATIENCE_S)
    SirenRelay(bus, WAY).follow()
    bus.start()
    wait_until(lambda: bool(zigbee.heard), 5.0)
    assert json.loads(zigbee.heard[-1][1])["warning"]["mode"] == "stop"
    zigbee.close()
    events.stop(1.0)


def test_light_goes_on_and_by_itself_out(broker: RunningBroker, bus: MessageBus) -> None:
    zigbee = Listener(broker, "sensors", "zigbee2mqtt/#")
    bus.start()
    wait_until(lambda: bus.is_connected, 5.0)
    sender = BusSender(bus, WAY)
    assert sender.send(delivery("light"), NOW_MS).result is Result.ACCEPTED
    wait_until(lambda: len(zigbee.heard) == 2, 5.0)
    assert [json.loads(payload)["state"] for _, payload in zigbee.heard] == ["ON", "OFF"]
    sender.close()
    zigbee.close()


def test_light_that_is_asked_for_again_stays_on_its_whole_time(bus: MessageBus) -> None:
    bus.start()
    wait_until(lambda: bus.is_connected, 5.0)
    sender = BusSender(bus, replace(WAY, on_s=60))
    for _ in range(2):
        assert sender.send(delivery("light"), NOW_MS).result is Result.ACCEPTED
    timers = [one for one in threading.enumerate() if isinstance(one, threading.Timer) and one.name == "light-out"]
    waiting = [one for one in timers if not one.finished.is_set()]
    sender.close()
    assert len(waiting) == 1, "the first would put it out too early"


def test_scene_and_recording_are_said_on_the_bus(broker: RunningBroker, bus: MessageBus) -> None:
    owner = Listener(broker, "owner", "vigilar/#")
    bus.start()
    wait_until(lambda: bus.is_connected, 5.0)
    sender = BusSender(bus, WAY)
    assert sender.send(delivery("scene", topic="night/all"), NOW_MS).result is Result.ACCEPTED
    assert sender.send(delivery("record", camera="front", seconds=30), NOW_MS).result is Result.ACCEPTED
    wait_until(lambda: len(owner.heard) == 2, 5.0)
    (scene, told), (record, wish) = owner.heard
    assert scene == "vigilar/scene/night/all"
    assert json.loads(told)["event_id"] == 7
    assert record == "vigilar/camera/front/command/record"
    assert CameraRecord.parse(wish).seconds == 30
    owner.close()


def test_without_a_bus_it_waits(broker: RunningBroker, bus: MessageBus) -> None:
    assert BusSender(bus, WAY).send(delivery("siren"), NOW_MS).result is Result.UNREACHABLE
