"""What every request of one app needs, in one place: settings, doors to data, and callables handed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path

from flask import Flask, current_app

from vigilar.base.clock import Clock, SystemClock
from vigilar.base.folder_look import FolderState
from vigilar.base.reserve import Reserve
from vigilar.base.stop import Stop
from vigilar.base.zone import load_zone
from vigilar.config.jobs import WebJob
from vigilar.door.certificates import CertificateState
from vigilar.door.haproxy import HOW_TO_INSTALL, lack_of_haproxy
from vigilar.playback.library import Library
from vigilar.store.engine import Store
from vigilar.web.audit_log import AuditLog
from vigilar.web.camera_book import CameraBook
from vigilar.web.card_texts import CardTexts
from vigilar.web.challenges import Challenges
from vigilar.web.health import BOARD, HealthBoard
from vigilar.web.hub import HUB, EventHub
from vigilar.web.live_views import LiveViews
from vigilar.web.movie_cache import MovieCache
from vigilar.web.open_streams import OpenStreams
from vigilar.web.patience import Patience
from vigilar.web.probe import CameraProbe, probe_by_command
from vigilar.web.probes import Probes
from vigilar.web.session_cache import SessionCache
from vigilar.web.slow_facts import ClockWatch, SlowFacts
from vigilar.web.times import house_time
from vigilar.web.try_limits import KnownHomes, OnceInAWhile, TryLimits, Window
from vigilar.web.undos import Undos

EXTENSION = "vigilar"

ROWS_WAIT_S = 1.0
ROWS_SHUT_AFTER_S = 3.0
DISK_WAIT_S = 0.5
"""How long a request waits for the database's word on who asks, and for the free space of the disk: milliseconds, while
all is well. A page of a drive that hangs is there in the sum of first and last. A question without an answer for the
time in the middle means such a drive; one answered later than the first, a busy machine, on which whoever has nothing
in memory to go by waits longer."""

WRITE_WAIT_S = 2.0
"""How long a sign-in or sign-out waits for its row. What takes longer goes on in memory (``session_cache``)."""


TRIES = (Window(10, 60.0), Window(60, 3600.0))
"""Wrong logins, codes and links from one network, and of one account by strangers. A person forgets and tries again; a
program would need years for eight letters."""

LINK_TRIES = (Window(20, 60.0), Window(200, 3600.0))
"""Links to exports that open nothing, from one network."""

KEY_TRIES = (Window(10, 900.0),)
"""Wrong passwords and passphrases on the page of the keys, for the whole house: more than a tired owner needs."""

SAME_WATCH_S = 12 * 3600.0
"""Whoever watches live is written down twice a day, a camera: a screen on the wall watches all day."""

SAME_PHONE_S = 60.0
"""A phone that asks for pictures all the time is told of once in this time: who leaves is known ten minutes later."""

SAME_LOOK_S = 600.0
"""Whoever looks back for an evening is written down once in this time, a camera."""


def _mono_s() -> float:
    return SystemClock().mono_ns() / 1e9


def make_rows_door() -> Patience:
    return Patience("database", ROWS_WAIT_S, ROWS_SHUT_AFTER_S)


def _no_reload() -> None:
    """Without a supervisor nobody can start a camera: the change is saved and counts at the next start."""


def _no_retry(camera_id: str) -> bool:  # noqa: ARG001 -- one of two ways
    """Without a bus no camera can be told."""
    return False


def _no_word() -> None:
    """Without a bus nobody else is told: the events process looks four times a second."""


def _no_phone(user_id: int, device: str, address: str) -> None:
    """Without a bus the sensors process goes by what answers on the network."""


@dataclass(slots=True)
class Parts:
    """Held in ``app.extensions["vigilar"]``.

    ``ask_reload`` is set by the web process to its control line: it asks the supervisor to read the configuration
    again. ``ask_retry`` asks a camera's process to try now, and gives whether it could be told; ``tell_arm`` says that
    the arm state changed, ``tell_phone`` (member's id, name of the phone, address) where a paired phone is now.
    ``certificate`` says what the door shows. ``probe`` tries a camera; by default in a program of its own, so that a
    hostile camera cannot reach this process; ``probes`` holds what is being tried, ``undos`` what may be taken back.
    ``stop`` ends all streams; ``close`` is called after the last request.

    ``rows`` and ``disk`` are the doors through which database and drive are asked where an answer must not be waited
    for. Logins are written through one of their own, ``login_writes``: a writer may wait for another one while whoever
    reads need not.
    """

    cfg: WebJob
    store: Store
    cameras: CameraBook
    footage: Library
    live: LiveViews
    zone: tzinfo
    streams: OpenStreams
    reserve: Reserve
    sessions: SessionCache
    audit: AuditLog
    movies: MovieCache = field(default_factory=MovieCache)
    clock: Clock = field(default_factory=SystemClock)
    hub: EventHub = HUB
    board: HealthBoard = BOARD
    ask_reload: Callable[[], None] = _no_reload
    ask_retry: Callable[[str], bool] = _no_retry
    tell_arm: Callable[[], None] = _no_word
    tell_phone: Callable[[int, str, str], None] = _no_phone
    probe: CameraProbe = probe_by_command
    probes: Probes = field(init=False)
    undos: Undos = field(init=False)
    certificate: Callable[[], CertificateState] = field(init=False)
    stopping: Stop = field(default_factory=Stop)
    rows: Patience = field(default_factory=make_rows_door)
    disk: Patience = field(default_factory=lambda: Patience("disk", DISK_WAIT_S))
    tries: TryLimits = field(default_factory=lambda: TryLimits(TRIES, _mono_s))
    link_tries: TryLimits = field(default_factory=lambda: TryLimits(LINK_TRIES, _mono_s))
    key_tries: TryLimits = field(default_factory=lambda: TryLimits(KEY_TRIES, _mono_s))
    tries_told: OnceInAWhile = field(default_factory=lambda: OnceInAWhile(60.0, _mono_s))
    watches_told: OnceInAWhile = field(default_factory=lambda: OnceInAWhile(SAME_WATCH_S, _mono_s))
    phones_told: OnceInAWhile = field(default_factory=lambda: OnceInAWhile(SAME_PHONE_S, _mono_s))
    looks_told: OnceInAWhile = field(default_factory=lambda: OnceInAWhile(SAME_LOOK_S, _mono_s))
    refusals_told: OnceInAWhile = field(default_factory=lambda: OnceInAWhile(SAME_LOOK_S, _mono_s))
    challenges: Challenges = field(default_factory=Challenges)
    cards: CardTexts = field(default_factory=CardTexts)
    homes: KnownHomes = field(default_factory=KnownHomes)
    login_writes: Patience = field(default_factory=lambda: Patience("database", WRITE_WAIT_S))
    long_reads: Patience = field(default_factory=lambda: Patience("database", ROWS_WAIT_S))
    slow_facts: SlowFacts = field(default_factory=SlowFacts)
    clock_watch: ClockWatch = field(default_factory=ClockWatch)

    def __post_init__(self) -> None:
        self.probes = Probes(lambda: self.probe, self.now_ms)
        self.undos = Undos(self.now_ms)
        self.certificate = self._no_door

    def _no_door(self) -> CertificateState:
        """Where HAProxy is not installed."""
        sentence = lack_of_haproxy(https_only=self.cfg.https_only)
        return CertificateState("warn", f"{sentence} On the box: {HOW_TO_INSTALL}.")

    @property
    def rows_on_drive(self) -> bool:
        """Whether the database is a file in the data folder."""
        scheme, _, path = self.cfg.database_url.partition(":///")
        return scheme.startswith("sqlite") and Path(path).is_relative_to(self.cfg.data_dir)

    def drive_hangs(self) -> bool:
        """Whether the supervisor says so."""
        return str(self.board.folder(self.now_ms())["state"]) == FolderState.HANGING.value

    def use_settings(self, cfg: WebJob) -> None:
        """Answer by the live settings of ``cfg`` from the next request on. Any thread."""
        self.zone = load_zone(cfg.time_zone)
        self.cfg = cfg
        if cfg.https_only:
            self.streams.end_insecure()

    def now_ms(self) -> int:
        """UTC milliseconds."""
        return self.clock.utc_ns() // 1_000_000

    def house_midnight_ms(self) -> int:
        """UTC milliseconds at which the house's day began."""
        day = house_time(self.now_ms(), self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return int(day.timestamp() * 1000)

    def stop(self) -> None:
        """End event streams and live pictures, so that the server's threads come free. Any thread."""
        self.stopping.set()
        self.streams.stop()
        self.hub.close()
        self.live.stop()

    def close(self) -> None:
        self.audit.stop()
        self.store.close()


def parts_of(app: Flask) -> Parts:
    found = app.extensions[EXTENSION]
    assert isinstance(found, Parts)  # noqa: S101 -- tells the type checker what create_app put there
    return found


def parts() -> Parts:
    """The parts of the app that serves this request."""
    return parts_of(current_app)
