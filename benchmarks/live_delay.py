"""P10 and P11: how late a viewer gets a frame, and how soon a viewer who comes gets the first.

The delay of a frame is from the moment the camera writes its last RTP packet (the marker) until its last byte
has reached the reading side; both moments are CLOCK_MONOTONIC. Ours is read where every live view is fed: the packet
feed of the camera process, one fragment a frame over its Unix socket. The peer is ffmpeg on the same camera, which
writes fragmented MP4 into a pipe. Both are read by this process, which knows a frame by the hash of its last NAL unit.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import av

from benchmarks.ours import house
from vigilar.live.client import FeedClient
from vigilar.live.wire import LiveFragment, Request

NOT_LATER_NS = 5_000_000_000
"""A clip repeats itself: what came this long after its frame was sent is of another round. The clip is longer."""

SETTLE_S = 3.0
"""The first seconds of a round do not count: both sides have frames to catch up with."""

_BOX_HEAD = 8

PEER = [
    "ffmpeg", "-nostdin", "-v", "error", "-flags", "low_delay", "-probesize", "32", "-analyzeduration", "0",
    "-max_delay", "0", "-rtsp_transport", "tcp", "-i", "URL", "-an", "-c", "copy", "-f", "mp4",
    "-movflags", "frag_every_frame+empty_moov+default_base_moof", "-flush_packets", "1", "pipe:1",
]  # fmt: skip
"""Every switch for low delay that helps (measured: ``nofillin``, ``-avioflags direct`` and ``delay_moov`` change
nothing, ``noparse`` gives no picture, ``nobuffer`` throws away what came while the stream was looked into)."""

KEYFRAMES_S = 2.0
"""The keyframe interval of the clip. Viewers come spread over it: the peer ends its last start at a keyframe, so
without this the next one would always wait for a whole interval."""


@dataclass(slots=True)
class Rounds:
    """Milliseconds of all rounds of one side: delays of frames by round, waits for the first keyframe."""

    delays: list[list[float]] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)

    def p50s(self) -> list[float]:
        return [statistics.median(delays) for delays in self.delays]

    def percentile(self, share: float) -> float:
        return percentile(list(itertools.chain.from_iterable(self.delays)), share)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A frame at the reading side."""

    frame: int
    mono_ns: int


