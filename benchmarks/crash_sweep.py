"""Figures 6 and 7: every fault point of short pieces of work, ``python -m benchmarks.crash_sweep [--work NAME]...``.

Makes each write, each sync and each change of a name of recording, roll-over, deletion, re-keying, saving of settings,
upgrade and rescue of the database fail (EIO, ENOSPC), be the last one (``kill -9``) or be followed by a power cut, one
after the other until no fault fires any more. After each: recovery twice, the second of which may change nothing, and
rows against files. There is no peer: nothing may be wrong. Takes about twenty minutes. Ends with 1 if something is
wrong, 2 when
the machine cannot do it (``strace``, loop mounts).
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
import tempfile
import time
from pathlib import Path

from _pytest.outcomes import Skipped

from tests.system.crash_lab import NAMES, SYNCS, WRITES, crash_lab, power_disk

KINDS = {"writes": WRITES, "syncs": SYNCS, "names": NAMES}
SWEPT = ("record", "delete", "rewrap", "config", "migrate", "rescue")
TOLD_AT_MOST = 20


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", action="append", choices=SWEPT)
    parser.add_argument("--step", type=int, default=1, help="every so many points only")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    points, problems, began = 0, list[str](), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vigilar-crash-") as name, contextlib.ExitStack() as ending:
        try:
            lab = ending.enter_context(crash_lab(Path(name)))
            disk = ending.enter_context(power_disk(Path(name)))
        except Skipped as error:
            print(error.msg)
            return 2
        for work in asked.work or SWEPT:
            for kind, calls in KINDS.items():
                for effect in ("kill", "EIO", "ENOSPC", "cut"):
                    on = disk if effect == "cut" else None
                    swept = lab.sweep(work, calls, effect, disk=on, step=asked.step)
                    points += swept.points
                    problems += swept.problems
                    print(f"{work}: {effect} at {swept.points} {kind}, {len(swept.problems)} wrong", flush=True)
    for one in problems[:TOLD_AT_MOST]:
        print(f"  {one}")
    print(f"{points} fault points in {time.monotonic() - began:.0f} s: {len(problems)} wrong (target 0)")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
