"""Trying a camera before it is added, in a program of its own.

What a camera sends is parsed by native code. A hostile camera must not reach the process that holds everybody's
sessions, so the command line's own test is run and its JSON is read; address and login go through its standard input.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vigilar.base.errors import CameraError, ErrorKind

logger = logging.getLogger(__name__)

TIMEOUT_S = 85.0
"""The command gives up by itself after about 30 s, and 80 s for a camera that answers but starts its source first."""


@dataclass(frozen=True, slots=True)
class ProbeWish:
    """What to try. ``user`` empty: no login."""

    address: str
    user: str = ""
    password: str = field(default="", repr=False)


CameraProbe = Callable[[ProbeWish], dict[str, Any]]
"""Tries a camera once: ``{"ok", "code", "sentence", "next_step", "stages": [...], ...}``. Raises CameraError."""


def probe_by_command(wish: ProbeWish) -> dict[str, Any]:
    """Run ``vigilar camera test --json`` and read what it found. Blocks the calling thread; one login attempt."""
    command = [sys.executable, "-m", "vigilar", "camera", "test", "--json", "--login-stdin"]
    # The address too: whoever lists the processes reads arguments, and there may be a password in any part of it.
    told = json.dumps({"address": wish.address, "user": wish.user, "password": wish.password})
    try:
        done = subprocess.run(command, input=told, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        found = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise CameraError("The camera did not finish answering in time.", kind=ErrorKind.TRANSIENT) from error
    except (OSError, ValueError) as error:
        logger.warning("the camera test could not be run: %s", error)
        raise CameraError("The camera test could not be run on this box.", kind=ErrorKind.TRANSIENT) from error
    if not isinstance(found, dict):
        raise CameraError("The camera test could not be run on this box.", kind=ErrorKind.TRANSIENT)
    return found
