"""Rows of reels in every state, as their worker leaves them, for tests of their pages: no film is made."""

from __future__ import annotations

from typing import Any

from tests.browser.house import House
from vigilar.playback.reel.place import film_path
from vigilar.store import jobs as job_rows
from vigilar.store.reels import KINDS, ReelParams, TimelapseParams, add_reel, note_size
from vigilar.web.reel_words import days_before

WORKER = "w"
RESULT: dict[str, Any] = {"length_ms": 74_000, "bytes": 9_000_000, "parts": [], "missing": []}


def ask(house: House, *, day: str | None = None, by: int | None = 1, **wanted: Any) -> int:
    """One of yesterday of the two first cameras, or as ``wanted`` says; with a ``camera_id`` a time-lapse."""
    now_ms, zone = house.now_ms(), house.parts.zone
    usual: dict[str, Any] = {
        "from_ms": days_before(now_ms, zone, 1),
        "to_ms": days_before(now_ms, zone, 0),
        "length_s": 60,
    }
    held = {**usual, **wanted}
    params = (
        TimelapseParams(**held) if "camera_id" in held else ReelParams(**{"cameras": ("drive", "front-door"), **held})
    )
    return add_reel(house.store, node_id=house.node_id, params=params, made_by=by, now_ms=now_ms, day=day)


def take(house: House, reel_id: int) -> None:
    """Its worker has begun; it must be the oldest that waits."""
    row = job_rows.take_job(
        house.store, node_id=house.node_id, worker=WORKER, kinds=KINDS, now_ms=house.now_ms(), lease_ms=10**9
    )
    assert row is not None
    assert row.id == reel_id


def run(house: House, percent: int = 63, seconds_left: int = 15, **wanted: Any) -> int:
    """One that is being made."""
    reel_id = ask(house, **wanted)
    take(house, reel_id)
    go_on(house, reel_id, percent, seconds_left)
    return reel_id


def go_on(house: House, reel_id: int, percent: int, seconds_left: int) -> None:
    """Its worker has come so far."""
    job_rows.renew_job(
        house.store, reel_id, WORKER, now_ms=house.now_ms(), lease_ms=10**9, step="joining clips", percent=percent,
        seconds_left=seconds_left,
    )  # fmt: skip


def fail(house: House, sentence: str, **wanted: Any) -> int:
    reel_id = ask(house, **wanted)
    take(house, reel_id)
    job_rows.fail_job(house.store, reel_id, WORKER, sentence, house.now_ms())
    return reel_id


def finish(house: House, *, has_film: bool = True, result: dict[str, Any] | None = None, **wanted: Any) -> int:
    """One that is done. Its film is an empty file: enough to be listed."""
    reel_id = ask(house, **wanted)
    take(house, reel_id)
    assert job_rows.finish_job(house.store, reel_id, WORKER, result or RESULT, house.now_ms())
    if has_film:
        path = film_path(house.parts.cfg.data_dir, reel_id)
        path.parent.mkdir(exist_ok=True)
        path.touch()
        note_size(house.store, reel_id, int(RESULT["bytes"]))
    return reel_id


def forget_all(house: House) -> None:
    """As if none had ever been asked for."""
    for row in job_rows.list_jobs(house.store, house.node_id):
        job_rows.cancel_job(house.store, row.id, house.now_ms())
        job_rows.end_cancelled(house.store, row.id, WORKER, house.now_ms())
        assert job_rows.delete_job(house.store, row.id)
