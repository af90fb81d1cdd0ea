"""One camera's process: capture, recorder, rows, analysis, feed and facts, wired.

    capture-main ──▶ ring ──▶ recorder ──▶ .vge files ──▶ rows
         │  └──▶ live stream ──▶ feed (viewers)
    capture-sub (or main) ──▶ queue ──▶ analysis ──▶ recorder, facts ──▶ outbox, bus

The main thread does not touch a packet: it watches the others, tells the supervisor that they live, and says on the
bus how the camera is. A thread that hangs ends the heartbeats; the supervisor then ends the process.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from vigilar.base.clock import SystemClock, boot_id
from vigilar.base.control import ControlChild
from vigilar.base.errors import ErrorKind, VigilarError
from vigilar.base.folder_look import FolderState
from vigilar.base.ids import new_id
from vigilar.base.reserve import Reserve
from vigilar.base.stop import Stop
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import CameraHeartbeat
from vigilar.bus.topics import Topics
from vigilar.capture.address_gate import AddressGate
from vigilar.capture.opener import OpenSource, open_source
from vigilar.capture.rtsp.intake import Intake, LoginMemory, StreamMemory
from vigilar.capture.worker import CaptureWorker, Connection
from vigilar.config.jobs import CameraJob
from vigilar.live.gop import LiveStream
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.media.packets import RunStart, StreamRole
from vigilar.media.private_areas import Polygon
from vigilar.processes.analysis import AnalysisQueue, AnalysisWorker
from vigilar.processes.camera_health import CameraReporter, Doing, StreamMeter, read_before
from vigilar.processes.facts import FactSender
from vigilar.processes.folder_check import check_folder
from vigilar.processes.lazy import (
    make_feed,
    make_motion_teller,
    make_object_watcher,
    motion_settings,
    private_areas,
)
from vigilar.processes.looking import Looking
from vigilar.processes.recording_wish import make_record_handler
from vigilar.processes.settings import settings_handler
from vigilar.processes.sound import Item, SoundGate
from vigilar.record.choice import RecordingMode, looked_back_s
from vigilar.record.file_store import FileStore, FileStoreSettings
from vigilar.record.recorder import Recorder, RecorderSettings
from vigilar.record.recovery import Recovery
from vigilar.record.ring import PacketRing
from vigilar.record.storyboards import StoryboardWriter
from vigilar.store.cameras import ensure_camera
from vigilar.store.reach import CAMERA_REACH
from vigilar.store.sql import Database
from vigilar.store.sqlite_store import open_database
from vigilar.vge.keys import KeyRing
from vigilar.vge.ring_folder import RingFolder

if TYPE_CHECKING:
    from vigilar.processes.objects import ObjectWatcher

logger = logging.getLogger(__name__)

TURN_S = 1.0
STALL_NS = 30_000_000_000
"""A thread without a sign of life for this long hangs. Opening a camera takes at most 16 s, a sync of a disk that
spins up 20 s; after this the supervisor waits its own 15 s."""

CAPTURE_STOP_S = 0.3
RECORDER_STOP_S = 2.2
ANALYSIS_STOP_S = 0.2
OBJECTS_STOP_S = 0.2
STORYBOARD_STOP_S = 0.1
FACTS_STOP_S = 0.4
ROWS_STOP_S = 0.4
BUS_STOP_S = 0.3
"""Together below the 4 s that the supervisor gives. A capture thread that waits for a silent camera is left behind:
closing its connection from here would crash (PyAV), and the process ends anyway."""


def run_camera(job: CameraJob, control: ControlChild) -> None:
    """Record and watch one camera until ``control.stop_requested``. Main thread.

    Raises StoreError or RecordingError when the database or the keys cannot be opened, VigilarError (bug) when one of
    the threads ended by itself: the supervisor then starts the process again.
    """
    store = Reserve(job.data_dir).help(lambda: open_database(job.database_url, CAMERA_REACH))
    process = CameraProcess(job, control, store)
    process.run()
    if not process.is_database_in_use():  # to close it would wait as well
        store.close()


class CameraProcess:
    """The parts of one camera. ``run`` belongs to the main thread."""

    def __init__(self, job: CameraJob, control: ControlChild, store: Database) -> None:
        self._job = job
        self._control = control
        self._clock = SystemClock()
        self._bus = MessageBus(
            BusLink(job.bus_host, job.bus_port, job.bus_user, job.bus_password), f"vigilar-camera-{job.camera_id}"
        )
        reserve = Reserve(job.data_dir)
        self._facts = FactSender(job.camera_id, job.node_id, store, self._bus, self._clock, reserve)
        # The plan has laid the camera's row: to write it here would keep a restart waiting for the database.
        now_ms = self._clock.utc_ns() // 1_000_000
        uuid = job.camera_uuid or ensure_camera(store, job.camera_id, job.name, now_ms, job.node_id).uuid
        is_ours = partial(check_folder, job.data_dir, job.node_id)
        keys = RingFolder(job.secrets_dir)  # before they are loaded, so that no change is missed
        settings = FileStoreSettings(job.camera_id, uuid, job.data_dir, boot_id(), is_ours, keys.refresh)
        self._file_store = FileStore(settings, store, KeyRing.load_newest(job.secrets_dir), self._clock)
        self._recovery = Recovery(self._file_store, store, self._facts.report)
        self._sound = SoundGate(is_wanted=job.sound)
        self._ring = PacketRing(_looked_back_s(job))
        self._recorder = Recorder(
            _recorder_settings(job),
            self._ring,
            self._file_store,
            self._clock,
            self._facts.report,
            FragmentMuxer,
        )
        self._intakes = _make_intakes(job)
        self._storyboards = StoryboardWriter(self._file_store, self._clock)
        self._meter = StreamMeter()
        self._health = CameraReporter(
            job.camera_id,
            job.sub_url is not None,
            self._meter,
            self._clock,
            self._facts.report,
            read_before(store, job.camera_id),
            lambda: self._intakes[StreamRole.MAIN].memory.sound_note,
        )
        self._looked_at: RunStart | None = None
        self._looking = self._make_looking(job) if job.detect else None
        self._capture_stop, self._work_stop, self._facts_stop, self._rows_stop = Stop(), Stop(), Stop(), Stop()
        self._storyboard_stop = Stop()
        self._captures = self._make_captures()
        self._live = {role: LiveStream(worker.hurry) for role, worker in self._captures.items()}
        for role, worker in self._captures.items():
            worker.on_early = self._live[role].show_early
        self._private = private_areas(job.zones)
        self._feed = make_feed(job, self._live, self._get_private)
        self._threads: dict[str, threading.Thread] = {}
        self._dead: str | None = None
        self._drive_hangs = False

    def run(self) -> None:
        """Start all, watch until the stop, end all in order."""
        self._bus.subscribe(Topics.camera_retry(self._job.camera_id), self._retry_now)
        self._bus.subscribe(Topics.camera_record(self._job.camera_id), make_record_handler(self._recorder, self._clock))
        with ExitStack() as ending:
            ending.callback(self._stop_bus)
            self._bus.start()
            ending.callback(self._stop_rows)
            self._start("rows", partial(self._file_store.rows.run, self._rows_stop))
            ending.callback(self._stop_facts)
            self._start("facts", partial(self._facts.run, self._facts_stop))
            self._start("recovery", partial(self._recovery.run, self._work_stop))
            self._start_feed(ending)
            ending.callback(self._stop_work)
            self._start("recorder", partial(self._recorder.run, self._work_stop))
            if self._looking is not None:
                self._start_looking(self._looking)
            for role, worker in self._captures.items():
                self._start(f"capture-{role.value}", worker.run)
            logger.info("started, recording %s, motion %s", self._job.recording_mode, self._job.detect)
            self._control.listen(on_status=self._note_status, on_settings=settings_handler(self._job, self.use))
            self._watch_until_stopped()
        if self._dead:
            raise VigilarError(f"the thread {self._dead} of this camera ended by itself", kind=ErrorKind.BUG)

    def _retry_now(self, _topic: str, _payload: bytes) -> None:
        """On the bus client's thread."""
        for worker in self._captures.values():
            worker.retry_now()

    def is_database_in_use(self) -> bool:
        """Whether a thread did not end in time because it waits for the database. After ``run``."""
        return any(self._threads[name].is_alive() for name in ("rows", "facts", "recovery"))

    def use(self, job: CameraJob) -> None:
        """Go on by the live settings of ``job`` (``processes.kinds``), without a gap. On the thread ``control``."""
        self._recorder.use(_recorder_settings(job))
        self._ring.keep(_looked_back_s(job))
        self._sound.is_wanted = job.sound
        had_private = bool(self._private)
        self._private = private_areas(job.zones)
        if bool(self._private) != had_private:
            self._feed.end_viewers()  # each is asked anew what it may be sent
        looking = self._looking
        if looking is not None and job.detect and job.objects != self._job.objects:
            self._end_looking(looking)
            self._begin_looking(job)
        elif looking is not None and job.detect:
            looking.motion.use(motion_settings(job))
        elif looking is not None:
            self._end_looking(looking)
        elif job.detect:
            self._begin_looking(job)
        self._job = job

    def _get_private(self) -> tuple[Polygon, ...]:
        return self._private

    # Looking for motion, which may be switched on and off

    def _make_looking(self, job: CameraJob) -> Looking:
        objects = self._make_objects(job) if job.objects else None
        motion = make_motion_teller(
            *(self._facts, self._recorder, self._file_store, self._clock, self._run_now, motion_settings(job)),
            *(self._storyboards, objects),
        )
        queue = AnalysisQueue()
        return Looking(motion, queue, AnalysisWorker(motion.make_analyser, queue, self._clock), objects)

    def _make_objects(self, job: CameraJob) -> ObjectWatcher:
        newest_main = (lambda: self._live[StreamRole.MAIN].newest_gop()) if job.sub_url is not None else None
        return make_object_watcher(
            *(job.camera_id, job.run_dir, self._facts, self._bus, self._recorder, self._file_store, self._clock),
            newest_main,
            self._get_private,
        )

    def _begin_looking(self, job: CameraJob) -> None:
        looking = self._make_looking(job)
        run = self._looked_at
        if run is not None:
            looking.queue.put(run)
        self._looking = looking
        if self._looked_at is not None and self._looked_at is not run:  # a connection began in between
            looking.queue.put(self._looked_at)
        self._start_looking(looking)

    def _start_looking(self, looking: Looking) -> None:
        if "storyboard" not in self._threads:  # it stays: with nothing to seal it sleeps
            self._start("storyboard", partial(self._storyboards.run, self._storyboard_stop))
        self._start("analysis", looking.run)
        if looking.objects is not None:
            self._start("objects", looking.run_objects)

    def _end_looking(self, looking: Looking) -> None:
        """A motion that goes on ends here. The thread needs a moment for it, and nobody waits."""
        self._looking = None
        ours = ("analysis", "objects")
        self._threads = {name: thread for name, thread in self._threads.items() if name not in ours}
        looking.end()

    # What capture hands over, on its threads

    def _take_main(self, item: Item) -> None:
        for heard in self._sound.heard(item):
            self._ring.add(heard)
            self._meter.add(heard)
            self._live[StreamRole.MAIN].add(heard)
        if self._job.sub_url is None:
            self._look_at(item)

    def _take_sub(self, item: Item) -> None:
        self._look_at(item)
        self._live[StreamRole.SUB].add(item)

    def _look_at(self, item: Item) -> None:
        if isinstance(item, RunStart):
            self._looked_at = item
        looking = self._looking
        if looking is not None:
            looking.queue.put(item)

    def _make_captures(self) -> dict[StreamRole, CaptureWorker]:
        job, note = self._job, self._health.note_connection
        workers: dict[StreamRole, tuple[str, Callable[[Item], None], Callable[[Connection], None]]]
        workers = {StreamRole.MAIN: (job.main_url, self._take_main, note)}
        if job.sub_url is not None:
            # Nobody is told of it but by the worker's own line in the log, which is not said at each try.
            workers[StreamRole.SUB] = (job.sub_url, self._take_sub, lambda _: None)
        return {
            role: CaptureWorker(
                role,
                url,
                sink,
                on_connection,
                self._capture_stop,
                self._clock,
                opener=partial(self._open_source, role),
                on_batch=partial(self._wake_for, role),
            )
            for role, (url, sink, on_connection) in workers.items()
        }

    def _open_source(self, role: StreamRole, url: str, wait: Callable[[float], bool]) -> OpenSource:
        """Open a stream; while a slow camera is waited for, its thread is seen to live."""
        worker = self._captures[role]

        def wait_alive(seconds: float) -> bool:
            worker.beat_mono_ns = self._clock.mono_ns()
            return wait(seconds)

        return open_source(url, wait_alive, self._intakes[role])

    def _wake_for(self, role: StreamRole) -> None:
        """A batch of a stream is handed on: those who look at it may begin."""
        if role is StreamRole.MAIN:
            self._recorder.wake()
        looking = self._looking
        if looking is not None and (role is StreamRole.SUB or self._job.sub_url is None):
            looking.worker.wake()

    def _run_now(self) -> int:
        return self._meter.run.run if self._meter.run else 0

    # Watching, on the main thread

    def _watch_until_stopped(self) -> None:
        while not self._control.stop_requested.wait(TURN_S):
            self._dead = next((name for name, thread in self._threads.items() if self._has_died(name, thread)), None)
            if self._dead:
                return
            self._health.look()
            doing = self._doing()
            message = self._health.due(doing)
            if message:
                self._bus.publish(Topics.camera_health(self._job.camera_id), message.dump(), qos=0)
            stalled = self._stalled()
            if stalled:
                logger.error("the thread %s hangs", stalled)
                continue
            if message:
                self._say_heartbeat()
            run = self._meter.run
            self._control.heartbeat(
                {
                    "disk_wait_s": self._disk_wait_s(),
                    "is_recording": doing.is_recording,
                    "not_recording": doing.not_recording,
                    "is_offline": self._health.is_offline,
                    "width": run.video.width if run else 0,
                    "height": run.video.height if run else 0,
                    "mode": self._job.recording_mode,
                    **self._health.told(),
                }
            )

    def _note_status(self, status: dict[str, Any]) -> None:
        """What the supervisor says about data folder and supply, on the thread ``control``."""
        self._drive_hangs = status.get("folder", {}).get("state") == FolderState.HANGING.value
        self._recorder.is_on_battery = status.get("supply") in ("battery", "low", "critical")  # of power.watch

    def _disk_wait_s(self) -> float:
        """For how long the recorder has been in its newest step, writing most likely."""
        return round((self._clock.mono_ns() - self._recorder.alive_mono_ns) / 1e9, 1)

    def _say_heartbeat(self) -> None:
        beat = CameraHeartbeat(new_id(), self._clock.utc_ns() // 1_000_000, self._job.camera_id)
        self._bus.publish(Topics.camera_heartbeat(self._job.camera_id), beat.dump(), qos=0)

    def _has_died(self, name: str, thread: threading.Thread) -> bool:
        is_ours = self._threads.get(name) is thread  # one that was let go meanwhile may end
        is_needed = name not in ("recovery", "storyboard", "objects")  # recording goes on without
        return is_needed and is_ours and not thread.is_alive()

    def _stalled(self) -> str | None:
        """A thread that hangs. Those that write are excused while the drive does: live view and detection go on, and
        nobody would be helped by the end of the process, which would have to wait for the drive as well."""
        beats = {f"capture-{role.value}": worker.beat_mono_ns for role, worker in self._captures.items()}
        if not self._drive_hangs:
            beats |= {
                "recorder": self._recorder.alive_mono_ns,
                "facts": self._facts.alive_mono_ns,
                "rows": self._file_store.rows.alive_mono_ns,
            }
        if looking := self._looking:
            beats["analysis"] = looking.worker.alive_mono_ns
        now = self._clock.mono_ns()
        return next((name for name, beat_ns in beats.items() if now - beat_ns > STALL_NS), None)

    def _doing(self) -> Doing:
        counters: dict[str, Any] = {
            **self._recorder.counts(),
            "odd_stamps": sum(worker.odd_stamps for worker in self._captures.values()),
            "silent_sound": sum(worker.silent_units for worker in self._captures.values()),
            "dropped_facts": self._facts.dropped,
            "dropped_storyboard": self._storyboards.dropped,
        }
        if looking := self._looking:
            counters["dropped_analysis"] = looking.queue.dropped
            counters["analysis_failures"] = looking.worker.failures
            if looking.objects is not None:
                counters |= {f"objects_{name}": value for name, value in asdict(looking.objects.counters).items()}
        is_moving = looking is not None and looking.motion.is_moving
        why = self._recorder.why_not_recording
        return Doing(self._recorder.is_recording, why.value if why else "", is_moving, counters)

    # Starting and ending threads

    def _start(self, name: str, work: Callable[[], None]) -> None:
        """A thread that ends the process when ``work`` raises: nothing but a bug does."""

        def run() -> None:
            try:
                work()
            except Exception:
                logger.exception("unexpected error in the thread %s", name)

        # Daemons, because a thread inside libav cannot be ended; ``_stop_work`` waits for those that matter.
        thread = threading.Thread(target=run, name=f"{name} {self._job.camera_id}", daemon=True)
        self._threads = {**self._threads, name: thread}  # a new one, as the main thread may be going through the old
        thread.start()

    def _start_feed(self, ending: ExitStack) -> None:
        """Without a feed nobody can watch live; that must not keep the camera from being recorded."""
        try:
            self._feed.start()
        except OSError as error:
            logger.error("no live view: the socket in %s cannot be made: %s", self._job.run_dir, error.strerror)
            return
        ending.callback(self._feed.stop)

    def _stop_work(self) -> None:
        """Capture first, so that its last packets are recorded; then recorder and analysis."""
        self._capture_stop.set()
        self._threads["capture-main"].join(CAPTURE_STOP_S)
        self._work_stop.set()
        self._recorder.wake()
        looking = self._looking
        if looking is not None:
            looking.end()
        self._join("recorder", RECORDER_STOP_S)
        if looking is not None:
            self._join("analysis", ANALYSIS_STOP_S)
            if looking.objects is not None:
                self._join("objects", OBJECTS_STOP_S)
        self._storyboard_stop.set()
        self._storyboards.wake()
        if "storyboard" in self._threads:
            self._join("storyboard", STORYBOARD_STOP_S)

    def _stop_facts(self) -> None:
        self._facts_stop.set()
        self._facts.wake()
        self._join("facts", FACTS_STOP_S)

    def _stop_rows(self) -> None:
        """Last of those who write: what it cannot write any more, the next process finds in the files."""
        self._rows_stop.set()
        self._file_store.rows.wake()
        self._join("rows", ROWS_STOP_S)

    def _stop_bus(self) -> None:
        self._bus.stop(BUS_STOP_S)

    def _join(self, name: str, timeout_s: float) -> None:
        self._threads[name].join(timeout_s)
        if self._threads[name].is_alive():
            logger.error("the thread %s did not end in %.1f s and is left behind", name, timeout_s)


def _recorder_settings(job: CameraJob) -> RecorderSettings:
    return RecorderSettings(RecordingMode(job.recording_mode), job.before_s, job.after_s, job.segment_s)


def _looked_back_s(job: CameraJob) -> float:
    return looked_back_s(RecordingMode(job.recording_mode), job.before_s)


def _make_intakes(job: CameraJob) -> dict[StreamRole, Intake]:
    """How each stream is opened; what is learned of the login counts for both."""
    login = LoginMemory()
    gate = AddressGate(job.allow_public, frozenset(job.own_ports))
    return {
        role: Intake(
            job.sound,
            job.transport,
            job.secrets_dir,
            gate=gate,
            limit_bps=job.max_bps,
            memory=StreamMemory(login=login),
            unmarked_note=job.secrets_dir / "unmarked-streams" / f"{job.camera_id}-{role.value}",
        )
        for role in StreamRole
    }
