"""The notify process as the supervisor starts it, for tests that kill it; everybody is told of everything.

usage: python -m tests.flow.notify_process DATABASE_URL BUS_PORT CONTROL_FD PUSH_HOST

The bus password comes on standard input; the push service's authority is ``push-ca.pem`` beside the database.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from tests.notify_kit import NODE, tell_all
from vigilar.base.control import ControlChild
from vigilar.base.logs import start_logging
from vigilar.config.jobs import NotifyJob
from vigilar.processes.notify import run_notify


def main() -> None:
    start_logging("notify")
    data_dir = Path(sys.argv[1].removeprefix("sqlite:///")).parent
    job = NotifyJob(
        node_id=NODE,
        data_dir=data_dir,
        secrets_dir=data_dir / "secrets",
        run_dir=Path(),
        database_url=sys.argv[1],
        bus_host="127.0.0.1",
        bus_port=int(sys.argv[2]),
        bus_user="notify",
        bus_password=sys.stdin.readline().strip(),
        push_hosts=(sys.argv[4],),
        push_ca_file=str(data_dir / "push-ca.pem"),
    )
    control = ControlChild(socket.socket(fileno=int(sys.argv[3])))
    control.start()
    run_notify(job, control, tell_all)


if __name__ == "__main__":
    main()
