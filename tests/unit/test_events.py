"""From a message of a camera to what an open page is told: stored, published, broadcast."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.ready_store import open_ready_store
from vigilar.bus.messages import EventPublished
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, insert_event
from vigilar.web.blueprints.events import broadcast_sse_event
from vigilar.web.event_words import published_from_row
from vigilar.web.hub import HUB, Listener


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_ready_store(tmp_path)) as store:
        yield store


@pytest.fixture
def page() -> Iterator[Listener]:
    """An open page's end of the hub."""
    HUB.open()
    listener = HUB.subscribe()
    yield listener
    HUB.unsubscribe(listener)


EVENT = EventPublished(
    "7", 1_770_000_000_000, "motion", "INFO", "front-door", 41, False, {"title": "Motion, Front door"}
)


class TestEventsPublishedBroadcast:
    def test_event_reaches_open_page(self, page: Listener) -> None:
        broadcast_sse_event(EVENT)
        notice = page.get(0.1)
        assert notice is not None
        assert (notice.name, notice.change) == ("event", 41)
        assert json.loads(notice.data) == {
            "v": 1,
            "id": "7",
            "ts": 1_770_000_000_000,
            "type": "motion",
            "severity": "INFO",
            "source_id": "front-door",
            "change": 41,
            "is_update": False,
            "payload": {"title": "Motion, Front door"},
            "end_ts": None,
            "title": "",
            "kind": "",
            "label_score": None,
            "zones": [],
            "still": None,
            "kept": False,
            "incident_id": None,
        }

    def test_stream_lines_carry_change_as_id(self, page: Listener) -> None:
        broadcast_sse_event(EVENT)
        notice = page.get(0.1)
        assert notice is not None
        assert notice.dump().startswith("id: 41\nevent: event\ndata: {")
        assert notice.dump().endswith("}\n\n")

    def test_line_break_in_title_stays_inside(self, page: Listener) -> None:
        broadcast_sse_event(EventPublished("8", 1, "motion", "INFO", "x", 42, False, {"title": "a\n\nid: 99\n\nb"}))
        notice = page.get(0.1)
        assert notice is not None
        assert notice.dump().count("\n") == 4

    def test_all_pages_are_told(self) -> None:
        HUB.open()
        pages = [HUB.subscribe() for _ in range(3)]
        broadcast_sse_event(EVENT)
        assert [page.get(0.1) is not None for page in pages] == [True] * 3
        for one in pages:
            HUB.unsubscribe(one)

    def test_nobody_listening_is_no_error(self) -> None:
        broadcast_sse_event(EVENT)

    def test_row_makes_the_same_message(self, store: Store) -> None:
        new = NewEvent(
            uid="m1", type="motion", severity="INFO", source_id="front-door", ts_ms=5, payload={"title": "M"}
        )
        row = insert_event(store, new, now_ms=6)
        assert row is not None
        made = published_from_row(row)
        assert (made.id, made.ts, made.type, made.source_id) == (str(row.id), 5, "motion", "front-door")
        assert (made.change, made.payload) == (row.change, {"title": "M"})
