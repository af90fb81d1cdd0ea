"""How it stands with the recordings of a box: what each camera takes, how long it will last, what waits, what went.

For pages and commands, which ask the same and show it differently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vigilar.base.errors import VigilarError
from vigilar.base.keep_rules import KeepRules
from vigilar.store.deletions import DeletedSum, sum_deletions
from vigilar.store.holdings import DAY_MS, DaySum, list_days, list_oldest
from vigilar.store.reels import sum_bytes
from vigilar.store.sql import Database
from vigilar.upkeep.forecast import LOOK_BACK_DAYS, Forecast, camera_days, capacity_of, forecast, rate_of
from vigilar.upkeep.holdings import check_own_folder, read_holdings, read_space
from vigilar.upkeep.keeper import held_back_sentence
from vigilar.upkeep.plan import Holdings, Plan, Space, make_plan

TRAIL_DAYS = 90
"""How far back the trail is shown. The log itself has no end."""


@dataclass(frozen=True, slots=True)
class CameraStorage:
    """What one camera takes. ``oldest_ms``: UTC ms at which its oldest recording begins, perhaps one that is open;
    ``bytes_per_day`` what comes; ``days`` how long it will stay; each None when it cannot be said."""

    id: str
    size_bytes: int
    bytes_per_day: int | None
    oldest_ms: int | None
    days: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it. ``plan`` is what the upkeep process would do now; ``is_expected``: the folder is the house's own.
    ``film_bytes`` are those of reels and time-lapses, which are no recordings."""

    space: Space
    rules: KeepRules
    used_bytes: int
    kept_bytes: int
    film_bytes: int
    cameras: Sequence[CameraStorage]
    forecast: Forecast
    plan: Plan
    trail: Sequence[DeletedSum]
    is_expected: bool
    node_id: str


def read_overview(
    store: Database, data_dir: Path, node_id: str, rules: KeepRules, now_ms: int, offset_ms: int = 0
) -> Overview:
    """The box ``node_id`` as it is. ``offset_ms``: by how much the house's zone is ahead of UTC, for the days of the
    trail. Raises StoreError, and VigilarError when the disk does not answer."""
    space = read_space(data_dir, rules)
    held = read_holdings(store, node_id, rules, now_ms)
    with store.sql_read("read when recordings begin") as run:
        oldest = list_oldest(run, node_id)
    days = list_days(store, node_id, now_ms - LOOK_BACK_DAYS * DAY_MS)
    kept_bytes = sum(
        one.size_bytes for one in held.videos if held.kept.holds(one.id, one.camera_id, one.start_ms, one.end_ms)
    )
    capacity = capacity_of(rules, space, held.total_bytes, kept_bytes)
    whole = forecast(rate_of(days, now_ms), capacity, rules.keep_ms)
    return Overview(
        space=space,
        rules=rules,
        used_bytes=held.total_bytes,
        kept_bytes=kept_bytes,
        film_bytes=sum_bytes(store, node_id),
        cameras=_cameras(held, oldest, days, rules, whole, now_ms),
        forecast=whole,
        plan=make_plan(held, rules, space, now_ms),
        trail=sum_deletions(store, node_id, now_ms - TRAIL_DAYS * DAY_MS, offset_ms),
        is_expected=_is_expected(data_dir, node_id),
        node_id=node_id,
    )


def overview_json(found: Overview, sees: Callable[[str], bool] = lambda _camera_id: True) -> dict[str, Any]:
    """As programs see it, in the API and from commands; cameras that are not ``sees`` are left out of the lists."""
    return {
        "total_bytes": found.space.total_bytes,
        "free_bytes": found.space.free_bytes,
        "used_bytes": found.used_bytes,
        "film_bytes": found.film_bytes,
        "reserve_bytes": found.space.reserve_bytes,
        "quota_bytes": found.rules.quota_bytes,
        "kept_bytes": found.kept_bytes,
        "cameras": [
            {
                "id": one.id,
                "bytes": one.size_bytes,
                "bytes_per_day": one.bytes_per_day,
                "oldest_ts": one.oldest_ms,
                "keep_days": one.days,
            }
            for one in found.cameras
            if sees(one.id)
        ],
        "forecast": {
            "days_low": found.forecast.days_low,
            "days_high": found.forecast.days_high,
            "sentence": found.forecast.sentence,
        },
        "deleted": [
            {
                "ts": one.last_ms,
                "camera": one.camera_id,
                "from": one.from_ms,
                "to": one.to_ms,
                "bytes": one.size_bytes,
                "files": one.file_count,
                "why": one.why,
            }
            for one in found.trail
            if sees(one.camera_id)
        ],
        "waiting": [
            {"why": one.why, "bytes": one.size_bytes, "sentence": held_back_sentence(one)}
            for one in found.plan.held_back
        ],
        "volume": {"id": found.node_id, "is_expected": found.is_expected},
    }


def _cameras(
    held: Holdings,
    oldest: Mapping[str, int],
    days: Sequence[DaySum],
    rules: KeepRules,
    whole: Forecast,
    now_ms: int,
) -> list[CameraStorage]:
    sizes = dict(held.others)
    for one in held.videos:
        sizes[one.camera_id] = sizes.get(one.camera_id, 0) + one.size_bytes
    found = []
    for camera_id in sorted(sizes):
        rate = rate_of([day for day in days if day.camera_id == camera_id], now_ms)
        lasts = camera_days(rate, rules.quota_of(camera_id), rules.keep_of(camera_id), whole)
        a_day = None if rate is None else round(rate.likely)
        found.append(CameraStorage(camera_id, sizes[camera_id], a_day, oldest.get(camera_id), lasts))
    return found


def _is_expected(data_dir: Path, node_id: str) -> bool:
    try:
        check_own_folder(data_dir, node_id)
    except VigilarError:
        return False
    return True
