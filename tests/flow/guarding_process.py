"""The events process in a night of the test's: its clock stands at a moment until it has gone round, and goes on then.

usage: python -m tests.flow.guarding_process DATABASE_URL CONTROL_FD UTC_NS ARM_RULES

No broker answers: the rows of the house are the truth.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any, ClassVar

from vigilar.base.arm_rules import ArmRules
from vigilar.base.clock import SystemClock
from vigilar.base.control import ControlChild
from vigilar.base.logs import start_logging
from vigilar.config.jobs import EventsJob
from vigilar.processes import events


class NightClock(SystemClock):
    """However long a busy machine takes to start the process, it finds the house as it is at that moment."""

    goes_on_ns: ClassVar[int | None] = None

    def utc_ns(self) -> int:
        real_ns = super().utc_ns()
        return int(sys.argv[3]) + (real_ns - (self.goes_on_ns or real_ns))


class Control(ControlChild):
    """Lets the night begin with the second heartbeat: before it all has been looked at."""

    beats = 0

    def heartbeat(self, status: dict[str, Any] | None = None) -> None:
        super().heartbeat(status)
        self.beats += 1
        if self.beats == 2:
            NightClock.goes_on_ns = SystemClock().utc_ns()


def main() -> None:
    start_logging("events")
    data_dir = Path(sys.argv[1].removeprefix("sqlite:///")).parent
    job = EventsJob(
        data_dir=data_dir,
        secrets_dir=data_dir / "secrets",
        run_dir=data_dir,
        database_url=sys.argv[1],
        bus_host="127.0.0.1",
        bus_port=1,
        bus_user="events",
        bus_password="",
        arm=ArmRules.parse(json.loads(sys.argv[4])),
    )
    events.SystemClock = NightClock  # type: ignore[attr-defined]
    control = Control(socket.socket(fileno=int(sys.argv[2])))
    control.start()
    events.run_events(job, control)


if __name__ == "__main__":
    main()
