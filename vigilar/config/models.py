"""The configuration as frozen models: each key with its kind, default and what it means for the owner.

Strict: nothing is converted silently, unknown keys are refused. The names in the file are the aliases; an attribute in
seconds is called ``..._s``. ``docs/ref/configuration.md`` is made from these models and a test keeps it true.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from vigilar.base.ids import slug
from vigilar.config.addresses import is_network
from vigilar.config.areas import Line, Zone
from vigilar.config.backup_models import Backup
from vigilar.config.film_models import Reels, Timelapse
from vigilar.config.guard_models import Arm, Presence, Sensors
from vigilar.config.home_models import HomeAssistant
from vigilar.config.jobs import RecordingMode, StreamTransport
from vigilar.config.notify_models import Notify
from vigilar.config.table import Table
from vigilar.config.ups_models import Ups
from vigilar.config.values import (
    Address,
    Addresses,
    BitRate,
    ByteSize,
    CameraId,
    FilePath,
    FolderPath,
    Host,
    Hosts,
    Keep,
    Listen,
    Login,
    Name,
    ProcessorShare,
    Seconds,
    Sensitivity,
    TimeZone,
    as_tuple,
    at_least_size,
    between_degrees,
    between_s,
    box_time_zone,
    check_port,
    refuse,
    takes,
)
from vigilar.config.wall_models import Wall
from vigilar.config.wildlife_models import Wildlife

DEFAULT_PORT = 49735

_MODE = '"always", "motion" or "keyframes-when-idle"'
_SIZE = 'size, such as "100 GB"'
_KEEP = 'days or hours, such as "30d"'
LEAST_QUOTA_BYTES = 10_000_000
"""Ten seconds of a good camera: less is a mistake of writing."""

Quota = Annotated[ByteSize, AfterValidator(at_least_size(LEAST_QUOTA_BYTES))]

_SENSITIVITY = '"low", "normal", "high", or 0 to 1'


class House(Table):
    """The house itself."""

    name: Name = Field(
        default="Home", description="What the house is called on the pages.", json_schema_extra=takes("text")
    )
    time_zone: TimeZone = Field(
        default="auto",
        description="Times are shown in it. `auto` takes the time zone of this machine.",
        json_schema_extra=takes('"auto" or an IANA name such as "Europe/Berlin"'),
    )

    latitude: Annotated[float, AfterValidator(between_degrees(90))] | None = Field(
        default=None,
        description="Where the house is, in degrees north (south is below zero). Sunrise and sunset in the journal of "
        "wild animals are worked out from it, here and without the internet.",
        json_schema_extra=takes("-90 to 90"),
    )
    longitude: Annotated[float, AfterValidator(between_degrees(180))] | None = Field(
        default=None,
        description="The same in degrees east (west is below zero).",
        json_schema_extra=takes("-180 to 180"),
    )

    @model_validator(mode="after")
    def _has_both_degrees(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            missing = "latitude" if self.latitude is None else "longitude"
            raise refuse("is needed too: a place is nothing without both", key=missing)
        return self

    @property
    def place(self) -> tuple[float, float] | None:
        """Latitude and longitude; None where nobody said."""
        return None if self.latitude is None or self.longitude is None else (self.latitude, self.longitude)

    @property
    def zone_name(self) -> str:
        """The IANA name of the time zone in force."""
        return box_time_zone() if self.time_zone == "auto" else self.time_zone


class Web(Table):
    """The pages."""

    listen: Listen = Field(
        default="0.0.0.0",  # noqa: S104 -- the house's own network is who this page is for
        description="Where the pages can be reached: `0.0.0.0` from the whole network, `127.0.0.1` only from this "
        "machine.",
        json_schema_extra=takes("IP address"),
    )
    port: Annotated[int, AfterValidator(check_port(1))] = Field(
        default=DEFAULT_PORT, description="The port of the pages.", json_schema_extra=takes("1 to 65535")
    )
    names: Hosts = Field(
        default=(),
        description="Names by which this machine is called in the house, beside its addresses.",
        json_schema_extra=takes("list of host names"),
    )
    proxies: Addresses = Field(
        default=(),
        description="Addresses of reverse proxies of your own. What they say of who asks "
        "(`X-Forwarded-For`, `X-Forwarded-Proto`) counts; from anybody else it is ignored.",
        json_schema_extra=takes("list of IP addresses"),
    )
    certificate: FilePath | None = Field(
        default=None,
        description="A certificate of your own for HTTPS: a PEM file with the chain. Without it the house makes one "
        "itself.",
        json_schema_extra=takes("absolute path of a file"),
    )
    key: FilePath | None = Field(
        default=None,
        description="The private key of that certificate, a PEM file without a password that the service may read.",
        json_schema_extra=takes("absolute path of a file"),
    )
    https_only: bool = Field(
        default=False,
        description="Whether other machines get nothing over plain HTTP but the page on which a device learns to trust "
        "the house. Without it they may sign in and look, and change nothing.",
        json_schema_extra=takes("true or false"),
    )

    @model_validator(mode="after")
    def _has_both_files(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            missing = "key" if self.key is None else "certificate"
            raise refuse("is needed too: a certificate is nothing without its key", key=missing)
        return self


class Bus(Table):
    """The message bus between the processes (MQTT)."""

    broker: Literal["own", "external"] = Field(
        default="own",
        description="`own`: Vigilar runs its own Mosquitto, reachable only from this machine. `external`: yours "
        "is used.",
        json_schema_extra=takes('"own" or "external"'),
    )
    host: Host = Field(
        default="127.0.0.1",
        description="Where an external broker is.",
        json_schema_extra=takes("host name or IP address"),
    )
    port: Annotated[int, AfterValidator(check_port(0))] = Field(
        default=1883,
        description="The port of the broker. `0`: any free one (own broker only).",
        json_schema_extra=takes("0 to 65535"),
    )
    login: Login | None = Field(
        default=None,
        description="The secret with user and password for an external broker.",
        json_schema_extra=takes('"secret:NAME"'),
    )

    @model_validator(mode="after")
    def _fits_broker(self) -> Self:
        wrong = "login" if self.login is not None else "host"
        if self.broker == "own" and (self.host != "127.0.0.1" or self.login is not None):
            raise refuse('is for an external broker; write broker = "external", or leave it out', key=wrong)
        if self.broker == "external" and self.port == 0:
            raise refuse("must be given for an external broker", key="port")
        return self


class Storage(Table):
    """How long recordings stay, and the database. The oldest go first; what belongs to a kept event never goes. If more
    than half of all would have to go at once, that waits for your word on the storage page. A camera may differ, see
    `[[camera]]`."""

    quota: Quota | None = Field(
        default=None,
        description="All recordings and stills together take no more than this. Without it they take the disk, up to "
        "the reserve.",
        json_schema_extra=takes(_SIZE),
    )
    reserve: Annotated[ByteSize, AfterValidator(at_least_size(0))] | None = Field(
        default=None,
        description="Stays free on the disk, whoever fills it. Without it 5 GB, on a disk below 100 GB a twentieth "
        "of it; never less than 64 MiB.",
        json_schema_extra=takes(_SIZE),
    )
    keep: Keep | None = Field(
        default=None,
        description="Recordings older than this go. Without it they stay as long as there is space.",
        json_schema_extra=takes(_KEEP),
    )
    keep_alarms: Keep = Field(
        default=90 * 86_400_000,
        description="The same for footage of alarms (events of a camera with the level alert or critical). As long as "
        "it is younger it also goes last when space is short, up to half of all space.",
        json_schema_extra=takes(_KEEP),
    )

    database_url: str = Field(
        default="",
        description="Empty: a file in the data folder. A PostgreSQL server serves several recorders at one site.",
        json_schema_extra=takes('"postgresql+psycopg://host/name" or empty'),
    )
    login: Login | None = Field(
        default=None,
        description="The secret with user and password for the database server.",
        json_schema_extra=takes('"secret:NAME"'),
    )

    @model_validator(mode="after")
    def _holds_no_login(self) -> Self:
        scheme, found, rest = self.database_url.partition("://")
        if self.database_url and (not found or not scheme.startswith(("postgresql", "sqlite"))):
            raise refuse('must begin with "postgresql+psycopg://" or "sqlite:///"', key="database_url")
        if "@" in rest or "password=" in rest.lower():
            raise refuse('must not hold a login; write login = "secret:NAME"', key="database_url")
        if self.login is not None and not scheme.startswith("postgresql"):
            raise refuse("is for a database server; there is none in database_url", key="login")
        return self


class Recording(Table):
    """What is recorded. A camera may differ, see `[[camera]]`."""

    mode: RecordingMode = Field(
        default="always",
        description="`always`: everything. `motion`: only around motion. `keyframes-when-idle`: everything around "
        "motion, one picture every few seconds at other times.",
        json_schema_extra=takes(_MODE),
    )
    before_s: Annotated[Seconds, AfterValidator(between_s(0, 60))] = Field(
        default=5.0,
        alias="before",
        description="Kept before motion begins, held in memory until then. At least this much, from a whole picture "
        "on.",
        json_schema_extra=takes('time, "0s" to "1m"'),
    )
    after_s: Annotated[Seconds, AfterValidator(between_s(1, 600))] = Field(
        default=10.0,
        alias="after",
        description="Kept after motion ended.",
        json_schema_extra=takes('time, "1s" to "10m"'),
    )
    segment_s: Annotated[Seconds, AfterValidator(between_s(10, 3600))] = Field(
        default=300.0,
        alias="segment",
        description="The length of one recording file.",
        json_schema_extra=takes('time, "10s" to "1h"'),
    )
    sound: bool = Field(
        default=True,
        description="Whether sound is recorded. Mind the law where you live.",
        json_schema_extra=takes("true or false"),
    )


class Detect(Table):
    """Finding motion, and what it is that moves."""

    enabled: bool = Field(
        default=True, description="Whether motion is looked for at all.", json_schema_extra=takes("true or false")
    )
    sensitivity: Sensitivity = Field(
        default=0.5,
        description="How little motion is enough. `low` suits trees in the wind, `high` people far away.",
        json_schema_extra=takes(_SENSITIVITY),
    )
    objects: bool = Field(
        default=True,
        description="Whether people, vehicles and animals are recognised in what moves, on this machine alone. Needs a "
        "model: `vigilar models install`.",
        json_schema_extra=takes("true or false"),
    )
    budget_cores: ProcessorShare = Field(
        default=0.0,
        alias="budget",
        description="How much of the processor recognising may take: `0.5` is half of one. `auto` takes half of what "
        "is idle, and a tenth of one at least.",
        json_schema_extra=takes('"auto", or a number of processors'),
    )


class Log(Table):
    """What the service writes about itself."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="`debug` says most, `error` least.",
        json_schema_extra=takes('"debug", "info", "warning" or "error"'),
    )


