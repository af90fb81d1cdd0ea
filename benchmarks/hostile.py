"""What cameras that mean harm cost the others: pictures that a good one loses, and processor time.

    python -m benchmarks.hostile [--seconds 60]

A real house records one good camera, first alone, then beside cameras that send valid keyframes, noise and packets
nobody asked for at 200 Mbit/s each, refuse every login for ever, describe themselves in 4 MB, send an answer a byte at
a time, and redirect. Pictures are counted by their decode times as ffprobe reads them in the recordings. Processor time
is of all camera processes together; a flood is cut off after 62 MB and tried again a minute later, so 60 s hold all of
it once.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import psutil

from benchmarks.begin import VGE, Camera, wait_begun
from benchmarks.clips import make_clips
from benchmarks.measure import cpu_s
from benchmarks.ours import House, lay_house, started
from tests.fakes.hostile_camera import (
    HostileCamera,
    Keeps,
    describes_at_length,
    floods,
    redirects,
    refuses_for_ever,
    sends_garbage,
    sends_unasked,
    trickles,
)
from tests.recording_kit import probe_times
from vigilar.vge.keys import KeyRing
from vigilar.vge.reader import VgeReader

STEP_S = 0.05
"""Of the good camera's pictures."""

MORE_CORE = 0.25
"""All of them together may cost so much of a core more, over a minute."""


def lost_pictures(folder: Path) -> tuple[int, int]:
    """How many pictures of the first camera were recorded, and how many are missing between them."""
    keys = KeyRing.load(folder / "secrets")
    times: list[float] = []
    for path in sorted(folder.glob("footage/camera-0/*/*.vge")):
        with VgeReader.open(path, keys) as reader:
            data = b"".join(reader.read_range(0, reader.plaintext_bytes))
        times += [at_s for at_s, _, _ in probe_times(data, folder)]
    return len(times), sum(round((two - one) / STEP_S) - 1 for one, two in pairwise(times))


def run(folder: Path, urls: list[str], seconds: float) -> tuple[float, int, int]:
    """Record for so long: thousandths of a core of the camera processes from their beginning on, recorded and missing
    pictures of the first."""
    lay_house(folder, urls, [], detect=False)
    with started(folder) as process:
        wait_begun(folder, VGE.replace("*", "camera-0", 1), 1)
        began_s, recorders = time.monotonic(), House(psutil.Process(process.pid), folder).recorders
        time.sleep(seconds)
        used = 1000 * sum(cpu_s(pid) for pid in recorders()) / (time.monotonic() - began_s)
    return used, *lost_pictures(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_args().seconds
    clip = make_clips(Path(__file__).parent / "results" / "clips").main
    harm: tuple[Keeps, ...] = (
        floods(clip),
        sends_garbage,
        sends_unasked,
        refuses_for_ever,
        describes_at_length,
        trickles,
        redirects,
    )
    good = Camera(live=clip)
    try:
        with tempfile.TemporaryDirectory(prefix="vigilar-bench-") as place, ExitStack() as stack:
            alone, _, _ = run(Path(place) / "alone", [good.url("live")], seconds)
            hostile = [stack.enter_context(HostileCamera(one)) for one in harm]
            began_s = time.monotonic()
            beside, count, lost = run(
                Path(place) / "beside", [good.url("live"), *(one.url for one in hostile)], seconds
            )
            sent_mb = sum(one.sent_bytes for one in hostile) / 1e6
            passed_s = time.monotonic() - began_s
    finally:
        good.take_away()
    more = (beside - alone) / 1000
    verdicts = ("MISSED", "ok")
    sys.stdout.write(
        f"pictures of a good camera beside {len(harm)} that mean harm: {count} recorded, {lost} lost (at most 0) "
        f"{verdicts[lost == 0]}\n"
        f"processor time of the camera processes: {beside:.0f} mcore, {alone:.0f} without them; "
        f"{more:.2f} of a core more (at most {MORE_CORE}) {verdicts[more <= MORE_CORE]}\n"
        f"they sent {sent_mb:.0f} MB in {passed_s:.0f} s\n"
    )
    return 0 if lost == 0 and more <= MORE_CORE else 1


if __name__ == "__main__":
    sys.exit(main())
