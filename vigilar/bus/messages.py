"""Messages of the bus: frozen dataclasses with ``dump`` to JSON and ``parse`` from it. No I/O.

Every message carries ``v`` (version 1), ``ts`` (UTC milliseconds) and ``id`` (unique; the same message sent twice has
the same id). Unknown keys are ignored, so a newer sender does not break an older reader.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, ClassVar, Self

MAX_MESSAGE_BYTES = 64 * 1024
"""A message above this is refused: what the bus carries is small, pictures do not travel on the bus."""


class BadMessage(ValueError):
    """A payload that is not the message it should be. Says what is wrong with it, without echoing all of it."""


@dataclass(frozen=True, slots=True)
class Message:
    """The part all messages share."""

    id: str
    ts: int
    VERSION: ClassVar[int] = 1

    def dump(self) -> bytes:
        return json.dumps({"v": self.VERSION, **asdict(self)}, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Raises BadMessage when ``payload`` is not JSON, too long, of another version, or lacks or mistypes a key."""
        if len(payload) > MAX_MESSAGE_BYTES:
            raise BadMessage(f"message of {len(payload)} bytes is too long")
        try:
            raw = json.loads(payload)
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            raise BadMessage("message is not JSON") from error
        if not isinstance(raw, dict):
            raise BadMessage("message is not a JSON object")
        if raw.get("v") != cls.VERSION:
            raise BadMessage(f"message has version {str(raw.get('v'))[:20]!r}, not {cls.VERSION}")
        return cls(**{f.name: _checked(f.name, str(f.type), raw) for f in fields(cls) if _is_given(f, raw)})


_PLAIN: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "dict[str, Any]": (dict,),
    "dict[str, Any] | None": (dict, type(None)),
    "list[dict[str, Any]]": (list,),
    "list[str]": (list,),
    "str | None": (str, type(None)),
    "int | None": (int, type(None)),
    "float | None": (int, float, type(None)),
}


def _is_given(f: Any, raw: dict[str, Any]) -> bool:
    return f.name in raw or (f.default is MISSING and f.default_factory is MISSING)


def _checked(name: str, type_name: str, raw: dict[str, Any]) -> Any:
    if name not in raw:
        raise BadMessage(f"message lacks {name!r}")
    value = raw[name]
    allowed = _PLAIN[type_name]
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        raise BadMessage(f"{name!r} is not {type_name}")
    return value


@dataclass(frozen=True, slots=True)
class MotionStart(Message):
    """A camera saw motion begin. ``ts`` is the time of the first moving frame, ``id`` names the motion.

    ``area_frac`` is the moving part of the picture, 0..1. ``still_id`` names the sealed still (a row of ``files``).
    ``zones`` names zones it is in and lines it crossed.
    """

    camera_id: str
    run: int
    area_frac: float
    still_id: int | None = None
    zones: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MotionEnd(Message):
    """The motion ``motion_id`` is over; ``ts`` is the time of its last moving frame.

    ``zones`` as in MotionStart, of all of it.
    """

    camera_id: str
    motion_id: str
    duration_ms: int
    peak_area_frac: float
    zones: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CameraHealth(Message):
    """What a camera process knows of its camera; sent at each change and every 5 s. Not an event.

    ``state`` is ``connecting``, ``live``, ``no-picture`` or ``failed``; ``reason`` is one sentence with no secret in
    it; ``last_frame_ts`` and ``next_try_ts`` are UTC milliseconds. ``not_recording`` is why nothing is recorded that
    should be, a value of ``base.not_recording.NotRecording``; empty while all that should be recorded is.
    ``source_codec`` is what the camera sends where that is converted here, empty where it is not. ``sound_note`` says
    why there is no sound, to stand behind "Sound:"; empty while there is some, or the camera has none.
    """

    camera_id: str
    state: str
    reason: str = ""
    code: str = ""
    last_frame_ts: int | None = None
    next_try_ts: int | None = None
    width: int = 0
    height: int = 0
    fps: float = 0.0
    codec: str = ""
    source_codec: str = ""
    audio_codec: str = ""
    sound_note: str = ""
    kbps: float = 0.0
    keyframe_gap_s: float = 0.0
    is_recording: bool = False
    not_recording: str = ""
    is_moving: bool = False
    has_sub: bool = False
    counters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CameraRecord(Message):
    """A rule wants the camera to record for so many seconds."""

    camera_id: str
    seconds: int


