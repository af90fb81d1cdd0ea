"""Signals as something a selector can wait for."""

from __future__ import annotations

import os
import signal
from socket import socketpair
from typing import Any


class SignalInbox:
    """SIGTERM, SIGINT and SIGHUP, taken while the inbox is open. ``fileno`` is readable when one came. Main thread.

    One for the whole life of a program: what came while nobody looked waits for whoever looks next.
    """

    NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def __init__(self) -> None:
        self._read_end, self._write_end = socketpair()
        self._read_end.setblocking(False)
        self._write_end.setblocking(False)
        self._has_terminal = _has_terminal()
        self._before: dict[int, Any] = {}
        # First, and last at the end: a signal that comes in between is never swallowed.
        signal.set_wakeup_fd(self._write_end.fileno(), warn_on_full_buffer=False)
        for number in self.NUMBERS:
            self._before[number] = signal.signal(number, _noted_by_wakeup)

    def fileno(self) -> int:
        return self._read_end.fileno()

    def take(self) -> list[int]:
        """The signals that came, oldest first.

        SIGHUP is told as SIGTERM when it comes because the terminal that we were started from has gone.
        """
        try:
            numbers = list(self._read_end.recv(64))
        except BlockingIOError:
            return []
        is_hung_up = self._has_terminal and not _has_terminal()
        return [signal.SIGTERM if number == signal.SIGHUP and is_hung_up else number for number in numbers]

    def close(self) -> None:
        """Give the signals back to who had them before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        self._read_end.close()
        self._write_end.close()


def _noted_by_wakeup(_number: int, _frame: object) -> None:
    """The number itself arrives through the wake-up descriptor."""


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
