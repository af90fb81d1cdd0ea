"""The subject of processes: what the supervisor saw of them and of the data folder, and tells over its line."""

from __future__ import annotations

from vigilar.base.control import ProcessFact
from vigilar.events.classification import SUPERVISOR, EventType, Severity, Strand, title_of
from vigilar.events.desk import EventDesk
from vigilar.events.refusal import clean_detail
from vigilar.events.subject import Subject

GUESS_LIMIT_MS = 600_000
"""A motion that a power cut ended gets this length at most: nobody knows its real one."""

_CAMERA_PROCESS = "camera/"


def handle_fact(desk: EventDesk, fact: ProcessFact) -> None:
    """Store what the supervisor saw of a process. An event of a camera's process belongs to the camera.

    The process is called what ``process_title`` in the detail says. Raises BadMessage and StoreError.
    """
    event_type = desk.classify(fact.kind, SUPERVISOR)
    source_id, camera_name = fact.source_id, None
    payload = clean_detail(fact.detail)
    process_title = str(payload.pop("process_title", fact.source_id))
    if fact.source_id.startswith(_CAMERA_PROCESS):
        source_id = fact.source_id.removeprefix(_CAMERA_PROCESS)
        camera_name = payload["camera_name"] = desk.camera_name(source_id)
    payload["process"] = fact.source_id
    payload["title"] = title_of(event_type, process_title)
    if payload.get("why") == "battery":
        payload["title"] += ": the battery of the UPS is nearly empty"
    desk.insert(event_type, uid=fact.id, source_id=source_id, ts_ms=fact.ts, payload=payload)
    if event_type.name == "system_started":
        desk.end_motions(None, fact.ts, fact.ts, event_type.name, GUESS_LIMIT_MS)
    elif event_type.ends_motion and camera_name is not None:
        desk.end_motions(source_id, fact.ts, fact.ts, event_type.name)


PROCESSES = Subject(
    name=SUPERVISOR,
    types=(
        EventType(
            "process_restarted",
            Severity.WARNING,
            (SUPERVISOR,),
            "{name} was restarted",
            ends_motion=True,
            strand=Strand.SYSTEM,
        ),
        EventType(
            "process_failing",
            Severity.ALERT,
            (SUPERVISOR,),
            "{name} keeps failing",
            ends_motion=True,
            strand=Strand.SYSTEM,
        ),
        EventType(
            "ups_unwatched",
            Severity.ALERT,
            (SUPERVISOR,),
            "The UPS is not watched any more: what waited for mains goes on",
            strand=Strand.SYSTEM,
        ),
        EventType(
            "system_started", Severity.INFO, (SUPERVISOR,), "Vigilar started", ends_motion=True, strand=Strand.SYSTEM
        ),
        EventType("system_stopped", Severity.INFO, (SUPERVISOR,), "Vigilar stopped", strand=Strand.SYSTEM),
        EventType(
            "drive_away", Severity.CRITICAL, (SUPERVISOR,), "The drive for recordings is not there", strand=Strand.DISK
        ),
        EventType(
            "drive_hangs",
            Severity.CRITICAL,
            (SUPERVISOR,),
            "The drive for recordings does not answer",
            strand=Strand.DISK,
        ),
        EventType("drive_back", Severity.INFO, (SUPERVISOR,), "The drive for recordings is back", strand=Strand.DISK),
    ),
    handle_fact=handle_fact,
)
