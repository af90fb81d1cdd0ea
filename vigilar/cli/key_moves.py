"""Moving all recordings to the newest keys, told on the terminal."""

from __future__ import annotations

import sys

from vigilar.base.errors import ExitCode
from vigilar.cli.output import one_line, print_json
from vigilar.config.places import Places
from vigilar.vge.keys import KeyRing
from vigilar.vge.places import sealed_files
from vigilar.vge.rewrap import Moved, rewrap_files

NOTE_EVERY = 5000


def move_all(places: Places, ring: KeyRing, *, as_json: bool = False) -> int:
    def note(done: Moved) -> None:
        if not as_json and done.looked_at % NOTE_EVERY == 0:
            print(f"{done.looked_at} recordings looked at", file=sys.stderr)

    done = rewrap_files(sealed_files(places.data_dir), ring, note)
    if as_json:
        failed = [{"file": str(path), "sentence": str(error)} for path, error in done.failed]
        print_json({"moved": done.moved, "already": done.already, "busy": done.busy, "failed": failed})
    else:
        _print_moved(done, ring)
    if done.failed:
        return ExitCode.PARTLY
    return ExitCode.OK


def _print_moved(done: Moved, ring: KeyRing) -> None:
    print(f"{done.moved} recordings moved to epoch {ring.newest().epoch}, {done.already} were there already.")
    if done.busy:
        print(f"{done.busy} are being written under the key before. When they are closed: vigilar keys rotate --resume")
    for path, error in done.failed[:20]:
        print(one_line(f"! {path}: {error}"))
    if len(done.failed) > 20:
        print(f"! and {len(done.failed) - 20} more")
