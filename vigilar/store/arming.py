"""The one state of the house: its mode, what is about to change, who came in, and the alarm. Each change is one row
written and one line of history, on the disk together.

Whoever has the right changes the row: a page, a command, the events process by clock, schedule or bus. They take
turns by the database's write lock, and each decides on the row as it finds it there, so no change is lost and none is
made on an older state. ``change`` rises with each. The events process follows: it makes events of the history and tells
the bus.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from vigilar.base.arm_rules import MAX_DELAY_S, ArmRules, Mode
from vigilar.store.engine import Store
from vigilar.store.guard_tables import arm_history, arm_state

MORE_MS = 60_000
"""By how much the time to leave is made longer at once."""

SECRET_ACTIONS = ("duress",)
"""What no page of the house shows: who is made to disarm must be able to show it."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A mode that comes at ``until_ms``: the time to leave, which began at ``since_ms`` (both UTC ms), whatever modes
    were chosen and however often it was made longer since."""

    mode: Mode
    until_ms: int
    by: str
    how: str
    since_ms: int = 0

    @property
    def longest_ms(self) -> int:
        """Until when it may be made longer without a PIN: whoever began it could have chosen as much."""
        return self.since_ms + MAX_DELAY_S * 1000


@dataclass(frozen=True, slots=True)
class Trigger:
    """What counted: an event, where it was, and when (UTC ms)."""

    event_id: int
    source_id: str
    what: str
    where: str
    ts_ms: int


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody came in: an alarm at ``until_ms`` (UTC ms), unless somebody disarms."""

    until_ms: int
    trigger: Trigger


@dataclass(frozen=True, slots=True)
class Alarm:
    """``uid`` is that of its event. It sounds until ``until_ms``; ``ended_ms`` is None while it goes on, ``ended_by``
    is ``time`` or who disarmed. ``more`` is what counted besides, the first few."""

    uid: str
    mode: Mode
    until_ms: int
    trigger: Trigger
    more: tuple[Trigger, ...] = ()
    ended_ms: int | None = None
    ended_by: str = ""

    @property
    def is_on(self) -> bool:
        return self.ended_ms is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmState:
    """The row. ``since_ms`` 0 and ``by`` empty before the first time. ``bypassed``: ids of what was open at arming."""

    change: int = 0
    mode: Mode = "disarmed"
    since_ms: int = 0
    by: str = ""
    how: str = ""
    pending: Pending | None = None
    entry: Entry | None = None
    alarm: Alarm | None = None
    bypassed: frozenset[str] = frozenset()
    schedules: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_alarm(self) -> bool:
        return self.alarm is not None and self.alarm.is_on

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to disarm."""
        return self.mode == "disarmed" and self.pending is None and self.entry is None and not self.is_alarm

    def weakened_by(self, rules: ArmRules, mode: str) -> Mode | None:
        """The mode that ``mode`` would guard less than: the one that somebody who is leaving chose, or the one in
        force; None for neither. To take back what was chosen is a kind of disarming."""
        chosen = [self.mode] if self.pending is None else [self.pending.mode, self.mode]
        return next((one for one in chosen if rules.weakens(one, mode)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of history to write. ``address``: from which machine, empty for this one."""

    action: str
    mode: str
    by: str
    how: str
    address: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One line that was written. ``ts_ms``: UTC ms."""

    id: int
    ts_ms: int
    action: str
    mode: str
    by: str
    how: str
    address: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the state, and what is written of it."""

    state: ArmState
    lines: tuple[Line, ...] = ()


Decide = Callable[[ArmState], Decision | None]
"""Given the state as it is now; None changes nothing. Called within the transaction: quick, and no I/O."""


def read_state(store: Store) -> ArmState:
    """The state of the house."""
    with store.read("read the arm state") as connection:
        return _read(connection)


def change_state(store: Store, decide: Decide, now_ms: int) -> ArmState:
    """Change the state as ``decide`` says of what is there; the state as it is then, on the disk."""
    with store.write("change the arm state") as connection:
        return change_within(connection, decide, now_ms)


