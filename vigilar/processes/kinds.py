"""The one table of process kinds: what each is called, how it starts, ends and is told of changes, what it may say.

Whoever adds a process adds a row here and the function the row names. From the rows follow the plan, the order of start
and stop, the accounts of the broker with their rules, the names in ``ps`` and in sentences, and the tables of
``docs/architecture/overview.md`` and ``subsystems/bus.md`` (a test keeps them equal).

The supervisor imports this: functions are therefore named as text, ``"module:function"``, and loaded by who calls them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import Any

from vigilar.bus.topics import HomeTopics, Topics


class Start(Enum):
    """How a process begins. ``FORK``: from the fork server, which has the work of a camera in memory, and so much of
    everybody else's. ``PROGRAM``: not ours, and without a line to us."""

    FORK = "forkserver"
    PROGRAM = "program"


class StopStage(Enum):
    """The stages of a stop in their order, with the seconds each has before its processes are killed.

    Who reports goes first, so that its last events are still taken; then who shows, who stores, and last the bus. All
    processes of a stage end side by side, so one kind more makes a stop no longer: 9.3 s in all, of the 10 s it may
    take.
    """

    REPORTS = (1, 4.0)
    SHOWS = (2, 2.0)
    STORES = (3, 2.3)
    CARRIES = (4, 1.0)

    @property
    def within_s(self) -> float:
        return self.value[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessKind:
    """One row.

    ``name`` names its process, ``<name>/<camera id>`` where there is one a camera (``is_per_camera``). ``title`` is
    what people read, fit to begin a sentence; ``{name}`` in it is the camera's name.

    ``entry`` is called on the main thread of the process as ``entry(job, control)`` and works until
    ``control.stop_requested``. Of a PROGRAM it is called in the supervisor, with a folder, for the command.

    ``cut`` makes the job, in the short-lived process that reads the configuration: ``cut(source, login)``, and with the
    Camera as third where there is one a camera (see ``config.cut``). It gives None when the house does without. A
    PROGRAM has none.

    ``says`` and ``hears`` are the topics its account at our broker may publish and subscribe, MQTT wildcards allowed;
    ``{camera_id}`` in them is the camera's id, ``{zigbee2mqtt}`` the base topic of the settings. A kind with neither
    has no account.

    ``live`` names the fields of the job that reach the running process (``ControlChild.listen(on_settings=...)``). A
    change of any other starts the process again, so what must reconnect, and every secret, is never in it.

    ``shed_at`` is the level of the supply (``power.watch``) from which on the house does without it: ``battery``,
    ``low``, or empty for never. It begins again when mains are back.

    ``starts_line`` is false for a process that starts its line to the supervisor itself, because it forks first.
    """

    name: str
    title: str
    entry: str
    start: Start
    stop: StopStage
    is_per_camera: bool = False
    cut: str = ""
    says: tuple[str, ...] = ()
    hears: tuple[str, ...] = ()
    live: frozenset[str] = frozenset()
    shed_at: str = ""
    starts_line: bool = True

    def process(self, camera_id: str = "") -> str:
        """The name of its process: ``web``, ``camera/front-door``."""
        return f"{self.name}/{camera_id}" if self.is_per_camera else self.name

    def account(self, camera_id: str = "") -> str:
        """Its user at our broker; empty when it has none."""
        if not self.says and not self.hears:
            return ""
        return f"{self.name}-{camera_id}" if self.is_per_camera else self.name

    def title_for(self, camera_name: str = "") -> str:
        """``camera_name`` may hold anything; braces in it stay braces."""
        return self.title.replace("{name}", camera_name)


_CAMERA = "{camera_id}"
_ZIGBEE = "{zigbee2mqtt}"

KINDS: tuple[ProcessKind, ...] = (
    ProcessKind(
        name="broker",
        title="The message broker",
        entry="vigilar.bus.broker:broker_command",
        start=Start.PROGRAM,
        stop=StopStage.CARRIES,
    ),
    ProcessKind(
        name="door",
        title="The door before the pages",
        entry="vigilar.door.haproxy:door_command",
        start=Start.PROGRAM,
        stop=StopStage.SHOWS,
    ),
    ProcessKind(
        name="camera",
        title="The camera process of {name}",
        entry="vigilar.processes.camera:run_camera",
        start=Start.FORK,
        stop=StopStage.REPORTS,
        is_per_camera=True,
        cut="vigilar.config.cut:make_camera_job",
        says=(
            Topics.motion_start(_CAMERA),
            Topics.motion_end(_CAMERA),
            Topics.camera_fact(_CAMERA),
            Topics.camera_object(_CAMERA),
            Topics.camera_visit(_CAMERA),
            Topics.camera_track(_CAMERA),
            Topics.camera_health(_CAMERA),
            Topics.camera_heartbeat(_CAMERA),
        ),
        hears=(Topics.camera_command(_CAMERA),),
        live=frozenset(
            {
                "log_level",
                "name",
                "recording_mode",
                "detect",
                "sensitivity",
                "before_s",
                "after_s",
                "segment_s",
                "sound",
                "zones",
                "objects",
            }
        ),
    ),
    ProcessKind(
        name="events",
        title="The event log",
        entry="vigilar.processes.events:run_events",
        start=Start.FORK,
        stop=StopStage.STORES,
        cut="vigilar.config.cut:make_events_job",
        says=(
            *("vigilar/events/#", "vigilar/system/#", "vigilar/pets/#"),
            *(Topics.PROOF_CHECKPOINT, Topics.SIREN),
        ),
        hears=(
            "vigilar/camera/#",
            "vigilar/events/#",
            "vigilar/system/#",
            "vigilar/proof/#",
            "vigilar/sensor/#",
            "vigilar/presence/#",
            "vigilar/ups/#",
        ),
        live=frozenset({"log_level", "cameras", "copy_to", "arm", "wildlife"}),
    ),
    ProcessKind(
        name="web",
        title="The web server",
        entry="vigilar.processes.web:run_web",
        start=Start.FORK,
        stop=StopStage.SHOWS,
        cut="vigilar.config.cut:make_web_job",
        says=(Topics.camera_retry("+"), Topics.ARM_CHANGED, Topics.PHONE_HEARD),
        hears=("vigilar/camera/#", "vigilar/events/#", "vigilar/system/#"),
        live=frozenset(
            {
                "log_level",
                "cameras",
                "names",
                "proxies",
                "certificate",
                "key",
                "https_only",
                "house_name",
                "time_zone",
                "rules",
                "arm",
                "wildlife",
                "notify",
                "push_hosts",
                "ways",
                "wants_objects",
                "power",
                "backup_to",
                "backup_late_ms",
                "looks_for_phones",
                "wall_pictures",
                "broker_encrypted",
            }
        ),
        starts_line=False,
    ),
    ProcessKind(
        name="notify",
        title="The program that tells people",
        entry="vigilar.processes.notify:run_notify",
        start=Start.FORK,
        stop=StopStage.SHOWS,
        cut="vigilar.config.cut:make_notify_job",
        says=(Topics.SIREN, f"{_ZIGBEE}/+/set", Topics.camera_record("+"), Topics.scene("#")),
        hears=("vigilar/events/#", Topics.SIREN),
        live=frozenset({"log_level", "notify", "shows_names"}),
    ),
    ProcessKind(
        name="jobs",
        title="The program for exports and films",
        entry="vigilar.processes.jobs:run_jobs",
        start=Start.FORK,
        stop=StopStage.SHOWS,
        cut="vigilar.config.cut:make_work_job",
        says=(Topics.SYSTEM_JOB,),
        live=frozenset({"log_level", "cameras", "house_name", "time_zone", "areas", "films"}),
        shed_at="battery",
    ),
    ProcessKind(
        name="detector",
        title="The detector of people, vehicles and animals",
        entry="vigilar.processes.detector:run_detector",
        start=Start.FORK,
        stop=StopStage.REPORTS,
        cut="vigilar.config.cut:make_detector_job",
        live=frozenset({"log_level", "budget_cores"}),
        shed_at="low",
    ),
    ProcessKind(
        name="sensors",
        title="The program for sensors",
        entry="vigilar.processes.sensors:run_sensors",
        start=Start.FORK,
        stop=StopStage.REPORTS,
        cut="vigilar.config.cut:make_sensors_job",
        says=("vigilar/sensor/#", "vigilar/presence/#"),
        hears=(f"{_ZIGBEE}/#", Topics.PHONE_HEARD),
        live=frozenset({"log_level", "silent_after_ms", "low_battery", "away_after_s"}),
    ),
    ProcessKind(
        name="upkeep",
        title="The upkeep of recordings",
        entry="vigilar.processes.upkeep:run_upkeep",
        start=Start.FORK,
        stop=StopStage.REPORTS,
        cut="vigilar.config.cut:make_upkeep_job",
        live=frozenset({"log_level", "rules"}),
    ),
    ProcessKind(
        name="backup",
        title="The backup of recordings",
        entry="vigilar.processes.backup:run_backup",
        start=Start.FORK,
        stop=StopStage.REPORTS,
        cut="vigilar.config.cut:make_backup_job",
        live=frozenset(
            {
                "log_level",
                "time_zone",
                "at_min",
                "every_s",
                "only_events",
                "keep_ms",
                "limit_bps",
                "late_after_ms",
                "drill_ms",
                "before_ms",
                "after_ms",
            }
        ),
        shed_at="battery",
    ),
    ProcessKind(
        name="homeassistant",
        title="The program for Home Assistant",
        entry="vigilar.processes.homeassistant:run_home_assistant",
        start=Start.FORK,
        stop=StopStage.SHOWS,
        cut="vigilar.config.home_cut:make_home_assistant_job",
        says=(HomeTopics.ANY_CONFIG, HomeTopics.ALL, Topics.ARM_REQUEST),
        hears=(
            HomeTopics.STATUS,
            HomeTopics.ANY_CONFIG,
            HomeTopics.ALL,
            Topics.EVENTS_PUBLISHED,
            Topics.CAMERA_ANY_HEALTH,
            "vigilar/sensor/#",
            Topics.ARM_STATE,
        ),
        live=frozenset(
            {
                "log_level",
                "house_name",
                "cameras",
                "shows_all",
                "pictures",
                "may_arm",
                "sensors",
                "recognises",
                "has_ups",
                "has_backup",
                "rules",
            }
        ),
    ),
    ProcessKind(
        name="ups",
        title="The watch over the UPS",
        entry="vigilar.processes.ups:run_ups",
        start=Start.FORK,
        stop=StopStage.REPORTS,
        cut="vigilar.config.cut:make_ups_job",
        says=("vigilar/ups/#",),
        live=frozenset({"log_level", "shed_below", "shed_runtime_s", "stop_below"}),
    ),
)
"""In the order in which they start. Cameras come before all that takes seconds to load: on a small machine that would
put off the moment from which on everything is recorded again."""

SUPERVISOR_TITLE = "The main program"


def kind_of(process: str, kinds: Iterable[ProcessKind]) -> ProcessKind:
    """The row of a process by its name. KeyError when there is none."""
    return {kind.name: kind for kind in kinds}[process.partition("/")[0]]


def load_function(named: str) -> Callable[..., Any]:
    """The function that ``"module:function"`` names. Imports its module: for the process that needs it only."""
    module, _, function = named.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
