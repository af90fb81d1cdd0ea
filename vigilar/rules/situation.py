"""The state of the house in which an event is decided: mode, members, snoozes, and who was told what before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Literal

from vigilar.base.arm_rules import Mode
from vigilar.base.day_spans import day_start_ms, house_day
from vigilar.base.notify_rules import LEVELS, Level, NotifyRules
from vigilar.base.zone import load_zone
from vigilar.store import arming, cameras, presence, snoozes, tellings, users
from vigilar.store.engine import Store
from vigilar.store.events import StoredEvent
from vigilar.store.snoozes import Snooze
from vigilar.store.tellings import TellingRow

COOL_DOWN_MS = 24 * 3_600_000
"""The longest cool-down of a rule: how far back it is looked."""


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the household. ``cameras``: the ids of those the member may see, None for all; ``place`` what the
    phone says, ``unknown`` also without a phone."""

    id: int
    name: str
    role: users.Role
    cameras: frozenset[str] | None = None
    place: presence.Where = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that ``decide`` looks at beside event and rules. Times are UTC ms.

    ``mode`` is the arm mode at ``now_ms``. ``is_of_camera``: the event is one of a camera, also of one that was
    removed. ``snoozes`` are those in force. ``ordinary_today``: incidents of which each member was first told in the
    ordinary way since midnight of the house. ``told``: how each member was told of this incident, the loudest;
    ``held``: when each rule last held for the same source, in another incident.
    """

    now_ms: int
    zone: tzinfo = UTC
    mode: Mode = "disarmed"
    people: tuple[Person, ...] = ()
    is_of_camera: bool = True
    snoozes: tuple[Snooze, ...] = ()
    ordinary_today: Mapping[int, int] = field(default_factory=dict)
    told: Mapping[int, Level] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_nobody_home(self) -> bool:
        """Whether the phones say so: of those who have one all are away."""
        known = [one for one in self.people if one.place != "unknown"]
        return bool(known) and all(one.place == "away" for one in known)

    @property
    def is_somebody_home(self) -> bool:
        return any(one.place == "home" for one in self.people)


def read_situation(store: Store, settings: NotifyRules, event: StoredEvent, now_ms: int) -> Situation:
    """How things stand for deciding ``event`` now (UTC ms). Some eight short reads, 2 ms in all. Raises StoreError."""
    zone = load_zone(settings.time_zone)
    midnight_ms = day_start_ms(house_day(now_ms, zone), zone)
    state = arming.read_state(store)
    told = tellings.told_of(store, event.id, event.incident_id)
    # What was noted later than now was so before the clock was set back, and must not keep a rule quiet till then.
    span = (now_ms - COOL_DOWN_MS, now_ms)
    held = tellings.rules_held(store, event.source_id, *span, event_id=event.id, incident_id=event.incident_id)
    return Situation(
        now_ms=now_ms,
        zone=zone,
        mode=state.mode,
        people=read_people(store),
        is_of_camera=cameras.get_camera(store, event.source_id) is not None,
        snoozes=snoozes_in_force(store, now_ms),
        ordinary_today=tellings.ordinary_since(store, midnight_ms, now_ms),
        told=loudest(told),
        held=held,
    )


def read_people(store: Store) -> tuple[Person, ...]:
    """All members with what their phones say, in the order in which they were made."""
    places: Mapping[int, Literal["home", "away", "unknown"]] = {
        one.user_id: one.state for one in presence.list_presence(store)
    }
    return tuple(
        Person(one.id, one.name, one.role, one.cameras, places.get(one.id, "unknown"))
        for one in users.list_users(store)
    )


def snoozes_in_force(store: Store, now_ms: int) -> tuple[Snooze, ...]:
    """Those that hold at ``now_ms``: not ended by time, by somebody, or by the quiet they waited for."""
    return tuple(
        one
        for one in snoozes.snoozes_between(store, now_ms, now_ms)
        if snoozes.quiet_end_ms(store, one, now_ms) is None
    )


def loudest(told: Sequence[TellingRow]) -> Mapping[int, Level]:
    """By member the loudest level of what was told."""
    found: dict[int, Level] = {}
    for level in LEVELS:
        found.update({row.user_id: level for row in told if row.level == level and row.user_id is not None})
    return found
