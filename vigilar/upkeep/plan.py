"""Which recordings go next, and what needs a person's word first. Pure: rows, settings, space and time in, a plan out.

The rules, in this order:

1. What belongs to an event that somebody keeps never goes, nor does a file that is open.
2. Age: what is older than ``keep``; footage of alarms only when it is older than ``keep_alarms`` as well. What was
   recorded after something is no older than that, whatever the clock said meanwhile (``_ages_from``).
3. The quota of a camera, then that of all, then the reserve of free space on the disk: the oldest goes first, of
   whichever camera it is. Footage of alarms younger than ``keep_alarms`` goes after all other, because it is what
   somebody will ask for; only what it takes beyond half of all counts as any other, or a camera that alarms all day
   (or is made to) would leave the house nothing else. A date is only what a clock said: nothing goes before what was
   recorded before it and is dated later (``_in_turn``).
4. More than half of all recordings at once needs a person's word: a quota with a zero too few, a clock of the year
   2036, a disk that shrank. For age and quotas such a plan does not begin. For the reserve, where recording itself is
   at stake, the half that may go does go, rounded up to a whole recording that is not the newest. A word is for so
   many bytes: as far as it reaches the first of what waits goes, and what has come since is judged by itself.
5. What has been too old for more than a day is no work of yesterday: somebody changed ``keep``, the house was off, or
   the clock jumped. Of it one normal day goes an hour.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vigilar.base.keep_rules import KeepRules
from vigilar.store.deletions import Gone, Why
from vigilar.store.holdings import DAY_MS, Video
from vigilar.store.spans import EventFootage

HOUR_MS = 3_600_000

LOOK_BACK_MS = (60_000, 600_000, HOUR_MS, 6 * HOUR_MS, DAY_MS)
"""How much there was so long ago counts as "all" for the reserve: what another program takes away bit by bit is one
loss, and what is recorded meanwhile does not make it smaller."""

RECENT_MS = DAY_MS
"""Deletions that a plan looks back at."""

FREE_AGAIN_SHARE = 16
FREE_AGAIN_BYTES = 256 * 1024 * 1024
"""When space falls short, so much more than is missing is freed (a sixteenth of the reserve, at most 256 MiB): so that
it is done about once a minute and not with each picture."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What there is. ``videos`` are oldest first; ``others`` is what each camera takes beside them (pictures, open
    files), ``kept`` and ``alarms`` what events hold, ``recent`` what went in the last RECENT_MS."""

    videos: Sequence[Video]
    others: Mapping[str, int] = field(default_factory=dict)
    kept: EventFootage = field(default_factory=EventFootage)
    alarms: EventFootage = field(default_factory=EventFootage)
    recent: Sequence[Gone] = ()

    @property
    def total_bytes(self) -> int:
        return sum(one.size_bytes for one in self.videos) + sum(self.others.values())


@dataclass(frozen=True, slots=True)
class Space:
    """The disk under the recordings. ``reserve_bytes`` are to stay free; ``asked_bytes`` are to be freed whatever the
    other numbers say."""

    total_bytes: int
    free_bytes: int
    reserve_bytes: int
    asked_bytes: int = 0

    @property
    def is_short(self) -> bool:
        return self.free_bytes < self.reserve_bytes or self.asked_bytes > 0

    @property
    def wanted_bytes(self) -> int:
        """What must be freed once space is short, so that it stays free for a while."""
        if self.free_bytes >= self.reserve_bytes:
            return self.asked_bytes
        slack = min(FREE_AGAIN_BYTES, self.reserve_bytes // FREE_AGAIN_SHARE)
        return max(self.asked_bytes, self.reserve_bytes + slack - self.free_bytes)


@dataclass(frozen=True, slots=True)
class Going:
    """A recording that goes, and why."""

    video: Video
    why: Why


@dataclass(frozen=True, slots=True)
class HeldBack:
    """More than half would have to go: ``size_bytes`` of ``total_bytes`` wait for a person's word. ``why`` as that of
    a deletion."""

    why: Why
    size_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes, in this order. ``held_back`` is what waits for a person's word; ``is_stuck``: space stays short with
    nothing left that may go; ``is_worded``: some of it goes by a person's word."""

    going: tuple[Going, ...] = ()
    held_back: tuple[HeldBack, ...] = ()
    is_stuck: bool = False
    is_worded: bool = False

    @property
    def size_bytes(self) -> int:
        return _size_of(self.going)


