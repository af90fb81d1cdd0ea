"""Whether the kernel's clock is kept in step with the time of the world, as the kernel itself says.

Source: adjtimex(2). Reading needs no right and changes nothing (``modes`` is 0). Whoever keeps the time (systemd-
timesyncd, chrony, ntpd) tells the kernel so; in a container the answer is that of the machine.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

_STA_UNSYNC = 0x0040
_STA_NANO = 0x2000

NOT_SET_UTC_S = 1_700_000_000
"""14 November 2023: a clock before this was never set; the program is younger."""


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("_rest", ctypes.c_byte * 256),
    )


@dataclass(frozen=True, slots=True)
class ClockState:
    """``is_in_step``: somebody keeps it so; ``off_ms``: about how far it is from the right time, 0 when not in step."""

    is_in_step: bool
    off_ms: float = 0.0


def read_clock() -> ClockState | None:
    """How the clock is kept; None where the kernel does not say."""
    timex = _Timex()
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):  # another C library, or a sandbox that forbids the question
        return None
    if answer < 0:
        return None
    if timex.status & _STA_UNSYNC:
        return ClockState(is_in_step=False)
    offset_us = abs(timex.offset) / (1000 if timex.status & _STA_NANO else 1)
    return ClockState(True, max(offset_us, timex.esterror) / 1000)