class Camera:
    """The camera of a benchmark in a process of its own. ``notes()`` ends it."""

    def __init__(self, clip: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.marker_camera", str(clip)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.url = f"rtsp://127.0.0.1:{int(self._process.stdout.readline())}/live"

    def notes(self) -> list[tuple[int, int, int]]:
        out, _ = self._process.communicate(timeout=20)
        return [(connection, frame, at_ns) for connection, frame, at_ns in json.loads(out)]

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def frames_of(clip: Path) -> dict[bytes, int]:
    """The frames of a clip by what ``key_of`` makes of them."""
    with av.open(str(clip)) as container:
        packets = [bytes(packet) for packet in container.demux(container.streams.video[0]) if packet.size]
    frames = {key_of(data): number for number, data in enumerate(packets)}
    assert len(frames) == len(packets), "two frames of the clip are the same"
    return frames


def key_of(sample: bytes | memoryview) -> bytes:
    """A hash of the last NAL unit of a sample, NAL units behind their lengths as MP4 holds them."""
    begin = end = 0
    while end < len(sample):
        begin = end + 4
        end = begin + int.from_bytes(sample[end:begin], "big")
    return blake2b(sample[begin:end], digest_size=16).digest()


def samples(chunk: bytes) -> Iterator[memoryview]:
    """The contents of the mdat boxes among whole boxes."""
    view, at = memoryview(chunk), 0
    while at < len(view):
        size = int.from_bytes(view[at : at + 4], "big")
        if bytes(view[at + 4 : at + _BOX_HEAD]) == b"mdat":
            yield view[at + _BOX_HEAD : at + size]
        at += size


# Ours


def watch_ours(run_dir: Path, frames: dict[bytes, int], seconds: float) -> list[Arrival]:
    """What one viewer of the feed gets in ``seconds``."""
    found: list[Arrival] = []
    client = FeedClient(run_dir, "camera-0", Request("fragments", "main"))
    end_ns = time.monotonic_ns() + int(seconds * 1e9)
    for answer in client.answers():
        now_ns = time.monotonic_ns()
        if isinstance(answer, LiveFragment):
            found += [Arrival(frames[key_of(sample)], now_ns) for sample in samples(answer.data)]
        if now_ns > end_ns:
            client.close()
    return found


def start_ours(run_dir: Path) -> float:
    """Milliseconds from opening the feed until a keyframe is there."""
    began_ns = time.monotonic_ns()
    client = FeedClient(run_dir, "camera-0", Request("fragments", "main"))
    took_ms = 0.0
    for answer in client.answers():
        if isinstance(answer, LiveFragment) and answer.starts_with_keyframe:
            took_ms = (time.monotonic_ns() - began_ns) / 1e6
            break
    client.close()
    assert took_ms, "the feed ended without a keyframe"
    return took_ms


# The peer


def watch_peer(url: str, frames: dict[bytes, int], is_enough: Callable[[list[Arrival]], bool]) -> list[Arrival]:
    """What comes out of a fresh ffmpeg until ``is_enough`` of what came so far."""
    found: list[Arrival] = []
    command = [url if word == "URL" else word for word in PEER]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout
    try:
        held = b""
        while not is_enough(found):
            more = os.read(process.stdout.fileno(), 1 << 20)
            now_ns = time.monotonic_ns()
            assert more, "the peer ended early"
            held += more
            whole = _whole_boxes(held)
            found += [Arrival(frames[key_of(sample)], now_ns) for sample in samples(held[:whole])]
            held = held[whole:]
    finally:
        process.kill()
        process.communicate()
    return found


def _whole_boxes(data: bytes) -> int:
    """How many bytes of ``data`` are whole boxes."""
    at = 0
    while at + _BOX_HEAD <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if at + size > len(data):
            break
        at += size
    return at


def start_peer(url: str, frames: dict[bytes, int]) -> float:
    """Milliseconds from starting ffmpeg until a keyframe is there: its first frame is one."""
    began_ns = time.monotonic_ns()
    [first, *_] = watch_peer(url, frames, bool)
    return (first.mono_ns - began_ns) / 1e6


# Both


def measure_live(clip: Path, folder: Path, rounds: int, seconds: float, starts: int) -> tuple[Rounds, Rounds]:
    """Ours and the peer in turns, ``seconds`` of watching and ``starts`` beginnings a round; never both at once."""
    frames = frames_of(clip)
    ours, peer = Rounds(), Rounds()
    arrivals: list[tuple[Rounds, list[Arrival]]] = []
    camera = Camera(clip)
    try:
        for number in range(rounds):
            with house(folder / f"ours-{number}", [camera.url], [], detect=True) as running:
                run_dir = running.data_dir / "run"
                arrivals.append((ours, watch_ours(run_dir, frames, SETTLE_S + seconds)))
                ours.starts += [start_ours(run_dir) for _ in moments(starts)]
            end_ns = time.monotonic_ns() + int((SETTLE_S + seconds) * 1e9)
            arrivals.append((peer, watch_peer(camera.url, frames, lambda _: time.monotonic_ns() > end_ns)))  # noqa: B023 -- used before the next round
            peer.starts += [start_peer(camera.url, frames) for _ in moments(starts)]
        notes = camera.notes()
    finally:
        with contextlib.suppress(ProcessLookupError):
            camera.kill()
    for side, found in arrivals:
        side.delays.append(delays_ms(found, notes))
    return ours, peer


def moments(count: int) -> Iterator[None]:
    """So many moments to start at, each a different part of KEYFRAMES_S after the end of the start before."""
    for number in range(count):
        time.sleep(KEYFRAMES_S * (number + 0.5) / count)
        yield


def delays_ms(found: list[Arrival], notes: list[tuple[int, int, int]]) -> list[float]:
    """The delay of each frame that came after SETTLE_S, measured from the newest note of that frame before it.

    Only one connection is served at a time, so the newest note is the right one.
    """
    by_frame: dict[int, list[int]] = {}
    for _, frame, at_ns in notes:
        by_frame.setdefault(frame, []).append(at_ns)
    from_ns = found[0].mono_ns + int(SETTLE_S * 1e9)
    delays = []
    for arrival in found:
        if arrival.mono_ns < from_ns:
            continue
        sent_ns = max(at_ns for at_ns in by_frame[arrival.frame] if at_ns <= arrival.mono_ns)
        assert arrival.mono_ns - sent_ns < NOT_LATER_NS, "a frame came that was not sent just before"
        delays.append((arrival.mono_ns - sent_ns) / 1e6)
    return delays


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
