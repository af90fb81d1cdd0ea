"""From what the analysis sees to what others learn: the recorder at once, then a sealed still and the event."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from vigilar.base.clock import Clock
from vigilar.detect.analyser import Analyser
from vigilar.detect.motion import MotionSettings
from vigilar.detect.pictures import MotionEnded, MotionStarted, PictureLike
from vigilar.media.decode import Decoder
from vigilar.media.private_areas import Polygon
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

    ``run_now`` gives the run of the main stream, which is the one that is recorded; ``settings`` say how sensitive it
    is and where it matters.
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

    @property
    def is_moving(self) -> bool:
        return self._motion_id is not None

    def make_analyser(self) -> Analyser:
        """A new one, which learns the scene anew, by the settings given last."""
        decoder = partial(Decoder, private=self._private)
        self._analyser = Analyser(
            self._settings, decoder, self.motion_started, self.motion_ended, self._clock, self._note_picture
        )
        return self._analyser

    def use(self, settings: MotionSettings) -> None:
        """Counts from the next picture on. Any thread."""
        self._settings = settings
        if self._analyser is not None:
            self._analyser.use(settings)

    def _private(self) -> tuple[Polygon, ...]:
        return self._settings.zones.private

    def motion_started(self, motion: MotionStarted) -> None:
        self._recorder.motion_started(motion.mono_ns)
        self._storyboard.take(motion.picture)
        make_still = partial(self._make_still, motion.picture)
        self._motion_id = self._facts.motion_started(
            motion.utc_ns, self._run_now(), motion.area_frac, make_still, motion.zones
        )

    def motion_ended(self, motion: MotionEnded) -> None:
        self._recorder.motion_ended(motion.last_mono_ns)
        motion_id, self._motion_id = self._motion_id, None
        if motion_id is not None:
            self._facts.motion_ended(motion_id, motion)

    def _note_picture(self, picture: PictureLike) -> None:
        self._storyboard.look(picture, is_moving=self.is_moving)

    def _make_still(self, picture: PictureLike) -> Still:
        height, width = picture.luma.shape
        jpeg = picture.to_jpeg(STILL_WIDTH)
        shown = min(STILL_WIDTH, width)
        size = {"width": shown, "height": round(height * shown / width)}
        return begin_still(self._file_store, jpeg, **size, utc_ns=picture.utc_ns, mono_ns=picture.mono_ns)
