"""Where subjects hand in what they made of a message: events are stored, changed and announced here alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vigilar.base.clock import Clock
from vigilar.bus.messages import BadMessage, Message
from vigilar.events.classification import EventType
from vigilar.events.grouping import grouping_of
from vigilar.store.cameras import get_camera
from vigilar.store.engine import Store
from vigilar.store.events import (
    NewEvent,
    StoredEvent,
    find_event,
    find_newest,
    insert_event,
    name_event,
    open_motions,
    update_event,
)
from vigilar.store.outbox import consume
from vigilar.store.pets import put_look
from vigilar.store.tracks import NewTrack, insert_track


class MissingStartError(Exception):
    """The end of something whose start is not stored yet: the start's row comes with a later sweep."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a message came from. ``row_uid`` is the uid of its outbox row, None when it came over the bus."""

    topic: str
    row_uid: str | None = None

    def row_of(self, message: Message) -> tuple[str, str]:
        """The outbox row that the effect of ``message`` uses up. Raises BadMessage for one under a foreign id."""
        # Otherwise storing the event would not delete the row, and each sweep would meet it again.
        if self.row_uid is not None and self.row_uid != message.id:
            raise BadMessage("the outbox has it under another id than its own")
        return message.id, self.topic


class EventDesk:
    """What subjects work with, for the box ``node_id``. Not thread-safe: its user calls it under one lock.

    ``announce`` is called with each stored or changed event after its transaction. What stores raises StoreError.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        node_id: str,
        types: Mapping[str, EventType],
        camera_names: Mapping[str, str],
        announce: Callable[[StoredEvent], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._node_id = node_id
        self._types = types
        self._grouping = grouping_of(types)
        self._camera_names = camera_names
        self._announce = announce

    def classify(self, kind: str, reporter: str) -> EventType:
        """The row of ``kind``. Raises BadMessage when there is none, or when ``reporter`` may not report it."""
        event_type = self._types.get(kind)
        if event_type is None:
            raise BadMessage(f"unknown type of event {kind[:40]!r}")
        if reporter not in event_type.reporters:
            raise BadMessage(f"{kind!r} is not for a {reporter} to report")
        return event_type

    def insert(
        self,
        event_type: EventType,
        *,
        uid: str,
        source_id: str,
        ts_ms: int,
        payload: dict[str, Any],
        end_ms: int | None = None,
        still_id: int | None = None,
        zones: tuple[str, ...] = (),
        kind: str = "",
        row: tuple[str, str] | None = None,
        kept: bool = False,
        cause_id: int | None = None,
    ) -> None:
        """Store and announce an event; one whose ``uid`` is known changes nothing. ``row`` is what it uses up,
        ``cause_id`` the event that set it off."""
        new = NewEvent(
            uid=uid,
            type=event_type.name,
            severity=event_type.severity.value,
            source_id=source_id,
            ts_ms=ts_ms,
            end_ms=end_ms,
            payload=payload,
            still_id=still_id,
            kept=kept,
            zones=zones,
            kind=kind,
            cause_id=cause_id,
        )
        stored = insert_event(self._store, new, now_ms=self.now_ms(), consumed_outbox=row, grouping=self._grouping)
        if stored is not None:
            self._announce(stored)

    def update(
        self,
        event: StoredEvent,
        end_ms: int | None,
        payload: dict[str, Any],
        row: tuple[str, str] | None = None,
        zones: tuple[str, ...] | None = None,
    ) -> None:
        """Give an event this end and payload, and these zones if any are given, and announce it; what changes nothing
        is not told."""
        changed = update_event(
            self._store, event, end_ms=end_ms, payload=payload, zones=zones, now_ms=self.now_ms(), consumed_outbox=row
        )
        if changed is not None:
            self._announce(changed)

    def use_up(self, row: tuple[str, str]) -> None:
        """A message without an effect: its row goes."""
        consume(self._store, *row)

    def name_visit(
        self,
        event: StoredEvent,
        *,
        kind: str,
        label_score: float | None,
        still_id: int | None,
        payload: dict[str, Any],
        row: tuple[str, str],
    ) -> None:
        """Say what came by in an event, and announce it; what changes nothing is not told."""
        changed = name_event(
            self._store,
            event.id,
            kind=kind,
            label_score=label_score,
            still_id=still_id,
            payload=payload,
            now_ms=self.now_ms(),
            consumed_outbox=row,
            grouping=self._grouping,
        )
        if changed is not None:
            self._announce(changed)

    def insert_track(self, track: NewTrack, row: tuple[str, str]) -> None:
        """Store a track; one whose ``uid`` is known changes nothing."""
        insert_track(self._store, track, consumed_outbox=row)

    def put_look(self, event_id: int, look: bytes) -> None:
        """How the cat or dog of an event looks; which one it is is settled later."""
        put_look(self._store, event_id, look, self.now_ms())

    def find(self, uid: str) -> StoredEvent | None:
        """The event that came from the message ``uid``."""
        return find_event(self._store, uid)

    def find_newest(self, event_type: EventType, source_id: str) -> StoredEvent | None:
        """The newest event of this type of a source."""
        return find_newest(self._store, source_id, event_type.name, self.now_ms())

    def end_motions(
        self,
        source_id: str | None,
        began_until_ms: int,
        end_ms: int,
        why: str,
        limit_ms: int | None = None,
        but_uid: str | None = None,
    ) -> None:
        """End motions that began until ``began_until_ms``, at ``end_ms`` (UTC ms), at most ``limit_ms`` long: those of
        the camera ``source_id``, or of all cameras of this box."""
        for event in open_motions(self._store, self._node_id, source_id=source_id, until_ms=began_until_ms):
            if event.uid == but_uid:
                continue
            duration_ms = end_ms - event.ts_ms if limit_ms is None else min(end_ms - event.ts_ms, limit_ms)
            payload = {**event.payload, "duration_ms": duration_ms, "is_open": False, "ended_by": why}
            self.update(event, event.ts_ms + duration_ms, payload)

    def camera_name(self, camera_id: str) -> str:
        row = get_camera(self._store, camera_id)
        return row.name if row is not None else self._camera_names.get(camera_id, camera_id)

    def now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000
