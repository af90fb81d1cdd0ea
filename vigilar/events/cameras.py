"""The subject of cameras: what each message of a camera means, and which open motions it ends."""

from __future__ import annotations

from vigilar.base.visit_kinds import MOTION as VISIT_MOTION
from vigilar.bus.messages import BadMessage, CameraFact, MotionEnd, MotionStart
from vigilar.bus.topics import Topics
from vigilar.events.classification import CAMERA, SUPERVISOR, EventType, Severity, Strand, title_of
from vigilar.events.desk import EventDesk, MissingStartError, Source
from vigilar.events.refusal import check_frac, check_id, check_message, check_names, clean_detail
from vigilar.events.subject import Subject
from vigilar.events.visits import track_seen, visit_seen
from vigilar.store.events import StoredEvent

MOTION = EventType("motion", Severity.INFO, (CAMERA,), "Motion, {name}", strand=Strand.VISIT)
OFFLINE = EventType(
    "camera_offline", Severity.WARNING, (CAMERA,), "No picture from {name}", ends_motion=True, strand=Strand.OUTAGE
)
ONLINE = EventType("camera_online", Severity.INFO, (CAMERA,), "{name} is back", ends_motion=True, strand=Strand.OUTAGE)

GUESS_LIMIT_MS = 600_000
"""A motion that was cut off and is ended much later gets this length at most: nobody knows its real one."""

OPEN_LIMIT_MS = 3_600_000
"""A motion that nobody ended in an hour is ended by us: its camera process died with all who could tell."""

MAX_DURATION_MS = 366 * 86_400_000
"""A year: more is a mistake of the sender."""


def motion_started(desk: EventDesk, source: Source, payload: bytes) -> None:
    start = MotionStart.parse(payload)
    check_message(start, _camera_of(source.topic), start.camera_id)
    if start.still_id is not None and not 0 < start.still_id < 2**63:
        raise BadMessage("still_id is not a row's id")
    name = desk.camera_name(start.camera_id)
    desk.insert(
        MOTION,
        uid=start.id,
        source_id=start.camera_id,
        ts_ms=start.ts,
        payload={
            "title": title_of(MOTION, name),
            "camera_name": name,
            "area_frac": check_frac("area_frac", start.area_frac),
            "is_open": True,
            "has_still": start.still_id is not None,
        },
        still_id=start.still_id,
        zones=check_names("zones", start.zones),
        kind=VISIT_MOTION,
        row=source.row_of(start),
    )
    # A camera has one motion at a time, so one that is still open was cut off.
    desk.end_motions(start.camera_id, start.ts, start.ts, MOTION.name, GUESS_LIMIT_MS, but_uid=start.id)


def motion_ended(desk: EventDesk, source: Source, payload: bytes) -> None:
    end = MotionEnd.parse(payload)
    check_message(end, _camera_of(source.topic), end.camera_id)
    row = source.row_of(end)
    peak = check_frac("peak_area_frac", end.peak_area_frac)
    if not 0 <= end.duration_ms <= MAX_DURATION_MS:
        raise BadMessage("duration_ms is not a duration")
    event = desk.find(check_id("motion_id", end.motion_id))
    if event is None:
        raise MissingStartError(f"the motion {end.motion_id[:40]} has no start yet")
    if event.type != MOTION.name or event.source_id != end.camera_id:
        raise BadMessage("motion_id is not a motion of this camera")
    changed = {**event.payload, "area_frac": peak, "duration_ms": end.duration_ms, "is_open": False}
    changed.pop("ended_by", None)  # we had guessed; now we are told
    zones = check_names("zones", [*event.zones, *end.zones])
    desk.update(event, max(end.ts, event.ts_ms), changed, row, zones=zones)


