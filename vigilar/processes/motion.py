"""From what the analysis sees to what others learn: the recorder at once, then a sealed still and the event."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from vigilar.base.clock import Clock
from vigilar.detect.analyser import Analyser
from vigilar.detect.motion import MotionSettings
from vigilar.detect.pictures import MotionEnded, MotionStarted, PictureLike
from vigilar.media.decode import Decoder
from vigilar.processes.facts import FactSender
from vigilar.processes.storyboard import StoryboardTaker
from vigilar.record.file_store import FileStore
from vigilar.record.recorder import Recorder
from vigilar.record.stills import Still, begin_still
from vigilar.record.storyboards import StoryboardWriter

STILL_WIDTH = 640
"""Pixels: a card on the page is no wider, and a small stream has no more."""


class MotionTeller:
    """Takes the callbacks of the analysis, on its thread; ``is_moving`` may be read from any.

    ``run_now`` gives the run of the main stream, which is the one that is recorded; ``sensitivity`` is 0..1.
    """

    def __init__(
        self,
        facts: FactSender,
        recorder: Recorder,
        file_store: FileStore,
        clock: Clock,
        run_now: Callable[[], int],
        sensitivity: float,
        storyboards: StoryboardWriter,
    ) -> None:
        self._storyboard = StoryboardTaker(storyboards)
        self._facts = facts
        self._recorder = recorder
        self._file_store = file_store
        self._clock = clock
        self._run_now = run_now
        self._sensitivity = sensitivity
        self._analyser: Analyser | None = None
        self._motion_id: str | None = None

    @property
    def is_moving(self) -> bool:
        return self._motion_id is not None

    def make_analyser(self) -> Analyser:
        """A new one, which learns the scene anew, as sensitive as was asked for last."""
        settings = MotionSettings(self._sensitivity)
        self._analyser = Analyser(
            settings, Decoder, self.motion_started, self.motion_ended, self._clock, self._note_picture
        )
        return self._analyser

    def set_sensitivity(self, sensitivity: float) -> None:
        """0..1; counts from the next picture on. Any thread."""
        self._sensitivity = sensitivity
        if self._analyser is not None:
            self._analyser.set_sensitivity(sensitivity)

    def motion_started(self, motion: MotionStarted) -> None:
        self._recorder.motion_started(motion.mono_ns)
        self._storyboard.take(motion.picture)
        make_still = partial(self._make_still, motion.picture)
        self._motion_id = self._facts.motion_started(motion.utc_ns, self._run_now(), motion.area_frac, make_still)

    def motion_ended(self, motion: MotionEnded) -> None:
        self._recorder.motion_ended(motion.last_mono_ns)
        motion_id, self._motion_id = self._motion_id, None
        if motion_id is not None:
            self._facts.motion_ended(motion_id, motion.last_utc_ns, motion.duration_ms, motion.peak_area_frac)

    def _note_picture(self, picture: PictureLike) -> None:
        self._storyboard.look(picture, is_moving=self.is_moving)

    def _make_still(self, picture: PictureLike) -> Still:
        height, width = picture.luma.shape
        jpeg = picture.to_jpeg(STILL_WIDTH)
        shown = min(STILL_WIDTH, width)
        size = {"width": shown, "height": round(height * shown / width)}
        return begin_still(self._file_store, jpeg, **size, utc_ns=picture.utc_ns, mono_ns=picture.mono_ns)
