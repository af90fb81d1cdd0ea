"""Pre-roll: ``python -m benchmarks.pre_roll [--triggers N]`` (row P9).

The real recorder, told of motion at moments all over a group of pictures, in the mode that records motion alone with
5 s before it. Counts pictures that are missing between 5 s before the motion and its end, and the seconds that were
kept beyond what was asked for. The peer is a cache of ``ffmpeg -f segment -segment_time 10``, as recorders use it:
whole segments around the same moments. Ends with 1 when a picture is missing, or more than a group is kept too much.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.recording_kit import START_MONO_NS, START_UTC_NS, Bench, Clip, bench, make_clip
from vigilar.media.packets import Kind, Packet
from vigilar.record.choice import RecordingMode
from vigilar.record.recorder import RecorderSettings

FPS, GOP = 10, 20
BEFORE_S, AFTER_S = 5.0, 5.0
QUIET_S, MOTION_S = 30.0, 3.0
NS = 1_000_000_000


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--triggers", type=int, default=40)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = make_clip(folder, seconds=4, fps=FPS, gop=GOP)
        starts = [QUIET_S + index * GOP / FPS / asked.triggers for index in range(asked.triggers)]
        ours = [record(folder / f"{index}", clip, start_s) for index, start_s in enumerate(starts)]
        peers = [cached(start_s, boundaries(folder)) for start_s in starts]
    missing, surplus = sum(one[0] for one in ours), max(one[1] for one in ours)
    middle, peer = sorted(one[1] for one in ours)[len(ours) // 2], sorted(peers)[len(peers) // 2]
    group_s = GOP / FPS
    is_met = missing == 0 and surplus <= group_s
    print(f"{len(ours)} motions at moments all over a group of {group_s:.0f} s, {BEFORE_S:.0f} s before them wanted")
    print(f"P9  missing pictures {missing} (at most 0)")
    print(
        f"P9  kept too much: ours {middle:.2f} s, at most {surplus:.2f} s (limit {group_s:.0f} s); ffmpeg's segments "
        f"{peer:.2f} s, at most {max(peers):.2f} s; ratio {middle / peer:.2f} {'ok' if is_met else 'MISSED'}"
    )
    return int(not is_met)


def record(folder: Path, clip: Clip, start_s: float) -> tuple[int, float]:
    """Pictures that are missing, and seconds before what was asked for, of a motion that begins at ``start_s``."""
    folder.mkdir()
    settings = RecorderSettings(mode=RecordingMode.MOTION, before_s=BEFORE_S, after_s=AFTER_S)
    with bench(folder, settings, ring_s=BEFORE_S) as b:
        b.ring.add(clip.run())
        stop_s = start_s + MOTION_S + AFTER_S + 10.0
        packets = [one for one in take(clip, stop_s) if one.kind is Kind.VIDEO]
        start_ns, end_ns = (START_MONO_NS + round(at * NS) for at in (start_s, start_s + MOTION_S))
        # Motion is known half a second after it began, as by a look twice a second.
        for told_ns, tell, at_ns in (
            (start_ns + NS // 2, b.recorder.motion_started, start_ns),
            (end_ns + NS // 2, b.recorder.motion_ended, end_ns),
        ):
            b.feed([one for one in packets if b.clock.mono_ns() <= one.mono_ns < told_ns])
            tell(at_ns)
        b.feed([one for one in packets if one.mono_ns >= b.clock.mono_ns()])
        b.recorder.finish()
        kept = kept_spans(b)
    wanted = [one.mono_ns for one in packets if start_ns - BEFORE_S * NS <= one.mono_ns <= end_ns]
    missing = sum(not any(low <= at < high for low, high in kept) for at in wanted)
    return missing, max(0.0, (start_ns - BEFORE_S * NS - min(low for low, _ in kept)) / NS)


def take(clip: Clip, until_s: float) -> list[Packet]:
    found: list[Packet] = []
    for packet in clip.endless():
        if packet.mono_ns >= START_MONO_NS + until_s * NS:
            return found
        found.append(packet)
    return found


def kept_spans(b: Bench) -> list[tuple[int, int]]:
    """What the recordings hold, in ns of the monotonic clock."""
    shift = START_MONO_NS - START_UTC_NS
    return [(row.start_ms * 1_000_000 + shift, (row.end_ms or 0) * 1_000_000 + shift) for row in b.rows()]


def boundaries(folder: Path) -> list[float]:
    """Where ffmpeg begins its segments of 10 s of the same pictures."""
    listing = folder / "segments.csv"
    if not listing.exists():
        [clip] = folder.glob("clip-*.mp4")
        command = ["ffmpeg", "-v", "error", "-y", "-stream_loop", "14", "-i", str(clip), "-c", "copy", "-f", "segment"]
        command += ["-segment_time", "10", "-segment_list", str(listing), str(folder / "segment-%03d.mp4")]
        subprocess.run(command, check=True)
    return [float(line.split(",")[1]) for line in listing.read_text(encoding="utf-8").splitlines()]


def cached(start_s: float, begins: list[float]) -> float:
    """Seconds that whole segments hold before what was asked for."""
    return start_s - BEFORE_S - max(at for at in begins if at <= start_s - BEFORE_S)


if __name__ == "__main__":
    sys.exit(main())