def camera_fact(desk: EventDesk, source: Source, payload: bytes) -> None:
    fact = CameraFact.parse(payload)
    check_message(fact, _camera_of(source.topic), fact.camera_id)
    row = source.row_of(fact)
    event_type = desk.classify(fact.kind, CAMERA)
    if event_type is MOTION:
        raise BadMessage("a motion has topics of its own")
    name = desk.camera_name(fact.camera_id)
    told = {**clean_detail(fact.detail), "title": title_of(event_type, name), "camera_name": name}
    if event_type is OFFLINE:
        told["is_open"] = True
    outage = desk.find_newest(OFFLINE, fact.camera_id) if event_type in (OFFLINE, ONLINE) else None
    if outage is not None and outage.uid != fact.id and _is_part_of(outage, fact):
        _change_outage(desk, outage, fact, row)
    else:
        desk.insert(event_type, uid=fact.id, source_id=fact.camera_id, ts_ms=fact.ts, payload=told, row=row)
    if event_type.ends_motion:
        desk.end_motions(fact.camera_id, fact.ts, fact.ts, event_type.name)


def _is_part_of(outage: StoredEvent, fact: CameraFact) -> bool:
    """Whether the outage goes on, or what the fact tells was within it: a message that came twice. What was before it
    comes after a clock that was set back. Outages stored before ends were kept have none, and no ``is_open``."""
    is_within = outage.end_ms is not None and outage.ts_ms <= fact.ts <= outage.end_ms
    return bool(outage.payload.get("is_open")) or is_within


def _change_outage(desk: EventDesk, outage: StoredEvent, fact: CameraFact, row: tuple[str, str]) -> None:
    """An outage is one event, from its last picture to its next: a process that starts anew and finds the camera still
    down tells the same again, and the picture that is back is its end."""
    if outage.end_ms is not None:
        desk.update(outage, outage.end_ms, outage.payload, row)  # known: its row is used up, nothing changes
    elif fact.kind == OFFLINE.name:
        desk.update(outage, None, {**clean_detail(fact.detail), **_words_of(outage), "is_open": True}, row)
    else:
        end_ms = max(fact.ts, outage.ts_ms)
        desk.update(outage, end_ms, {**outage.payload, "is_open": False, "duration_ms": end_ms - outage.ts_ms}, row)


def _words_of(event: StoredEvent) -> dict[str, object]:
    return {name: event.payload[name] for name in ("title", "camera_name") if name in event.payload}


def end_old_motions(desk: EventDesk) -> None:
    """End motions that began over an hour ago and were never ended; they get that length."""
    until_ms = desk.now_ms() - OPEN_LIMIT_MS
    desk.end_motions(None, until_ms, until_ms + OPEN_LIMIT_MS, "timeout", OPEN_LIMIT_MS)


def _camera_of(topic: str) -> str:
    """The camera of ``vigilar/camera/<id>/...``."""
    return topic.split("/", 3)[2]


CAMERAS = Subject(
    name=CAMERA,
    types=(
        MOTION,
        OFFLINE,
        ONLINE,
        EventType("footage_lost", Severity.ALERT, (CAMERA,), "Footage lost, {name}", strand=Strand.DISK),
        EventType("recording_tampered", Severity.ALERT, (CAMERA,), "A recording was changed or removed, {name}"),
        EventType("recording_damaged", Severity.ALERT, (CAMERA,), "A recording is damaged, {name}"),
        EventType(
            "recording_recovered",
            Severity.WARNING,
            (CAMERA,),
            "Recording repaired after a cut, {name}",
            strand=Strand.OUTAGE,
        ),
        EventType("disk_full", Severity.CRITICAL, (CAMERA,), "Disk full, {name} is not recorded", strand=Strand.DISK),
        EventType(
            "disk_read_only",
            Severity.CRITICAL,
            (CAMERA,),
            "The disk is read-only, {name} is not recorded",
            strand=Strand.DISK,
        ),
        EventType(
            "disk_failed",
            Severity.CRITICAL,
            (CAMERA,),
            "The disk reports errors, {name} is not recorded",
            strand=Strand.DISK,
        ),
        EventType("recording_resumed", Severity.INFO, (CAMERA,), "{name} is recorded again", strand=Strand.DISK),
        EventType(
            "clock_stepped", Severity.WARNING, (CAMERA, SUPERVISOR), "The clock was corrected", strand=Strand.SYSTEM
        ),
    ),
    handlers={
        Topics.motion_start("+"): motion_started,
        Topics.motion_end("+"): motion_ended,
        Topics.camera_fact("+"): camera_fact,
        Topics.camera_visit("+"): visit_seen,
        Topics.camera_track("+"): track_seen,
    },
    outbox_prefixes=("vigilar/camera/",),
    look=end_old_motions,
)
