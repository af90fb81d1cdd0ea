"""What goes and what stays when a person deletes the recordings of events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.upkeep_kit import DAY_S, Box, box
from vigilar.base.keep_rules import KeepRules
from vigilar.store import events
from vigilar.store.erasures import STEP, has_wanted
from vigilar.store.exports import EXPORT, ExportParams
from vigilar.store.jobs import add_job
from vigilar.store.sql import Run
from vigilar.upkeep import erase as erase_module
from vigilar.upkeep.erase import ErasePlan, Stays, ask_to_erase, read_erase_plan

RULES = KeepRules(before_ms=5_000, after_ms=10_000)


@pytest.fixture
def b(tmp_path: Path) -> Iterator[Box]:
    with box(tmp_path) as b:
        yield b


def plan_of(b: Box, *ids: int) -> ErasePlan:
    return read_erase_plan(b.store, RULES, ids, b.now_ms)


def test_recordings_of_the_span_go_whole_with_their_size(b: Box) -> None:
    b.record(ago_s=4000)
    first = b.record(ago_s=3700, size=2000)
    second = b.record(ago_s=3400, size=3000)
    b.record("side", ago_s=3700, size=9000)
    b.record(ago_s=3000)
    event = b.event(ago_s=3410, length_s=5.0)  # in the first; its end and ten seconds reach into the second
    plan = plan_of(b, event.id)
    assert [one.id for one in plan.recordings] == [first, second]
    assert (plan.size_bytes, plan.event_ids, plan.stay, plan.others) == (5000, (event.id,), (), 0)
    [stretch] = plan.stretches()
    assert (stretch.camera_id, stretch.count, stretch.size_bytes) == ("front", 2, 5000)
    assert stretch.to_ms - stretch.from_ms == 600_000


def test_margin_reaches_exactly_as_far_as_keep_does(b: Box) -> None:
    b.record(ago_s=3600, length_s=300.0)
    after = b.record(ago_s=3300, length_s=300.0)
    near = b.event(ago_s=3295)  # 5 s after the second began: the last moment of the first is its own
    far = b.event(ago_s=3294.999)
    assert len(plan_of(b, near.id).recordings) == 2
    assert [one.id for one in plan_of(b, far.id).recordings] == [after]


def test_kept_and_alarm_stay_and_hold_what_lies_beside_them(b: Box) -> None:
    b.record(ago_s=9000)
    kept, beside = b.event(ago_s=8990), b.event(ago_s=8800)
    events.set_kept(b.store, kept.id, kept=True)
    b.record(ago_s=7000)
    alarm, near = b.event(ago_s=6990, severity="ALERT"), b.event(ago_s=6800)
    gone = b.record(ago_s=5000)
    plain = b.event(ago_s=4990)
    plan = plan_of(b, kept.id, beside.id, alarm.id, near.id, plain.id)
    assert [one.id for one in plan.recordings] == [gone]
    assert plan.stay == (
        Stays(kept.id, "kept"), Stays(beside.id, "held"), Stays(alarm.id, "alarm"), Stays(near.id, "held"),
    )  # fmt: skip
    assert plan.stay_sentences() == [
        "1 is kept and will stay.",
        "1 will stay: it was an alarm, and those are protected.",
        "2 will stay: their recordings also hold what is kept, an export needs or an alarm protects.",
    ]


def test_three_kept_are_counted(b: Box) -> None:
    ids = [b.event(ago_s=9000 - at * 600).id for at in range(3)]
    for event_id in ids:
        events.set_kept(b.store, event_id, kept=True)
    assert plan_of(b, *ids).stay_sentences() == ["3 are kept and will stay."]


def test_alarm_that_is_old_enough_goes(b: Box) -> None:
    b.record(ago_s=91 * DAY_S)
    alarm = b.event(ago_s=91 * DAY_S - 100, severity="CRITICAL")
    plan = plan_of(b, alarm.id)
    assert (len(plan.recordings), plan.stay) == (1, ())


def test_export_holds_what_it_needs(b: Box) -> None:
    b.record(ago_s=3000)
    event = b.event(ago_s=2900)
    params = ExportParams(camera_id="front", from_ms=event.ts_ms, to_ms=event.ts_ms + 1000, proof=False)
    add_job(b.store, node_id=b.node_id, kind=EXPORT, params=params.dump(), made_by=None, now_ms=b.now_ms)
    assert plan_of(b, event.id).stay == (Stays(event.id, "held"),)


def test_recording_that_goes_on_stays_and_what_shares_with_it(b: Box) -> None:
    b.record(ago_s=900, length_s=300.0)
    b.record(ago_s=600, is_open=True)
    in_both, before = b.event(ago_s=605), b.event(ago_s=800)
    plan = plan_of(b, in_both.id, before.id)
    assert plan.recordings == ()
    assert plan.stay == (Stays(in_both.id, "recording"), Stays(before.id, "shared"))


def test_event_without_recording_is_told(b: Box) -> None:
    lost = b.event(ago_s=500)
    assert plan_of(b, lost.id).stay_sentences() == ["1 has no recording."]


def test_others_in_the_same_recording_are_counted_once(b: Box) -> None:
    b.record(ago_s=3000, length_s=300.0)
    b.record(ago_s=2700, length_s=300.0)
    chosen, spans_both = b.event(ago_s=2702), b.event(ago_s=2710, length_s=20.0)
    b.event(ago_s=2900)
    b.event("side", ago_s=2900)
    b.event(ago_s=2900, kind="camera_offline")
    plan = plan_of(b, chosen.id)
    assert (len(plan.recordings), plan.others) == (2, 2)
    assert plan_of(b, chosen.id, spans_both.id).others == 1


def test_what_was_told_is_what_is_asked_for(b: Box) -> None:
    b.record(ago_s=3000)
    event = b.event(ago_s=2990)
    told = plan_of(b, event.id)
    other = b.event(ago_s=2800)
    now, is_asked = ask_to_erase(b.store, RULES, [event.id], told.token, "Sam", b.now_ms)
    assert (is_asked, now.others) == (False, 1)
    with b.store.sql_read("test") as run:
        assert run("SELECT count(*) FROM erasures")[0][0] == 0
    events.set_kept(b.store, other.id, kept=True)
    held, is_asked = ask_to_erase(b.store, RULES, [event.id], now.token, "Sam", b.now_ms)
    assert (is_asked, held.recordings) == (False, ())
    events.set_kept(b.store, other.id, kept=False)
    assert ask_to_erase(b.store, RULES, [event.id], now.token, "Sam", b.now_ms)[1]
    with b.store.sql_read("test") as run:
        assert run("SELECT by_name, asked_ms, done_ms FROM erasures") == [("Sam", b.now_ms, None)]


def test_what_somebody_keeps_while_the_plan_is_made_stays(b: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    b.record(ago_s=9000)
    kept = b.event(ago_s=8990)
    gone = b.record(ago_s=5000)
    plain = b.event(ago_s=4990)
    token = plan_of(b, kept.id, plain.id).token
    calls: list[ErasePlan] = []
    real = erase_module._plan

    def keep_behind_the_first(*args: Any) -> ErasePlan:
        plan = real(*args)
        if not calls:
            events.set_kept(b.store, kept.id, kept=True)
        calls.append(plan)
        return plan

    monkeypatch.setattr(erase_module, "_plan", keep_behind_the_first)
    plan, is_asked = ask_to_erase(b.store, RULES, [kept.id, plain.id], token, "Sam", b.now_ms)
    assert (len(calls), is_asked, has_wanted(b.store, b.node_id)) == (2, False, False)
    assert plan.stay == (Stays(kept.id, "kept"),)
    plan, is_asked = ask_to_erase(b.store, RULES, [kept.id, plain.id], plan.token, "Sam", b.now_ms)
    assert (is_asked, [one.id for one in plan.recordings]) == (True, [gone])


def test_thousands_of_recordings_are_let_go_in_short_transactions(b: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder's row waits for as long as the longest; the plan itself is made without the write lock."""
    count = len(b.add_rows(2 * STEP + 1))
    event = b.event(ago_s=3600, length_s=3000)
    statements: list[int] = []
    real = b.store.sql_write

    @contextmanager
    def counted(doing: str) -> Iterator[Run]:
        with real(doing) as run:
            statements.append(0)

            def call(sql: str, /, **values: object) -> list[tuple[Any, ...]]:
                statements[-1] += 1
                return run(sql, **values)

            yield call

    monkeypatch.setattr(b.store, "sql_write", counted)
    plan, is_asked = ask_to_erase(b.store, RULES, [event.id], None, "Sam", b.now_ms)
    assert (is_asked, len(plan.recordings)) == (True, count)
    assert len(statements) == 1
    assert statements[0] < STEP + 10
    b.keeper(RULES).turn()
    assert b.left() == []
    assert not has_wanted(b.store, b.node_id)
    assert max(statements) < STEP + 10
