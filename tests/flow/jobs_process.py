"""The jobs process as the supervisor starts it, for tests that kill it.

usage: python -m tests.flow.jobs_process FOLDER BUS_PORT CONTROL_FD [SECONDS_A_RECORD [NODE_ID]]

The bus password comes on standard input. With SECONDS_A_RECORD each record takes so long to read, as on a slow disk.
"""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path

from vigilar.base.child import RENEWAL
from vigilar.base.control import ControlChild
from vigilar.base.logs import start_logging
from vigilar.config.jobs import CameraInfo, WorkJob
from vigilar.playback.library import Library
from vigilar.processes.jobs import run_jobs
from vigilar.store.files import FileRow
from vigilar.vge.reader import RecordEntry


def slow_down(seconds: float) -> None:
    real = Library.read

    def read(self: Library, row: FileRow, entry: RecordEntry) -> memoryview:
        time.sleep(seconds)
        return real(self, row, entry)

    Library.read = read  # type: ignore[method-assign]


def main() -> None:
    start_logging("jobs")
    folder = Path(sys.argv[1])
    job = WorkJob(
        node_id=sys.argv[5] if len(sys.argv) > 5 else "",
        data_dir=folder,
        secrets_dir=folder / "secrets",
        run_dir=folder / "run",
        database_url=f"sqlite:///{folder / 'vigilar.db'}",
        bus_host="127.0.0.1",
        bus_port=int(sys.argv[2]),
        bus_user="jobs",
        bus_password=sys.stdin.readline().strip(),
        time_zone="Europe/Berlin",
        cameras=(CameraInfo("front-door", "Front door", has_sub=False, enabled=True),),
    )
    if len(sys.argv) > 4:
        slow_down(float(sys.argv[4]))
    control = ControlChild(socket.socket(fileno=int(sys.argv[3])))
    control.start()
    is_renewed = True
    while is_renewed:  # as the supervisor starts it again
        is_renewed = False
        try:
            run_jobs(job, control)
        except SystemExit as ended:
            is_renewed = ended.code == RENEWAL
            if not is_renewed:
                raise


if __name__ == "__main__":
    main()
