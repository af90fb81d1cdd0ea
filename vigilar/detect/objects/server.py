"""The detector's side: turns for camera processes, one look after another. One thread; needs no bus and no database.

A camera process that does not send its picture in its turn loses its line, so none can keep the others waiting.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vigilar.base.errors import VigilarError
from vigilar.base.socket_path import short_address
from vigilar.detect.objects import wire
from vigilar.detect.objects.budget import Budget
from vigilar.detect.objects.client import receive
from vigilar.detect.objects.detection import Detection
from vigilar.detect.objects.manifest import ModelManifest
from vigilar.detect.objects.turns import TurnQueue
from vigilar.detect.objects.wire import Answer, BadTurn

MAX_CAMERAS = 128
PICTURE_S = 0.5
"""A picture is made and sent in some milliseconds; on a machine that is busy all over, in tenths of a second."""


class Finder(Protocol):
    """What of ``model.ObjectModel`` is needed."""

    @property
    def manifest(self) -> ModelManifest: ...
    def find(self, picture: NDArray[np.uint8]) -> list[Detection]: ...


@dataclass(slots=True)
class ServerCounters:
    """Since the process started. ``late``: turns that a camera did not take in time; ``empty``: it had nothing left."""

    looks: int = 0
    late: int = 0
    empty: int = 0
    refused: int = 0


class DetectorServer:
    """Gives turns. ``model`` may be changed between two calls of ``turn``; without one nobody gets a turn."""

    def __init__(self, run_dir: Path, budget: Budget) -> None:
        """Raises OSError when the socket cannot be made."""
        self.model: Finder | None = None
        self.counters = ServerCounters()
        self.queue: TurnQueue[socket.socket] = TurnQueue()
        self._budget = budget
        self._unpaid_s = 0.0  # of the processor, since the last turn or since nobody waited for one
        self._run_dir = run_dir
        self._lines: set[socket.socket] = set()
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with short_address(run_dir, wire.SOCKET_NAME) as path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            self._listener.bind(path)
            os.chmod(path, 0o600)
        self._listener.listen(MAX_CAMERAS)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)

    @property
    def cameras(self) -> int:
        """How many are connected."""
        return len(self._lines)

    def turn(self, timeout_s: float) -> None:
        """Wait for wishes, at most ``timeout_s``, and give one turn if somebody wants it and the budget allows.

        Raises ModelError when the model fails.
        """
        began_s = time.process_time()  # the engine's threads count, and so does hearing what is wanted
        try:
            is_served = self._turn(timeout_s)
        finally:
            self._unpaid_s += time.process_time() - began_s
        if is_served:
            self._budget.note(time.monotonic(), self._unpaid_s)
        if is_served or not len(self.queue):  # what hours of waiting cost is not what a look costs
            self._unpaid_s = 0.0

    def _turn(self, timeout_s: float) -> bool:
        """Whether somebody had the turn."""
        pause_s = self._budget.wait_s(time.monotonic())
        is_ready = self.model is not None and len(self.queue) and pause_s <= 0.0
        wait_s = 0.0 if is_ready else min(timeout_s, pause_s) if self.model and len(self.queue) else timeout_s
        for key, _ in self._selector.select(wait_s):
            if key.fileobj is self._listener:
                self._accept()
            elif isinstance(key.fileobj, socket.socket):
                self._hear(key.fileobj)
        now_s = time.monotonic()
        if self.model is not None and self._budget.wait_s(now_s) <= 0.0 and (line := self.queue.next(now_s)):
            self._serve(line, self.model)
            return True
        return False

    def close(self) -> None:
        """Let everybody go."""
        for line in list(self._lines):
            self._let_go(line)
        self._selector.close()
        self._listener.close()
        with contextlib.suppress(FileNotFoundError):
            (self._run_dir / wire.SOCKET_NAME).unlink()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            line, _ = self._listener.accept()
            if len(self._lines) >= MAX_CAMERAS:
                self.counters.refused += 1
                line.close()
                return
            line.settimeout(PICTURE_S)
            self._lines.add(line)
            self._selector.register(line, selectors.EVENT_READ)

    def _hear(self, line: socket.socket) -> None:
        try:
            said = line.recv(1)
        except OSError:
            said = b""
        if said == wire.WANT:
            self.queue.want(line, time.monotonic())
        else:
            self._let_go(line)

    def _serve(self, line: socket.socket, model: Finder) -> None:
        try:
            picture = self._get_picture(line, model.manifest)
            if picture is None:
                self.counters.empty += 1
                return
            found = model.find(picture)
            self.counters.looks += 1
            line.sendall(wire.dump_answer(Answer(model.manifest.name, tuple(found))))
        except (OSError, BadTurn):
            self.counters.late += 1
            self._let_go(line)
        except VigilarError:
            self._let_go(line)
            raise

    @staticmethod
    def _get_picture(line: socket.socket, manifest: ModelManifest) -> NDArray[np.uint8] | None:
        line.sendall(wire.dump_go(manifest.width, manifest.height))
        width, height = wire.parse_picture_head(receive(line, wire.PICTURE.size))
        if not width:
            return None
        return np.frombuffer(receive(line, width * height * 3), np.uint8).reshape(height, width, 3)

    def _let_go(self, line: socket.socket) -> None:
        self.queue.drop(line)
        if line in self._lines:
            self._lines.remove(line)
            self._selector.unregister(line)
        with contextlib.suppress(OSError):
            line.close()