def change_within(connection: Connection, decide: Decide, now_ms: int) -> ArmState:
    """As ``change_state``, in the transaction of ``connection``."""
    found = _read(connection)
    decision = decide(found)
    if decision is None:
        return found
    for line in decision.lines:
        write_line(connection, line, now_ms)
    if decision.state == found:
        return found
    changed = replace(decision.state, change=found.change + 1)
    if found.change:
        connection.execute(update(arm_state).values(**_dump(changed)))
    else:
        connection.execute(insert(arm_state).values(id=1, **_dump(changed)))
    return changed


def write_line(connection: Connection, line: Line, now_ms: int) -> None:
    """Write a line of history in the transaction of ``connection``."""
    connection.execute(
        insert(arm_history).values(
            ts_ms=now_ms,
            action=line.action,
            mode=line.mode,
            set_by=line.by,
            how=line.how,
            address=line.address,
            detail=json.dumps(dict(line.detail), ensure_ascii=False),
        )
    )


def list_history(store: Store, limit: int, before_id: int | None = None) -> list[HistoryRow]:
    """The newest lines, newest first, or those before one; without what no page may show."""
    query = select(arm_history).where(arm_history.c.action.not_in(SECRET_ACTIONS))
    if before_id is not None:
        query = query.where(arm_history.c.id < before_id)
    with store.read("read the history of arming") as connection:
        return [_line(row) for row in connection.execute(query.order_by(arm_history.c.id.desc()).limit(limit))]


def lines_after(store: Store, line_id: int, limit: int = 200) -> list[HistoryRow]:
    """All lines after one, oldest first."""
    query = select(arm_history).where(arm_history.c.id > line_id).order_by(arm_history.c.id).limit(limit)
    with store.read("read the history of arming") as connection:
        return [_line(row) for row in connection.execute(query)]


def newest_line(store: Store) -> int:
    """The id of the newest line; 0 before the first."""
    query = select(arm_history.c.id).order_by(arm_history.c.id.desc()).limit(1)
    with store.read("read the history of arming") as connection:
        return int(connection.execute(query).scalar() or 0)


def disarmed(state: ArmState, by: str, how: str, now_ms: int, address: str = "") -> Decision:
    """Disarm: nothing comes any more, an alarm is over."""
    alarm = state.alarm
    if alarm is not None and alarm.is_on:
        alarm = replace(alarm, ended_ms=now_ms, ended_by=by)
    since_ms = state.since_ms if state.mode == "disarmed" else now_ms
    new = replace(
        state,
        mode="disarmed",
        since_ms=since_ms,
        by=by,
        how=how,
        pending=None,
        entry=None,
        alarm=alarm,
        bypassed=frozenset(),
    )
    return Decision(new, (Line(action="disarmed", mode=state.mode, by=by, how=how, address=address),))


def armed(
    state: ArmState,
    mode: Mode,
    by: str,
    how: str,
    now_ms: int,
    *,
    leave_s: int,
    bypassed: frozenset[str] = frozenset(),
    address: str = "",
    detail: Mapping[str, Any] | None = None,
) -> Decision | None:
    """Arm now, or after the time to leave; None when that is so already."""
    if state.mode == mode and state.pending is None:
        return None
    if leave_s <= 0 or state.mode == mode:
        new = replace(
            state,
            mode=mode,
            since_ms=state.since_ms if state.mode == mode else now_ms,
            by=by,
            how=how,
            pending=None,
            bypassed=bypassed,
        )
        action = "armed"
    elif state.pending is not None and state.pending.mode == mode:
        return None
    else:
        new = replace(state, pending=_leaving(state.pending, mode, by, how, now_ms, leave_s), bypassed=bypassed)
        action = "leaving"
    line = Line(action=action, mode=mode, by=by, how=how, address=address, detail=detail or {})
    return Decision(new, (line,))


