"""The events process in a night of the test's: its clock is set to a moment when it is ready, and goes on from there.

usage: python -m tests.flow.guarding_process DATABASE_URL CONTROL_FD UTC_NS ARM_RULES

No broker answers: the rows of the house are the truth.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from functools import cache
from pathlib import Path

from vigilar.base.arm_rules import ArmRules
from vigilar.base.clock import SystemClock
from vigilar.base.control import ControlChild
from vigilar.base.logs import start_logging
from vigilar.config.jobs import EventsJob
from vigilar.processes import events


@cache
def shift_ns() -> int:
    return int(sys.argv[3]) - time.time_ns()


class MovedClock(SystemClock):
    def utc_ns(self) -> int:
        return super().utc_ns() + shift_ns()


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
    events.SystemClock = MovedClock  # type: ignore[attr-defined]
    control = ControlChild(socket.socket(fileno=int(sys.argv[2])))
    control.start()
    events.run_events(job, control)


if __name__ == "__main__":
    main()
