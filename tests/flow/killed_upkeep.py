"""A keeper that kills itself as ``kill -9`` does, before or after one of its steps.

usage: python -m tests.flow.killed_upkeep DATA_DIR STEP before|after
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.upkeep_kit import MIB, NOW_NS, PLENTY
from vigilar.base.clock import SimulatedClock
from vigilar.base.folder_id import find_folder_id
from vigilar.base.keep_rules import KeepRules
from vigilar.store import deletions
from vigilar.store.sqlite_store import open_database
from vigilar.upkeep import keeper as keeper_module
from vigilar.upkeep import remover
from vigilar.upkeep.keeper import Keeper, KeeperSettings

_PLACES: dict[str, tuple[Any, str, int]] = {
    "spread": (keeper_module, "spread", 1),
    "begin": (deletions, "begin", 1),
    "unlink": (remover, "_unlink", 1),
    "unlink-second": (remover, "_unlink", 2),
    "fsync_folder": (remover, "fsync_folder", 1),
    "finish": (deletions, "finish", 1),
    "forget": (keeper_module, "forget", 1),
    "find_pictures_of": (keeper_module, "find_pictures_of", 1),
    "begin-second": (deletions, "begin", 2),
    "finish-second": (deletions, "finish", 2),
    "note_done": (keeper_module, "note_done", 1),
}


def dying(real: Callable[..., Any], when: str, at_call: int) -> Callable[..., Any]:
    """``real``, but its call number ``at_call`` is the last thing this process does."""
    calls = [0]

    def call(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        is_last = calls[0] == at_call
        if is_last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return call


def main(folder: Path, step: str, when: str) -> None:
    place, name, at_call = _PLACES[step]
    setattr(place, name, dying(getattr(place, name), when, at_call))
    settings = KeeperSettings(folder, find_folder_id(folder) or "")
    store = open_database(f"sqlite:///{folder}/vigilar.db")
    clock = SimulatedClock(NOW_NS)
    rules = KeepRules(quota_bytes=10 * MIB)
    keeper = Keeper(settings, rules, store, clock, lambda *_: None, look_for_space=lambda _: (PLENTY, PLENTY))
    keeper.turn()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
