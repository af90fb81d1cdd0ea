"""A camera process' side of the way to the detector. Never waits longer than it says; a detector that is away, slow or
new is no error here, only an answer that does not come."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vigilar.base.socket_path import short_address
from vigilar.base.stop import Stop
from vigilar.detect.objects import wire
from vigilar.detect.objects.wire import Answer, BadTurn

TURN_S = 0.5
"""While a turn is waited for, it is looked so often whether that is over."""

ANSWER_S = 10.0
"""The largest model on the slowest box takes 3 s for a picture; after this the detector hangs."""

SEND_S = 1.0

MakePicture = Callable[[int, int], "NDArray[np.uint8] | None"]
"""The newest picture, HxWx3 BGR, at most so wide and high; None: there is none any more."""


class DetectorClient:
    """One camera's line. One thread."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._socket: socket.socket | None = None

    @property
    def is_connected(self) -> bool:
        return self._socket is not None

    def connect(self) -> bool:
        """Whether a detector is there; returns at once."""
        if self._socket is not None:
            return True
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(SEND_S)
        try:
            with short_address(self._run_dir, wire.SOCKET_NAME) as address:
                made.connect(address)
        except OSError:
            made.close()
            return False
        self._socket = made
        return True

    def ask(
        self, make_picture: MakePicture, stop: Stop, patience_s: float, is_over: Callable[[], bool] = lambda: False
    ) -> Answer | None:
        """Wait for a turn, at most ``patience_s`` or until ``stop`` or ``is_over``, and for the answer to what
        ``make_picture`` gives.

        None when there was no turn, no picture or no answer; the line is then closed unless there was just no picture.
        """
        if not self.connect() or self._socket is None:
            return None
        try:
            return self._ask(self._socket, make_picture, lambda: stop.is_set() or is_over(), patience_s)
        except (OSError, BadTurn):
            self.close()
            return None

    def close(self) -> None:
        """Harmless twice."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _ask(
        self, line: socket.socket, make_picture: MakePicture, is_over: Callable[[], bool], patience_s: float
    ) -> Answer | None:
        line.settimeout(SEND_S)
        line.sendall(wire.WANT)
        width, height = wire.parse_go(self._wait_for_turn(line, is_over, patience_s))
        picture = make_picture(width, height)
        line.settimeout(SEND_S)
        if picture is None:
            line.sendall(wire.dump_picture_head(0, 0))
            return None
        line.sendall(wire.dump_picture_head(picture.shape[1], picture.shape[0]))
        line.sendall(np.ascontiguousarray(picture).data.cast("B"))
        line.settimeout(ANSWER_S)
        length = wire.parse_answer_head(receive(line, wire.FOUND.size))
        return wire.parse_answer(receive(line, length))

    @staticmethod
    def _wait_for_turn(line: socket.socket, is_over: Callable[[], bool], patience_s: float) -> bytes:
        line.settimeout(TURN_S)
        waited_s = 0.0
        while True:
            try:
                first = line.recv(1)
            except TimeoutError:
                waited_s += TURN_S
                if is_over() or waited_s >= patience_s:
                    raise
                continue
            if not first:
                raise BadTurn("the detector is gone")
            return first + receive(line, wire.GO.size - 1)


def receive(line: socket.socket, length: int) -> bytes:
    """Exactly ``length`` bytes. Raises OSError when they do not come in time, BadTurn when the other side is gone."""
    data = bytearray()
    while len(data) < length:
        piece = line.recv(length - len(data))
        if not piece:
            raise BadTurn("the other side is gone")
        data += piece
    return bytes(data)
