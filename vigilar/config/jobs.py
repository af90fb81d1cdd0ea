"""What each process is told at its start: plain frozen dataclasses, cut out of the configuration by ``cut``.

They travel to a child process by pickle, so every field is a plain value. Nothing here may import pydantic: these
types are in every process. What is secret (passwords, addresses with credentials) is left out of ``repr``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from vigilar.base.arm_rules import ArmRules
from vigilar.base.keep_rules import KeepRules
from vigilar.base.notify_rules import NotifyRules
from vigilar.base.wildlife_rules import WildlifeRules

RecordingMode = Literal["always", "motion", "keyframes-when-idle"]
StreamTransport = Literal["tcp", "udp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessJob:
    """What every process is told: where its data is, how to reach database and bus, how much to log.

    ``node_id`` is the id of the data folder (``base.folder_id``), under which this box owns rows of the database.
    """

    data_dir: Path
    secrets_dir: Path
    run_dir: Path
    database_url: str = field(repr=False)
    bus_host: str
    bus_port: int
    bus_user: str
    bus_password: str = field(repr=False)
    log_level: str = "INFO"
    node_id: str = ""


Job = TypeVar("Job", bound=ProcessJob)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraJob(ProcessJob):
    """One camera's process.

    ``main_url`` and ``sub_url`` are ``rtsp://``, ``rtsps://`` or ``http://`` addresses with percent-encoded
    credentials, or ``file:/absolute/path`` loops (also the demo scenes). ``camera_uuid`` is 16 bytes, or empty when the
    process is to take it from its row. ``sensitivity`` is 0..1. ``objects``: what moves is to be recognised, and a
    model is there. ``allow_public``: its address may lie outside of the house. ``max_bps`` is how much each stream may
    send, in bits a second. ``own_ports`` are those of this box's pages and broker. ``zones`` is JSON for
    ``detect.zones.ZoneMap.parse``, empty for none.
    """

    camera_id: str
    name: str
    camera_uuid: bytes = b""
    main_url: str = field(repr=False)
    sub_url: str | None = field(default=None, repr=False)
    recording_mode: RecordingMode = "always"
    detect: bool = True
    sensitivity: float = 0.5
    before_s: float = 5.0
    after_s: float = 10.0
    segment_s: float = 300.0
    sound: bool = True
    transport: StreamTransport = "tcp"
    allow_public: bool = False
    max_bps: int = 50_000_000
    own_ports: tuple[int, ...] = ()
    zones: str = ""
    objects: bool = False


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """What other processes than its own know of a camera. ``enabled`` is false for one that is set aside; ``place`` is
    ``exterior``, ``transition`` or ``interior``, empty where nobody said so."""

    id: str
    name: str
    has_sub: bool
    enabled: bool
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsJob(ProcessJob):
    """The process that turns messages into stored events, and looks after their proof. ``copy_to`` is the folder that
    signed checkpoints are appended to, empty for none."""

    cameras: tuple[CameraInfo, ...] = ()
    copy_to: str = ""
    arm: ArmRules = field(default_factory=ArmRules)
    wildlife: WildlifeRules = field(default_factory=WildlifeRules)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepJob(ProcessJob):
    """The process that keeps the house in order: retention."""

    rules: KeepRules = field(default_factory=KeepRules)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupJob(ProcessJob):
    """The process that copies recordings elsewhere. Meanings are those of ``[backup]``.

    ``at_min`` is in minutes of the house's day; ``every_s`` 0: once a day. ``password`` is that of the login, or opens
    ``key``, a private key; both are empty for a folder. ``keep_ms`` and ``limit_bps`` 0: no limit. ``before_ms`` and
    ``after_ms`` are kept around an event.
    """

    config_file: Path
    target: str
    host_key: str = ""
    password: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    time_zone: str = "UTC"
    at_min: int = 210
    every_s: float = 0.0
    only_events: bool = True
    keep_ms: int = 0
    limit_bps: int = 0
    late_after_ms: int = 26 * 3_600_000
    drill_ms: int = 30 * 86_400_000
    before_ms: int = 5_000
    after_ms: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorJob(ProcessJob):
    """The process that recognises objects. ``budget_cores``: processors it may use; 0: half of those that idle."""

    budget_cores: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyFilm:
    """A kind of job (``reel`` or ``timelapse``) for each day that is over. ``at_min`` is in minutes of the house's day;
    ``cameras`` are ids, empty for all; ``smart`` counts for time-lapses."""

    kind: str
    at_min: int
    length_s: int
    cameras: tuple[str, ...] = ()
    smart: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkJob(ProcessJob):
    """The process that does long work. ``time_zone`` is an IANA name. ``areas`` are the zones of cameras, by id, as
    those of a ``CameraJob``: what is private is black in what is made. ``films`` are made each day."""

    house_name: str = "Home"
    time_zone: str = "UTC"
    cameras: tuple[CameraInfo, ...] = ()
    areas: tuple[tuple[str, str], ...] = ()
    films: tuple[DailyFilm, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyJob(ProcessJob):
    """The process that tells people. ``shows_names``: a locked phone shows who and where. ``push_hosts`` are push
    services of the owner's own, ``push_ca_file`` vouches for them. ``ways`` is JSON for ``notify.ways.Ways``, with
    secrets in it."""

    notify: NotifyRules = field(default_factory=NotifyRules)
    shows_names: bool = True
    push_hosts: tuple[str, ...] = ()
    push_ca_file: str = ""
    ways: str = field(default="{}", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebJob(ProcessJob):
    """The process that serves pages and the API.

    ``names`` are host names, beside addresses and ``localhost``, under which the box may be called; ``proxies`` are
    the addresses of the owner's own proxies, whose word on who asks counts. ``time_zone`` is an IANA name.
    ``certificate`` and ``key`` are files of the owner's own certificate. ``https_only``: other machines see
    nothing over plain HTTP but the way to trust the house. ``has_door``: our HAProxy listens on the port,
    and hands requests to a socket in ``door_dir``. ``wants_objects``: what moves is to be recognised, if there is a
    model. ``power``: the limits of the UPS (``shed_below`` in per cent, ``shed_runtime`` in seconds, ``stop_below`` in
    per cent), None without one. ``backup_to`` is the target of the backup, empty for none.
    ``looks_for_phones``: somebody wants to hear where paired phones are. ``broker_encrypted``: our broker shows the
    certificate too, and has to hear of another one. ``wall_pictures`` is a folder of the household's own pictures,
    empty for none.
    """

    config_file: Path
    listen: str = "0.0.0.0"  # noqa: S104 -- the house's own network is who this page is for
    port: int = 49735
    names: tuple[str, ...] = ()
    house_name: str = "Home"
    time_zone: str = "UTC"
    cameras: tuple[CameraInfo, ...] = ()
    rules: KeepRules = field(default_factory=KeepRules)
    proxies: tuple[str, ...] = ()
    certificate: str = ""
    key: str = ""
    https_only: bool = False
    has_door: bool = False
    wants_objects: bool = True
    arm: ArmRules = field(default_factory=ArmRules)
    power: tuple[int, int, int] | None = None
    notify: NotifyRules = field(default_factory=NotifyRules)
    push_hosts: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()
    backup_to: str = ""
    backup_late_ms: int = 26 * 3_600_000
    looks_for_phones: bool = False
    wall_pictures: str = ""
    broker_encrypted: bool = False
    wildlife: WildlifeRules = field(default_factory=WildlifeRules)

    @property
    def door_dir(self) -> Path:
        """Where the sockets between door and web process are."""
        return self.data_dir / "door"


@dataclass(frozen=True, slots=True)
class GpioLine:
    """A pin that is a sensor. ``active``: ``high`` or ``low``; ``pull``: ``up``, ``down`` or ``none``."""

    name: str
    chip: str
    line: int
    kind: str
    active: str
    pull: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorsJob(ProcessJob):
    """The process that hears sensors and looks for phones.

    ``topic`` is the base topic of Zigbee2MQTT, empty when it is not listened to; ``host`` its broker, empty when it is
    the bus itself. ``silent_after_ms`` and ``away_after_s`` are how long a sensor and a phone may be quiet.
    """

    topic: str = ""
    host: str = ""
    port: int = 1883
    user: str = ""
    password: str = field(default="", repr=False)
    gpio: tuple[GpioLine, ...] = ()
    silent_after_ms: int = 25 * 3_600_000
    low_battery: int = 15
    looks_for_phones: bool = False
    away_after_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeAssistantJob(ProcessJob):
    """The process that shows the house to Home Assistant.

    ``is_enabled`` false: it was switched off, and what it has published is to be taken away. ``host`` is the broker of
    the owner's to which Home Assistant speaks, empty when that is the bus itself. ``cameras`` are those that are shown;
    ``shows_all``: no camera is hidden. ``sensors``: ``own``, ``all`` or ``none``. ``recognises``: what moves is
    recognised. ``has_ups``, ``has_backup``: the house has one. ``rules`` are for the forecast.
    """

    is_enabled: bool = True
    host: str = ""
    port: int = 1883
    user: str = ""
    password: str = field(default="", repr=False)
    house_name: str = "Home"
    cameras: tuple[CameraInfo, ...] = ()
    shows_all: bool = True
    pictures: bool = False
    may_arm: bool = True
    sensors: str = "own"
    recognises: bool = False
    has_ups: bool = False
    has_backup: bool = False
    rules: KeepRules = field(default_factory=KeepRules)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsJob(ProcessJob):
    """The process that watches a UPS, which is ``ups_name`` of the NUT server at ``host``. ``shed_below`` and
    ``stop_below`` are per cent of the battery, ``shed_runtime_s`` is what it lasts."""

    ups_name: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    shed_below: int = 50
    shed_runtime_s: float = 600.0
    stop_below: int = 10


@dataclass(frozen=True, slots=True)
class LanWay:
    """Where our own broker listens for the network: for Zigbee2MQTT, whose base topic is ``topic``, or for Home
    Assistant. ``is_encrypted``: by TLS only, with the certificate that the pages show. ``certificate_id`` and
    ``password_id`` name the contents of what the broker reads, so that others are a change of the plan."""

    host: str
    port: int
    topic: str = ""
    is_encrypted: bool = False
    certificate_id: str = ""
    password_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerPlan:
    """Which broker the house uses. ``is_own``: a Mosquitto of ours at ``port`` (0: any free one), else the owner's.

    ``sensors`` and ``home_assistant`` are where ours listens for those too; None for nowhere.

    ``user`` and ``password`` are those of the owner's broker; our own gets new ones from the supervisor.
    """

    is_own: bool
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    sensors: LanWay | None = None
    home_assistant: LanWay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorPlan:
    """The door before the pages: HAProxy on their port. ``has_tls``: it has a certificate to show. Two that are equal
    but for ``https_only``, which the running one can be told, need the same configuration."""

    listen: str
    port: int
    proxies: tuple[str, ...] = ()
    has_tls: bool = False
    https_only: bool = False


@dataclass(frozen=True, slots=True)
class BusLogin:
    """With what a process enters the bus."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusLogins:
    """Where the bus is, and who enters it how: each account of our own broker, or ``shared`` at the owner's."""

    host: str
    port: int
    accounts: Mapping[str, BusLogin] = field(default_factory=dict)
    shared: BusLogin | None = None

    def of(self, account: str) -> BusLogin:
        """The login of an account; one without user and password for a process that has no account (``""``)."""
        if not account:
            return BusLogin("", "")
        return self.shared or self.accounts[account]


