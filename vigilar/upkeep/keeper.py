"""Keeps recordings within quota, age and free space: looks, plans, deletes in small steps, and tells what must wait.

Free space is looked at twice a second, which costs nothing; the rest is read once a minute, or as soon as space falls
short. Nobody waits for this: a step holds the database for some milliseconds, and between two steps there is a pause
unless space is short.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from vigilar.base.amounts import size_text
from vigilar.base.clock import Clock
from vigilar.base.even_clock import EvenClock
from vigilar.base.keep_rules import KeepRules
from vigilar.base.reserve import Reserve
from vigilar.base.stop import Stop
from vigilar.store.deletions import Deletion, KeptAround, Why
from vigilar.store.erasures import (
    STEP,
    Ended,
    find_ended,
    find_wanted,
    find_wish,
    forget,
    has_wanted,
    note_done,
    spread,
)
from vigilar.store.holdings import find_bare_pictures, find_pictures_of, find_word, has_open_pictures, use_word
from vigilar.store.spans import alarm_footage
from vigilar.store.sql import Database
from vigilar.upkeep.holdings import LookForSpace, check_own_folder, read_holdings, read_space, space_of
from vigilar.upkeep.plan import Going, HeldBack, Plan, Space, make_plan
from vigilar.upkeep.remover import BATCH, Remover, batches

logger = logging.getLogger(__name__)

PASS_EVERY_NS = 60_000_000_000
HOPELESS_NS = 5_000_000_000
"""When space stays short although all was done that may be, it is tried again after this."""

ERASE_EVERY_NS = 2_000_000_000
"""How often it is looked whether a person deletes recordings: who does so waits for it, and a look
reads an index that is empty all but always."""

PAUSE_S = 0.1
"""Between two steps while space is not short: other writers of disk and database go first."""

LONGEST_PAUSE_S = 1.0
"""Even where a step takes seconds, retention must go on."""

FULL_BYTES = 64 * 1024 * 1024
"""A recorder was refused space although the disk has some, as under a quota of the system: so much is freed."""

STUCK = "No space can be made: all that is left belongs to events that are kept, or is being recorded."

Report = Callable[[str, str, dict[str, Any]], None]
"""Takes a fact: its kind, what makes it the same one when it is told again, details."""

FindPictures = Callable[[int, int], list[int]]
"""Ids of pictures of whose moment no recording is left, by the time now (UTC ms) and how many at most."""

WHY_WORDS: dict[Why, str] = {
    "age": "for their age",
    "quota": "to keep the quota",
    "camera-quota": "to keep the camera's quota",
    "reserve": "to keep space free on the disk",
    "owner": "by a person's word",
}
"""Completes "deleted ..."."""


@dataclass(frozen=True, slots=True)
class KeeperSettings:
    """Whose recordings these are. ``check_folder`` as in ``Remover``; None: ``check_own_folder``."""

    data_dir: Path
    node_id: str
    check_folder: Callable[[], None] | None = None


class Keeper:
    """Retention of one box. ``turn`` belongs to one thread, ``use`` to any.

    ``report`` is called on the thread of ``turn``. ``beat`` is called after each step, so that whoever watches sees
    progress.
    """

    def __init__(
        self,
        settings: KeeperSettings,
        rules: KeepRules,
        store: Database,
        clock: Clock,
        report: Report,
        stop: Stop | None = None,
        beat: Callable[[], None] = lambda: None,
        look_for_space: LookForSpace = space_of,
    ) -> None:
        self._settings = settings
        self._rules = rules
        self._store = store
        self._clock = clock
        self._even = EvenClock(clock)
        self._report = report
        self._stop = stop or Stop()
        self._beat = beat
        self._look = look_for_space
        self._reserve = Reserve(settings.data_dir)
        self._next_ns = 0
        self._next_short_ns = 0
        self._next_told_ns = 0
        self._next_erase_ns = 0
        self._is_waiting = False
        self._stuck: dict[str, str] = {}
        self.problem = ""
        """What waits for a person, as a sentence; empty while nothing does."""
        self.deleted_count = 0
        self.deleted_bytes = 0

    def use(self, rules: KeepRules) -> None:
        """Keep by these from the next turn on, which looks at everything."""
        self._rules = rules
        self._next_ns = self._next_short_ns = 0

    def turn(self, *, is_full_told: bool = False) -> Plan | None:
        """One look, and what is due; the plan that was carried out, if there was one. Call it twice a second.

        ``is_full_told``: a recorder says that the disk is full. Raises StoreError, and VigilarError when the disk does
        not answer or is not the house's own: what was begun is finished later.
        """
        rules, now_ns = self._rules, self._clock.mono_ns()
        if now_ns >= self._next_erase_ns:
            self._next_erase_ns = now_ns + ERASE_EVERY_NS
            self._erase(rules)
        space = read_space(self._settings.data_dir, rules, self._look)
        if is_full_told and now_ns >= self._next_told_ns:
            space = replace(space, asked_bytes=FULL_BYTES)
        is_urgent = space.is_short and now_ns >= self._next_short_ns
        if now_ns < self._next_ns and not is_urgent and not self._has_new_word():
            return None
        self._next_ns = now_ns + PASS_EVERY_NS
        self._next_short_ns = self._next_told_ns = now_ns + HOPELESS_NS
        plan = self._run_pass(rules, space)
        is_relieved = not read_space(self._settings.data_dir, rules, self._look).is_short
        is_at_its_end = plan.is_stuck or any(one.why == "reserve" for one in plan.held_back)
        if is_relieved or (plan.going and not is_at_its_end):
            self._next_short_ns = 0
        return plan

    def _has_new_word(self) -> bool:
        """Whether somebody has just given the word for what waits."""
        return self._is_waiting and find_word(self._store, self._settings.node_id) > 0

    def _run_pass(self, rules: KeepRules, space: Space) -> Plan:
        around, remover = self._make_remover(rules)
        remover.finish_pending()
        word_bytes = find_word(self._store, self._settings.node_id)
        held = read_holdings(self._store, self._settings.node_id, rules, self._now_ms())
        plan = make_plan(held, rules, space, self._now_ms(), word_bytes)
        is_done = self.carry_out(plan, remover, around, space)
        self._tell(plan)
        self._is_waiting = bool(plan.held_back)
        if is_done and word_bytes:
            use_word(self._store, self._settings.node_id, word_bytes)
        proven_ms = self._even.proven_ms()  # a look, also where nothing is done with it
        if is_done and proven_ms is not None:
            self._remove_old_pictures(held.others, rules, remover, around, proven_ms)
        return plan

    def _make_remover(self, rules: KeepRules) -> tuple[KeptAround, Remover]:
        around = KeptAround(rules.before_ms, rules.after_ms)
        check = self._settings.check_folder or (
            lambda: check_own_folder(self._settings.data_dir, self._settings.node_id)
        )
        data_dir, node_id = self._settings.data_dir, self._settings.node_id
        return around, Remover(self._store, data_dir, node_id, around, self._clock, check, self._stuck)

    def _erase(self, rules: KeepRules) -> None:
        """Delete the recordings whose events a person chose, but what an alarm or somebody who keeps holds since.

        A crash in between is no matter: what is not gone is still wanted, what is half gone is a pending deletion, and
        a wish is done when the pictures are gone too.
        """
        node_id = self._settings.node_id
        if not self._spread_wishes() or not has_wanted(self._store, node_id):
            return
        around, remover = self._make_remover(rules)
        self._end_wishes(remover, around)
        while wanted := find_wanted(self._store, node_id, BATCH):
            with self._store.sql_read("read what alarms protect") as run:
                since_ms = self._now_ms() - rules.keep_alarms_ms
                alarms = alarm_footage(run, since_ms, rules.before_ms, rules.after_ms, self._now_ms())
            free = [one for one in wanted if not alarms.holds(one.id, one.camera_id, one.start_ms, one.end_ms)]
            began_ns = self._clock.mono_ns()
            gone = {one.path for one in self._remove(remover, [(one.id, "owner") for one in free])}
            refused = [one.path for one in wanted if one.path not in gone]
            for path in self._reserve.help(partial(forget, self._store, refused)):
                logger.warning("%s stays although a person deleted it: an event holds it since", path)
            self._end_wishes(remover, around)
            if self._stop.wait(self._rest_s(began_ns)):
                return

    def _spread_wishes(self) -> bool:
        """Give each recording that somebody let go its row, some at a time; False when ``stop`` came first."""
        while wish := find_wish(self._store):
            for at in range(0, len(wish.file_ids), STEP):
                began_ns = self._clock.mono_ns()
                self._reserve.help(partial(spread, self._store, wish, at))
                self._beat()
                if self._stop.wait(self._rest_s(began_ns)):
                    return False
        return True

    def _end_wishes(self, remover: Remover, around: KeptAround) -> None:
        """Delete the pictures of what went, of its time alone: nobody was told that others go. Then note that there is
        nothing left to do, where none is still being written: such a storyboard goes when its hour is over."""
        node_id = self._settings.node_id
        done: list[Ended] = []
        for one in find_ended(self._store, node_id):
            its_time = (self._store, node_id, one.camera_id, one.start_ms, one.end_ms)
            waits = has_open_pictures(*its_time)  # before the look for closed ones: none is closed unseen in between
            self._remove_bare(partial(find_pictures_of, *its_time, around), "owner", remover)
            done += [] if waits else [one]
        if done and not self._stop.is_set():
            self._reserve.help(lambda: note_done(self._store, done, self._now_ms()))

    def carry_out(self, plan: Plan, remover: Remover, around: KeptAround, space: Space) -> bool:
        """Delete what the plan says, and the pictures of which no recording is left; False when ``stop`` came first.

        What was to make space is left out once there is enough of it, whoever made it.
        """
        for batch in _batches_of(plan.going):
            if self._stop.is_set():
                return False
            if batch[0].why == "reserve" and self._has_enough(space):
                continue
            began_ns = self._clock.mono_ns()
            gone = self._remove(remover, [(one.video.id, one.why) for one in batch])
            self._remove_pictures(gone, remover, around)
            if not space.is_short and self._stop.wait(self._rest_s(began_ns)):
                return False
        return True

    def _rest_s(self, began_ns: int) -> float:
        """As long as the step took: what it makes durable goes through the one journal of the disk that recorders wait
        for too, so on a slow or busy disk half of the time stays theirs."""
        return min(LONGEST_PAUSE_S, max(PAUSE_S, (self._clock.mono_ns() - began_ns) / 1e9))

    def _has_enough(self, space: Space) -> bool:
        now = Space(*self._look(self._settings.data_dir), space.reserve_bytes)
        return now.free_bytes >= space.free_bytes + space.wanted_bytes

    def _remove(self, remover: Remover, wanted: Sequence[tuple[int, Why]]) -> list[Deletion]:
        gone = remover.remove(wanted)
        self.deleted_count += len(gone)
        self.deleted_bytes += sum(one.size_bytes for one in gone)
        for one in gone:
            logger.info("%s deleted %s", one.path, WHY_WORDS[one.why])
        self._beat()
        return gone

    def _remove_pictures(self, gone: Iterable[Deletion], remover: Remover, around: KeptAround) -> None:
        """The pictures up to the newest of ``gone`` of each camera, of whose moment no recording is left."""
        newest: dict[str, tuple[int, Why]] = {}
        for one in gone:
            newest[one.camera_id] = max(newest.get(one.camera_id, (0, one.why)), (one.end_ms, one.why))
        for camera_id, (until_ms, why) in newest.items():
            self._remove_bare(self._find_until(camera_id, until_ms, around), why, remover)

    def _remove_old_pictures(
        self, cameras: Iterable[str], rules: KeepRules, remover: Remover, around: KeptAround, now_ms: int
    ) -> None:
        """Pictures that outlived their age without a recording: of what could not be recorded, say."""
        for camera_id in cameras:
            keep_ms = rules.keep_of(camera_id)
            if keep_ms is not None:
                self._remove_bare(self._find_until(camera_id, now_ms - keep_ms, around), "age", remover)

    def _find_until(self, camera_id: str, until_ms: int, around: KeptAround) -> FindPictures:
        return partial(find_bare_pictures, self._store, self._settings.node_id, camera_id, until_ms, around)

    def _remove_bare(self, find: FindPictures, why: Why, remover: Remover) -> None:
        now_ms = self._now_ms()
        while not self._stop.is_set():
            ids = find(now_ms, 8 * BATCH)
            gone = sum(len(self._remove(remover, batch)) for batch in batches((one, why) for one in ids))
            if not gone:
                return

    def _tell(self, plan: Plan) -> None:
        waits = held_back_sentence(plan.held_back[0]) if plan.held_back else STUCK if plan.is_stuck else ""
        self.problem = " ".join(filter(None, (waits, stuck_sentence(self._stuck))))
        for one in plan.held_back:
            detail = {"reason": held_back_sentence(one), "why": one.why, "bytes": one.size_bytes}
            self._report("retention_held", one.why, {**detail, "total_bytes": one.total_bytes})
        if plan.is_stuck:
            self._report("retention_stuck", "reserve", {"reason": STUCK})

    def _now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000


def held_back_sentence(one: HeldBack) -> str:
    """``412 GB of 800 GB would have to go to keep the quota. They wait for your word.``"""
    size, total = size_text(one.size_bytes), size_text(one.total_bytes)
    more = "more " if one.why == "reserve" else ""
    return f"{size} {more}of {total} would have to go {WHY_WORDS[one.why]}. That waits for your word."


def stuck_sentence(stuck: Mapping[str, str]) -> str:
    """``footage/front/2026-01-01/7.vge cannot be deleted: Input/output error.`` Empty for none."""
    if not stuck:
        return ""
    [(path, why), *more] = stuck.items()
    others = f" and {len(more)} more" if more else ""
    step = "Look at what the kernel says of that disk (dmesg), and at whose the file is."
    return f"{path}{others} cannot be deleted: {why}. What else is to go goes all the same. {step}"


def _batches_of(going: Sequence[Going]) -> Iterable[Sequence[Going]]:
    """In pieces of BATCH at most, each for one reason."""
    at = 0
    while at < len(going):
        end = at + 1
        while end < len(going) and end - at < BATCH and going[end].why == going[at].why:
            end += 1
        yield going[at:end]
        at = end
