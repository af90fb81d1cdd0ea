"""What the supervisor knows of its data folder, and the facts it tells about it. Never touches the drive itself.

Like ``vigilar.main`` it must stay small in memory: base only.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vigilar.base.clock import Clock, SystemClock
from vigilar.base.control import ProcessFact
from vigilar.base.errors import VigilarError
from vigilar.base.folder_look import Claim, FolderState, claim, explain_away, explain_denied, explain_hanging, is_gone
from vigilar.base.folder_watch import FolderWatch
from vigilar.base.house_file import HouseFile

logger = logging.getLogger(__name__)

DISK_WAIT_S = 2.0
"""A recorder that has been in one write for this long may have met a drive that hangs: the watch then tries a write of
its own. The recorder's word alone would not do, as its process may have been taken over by its camera."""

_KINDS = {FolderState.AWAY: "drive_away", FolderState.HANGING: "drive_hangs", FolderState.HERE: "drive_back"}


class FolderGuard:
    """Judges what ``watch`` sees by what ``house`` remembers. One thread.

    ``trouble`` is what people are told, None while the folder is in its place. Each change of ``state`` becomes a
    fact, kept in the house's file until ``stored`` says that it is an event: a drive is mostly missed exactly when
    events cannot be stored, and Vigilar may be started again before it is back.
    """

    def __init__(self, data_dir: Path, house: HouseFile, watch: FolderWatch, clock: Clock | None = None) -> None:
        self.data_dir = data_dir
        self.house = house
        self.watch = watch
        self.state: FolderState | None = None
        self.trouble: VigilarError | None = None
        self.since_ts = 0
        self._missed_ts = 0
        self._clock = clock or SystemClock()

    @property
    def is_here(self) -> bool:
        return self.state is FolderState.HERE

    @property
    def is_away(self) -> bool:
        return self.state is FolderState.AWAY

    @property
    def is_hanging(self) -> bool:
        return self.state is FolderState.HANGING

    def look_at_start(self) -> bool:
        """Judge the newest look while nothing of the house runs. True when the state changed.

        Raises VigilarError (DENIED) for a folder that this user may not read: waiting would not help.
        """
        self.watch.take()
        look, memory = self.watch.newest, self.house.memory
        if self.watch.is_silent:
            return self._set(FolderState.HANGING, explain_hanging(self.data_dir))
        if look is None:
            return False
        if look.problem in (errno.EACCES, errno.EPERM):
            raise explain_denied(self.data_dir)
        verdict, why = claim(memory, look)
        if verdict is Claim.NOT_OURS:
            return self._set(FolderState.AWAY, explain_away(memory, self.data_dir, why))
        return self._set(FolderState.HERE, None)

    def look(self, disk_waits_s: Iterable[float]) -> bool:
        """Judge while the house runs. ``disk_waits_s``: for how long each recorder has been in its newest write.

        True when the state changed.
        """
        if self.watch.take() and any(wait_s > DISK_WAIT_S for wait_s in disk_waits_s):
            self.watch.ask_to_write()
        look, memory = self.watch.newest, self.house.memory
        if self.watch.is_silent:
            return self._set(FolderState.HANGING, explain_hanging(self.data_dir))
        if look and memory.folder_id and is_gone(memory, look):
            why = claim(memory, look)[1]
            return self._set(FolderState.AWAY, explain_away(memory, self.data_dir, why))
        return self._set(FolderState.HERE, None)

    def stored(self, fact_id: str) -> None:
        self.house.drop_fact(fact_id)

    def summary(self) -> dict[str, Any]:
        """For the status of the processes: ``state`` (here, away, hanging), the sentence and what to do about it."""
        state = self.state or FolderState.HERE
        trouble = self.trouble
        return {
            "state": state.value,
            "sentence": str(trouble) if trouble else "",
            "next_step": trouble.next_step if trouble else "",
            "since_ts": self.since_ts,
        }

    def _set(self, state: FolderState, trouble: VigilarError | None) -> bool:
        self.trouble = trouble
        self.house.change(sentence=str(trouble or ""), next_step=trouble.next_step if trouble else "")
        if state is self.state:
            return False
        before, self.state = self.state, state
        self.since_ts = self._clock.utc_ns() // 1_000_000
        if before in (None, FolderState.HERE):
            self._missed_ts = self.since_ts
        if trouble:
            logger.error("%s %s", trouble, trouble.next_step)
        elif before:
            logger.info("the drive for recordings is back")
        self._tell(before, state)
        return True

    def _tell(self, before: FolderState | None, state: FolderState) -> None:
        """One fact a change; none for a folder that was in its place from the first look on. A start that finds the
        drive still away adds nothing to what already waits."""
        waiting = self.house.memory.facts
        last = waiting[-1].kind if waiting else ""
        kind = _KINDS[state]
        if kind == last or (before is None and state is FolderState.HERE and last in ("", "drive_back")):
            return
        detail: dict[str, Any] = {"folder": str(self.data_dir)}
        if state is FolderState.HERE:
            began_ts = next((fact.ts for fact in reversed(waiting) if fact.kind != "drive_back"), self._missed_ts)
            detail["missing_ms"] = max(0, self.since_ts - began_ts)  # the clock may have been set back
        self.house.add_fact(ProcessFact(os.urandom(16).hex(), self.since_ts, kind, "drive", detail))
