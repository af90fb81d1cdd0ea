"""Rows of sensors and what they told: written by the sensors process, named by people, read by pages and arming."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.base.ids import slug
from vigilar.store.engine import Store
from vigilar.store.guard_tables import sensor_readings, sensors
from vigilar.store.schema import outbox

_NUMBERED_LENGTH = 36


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor. ``state`` is the newest value of each kind, 1 and 0 for yes and no. ``last_ms`` UTC ms; None before its
    first word."""

    id: str
    address: str
    name: str
    room: str
    kinds: tuple[str, ...]
    state: Mapping[str, float]
    battery: int | None
    link_quality: int | None
    last_ms: int | None
    is_silent: bool
    is_low: bool
    created_ms: int


@dataclass(frozen=True, slots=True)
class Word:
    """What one message of a sensor said: values by kind, and how its battery and its radio are, if it said so."""

    values: Mapping[str, float] = field(default_factory=dict)
    battery: int | None = None
    link_quality: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A message to the events process, which becomes a row of the outbox with the change it tells of."""

    uid: str
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """One stored value. ``ts_ms``: UTC ms."""

    ts_ms: int
    kind: str
    value: float


def list_sensors(store: Store) -> list[Sensor]:
    """All that count, by name."""
    query = select(sensors).where(sensors.c.removed_ms.is_(None)).order_by(sensors.c.name, sensors.c.id)
    with store.read("read sensors") as connection:
        return [_sensor(row) for row in connection.execute(query)]


def find_sensor(store: Store, sensor_id: str) -> Sensor | None:
    with store.read("read sensors") as connection:
        row = connection.execute(
            select(sensors).where(sensors.c.id == sensor_id, sensors.c.removed_ms.is_(None))
        ).first()
        return None if row is None else _sensor(row)


def list_readings(store: Store, sensor_id: str, since_ms: int, limit: int = 500) -> list[Reading]:
    """What a sensor told since then, newest first."""
    query = (
        select(sensor_readings.c.ts_ms, sensor_readings.c.kind, sensor_readings.c.value)
        .where(sensor_readings.c.sensor_id == sensor_id, sensor_readings.c.ts_ms >= since_ms)
        .order_by(sensor_readings.c.ts_ms.desc(), sensor_readings.c.id.desc())
        .limit(limit)
    )
    with store.read("read what a sensor told") as connection:
        return [Reading(*row) for row in connection.execute(query)]


def ensure_sensor(store: Store, node_id: str, address: str, name: str, now_ms: int) -> Sensor:
    """The sensor of that address; made with an id of its name when it is new, and there again when it was removed."""
    with store.write("store a sensor") as connection:
        row = connection.execute(select(sensors).where(sensors.c.address == address)).first()
        if row is None:
            connection.execute(
                insert(sensors).values(
                    id=_free_id(connection, name),
                    address=address,
                    name=name,
                    room="",
                    kinds="[]",
                    state="{}",
                    is_silent=0,
                    is_low=0,
                    created_ms=now_ms,
                    node_id=node_id,
                )
            )
        elif row.removed_ms is not None:
            connection.execute(update(sensors).where(sensors.c.id == row.id).values(removed_ms=None))
        return _sensor(connection.execute(select(sensors).where(sensors.c.address == address)).one())


def note_word(
    store: Store, sensor_id: str, word: Word, kept: Mapping[str, float], now_ms: int, told: Sequence[Told] = ()
) -> None:
    """A sensor spoke: its newest state, ``kept`` of its values into its history, and what is told of it, at once."""
    with store.write("store what a sensor told") as connection:
        row = connection.execute(select(sensors).where(sensors.c.id == sensor_id)).one()
        changes: dict[str, Any] = {
            "state": json.dumps({**json.loads(row.state), **word.values}),
            "kinds": json.dumps(sorted({*json.loads(row.kinds), *word.values})),
            "last_ms": now_ms,
            "is_silent": 0,
        }
        if word.battery is not None:
            changes["battery"] = word.battery
        if word.link_quality is not None:
            changes["link_quality"] = word.link_quality
        connection.execute(update(sensors).where(sensors.c.id == sensor_id).values(**changes))
        for kind, value in kept.items():
            connection.execute(
                insert(sensor_readings).values(sensor_id=sensor_id, ts_ms=now_ms, kind=kind, value=value)
            )
        _put(connection, row.node_id, told, now_ms)


def set_trouble(
    store: Store,
    sensor_id: str,
    now_ms: int,
    told: Sequence[Told],
    *,
    silent: bool | None = None,
    low: bool | None = None,
) -> None:
    """Note that a sensor is silent, or that its battery is nearly empty, or neither any more, and tell of it."""
    changes = {}
    if silent is not None:
        changes["is_silent"] = int(silent)
    if low is not None:
        changes["is_low"] = int(low)
    with store.write("store how a sensor is") as connection:
        node_id = connection.execute(
            update(sensors).where(sensors.c.id == sensor_id).values(**changes).returning(sensors.c.node_id)
        ).scalar_one()
        _put(connection, node_id, told, now_ms)


def name_sensor(store: Store, sensor_id: str, name: str, room: str) -> Sensor:
    """Call a sensor something else. Raises StoreError (NOT_FOUND, ``sensor.unknown``)."""
    with store.write("name a sensor") as connection:
        changed = connection.execute(
            update(sensors)
            .where(sensors.c.id == sensor_id, sensors.c.removed_ms.is_(None))
            .values(name=name, room=room)
        )
        if not changed.rowcount:
            raise _unknown()
        return _sensor(connection.execute(select(sensors).where(sensors.c.id == sensor_id)).one())


def remove_sensor(store: Store, sensor_id: str, now_ms: int) -> None:
    """It does not count any more, until it speaks again. Raises StoreError (NOT_FOUND, ``sensor.unknown``)."""
    with store.write("remove a sensor") as connection:
        changed = connection.execute(
            update(sensors).where(sensors.c.id == sensor_id, sensors.c.removed_ms.is_(None)).values(removed_ms=now_ms)
        )
        if not changed.rowcount:
            raise _unknown()


def _put(connection: Connection, node_id: str, told: Sequence[Told], now_ms: int) -> None:
    for one in told:
        connection.execute(
            insert(outbox).values(
                node_id=node_id,
                uid=one.uid,
                topic=one.topic,
                payload=one.payload.decode("utf-8"),
                created_ms=now_ms,
            )
        )


def _free_id(connection: Connection, name: str) -> str:
    wanted = slug(name)
    found, number = wanted, 1
    while connection.execute(select(sensors.c.id).where(sensors.c.id == found)).first() is not None:
        number += 1
        found = f"{wanted[:_NUMBERED_LENGTH]}-{number}"
    return found


def _sensor(row: Row[Any]) -> Sensor:
    return Sensor(
        row.id,
        row.address,
        row.name,
        row.room,
        tuple(json.loads(row.kinds)),
        json.loads(row.state),
        row.battery,
        row.link_quality,
        row.last_ms,
        bool(row.is_silent),
        bool(row.is_low),
        row.created_ms,
    )


def _unknown() -> StoreError:
    return StoreError(
        "there is no such sensor", kind=ErrorKind.PERMANENT, code="sensor.unknown", exit_code=ExitCode.NOT_FOUND
    )