def make_plan(
    held: Holdings, rules: KeepRules, space: Space, now_ms: int, word_bytes: int = 0, *, is_asked: bool = False
) -> Plan:
    """What goes now. ``word_bytes`` may go by a person's word, where it would have to wait for one. ``is_asked``: a
    person asked for it, so that all that is too old goes at once."""
    return _Planning(held, rules, space, now_ms, word_bytes, is_asked=is_asked).make()


class _Planning:
    """One plan while it is made."""

    def __init__(
        self, held: Holdings, rules: KeepRules, space: Space, now_ms: int, word_bytes: int, *, is_asked: bool
    ) -> None:
        self._is_asked = is_asked
        self._held = held
        self._rules = rules
        self._space = space
        self._now_ms = now_ms
        self._word_bytes = word_bytes
        self._half_bytes = held.total_bytes // 2
        in_turn = _in_turn(held.videos)
        self._newest = in_turn[-1] if in_turn else None
        self._free = [one for one in in_turn if not held.kept.holds(one.id, one.camera_id, one.start_ms, one.end_ms)]
        self._ages_from = _ages_from(held.videos, now_ms)
        self._keeps = {camera_id: rules.keep_of(camera_id) for camera_id in {one.camera_id for one in held.videos}}
        self._gone: set[int] = set()
        self._going: list[Going] = []
        self._held_back: list[HeldBack] = []
        self._is_worded = False

    def make(self) -> Plan:
        self._by_age()
        self._by_quota()
        is_stuck = self._by_reserve()
        return Plan(tuple(self._going), tuple(self._held_back), is_stuck, self._is_worded)

    def _by_age(self) -> None:
        backlog = []
        for one in self._free:
            too_old_ms = self._too_old_ms(one)
            if 0 <= too_old_ms < DAY_MS:
                self._take([Going(one, "age")])
            elif too_old_ms >= DAY_MS:
                backlog.append(Going(one, "age"))
        by_itself = self._take_by_word("age", backlog, self._half_bytes)
        self._take(by_itself if self._is_asked else self._day_of(by_itself))

    def _day_of(self, backlog: Sequence[Going]) -> Iterator[Going]:
        """The oldest of ``backlog``, as much as is left of the normal day of this hour."""
        hour_ago = self._now_ms - HOUR_MS
        left = _normal_day(self._held.videos) - sum(
            gone.size_bytes for gone in self._held.recent if gone.why == "age" and gone.created_ms > hour_ago
        )
        for one in backlog:
            if left <= 0:
                return
            left -= one.video.size_bytes
            yield one

    def _by_quota(self) -> None:
        chosen: list[Going] = []
        taken = set(self._gone)
        for camera_id in sorted(self._keeps):
            quota = self._rules.quota_of(camera_id)
            if quota is not None:
                mine = [one for one in self._free if one.camera_id == camera_id]
                chosen += self._over(quota, mine, taken, "camera-quota", camera_id)
        if self._rules.quota_bytes is not None:
            chosen += self._over(self._rules.quota_bytes, self._free, taken, "quota", None)
        if chosen:
            self._take(self._take_by_word(chosen[-1].why, chosen, self._half_bytes))

    def _over(
        self, quota: int, free: Sequence[Video], taken: set[int], why: Why, camera_id: str | None
    ) -> Iterator[Going]:
        """What must go of ``free`` so that the camera's (None: all) recordings fit into ``quota``."""
        used = sum(size for one, size in self._held.others.items() if camera_id in (None, one))
        used += sum(
            one.size_bytes for one in self._held.videos if camera_id in (None, one.camera_id) and one.id not in taken
        )
        for one in self._in_order(free, taken):
            if used <= quota:
                return
            taken.add(one.id)
            used -= one.size_bytes
            yield Going(one, why)

    def _by_reserve(self) -> bool:
        """Free what is missing on the disk; whether that is impossible."""
        wanted = self._space.wanted_bytes - _size_of(self._going)
        if wanted <= 0:
            return False
        left = self._held.total_bytes - _size_of(self._going)
        may_go = left - _most_held(self._held, self._now_ms) // 2
        waiting: list[Going] = []
        for one in self._in_order(self._free, self._gone):
            if wanted <= 0:
                break
            wanted -= one.size_bytes
            is_newest = one is self._newest
            if not waiting and (one.size_bytes <= may_go or (may_go > 0 and not is_newest)):
                may_go -= one.size_bytes
                self._take([Going(one, "reserve")])
            else:
                waiting.append(Going(one, "reserve"))
        if waiting:
            self._take(self._take_by_word("reserve", waiting, 0))
        return wanted > 0

    def _take_by_word(self, why: Why, chosen: Sequence[Going], may_bytes: int) -> Sequence[Going]:
        """Take of ``chosen`` what only goes by a person's word, as far as that reaches; what of them goes by itself.

        Up to ``may_bytes`` needs no word. Beyond, the word is for so many bytes, the first of ``chosen``: more may have
        come since it was given. The rest goes by itself or waits, like any other: half of what is then left may go.
        """
        if _size_of(chosen) <= may_bytes:
            return chosen
        at = 0
        while at < len(chosen) and chosen[at].video.size_bytes <= self._word_bytes:
            self._word_bytes -= chosen[at].video.size_bytes
            at += 1
        by_word, rest = chosen[:at], chosen[at:]
        self._is_worded |= bool(by_word)
        self._take(Going(one.video, "owner") for one in by_word)
        if _size_of(rest) <= max(0, may_bytes - _size_of(by_word) // 2):
            return rest
        self._held_back.append(HeldBack(why, _size_of(rest), self._held.total_bytes - _size_of(by_word)))
        return ()

    def _take(self, chosen: Iterable[Going]) -> None:
        for one in chosen:
            self._gone.add(one.video.id)
            self._going.append(one)

    def _too_old_ms(self, one: Video) -> int:
        """For how long the recording has been too old; negative while it is not."""
        keep_ms = self._keeps[one.camera_id]
        if keep_ms is None:
            return -1
        age_ms = self._now_ms - self._ages_from[one.id]
        if age_ms >= keep_ms and self._rules.keep_alarms_ms > keep_ms and self._is_alarm(one):
            keep_ms = self._rules.keep_alarms_ms
        return age_ms - keep_ms

    def _is_alarm(self, one: Video) -> bool:
        return self._held.alarms.holds(one.id, one.camera_id, one.start_ms, one.end_ms)

    def _in_order(self, free: Iterable[Video], taken: Collection[int]) -> list[Video]:
        """Those of ``free`` that are not taken, in the order in which they go."""
        here = [one for one in free if one.id not in taken]
        since_ms = self._now_ms - self._rules.keep_alarms_ms
        alarms = [one for one in here if one.end_ms > since_ms and self._is_alarm(one)]
        beyond = sum(one.size_bytes for one in alarms) - self._held.total_bytes // 2
        last: set[int] = set()
        for one in alarms:
            if beyond > 0:
                beyond -= one.size_bytes
            else:
                last.add(one.id)
        return [one for one in here if one.id not in last] + [one for one in here if one.id in last]


def _size_of(chosen: Iterable[Going]) -> int:
    return sum(one.video.size_bytes for one in chosen)


def _in_turn(videos: Sequence[Video]) -> list[Video]:
    """The recordings in the order in which they go: by the newest date that there was when each was recorded, which the
    numbers of the rows tell, then by its own. On a box that wakes up in 2020 each new recording would be the oldest of
    all, and gone as soon as it is closed."""
    newest_ms, reached = 0, dict[int, int]()
    for one in sorted(videos, key=lambda one: one.id):
        newest_ms = reached[one.id] = max(newest_ms, one.start_ms)
    return sorted(videos, key=lambda one: (reached[one.id], one.start_ms))


def _ages_from(videos: Iterable[Video], now_ms: int) -> dict[int, int]:
    """From when the age of each recording counts: its end, or the newest begin that there was before it, if that is
    later. What a box recorded after it woke up in 2020 would be deleted within the hour. A date that is still to come
    says nothing: one from a clock of 2036 would keep all that came after it until then."""
    newest_ms, ages_from = 0, dict[int, int]()
    for one in sorted(videos, key=lambda one: one.id):
        if newest_ms < one.start_ms <= now_ms:
            newest_ms = one.start_ms
        ages_from[one.id] = max(one.end_ms, newest_ms)
    return ages_from


def _normal_day(videos: Iterable[Video]) -> int:
    """The bytes of the fullest day."""
    days: dict[int, int] = {}
    for one in videos:
        day = one.start_ms // DAY_MS
        days[day] = days.get(day, 0) + one.size_bytes
    return max(days.values(), default=0)


def _most_held(held: Holdings, now_ms: int) -> int:
    """The most that there was at one of the moments of LOOK_BACK_MS, and now. What went by age or by a person's word
    is not missed."""
    most = held.total_bytes
    for back_ms in LOOK_BACK_MS:
        at_ms = now_ms - back_ms
        here = sum(one.size_bytes for one in held.videos if one.start_ms <= at_ms)
        gone = sum(
            one.size_bytes
            for one in held.recent
            if one.start_ms <= at_ms < one.created_ms and one.why not in ("age", "owner")
        )
        most = max(most, here + gone)
    return most
