"""The web process: gunicorn's threaded worker around the Flask app, the bridge from the bus, the supervisor's line.

gunicorn's master is left out: what it does (start the worker again, end it when it hangs) the supervisor does for every
process, and a second process would cost 24 MB, as the pages of a forked Python do not stay shared.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import socket
import sys
import threading
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.sock import create_sockets
from gunicorn.workers.gthread import ThreadWorker

from vigilar.base.atomic import make_private_folder
from vigilar.base.control import ControlChild
from vigilar.base.errors import ExitCode
from vigilar.base.page_headers import Refusal, bare_answer
from vigilar.base.ports import check_page_port
from vigilar.config.jobs import WebJob
from vigilar.door.certificates import CertificateWish
from vigilar.door.haproxy import REFUSALS
from vigilar.door.keeper import CertificateKeeper
from vigilar.door.name import HouseName
from vigilar.door.places import WEB_SOCKET
from vigilar.processes.settings import settings_handler
from vigilar.web import create_app
from vigilar.web.parts import parts_of
from vigilar.web.sse_bridge import show_processes, start_sse_bridge

logger = logging.getLogger(__name__)

THREADS = 64
"""Each open event stream and each MJPEG picture holds one; they are started when needed and cost little."""

SWITCH_S = 0.0005
"""For how long a thread may keep Python to itself while others wait. With Python's own 5 ms each of the twenty times
that a request waits for a disk, a socket or another thread costs up to 5 ms more as soon as another one works."""

GRACE_S = 1
"""For requests that are being answered when a stop comes; endless streams are ended at its beginning."""

MAX_HEADER_BYTES = 24 * 1024
"""Of one header, such as all cookies together. Cookies know no ports, so those of other programs on this machine come
along, and must not keep anybody from his page. The door lets more through (``tune.bufsize``), so that who has too many
is told so in our words and not in HAProxy's."""

UNREAD = {
    414: (LimitRequestLine, Refusal("This address is too long for Vigilar.", "Begin again at the first page.")),
    431: (
        LimitRequestHeaders,
        Refusal(
            "The browser sent too much at once, as other programs on this machine left it many cookies.",
            "Delete the cookies of this address, then load the page again.",
        ),
    ),
    400: (ParseException, REFUSALS[400]),
}
"""What a request gets that never becomes one for the pages: the first that fits."""

STALLED_MS = 10_000
"""A browser that takes no data for this long is cut off: forty that stall would otherwise hold every thread."""


