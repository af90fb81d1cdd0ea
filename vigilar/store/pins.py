"""PINs of members, and how often one may be tried.

Counters are written before a PIN is looked at, so neither a kill nor a power cut gives a try back, and of many tries at
once only as many are looked at as are left.

Each try counts twice: for the device it comes from, and for the whole house. Three wrong ones, and no PIN is looked at
for 90 s; each three more double that, up to 15 minutes. At three tries in 15 minutes all PINs of six digits take 9.5
years. A right one starts its own two counts anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, func, insert, select, update

from vigilar.store import arming
from vigilar.store.arming import ArmState, Decide, Line
from vigilar.store.engine import Store
from vigilar.store.guard_tables import arm_pins, pin_tries

TRIES = 3
"""Wrong ones before a wait."""

FIRST_WAIT_MS = 90_000
LONGEST_WAIT_MS = 900_000

HOUSE = "house"
"""The count of all devices together."""

FORGOTTEN_AFTER_MS = 30 * 86_400_000
"""A device that has not tried for this long has no count: its row would stay for ever."""


@dataclass(frozen=True, slots=True)
class PinRow:
    """The hashes of a member's PINs; ``duress_hash`` None for none."""

    pin_hash: str = field(repr=False)
    duress_hash: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Try:
    """Leave to look at one PIN, which is written down as wrong until ``succeed`` says otherwise.

    ``wait_ms`` is not 0 when none may be looked at yet; ``tries_left`` after this one, should it be wrong.
    """

    wait_ms: int
    tries_left: int = 0


def wait_after(wrong: int) -> int:
    """How long no PIN is looked at after so many wrong ones, in ms; 0 for not at all. Pure."""
    if wrong <= 0 or wrong % TRIES:
        return 0
    return min(LONGEST_WAIT_MS, FIRST_WAIT_MS << min(wrong // TRIES - 1, 10))


def begin_try(store: Store, device: str, now_ms: int) -> Try:
    """Ask to look at a PIN from ``device``. It is written down as wrong, on the disk when this returns."""
    with store.write("count a PIN") as connection:
        counts = {key: _read(connection, key) for key in (HOUSE, f"device/{device}")}
        until_ms = max(until for _, until in counts.values())
        if until_ms > now_ms + LONGEST_WAIT_MS:  # written before the clock was set back
            until_ms = now_ms + LONGEST_WAIT_MS
            for key, (wrong, until) in counts.items():
                _write(connection, key, wrong, min(until, until_ms), now_ms)
        if until_ms > now_ms:
            return Try(until_ms - now_ms)
        left = TRIES
        for key, (wrong, _) in counts.items():
            pause_ms = wait_after(wrong + 1)
            _write(connection, key, wrong + 1, now_ms + pause_ms if pause_ms else 0, now_ms)
            left = min(left, 0 if pause_ms else TRIES - (wrong + 1) % TRIES)
        _forget(connection, now_ms)
        return Try(0, left)


def note_wrong(store: Store, line: Line, now_ms: int) -> None:
    """Write a line of history: several PINs were wrong."""
    with store.write("note wrong PINs") as connection:
        arming.write_line(connection, line, now_ms)


def wait_left(store: Store, device: str, now_ms: int) -> int:
    """Milliseconds until a PIN from ``device`` is looked at; 0 when it is now."""
    with store.read("read what is counted of PINs") as connection:
        found = [_read(connection, key)[1] for key in (HOUSE, f"device/{device}")]
    return min(LONGEST_WAIT_MS, max(0, max(found) - now_ms))


def succeed(store: Store, device: str, decide: Decide, lines: tuple[Line, ...], now_ms: int) -> ArmState:
    """The PIN was right: start its counts anew and, in the same transaction, change the state."""
    with store.write("take a right PIN") as connection:
        connection.execute(delete(pin_tries).where(pin_tries.c.key.in_((HOUSE, f"device/{device}"))))
        for line in lines:
            arming.write_line(connection, line, now_ms)
        return arming.change_within(connection, decide, now_ms)


def find_pin(store: Store, user_id: int) -> PinRow | None:
    """The PINs of a member; None when there is none."""
    with store.read("read a PIN") as connection:
        row = connection.execute(select(arm_pins).where(arm_pins.c.user_id == user_id)).first()
        return None if row is None else PinRow(row.pin_hash, row.duress_hash)


def list_pins(store: Store) -> dict[int, PinRow]:
    """The PINs of all members who have one, by the member's id, in the order in which the members were made."""
    with store.read("read PINs") as connection:
        rows = connection.execute(select(arm_pins).order_by(arm_pins.c.user_id))
        return {row.user_id: PinRow(row.pin_hash, row.duress_hash) for row in rows}


def members_with_pin(store: Store) -> frozenset[int]:
    """The ids of members who have a PIN."""
    with store.read("read who has a PIN") as connection:
        return frozenset(connection.execute(select(arm_pins.c.user_id)).scalars())


def has_any_pin(store: Store) -> bool:
    with store.read("read who has a PIN") as connection:
        return bool(connection.execute(select(func.count()).select_from(arm_pins)).scalar_one())


def set_pin(store: Store, user_id: int, row: PinRow, line: Line, now_ms: int) -> None:
    """Give a member these PINs in place of any earlier."""
    with store.write("store a PIN") as connection:
        connection.execute(delete(arm_pins).where(arm_pins.c.user_id == user_id))
        connection.execute(
            insert(arm_pins).values(
                user_id=user_id, pin_hash=row.pin_hash, duress_hash=row.duress_hash, updated_ms=now_ms
            )
        )
        arming.write_line(connection, line, now_ms)


def remove_pin(store: Store, user_id: int, line: Line, now_ms: int) -> None:
    """The member has no PIN any more."""
    with store.write("remove a PIN") as connection:
        connection.execute(delete(arm_pins).where(arm_pins.c.user_id == user_id))
        arming.write_line(connection, line, now_ms)


def _read(connection: Connection, key: str) -> tuple[int, int]:
    """How many were wrong, and until when (UTC ms) to wait."""
    row = connection.execute(select(pin_tries).where(pin_tries.c.key == key)).first()
    return (0, 0) if row is None else (row.wrong, row.wait_until_ms)


def _write(connection: Connection, key: str, wrong: int, wait_until_ms: int, now_ms: int) -> None:
    values = {"wrong": wrong, "wait_until_ms": wait_until_ms, "updated_ms": now_ms}
    changed = connection.execute(update(pin_tries).where(pin_tries.c.key == key).values(**values))
    if not changed.rowcount:
        connection.execute(insert(pin_tries).values(key=key, **values))


def _forget(connection: Connection, now_ms: int) -> None:
    old = pin_tries.c.updated_ms < now_ms - FORGOTTEN_AFTER_MS
    connection.execute(delete(pin_tries).where(old, pin_tries.c.key != HOUSE))
