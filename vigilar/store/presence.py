"""Rows of who is at home, and of the devices seen on the network, of which some are a member's phone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, delete, insert, select, update

from vigilar.store.account_tables import users
from vigilar.store.engine import Store
from vigilar.store.guard_tables import lan_devices, presence

Where = Literal["home", "away", "unknown"]


@dataclass(frozen=True, slots=True)
class Device:
    """A device of the network. ``user_id`` None: nobody's phone. Times are UTC ms."""

    mac: str
    name: str
    address: str
    user_id: int | None
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class PresenceRow:
    """Where a member is. ``since_ms``: UTC ms."""

    user_id: int
    name: str
    state: Where
    since_ms: int


def list_devices(store: Store) -> list[Device]:
    """All that were seen lately, phones of members first."""
    query = select(lan_devices).order_by(lan_devices.c.user_id.is_(None), lan_devices.c.last_ms.desc())
    with store.read("read devices of the network") as connection:
        return [_device(row) for row in connection.execute(query)]


def note_devices(store: Store, seen: Mapping[str, str], now_ms: int) -> None:
    """Devices answered just now: hardware address -> address on the network."""
    with store.write("note devices of the network") as connection:
        for mac, address in seen.items():
            values = {"address": address, "last_ms": now_ms}
            changed = connection.execute(update(lan_devices).where(lan_devices.c.mac == mac).values(**values))
            if not changed.rowcount:
                connection.execute(
                    insert(lan_devices).values(mac=mac, name="", user_id=None, first_ms=now_ms, **values)
                )


def claim_device(store: Store, mac: str, address: str, user_id: int, name: str, now_ms: int) -> bool:
    """A member's paired phone spoke from this device: it is the member's from now on, unless a person has said whose it
    is, or called it something, which "nobody's" needs too. Whether that changed anything."""
    with store.write("note whose phone a device is") as connection:
        row = connection.execute(select(lan_devices).where(lan_devices.c.mac == mac)).first()
        if row is None:
            values = {"mac": mac, "name": name, "address": address, "user_id": user_id}
            connection.execute(insert(lan_devices).values(**values, first_ms=now_ms, last_ms=now_ms))
            return True
        if row.user_id is not None or row.name:
            return False
        mine = {"name": name, "user_id": user_id, "address": address, "last_ms": now_ms}
        connection.execute(update(lan_devices).where(lan_devices.c.mac == mac).values(**mine))
        return True


def set_owner(store: Store, mac: str, user_id: int | None, name: str) -> bool:
    """Say whose phone a device is (None: nobody's) and what it is called; False when it was never seen."""
    with store.write("change a device") as connection:
        changed = connection.execute(
            update(lan_devices).where(lan_devices.c.mac == mac).values(user_id=user_id, name=name)
        )
        with_phone = select(lan_devices.c.user_id).where(lan_devices.c.user_id.is_not(None))
        connection.execute(delete(presence).where(presence.c.user_id.not_in(with_phone)))
        return bool(changed.rowcount)


def list_presence(store: Store) -> list[PresenceRow]:
    """Members who have a phone, in the order in which they were made."""
    query = (
        select(users.c.id, users.c.name, presence.c.state, presence.c.since_ms)
        .join_from(presence, users)
        .order_by(users.c.id)
    )
    with store.read("read who is at home") as connection:
        return [PresenceRow(*row) for row in connection.execute(query)]


def set_presence(store: Store, user_id: int, state: Where, since_ms: int) -> None:
    """Where a member is from now on."""
    with store.write("note who is at home") as connection:
        values = {"state": state, "since_ms": since_ms}
        changed = connection.execute(update(presence).where(presence.c.user_id == user_id).values(**values))
        if not changed.rowcount:
            connection.execute(insert(presence).values(user_id=user_id, **values))


def _device(row: Row[Any]) -> Device:
    return Device(row.mac, row.name, row.address, row.user_id, row.first_ms, row.last_ms)