@dataclass(frozen=True, slots=True)
class CameraRetry(Message):
    """Somebody wants the camera to be tried now."""

    camera_id: str


@dataclass(frozen=True, slots=True)
class CameraHeartbeat(Message):
    """All threads of a camera process make progress, whether its camera sends or not. Every 5 s. Not an event."""

    camera_id: str


@dataclass(frozen=True, slots=True)
class CameraFact(Message):
    """Something about a camera that must become an event: no picture, picture back, footage lost, ...

    ``kind`` is a type of ``vigilar/events/subjects.py``; ``detail`` goes into the event's payload.
    """

    camera_id: str
    kind: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObjectSeen(Message):
    """What was found in one picture of a camera, for who watches; ``ts`` is the time of the picture. Not an event.

    ``objects`` are ``{"track", "kind", "score", "box": [left, top, right, bottom]}`` in 0..1 of the picture; ``kind``
    is ``motion`` while it is not sure what it is. ``motion_id`` is the motion they are part of, ``model`` who found
    them. Those that stand in the scene are left out.
    """

    camera_id: str
    motion_id: str
    model: str
    objects: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class VisitSeen(Message):
    """What the motion ``motion_id`` is by now: its kind, how sure that is (0..1), and perhaps a better still. Each
    takes the place of the one before. ``kind`` is one of ``base.visit_kinds``; ``motion`` without a score: unknown.
    ``look`` is base64 of how the cat or dog on that still looks (``pets.match``), empty where there is none."""

    camera_id: str
    motion_id: str
    kind: str
    label_score: float | None = None
    still_id: int | None = None
    look: str = ""


@dataclass(frozen=True, slots=True)
class TrackSeen(Message):
    """An object that came, moved and left; ``ts`` is the time of its last box, ``id`` names the track.

    ``motion_id`` is the visit it belongs to, empty for what stood in the scene. ``path`` is base64 of its boxes, as in
    the column ``path`` of ``tracks``. ``score``: how sure the kind is, 0 with ``motion``. ``zones``: names of those it
    was in, and of the lines it crossed.
    """

    camera_id: str
    motion_id: str
    kind: str
    score: float
    start_ts: int
    is_stationary: bool
    path: str
    zones: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ProofFact(Message):
    """What the database should say, because the box has signed it, and does not. ``kind`` and ``detail`` as in
    ``CameraFact``."""

    kind: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventPublished(Message):
    """A stored event, or a change of one: ``id`` is the event's id as text.

    ``change`` rises with each insert or change of any event, so that a page can ask for all it missed.
    ``is_update`` tells a change of an event that was published before from a new one; an event that changed while the
    bus was away is told once, as new. ``kind`` is what came by, empty for what is no visit; ``label_score`` how sure
    that is; ``still`` where its picture is, an address of the pages; ``incident_id`` the story it belongs to, which
    may be another one after a change.
    """

    type: str
    severity: str
    source_id: str
    change: int
    is_update: bool = False
    payload: dict[str, Any] = field(default_factory=dict)
    end_ts: int | None = None
    title: str = ""
    kind: str = ""
    label_score: float | None = None
    zones: list[str] = field(default_factory=list)
    still: str | None = None
    kept: bool = False
    incident_id: int | None = None


