"""Letting everybody else go first: what comes after recording says so to the kernel."""

from __future__ import annotations

import ctypes
import os
import platform

NICENESS = 10
"""As for all that comes after recording. Not 19: what holds the database's lock must not wait long for a turn."""

_BEST_EFFORT, _IDLE = 2, 3
_LOWEST, _SHIFT, _WHO_PROCESS = 7, 13, 1
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "armv7l": 314}
"""Source: ioprio_set(2) and the system call tables."""


def step_back(*, is_idle: bool) -> None:
    """Lower priority on the processor, for the disk the lowest, or with ``is_idle`` only what nobody else wants. What
    the system refuses is left as it is."""
    # Who was started lower stays there: back up is refused to all but root.
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        priority = (_IDLE if is_idle else _BEST_EFFORT) << _SHIFT | (0 if is_idle else _LOWEST)
        ctypes.CDLL(None, use_errno=True).syscall(number, _WHO_PROCESS, 0, priority)
