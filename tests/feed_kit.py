"""A camera's live picture without a camera: a clip, over and over, in real time, on the socket a camera process has."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.recording_kit import Clip
from vigilar.base.clock import SystemClock
from vigilar.base.stop import Stop
from vigilar.live.feed import FeedServer
from vigilar.live.gop import LiveStream
from vigilar.media.packets import StreamRole
from vigilar.processes.lazy import make_decoder, make_encoder


@contextmanager
def served_feed(run_dir: Path, camera_id: str, clip: Clip) -> Iterator[Stop]:
    """Serve the clip as this camera's picture. Set the stop to pull its cable: the socket stays, no picture comes."""
    stream, stop, clock = LiveStream(), Stop(), SystemClock()
    run_dir.mkdir(exist_ok=True)
    server = FeedServer(
        run_dir, camera_id, {StreamRole.MAIN: stream, StreamRole.SUB: stream}, make_decoder, make_encoder
    )
    shift_utc = clock.utc_ns() - clip.run().utc_ns - 4_000_000_000
    shift_mono = clock.mono_ns() - clip.run().mono_ns - 4_000_000_000

    def run() -> None:
        stream.add(clip.run())
        for packet in clip.endless():
            due_ns = packet.mono_ns + shift_mono
            if stop.wait(max(0.0, (due_ns - clock.mono_ns()) / 1e9)):
                return
            stream.add(replace(packet, utc_ns=packet.utc_ns + shift_utc, mono_ns=due_ns))

    thread = threading.Thread(target=run, name=f"test feed {camera_id}")
    thread.start()
    server.start()
    try:
        yield stop
    finally:
        server.stop()
        stop.set()
        thread.join()
