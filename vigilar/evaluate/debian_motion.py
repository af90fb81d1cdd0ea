"""Debian's ``motion`` over the same clips, where it is installed: all side by side, and once, as it needs real time.

Its settings are its own but for three: the threshold is the 0.15 % of the picture of ``peer``, three pictures in a row
make a motion, and a motion is over after 3 s, as its gap is in whole seconds.
"""

from __future__ import annotations

import os
import re
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vigilar.evaluate.clip import Clip
from vigilar.evaluate.ours import Found, Motion
from vigilar.evaluate.peer import LEAST_FRAC, LEAST_ROW

PROGRAM = "motion"
GAP_S = 3
LATE_S = 5.0
"""For starting up, and for the end of a motion to be told."""
END_S = 10.0
"""It may take for its own end; then it is killed."""
MOST_RATE = 100
"""Pictures a second that it may look at: all."""

_CONNECTED = re.compile(r"Camera \(clip(\d+)\) connected")
_TOLD = re.compile(r"^vigilar-(start|end) (\d+)$")


@dataclass(frozen=True, slots=True)
class Side:
    """One clip and its whole length in seconds."""

    path: Path
    clip: Clip


def find_motion() -> str | None:
    """The program; None where it is not installed."""
    return shutil.which(PROGRAM)


def watch_with_motion(program: str, sides: Sequence[Side]) -> tuple[list[Found], float]:
    """What it finds in the first round of each clip, and its processor seconds for all. Takes as long as the longest
    clip."""
    longest_s = max(side.clip.length_s for side in sides)
    before_s = _children_s()
    with tempfile.TemporaryDirectory(prefix="vigilar-evaluate-") as made:
        folder = Path(made)
        command = [program, "-n", "-c", str(_write_settings(folder, sides))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder) as process:
            try:
                told = _listen(process, time.monotonic() + longest_s + GAP_S + LATE_S)
            finally:
                process.send_signal(signal.SIGINT)
                _end(process)
    return [_found(number, side, told) for number, side in enumerate(sides, 1)], _children_s() - before_s


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True, slots=True)
class _Line:
    """Something it said: ``what`` of which clip, when on the monotonic clock."""

    at_s: float
    what: str
    number: int


def _write_settings(folder: Path, sides: Sequence[Side]) -> Path:
    """One file for all and one a camera: motion.conf(5)."""
    shared = [
        "daemon off",
        "log_level 6",
        "picture_output off",
        "movie_output off",
        "webcontrol_port 0",
        "stream_port 0",
        f"target_dir {folder}",
        f"framerate {MOST_RATE}",
        f"minimum_motion_frames {LEAST_ROW}",
        f"event_gap {GAP_S}",
        "on_event_start echo vigilar-start %t",
        "on_event_end echo vigilar-end %t",
    ]
    for number, side in enumerate(sides, 1):
        info = side.clip.info
        own = [
            f"camera_id {number}",
            f"camera_name clip{number}",
            f"netcam_url file://{side.path.resolve()}",
            f"width {info.width}",
            f"height {info.height}",
            f"threshold {max(1, round(LEAST_FRAC * info.width * info.height))}",
        ]
        (folder / f"clip{number}.conf").write_text("\n".join(own) + "\n", encoding="utf-8")
        shared.append(f"camera {folder / f'clip{number}.conf'}")
    path = folder / "motion.conf"
    path.write_text("\n".join(shared) + "\n", encoding="utf-8")
    return path


def _listen(process: subprocess.Popen[bytes], until_s: float) -> list[_Line]:
    """What it tells until then, stamped as it comes: its own log has whole seconds only."""
    assert process.stdout is not None  # noqa: S101 -- asked for as a pipe
    lines: list[_Line] = []
    rest = b""
    while (now_s := time.monotonic()) < until_s:
        if not select.select([process.stdout], [], [], until_s - now_s)[0]:
            break
        more = os.read(process.stdout.fileno(), 65536)
        if not more:  # it ended by itself
            break
        *whole, rest = (rest + more).split(b"\n")
        for line in whole:
            lines.extend(_parse(line.decode("utf-8", "replace").strip(), time.monotonic()))
    return lines


def _parse(line: str, now_s: float) -> list[_Line]:
    if told := _TOLD.match(line):
        return [_Line(now_s, told[1], int(told[2]))]
    if begun := _CONNECTED.search(line):
        return [_Line(now_s, "connected", int(begun[1]))]
    return []


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.communicate(timeout=END_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _found(number: int, side: Side, told: Sequence[_Line]) -> Found:
    """Its motions in seconds of the clip. One that goes on at the end of the round ends there."""
    mine = [one for one in told if one.number == number]
    began_s = next((one.at_s for one in mine if one.what == "connected"), None)
    found = Found(packets=len(side.clip.packets))
    if began_s is None:
        return found
    start_s: float | None = None
    length_s = side.clip.length_s
    for one in mine:
        at_s = one.at_s - began_s
        if one.what == "start" and at_s < length_s:
            start_s = at_s
        elif one.what == "end" and start_s is not None:
            found.motions.append(Motion(start_s, min(length_s, max(start_s, at_s - GAP_S)), start_s))
            start_s = None
    if start_s is not None:
        found.motions.append(Motion(start_s, length_s, start_s))
    return found
