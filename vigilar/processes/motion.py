"""From what the analysis sees to what others learn: the recorder at once, then a sealed still and the event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from vigilar.base.clock import Clock
from vigilar.detect.analyser import Analyser
from vigilar.detect.motion import MotionReading, MotionSettings
from vigilar.detect.pictures import MotionEnded, MotionStarted, PictureLike
from vigilar.media.decode import Decoder
from vigilar.media.private_areas import Polygon
from vigilar.processes.facts import FactSender
from vigilar.processes.motion_path import MotionPath
from vigilar.processes.storyboard import StoryboardTaker
from vigilar.record.file_store import FileStore
from vigilar.record.recorder import Recorder
from vigilar.record.stills import Still, begin_still
from vigilar.record.storyboards import StoryboardWriter

if TYPE_CHECKING:
    from vigilar.processes.objects import ObjectWatcher

STILL_WIDTH = 640
"""Pixels: a card on the page is no wider, and a small stream has no more."""


MAX_HOLD_MS = 60_000
"""A visit in which nothing moves is held open for so long at most; then somebody stays, and its moving part is over."""

MAX_PICTURE_GAP_MS = 8_000
"""Longer between two looks than the slowest camera at rest."""


class MotionTeller:
    """Takes the callbacks of the analysis, on its thread; ``is_moving`` may be read from any.

    ``run_now`` gives the run of the main stream, which is the one that is recorded; ``settings`` say how sensitive it
    is and where it matters.

    Where zones or lines want some kinds and others not, a motion is told once it has a name that counts, at the latest
    after ``objects.NAME_WAIT_S`` without any or once nobody answers, and never when only such came that nobody wants to
    hear of. It is recorded all the same.

    With ``objects`` a visit goes on while somebody who came is still seen, although nothing moves for a while: who
    waits at the door for half a minute is one visit. Without, each motion is one.
    """

    def __init__(
        self,
        facts: FactSender,
        recorder: Recorder,
        file_store: FileStore,
        clock: Clock,
        run_now: Callable[[], int],
        settings: MotionSettings,
        storyboards: StoryboardWriter,
        objects: ObjectWatcher | None = None,
    ) -> None:
        self._storyboard = StoryboardTaker(storyboards)
        self._facts = facts
        self._recorder = recorder
        self._file_store = file_store
        self._clock = clock
        self._run_now = run_now
        self._settings = settings
        self._analyser: Analyser | None = None
        self._motion_id: str | None = None
        self._objects = objects
        self._started: MotionStarted | None = None
        self._held: MotionEnded | None = None
        self._held_mono_ns = 0
        self._path = MotionPath()
        if objects is not None:
            objects.zones = settings.zones

    @property
    def is_moving(self) -> bool:
        return self._motion_id is not None

    def make_analyser(self) -> Analyser:
        """A new one, which learns the scene anew, by the settings given last."""
        decoder = partial(Decoder, private=self._private)
        self._analyser = Analyser(
            *(self._settings, decoder, self.motion_started, self.motion_ended, self._clock, self._note_picture),
            follows_closely=self._objects is not None,
        )
        return self._analyser

    def use(self, settings: MotionSettings) -> None:
        """Counts from the next picture on. Any thread."""
        self._settings = settings
        if self._objects is not None:
            self._objects.zones = settings.zones
        if self._analyser is not None:
            self._analyser.use(settings)

    def _private(self) -> tuple[Polygon, ...]:
        return self._settings.zones.private

    def motion_started(self, motion: MotionStarted) -> None:
        if self._held is not None:  # the visit goes on
            self._held = None
            return
        self._recorder.motion_started(motion.mono_ns)
        self._storyboard.take(motion.picture)
        make_still = partial(self._make_still, motion.picture)
        self._started = motion
        # Who ignores cats wants no "Motion" for a cat: it waits for its name.
        is_held = self._objects is not None and self._settings.zones.asks_kinds
        self._motion_id = self._facts.motion_started(
            motion.utc_ns, self._run_now(), motion.area_frac, make_still, motion.zones, is_held=is_held
        )
        self._path.begin()
        if self._objects is not None:
            self._objects.begin(self._motion_id, is_held=is_held)

    def motion_ended(self, motion: MotionEnded) -> None:
        if self._objects is not None and self._objects.holds:
            self._held, self._held_mono_ns = motion, motion.last_mono_ns
        else:
            self._end(motion)

    def end(self) -> None:
        """No more pictures: a visit that is held open is over as well."""
        held, self._held = self._held, None
        if held is not None:
            self._end(held)

    def _end(self, motion: MotionEnded) -> None:
        self._recorder.motion_ended(motion.last_mono_ns)
        motion_id, self._motion_id = self._motion_id, None
        if motion_id is None or self._started is None:
            return
        duration_ms = max(motion.duration_ms, (motion.last_mono_ns - self._started.mono_ns) // 1_000_000)
        self._facts.motion_ended(motion_id, motion.last_utc_ns, duration_ms, motion.peak_area_frac, motion.zones)
        path = self._path.take()
        if self._objects is not None:
            self._objects.end(path)
        elif path is not None:
            self._facts.track_ended(motion_id, path)

    def _note_picture(self, picture: PictureLike, reading: MotionReading) -> None:
        self._storyboard.look(picture, is_moving=self.is_moving)
        if self._objects is not None:
            self._objects.offer(picture, reading.areas)
        if self._motion_id is not None:
            self._path.add(picture.utc_ns // 1_000_000, reading.counting)
        held = self._held
        if held is None or self._objects is None:
            return
        stays_for_ms = (picture.mono_ns - held.last_mono_ns) // 1_000_000
        self._held = replace(held, last_utc_ns=picture.utc_ns, last_mono_ns=picture.mono_ns)
        if stays_for_ms > MAX_PICTURE_GAP_MS:  # the camera was away, and nobody knows who left when
            self._held, is_over = held, True
        else:
            is_over = not self._objects.holds or picture.mono_ns - self._held_mono_ns > MAX_HOLD_MS * 1_000_000
        if is_over:
            self.end()

    def _make_still(self, picture: PictureLike) -> Still:
        jpeg = picture.to_jpeg(STILL_WIDTH)
        width, height = still_size(picture)
        times = {"utc_ns": picture.utc_ns, "mono_ns": picture.mono_ns}
        return begin_still(self._file_store, jpeg, width=width, height=height, **times)


def still_size(picture: PictureLike) -> tuple[int, int]:
    """Width and height of its JPEG at STILL_WIDTH, which has square pixels whatever the camera has."""
    width, height = picture.shown
    shown = min(STILL_WIDTH, width)
    return shown, round(height * shown / width)
