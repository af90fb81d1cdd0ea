"""Rotation of the keys of 100,000 recordings: ``python -m benchmarks.key_rotation [--files N] [--folder DIR]``.

Makes N small recordings (the header is what a rotation touches, whatever their length), begins a new epoch and moves
all with ``vigilar keys rotate``, as a process of its own. DIR should be on the disk in question; what is made is
deleted. There is no peer: the target is 10 minutes for 100,000. Ends with 1 if it is missed, or if one
file does not open.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.vectors import sample
from vigilar.vge.keys import KeyRing
from vigilar.vge.rewrap import is_moved

A_FOLDER = 1000
TARGET_S_A_FILE = 600 / 100_000


def make_files(folder: Path, count: int) -> list[Path]:
    """Copies of one recording: each has a header of its own to be written."""
    ring = KeyRing.load_or_create(folder / "secrets")
    first = folder / "first.vge"
    writer = sample.new_writer(first, ring)
    sample.write_records(writer)
    sample.close_writer(writer)
    data = first.read_bytes()
    paths = []
    for number in range(count):
        path = folder / "footage" / "bench" / str(number // A_FOLDER) / f"{number}.vge"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        paths.append(path)
    return paths


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="vigilar-rotation-") as name:
        folder = Path(name)
        paths = make_files(folder, asked.files)
        subprocess.run(["sync", "-f", name], check=True)
        began = time.monotonic()
        command = [sys.executable, "-m", "vigilar", "keys", "rotate", "--data-dir", name]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        took_s = time.monotonic() - began
        (folder / "secrets" / "recording-key-0001").unlink()
        ring = KeyRing.load(folder / "secrets")
        unreadable = sum(not is_moved(path, ring) for path in paths)
    target_s = TARGET_S_A_FILE * asked.files
    print(f"{asked.files} files moved in {took_s:.1f} s (target {target_s:.0f} s), {unreadable} unreadable")
    return int(took_s > target_s or unreadable > 0)


if __name__ == "__main__":
    sys.exit(main())
