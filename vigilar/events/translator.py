"""What each message means: which event to insert, which to change, which open motions it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from vigilar.base.clock import Clock
from vigilar.base.control import ProcessFact
from vigilar.bus.messages import BadMessage, CameraFact, MotionEnd, MotionStart
from vigilar.events.announcer import announcement
from vigilar.events.classification import (
    EVENT_TYPES,
    MOTION,
    EventType,
    Reporter,
    classify,
    title_of,
)
from vigilar.events.refusal import check_frac, check_id, check_message, clean_detail
from vigilar.store.cameras import get_camera
from vigilar.store.engine import Store
from vigilar.store.events import (
    NewEvent,
    StoredEvent,
    find_event,
    insert_event,
    open_motions,
    update_event,
)
from vigilar.store.outbox import OutboxMessage

GUESS_LIMIT_MS = 600_000
"""A motion that was cut off and is ended much later gets this length at most: nobody knows its real one."""

MAX_DURATION_MS = 366 * 86_400_000
"""A year: more is a mistake of the sender."""

_CAMERA_PROCESS = "camera/"
_KINDS = ("motion/start", "motion/end", "fact")


class MissingStartError(Exception):
    """The end of a motion whose start is not stored yet: the start's row comes with a later sweep."""


class Translator:
    """Turns one message at a time into rows of the store. Not thread-safe.

    ``announce`` is called with the announcement of each event after the transaction that stored both.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        camera_names: Mapping[str, str],
        announce: Callable[[OutboxMessage], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._camera_names = camera_names
        self._announce = announce

    def camera_message(self, topic: str, payload: bytes, row_uid: str | None = None) -> None:
        """Handle a message of a camera. ``row_uid`` is the uid of its outbox row, when it comes from there.

        Handling it again changes nothing. Raises BadMessage for what can never become an event, MissingStartError
        for what may later, StoreError when it could not be stored.
        """
        camera_id, kind = _parse_topic(topic)
        if kind == "motion/start":
            start = MotionStart.parse(payload)
            check_message(start, camera_id, start.camera_id)
            _check_row(row_uid, start.id)
            self._motion_start(topic, start)
        elif kind == "motion/end":
            end = MotionEnd.parse(payload)
            check_message(end, camera_id, end.camera_id)
            _check_row(row_uid, end.id)
            self._motion_end(topic, end)
        else:
            fact = CameraFact.parse(payload)
            check_message(fact, camera_id, fact.camera_id)
            _check_row(row_uid, fact.id)
            self._camera_fact(topic, fact)

    def process_fact(self, fact: ProcessFact) -> None:
        """Store what the supervisor saw of a process. An event of a camera's process belongs to the camera.

        The process is called what ``process_title`` in the detail says. Raises BadMessage and StoreError.
        """
        event_type = _classify(fact.kind, Reporter.SUPERVISOR)
        source_id, camera_name = fact.source_id, None
        payload = clean_detail(fact.detail)
        process_title = str(payload.pop("process_title", fact.source_id))
        if fact.source_id.startswith(_CAMERA_PROCESS):
            source_id = fact.source_id.removeprefix(_CAMERA_PROCESS)
            camera_name = payload["camera_name"] = self._name(source_id)
        payload["process"] = fact.source_id
        payload["title"] = title_of(event_type, process_title)
        self._insert(
            NewEvent(
                uid=fact.id,
                type=event_type.name,
                severity=event_type.severity.value,
                source_id=source_id,
                ts_ms=fact.ts,
                payload=payload,
            )
        )
        if event_type.name == "system_started":
            self._end_open(None, fact.ts, fact.ts, event_type.name, GUESS_LIMIT_MS)
        elif event_type.ends_motion and camera_name is not None:
            self._end_open(source_id, fact.ts, fact.ts, event_type.name)

    def end_motions_before(self, until_ms: int, length_ms: int) -> None:
        """End motions that began at or before ``until_ms`` (UTC ms) and were never ended, ``length_ms`` long."""
        self._end_open(None, until_ms, until_ms + length_ms, "timeout", length_ms)

    def _motion_start(self, topic: str, start: MotionStart) -> None:
        event_type = EVENT_TYPES[MOTION]
        if start.still_id is not None and not 0 < start.still_id < 2**63:
            raise BadMessage("still_id is not a row's id")
        name = self._name(start.camera_id)
        payload = {
            "title": title_of(event_type, name),
            "camera_name": name,
            "area_frac": check_frac("area_frac", start.area_frac),
            "is_open": True,
            "has_still": start.still_id is not None,
        }
        self._insert(
            NewEvent(
                uid=start.id,
                type=event_type.name,
                severity=event_type.severity.value,
                source_id=start.camera_id,
                ts_ms=start.ts,
                payload=payload,
                still_id=start.still_id,
            ),
            (start.id, topic),
        )
        # A camera has one motion at a time, so one that is still open was cut off.
        self._end_open(start.camera_id, start.ts, start.ts, MOTION, GUESS_LIMIT_MS, but_uid=start.id)

    def _motion_end(self, topic: str, end: MotionEnd) -> None:
        peak = check_frac("peak_area_frac", end.peak_area_frac)
        if not 0 <= end.duration_ms <= MAX_DURATION_MS:
            raise BadMessage("duration_ms is not a duration")
        event = find_event(self._store, check_id("motion_id", end.motion_id))
        if event is None:
            raise MissingStartError(f"the motion {end.motion_id[:40]} has no start yet")
        if event.type != MOTION or event.source_id != end.camera_id:
            raise BadMessage("motion_id is not a motion of this camera")
        payload = {**event.payload, "area_frac": peak, "duration_ms": end.duration_ms, "is_open": False}
        payload.pop("ended_by", None)  # we had guessed; now we are told
        self._update(event, max(end.ts, event.ts_ms), payload, (end.id, topic))

    def _camera_fact(self, topic: str, fact: CameraFact) -> None:
        event_type = _classify(fact.kind, Reporter.CAMERA)
        if event_type.name == MOTION:
            raise BadMessage("a motion has topics of its own")
        name = self._name(fact.camera_id)
        self._insert(
            NewEvent(
                uid=fact.id,
                type=event_type.name,
                severity=event_type.severity.value,
                source_id=fact.camera_id,
                ts_ms=fact.ts,
                payload={**clean_detail(fact.detail), "title": title_of(event_type, name), "camera_name": name},
            ),
            (fact.id, topic),
        )
        if event_type.ends_motion:
            self._end_open(fact.camera_id, fact.ts, fact.ts, event_type.name)

    def _end_open(
        self,
        source_id: str | None,
        began_until_ms: int,
        end_ms: int,
        why: str,
        limit_ms: int | None = None,
        but_uid: str | None = None,
    ) -> None:
        """End the motions that began until ``began_until_ms``, at ``end_ms`` (UTC ms), at most ``limit_ms`` long."""
        for event in open_motions(self._store, source_id=source_id, until_ms=began_until_ms):
            if event.uid == but_uid:
                continue
            duration_ms = end_ms - event.ts_ms if limit_ms is None else min(end_ms - event.ts_ms, limit_ms)
            payload = {**event.payload, "duration_ms": duration_ms, "is_open": False, "ended_by": why}
            self._update(event, event.ts_ms + duration_ms, payload)

    def _insert(self, new: NewEvent, consumed: tuple[str, str] | None = None) -> None:
        stored = insert_event(
            self._store,
            new,
            now_ms=self._now_ms(),
            announce=partial(announcement, is_update=False),
            consumed_outbox=consumed,
        )
        if stored is not None:
            self._announce(announcement(stored, is_update=False))

    def _update(
        self,
        event: StoredEvent,
        end_ms: int,
        payload: dict[str, Any],
        consumed: tuple[str, str] | None = None,
    ) -> None:
        changed = update_event(
            self._store,
            event,
            end_ms=end_ms,
            payload=payload,
            now_ms=self._now_ms(),
            announce=partial(announcement, is_update=True),
            consumed_outbox=consumed,
        )
        if changed is not None:
            self._announce(announcement(changed, is_update=True))

    def _name(self, camera_id: str) -> str:
        row = get_camera(self._store, camera_id)
        return row.name if row is not None else self._camera_names.get(camera_id, camera_id)

    def _now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000


def _parse_topic(topic: str) -> tuple[str, str]:
    """Camera and kind of ``vigilar/camera/<id>/<kind>``."""
    parts = topic.split("/", 3)
    if len(parts) != 4 or parts[:2] != ["vigilar", "camera"] or parts[3] not in _KINDS:
        raise BadMessage("no event comes from this topic")
    return parts[2], parts[3]


def _check_row(row_uid: str | None, message_id: str) -> None:
    # Otherwise storing the event would not delete the row, and each sweep would meet it again.
    if row_uid is not None and row_uid != message_id:
        raise BadMessage("the outbox has it under another id than its own")


def _classify(kind: str, reporter: Reporter) -> EventType:
    try:
        return classify(kind, reporter)
    except ValueError as error:
        raise BadMessage(str(error)) from error
