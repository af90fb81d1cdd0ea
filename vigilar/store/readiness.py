"""What would not guard the house if it were armed now: cameras without a picture, open doors, silent sensors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from vigilar.base.arm_rules import ModeRules
from vigilar.base.ids import SENSOR_PREFIX
from vigilar.base.veil import NAMED
from vigilar.store.engine import Store
from vigilar.store.guard_tables import sensors
from vigilar.store.pins import has_any_pin
from vigilar.store.schema import cameras, events

PINS = "pin"
"""The source of the problem that nobody has a PIN."""


@dataclass(frozen=True, slots=True)
class Unready:
    """One problem. ``source_id`` is a camera's id, ``sensor/<id>`` or ``pin``, ``name`` what people call that;
    ``is_open``: it is open and will not count until it has been closed."""

    source_id: str
    sentence: str
    is_open: bool = False
    name: str = ""


def find_unready(store: Store, rules: Iterable[ModeRules], camera_ids: Iterable[str]) -> list[Unready]:
    """All that counts in one of ``rules`` and would not work. ``camera_ids`` are those that should run: each without a
    picture is told, whether it counts or not, as it does not record either."""
    found = [] if has_any_pin(store) else [Unready(PINS, _NO_PIN)]
    return found + _cameras(store, frozenset(camera_ids)) + _sensors(store, tuple(rules))


def not_ready(unready: Sequence[Unready]) -> dict[str, Any]:
    """What a line of the history keeps of them: sentences, and the names of the cameras in these."""
    cameras = {
        one.source_id: one.name
        for one in unready
        if one.source_id != PINS and not one.source_id.startswith(SENSOR_PREFIX)
    }
    return {"reasons": [one.sentence for one in unready], NAMED: cameras}


_NO_PIN = "Nobody has a PIN yet, so only the program on the box itself could disarm."


def _cameras(store: Store, wanted: frozenset[str]) -> list[Unready]:
    query = (
        select(events.c.source_id, events.c.payload, cameras.c.name)
        .join_from(events, cameras, events.c.source_id == cameras.c.id)
        .where(events.c.type == "camera_offline", events.c.end_ms.is_(None), events.c.source_id.in_(wanted))
        .order_by(cameras.c.name, events.c.id)
    )
    with store.read("read which cameras have no picture") as connection:
        rows = connection.execute(query).all()
    names = {row.source_id: row.name for row in rows if json.loads(row.payload).get("is_open")}
    return [Unready(camera_id, f"{name} has no picture.", name=name) for camera_id, name in names.items()]


def _sensors(store: Store, rules: tuple[ModeRules, ...]) -> list[Unready]:
    query = select(sensors).where(sensors.c.removed_ms.is_(None)).order_by(sensors.c.name)
    with store.read("read sensors") as connection:
        rows = connection.execute(query).all()
    found = []
    for row in rows:
        if not any(one.counts_sensor(row.id) for one in rules):
            continue
        source_id, state = f"{SENSOR_PREFIX}{row.id}", json.loads(row.state)
        if state.get("contact"):
            found.append(Unready(source_id, f"{row.name} is open.", is_open=True, name=row.name))
        if state.get("tamper"):
            sentence = f"{row.name} says that it was tampered with."
            found.append(Unready(source_id, sentence, is_open=True, name=row.name))
        if row.is_silent:
            found.append(Unready(source_id, f"{row.name} has not been heard for long.", name=row.name))
    return found
