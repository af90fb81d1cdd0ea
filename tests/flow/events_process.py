"""The events process as the supervisor starts it, for tests that kill it.

usage: python -m tests.flow.events_process DATABASE_URL BUS_PORT CONTROL_FD [DIE_BEFORE_PUBLISHING]

The bus password comes on standard input. Checkpoints are copied into the folder ``elsewhere``, if it is there. With
DIE_BEFORE_PUBLISHING = n the process kills itself when the n-th event is on the disk and about to be published.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

from vigilar.base.control import ControlChild
from vigilar.base.folder_id import find_folder_id
from vigilar.base.logs import start_logging
from vigilar.config.jobs import CameraInfo, EventsJob
from vigilar.events.announcer import Announcer
from vigilar.processes.events import run_events
from vigilar.store.events import StoredEvent


def die_before_publishing(count: int) -> None:
    real, calls = Announcer.announce, iter(range(1, 1_000_000))

    def announce(self: Announcer, event: StoredEvent) -> None:
        if next(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        real(self, event)

    Announcer.announce = announce  # type: ignore[method-assign]


def main() -> None:
    start_logging("events")
    data_dir = Path(sys.argv[1].removeprefix("sqlite:///")).parent
    job = EventsJob(
        node_id=find_folder_id(data_dir) or "box",
        data_dir=data_dir,
        secrets_dir=data_dir / "secrets",
        run_dir=Path(),
        database_url=sys.argv[1],
        bus_host="127.0.0.1",
        bus_port=int(sys.argv[2]),
        bus_user="events",
        bus_password=sys.stdin.readline().strip(),
        cameras=(CameraInfo("front", "Front door", has_sub=False, enabled=True),),
        copy_to=str(data_dir / "elsewhere") if (data_dir / "elsewhere").is_dir() else "",
    )
    if len(sys.argv) > 4:
        die_before_publishing(int(sys.argv[4]))
    control = ControlChild(socket.socket(fileno=int(sys.argv[3])))
    control.start()
    run_events(job, control)


if __name__ == "__main__":
    main()