class Camera(Table):
    """One camera. Only `name` and `address` must be given."""

    name: Name = Field(description="What the camera is called.", json_schema_extra=takes("text"))
    given_id: CameraId | None = Field(
        default=None,
        alias="id",
        description="The short name in addresses and folders. Made of the name if left out; keep it when you rename "
        "a camera, or its earlier recordings belong to a camera that is gone.",
        json_schema_extra=takes("small letters, digits, hyphens"),
    )
    address: Address = Field(
        description="Where the picture comes from, without login: `rtsp://host:554/path`, `rtsps://host:322/path` "
        "(encrypted), `http://host/path` of an MJPEG stream (converted to H.264 here, which takes up to half a core), "
        "`file:/path` of a video that is played over and over, or `demo:street`, `demo:garden`, "
        "`demo:hall`, `demo:feeder`. A camera that wants its login inside of the path gets `{user}` and `{password}` "
        "there.",
        json_schema_extra=takes("address"),
    )
    small: Address | None = Field(
        default=None,
        description="The address of the camera's small stream (sub stream): motion is looked for in it, which costs "
        "far less.",
        json_schema_extra=takes("address"),
    )
    login: Login | None = Field(
        default=None,
        description="The secret with user and password of the camera.",
        json_schema_extra=takes('"secret:NAME"'),
    )
    transport: StreamTransport = Field(
        default="tcp",
        description="How the camera sends its pictures. `udp` is for cameras that do badly over TCP; where nothing "
        "comes that way TCP is taken. Encrypted addresses always use TCP.",
        json_schema_extra=takes('"tcp" or "udp"'),
    )
    allow_public: bool = Field(
        default=False,
        description="`true` allows an address outside of your home network for this camera. Whoever sits between it "
        "and you can watch along, unless the address is encrypted (`rtsps://`).",
        json_schema_extra=takes("true or false"),
    )
    max_rate: BitRate = Field(
        default=50_000_000,
        description="The most that each stream of this camera may send, over ten seconds. Beyond it the camera is left "
        "alone for a minute, so that a broken or hacked one cannot fill the disk.",
        json_schema_extra=takes('rate, such as "50 Mbit/s"'),
    )
    record: RecordingMode | None = Field(
        default=None, description="As `mode` in `[recording]`, for this camera.", json_schema_extra=takes(_MODE)
    )
    sensitivity: Sensitivity | None = Field(
        default=None, description="As in `[detect]`, for this camera.", json_schema_extra=takes(_SENSITIVITY)
    )
    sound: bool | None = Field(
        default=None, description="As in `[recording]`, for this camera.", json_schema_extra=takes("true or false")
    )
    quota: Quota | None = Field(
        default=None,
        description="This camera's recordings and stills take no more than this.",
        json_schema_extra=takes(_SIZE),
    )
    keep: Keep | None = Field(
        default=None,
        description="As in `[storage]`, for this camera.",
        json_schema_extra=takes(_KEEP),
    )
    indoor: bool = Field(
        default=False,
        description="Whether the camera looks into the house: by itself it counts only when everybody is away, see "
        "`[arm]`.",
        json_schema_extra=takes("true or false"),
    )
    door: bool | None = Field(
        default=None,
        description="Whether the camera looks at a door, see `[[notify.rule]]`. Without it its name says so: door, "
        "doorbell, porch, entrance, entry, gate.",
        json_schema_extra=takes("true or false"),
    )
    place: Literal["exterior", "transition", "interior"] | None = Field(
        default=None,
        description="Where the camera looks: outside, at a way in or out (porch, door), or into the house. Tells where "
        "pets are, and that one that stays indoors got out.",
        json_schema_extra=takes('"exterior", "transition" or "interior"'),
    )
    enabled: bool = Field(
        default=True,
        description="`false` sets the camera aside; its recordings stay.",
        json_schema_extra=takes("true or false"),
    )
    zones: Annotated[tuple[Zone, ...], BeforeValidator(as_tuple)] = Field(
        default=(), alias="zone", description="Areas of its picture, see `[[camera.zone]]`."
    )
    lines: Annotated[tuple[Line, ...], BeforeValidator(as_tuple)] = Field(
        default=(), alias="line", description="Lines in its picture, see `[[camera.line]]`."
    )

    @property
    def id(self) -> str:
        """The id in force: the given one, or the slug of the name."""
        return self.given_id or slug(self.name)

    @model_validator(mode="after")
    def _fits_address(self) -> Self:
        if self.small is not None and self.address.startswith("demo:"):
            raise refuse("is not for a demo scene, which brings its own", key="small")
        if self.small is not None and self.small.startswith("demo:"):
            raise refuse("cannot be a demo scene", key="small")
        if self.login is not None and not is_network(self.address):
            raise refuse('is only for an "rtsp://", "rtsps://" or "http://" address', key="login")
        if self.login is None and "{password}" in self.address + (self.small or ""):
            raise refuse('asks for {password}, but there is no login = "secret:NAME"', key="address")
        return self


