"""The line between the supervisor and each of its processes.

One ``SOCK_SEQPACKET`` socket pair a process: each datagram is one JSON object, so nobody ever waits for the second
half of a message, and the death of either side is an end of file on the other.

    process -> supervisor   {"beat": {...}, "settings": n}   {"reload": 1}   {"mend": 1}   {"done": "<id of a fact>"}
    supervisor -> process   {"stop": 1}   {"status": {...}}   {"settings": {...}, "version": n}   {"fact": {...}}

Settings are sent again with each status until a heartbeat names their version: a message that was missed is no loss.

Secrets do not travel here: they go once, inside the pickled job, when the process starts.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from vigilar.base.errors import VigilarError
from vigilar.base.stop import Stop

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 200 * 1024
"""Below the kernel's default socket buffer (208 KiB), so that a message always fits. 64 processes are about 30 KiB."""

MAX_BATCH = 50
"""Messages taken from one process in one go: one that floods the line does not keep the others waiting."""

BEAT_EVERY_S = 1.0
"""A heartbeat is sent at most this often, however often ``heartbeat`` is called."""

LAST_RESORT_S = 8.0
"""A process whose supervisor died has this long for its own clean stop. Shorter than the 10 s for which a new
supervisor's process waits for the lock of the old one."""

_STOP, _LISTEN = b"s", b"l"

StatusHandler = Callable[[dict[str, Any]], None]
SettingsHandler = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class ProcessFact:
    """Something the supervisor saw that must become an event.

    ``id`` is unique and stays the same when the fact is sent again; ``ts`` is UTC milliseconds; ``kind`` is a type of
    ``vigilar/events/subjects.py`` (``process_restarted``, ``process_failing``, ``system_started``,
    ``system_stopped``); ``source_id`` is the process (``camera/front-door``, ``web``, ...) or ``system``. ``detail``
    goes into the event; of a process, ``process_title`` in it is what people call it.
    """

    id: str
    ts: int
    kind: str
    source_id: str
    detail: dict[str, Any] = field(default_factory=dict)

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> Self:
        return cls(str(raw["id"]), int(raw["ts"]), str(raw["kind"]), str(raw["source_id"]), dict(raw["detail"]))


FactHandler = Callable[[ProcessFact], None]


def control_pair() -> tuple[SupervisorEnd, socket.socket]:
    """The supervisor's end, and the socket that travels to the process and becomes its ``ControlChild``."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return SupervisorEnd(ours), theirs


class SupervisorEnd:
    """The supervisor's side of one line. One thread only; never blocks, as a stopped process must not stop others."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock

    def fileno(self) -> int:
        return self._sock.fileno()

    def receive(self) -> list[dict[str, Any]] | None:
        """The messages that are there, oldest first, at most MAX_BATCH; None when the process is gone.

        What is not a message is dropped: a camera process may have been taken over by its camera.
        """
        messages: list[dict[str, Any]] = []
        while len(messages) < MAX_BATCH:
            try:
                data = self._sock.recv(MAX_MESSAGE_BYTES)
            except BlockingIOError:
                return messages
            except ConnectionResetError:
                continue  # told once, of one that ended with words of ours unread: its own last ones are still here
            if not data:
                return messages or None
            try:
                messages.append(dict(json.loads(data)))
            except (ValueError, TypeError, RecursionError):
                logger.warning("a process sent %d bytes that are no message", len(data))
        return messages

    def send_stop(self) -> bool:
        return self._send({"stop": 1})

    def send_status(self, status: dict[str, Any]) -> bool:
        """False when the process does not read: it misses this status and gets the next."""
        return self._send({"status": status})

    def send_settings(self, settings: dict[str, Any], version: int) -> bool:
        """True when the kernel took it. Only the version in a heartbeat says that the process uses them."""
        return self._send({"settings": settings, "version": version})

    def send_fact(self, fact: ProcessFact) -> bool:
        """True when the kernel took it. Only ``{"done": id}`` says that the process did."""
        return self._send({"fact": fact.dump()})

    def close(self) -> None:
        self._sock.close()

    def _send(self, message: dict[str, Any]) -> bool:
        return _send(self._sock, message)


