"""Rows of jobs: taken once, leased, taken up again, given up, cancelled; and of links to what they made."""

from __future__ import annotations

from typing import Any

import pytest

from vigilar.base.errors import StoreError
from vigilar.store import jobs as job_rows
from vigilar.store.engine import Store
from vigilar.store.exports import LIFE_MS, ExportParams, HeldRange, held_footage
from vigilar.store.job_watch import free_jobs, is_job_free
from vigilar.store.jobs import Hold, JobRow
from vigilar.store.shares import add_share, find_share, list_shares, list_uses, note_use, revoke_share

LEASE_MS = 10_000


@pytest.fixture
def store(each_store: Store) -> Store:
    """What holds on one database must hold on the other."""
    return each_store


def add(store: Store, now_ms: int = 1, **params: Any) -> JobRow:
    return job_rows.add_job(store, node_id="box", kind="export", params=params, made_by=None, now_ms=now_ms)


def take(store: Store, worker: str = "one", now_ms: int = 100, node_id: str = "box") -> JobRow | None:
    return job_rows.take_job(store, node_id=node_id, worker=worker, kinds=["export"], now_ms=now_ms, lease_ms=LEASE_MS)


def state(store: Store, job: JobRow) -> str:
    found = job_rows.get_job(store, job.id)
    assert found is not None
    return found.state


def held(store: Store, now_ms: int) -> list[HeldRange]:
    with store.sql_read("read the footage of exports") as run:
        return held_footage(run, now_ms)


class TestLease:
    def test_oldest_is_taken_by_one_worker(self, store: Store) -> None:
        first, second = add(store, n=1), add(store, n=2)
        taken = [take(store, "one"), take(store, "two"), take(store, "three")]
        assert [one and one.id for one in taken] == [first.id, second.id, None]

    def test_other_box_and_other_kind_are_left_alone(self, store: Store) -> None:
        add(store)
        assert take(store, node_id="elsewhere") is None
        assert job_rows.take_job(store, node_id="box", worker="w", kinds=["reel"], now_ms=1, lease_ms=1) is None

    def test_same_wish_twice_is_one_job_until_it_is_over(self, store: Store) -> None:
        first = add(store, n=1)
        assert add(store, n=1).id == first.id
        take(store)
        assert add(store, n=1).id == first.id
        assert job_rows.finish_job(store, first.id, "one", {}, 5)
        assert add(store, n=1).id != first.id

    def test_job_of_a_killed_worker_is_taken_up_again(self, store: Store) -> None:
        job = add(store)
        take(store, "one", 100)
        assert take(store, "two", 100 + LEASE_MS - 1) is None
        again = take(store, "two", 100 + LEASE_MS)
        assert again is not None
        assert (again.id, again.tries) == (job.id, 2)
        assert job_rows.look_at_job(store, job.id, "one") is Hold.LOST
        assert not job_rows.finish_job(store, job.id, "one", {"by": "one"}, 200)
        assert state(store, job) == "running"

    def test_watch_sees_what_can_be_taken(self, store: Store) -> None:
        assert not is_job_free(store, "box", ["export"], 100)
        add(store)
        assert is_job_free(store, "box", ["reel", "export"], 100)
        assert not is_job_free(store, "box", ["reel"], 100)
        assert not is_job_free(store, "elsewhere", ["export"], 100)
        take(store, "one", 100)
        assert not is_job_free(store, "box", ["export"], 99 + LEASE_MS)
        assert is_job_free(store, "box", ["export"], 100 + LEASE_MS)

    def test_renewed_lease_holds(self, store: Store) -> None:
        job = add(store)
        take(store, "one", 100)
        job_rows.renew_job(
            store, job.id, "one", now_ms=9_000, lease_ms=LEASE_MS, step="Reading", percent=40, seconds_left=7
        )
        assert take(store, "two", 15_000) is None
        found = job_rows.get_job(store, job.id)
        assert found is not None
        assert (found.step, found.percent, found.seconds_left) == ("Reading", 40, 7)

    def test_job_that_ends_its_worker_is_given_up_with_a_sentence(self, store: Store) -> None:
        job = add(store)
        for _ in range(job_rows.MAX_TRIES):
            assert take(store) is not None
            assert free_jobs(store, "box") == 1
        assert take(store) is None
        found = job_rows.get_job(store, job.id)
        assert found is not None
        assert found.state == "failed"
        assert found.error == "This work ended its program 3 times before it was done, so it was given up."

    def test_job_given_back_at_a_stop_costs_no_try(self, store: Store) -> None:
        job = add(store)
        for _ in range(5):
            assert take(store) is not None
            job_rows.release_job(store, job.id, "one", 200)
        assert state(store, job) == "waiting"


