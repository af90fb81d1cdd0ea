"""Tells the events process at once that a command changed the arm state; without it, it looks four times a second."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator

from vigilar.base.clock import SystemClock
from vigilar.base.errors import ConfigError
from vigilar.base.ids import new_id
from vigilar.base.ports import LOOPBACK
from vigilar.bus.accounts import OWNER
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import ArmChanged
from vigilar.bus.topics import Topics
from vigilar.config.cut import make_broker_plan
from vigilar.config.load import load_config
from vigilar.config.places import Places

CONNECT_S = 0.5
SENT_S = 0.5
"""On loopback both take milliseconds. A broker that is away costs the command half a second, and the pages nothing."""


@contextlib.contextmanager
def arm_bell(places: Places) -> Iterator[Callable[[], None]]:
    """Gives what rings. Connects beforehand, so that ringing takes a millisecond. Never fails."""
    link = _find_link(places)
    if link is None:
        yield lambda: None
        return
    bus, is_up = MessageBus(link, f"command-{new_id()[:8]}"), threading.Event()
    bus.on_connected(is_up.set)
    bus.start()
    is_up.wait(CONNECT_S)

    def ring() -> None:
        if bus.is_connected:
            message = ArmChanged(new_id(), SystemClock().utc_ns() // 1_000_000)
            bus.publish(Topics.ARM_CHANGED, message.dump()).wait(SENT_S)

    try:
        yield ring
    finally:
        bus.stop(SENT_S)


def _find_link(places: Places) -> BusLink | None:
    """The bus as the running house uses it; None when it cannot be told."""
    try:
        plan = make_broker_plan(load_config(places), places)
        if not plan.is_own:
            return BusLink(plan.host, plan.port, plan.user, plan.password)
        text = (places.broker_dir / "mosquitto.conf").read_text(encoding="utf-8")
        found = re.search(rf"^listener (\d+) {re.escape(LOOPBACK)}$", text, re.MULTILINE)
        password = json.loads((places.secrets_dir / "bus-users").read_bytes())[OWNER.user]
    except (OSError, ValueError, KeyError, ConfigError):
        return None
    return BusLink(LOOPBACK, int(found[1]), OWNER.user, str(password)) if found else None