class ControlChild:
    """A process' side of its line to the supervisor.

    ``stop_requested`` is set by the supervisor's stop message, by SIGTERM, and by the end of the supervisor, however
    it ended. ``heartbeat`` and ``ask_reload`` may be called from any thread and never block. The handlers given to
    ``listen`` run on the thread ``control``, one message after another, and must be quick (well below a second).
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(True)
        self._sock = sock
        self._lock = threading.Lock()
        self._last_beat_mono_s = float("-inf")
        self._on_status: StatusHandler | None = None
        self._on_fact: FactHandler | None = None
        self._on_settings: SettingsHandler | None = None
        self._last_status: dict[str, Any] | None = None
        self._last_settings: tuple[int, dict[str, Any]] | None = None
        self._settings_version = 0
        self._held: list[ProcessFact] = []
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self.stop_requested = Stop()

    def start(self, *, handle_signals: bool = True) -> None:
        """Begin to listen. With ``handle_signals`` (main thread only) SIGTERM sets ``stop_requested``, and SIGINT and
        SIGHUP are ignored: Ctrl-C reaches the whole group, but the order of stopping is the supervisor's."""
        if handle_signals:
            signal.signal(signal.SIGTERM, lambda *_: self.request_stop())
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        threading.Thread(target=self._listen, name="control", daemon=True).start()

    def listen(
        self,
        *,
        on_status: StatusHandler | None = None,
        on_fact: FactHandler | None = None,
        on_settings: SettingsHandler | None = None,
    ) -> None:
        """Name who takes what the supervisor tells; what came before this call is delivered now. Call it once.

        ``on_status`` gets ``{"ts", "processes": {name: state}, ...}`` every 5 s and at each change; see
        ``docs/architecture/subsystems/supervisor.md``. ``on_fact`` gets each ProcessFact at least once; the
        supervisor sends it again until the handler has returned without an error. ``on_settings`` gets all fields of
        the job that may change while the process runs, by name, when one did; again, until it returned without an
        error.
        """
        with self._lock:
            self._on_status, self._on_fact, self._on_settings = on_status, on_fact, on_settings
        self._wake(_LISTEN)

    def heartbeat(self, status: dict[str, Any] | None = None) -> None:
        """Tell the supervisor that the work goes on; call it at least every 2 s, and only if every thread of the
        process made progress. After 15 s without one the process is killed and started again.

        ``status`` is small, JSON-able and free of secrets; it comes back to all processes as
        ``processes[name]["status"]``.
        """
        now = time.monotonic()
        with self._lock:
            if now - self._last_beat_mono_s < BEAT_EVERY_S:
                return
            self._last_beat_mono_s = now
            version = self._settings_version
        _send(self._sock, {"beat": status or {}, "settings": version} if version else {"beat": status or {}})

    def ask_reload(self) -> None:
        """Ask the supervisor to read the configuration again. Returns at once; the effect shows in the status."""
        _send(self._sock, {"reload": 1})

    def ask_mend(self) -> None:
        """Tell the supervisor that the database is damaged. Returns at once."""
        _send(self._sock, {"mend": 1})

    def request_stop(self) -> None:
        """Have the thread ``control`` set ``stop_requested``. For signal handlers: setting it there could wait for
        ever for a lock of the very thread that the signal interrupted."""
        self._wake(_STOP)

    def _listen(self) -> None:
        waiting = select.poll()
        waiting.register(self._sock, select.POLLIN)
        waiting.register(self._wake_read, select.POLLIN)
        while True:
            if self._wake_read in dict(waiting.poll()):
                asked = os.read(self._wake_read, 64)
                if _STOP in asked:
                    self._take_waiting()  # what was said before a signal counts before it
                    self.stop_requested.set()
                if _LISTEN in asked:
                    self._deliver_held()
                continue
            try:
                data = self._sock.recv(MAX_MESSAGE_BYTES)
            except OSError:
                data = b""
            if not data:
                break
            self._handle(json.loads(data))
        self._survive_supervisor()

    def _take_waiting(self) -> None:
        """All that the supervisor has said until now; its end is left for the caller to find."""
        while True:
            try:
                data = self._sock.recv(MAX_MESSAGE_BYTES, socket.MSG_DONTWAIT)
            except OSError:
                return
            if not data:
                return
            self._handle(json.loads(data))

    def _handle(self, message: dict[str, Any]) -> None:
        if "stop" in message:
            self.stop_requested.set()
        elif "status" in message:
            self._last_status = message["status"]
            self._handle_status()
        elif "settings" in message:
            self._last_settings = (int(message["version"]), message["settings"])
            self._handle_settings()
        elif "fact" in message:
            fact = ProcessFact.parse(message["fact"])
            with self._lock:
                on_fact = self._on_fact
            if on_fact:
                self._handle_fact(fact, on_fact)
            elif all(fact.id != held.id for held in self._held):
                self._held.append(fact)

    def _deliver_held(self) -> None:
        self._handle_status()
        self._handle_settings()
        with self._lock:
            on_fact = self._on_fact
        if on_fact:
            held, self._held = self._held, []
            for fact in held:
                self._handle_fact(fact, on_fact)

    def _handle_status(self) -> None:
        with self._lock:
            on_status = self._on_status
        if on_status is None or self._last_status is None:
            return
        try:
            on_status(self._last_status)
        except Exception:
            logger.exception("status of the processes was not taken")

    def _handle_settings(self) -> None:
        with self._lock:
            on_settings, used = self._on_settings, self._settings_version
        if on_settings is None or self._last_settings is None or self._last_settings[0] == used:
            return
        version, settings = self._last_settings
        try:
            on_settings(settings)
        except Exception:
            logger.exception("new settings were not taken, they will come again")
            return
        with self._lock:
            self._settings_version = version

    def _wake(self, what: bytes) -> None:
        with contextlib.suppress(BlockingIOError):  # full: it was asked often enough
            os.write(self._wake_write, what)

    def _handle_fact(self, fact: ProcessFact, handler: FactHandler) -> None:
        try:
            handler(fact)
        except VigilarError as error:
            logger.warning("%s of %s waits and is told again: %s", fact.kind, fact.source_id, error)
            return
        except Exception:
            logger.exception("fact %s of %s was not taken, it will come again", fact.kind, fact.source_id)
            return
        _send(self._sock, {"done": fact.id})

    def _survive_supervisor(self) -> None:
        """The supervisor is gone, and with it whoever would end us if our own clean stop hangs."""
        if not self.stop_requested.is_set():
            logger.warning("the supervisor is gone, stopping")
        self.stop_requested.set()
        time.sleep(LAST_RESORT_S)
        os._exit(1)


def _send(sock: socket.socket, message: dict[str, Any]) -> bool:
    """One datagram, never waiting. False when the other side does not read or is gone."""
    data = json.dumps(message, separators=(",", ":"), default=str).encode()
    if len(data) > MAX_MESSAGE_BYTES:
        logger.error("message of %d bytes to or from the supervisor is too long and was not sent", len(data))
        return False
    try:
        sock.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    except OSError:
        return False
    return True
