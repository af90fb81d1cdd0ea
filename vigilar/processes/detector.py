"""The detector process: one for all cameras. Pixels in, boxes out; it has no bus, no database and no key.

So whoever could make the network or its runtime misbehave gets pictures of what moves just then, and nothing to say
with. It comes after all others (``NICENESS``), and its budget counts what it takes.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import closing
from typing import Any

from vigilar.base.control import ControlChild
from vigilar.base.errors import VigilarError
from vigilar.base.models_folder import FOLDER
from vigilar.base.retry import Backoff
from vigilar.base.tally import Tally
from vigilar.config.jobs import DetectorJob
from vigilar.detect.objects.budget import IDLE_SHARE, LEAST_CORES, WINDOW_S, Budget, IdleMeter
from vigilar.detect.objects.model import ObjectModel, open_model
from vigilar.detect.objects.model_folder import ModelFolder
from vigilar.detect.objects.server import DetectorServer
from vigilar.processes.settings import settings_handler

logger = logging.getLogger(__name__)

NICENESS = 10
TURN_S = 0.5
LOOK_EVERY_S = 1.0
"""How often the folder of models, the machine and the budget are looked at."""

MANY_PROCESSORS = 4
"""From so many on a look takes two of them."""

AGAIN_S = 5.0
"""A model that failed at a look is loaded anew after this long, and after twice as long each time it fails again..."""
AGAIN_MOST_S = 300.0
"""...up to this. One picture that a network cannot take must not cost names until somebody restarts the house."""


def run_detector(job: DetectorJob, control: ControlChild) -> None:
    """Look at what camera processes hand over until ``control.stop_requested``. Main thread. Raises OSError when its
    socket cannot be made."""
    os.nice(NICENESS)
    DetectorProcess(job, control).run()


class DetectorProcess:
    """``run`` belongs to the main thread; settings come on the thread ``control``."""

    def __init__(self, job: DetectorJob, control: ControlChild) -> None:
        self._job = job
        self._control = control
        self._folder = ModelFolder(job.data_dir / FOLDER)
        self._stamp: object = None
        self._problem = ""
        self._model: ObjectModel | None = None
        self._loaded_s = 0.0
        self._again_s: float | None = None
        self._backoff = Backoff(first_s=AGAIN_S, cap_s=AGAIN_MOST_S)
        self._processors = len(os.sched_getaffinity(0))
        self._meter = IdleMeter(self._processors, os.sysconf("SC_CLK_TCK"))
        self._budget = Budget(job.budget_cores or IDLE_SHARE * self._processors)
        self._errors = Tally(logger, "objects are not recognised", every_s=60.0)
        self._longest_s = 0.0

    def run(self) -> None:
        """Give turns, until the stop."""
        self._control.listen(on_settings=settings_handler(self._job, self._use))
        next_look_s = 0.0
        with closing(DetectorServer(self._job.run_dir, self._budget)) as server:
            while not self._control.stop_requested.is_set():
                if time.monotonic() >= next_look_s:
                    next_look_s = time.monotonic() + LOOK_EVERY_S
                    self._look(server)
                try:
                    server.turn(TURN_S)
                except VigilarError as error:
                    self._give_up(server, error)

    def _give_up(self, server: DetectorServer, error: VigilarError) -> None:
        """A look or the loading failed: there is no model now, and it is loaded anew a little later."""
        self._errors.add(error)
        now_s = time.monotonic()
        delay_s = self._backoff.next_delay_s(now_s - self._loaded_s if server.model is not None else 0.0)
        server.model = self._model = None
        self._again_s = now_s + delay_s
        self._problem = f"{_sentence(error)} It is loaded anew in {delay_s:.0f} s."

    def _use(self, job: DetectorJob) -> None:
        self._job = job

    def _look(self, server: DetectorServer) -> None:
        now_s = time.monotonic()
        self._meter.look(_proc_stat(), now_s, time.process_time())
        self._budget.use(self._job.budget_cores or max(LEAST_CORES, IDLE_SHARE * self._meter.idle_cores))
        self._take_model(server)
        self._longest_s = max(server.queue.take_longest_s(now_s), 0.9 * self._longest_s)
        self._control.heartbeat(self._status(server, now_s))

    def _take_model(self, server: DetectorServer) -> None:
        """Load the model in use, if it is another than before or failed a while ago. One that cannot be used leaves the
        old one at work; where there is none any more, it is tried again."""
        stamp = self._folder.stamp()
        is_due = self._again_s is not None and time.monotonic() >= self._again_s
        if stamp == self._stamp and not is_due:
            return
        self._stamp, self._again_s = stamp, None
        found = self._folder.find_in_use()
        if found is None:
            server.model = self._model = None
            self._problem = "No model is installed."
            self._again_s = time.monotonic() + AGAIN_S  # one whose manifest could not be read, perhaps
            return
        try:
            model = open_model(found.file, found.manifest, 2 if self._processors >= MANY_PROCESSORS else 1)
        except VigilarError as error:
            if server.model is None:
                self._give_up(server, error)
            else:
                self._errors.add(error)
                self._problem = _sentence(error)
            return
        server.model = self._model = model
        self._problem, self._loaded_s = "", time.monotonic()
        logger.info("recognising with %s by %s", found.manifest.name, model.provider)

    def _status(self, server: DetectorServer, now_s: float) -> dict[str, Any]:
        model = self._model if server.model is not None else None
        return {
            "model": model.manifest.name if model else "",
            "model_title": model.manifest.title if model else "",
            "made_for": model.manifest.made_for if model else "",
            "kinds": sorted({kind.value for kind in model.manifest.kinds.values()}) if model else [],
            "provider": model.provider if model else "",
            "problem": self._problem,
            "cameras": server.cameras,
            "looks": server.counters.looks,
            "late": server.counters.late,
            "budget_cores": round(self._budget.cores, 2),
            "used_cores": round(self._budget.spent_s(now_s) / WINDOW_S, 3),
            "longest_wait_s": round(self._longest_s, 2),
        }


def _sentence(error: VigilarError) -> str:
    return f"{str(error)[:1].upper()}{str(error)[1:]}."


def _proc_stat() -> str:
    with open("/proc/stat", encoding="ascii") as source:
        return source.read(4096)