@dataclass(frozen=True, slots=True)
class PlannedProcess:
    """One process that is to run. ``title`` is what people call it, with the camera's name as it is now."""

    title: str
    job: ProcessJob


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseJobs:
    """Everything the supervisor starts. It gets this from a short-lived child, so that it need not hold pydantic.

    ``processes`` are by name (``camera/front-door``) in the order in which they start, broker and door aside. ``page``
    is address and port of the pages, ``door`` what stands before them, None if the web server listens there itself.
    ``looks_for_motion``: at least one camera does; ``recognises``: what moves is recognised. ``problems`` are sentences
    about cameras that cannot run (a login that is missing, say); the others run. ``config_error``: what is wrong with
    the settings file, while these are of the last good one.
    """

    processes: Mapping[str, PlannedProcess]
    broker: BrokerPlan
    cameras: tuple[CameraInfo, ...]
    page: tuple[str, int]
    log_level: str = "INFO"
    looks_for_motion: bool = True
    door: DoorPlan | None = None
    recognises: bool = False
    problems: tuple[str, ...] = ()
    config_error: str = ""


def live_settings(job: ProcessJob, names: Iterable[str]) -> dict[str, Any]:
    """The fields ``names`` of a job as they travel to the running process: JSON-able, and never a secret."""
    return {name: _plain(getattr(job, name)) for name in sorted(names)}


def with_settings(job: Job, settings: Mapping[str, Any]) -> Job:
    """The job with ``settings``, as ``live_settings`` made them, in it."""
    changes: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()
    }
    if "cameras" in changes:
        changes["cameras"] = tuple(CameraInfo(**camera) for camera in changes["cameras"])
    if "rules" in changes:
        changes["rules"] = KeepRules.parse(changes["rules"])
    if "arm" in changes:
        changes["arm"] = ArmRules.parse(changes["arm"])
    if "notify" in changes:
        changes["notify"] = NotifyRules.parse(changes["notify"])
    if "wildlife" in changes:
        changes["wildlife"] = WildlifeRules.parse(changes["wildlife"])
    return replace(job, **changes)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, KeepRules | ArmRules | NotifyRules | WildlifeRules):
        return value.dump()
    return asdict(value) if isinstance(value, CameraInfo) else value
