"""A camera's capture that is cut off again and again, as a program, so that its memory is its own:

    python -m tests.flow.reconnecting TIMES ADDRESS...

Goes through the addresses in turn, with the ring and the live stream of a camera's process behind them, and prints
``{"kib", "threads", "descriptors", "pictures"}`` in JSON, a line for each tenth of TIMES connections.
"""

from __future__ import annotations

import gc
import json
import sys
import threading
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

from vigilar.base.clock import SystemClock
from vigilar.base.retry import Backoff
from vigilar.base.stop import Stop
from vigilar.capture.opener import OpenSource, open_source
from vigilar.capture.rtsp.intake import Intake, StreamMemory
from vigilar.capture.worker import CaptureWorker, Connection
from vigilar.live.gop import LiveStream
from vigilar.media.packets import Kind, Packet, RunStart, StreamRole
from vigilar.record.ring import PacketRing


class Reconnecting:
    def __init__(self, times: int, addresses: list[str]) -> None:
        self._times, self._addresses = times, cycle(addresses)
        self._memories = {address: StreamMemory() for address in addresses}
        self._ended = self._pictures = 0
        self._stop = Stop()
        self._empty()

    def run(self) -> None:
        backoff = Backoff(first_s=0.001, cap_s=0.001)
        worker = CaptureWorker(
            StreamRole.MAIN, "", self._take, self._note, self._stop, SystemClock(), self._open, backoff
        )
        worker.hurry(True)  # or each connection takes the fifth of a second in which packets are gathered
        worker.run()

    def _open(self, _url: str, wait: Callable[[float], bool]) -> OpenSource:
        address = next(self._addresses)
        transport = "udp" if "udp" in address else "tcp"
        return open_source(address, wait, Intake(transport=transport, memory=self._memories[address]))  # type: ignore[arg-type]

    def _take(self, item: RunStart | Packet) -> None:
        self._ring.add(item)
        self._live.add(item)
        self._pictures += isinstance(item, Packet) and item.kind is Kind.VIDEO

    def _note(self, connection: Connection) -> None:
        if connection.error is None:
            return
        self._ended += 1
        if self._ended % (self._times // 10) == 0:
            self._say()
        if self._ended >= self._times:
            self._stop.set()

    def _empty(self) -> None:
        self._ring, self._live = PacketRing(2.0), LiveStream()

    def _say(self) -> None:
        self._empty()  # how many pictures it holds at this moment is chance, and says nothing of what stays
        gc.collect()
        lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
        private = sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))
        found = {
            "kib": private,
            "threads": threading.active_count(),
            "descriptors": len(list(Path("/proc/self/fd").iterdir())),
            "pictures": self._pictures,
        }
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    Reconnecting(int(sys.argv[1]), sys.argv[2:]).run()
