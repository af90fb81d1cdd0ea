"""Motion on labelled clips: ``python -m benchmarks.motion_quality [CLIP ...] [--loops N] [--sensitivity S]``.

Plays each clip of the testbed (``VIGILAR_TESTBED``, or ``../shared/testbed`` beside the repository) through the
analyser as fast as it goes, several times over as the testbed's cameras do, and prints what was found of what is to be
seen. The peer is OpenCV's MOG2 at 320x180 on every decoded frame, a trigger being the largest blob over 0.15 % of the
picture in three frames in a row (``BASELINE.md`` of the testbed); both see the clip from a cold start, and neither is
judged in the first three seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from vigilar.base.clock import SimulatedClock
from vigilar.detect.analyser import Analyser, AnalysisCounters
from vigilar.detect.motion import MotionSettings
from vigilar.detect.pictures import MotionEnded, MotionStarted
from vigilar.media.decode import Decoder
from vigilar.media.packets import Kind, Packet, RunStart, StreamInfo, StreamRole

QUIET_AT_FIRST_S = 3.0
BASE_NS = 1_000_000_000_000


@dataclass(frozen=True, slots=True)
class Label:
    """What is to be seen in a clip, in seconds of it."""

    length_s: float
    tolerance_s: float
    events: tuple[tuple[float, float], ...]
    quiet: tuple[tuple[float, float], ...]


@dataclass(slots=True)
class Found:
    """What one way of looking found: (start, end, when it was known) in seconds since the first frame of all."""

    motions: list[tuple[float, float, float]] = field(default_factory=list)
    cpu_s: float = 0.0
    decoded: int = 0
    looks: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """Measured against the labels."""

    found: int
    events: int
    false_starts: int
    quiet_s: float
    delays_s: tuple[float, ...]
    start_errors_s: tuple[float, ...]


def find_testbed() -> Path | None:
    """Where the testbed is, None when it is not here."""
    named = os.environ.get("VIGILAR_TESTBED")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "testbed"
    return folder if (folder / "groundtruth.json").is_file() else None


def labels(folder: Path) -> dict[str, Label]:
    """The labels of all clips, sub streams included, by file name."""
    known: dict[str, Label] = {}
    for name, clip in json.loads((folder / "groundtruth.json").read_text())["clips"].items():
        events = tuple((float(each["start"]), float(each["end"])) for each in clip["events"])
        quiet = tuple((float(start), float(end)) for start, end in clip["quiet"])
        known[name] = Label(clip["length"], clip["tolerance"], events, quiet)
        if clip.get("sub"):
            known[clip["sub"]] = known[name]
    return known


def read_clip(path: Path) -> tuple[StreamInfo, list[Packet]]:
    """The video packets of an MP4 as a camera would send them: Annex B, stamped from 0."""
    with av.open(str(path)) as container:
        stream: Any = container.streams.video[0]
        bsf = av.BitStreamFilterContext(f"{stream.codec.name}_mp4toannexb", stream)
        packets: list[Packet] = []
        base = Fraction(stream.time_base)
        for raw in container.demux(stream):
            filtered: list[Any] = bsf.filter(raw) if raw.size else []
            for each in filtered:
                at_ns = int(each.pts * base * 1_000_000_000) + BASE_NS
                keyframe = bool(each.is_keyframe)
                length = int(each.duration or 1)
                packets.append(
                    Packet(Kind.VIDEO, bytes(each), each.pts, each.dts, length, base, keyframe, 1, at_ns, at_ns)
                )
        info = StreamInfo(
            Kind.VIDEO, stream.codec.name, base, b"", stream.width, stream.height, Fraction(stream.average_rate)
        )
        return info, packets


def looped(packets: list[Packet], length_s: float, loops: int) -> Iterator[Packet]:
    """The clip over and over, its stamps going on over the seam."""
    base = packets[0].time_base
    ticks = max(int(length_s / base), packets[-1].pts + packets[-1].duration)
    for loop in range(loops):
        for p in packets:
            shift_ns = int(loop * ticks * base * 1_000_000_000)
            pts, dts = p.pts + loop * ticks, p.dts + loop * ticks
            at_ns = p.mono_ns + shift_ns
            yield Packet(p.kind, p.data, pts, dts, p.duration, base, p.is_keyframe, 1, at_ns, at_ns)


def ours(
    info: StreamInfo, packets: list[Packet], role: StreamRole, sensitivity: float
) -> tuple[Found, AnalysisCounters]:
    """What the analyser finds, and what it cost on this thread."""
    result, starts = Found(), list[tuple[float, float]]()

    def started(motion: MotionStarted) -> None:
        starts.append(((motion.mono_ns - BASE_NS) / 1e9, now[0]))

    def ended(motion: MotionEnded) -> None:
        start_s, known_s = starts[-1]
        result.motions.append((start_s, (motion.last_mono_ns - BASE_NS) / 1e9, known_s))

    now = [0.0]
    analyser = Analyser(MotionSettings(sensitivity), Decoder, started, ended, SimulatedClock())
    analyser.start_run(RunStart(role, 1, (info,), BASE_NS, BASE_NS))
    before_s = time.thread_time()
    for packet in packets:
        now[0] = (packet.mono_ns - BASE_NS) / 1e9
        analyser.feed(packet)
    analyser.end()
    result.cpu_s = time.thread_time() - before_s
    result.decoded, result.looks = analyser.counters.decoded, analyser.counters.looks
    return result, analyser.counters


def peer(info: StreamInfo, packets: list[Packet]) -> Found:
    """MOG2 at 320x180 on every frame of a full decode."""
    result = Found()
    decoder = Decoder(info)
    mog = cv2.createBackgroundSubtractorMOG2(int(20 * (info.frame_rate or 25)), 25, False)
    kernel = np.ones((3, 3), np.uint8)
    row, last_s, known_s, start_s = 0, -1e9, 0.0, 0.0
    is_moving = False
    before_s = time.thread_time()
    for packet in packets:
        for picture in decoder.decode(packet):
            result.decoded += 1
            at_s = (picture.mono_ns - BASE_NS) / 1e9
            small = cv2.resize(picture.luma, (320, 180), interpolation=cv2.INTER_LINEAR)
            mask = cv2.morphologyEx(mog.apply(small), cv2.MORPH_OPEN, kernel)
            _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
            is_big = len(stats) > 1 and stats[1:, cv2.CC_STAT_AREA].max() > 0.0015 * mask.size
            row = row + 1 if is_big else 0
            if row >= 3 and not is_moving:
                is_moving, start_s, known_s = True, at_s, at_s
            if row >= 3:
                last_s = at_s
            elif is_moving and at_s - last_s > 2.5:
                is_moving = False
                result.motions.append((start_s, last_s, known_s))
    if is_moving:
        result.motions.append((start_s, last_s, known_s))
    result.cpu_s = time.thread_time() - before_s
    result.looks = result.decoded
    return result


def score(found: Found, label: Label, loops: int, length_s: float) -> Score:
    """Events found, starts in quiet spans, delay from an event's first frame until it was known.

    An event counts when a motion overlaps it; its delay is 0 when one was going on already as it began. A start is
    false when it lies in a quiet span and not within the tolerance of an event.
    """
    spans = [(loop * length_s + a, loop * length_s + b) for loop in range(loops) for a, b in label.events]
    quiet = [(loop * length_s + a, loop * length_s + b) for loop in range(loops) for a, b in label.quiet]
    spans = [span for span in spans if span[1] > QUIET_AT_FIRST_S]
    hits, delays, errors = 0, [], []
    for a, b in spans:
        over = [
            m
            for m in found.motions
            if m[0] <= b + label.tolerance_s and m[1] >= a - label.tolerance_s and m[2] <= b + 1
        ]
        hits += bool(over)
        if over and a > QUIET_AT_FIRST_S:
            delays.append(max(0.0, over[0][2] - a))
            errors.append(over[0][0] - a)
    near = [(a - label.tolerance_s, b + label.tolerance_s) for a, b in spans]
    false = [
        m
        for m in found.motions
        if m[2] > QUIET_AT_FIRST_S and _in(quiet, m[0]) and not any(m[0] <= b and m[1] >= a for a, b in near)
    ]
    return Score(hits, len(spans), len(false), sum(b - a for a, b in quiet), tuple(delays), tuple(errors))


def _in(spans: list[tuple[float, float]], at_s: float) -> bool:
    return any(a <= at_s <= b for a, b in spans)


def _list(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.1f}" for value in values[:12]) or "-"


@dataclass(frozen=True, slots=True)
class Measured:
    """One clip, looked at by one side."""

    found: Found
    score: Score
    wall_s: float
    packets: int

    @property
    def mcore(self) -> float:
        """Milliseconds of processor a second of video."""
        return self.found.cpu_s / self.wall_s * 1000

    @property
    def per_hour(self) -> float:
        return self.score.false_starts / self.score.quiet_s * 3600 if self.score.quiet_s else 0.0


def measure_clip(
    path: Path, label: Label, loops: int, sensitivity: float, *, with_peer: bool
) -> tuple[Measured, Measured | None, AnalysisCounters]:
    """Both sides on ``loops`` rounds of one clip."""
    info, packets = read_clip(path)
    role = StreamRole.SUB if "_sub_" in path.name else StreamRole.MAIN
    length_s = max(label.length_s, float((packets[-1].pts + packets[-1].duration) * packets[0].time_base))
    stream = list(looped(packets, length_s, loops))
    found, counters = ours(info, stream, role, sensitivity)
    wall_s = length_s * loops
    mine = Measured(found, score(found, label, loops, length_s), wall_s, len(stream))
    if not with_peer:
        return mine, None, counters
    other = peer(info, stream)
    return mine, Measured(other, score(other, label, loops, length_s), wall_s, len(stream)), counters


HEADER = (
    f"{'clip':26} found false (/h) {'delay s':24} {'start error s':24} looks/s decoded mcore wakes hints  loud"
    " | peer: found false mcore, ratio"
)


def line(name: str, mine: Measured, other: Measured | None, counters: AnalysisCounters) -> str:
    """One row of the table."""
    row = (
        f"{name:26} {mine.score.found:2}/{mine.score.events:<2} {mine.score.false_starts:4} {mine.per_hour:5.0f} "
        f"{_list(mine.score.delays_s):24} {_list(mine.score.start_errors_s):24} {mine.found.looks / mine.wall_s:6.1f}"
        f" {mine.found.decoded / mine.packets:7.0%} {mine.mcore:6.1f}"
        f" {counters.wakes:5} {counters.hints:5} {counters.largest:5}"
    )
    if other is None:
        return row
    theirs = f" | {other.score.found:2}/{other.score.events:<2} {other.score.false_starts:3}"
    return f"{row}{theirs} {other.mcore:6.1f} {mine.found.cpu_s / other.found.cpu_s:5.2f}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("clips", nargs="*", help="file names without .mp4; all when none is given")
    arguments.add_argument("--loops", type=int, default=2)
    arguments.add_argument("--sensitivity", type=float, default=0.5)
    arguments.add_argument("--no-peer", action="store_true")
    arguments.add_argument("--verbose", action="store_true", help="print each motion")
    chosen = arguments.parse_args()
    folder = find_testbed()
    if folder is None:
        raise SystemExit("no testbed here: set VIGILAR_TESTBED to its folder")
    print(HEADER)
    pairs: list[tuple[Measured, Measured]] = []
    for name, label in sorted(labels(folder).items()):
        if chosen.clips and name.removesuffix(".mp4") not in chosen.clips:
            continue
        mine, other, counters = measure_clip(
            folder / "clips" / name, label, chosen.loops, chosen.sensitivity, with_peer=not chosen.no_peer
        )
        print(line(name.removesuffix(".mp4"), mine, other, counters), flush=True)
        if other is not None:
            pairs.append((mine, other))
        for start_s, end_s, known_s in mine.found.motions if chosen.verbose else ():
            print(f"      {start_s:7.2f} .. {end_s:7.2f}  known {known_s:7.2f}")
    if pairs:
        print(summary(pairs))


def summary(pairs: list[tuple[Measured, Measured]]) -> str:
    """P7: recall, false starts and processor time of ours divided by the peer's, over all clips."""
    (found, peer_found), (false, peer_false), (cpu_s, peer_cpu_s) = (
        (sum(value(mine) for mine, _ in pairs), sum(value(other) for _, other in pairs))
        for value in (_found, _false, _cpu_s)
    )
    recall = f"{found / peer_found:.2f}" if peer_found else "-"
    return (
        f"P7 recall {found:.0f} to {peer_found:.0f} = {recall} (target >= 0.98); "
        f"false starts {false:.0f} to {peer_false:.0f} (target <= 0.7); CPU {cpu_s / peer_cpu_s:.2f}"
    )


def _found(measured: Measured) -> float:
    return measured.score.found


def _false(measured: Measured) -> float:
    return measured.score.false_starts


def _cpu_s(measured: Measured) -> float:
    return measured.found.cpu_s


if __name__ == "__main__":
    main()
