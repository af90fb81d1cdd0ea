"""The outbox: order of writing, age, setting aside."""

from __future__ import annotations

import pytest

from vigilar.store import inbound, outbox
from vigilar.store.engine import Store

NODE = "box"
NOW = 1_770_000_000_000


@pytest.fixture
def store(each_store: Store) -> Store:
    return each_store


def _pending(store: Store, prefix: str = "", *, now_ms: int = NOW, min_age_ms: int = 0, limit: int = 200) -> list[str]:
    rows = outbox.pending(store, NODE, [prefix], now_ms=now_ms, min_age_ms=min_age_ms, limit=limit)
    return [row.uid for row in rows]


def test_message_is_put_once(store: Store) -> None:
    assert inbound.put(store, NODE, "a", "t/1", "{ü}".encode(), NOW)
    assert not inbound.put(store, NODE, "a", "t/1", b"other", NOW)
    assert inbound.put(store, NODE, "a", "t/2", b"{}", NOW)
    rows = outbox.pending(store, NODE, ["t/1"], now_ms=NOW)
    assert [(row.uid, row.topic, row.payload, row.failures) for row in rows] == [("a", "t/1", "{ü}".encode(), 0)]


def test_pending_keeps_order_of_writing(store: Store) -> None:
    for uid, created_ms in (("c", NOW), ("a", NOW - 5), ("b", NOW - 9)):
        inbound.put(store, NODE, uid, "t", b"{}", created_ms)
    assert _pending(store) == ["c", "a", "b"]
    assert _pending(store, limit=2) == ["c", "a"]


@pytest.mark.parametrize(
    ("age_ms", "is_pending"),
    [(0, False), (999, False), (1000, True), (5000, True), (-1, True), (-3_600_000, True)],
)
def test_young_rows_wait_and_future_ones_do_not(store: Store, age_ms: int, is_pending: bool) -> None:
    """A row from the future was written before the clock was set back."""
    inbound.put(store, NODE, "a", "t", b"{}", NOW - age_ms)
    assert bool(_pending(store, min_age_ms=1000)) is is_pending


def test_prefix_has_no_wildcards(store: Store) -> None:
    inbound.put(store, NODE, "a", "vigilar/camera/x", b"{}", NOW)
    assert _pending(store, "vigilar/%") == []
    assert _pending(store, "vigilar/camera_") == []


def test_all_prefixes_are_met_in_order_of_writing(store: Store) -> None:
    for uid, topic in (("a", "x/1"), ("b", "y/1"), ("c", "x/2"), ("d", "z/1")):
        inbound.put(store, NODE, uid, topic, b"{}", NOW)
    rows = outbox.pending(store, NODE, ["y/", "x/"], now_ms=NOW)
    assert [row.uid for row in rows] == ["a", "b", "c"]
    assert outbox.pending(store, NODE, [], now_ms=NOW) == []


def test_rows_of_another_box_are_not_met(store: Store) -> None:
    inbound.put(store, "other box", "a", "t", b"{}", NOW)
    inbound.put(store, NODE, "b", "t", b"{}", NOW)
    assert _pending(store) == ["b"]
    assert outbox.counts(store, NODE) == (1, 0)


def test_set_aside_row_is_kept_but_not_met(store: Store) -> None:
    inbound.put(store, NODE, "a", "t", b"{}", NOW)
    inbound.put(store, NODE, "b", "t", b"{}", NOW)
    seq = outbox.pending(store, NODE, ["t"], now_ms=NOW)[0].seq
    assert [outbox.fail(store, seq), outbox.fail(store, seq)] == [1, 2]
    outbox.set_aside(store, seq, "because " * 100, NOW)
    assert _pending(store) == ["b"]
    assert outbox.counts(store, NODE) == (1, 1)
    assert outbox.fail(store, 999) == 0
