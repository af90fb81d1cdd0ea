"""The jobs of a folder, as the process for long work does them: ``python -m benchmarks.reel_work FOLDER CAMERA ...``.

For ``benchmarks.reel``. Prints seconds, seconds of the processor, and MB of memory before and at most, as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import threading
import time
from pathlib import Path

from vigilar.base.clock import SystemClock
from vigilar.base.control import ControlChild, control_pair
from vigilar.base.heap import give_back_large_blocks
from vigilar.config.jobs import CameraInfo, WorkJob
from vigilar.processes.job_worker import JobWorker
from vigilar.processes.jobs import NICENESS
from vigilar.store.engine import Store


def main() -> None:
    os.nice(NICENESS)
    give_back_large_blocks()
    folder = Path(sys.argv[1])
    job = WorkJob(
        data_dir=folder,
        secrets_dir=folder / "secrets",
        run_dir=folder,
        database_url=f"sqlite:///{folder / 'vigilar.db'}",
        bus_host="127.0.0.1",
        bus_port=1,
        bus_user="jobs",
        bus_password="",
        cameras=tuple(CameraInfo(one, one.title(), has_sub=False, enabled=True) for one in sys.argv[2:]),
    )
    memory = Memory()
    idle_mb = memory.most_mb
    began_s = time.perf_counter()
    ours, theirs = control_pair()
    with contextlib.closing(Store.open(job.database_url)) as store:
        worker = JobWorker(store, ControlChild(theirs), lambda _message: None, SystemClock())
        while worker.do_next(job):
            pass
    ours.close()
    own = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = own.ru_utime + own.ru_stime
    print(json.dumps([time.perf_counter() - began_s, cpu_s, idle_mb, memory.most_mb]))


class Memory:
    """The most that this process takes, looked at each quarter of a second. MB of PSS: what it shares counts in part,
    as in the other figures."""

    def __init__(self) -> None:
        self.most_mb = self.look()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def look(self) -> float:
        """Source: proc(5)."""
        text = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) * 1024 / 1e6

    def _watch(self) -> None:
        while True:
            time.sleep(0.25)
            self.most_mb = max(self.most_mb, self.look())


if __name__ == "__main__":
    main()
