"""Telling systemd how the service does. Source: sd_notify(3); no library, it is one datagram."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import MutableMapping


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
