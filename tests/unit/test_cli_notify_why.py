"""``vigilar notify why`` on a real database."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import pytest

from vigilar.base.errors import ExitCode
from vigilar.cli.program import run
from vigilar.config.models import Config
from vigilar.config.notify_cut import notify_rules
from vigilar.rules.decide import decide
from vigilar.rules.situation import read_situation
from vigilar.store.cameras import ensure_camera
from vigilar.store.decisions import put_decision
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, StoredEvent, insert_event
from vigilar.store.users import create_member, create_owner

NOW_MS = int(time.time() * 1000)


@pytest.fixture
def event(tmp_path: Path) -> StoredEvent:
    with closing(Store.open(f"sqlite:///{tmp_path}/vigilar.db", migrate=True)) as store:
        create_owner(store, "Sam", "hash", 1)
        create_member(store, "Kim \x1b[31m", "hash", "child", None, 1)
        ensure_camera(store, "garden", "Garden", 1)
        new = NewEvent(
            uid="e1",
            type="camera_offline",
            severity="WARNING",
            source_id="garden",
            ts_ms=NOW_MS - 300_000,
            payload={"title": "No picture from Garden", "camera_name": "Garden", "is_open": True},
        )
        event = insert_event(store, new, now_ms=NOW_MS - 300_000)
        assert event is not None
        rules = notify_rules(Config())
        decision = decide(event, read_situation(store, rules, event, NOW_MS), rules)
        with store.write("decide") as connection:
            put_decision(connection, event, decision.dump(), NOW_MS)
        return event


def test_each_member_has_an_answer(tmp_path: Path, event: StoredEvent, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["notify", "why", str(event.id), "--data-dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "No picture from Garden" in said
    assert "yes  “Camera down” tells owners." in said
    assert "Sam is told loudly." in said
    assert "Sam has no phone here that could be told." in said
    assert "no   No rule tells Kim" in said
    assert "\x1b" not in said


def test_programs_read_the_same(tmp_path: Path, event: StoredEvent, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["notify", "why", str(event.id), "--data-dir", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["id"], found["decided"]) == (event.id, True)
    assert [one["told"] for one in found["members"]] == [True, False]
    assert set(found["steps"][0]) == {"step", "passed", "sentence"}


def test_event_that_is_not_there_is_said(
    tmp_path: Path, event: StoredEvent, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["notify", "why", str(event.id + 1), "--data-dir", str(tmp_path)]) == ExitCode.NOT_FOUND
    assert "There is no event" in capsys.readouterr().err
