"""The web process: gunicorn around the Flask app, the bridge from the bus, and the line to the supervisor.

gunicorn's master binds the port and forks one worker; app, bridge and line live in the worker, because threads do
not survive a fork. The master does nothing but wait for it, and ends when the worker asks it to.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from vigilar.base.control import ControlChild
from vigilar.base.ports import check_page_port
from vigilar.config.jobs import WebJob
from vigilar.web import create_app
from vigilar.web.parts import parts_of
from vigilar.web.sse_bridge import NoBridge, SseBridge, start_sse_bridge

logger = logging.getLogger(__name__)

THREADS = 64
"""Each open event stream and each MJPEG picture holds one; they are started when needed and cost little."""

GRACE_S = 1
"""For requests that are being answered when a stop comes; endless streams are ended at its beginning."""

STALLED_MS = 10_000
"""A browser that takes no data for this long is cut off: forty that stall would otherwise hold every thread."""


def run_web(job: WebJob, control: ControlChild) -> None:
    """Serve until told to stop. ``control`` is started in the worker. Raises VigilarError for a taken port."""
    check_page_port(job.listen, job.port)
    _Server(job, control).run()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's idea of an application: its settings, and the Flask app made in the worker."""

    def __init__(self, job: WebJob, control: ControlChild) -> None:
        self.job = job
        self.control = control
        self.bridge: SseBridge | NoBridge = NoBridge()
        super().__init__()

    def load_config(self) -> None:
        host = f"[{self.job.listen}]" if ":" in self.job.listen else self.job.listen
        settings = {
            "bind": [f"{host}:{self.job.port}"],
            "workers": 1,
            "worker_class": _Worker,
            "threads": THREADS,
            "graceful_timeout": GRACE_S,
            "keepalive": 15,
            "logger_class": _Log,
            "control_socket_disable": True,  # or it listens in the home folder, and has dead-locked
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108 -- as gunicorn advises
            "when_ready": _limit_stalled,
            "post_worker_init": _begin,
            "worker_exit": _close,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The WSGI callable, made in the worker."""
        return create_app(self.job)


class _Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's threaded worker, whose main loop is also the heart of the web process."""

    def notify(self) -> None:
        """Called by the main loop at least once a second."""
        super().notify()
        self.app.control.heartbeat({"connections": self.nr_conns})

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM from the master: end the endless streams, then gunicorn waits for the other requests."""
        self.app.control.request_stop()
        super().handle_exit(sig, frame)


class _Log(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's words through our log, warnings and worse only; no access log."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.error_log.handlers = []
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """A browser that was cut off (STALLED_MS) is no error of ours; forty at once must not fill the log."""
        if isinstance(sys.exc_info()[1], TimeoutError):
            logger.debug("a browser that took no data was cut off")
        else:
            super().exception(msg, *args, **kwargs)

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Who looked at what is nobody's business."""


def _limit_stalled(server: Any) -> None:
    """Set on the listening sockets, inherited by each connection; source tcp(7), TCP_USER_TIMEOUT."""
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)


def _begin(worker: Any) -> None:
    """In the worker, when the app is made: connect it to the supervisor and to the bus."""
    server: _Server = worker.app
    app = parts_of(server.callable)
    app.ask_reload = server.control.ask_reload
    server.control.start(handle_signals=False)
    server.control.listen(on_status=lambda status: app.board.set_processes(status["processes"], status["ts"]))
    server.bridge = start_sse_bridge(server.job)
    threading.Thread(target=_end, args=(server, worker.ppid), name="web-stop", daemon=True).start()


def _end(server: _Server, master: int) -> None:
    """Waits for the stop, whoever asks for it; ends the endless streams, lets go of the bus, tells the master."""
    server.control.stop_requested.wait()
    parts_of(server.callable).stop()
    server.bridge.stop()
    if os.getppid() == master:  # else it is gone, and its number may be another process by now
        os.kill(master, signal.SIGTERM)


def _close(_arbiter: Any, worker: Any) -> None:
    """In the worker, after the last request."""
    if worker.app.callable is not None:
        parts_of(worker.app.callable).close()
