"""Backup and restore killed at random moments: what is at the target is whole, and all comes back bit by bit.

usage: python -m benchmarks.backup_kills [KILLS [SEED]]

As root, because the target is a small file system of its own. Half of the kills hit ``vigilar backup now``, half
``vigilar backup restore``, each with SIGKILL when a random part of all bytes is there. Prints what was found;
ends with 1 when anything was torn or different.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.backup_sweep import FILE_BYTES, FILES, sweep


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory(prefix="vigilar-backup-kills-") as name:
        found = sweep(Path(name), kills, seed)
    print(f"{found.kills} kills, {found.ended_first} of them came too late; a part was left {found.parts_seen} times")
    print(f"files at the target that were not whole: {found.torn}")
    print(f"files of the restored house that are not the same, bit by bit: {found.different}")
    print(f"restore of {FILES * FILE_BYTES / 1e6:.0f} MB: {found.restore_s:.1f} s")
    raise SystemExit(bool(found.torn or found.different))


if __name__ == "__main__":
    main()