def longer(state: ArmState, by: str, how: str, now_ms: int, address: str = "") -> Decision | None:
    """A minute more to leave; None when nobody is leaving, or it was made as long as it may be.

    Only of the time to leave. The time to disarm after coming in stays as it was set: whoever may have more of it can
    disarm, and to anybody else each second more is a gift.
    """
    pending = state.pending
    if pending is None:
        return None
    wanted_ms = min(pending.until_ms + MORE_MS, pending.longest_ms, now_ms + MAX_DELAY_S * 1000)
    if wanted_ms <= pending.until_ms:
        return None
    line = Line(action="longer", mode=pending.mode, by=by, how=how, address=address)
    return Decision(replace(state, pending=replace(pending, until_ms=wanted_ms)), (line,))


def _leaving(before: Pending | None, mode: Mode, by: str, how: str, now_ms: int, leave_s: int) -> Pending:
    """The time to leave. Another mode chosen meanwhile does not begin it anew: an open page could put the arming off
    for ever by choosing one mode and the other in turn."""
    since_ms = min(before.since_ms or now_ms, now_ms) if before else now_ms
    begun = Pending(mode, now_ms + leave_s * 1000, by, how, since_ms)
    return replace(begun, until_ms=min(begun.until_ms, begun.longest_ms))


def _read(connection: Connection) -> ArmState:
    row = connection.execute(select(arm_state)).first()
    return ArmState() if row is None else _state(row)


def _state(row: Row[Any]) -> ArmState:
    return ArmState(
        change=row.change,
        mode=row.mode,
        since_ms=row.since_ms,
        by=row.set_by,
        how=row.how,
        pending=None if row.pending is None else Pending(**json.loads(row.pending)),
        entry=None if row.entry is None else _entry(json.loads(row.entry)),
        alarm=None if row.alarm is None else _alarm(json.loads(row.alarm)),
        bypassed=frozenset(json.loads(row.bypassed)),
        schedules=json.loads(row.schedules),
    )


def _entry(raw: dict[str, Any]) -> Entry:
    return Entry(raw["until_ms"], Trigger(**raw["trigger"]))


def _alarm(raw: dict[str, Any]) -> Alarm:
    more = tuple(Trigger(**one) for one in raw["more"])
    return Alarm(**{**raw, "trigger": Trigger(**raw["trigger"]), "more": more})


def _dump(state: ArmState) -> dict[str, Any]:
    return {
        "change": state.change,
        "mode": state.mode,
        "since_ms": state.since_ms,
        "set_by": state.by,
        "how": state.how,
        "pending": _json(state.pending),
        "entry": _json(state.entry),
        "alarm": _json(state.alarm),
        "bypassed": json.dumps(sorted(state.bypassed)),
        "schedules": json.dumps(dict(state.schedules)),
    }


def _json(part: Pending | Entry | Alarm | None) -> str | None:
    return None if part is None else json.dumps(asdict(part), ensure_ascii=False)


def _line(row: Row[Any]) -> HistoryRow:
    return HistoryRow(row.id, row.ts_ms, row.action, row.mode, row.set_by, row.how, row.address, json.loads(row.detail))


def modes_since(store: Store, from_ms: int) -> list[tuple[int, Mode]]:
    """From when on (UTC ms) which mode was in force: the one at ``from_ms`` first, which is disarmed where nothing is
    known, then each change."""
    query = select(arm_history.c.ts_ms, arm_history.c.action, arm_history.c.mode).where(
        arm_history.c.action.in_(("armed", "disarmed"))
    )
    newest = query.where(arm_history.c.ts_ms < from_ms).order_by(arm_history.c.id.desc()).limit(1)
    with store.read("read the history of arming") as connection:
        before = connection.execute(newest).first()
        rows = connection.execute(query.where(arm_history.c.ts_ms >= from_ms).order_by(arm_history.c.id)).all()
    first: Mode = "disarmed" if before is None or before.action == "disarmed" else before.mode
    return [(from_ms, first), *((row.ts_ms, "disarmed" if row.action == "disarmed" else row.mode) for row in rows)]
