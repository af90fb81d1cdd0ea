"""``WS /live/<id>/ws``: live pictures for Media Source players, a frame at a time."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from typing import Any, NoReturn

from flask import Blueprint, Response, request

from vigilar.base.errors import CameraError
from vigilar.live.wire import STREAMS
from vigilar.web.auth import asker, end_with_login
from vigilar.web.frames import REFUSED, TRY_LATER, close_frame, frame, handshake
from vigilar.web.live_viewer import LiveViewer
from vigilar.web.live_words import problem_text
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs
from vigilar.web.visible import visible_cameras

bp = Blueprint("live_socket", __name__)

SEND_BUFFER_BYTES = 128 * 1024
"""Of the connection to the browser. What lies in there cannot be left out any more: at 1 Mbit/s this is a second."""

VERSION = "13"
"""Of the protocol (RFC 6455, 4.1)."""


class _Upgraded(Response):
    """There is no answer: the connection is no HTTP any more. gunicorn then lets it go (``processes.web``)."""

    def __call__(self, *_args: Any, **_more: Any) -> Iterable[bytes]:
        self._end()

    def _end(self) -> NoReturn:
        raise StopIteration


@bp.get("/live/<camera_id>/ws", websocket=True)
@needs(Right.SEE_LIVE)
def live_socket(camera_id: str) -> Response:
    """``?stream=main|sub|narrow``, ``?sound=0``. A refusal is a ``problem`` and the end, after the handshake: a page is
    not told the status of one that fails."""
    opening, sock = _opening(), _connection()
    here = parts()
    try:
        camera = visible_cameras(asker()).get(camera_id)
        name = request.args.get("stream", "main")
        if name not in STREAMS:
            raise Problem(422, "query.stream", "stream is main, sub or narrow.", field="stream")
        here.live.check_room()
    except (Problem, CameraError) as error:
        sentence, code = (error.detail, error.code) if isinstance(error, Problem) else (str(error), error.code)
        why = REFUSED if isinstance(error, Problem) else TRY_LATER
        sock.sendall(opening + frame(problem_text(sentence, code)) + close_frame(why))
        return _Upgraded()
    _prepare(sock)
    sock.sendall(opening)
    viewer = LiveViewer(socket.socket(fileno=sock.detach()), here.now_ms, lambda: here.streams.remove(stream))
    stream = end_with_login(
        lambda member: member.may(Right.SEE_LIVE) and member.sees(camera_id), lambda: here.live.leave(viewer)
    )
    here.live.watch(viewer, camera.id, name, sound=request.args.get("sound") != "0")
    return _Upgraded()


def _opening() -> bytes:
    """The answer to the handshake. Raises Problem for what is none."""
    if request.headers.get("Sec-WebSocket-Version") != VERSION:
        raise Problem(426, "websocket.version", f"Speak version {VERSION} of WebSocket.", headers=_WANTED)
    try:
        return handshake(request.headers.get("Sec-WebSocket-Key", ""))
    except ValueError as error:
        raise Problem(400, "websocket.key", "Sec-WebSocket-Key is 16 bytes in base64.") from error


_WANTED = {"Sec-WebSocket-Version": VERSION}


def _connection() -> socket.socket:
    """The connection of this request. Whoever detaches it owns it: gunicorn sees that and lets it alone."""
    sock = request.environ.get("gunicorn.socket")
    if not isinstance(sock, socket.socket):
        raise Problem(501, "websocket.server", "This server cannot open a WebSocket.")
    return sock


def _prepare(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        if sock.family != socket.AF_UNIX:  # behind the door it is the door that sends
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
