"""One process of the house: a real one, over a real broker, with the supervisor's end of its line in the test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.conftest import ROOT, RunningBroker
from vigilar.base.control import SupervisorEnd, control_pair


@dataclass
class SpawnedProcess:
    process: subprocess.Popen[bytes]
    line: SupervisorEnd

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.line.close()


Spawn = Callable[..., SpawnedProcess]
"""Starts one more; what it is given comes last on the command line."""


@contextmanager
def spawning(module: str, where: str, broker: RunningBroker, account: str) -> Iterator[Spawn]:
    """``module`` runs with ``where`` its store is, the port of the broker and its line; the password comes on its
    standard input. All are killed in the end."""
    started: list[SpawnedProcess] = []

    def start(*more: str) -> SpawnedProcess:
        line, theirs = control_pair()
        command = [sys.executable, "-m", module, where, str(broker.port), str(theirs.fileno()), *more]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, pass_fds=[theirs.fileno()])
        theirs.close()
        assert process.stdin
        process.stdin.write(broker.passwords[account].encode() + b"\n")
        process.stdin.close()
        started.append(SpawnedProcess(process, line))
        return started[-1]

    try:
        yield start
    finally:
        for one in started:
            one.kill()
