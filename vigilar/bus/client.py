"""The MQTT client of every process: connects in the background, comes back by itself, publishes with a receipt.

Guarantee: a message whose ticket says *acknowledged* has been taken by the broker. Nothing more: a broker that is
killed loses what it took and did not deliver, so whatever must not be lost is a row of the store's outbox first.
Messages that were not acknowledged when a connection broke are sent again on the next one, in their order; their
receivers know them by their id.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from vigilar.base.errors import BusError, ErrorKind
from vigilar.base.tally import Tally
from vigilar.bus.link import BusLink

logger = logging.getLogger(__name__)

FIRST_RETRY_S = 0.1
"""A broker started as our child is up again in 20 ms, so the first try is soon."""

LAST_RETRY_S = 2
"""Tries come at most this far apart: the bus is on this machine, a try costs nothing."""

KEEPALIVE_S = 20
"""MQTT keep-alive: a hung broker is noticed after about twice this."""

MAX_UNACKNOWLEDGED = 1000
"""Messages held for a broker that is away. Beyond it ``publish`` refuses, and the outbox keeps what matters.

Without a limit paho holds every message until memory ends (``dependencies.md`` B1)."""

MAX_IN_FLIGHT = 100
"""Messages sent and not yet acknowledged. paho's 20 halve the rate on loopback; the broker's own limit is 100."""

Handler = Callable[[str, bytes], None]


class PublishTicket:
    """The receipt of one message."""

    def __init__(self, qos: int) -> None:
        self.qos = qos
        self._acknowledged = threading.Event()
        self.is_refused = False
        """True when the client did not take the message: too many wait, or (QoS 0) there is no connection."""

    @property
    def is_acknowledged(self) -> bool:
        """The broker has it (QoS 1), or it went out on the socket (QoS 0)."""
        return self._acknowledged.is_set()

    def wait(self, timeout_s: float) -> bool:
        """True when acknowledged within ``timeout_s``; at once False when refused."""
        return not self.is_refused and self._acknowledged.wait(timeout_s)

    def _settle(self) -> None:
        self._acknowledged.set()


@dataclass(frozen=True, slots=True)
class _Subscription:
    topic: str
    handler: Handler
    takes_kept: bool = True


class MessageBus:
    """One connection to the broker. ``client_id`` must be unique: the broker ends the older of two with the same.

    Handlers and ``on_connected`` callbacks run on the thread of the client, one after another, and must be quick; what
    they raise is logged and counted. ``publish`` may be called from any thread, also from a handler. One leaf lock.
    """

    def __init__(self, link: BusLink, client_id: str, will: tuple[str, bytes] | None = None) -> None:
        """``will``: topic and payload that the broker keeps and tells when this connection ends without a word."""
        self._link = link
        self._will = will
        self._client_id = client_id
        self._subscriptions: list[_Subscription] = []
        self._connected_callbacks: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._tickets: dict[int, PublishTicket] = {}
        self._early: set[int] = set()  # acknowledged before publish() knew the number
        self._subscribe_mid: int | None = None
        self._handler_errors = Tally(logger, "handler of a message failed", level=logging.ERROR)
        self._link_errors = Tally(logger, f"no bus at {link.host}:{link.port}", every_s=60.0)
        self._is_connected = False
        self._is_stopping = False
        self._client = self._make_client()

    def _make_client(self) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self._client_id, clean_session=True)
        client.username_pw_set(self._link.user, self._link.password)
        if self._will is not None:
            client.will_set(*self._will, qos=1, retain=True)
        client.reconnect_delay_set(FIRST_RETRY_S, LAST_RETRY_S)  # type: ignore[arg-type]  # floats work, paho says int
        # Before connect, else paho raises (dependencies.md B1).
        client.max_inflight_messages_set(MAX_IN_FLIGHT)
        client.max_queued_messages_set(MAX_UNACKNOWLEDGED)
        client.on_socket_open = _send_at_once
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    @property
    def is_connected(self) -> bool:
        """The broker has accepted us and the connection has not ended since."""
        return self._is_connected

    @property
    def handler_error_count(self) -> int:
        return self._handler_errors.count

    def subscribe(self, topic: str, handler: Handler, *, takes_kept: bool = True) -> None:
        """Call ``handler(topic, payload)`` for each message of ``topic`` (wildcards allowed), now and after each
        reconnect. Called before ``start``, all topics are asked for at once. Without ``takes_kept`` not for what the
        broker kept: a wish of yesterday is no wish."""
        self._subscriptions.append(_Subscription(topic, handler, takes_kept))
        if self._is_connected:
            self._client.subscribe(topic, qos=1)

    def on_connected(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` after each (re)connect, when all subscriptions are in force: nothing published from then
        on is missed, so this is the moment to catch up on what came before."""
        self._connected_callbacks.append(callback)

    def start(self) -> None:
        """Begin to connect, in the background, and never stop trying. Returns at once."""
        try:
            self._client.connect_async(self._link.host, self._link.port, KEEPALIVE_S)
            self._client.loop_start()
        except ValueError as error:
            raise BusError(f"the bus cannot be at {self._link.host}:{self._link.port}") from error

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> PublishTicket:
        """Send a message. QoS 1 waits in memory while there is no connection, QoS 0 is refused then.

        Raises BusError (BUG) for a topic or payload that MQTT does not allow.
        """
        ticket = PublishTicket(qos)
        try:
            info = self._client.publish(topic, payload, qos, retain)
        except ValueError as error:
            raise BusError(f"not a message for the bus: {error}", kind=ErrorKind.BUG) from error
        # A QoS 1 message without a connection is held and sent later, though its result says NO_CONN.
        held = info.rc == mqtt.MQTT_ERR_SUCCESS or (qos > 0 and info.rc == mqtt.MQTT_ERR_NO_CONN)
        if not held:
            ticket.is_refused = True
            return ticket
        with self._lock:
            if info.mid not in self._early:
                self._tickets[info.mid] = ticket
                return ticket
            self._early.discard(info.mid)
        ticket._settle()
        return ticket

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Wait for acknowledgements up to ``timeout_s``, then end the connection. True when nothing was left."""
        self._is_stopping = True
        deadline_ticket = self._last_ticket()
        is_clean = deadline_ticket is None or (self._is_connected and deadline_ticket.wait(timeout_s))
        self._client.disconnect()
        # paho joins its thread without a limit; a handler that hangs must not keep the process.
        ender = threading.Thread(target=self._client.loop_stop, name="bus-stop", daemon=True)
        ender.start()
        ender.join(timeout_s)
        self._is_connected = False
        return is_clean

    def _last_ticket(self) -> PublishTicket | None:
        with self._lock:
            return next((ticket for ticket in reversed(self._tickets.values()) if ticket.qos > 0), None)

    # Below: called by paho on its thread. ``_on_publish`` comes with a lock of paho held, so it must not call paho.

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._link_errors.add(f"refused {self._link.user}: {reason}")
            return
        self._is_connected = True
        logger.info("connected to the bus at %s:%d", self._link.host, self._link.port)
        topics = [(subscription.topic, 1) for subscription in self._subscriptions]
        if topics:
            _result, self._subscribe_mid = client.subscribe(topics)
        else:
            self._tell_connected()

    def _on_subscribe(self, _client: mqtt.Client, _data: Any, mid: int, reasons: Any, _properties: Any) -> None:
        for reason in reasons:
            if reason.is_failure:
                logger.error("the bus refuses %s a subscription: %s", self._link.user, reason)
        if mid == self._subscribe_mid:
            self._tell_connected()

    def _tell_connected(self) -> None:
        for callback in self._connected_callbacks:
            try:
                callback()
            except Exception as error:
                self._handler_errors.add(error, traceback=True)

    def _on_connect_fail(self, _client: mqtt.Client, _data: Any) -> None:
        self._link_errors.add("no answer")

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        was_connected, self._is_connected = self._is_connected, False
        with self._lock:  # QoS 0 is not sent again
            self._tickets = {mid: ticket for mid, ticket in self._tickets.items() if ticket.qos > 0}
        if was_connected and not self._is_stopping:
            logger.warning("lost the bus at %s:%d: %s", self._link.host, self._link.port, reason)

    def _on_publish(self, _client: mqtt.Client, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        with self._lock:
            ticket = self._tickets.pop(mid, None)
            if ticket is None:
                self._early.add(mid)
                return
        ticket._settle()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        # Nothing may be raised from here: paho's thread would end, and with it the connection for good.
        try:
            topic = message.topic
        except UnicodeDecodeError as error:
            self._handler_errors.add(f"topic is not UTF-8: {error}")
            return
        for subscription in tuple(self._subscriptions):
            if message.retain and not subscription.takes_kept:
                continue
            if not mqtt.topic_matches_sub(subscription.topic, topic):
                continue
            try:
                subscription.handler(topic, bytes(message.payload))
            except Exception as error:
                self._handler_errors.add(f"{topic}: {error}", traceback=True)


def _send_at_once(_client: mqtt.Client, _data: Any, sock: Any) -> None:
    """Without this a message that follows an acknowledgement waits 40 ms for the kernel of the other side (Nagle's
    algorithm meets delayed acknowledgements): measured 78 ms from camera to page instead of a few."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