class Proof(Table):
    """Proof that recordings are what was recorded."""

    copy_to: FolderPath = Field(
        default="",
        description="A folder elsewhere, on a network drive say, to which this box appends a signed checkpoint each "
        "hour, 3 kB. Whoever has one can tell what was taken away since: `vigilar check --against FILE`. The folder "
        "must be there; it is never made, so that nothing is written where a drive is not mounted.",
        json_schema_extra=takes("absolute path of a folder"),
    )


class Config(Table):
    """The whole file. Every key may be left out."""

    schema_version: Literal[1] = Field(
        default=1,
        alias="schema",
        description="The version of this file's format.",
        json_schema_extra=takes("1"),
    )
    house: House = Field(default=House())
    web: Web = Field(default=Web())
    bus: Bus = Field(default=Bus())
    storage: Storage = Field(default=Storage())
    recording: Recording = Field(default=Recording())
    detect: Detect = Field(default=Detect())
    proof: Proof = Field(default=Proof())
    backup: Backup = Field(default=Backup())
    reels: Reels = Field(default=Reels())
    timelapse: Timelapse = Field(default=Timelapse())
    arm: Arm = Field(default=Arm())
    sensors: Sensors = Field(default=Sensors())
    presence: Presence = Field(default=Presence())
    ups: Ups = Field(default=Ups())
    notify: Notify = Field(default=Notify())
    wall: Wall = Field(default=Wall())
    home_assistant: HomeAssistant = Field(default=HomeAssistant())
    wildlife: Wildlife = Field(default=Wildlife())
    log: Log = Field(default=Log())
    cameras: Annotated[tuple[Camera, ...], BeforeValidator(as_tuple)] = Field(default=(), alias="camera")

    def find_camera(self, camera_id: str) -> Camera | None:
        return next((camera for camera in self.cameras if camera.id == camera_id), None)

    def mode_of(self, camera: Camera) -> RecordingMode:
        return camera.record or self.recording.mode

    def sensitivity_of(self, camera: Camera) -> float:
        return self.detect.sensitivity if camera.sensitivity is None else camera.sensitivity

    def keep_of(self, camera: Camera) -> int | None:
        """Milliseconds; None: as long as there is space."""
        return self.storage.keep if camera.keep is None else camera.keep

    def sound_of(self, camera: Camera) -> bool:
        return self.recording.sound if camera.sound is None else camera.sound
