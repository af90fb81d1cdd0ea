"""``WS /live/<id>/ws``: live pictures for Media Source players, a frame at a time."""

from __future__ import annotations

import contextlib
import socket
import threading
from functools import partial

from flask import Blueprint, Flask, request
from flask_sock import ConnectionClosed, Server, Sock

from vigilar.base.errors import CameraError
from vigilar.live.wire import STREAMS
from vigilar.web.auth import asker, end_with_login
from vigilar.web.live_view import LiveView, problem_text
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs
from vigilar.web.visible import visible_cameras

bp = Blueprint("live_socket", __name__)
_sock = Sock()

SEND_BUFFER_BYTES = 128 * 1024
"""Of the connection to the browser. What lies in there cannot be left out any more: at 1 Mbit/s this is a second."""

MAX_INCOMING_BYTES = 1024
"""Nothing is asked of a browser here."""

TRY_LATER, REFUSED = 1013, 1008
"""Close codes (RFC 6455, 7.4.1 and its registry)."""


def install_sockets(app: Flask) -> None:
    """No pings: a second thread would write between the pieces of a frame, and a browser that is gone is noticed by
    what it does not take (``processes.web``)."""
    app.config["SOCK_SERVER_OPTIONS"] = {
        "max_message_size": MAX_INCOMING_BYTES,
        "thread_class": partial(threading.Thread, daemon=True),
    }
    app.before_request(_refuse_compression)


def _refuse_compression() -> None:
    """Video is compressed already; the library would take the offer of every browser."""
    if is_handshake():
        request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)


def is_handshake() -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


@_sock.route("/live/<camera_id>/ws", bp=bp)  # type: ignore[untyped-decorator]  # flask_sock has no types
@needs(Right.SEE_LIVE)
def live_socket(ws: Server, camera_id: str) -> None:
    """``?stream=main|sub|narrow``, ``?sound=0``. A refusal is a ``problem`` and the end, as the handshake is done."""
    here = parts()
    try:
        camera = visible_cameras(asker()).get(camera_id)
        name = request.args.get("stream", "main")
        if name not in STREAMS:
            raise Problem(422, "query.stream", "stream is main, sub or narrow.", field="stream")
        view = here.live.watch(camera.id, name, sound=request.args.get("sound") != "0")
    except (Problem, CameraError) as error:
        sentence, code = (error.detail, error.code) if isinstance(error, Problem) else (str(error), error.code)
        ws.send(problem_text(sentence, code))
        ws.close(REFUSED if isinstance(error, Problem) else TRY_LATER)
        return
    _prepare(ws.sock)
    stream = end_with_login(
        lambda member: member.may(Right.SEE_LIVE) and member.sees(camera_id), lambda: _cut_off(view, ws.sock)
    )
    try:
        for message in view.messages():
            ws.send(message)
            ws.receive(timeout=0)  # whatever a browser says is let go
    except (ConnectionClosed, OSError):
        return  # it left
    finally:
        here.streams.remove(stream)
        view.close()


def _prepare(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        if sock.family != socket.AF_UNIX:  # behind the door it is the door that sends
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)


def _cut_off(view: LiveView, sock: socket.socket) -> None:
    """End it now, also when the browser takes nothing."""
    view.close()
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