@dataclass(frozen=True, slots=True)
class SystemHealth(Message):
    """What the supervisor knows of its processes; every 5 s and at each change. ``processes`` maps name to state."""

    processes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpkeepFact(Message):
    """Something about the upkeep of recordings that must become an event. ``kind`` and ``detail`` as in CameraFact."""

    kind: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BackupFact(Message):
    """Something about the backup that must become an event. ``kind`` and ``detail`` as in CameraFact."""

    kind: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpsFact(Message):
    """Something the UPS told that must become an event: ``kind`` is the last part of its topic. ``detail`` has
    ``charge`` (per cent), ``runtime_s``, ``load`` (per cent), each null where not known, and ``cuts``."""

    kind: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpsStatus(Message):
    """How the house is supplied now: ``level`` as in ``power.watch``, ``status`` what the UPS says."""

    level: str
    status: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotifyFact(Message):
    """Something about how people are told that must become an event. ``name`` is the phone or the way it is about;
    ``kind`` and ``detail`` as in CameraFact."""

    kind: str
    name: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProofCheckpoint(Message):
    """A signed checkpoint, as it lies beside the recordings: its text, and the signature over it in hex."""

    body: str
    signature: str


@dataclass(frozen=True, slots=True)
class JobChanged(Message):
    """A job came further or is over; its row says more. ``state``, ``step``, ``percent`` and ``seconds_left`` as there;
    ``source_id`` is the camera whose recordings it is about, empty for none; of several, ``more_sources`` are the
    others."""

    job_id: int
    kind: str
    state: str
    step: str = ""
    percent: int = 0
    seconds_left: int | None = None
    source_id: str = ""
    more_sources: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ArmChanged(Message):
    """Somebody changed the row of the arm state: look at it. Saying so changes nothing by itself."""


@dataclass(frozen=True, slots=True)
class ArmRequest(Message):
    """A wish to arm (or, where the owner allows it, to disarm). Never a PIN. ``by``: who asks, for the history.
    ``arms_only``: who passes it on vouches for no disarming, whatever the owner allows his own programs."""

    mode: str
    by: str = ""
    arms_only: bool = False


@dataclass(frozen=True, slots=True)
class ArmStateTold(Message):
    """The arm state, retained: what the row says. ``change`` rises. ``pending``: ``{"mode", "until_ts"}``; ``entry``:
    ``{"until_ts", "what", "where"}``; ``alarm``: ``{"since_ts", "until_ts", "what", "where", "event"}`` while it goes
    on. ``ts`` is when it was told."""

    mode: str
    since_ts: int
    by: str
    change: int
    pending: dict[str, Any] | None = None
    entry: dict[str, Any] | None = None
    alarm: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class SirenCommand(Message):
    """Whether a siren should sound, retained: ``state`` is ``on`` or ``off``; by itself it ends at ``until_ts``."""

    state: str
    until_ts: int | None = None
    what: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class SensorTold(Message):
    """What a sensor told. ``kind`` as in the topic; ``value`` 1 or 0 for yes and no (1: open, moving, wet, smoke), else
    a number in the unit of the kind. ``silent`` and ``battery`` tell of the sensor itself."""

    sensor_id: str
    kind: str
    value: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class PhoneHeard(Message):
    """A phone that was paired for member ``user_id`` spoke to the pages from ``address``; ``device`` is the name it was
    paired under. Told once a minute at most. That it is at home is for who knows the neighbours of this machine to say.
    """

    user_id: int
    device: str
    address: str


@dataclass(frozen=True, slots=True)
class PetLocation(Message):
    """Where a pet was seen last, retained: ``ts`` is when, ``id`` names the event. ``place`` is ``exterior``,
    ``transition`` or ``interior``, empty for a camera of which nobody said where it looks."""

    name: str
    camera: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class PresenceTold(Message):
    """Where a member is, by the phone: ``state`` is ``home``, ``away`` or ``unknown``, since ``since_ts``. Retained."""

    member: str
    state: str
    since_ts: int
