"""The running service, seen from a command: who holds the lock, does the page answer, please read your settings."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket

from vigilar.base.disk import DEVICE_ERRORS
from vigilar.base.errors import ErrorKind, ExitCode, VigilarError
from vigilar.base.house_file import HouseFile, HouseMemory
from vigilar.base.lock import holder_pid
from vigilar.base.status_socket import ask_status
from vigilar.config.places import Places

HEALTH_TIMEOUT_S = 3.0


def find_supervisor(places: Places) -> int | None:
    """The process id of the supervisor of this data folder, None when none runs. Raises VigilarError (DENIED).

    The lock outside of the folder is asked first: the drive may be away, or not answer.
    """
    for lock_file in (HouseFile(places.house_file).lock_file, places.lock_file):
        try:
            pid = holder_pid(lock_file)
        except PermissionError as error:
            raise _denied(f"{lock_file} may not be read by this user.") from error
        except OSError as error:
            if error.errno not in DEVICE_ERRORS:
                raise
            found = ask_status(places.run_dir)  # a socket needs no disk that answers
            pid = int(found["processes"]["supervisor"]["pid"]) if found else None
        if pid:
            return pid
    return None


def find_drive_trouble(places: Places) -> HouseMemory | None:
    """What is remembered of the house (``sentence``, ``next_step``, where its page is), when its running supervisor
    misses the drive; None otherwise. Never touches the drive."""
    memory = HouseFile(places.house_file).load()
    return memory if memory.sentence else None


def ask_reload(places: Places) -> bool:
    """Make the service read its settings again; False when none runs. Raises VigilarError (DENIED)."""
    pid = find_supervisor(places)
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGHUP)
    except ProcessLookupError:
        return False
    except PermissionError as error:
        raise _denied(f"The service runs as another user, process {pid}.") from error
    return True


def local_host(listen: str) -> str:
    """Where this machine reaches a page that listens on ``listen``."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen, listen)  # noqa: S104 -- compared, not bound


def page_address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def is_serving(host: str, port: int, timeout_s: float = HEALTH_TIMEOUT_S) -> bool:
    """Whether the page answers 200 at ``/healthz``, which needs no login. Goes through no proxy."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False


def lan_address() -> str | None:
    """The address other devices of the network reach this machine by, None without a network.

    Connecting a UDP socket sends nothing; it makes the kernel choose the way out. The address is one of RFC 5737,
    kept for documents, so nobody is there.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address = str(probe.getsockname()[0])
        except OSError:
            return None
    return None if address.startswith(("127.", "0.")) else address


def _denied(what: str) -> VigilarError:
    return VigilarError(
        what,
        kind=ErrorKind.DENIED,
        next_step="Run the command as the user of the service, or with sudo.",
        exit_code=ExitCode.DENIED,
    )
