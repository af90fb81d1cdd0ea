"""The upkeep process as the supervisor starts it, beside a house of the tests.

usage: python -m tests.flow.upkeep_process DATA_DIR CONTROL_FD
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.conftest import ROOT
from vigilar.base.control import ControlChild, control_pair
from vigilar.base.folder_id import find_folder_id
from vigilar.base.keep_rules import KeepRules
from vigilar.base.logs import start_logging
from vigilar.config.jobs import UpkeepJob
from vigilar.processes.upkeep import run_upkeep

RULES = KeepRules(reserve_bytes=0)
"""However full the disk of the tests is, nothing goes by itself."""


@contextmanager
def upkeep_beside(folder: Path) -> Iterator[None]:
    """It runs for as long as the block does, and ends well."""
    ours, theirs = control_pair()
    command = [sys.executable, "-m", "tests.flow.upkeep_process", str(folder), str(theirs.fileno())]
    with closing(ours):
        process = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()])
        theirs.close()
        try:
            yield
        finally:
            ours.send_stop()  # heard also by one that has not begun yet, which a signal would end at once
            code = process.wait(60)
    assert code == 0


def main() -> None:
    start_logging("upkeep")
    folder = Path(sys.argv[1])
    job = UpkeepJob(
        data_dir=folder,
        node_id=find_folder_id(folder) or "",
        secrets_dir=folder / "secrets",
        run_dir=folder / "run",
        database_url=f"sqlite:///{folder / 'vigilar.db'}",
        bus_host="",
        bus_port=0,
        bus_user="",
        bus_password="",
        rules=RULES,
    )
    control = ControlChild(socket.socket(fileno=int(sys.argv[2])))
    control.start()
    run_upkeep(job, control)


if __name__ == "__main__":
    main()