def run_web(job: WebJob, control: ControlChild) -> None:
    """Serve until told to stop, then end the process. Main thread. Raises VigilarError for a taken port.

    The process is not ended in Python's own way: that would wait for the threads of endless answers.
    """
    sys.setswitchinterval(SWITCH_S)
    if not job.has_door:
        check_page_port(job.listen, job.port)
    server = _Server(job, control)
    log = _Log(server.cfg)
    sockets = create_sockets(server.cfg, log)
    for listener in sockets:
        if listener.sock.family != socket.AF_UNIX:  # each connection inherits it; source tcp(7). The door does the same
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
    worker = _Worker(0, os.getppid(), sockets, server, 0, server.cfg, log)
    code = ExitCode.OK
    try:
        worker.init_process()
        worker.close()
    except Exception:
        logger.exception("unexpected error, the process ends")
        code = ExitCode.BROKEN
    logging.shutdown()
    os._exit(code)


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's idea of an application: its settings, and how the app is made."""

    def __init__(self, job: WebJob, control: ControlChild) -> None:
        self.job = job
        self.control = control
        super().__init__()

    def load_config(self) -> None:
        settings = {
            "bind": [self._address()],
            "umask": 0o177,  # of the Unix socket: the door is of the same user
            "forwarded_allow_ips": "",  # whose word counts is for the app (``web.forwarded``)
            "secure_scheme_headers": {},
            "forwarder_headers": "",  # else a header of anybody's who comes through the door moves all paths
            "worker_class": _Worker,
            "threads": THREADS,
            "graceful_timeout": GRACE_S,
            "keepalive": 15,
            "limit_request_field_size": MAX_HEADER_BYTES,
            "logger_class": _Log,
            "control_socket_disable": True,  # or it listens in the home folder, and has dead-locked
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def _address(self) -> str:
        if self.job.has_door:
            make_private_folder(self.job.door_dir)
            # By a descriptor, which stays open: the path of a Unix socket may have 107 bytes, and a data folder more.
            folder = os.open(self.job.door_dir, os.O_RDONLY | os.O_DIRECTORY)
            return f"unix:/proc/self/fd/{folder}/{WEB_SOCKET}"
        host = f"[{self.job.listen}]" if ":" in self.job.listen else self.job.listen
        return f"{host}:{self.job.port}"

    def load(self) -> Any:
        """The WSGI callable. What was imported for it is for good: a collection that looked at all of it stopped every
        thread, live pictures too, for a tenth of a second."""
        app = create_app(self.job)
        gc.collect()
        gc.freeze()
        return app


class _Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's threaded worker. Its main loop is the heart of the web process."""

    def load_wsgi(self) -> None:
        """Make the app, and connect it to the supervisor and to the bus. gunicorn has set its signals by now."""
        super().load_wsgi()
        self.parts = parts_of(self.wsgi)
        self.control = self.app.control
        self.parts.ask_reload = self.control.ask_reload
        self.control.start(handle_signals=False)
        use = settings_handler(self.app.job, self._use_settings)
        self._open_door()
        self.control.listen(on_status=self._show_status, on_settings=use)
        self.bridge = start_sse_bridge(self.app.job)
        self.parts.ask_retry = self.bridge.ask_retry
        self.parts.tell_arm = self.bridge.tell_arm
        self.parts.tell_phone = self.bridge.tell_phone
        self.ender = threading.Thread(target=self._end, name="web-stop", daemon=True)
        self.ender.start()

    def _open_door(self) -> None:
        """Look after what is before the pages: the certificate, and the name on the network."""
        job = self.app.job
        self.keeper = CertificateKeeper(self._wish, job.door_dir, on_new=self._tell_certificate)
        self.name = HouseName(job.listen, job.port)
        if job.has_door:
            self.keeper.start()
            self.parts.certificate = lambda: self.keeper.state
        self.name.start()

    def _tell_certificate(self) -> None:
        """Our broker reads the certificate at its start only; the supervisor starts it again for another one."""
        if self.parts.cfg.broker_encrypted:
            self.parts.ask_reload()

    def _wish(self) -> CertificateWish:
        cfg = self.parts.cfg
        return CertificateWish(secrets_dir=cfg.secrets_dir, names=cfg.names, certificate=cfg.certificate, key=cfg.key)

    def _use_settings(self, cfg: WebJob) -> None:
        self.parts.use_settings(cfg)
        self.keeper.look_now()

    def handle(self, conn: Any) -> Any:
        """One request, on a thread of the pool. A connection that is over is closed here and not by the main loop, as
        gunicorn would: closing waits up to 2 s for the browser to close its end (RFC 9112, 9.6), and some browsers that
        keep theirs open would stop all others, the heartbeat too. One without a descriptor has become a WebSocket and
        belongs to the live pictures (``web.blueprints.live_socket``)."""
        stays = super().handle(conn)
        if stays is False:
            if conn.sock.fileno() >= 0:
                conn.close(graceful=True)
            conn.close = _closed_already
        return stays

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Any) -> None:
        """What cannot be read is told in our words: gunicorn's page names its own parts, and says not what to do."""
        for status, (kind, refusal) in UNREAD.items():
            if isinstance(exc, kind):
                logger.info("a request could not be read: %s", type(exc).__name__)
                with contextlib.suppress(OSError):
                    client.sendall(bare_answer(status, refusal))
                return
        super().handle_error(req, client, addr, exc)

    def notify(self) -> None:
        """Called by the main loop at least once a second."""
        self.parts.board.set_bus(self.bridge.is_connected())
        self.control.heartbeat({"connections": self.nr_conns})

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ARG002 -- a signal handler
        """SIGTERM; also one that comes while the app is made."""
        self.app.control.request_stop()

    def close(self) -> None:
        """After the last request."""
        self.ender.join(GRACE_S)
        self.parts.close()

    def _show_status(self, status: dict[str, Any]) -> None:
        show_processes(self.parts.board, status["processes"], status["ts"], self.parts.now_ms())
        self.parts.board.set_folder(status["folder"], status["ts"])
        self.parts.board.set_settings(status["config_error"], status["problems"])

    def _end(self) -> None:
        """Waits for the stop, whoever asks for it; ends the endless streams, the main loop, and the bridge."""
        self.control.stop_requested.wait()
        self.parts.stop()
        self.alive = False
        self.method_queue.defer(lambda: None)  # wakes the main loop
        self.bridge.stop()
        self.keeper.stop()
        self.name.stop()


def _closed_already(graceful: bool = False) -> None:
    """In place of the close of a connection that is closed."""


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
