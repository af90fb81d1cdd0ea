"""What a camera process knows of its camera: measures of the stream, the health message, offline and online."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from vigilar.base.clock import Clock
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.base.ids import new_id
from vigilar.bus.messages import CameraHealth
from vigilar.capture.worker import Connection
from vigilar.media.packets import VIDEO, Packet, RunStart
from vigilar.record.gaps import Report
from vigilar.store.cameras import has_open_outage
from vigilar.store.files import find_last_picture_ms
from vigilar.store.sql import Database

logger = logging.getLogger(__name__)

OFFLINE_NS = 10_000_000_000
"""Without a picture for this long the camera is offline, once."""

FRESH_NS = 3_000_000_000
"""A stream whose newest picture is older than this is not live."""

SEND_EVERY_NS = 5_000_000_000
SAMPLE_NS = 1_000_000_000
SAMPLES = 6
"""Rates are over the five seconds between the oldest and the newest of these."""


@dataclass(frozen=True, slots=True)
class _Sample:
    """What had come at one moment."""

    mono_ns: int
    pictures: int
    size_bytes: int


class StreamMeter:
    """Counts what comes of one stream. ``add`` belongs to the capture thread and is in the path of every packet, so it
    only counts; ``look`` and ``rates`` belong to one other thread. No lock: each value has one writer."""

    def __init__(self) -> None:
        self.run: RunStart | None = None
        self.newest_mono_ns = 0
        self.newest_utc_ns = 0
        self.keyframe_gap_s = 0.0
        self._pictures = 0
        self._size_bytes = 0
        self._keyframe_mono_ns = 0
        self._samples: deque[_Sample] = deque(maxlen=SAMPLES)

    def add(self, item: RunStart | Packet) -> None:
        if isinstance(item, RunStart):
            self.run = item
            self._keyframe_mono_ns = 0
            return
        self._size_bytes += len(item.data)
        if item.kind is VIDEO:
            self._pictures += 1
            self.newest_mono_ns, self.newest_utc_ns = item.mono_ns, item.utc_ns
            if item.is_keyframe:
                if self._keyframe_mono_ns:
                    self.keyframe_gap_s = round((item.mono_ns - self._keyframe_mono_ns) / 1e9, 2)
                self._keyframe_mono_ns = item.mono_ns

    @property
    def pictures(self) -> int:
        """How many have come since the process began."""
        return self._pictures

    def look(self, mono_ns: int) -> None:
        """Called each second or so: remember how much had come."""
        if not self._samples or mono_ns - self._samples[-1].mono_ns >= SAMPLE_NS:
            self._samples.append(_Sample(mono_ns, self._pictures, self._size_bytes))

    def rates(self) -> tuple[float, float]:
        """Pictures a second and kbit/s over the last seconds; zeros before there are two samples."""
        if len(self._samples) < 2:
            return 0.0, 0.0
        first, last = self._samples[0], self._samples[-1]
        span_s = (last.mono_ns - first.mono_ns) / 1e9
        kbps = (last.size_bytes - first.size_bytes) * 8 / 1000 / span_s
        return round((last.pictures - first.pictures) / span_s, 1), round(kbps, 1)


@dataclass(frozen=True, slots=True)
class Before:
    """What an earlier process left behind: when the last picture was recorded (UTC ms), and whether the camera was
    offline by then."""

    last_frame_ms: int | None = None
    is_offline: bool = False


@dataclass(frozen=True, slots=True)
class Doing:
    """What the process does with the camera at the moment. ``not_recording``: as in ``CameraHealth``."""

    is_recording: bool
    not_recording: str
    is_moving: bool
    counters: dict[str, Any]


class CameraReporter:
    """The camera's state. ``note_connection`` on the capture thread, ``look`` and ``due`` on the main thread."""

    def __init__(
        self,
        camera_id: str,
        has_sub: bool,
        meter: StreamMeter,
        clock: Clock,
        report: Report,
        before: Before | None = None,
        sound_note: Callable[[], str] = lambda: "",
    ) -> None:
        self._before = before or Before()
        self._camera_id = camera_id
        self._has_sub = has_sub
        self._meter = meter
        self._clock = clock
        self._report = report
        self._sound_note = sound_note
        self._connection: Connection | None = None
        self._next_try_utc_ns = 0
        self._since_mono_ns = clock.mono_ns()
        self._is_offline = self._before.is_offline
        self._sent: CameraHealth | None = None
        self._sent_mono_ns = 0
        self.newest: CameraHealth | None = None
        """What ``due`` made last, sent or not."""

    @property
    def is_offline(self) -> bool:
        return self._is_offline

    def note_connection(self, connection: Connection) -> None:
        """How the main stream's connection is."""
        self._next_try_utc_ns = self._clock.utc_ns() + int(connection.next_try_s * 1e9)
        self._connection = connection

    def look(self) -> None:
        """Called each second or so: tell once that the camera is offline, and once that it is back."""
        self._meter.look(self._clock.mono_ns())
        newest_ns = self._meter.newest_mono_ns
        is_quiet = self._clock.mono_ns() - max(newest_ns, self._since_mono_ns) > OFFLINE_NS
        if is_quiet and not self._is_offline:
            self._is_offline = True
            detail = {"reason": self._reason(), "code": self._code(), "last_frame_ms": self._last_frame_ts()}
            since_ns = self._clock.utc_ns() - (self._clock.mono_ns() - max(newest_ns, self._since_mono_ns))
            self._report("camera_offline", since_ns, detail)
        elif newest_ns and not is_quiet and self._is_offline:
            self._is_offline = False
            self._report("camera_online", self._back_since_ns(), {})

    def due(self, doing: Doing) -> CameraHealth | None:
        """The message to send now: after a change of state, or five seconds after the last."""
        health = self.newest = self.health(doing)
        now = self._clock.mono_ns()
        if self._sent and now - self._sent_mono_ns < SEND_EVERY_NS and not _is_news(health, self._sent):
            return None
        self._sent, self._sent_mono_ns = health, now
        return health

    def told(self) -> dict[str, Any]:
        """What the heartbeat says of the stream, for who cannot hear the bus; empty before the first ``due``."""
        newest = self.newest
        if newest is None:
            return {}
        names = ("state", "reason", "code", "last_frame_ts", "next_try_ts", "fps", "kbps")
        return {name: getattr(newest, name) for name in names} | {"pictures": self._meter.pictures}

    def health(self, doing: Doing) -> CameraHealth:
        run = self._meter.run
        fps, kbps = self._meter.rates()
        state = self._state()
        next_try = self._next_try_utc_ns // 1_000_000 if state in ("no-picture", "failed") else None
        return CameraHealth(
            id=new_id(),
            ts=self._clock.utc_ns() // 1_000_000,
            camera_id=self._camera_id,
            state=state,
            reason=self._reason() if state != "live" else "",
            code=self._code() if state != "live" else "",
            last_frame_ts=self._last_frame_ts(),
            next_try_ts=next_try,
            width=run.video.width if run else 0,
            height=run.video.height if run else 0,
            fps=fps if state == "live" else 0.0,
            codec=run.video.codec if run else "",
            source_codec=run.video.source_codec if run else "",
            audio_codec=run.audio.codec if run and run.audio else "",
            sound_note=self._sound_note(),
            kbps=kbps if state == "live" else 0.0,
            keyframe_gap_s=self._meter.keyframe_gap_s,
            is_recording=doing.is_recording,
            not_recording=doing.not_recording,
            is_moving=doing.is_moving,
            has_sub=self._has_sub,
            counters=doing.counters,
        )

    def _state(self) -> str:
        connection = self._connection
        if connection is None:
            return "no-picture" if self._is_offline else "connecting"
        if connection.error is not None:
            lasting = connection.error.kind in (ErrorKind.PERMANENT, ErrorKind.DENIED)
            return "failed" if lasting else "no-picture"
        is_fresh = self._clock.mono_ns() - self._meter.newest_mono_ns < FRESH_NS
        return "live" if is_fresh else "no-picture"

    def _reason(self) -> str:
        error = self._connection.error if self._connection else None
        if error is not None:
            return str(error)
        return "The camera sends no picture." if self._connection else "Connecting."

    def _code(self) -> str:
        error = self._connection.error if self._connection else None
        return error.code if error is not None else ""

    def _back_since_ns(self) -> int:
        """When the pictures that are there again began: a new connection is the usual way."""
        run, newest_ns = self._meter.run, self._meter.newest_mono_ns
        begun_ns = run.mono_ns if run is not None and newest_ns - run.mono_ns < OFFLINE_NS else newest_ns
        return self._clock.utc_ns() - max(0, self._clock.mono_ns() - begun_ns)

    def _last_frame_ts(self) -> int | None:
        return self._meter.newest_utc_ns // 1_000_000 or self._before.last_frame_ms


def read_before(store: Database, camera_id: str) -> Before:
    """A database that does not answer must not keep the camera from being recorded."""
    try:
        return Before(find_last_picture_ms(store, camera_id), has_open_outage(store, camera_id))
    except StoreError as error:
        logger.warning("what was last seen of this camera is not known: %s", error)
        return Before()


def _is_news(now: CameraHealth, before: CameraHealth) -> bool:
    """Whether more changed than measures and times."""
    same = {
        name: getattr(before, name)
        for name in ("id", "ts", "last_frame_ts", "next_try_ts", "fps", "kbps", "keyframe_gap_s", "counters")
    }
    return replace(now, **same) != before
