"""Guards the house: follows the arm state by clock, schedule and bus, judges what happens while it is armed, makes
alarms, and tells the bus and the siren.

The row of the arm state is the truth (``store.arming``); whoever has the right changes it. This is who makes it have
its effect: each turn reads the row, and each step is made on the row as it is then, so a step that is due is made once,
whoever was killed in between. Of stored events it is a consumer that saves its place once a second: what it meets again
after a crash changes nothing, as a trigger is known by its event.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from vigilar.base.arm_rules import MAX_DELAY_S, MODES, ArmRules, Mode
from vigilar.base.clock import Clock
from vigilar.base.ids import new_id
from vigilar.base.zone import load_zone
from vigilar.bus.client import PublishTicket
from vigilar.bus.messages import ArmChanged, ArmRequest, ArmStateTold, BadMessage, SirenCommand
from vigilar.bus.topics import Topics
from vigilar.events.arming import ALARM, HOUSE, SUGGESTED, cause_of_line, event_of_line, payload_of_alarm
from vigilar.events.desk import EventDesk, Source
from vigilar.events.judge import Judgement, judge
from vigilar.events.refusal import check_id, check_message
from vigilar.events.schedule import Span, spans_at, without_spans
from vigilar.events.subject import HandleMessage, Subject
from vigilar.store import arming, consumers
from vigilar.store.arming import Alarm, ArmState, Decision, Entry, Line, Pending, Trigger
from vigilar.store.change_reader import PassingPlace
from vigilar.store.consumers import Change, Consumer
from vigilar.store.engine import Store
from vigilar.store.presence import list_presence
from vigilar.store.readiness import Unready, find_unready, not_ready

logger = logging.getLogger(__name__)

GUARD = "guard"
"""The name of this consumer."""

BATCH = 200

SAVE_AFTER_NS = 1_000_000_000
"""How old the place may get before it is stored."""

LOOK_EVERY_NS = 2_000_000_000
"""How late an event of another box of this database is judged."""

SCHEDULE_EVERY_NS = 1_000_000_000

LINES_EVERY_NS = 1_000_000_000
"""How late a line of history that changed no state becomes an event, when nobody tells of it."""

REQUEST_AGE_MS = 60_000
"""A message that asks to arm is older than this only if somebody keeps or repeats it; so is one from the future."""

KNOWN_REQUESTS = 200
MOST_TRIGGERS = 20
LINES_AGAIN = 100
"""Lines of history looked at again at the start: their events may not have been stored before the end."""

Step = Callable[[ArmState, int], Decision | None]
"""Given the state as it is now and the time (UTC ms); None changes nothing."""


class RetainingBus(Protocol):
    """The part of ``bus.client.MessageBus`` that is needed here."""

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> PublishTicket: ...


class Guard:
    """``turn`` and the handlers belong to the loop of events; ``use`` and ``notice_*`` to any thread. Raises
    StoreError when made for the first time and the database cannot be written."""

    def __init__(
        self,
        store: Store,
        bus: RetainingBus,
        clock: Clock,
        node_id: str,
        rules: ArmRules,
        camera_names: Mapping[str, str],
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._rules = rules
        self._camera_names = camera_names
        self._consumer = Consumer(node_id, GUARD)
        place = consumers.register(store, self._consumer, from_now=True, now_ms=self._now_ms())
        self._place = PassingPlace(store, place)
        self._unsaved: Change | None = None
        self._saved_mono_ns = 0
        self._look_mono_ns = self._schedule_mono_ns = self._lines_mono_ns = 0
        self._line_id = max(0, arming.newest_line(store) - LINES_AGAIN)
        self._told_change = self._effected_change = -1
        self._requests: deque[str] = deque(maxlen=KNOWN_REQUESTS)

    def subject(self) -> Subject:
        """What the processor calls it for."""
        handlers: dict[str, HandleMessage] = {
            Topics.ARM_REQUEST: self.take_request,
            Topics.ARM_CHANGED: self.take_change,
        }
        return Subject(name=GUARD, handlers=handlers, turn=self.turn)

    def use(self, rules: ArmRules) -> None:
        """From the next turn on by these rules."""
        self._rules = rules

    def notice_connection(self) -> None:
        """The broker may have forgotten what it was told."""
        self._told_change = -1

    def notice_event(self) -> None:
        """Something was stored: judge it in the next turn, which follows at once."""
        self._look_mono_ns = 0

    def take_change(self, _desk: EventDesk, _source: Source, payload: bytes) -> None:
        """Somebody changed the row. The turn that follows reads it."""
        ArmChanged.parse(payload)
        self._lines_mono_ns = 0

    def take_request(self, _desk: EventDesk, source: Source, payload: bytes) -> None:
        """A wish from the bus: to arm, and no more unless the owner allows it."""
        wish = ArmRequest.parse(payload)
        check_message(wish, HOUSE, HOUSE)
        if source.row_uid is not None or wish.id in self._requests:
            return
        if abs(wish.ts - self._now_ms()) > REQUEST_AGE_MS:
            raise BadMessage("the wish to arm is not from now: kept by the broker, or of a wrong clock")
        if wish.mode not in MODES:
            raise BadMessage("the wish to arm names no mode")
        self._requests.append(wish.id)
        by = check_id("by", wish.by) if wish.by else "a program"
        if wish.mode == "disarmed":
            self._disarm_by_bus(by, arms_only=wish.arms_only)
        else:
            self._arm_by_bus(wish.mode, by)

    def turn(self, desk: EventDesk) -> None:
        """All that is due. Raises StoreError; the next turn goes on."""
        state = self._clock_steps(arming.read_state(self._store))
        if state.change != self._effected_change:
            self._show_alarm(desk, state)  # one that is over, before another takes its place
        if self._clock.mono_ns() >= self._schedule_mono_ns:
            self._schedule_mono_ns = self._clock.mono_ns() + SCHEDULE_EVERY_NS
            state = self._follow_schedule(state)
            self._suggest(desk, state)
        if self._clock.mono_ns() >= self._look_mono_ns:
            self._look_mono_ns = self._clock.mono_ns() + LOOK_EVERY_NS
            state = self._judge_new(state)
        self._save_place()
        if state.change != self._effected_change or self._clock.mono_ns() >= self._lines_mono_ns:
            self._lines_mono_ns = self._clock.mono_ns() + LINES_EVERY_NS
            self._write_events(desk)
        if state.change != self._effected_change:
            self._show_alarm(desk, state)
            self._effected_change = state.change
        if state.change != self._told_change:
            self._tell(state)

    # By the clock

    def _clock_steps(self, state: ArmState) -> ArmState:
        if state.since_ms > self._now_ms():
            state = self._change(_since_now)
        if state.pending is not None and _is_due(state.pending.until_ms, self._now_ms()):
            state = self._leave(state.pending)
        if state.entry is not None and _is_due(state.entry.until_ms, self._now_ms()):
            state = self._change(self._alarm_of_entry)
        if state.is_alarm and state.alarm is not None:
            left_ms = state.alarm.until_ms - self._now_ms()
            if left_ms <= 0 or left_ms > self._rules.alarm_s * 1000:
                state = self._change(self._end_or_shorten_alarm)
        return state

    def _end_or_shorten_alarm(self, state: ArmState, now_ms: int) -> Decision | None:
        """Over at its moment. One that would last longer than alarms do is of a clock that was set back since, or of
        settings from before: it goes on for as long as a new one."""
        alarm = state.alarm
        if alarm is None or not alarm.is_on:
            return None
        until_ms = min(alarm.until_ms, now_ms + self._rules.alarm_s * 1000)
        if until_ms > now_ms:
            return Decision(replace(state, alarm=replace(alarm, until_ms=until_ms)))
        line = Line(action="alarm_over", mode=state.mode, by="", how="")
        return Decision(replace(state, alarm=replace(alarm, ended_ms=now_ms, ended_by="time")), (line,))

    def _leave(self, pending: Pending) -> ArmState:
        """The time to leave is over. What stands open by then does not guard, and whoever left should hear of it while
        the way back is short: the house is armed all the same, as a house half guarded is better than one that nobody
        guards."""
        unready = self._find_unready(pending.mode)

        def step(state: ArmState, now_ms: int) -> Decision | None:
            if state.pending != pending:
                return None
            new = replace(state, mode=pending.mode, since_ms=now_ms, by=pending.by, how=pending.how, pending=None)
            line = Line(action="armed", mode=pending.mode, by=pending.by, how=pending.how)
            return _with_open(Decision(new, (line,)), unready, accepted=state.bypassed)

        self._lines_mono_ns = 0
        return self._change(step)

    def _alarm_of_entry(self, state: ArmState, now_ms: int) -> Decision | None:
        if state.entry is None or not _is_due(state.entry.until_ms, now_ms):
            return None
        return self._alarm(state, state.entry.trigger, now_ms)

    def _alarm(self, state: ArmState, trigger: Trigger, now_ms: int) -> Decision:
        alarm = Alarm(new_id(), state.mode, now_ms + self._rules.alarm_s * 1000, trigger)
        detail = _what(trigger) | {"source": trigger.source_id}
        line = Line(action="alarm", mode=state.mode, by="", how="", detail=detail)
        return Decision(replace(state, entry=None, alarm=alarm), (line,))

    # By schedule

    def _follow_schedule(self, state: ArmState) -> ArmState:
        rules = self._rules
        if not rules.schedules and not state.schedules:
            return state
        spans = spans_at(rules.schedules, self._now_ms(), load_zone(rules.time_zone))
        state = self._end_spans(state, spans)
        for span in spans:
            if state.schedules.get(span.row.key) != span.day and self._is_met(span):
                state = self._begin_span(span)
                break
        return state

    def _begin_span(self, span: Span) -> ArmState:
        """Arm, and note that the span was met, in one: a span that is noted and did not arm would be lost."""
        mode, key = span.row.mode, span.row.key
        arm = self._prepare_arming(mode, key, "schedule")

        def begin(state: ArmState, now_ms: int) -> Decision | None:
            met = replace(state, schedules={**state.schedules, key: span.day})
            return (None if state.weakened_by(self._rules, mode) else arm(met, now_ms)) or Decision(met)

        return self._change(begin)

    def _end_spans(self, state: ArmState, spans: list[Span]) -> ArmState:
        """Forget those that are over, with what they armed."""
        running = {span.row.key: span.day for span in spans}
        over = {key for key, day in state.schedules.items() if running.get(key) != day}
        if not over:
            return state
        return self._change(lambda state, now_ms: without_spans(state, over, now_ms))

    def _is_met(self, span: Span) -> bool:
        if span.row.only_if == "always":
            return True
        known = list_presence(self._store)
        if span.row.only_if == "somebody-home":
            return any(one.state == "home" for one in known)
        return bool(known) and all(one.state == "away" for one in known)

    def _suggest(self, desk: EventDesk, state: ArmState) -> None:
        """Once each time that the last one leaves a house that is not armed."""
        if not self._rules.suggest or not state.is_quiet:
            return
        known = list_presence(self._store)
        if not known or any(one.state != "away" for one in known):
            return
        left_ms = max(one.since_ms for one in known)
        uid = f"suggest-{left_ms}"
        if state.since_ms < left_ms and desk.find(uid) is None:
            payload = {"title": SUGGESTED.title, "mode": "away"}
            desk.insert(SUGGESTED, uid=uid, source_id=HOUSE, ts_ms=self._now_ms(), payload=payload)

    # By what happens

    def _judge_new(self, state: ArmState) -> ArmState:
        while batch := self._place.next_batch(BATCH):
            for change in batch:
                rules = self._rules.of(state.mode)
                found = None if rules is None else judge(change.event, rules, state.since_ms)
                if found is not None and (change.is_new or change.event.type == "motion" or change.event.kind):
                    state = self._count(found)
                self._place.take(change)
                self._unsaved = change
            if len(batch) < BATCH:
                break
        return state

    def _count(self, found: Judgement) -> ArmState:
        def step(state: ArmState, now_ms: int) -> Decision | None:
            rules, trigger = self._rules.of(state.mode), found.trigger
            if rules is None or trigger.ts_ms < state.since_ms or _knows(state, trigger.event_id):
                return None
            if state.alarm is not None and state.alarm.is_on:
                more = (*state.alarm.more, trigger)
                return Decision(replace(state, alarm=replace(state.alarm, more=more))) if _has_room(more) else None
            if found.is_at_once or rules.enter_s <= 0:
                return self._alarm(state, trigger, now_ms)
            if state.entry is not None:
                return None
            detail = _what(trigger) | {"source": trigger.source_id}
            line = Line(action="entry", mode=state.mode, by="", how="", detail=detail)
            return Decision(replace(state, entry=Entry(now_ms + rules.enter_s * 1000, trigger)), (line,))

        return self._change(step)

    def _save_place(self) -> None:
        if self._unsaved is not None and self._clock.mono_ns() - self._saved_mono_ns >= SAVE_AFTER_NS:
            self._saved_mono_ns = self._clock.mono_ns()
            consumers.take(self._store, self._consumer, [self._unsaved], self._now_ms())
            self._unsaved = None

    # By the bus

    def _arm_by_bus(self, mode: Mode, by: str) -> ArmState:
        if self._rules.by_bus == "no":
            return self._refuse(mode, by, "bus", "messages may not arm this house")
        arm = self._prepare_arming(mode, by, "bus")

        def step(state: ArmState, now_ms: int) -> Decision | None:
            if state.weakened_by(self._rules, mode):
                reason = "it would guard less than now, which needs a PIN"
                return Decision(state, (_refusal(mode, by, "bus", reason),))
            return arm(state, now_ms)

        return self._change(step)

    def _prepare_arming(self, mode: Mode, by: str, how: str) -> Step:
        """The step that arms, with what is not ready now in its line of the history."""
        rules = self._rules.of(mode)
        leave_s = 0 if rules is None else rules.leave_s
        unready = self._find_unready(mode)
        detail = not_ready(unready)
        self._lines_mono_ns = 0

        def arm(state: ArmState, now_ms: int) -> Decision | None:
            decision = arming.armed(state, mode, by, how, now_ms, leave_s=leave_s, detail=detail)
            is_armed = decision is not None and decision.state.mode == mode and decision.state.pending is None
            # Nobody looked at what is open and said "arm anyway". With a time to leave it is looked at when that ends.
            return _with_open(decision, unready) if decision is not None and is_armed else decision

        return arm

    def _find_unready(self, mode: Mode) -> list[Unready]:
        rules = self._rules.of(mode)
        return find_unready(self._store, [] if rules is None else [rules], self._camera_names)

    def _disarm_by_bus(self, by: str, *, arms_only: bool) -> None:
        if arms_only or self._rules.by_bus != "arm-and-disarm":
            self._refuse("disarmed", by, "bus", "messages may not disarm this house")
            return
        self._change(lambda state, now_ms: None if state.is_quiet else arming.disarmed(state, by, "bus", now_ms))

    def _refuse(self, mode: str, by: str, how: str, reason: str) -> ArmState:
        self._lines_mono_ns = 0
        return self._change(lambda state, _now_ms: Decision(state, (_refusal(mode, by, how, reason),)))

    # What follows from the state

    def _write_events(self, desk: EventDesk) -> None:
        for line in arming.lines_after(self._store, self._line_id):
            made, uid = event_of_line(line), f"arm-{line.id}"
            if made is not None and desk.find(uid) is None:
                event_type, payload = made
                desk.insert(
                    event_type,
                    uid=uid,
                    source_id=HOUSE,
                    ts_ms=line.ts_ms,
                    payload=payload,
                    kept=line.action == "duress",
                    cause_id=cause_of_line(line),
                )
            self._line_id = line.id

    def _show_alarm(self, desk: EventDesk, state: ArmState) -> None:
        """The event of the alarm says what its row says; its footage, of all cameras, is kept."""
        alarm = state.alarm
        if alarm is None:
            return
        payload = payload_of_alarm(alarm)
        event = desk.find(alarm.uid)
        if event is None:
            ts_ms, source_id = alarm.trigger.ts_ms, alarm.trigger.source_id
            desk.insert(
                ALARM,
                uid=alarm.uid,
                source_id=source_id,
                ts_ms=ts_ms,
                payload=payload,
                kept=True,
                cause_id=alarm.trigger.event_id,
            )
            event = desk.find(alarm.uid)
        if event is not None and alarm.ended_ms is not None and event.end_ms is None:
            desk.update(event, max(event.ts_ms, alarm.ended_ms), payload)
        elif event is not None and event.end_ms is None:
            desk.update(event, None, payload)

    def _tell(self, state: ArmState) -> None:
        now_ms = self._now_ms()
        told = self._bus.publish(Topics.ARM_STATE, told_state(state, now_ms).dump(), retain=True)
        alarm = state.alarm if state.is_alarm else None
        siren = SirenCommand(
            new_id(),
            now_ms,
            "off" if alarm is None else "on",
            None if alarm is None else alarm.until_ms,
            "" if alarm is None else alarm.trigger.what,
            "" if alarm is None else alarm.trigger.where,
        )
        siren_told = self._bus.publish(Topics.SIREN, siren.dump(), retain=True)
        if not told.is_refused and not siren_told.is_refused:
            self._told_change = state.change

    def _change(self, step: Step) -> ArmState:
        now_ms = self._now_ms()
        return arming.change_state(self._store, lambda state: step(state, now_ms), now_ms)

    def _now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000


def told_state(state: ArmState, now_ms: int) -> ArmStateTold:
    """The message for ``Topics.ARM_STATE``."""
    pending, entry, alarm = state.pending, state.entry, state.alarm if state.is_alarm else None
    return ArmStateTold(
        id=new_id(),
        ts=now_ms,
        mode=state.mode,
        since_ts=state.since_ms,
        by=state.by,
        change=state.change,
        pending=None if pending is None else {"mode": pending.mode, "until_ts": pending.until_ms},
        entry=None if entry is None else {"until_ts": entry.until_ms, **_what(entry.trigger)},
        alarm=None
        if alarm is None
        else {"since_ts": alarm.trigger.ts_ms, "until_ts": alarm.until_ms, **_what(alarm.trigger)},
    )


def _what(trigger: Trigger) -> dict[str, Any]:
    return {"what": trigger.what, "where": trigger.where, "event": trigger.event_id}


def _with_open(armed: Decision, unready: list[Unready], *, accepted: frozenset[str] = frozenset()) -> Decision:
    """``armed`` with what is open: it does not count until it was closed, and is told, but for what somebody who armed
    ``accepted``."""
    state = armed.state
    standing = [one for one in unready if one.is_open]
    new = replace(state, bypassed=frozenset(one.source_id for one in standing))
    told = [one for one in standing if one.source_id not in accepted]
    if not told:
        return Decision(new, armed.lines)
    detail = {"where": _joined([one.name for one in told]), "reasons": [one.sentence for one in told]}
    line = Line(action="left_open", mode=state.mode, by=state.by, how=state.how, detail=detail)
    return Decision(new, (*armed.lines, line))


def _joined(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _since_now(state: ArmState, now_ms: int) -> Decision | None:
    """A mode that began later than now was chosen before the clock was set back. Left so, nothing would count until the
    clock is there again."""
    return Decision(replace(state, since_ms=now_ms)) if state.since_ms > now_ms else None


def _is_due(until_ms: int, now_ms: int) -> bool:
    """Whether a delay is over. One that ends further ahead than any can was begun before the clock was set back."""
    return now_ms >= until_ms or until_ms - now_ms > MAX_DELAY_S * 1000


def _knows(state: ArmState, event_id: int) -> bool:
    alarm = state.alarm
    known = [] if alarm is None else [alarm.trigger, *alarm.more]
    if state.entry is not None:
        known.append(state.entry.trigger)
    return any(one.event_id == event_id for one in known)


def _has_room(more: tuple[Trigger, ...]) -> bool:
    return len(more) <= MOST_TRIGGERS


def _refusal(mode: str, by: str, how: str, reason: str) -> Line:
    return Line(action="refused", mode=mode, by=by, how=how, detail={"reasons": [reason]})
