"""What rules do over the bus: the siren, the lights, a scene, a camera that records."""

from __future__ import annotations

import json
import threading

from vigilar.base.ids import new_id
from vigilar.bus.messages import CameraRecord, SirenCommand
from vigilar.bus.topics import Topics
from vigilar.notify.mqtt.sirens import Bus
from vigilar.notify.outcome import ACCEPTED, Outcome, Result
from vigilar.notify.ways import MqttWay
from vigilar.store.deliveries import Delivery

ANSWER_S = 3.0
"""For the broker to acknowledge: on loopback a millisecond."""

NO_BUS = Outcome(Result.UNREACHABLE, "The message bus does not answer.")


class BusSender:
    """For one thread; timers put lights out again."""

    def __init__(self, bus: Bus, way: MqttWay) -> None:
        self._bus = bus
        self._way = way
        self._timers: dict[str, threading.Timer] = {}  # by topic

    def send(self, one: Delivery, now_ms: int) -> Outcome:
        if not self._bus.is_connected:
            return NO_BUS
        params = one.content["params"]
        match one.way:
            case "siren":
                return self._siren(one, now_ms)
            case "light":
                return self._lights()
            case "record":
                wish = CameraRecord(new_id(), now_ms, str(params["camera"]), int(params["seconds"]))
                return self._publish(Topics.camera_record(wish.camera_id), wish.dump())
            case _:
                return self._publish(Topics.scene(str(params["topic"])), _scene(one, now_ms))

    def close(self) -> None:
        """What is on goes out: nobody would do it later."""
        for timer in self._timers.values():
            timer.cancel()
            if timer.is_alive():
                timer.function()

    def _siren(self, one: Delivery, now_ms: int) -> Outcome:
        until_ms = now_ms + self._way.on_s * 1000
        command = SirenCommand(
            new_id(), now_ms, "on", until_ms, what=str(one.content["title"]), where=str(one.content["camera"])
        )
        return self._publish(Topics.SIREN, command.dump(), retain=True)

    def _lights(self) -> Outcome:
        if not self._way.lights:
            return Outcome(Result.FAILED, "There is no light in the settings: lights in [notify.mqtt].")
        for name in self._way.lights:
            topic = f"{self._way.base}/{name}/set"
            done = self._publish(topic, b'{"state":"ON","brightness":254}')
            if done is not ACCEPTED:
                return done
            self._later(topic)
        return ACCEPTED

    def _later(self, topic: str) -> None:
        if topic in self._timers:  # its whole time from now on
            self._timers[topic].cancel()
        timer = threading.Timer(self._way.on_s, lambda: self._bus.publish(topic, b'{"state":"OFF"}'))
        timer.daemon = True
        timer.name = "light-out"
        self._timers[topic] = timer
        timer.start()

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False) -> Outcome:
        ticket = self._bus.publish(topic, payload, retain=retain)
        return ACCEPTED if ticket.wait(ANSWER_S) else NO_BUS


def _scene(one: Delivery, now_ms: int) -> bytes:
    told = {key: one.content[key] for key in ("title", "severity", "kind", "camera", "event_id", "rule")}
    return json.dumps({"v": 1, "id": f"scene-{one.id}", "ts": now_ms, **told}, ensure_ascii=False).encode()