class TestCancel:
    def test_waiting_job_is_cancelled_at_once(self, store: Store) -> None:
        assert job_rows.cancel_job(store, add(store).id, 5).state == "cancelled"
        assert take(store) is None

    def test_running_job_is_cancelled_by_its_worker(self, store: Store) -> None:
        job = add(store)
        take(store)
        assert job_rows.cancel_job(store, job.id, 5).state == "running"
        assert job_rows.look_at_job(store, job.id, "one") is Hold.CANCEL
        assert not job_rows.finish_job(store, job.id, "one", {}, 6), "what was cancelled is not done"
        job_rows.end_cancelled(store, job.id, "one", 7)
        assert state(store, job) == "cancelled"

    def test_running_job_of_a_dead_worker_is_cancelled_and_not_begun_again(self, store: Store) -> None:
        job = add(store)
        take(store)
        job_rows.cancel_job(store, job.id, 5)
        assert take(store, "two", 50_000) is None
        assert state(store, job) == "cancelled"

    def test_job_that_is_over_stays_as_it_is(self, store: Store) -> None:
        job = add(store)
        take(store)
        job_rows.fail_job(store, job.id, "one", "No.", 5)
        assert job_rows.cancel_job(store, job.id, 6).state == "failed"

    def test_unknown_job_is_no_job(self, store: Store) -> None:
        with pytest.raises(StoreError):
            job_rows.cancel_job(store, 77, 1)

    def test_only_what_is_over_can_be_forgotten(self, store: Store) -> None:
        job = add(store)
        assert not job_rows.delete_job(store, job.id)
        job_rows.cancel_job(store, job.id, 2)
        assert job_rows.delete_job(store, job.id)
        assert job_rows.get_job(store, job.id) is None


class TestHeldFootage:
    def test_footage_is_held_until_the_export_ends(self, store: Store) -> None:
        params = ExportParams(camera_id="front", from_ms=10, to_ms=20, proof=False)
        job = add(store, **params.dump())
        assert ExportParams.of(job) == params
        wanted = [HeldRange("front", 10, 20)]
        assert held(store, LIFE_MS) == wanted
        assert held(store, LIFE_MS + 1) == []
        take(store)
        assert held(store, LIFE_MS) == wanted
        job_rows.finish_job(store, job.id, "one", {}, 5)
        assert held(store, LIFE_MS) == wanted
        job_rows.delete_job(store, job.id)
        assert held(store, LIFE_MS) == []

    def test_failed_export_holds_nothing(self, store: Store) -> None:
        params = ExportParams(camera_id="front", from_ms=10, to_ms=20, proof=False)
        job = add(store, **params.dump())
        job_rows.cancel_job(store, job.id, 5)
        assert held(store, LIFE_MS) == []


class TestShares:
    TOKEN = bytes(range(32))

    def test_link_opens_until_it_ends_or_is_taken_back(self, store: Store) -> None:
        job = add(store)
        add_share(store, self.TOKEN, job.id, made_by=None, now_ms=10, expires_ms=1_000)
        found = find_share(store, self.TOKEN)
        assert found is not None
        assert (found.job_id, found.is_open(999), found.is_open(1_000)) == (job.id, True, False)
        assert not revoke_share(store, job.id + 1, self.TOKEN, 50), "of another export"
        assert revoke_share(store, job.id, self.TOKEN, 50)
        assert revoke_share(store, job.id, self.TOKEN, 60)
        found = find_share(store, self.TOKEN)
        assert found is not None
        assert (found.revoked_ms, found.is_open(51)) == (50, False)

    def test_uses_are_listed_and_pieces_of_one_download_are_one(self, store: Store) -> None:
        job = add(store)
        add_share(store, self.TOKEN, job.id, made_by=None, now_ms=10, expires_ms=1_000_000)
        for at_ms, address in ((100, "192.0.2.1"), (200, "192.0.2.1"), (300, "192.0.2.2"), (60_100, "192.0.2.1")):
            note_use(store, self.TOKEN, now_ms=at_ms, address=address, user_agent="x" * 500)
        uses = list_uses(store, self.TOKEN)
        assert [(use.ts_ms, use.address) for use in uses] == [
            (60_100, "192.0.2.1"),
            (300, "192.0.2.2"),
            (100, "192.0.2.1"),
        ]
        assert {len(use.user_agent) for use in uses} == {200}
        [share] = list_shares(store, job.id)
        assert (share.uses, share.last_use_ms) == (3, 60_100)

    def test_links_go_with_their_export(self, store: Store) -> None:
        job = add(store)
        add_share(store, self.TOKEN, job.id, made_by=None, now_ms=10, expires_ms=1_000)
        note_use(store, self.TOKEN, now_ms=20, address="192.0.2.1", user_agent="")
        job_rows.cancel_job(store, job.id, 30)
        job_rows.delete_job(store, job.id)
        assert find_share(store, self.TOKEN) is None
        assert list_uses(store, self.TOKEN) == []
