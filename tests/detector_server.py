"""A detector's server on a thread of the test, with the network of colours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S
from tests.object_kit import write_network
from vigilar.detect.objects import server as server_module
from vigilar.detect.objects.budget import Budget
from vigilar.detect.objects.model import open_model
from vigilar.detect.objects.server import DetectorServer


@contextmanager
def serving(folder: Path, cores: float = 4.0, picture_s: float = PATIENCE_S) -> Iterator[DetectorServer]:
    """``picture_s`` is what a camera has for the picture of its turn. Of the half second of the product one on a busy
    machine may miss a turn, as it may at home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server_module, "PICTURE_S", picture_s)
        with _served(folder, cores) as server:
            yield server


@contextmanager
def _served(folder: Path, cores: float) -> Iterator[DetectorServer]:
    server = DetectorServer(folder, Budget(cores))
    server.model = open_model(*write_network(folder / "given"))
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            server.turn(0.05)

    thread = threading.Thread(target=run, name="detector")
    thread.start()
    try:
        yield server
    finally:
        stop.set()
        thread.join()
        server.close()
