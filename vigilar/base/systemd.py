"""Telling systemd how the service does, and where its log is. Source: sd_notify(3), sd_booted(3); no library, it is one
datagram and one folder."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import MutableMapping
from pathlib import Path

RUN_FOLDER = Path("/run/systemd/system")


class ServiceManager:
    """The manager that started us, if any. Takes its variables out of ``environ``, so that no child speaks for us."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self._address = environ.pop("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        environ.pop("WATCHDOG_PID", None)
        wanted_us = environ.pop("WATCHDOG_USEC", "")
        self.watchdog_every_s = int(wanted_us) / 3e6 if wanted_us.isdigit() else None
        """Seconds between two signs of life: a third of what systemd waits for; None when it does not watch."""

    def tell(self, text: str) -> None:
        """Send ``READY=1``, ``WATCHDOG=1``, ``STOPPING=1`` or ``STATUS=...``. Does nothing without a manager."""
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as s:
            s.sendto(text.encode(), socket.MSG_DONTWAIT, self._address)


def is_machine_by_systemd() -> bool:
    """Whether systemd has begun this machine, which it has not in most containers."""
    return RUN_FOLDER.is_dir()


def log_place() -> str:
    """Where people read the log, as words that follow "the log: "."""
    if is_machine_by_systemd():
        return "journalctl -u vigilar"
    return "what vigilar start printed, in a container podman logs or docker logs with its name"
