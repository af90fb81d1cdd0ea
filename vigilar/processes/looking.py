"""What looks at a camera's pictures, as a whole: it may be switched on and off while the camera is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vigilar.base.stop import Stop
from vigilar.processes.analysis import AnalysisQueue, AnalysisWorker

if TYPE_CHECKING:
    from vigilar.processes.motion import MotionTeller
    from vigilar.processes.objects import ObjectWatcher


class Looking:
    """What looks for motion: it is made, works on a thread of its own, and is ended, as a whole."""

    def __init__(
        self, motion: MotionTeller, queue: AnalysisQueue, worker: AnalysisWorker, objects: ObjectWatcher | None
    ) -> None:
        self.motion = motion
        self.queue = queue
        self.worker = worker
        self.objects = objects
        self._stop = Stop()
        self._objects_stop = Stop()

    def run(self) -> None:
        """What recognises ends after what finds motion, so that the last visit is told with its name."""
        try:
            self.worker.run(self._stop)
            self.motion.end()
        finally:
            self._objects_stop.set()
            if self.objects is not None:
                self.objects.wake()

    def run_objects(self) -> None:
        if self.objects is not None:
            self.objects.run(self._objects_stop)

    def end(self) -> None:
        self._stop.set()
        self.worker.wake()
