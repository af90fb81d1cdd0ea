"""What a camera's motion turned out to be: the event of the motion grows in place, and its tracks are stored.

``Motion, Front door`` becomes ``Person, Front door``: the same event, with its kind, how sure that is, perhaps a better
still. A message that came late or twice changes nothing for the worse: a name is never taken back for "motion".
"""

from __future__ import annotations

import base64
import binascii

from vigilar.base.track_path import BadPath, unpack_path
from vigilar.base.visit_kinds import KIND_WORDS, MOTION, PET_KINDS, visit_title
from vigilar.bus.messages import BadMessage, TrackSeen, VisitSeen
from vigilar.events.desk import EventDesk, MissingStartError, Source
from vigilar.events.refusal import MAX_TS_MS, check_frac, check_id, check_message, check_names
from vigilar.store.events import StoredEvent
from vigilar.store.tracks import NewTrack

MAX_PATH_CHARS = 40_000
"""2,000 boxes of 12 bytes as base64."""


def visit_seen(desk: EventDesk, source: Source, payload: bytes) -> None:
    seen = VisitSeen.parse(payload)
    check_message(seen, _camera_of(source.topic), seen.camera_id)
    row = source.row_of(seen)
    kind = check_kind(seen.kind)
    score = None if seen.label_score is None or kind == MOTION else check_frac("label_score", seen.label_score)
    if seen.still_id is not None and not 0 < seen.still_id < 2**63:
        raise BadMessage("still_id is not a row's id")
    event = _motion_of(desk, seen.motion_id, seen.camera_id)
    if kind == MOTION:
        kind, score = event.kind or MOTION, event.label_score
    name = desk.camera_name(event.source_id)
    look = _checked_look(seen.look)
    pet = event.payload.get("pet")
    pet_name = str(pet.get("name") or "") if isinstance(pet, dict) else ""
    changed = {**event.payload, "title": visit_title(kind, name, pet_name)}
    if (kind, score) != (event.kind, event.label_score):
        # Until when it is known to have lasted (``rules.news``); the same said again is no change to tell of.
        changed["seen_ms"] = max(seen.ts, int(event.payload.get("seen_ms", event.ts_ms)))
    if seen.still_id is not None:
        changed["has_still"] = True
    if look and kind in PET_KINDS:
        desk.put_look(event.id, look)
    desk.name_visit(event, kind=kind, label_score=score, still_id=seen.still_id, payload=changed, row=row)


def track_seen(desk: EventDesk, source: Source, payload: bytes) -> None:
    seen = TrackSeen.parse(payload)
    check_message(seen, _camera_of(source.topic), seen.camera_id)
    row = source.row_of(seen)
    if not 0 <= seen.start_ts <= seen.ts <= MAX_TS_MS:
        raise BadMessage("start_ts is not a time before the end")
    event = _motion_of(desk, seen.motion_id, seen.camera_id) if seen.motion_id else None
    new = NewTrack(
        uid=seen.id,
        event_id=event.id if event is not None else None,
        camera_id=seen.camera_id,
        kind=check_kind(seen.kind),
        score=check_frac("score", seen.score),
        start_ms=seen.start_ts,
        end_ms=seen.ts,
        is_stationary=seen.is_stationary,
        path=_checked_path(seen.path, seen.start_ts),
        zones=check_names("zones", seen.zones),
    )
    desk.insert_track(new, row)


def check_kind(kind: str) -> str:
    """Raises BadMessage for a kind that nobody has words for."""
    if kind not in KIND_WORDS:
        raise BadMessage(f"unknown kind {kind[:20]!r}")
    return kind


def _motion_of(desk: EventDesk, motion_id: str, camera_id: str) -> StoredEvent:
    event = desk.find(check_id("motion_id", motion_id))
    if event is None:
        raise MissingStartError(f"the motion {motion_id[:40]} has no start yet")
    if event.type != "motion" or event.source_id != camera_id:
        raise BadMessage("motion_id is not a motion of this camera")
    return event


def _checked_path(text: str, start_ms: int) -> bytes:
    if len(text) > MAX_PATH_CHARS:
        raise BadMessage("path is too long")
    try:
        raw = base64.b64decode(text, validate=True)
        unpack_path(raw, start_ms)
    except (binascii.Error, ValueError, BadPath) as error:
        raise BadMessage("path is not one") from error
    return raw


MAX_LOOK_CHARS = 128


def _checked_look(text: str) -> bytes:
    """What ``pets.match`` reads; it is looked at there."""
    if len(text) > MAX_LOOK_CHARS:
        raise BadMessage("look is too long")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadMessage("look is not base64") from error


def _camera_of(topic: str) -> str:
    """The camera of ``vigilar/camera/<id>/...``."""
    return topic.split("/", 3)[2]
