"""A house with a kind of process that Vigilar does not have: one row, the cut of its job, and its entry.

usage: python -m tests.flow.made_up_kind DATA_DIR
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from vigilar.base.control import ControlChild
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.config.cut import CutSource
from vigilar.config.jobs import BusLogin, ProcessJob
from vigilar.config.places import find_places
from vigilar.main import run_supervisor
from vigilar.processes.kinds import KINDS, ProcessKind, Start, StopStage

TOPIC = "vigilar/sensor/barometer/pressure"

ROW = ProcessKind(
    name="barometer",
    title="The barometer",
    entry="tests.flow.made_up_kind:run_barometer",
    start=Start.FORK,
    stop=StopStage.REPORTS,
    cut="tests.flow.made_up_kind:cut_barometer",
    says=(TOPIC,),
)


def cut_barometer(source: CutSource, login: BusLogin) -> ProcessJob:
    return ProcessJob(**source.shared(login))


def run_barometer(job: ProcessJob, control: ControlChild) -> None:
    bus = MessageBus(BusLink(job.bus_host, job.bus_port, job.bus_user, job.bus_password), "barometer")
    bus.start()
    while not control.stop_requested.wait(0.1):
        bus.publish(TOPIC, b"1013")
        bus.publish("vigilar/events/published", b"forged")
        control.heartbeat({"hpa": 1013})
    bus.stop(0.5)
    logging.getLogger(__name__).info("the barometer rests")


if __name__ == "__main__":
    sys.exit(run_supervisor(find_places(data_dir=Path(sys.argv[1])), (*KINDS, ROW)))
