"""Trying a camera before it is added, in a program of its own.

What a camera sends is parsed by native code. A hostile camera must not reach the process that holds everybody's
sessions, so the command line's own test is run and its JSON is read, a line for each step; address and login go through
its standard input.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from vigilar.base.errors import CameraError, ErrorKind

logger = logging.getLogger(__name__)

TIMEOUT_S = 240.0
"""The command gives up by itself: see ``capture.probe``. This is for one that hangs."""

MAX_LINE_CHARS = 2_000_000
"""The picture is the longest: 960 wide, some 150 KB."""


@dataclass(frozen=True, slots=True)
class ProbeWish:
    """What to try. ``user`` empty: no login; ``small`` empty: no small stream is known. ``allow_public``: the owner
    says that the camera is outside of the house."""

    address: str
    user: str = ""
    password: str = field(default="", repr=False)
    small: str = ""
    allow_public: bool = False


Tell = Callable[[dict[str, Any]], None]
"""Hears of each step: ``{"doing": text}``, ``{"stage": {...}}``, ``{"picture": base64}``."""

CameraProbe = Callable[[ProbeWish, Tell], dict[str, Any]]
"""Tries a camera once: ``{"ok", "code", "sentence", "next_step", "stages": [...], ...}``. Raises CameraError."""


def probe_by_command(wish: ProbeWish, tell: Tell) -> dict[str, Any]:
    """Run ``vigilar camera test --json --progress`` and read what it says. Blocks this thread, which calls ``tell``."""
    command = [sys.executable, "-m", "vigilar", "camera", "test", "--json", "--progress", "--login-stdin"]
    # The address too: whoever lists the processes reads arguments, and there may be a password in any part of it.
    told = {"address": wish.address, "small": wish.small, "user": wish.user, "password": wish.password}
    try:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    except OSError as error:
        raise _not_run(error) from error
    too_long = threading.Timer(TIMEOUT_S, child.kill)
    too_long.start()
    with child:
        try:
            assert child.stdin is not None  # noqa: S101 -- as asked for
            assert child.stdout is not None  # noqa: S101
            json.dump({**told, "allow_public": wish.allow_public}, child.stdin)
            child.stdin.close()
            found = _read_lines(child.stdout, tell)
        except (OSError, ValueError) as error:
            raise _not_run(error) from error
        finally:
            too_long.cancel()
            child.kill()
    if found is None:
        raise CameraError("The camera did not finish answering in time.", kind=ErrorKind.TRANSIENT)
    return found


def _read_lines(lines: IO[str], tell: Tell) -> dict[str, Any] | None:
    """The report, None when there was none. Raises ValueError."""
    while line := lines.readline(MAX_LINE_CHARS):
        found = json.loads(line)
        if not isinstance(found, dict):
            raise ValueError("a line that is no object")
        if "report" in found:
            report = found["report"]
            return report if isinstance(report, dict) else None
        if "error" in found:
            return None
        tell(found)
    return None


def _not_run(error: Exception) -> CameraError:
    logger.warning("the camera test could not be run: %s", type(error).__name__)
    return CameraError("The camera test could not be run on this box.", kind=ErrorKind.TRANSIENT)
