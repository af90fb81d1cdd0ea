"""What goes and what stays when a person deletes the recordings of events. Rows in, a plan out; nothing goes here.

A recording goes whole, as it is one file: with all events that lie in it. So the plan is told before it is carried out,
and what is carried out is what was told (``ErasePlan.token``). The rules:

1. The recording of an event is what *keep* would keep of it: its span, with what ``[recording]`` has before and after.
2. An event stays when any of that is held by an event that somebody keeps, by an export, by an alarm that is younger
   than ``keep_alarms``, or is still being recorded: no event loses a part of its recording and is told to stay.
3. What an event needs that stays goes with no other one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vigilar.base.keep_rules import KeepRules
from vigilar.store.erasures import EventSpan, Recording, ask, find_recordings, find_visits, read_spans
from vigilar.store.spans import EventFootage, alarm_footage, kept_footage
from vigilar.store.sql import Database, Run

WhyStays = Literal["kept", "held", "alarm", "recording", "shared", "none"]

STAY_WORDS: dict[WhyStays, tuple[str, str]] = {
    "kept": ("is kept and will stay", "are kept and will stay"),
    "alarm": (
        "will stay: it was an alarm, and those are protected",
        "will stay: they were alarms, and those are protected",
    ),
    # In one sentence: an alarm that no page shows yet must not be found by what stays because of it.
    "held": (
        "will stay: its recording also holds what is kept, an export needs or an alarm protects",
        "will stay: their recordings also hold what is kept, an export needs or an alarm protects",
    ),
    "recording": (
        "will stay: it is still being recorded, and can go some minutes later",
        "will stay: they are still being recorded, and can go some minutes later",
    ),
    "shared": (
        "will stay: its recording also holds one that stays",
        "will stay: their recordings also hold ones that stay",
    ),
    "none": ("has no recording", "have no recording"),
}
"""Completes ``1 ...`` and ``3 ...``."""

JOINED_MS = 1000
"""Recordings of one camera that lie nearer to each other are told as one stretch."""

MOST_TRIES = 5
"""A plan is made again when somebody kept something meanwhile; who would for the fifth time is told that it changed."""


@dataclass(frozen=True, slots=True)
class Stays:
    """An event that was chosen and keeps what it has."""

    id: int
    why: WhyStays


@dataclass(frozen=True, slots=True)
class Stretch:
    """Recordings of one camera without a gap. Times are UTC ms."""

    camera_id: str
    from_ms: int
    to_ms: int
    count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ErasePlan:
    """``event_ids`` lose their recordings, ``stay`` were chosen too and do not; ``others`` were not chosen and lose
    theirs, because they lie in the same files."""

    recordings: tuple[Recording, ...]
    event_ids: tuple[int, ...]
    stay: tuple[Stays, ...]
    others: int

    @property
    def size_bytes(self) -> int:
        return sum(one.size_bytes for one in self.recordings)

    @property
    def token(self) -> str:
        """The same for the same plan, and no other."""
        lines = [f"{one.path} {one.size_bytes}" for one in self.recordings]
        lines += [f"stays {one.id} {one.why}" for one in self.stay]
        return hashlib.sha256("\n".join([*lines, f"others {self.others}"]).encode()).hexdigest()[:32]

    def stretches(self) -> list[Stretch]:
        """By camera, oldest first."""
        found: list[Stretch] = []
        for one in sorted(self.recordings, key=lambda one: (one.camera_id, one.start_ms)):
            last = found[-1] if found and found[-1].camera_id == one.camera_id else None
            if last is None or one.start_ms - last.to_ms > JOINED_MS:
                found.append(Stretch(one.camera_id, one.start_ms, one.end_ms, 1, one.size_bytes))
                continue
            end_ms, size = max(last.to_ms, one.end_ms), last.size_bytes + one.size_bytes
            found[-1] = Stretch(last.camera_id, last.from_ms, end_ms, last.count + 1, size)
        return found

    def stay_sentences(self) -> list[str]:
        """``3 are kept and will stay.`` for each reason that there is."""
        counts = {why: sum(one.why == why for one in self.stay) for why in STAY_WORDS}
        return [f"{n} {STAY_WORDS[why][0 if n == 1 else 1]}." for why, n in counts.items() if n]


def read_erase_plan(store: Database, rules: KeepRules, event_ids: Sequence[int], now_ms: int) -> ErasePlan:
    """What deleting the recordings of these events means now. Raises StoreError."""
    return _read(store, rules, event_ids, now_ms)[0]


def ask_to_erase(
    store: Database, rules: KeepRules, event_ids: Sequence[int], token: str | None, by_name: str, now_ms: int
) -> tuple[ErasePlan, bool]:
    """Let the upkeep process delete what the plan says, unless that is no longer the plan of ``token`` (None: whatever
    it is); the plan, and whether it was asked for. Raises StoreError.

    A plan of thousands of events takes a second or two, so it is made without the write lock; under it the wish is
    noted, if what may not go is then what it was: nobody can keep anything between the two.
    """
    for _ in range(MOST_TRIES):
        plan, held = _read(store, rules, event_ids, now_ms)
        if token not in (None, plan.token):
            break
        file_ids = [one.id for one in plan.recordings]
        with store.sql_write("let recordings be deleted") as run:
            if _Held.read(run, rules, now_ms) == held:
                ask(run, file_ids, by_name, now_ms)
                return plan, True
    return plan, False


@dataclass(frozen=True, slots=True)
class _Held:
    """What may not go: of events that somebody keeps and of exports, and of alarms since ``since_ms``."""

    kept: EventFootage
    alarms: EventFootage
    since_ms: int

    @classmethod
    def read(cls, run: Run, rules: KeepRules, now_ms: int) -> _Held:
        since_ms = now_ms - rules.keep_alarms_ms
        return cls(
            kept_footage(run, rules.before_ms, rules.after_ms, now_ms),
            alarm_footage(run, since_ms, rules.before_ms, rules.after_ms, now_ms),
            since_ms,
        )

    def holds(self, one: Recording) -> bool:
        return any(
            footage.holds(one.id, one.camera_id, one.start_ms, one.end_ms) for footage in (self.kept, self.alarms)
        )


def _read(store: Database, rules: KeepRules, event_ids: Sequence[int], now_ms: int) -> tuple[ErasePlan, _Held]:
    with store.sql_read("read what would be deleted") as run:
        held = _Held.read(run, rules, now_ms)
        return _plan(run, rules, held, event_ids, now_ms), held


def _plan(run: Run, rules: KeepRules, held: _Held, event_ids: Sequence[int], now_ms: int) -> ErasePlan:
    spans = read_spans(run, dict.fromkeys(event_ids), now_ms)
    needs = {
        one.id: find_recordings(run, one.source_id, one.start_ms - rules.before_ms, one.end_ms + rules.after_ms)
        for one in spans
    }
    stay: dict[int, WhyStays] = {}
    for one in spans:
        why = _why_stays(one, needs[one.id], held)
        if why is not None:
            stay[one.id] = why
    _hold_shared(needs, stay)
    going = [one.id for one in spans if one.id not in stay]
    found = {recording.id: recording for one in going for recording in needs[one]}
    recordings = tuple(sorted(found.values(), key=lambda one: (one.start_ms, one.id)))
    visits = set().union(*(find_visits(run, one) for one in recordings))
    stays = tuple(Stays(one.id, stay[one.id]) for one in spans if one.id in stay)
    return ErasePlan(recordings, tuple(going), stays, len(visits - {one.id for one in spans}))


def _why_stays(event: EventSpan, recordings: Sequence[Recording], held: _Held) -> WhyStays | None:
    if event.is_kept:
        return "kept"
    if event.is_alarm and event.start_ms >= held.since_ms:
        return "alarm"
    if not recordings:
        return "none"
    if any(one.is_open for one in recordings):
        return "recording"
    return "held" if any(held.holds(one) for one in recordings) else None


def _hold_shared(needs: dict[int, list[Recording]], stay: dict[int, WhyStays]) -> None:
    """Let stay what needs a recording of one that stays, and what needs one of those, until there is none more."""
    held = {one.id for event_id in stay for one in needs[event_id]}
    is_more = True
    while is_more:
        is_more = False
        for event_id, recordings in needs.items():
            if event_id not in stay and any(one.id in held for one in recordings):
                stay[event_id] = "shared"
                held.update(one.id for one in recordings)
                is_more = True
