"""A person deletes recordings: asked for in the database, done by the upkeep process, by its own steps."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.upkeep_kit import Box, box
from vigilar.base.errors import ErrorKind, StoreError, VigilarError
from vigilar.base.folder_id import FILE_NAME
from vigilar.base.keep_rules import KeepRules
from vigilar.base.reserve import Reserve
from vigilar.store import deletions, events, files
from vigilar.store.deletions import FIRST_PREVIOUS, hash_of
from vigilar.store.engine import Store
from vigilar.store.erasures import STEP, ask, find_erased, find_wanted, find_wish, forget, has_wanted, note_done
from vigilar.store.files import Content
from vigilar.upkeep import keeper as keeper_module
from vigilar.upkeep.erase import ask_to_erase
from vigilar.upkeep.keeper import ERASE_EVERY_NS

RULES = KeepRules()


def erase(b: Box, *ids: int) -> None:
    plan, is_asked = ask_to_erase(b.store, RULES, ids, None, "Sam", b.now_ms)
    assert is_asked
    assert plan.recordings


def test_files_and_pictures_go_and_the_log_names_a_person(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        still = b.record(ago_s=3990, length_s=0, content="still")
        for at in range(20):
            b.record(ago_s=4000 - at * 100, length_s=100)
        stays = b.record(ago_s=1000)
        kept_still = b.record(ago_s=900, length_s=0, content="still")
        event = b.event(ago_s=3990, length_s=1970, still_id=still)
        keeper = b.keeper(RULES)
        keeper.turn()
        erase(b, event.id)
        b.clock.advance(ERASE_EVERY_NS / 1e9)
        keeper.turn()
        assert (b.left(), b.left("still")) == ([stays], [kept_still])
        rows = deletions.list_deletions(b.store, b.node_id)[::-1]
        assert [row.previous for row in rows] == [FIRST_PREVIOUS, *(row.hash for row in rows[:-1])]
        assert [hash_of(row) for row in rows] == [row.hash for row in rows]
        assert {(row.why, row.done_ms is not None) for row in rows} == {("owner", True)}
        assert [row.content for row in rows].count("video") == 20
        assert not has_wanted(b.store, b.node_id)
        found = find_erased(b.store, ["front"], event.ts_ms, event.ts_ms + 1)
        assert [(one.by_name, one.gone_ms) for one in found] == [("Sam", b.now_ms)]


def test_what_is_held_since_stays_and_is_forgotten(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        ids = [b.record(ago_s=9000), b.record(ago_s=8000), b.record(ago_s=7000)]
        found = [b.event(ago_s=8990), b.event(ago_s=7990), b.event(ago_s=6990)]
        erase(b, *(one.id for one in found))
        events.set_kept(b.store, found[0].id, kept=True)
        b.event(ago_s=7900, severity="ALERT")
        b.keeper(RULES).turn()
        assert b.left() == ids[:2]
        assert not has_wanted(b.store, b.node_id)
        assert find_erased(b.store, ["front"], found[0].ts_ms, found[1].ts_ms + 1) == []


def test_nothing_goes_while_the_drive_is_away_and_all_when_it_is_back(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        b.record(ago_s=9000)
        erase(b, b.event(ago_s=8990).id)
        (tmp_path / FILE_NAME).rename(tmp_path / "away")
        keeper = b.keeper(RULES)
        with pytest.raises(VigilarError):
            keeper.turn()
        assert len(b.left()) == 1
        (tmp_path / "away").rename(tmp_path / FILE_NAME)
        b.clock.advance(ERASE_EVERY_NS / 1e9)
        keeper.turn()
        assert b.left() == []


def test_deletion_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    """Between the row and the file: what waits is a pending deletion, and the wish is done."""
    with box(tmp_path) as b:
        file_id = b.record(ago_s=9000)
        event = b.event(ago_s=8990)
        erase(b, event.id)
        around = deletions.KeptAround(RULES.before_ms, RULES.after_ms)
        assert len(deletions.begin(b.store, b.node_id, [(file_id, "owner")], around, b.now_ms)) == 1
        b.keeper(RULES).turn()
        assert b.left() == []
        assert not has_wanted(b.store, b.node_id)
        assert [one.by_name for one in find_erased(b.store, ["front"], event.ts_ms, event.ts_ms + 1)] == ["Sam"]


def test_other_box_is_left_to_its_own_upkeep(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        b.record(ago_s=9000)
        with b.store.sql_write("test") as run:
            run("UPDATE files SET node_id = 'other'")
        erase(b, b.event(ago_s=8990).id)
        b.keeper(RULES).turn()
        assert len(b.left()) == 1
        assert has_wanted(b.store, "other")


def test_pictures_of_what_was_not_recorded_stay(tmp_path: Path) -> None:
    """Nobody was told that they go: a picture may be all that is left of what could not be recorded."""
    with box(tmp_path) as b:
        alone = b.record(ago_s=9000, length_s=0, content="still")
        b.record(ago_s=4000)
        b.record(ago_s=3990, length_s=0, content="still")
        near = b.record(ago_s=3699, length_s=0, content="still")
        erase(b, b.event(ago_s=3990).id)
        b.keeper(RULES).turn()
        assert (b.left(), b.left("still")) == ([], [alone, near])


@pytest.mark.parametrize("content", ["storyboard", "still"])
def test_pictures_that_are_still_written_go_once_they_are_closed(tmp_path: Path, content: Content) -> None:
    """The storyboard of the hour outlived the last recording of it until retention came."""
    with box(tmp_path) as b:
        b.record(ago_s=1500)
        writing = b.record(ago_s=1400, content=content, is_open=True)
        erase(b, b.event(ago_s=1390).id)
        keeper = b.keeper(RULES)
        keeper.turn()
        assert (b.left(), b.left(content)) == ([], [writing])
        files.close_file(
            b.store, writing, state="closed", end_ms=b.now_ms - 100_000, size_bytes=9, plaintext_bytes=9,
            record_count=1, link=bytes(32), reason="rollover",
        )  # fmt: skip
        b.clock.advance(ERASE_EVERY_NS / 1e9)
        keeper.turn()
        assert b.left(content) == []
        assert not has_wanted(b.store, b.node_id)


def test_what_stays_and_what_is_done_is_noted_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with box(tmp_path) as b:
        b.record(ago_s=4000)
        kept = b.record(ago_s=2000)
        found = [b.event(ago_s=3990), b.event(ago_s=1990)]
        erase(b, *(one.id for one in found))
        events.set_kept(b.store, found[1].id, kept=True)
        Reserve(tmp_path).keep()
        refused: set[str] = set()

        def full_once(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any) -> Any:
                if real.__name__ not in refused:
                    refused.add(real.__name__)
                    raise StoreError("the disk is full", kind=ErrorKind.FULL)
                return real(*args)

            return call

        monkeypatch.setattr(keeper_module, "forget", full_once(forget))
        monkeypatch.setattr(keeper_module, "note_done", full_once(note_done))
        b.keeper(RULES).turn()
        assert refused == {"forget", "note_done"}
        assert b.left() == [kept]
        assert not has_wanted(b.store, b.node_id)


STEPS = (
    "begin", "unlink", "fsync_folder", "finish", "forget", "find_pictures_of", "begin-second", "finish-second",
    "note_done",
)  # fmt: skip


def kill_at(folder: Path, step: str, when: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.flow.killed_upkeep", str(folder), step, when],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_step_the_next_one_takes_the_pictures_too(tmp_path: Path, step: str, when: str) -> None:
    with box(tmp_path) as b:
        b.record(ago_s=4000)
        b.record(ago_s=3990, length_s=0, content="still")
        stays = b.record(ago_s=1000)
        event = b.event(ago_s=3990)
        erase(b, event.id)
        node_id = b.node_id
    kill_at(tmp_path, step, when)
    with closing(Store.open(f"sqlite:///{tmp_path}/vigilar.db")) as store:
        again = Box(tmp_path, store, node_id, b.clock, b.space)
        again.keeper(RULES).turn()
        assert (again.left(), again.left("still")) == ([stays], [])
        assert deletions.pending(store, node_id) == []
        assert {row.why for row in deletions.list_deletions(store, node_id)} == {"owner"}
        assert not has_wanted(store, node_id)
        assert [one.by_name for one in find_erased(store, ["front"], event.ts_ms, event.ts_ms + 1)] == ["Sam"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_between_the_steps_of_a_large_wish_all_of_it_goes(tmp_path: Path, when: str) -> None:
    with box(tmp_path) as b:
        many = b.add_rows(2 * STEP + 1)
        with b.store.sql_write("test") as run:
            run("UPDATE files SET node_id = 'other'")
            ask(run, many, "Sam", b.now_ms)
        node_id = b.node_id
    kill_at(tmp_path, "spread", when)
    with closing(Store.open(f"sqlite:///{tmp_path}/vigilar.db")) as store:
        Box(tmp_path, store, node_id, b.clock, b.space).keeper(RULES).turn()
        assert find_wish(store) is None
        assert [one.id for one in find_wanted(store, "other", 3 * STEP)] == many
        with store.sql_read("test") as run:
            assert run("SELECT DISTINCT by_name, asked_ms FROM erasures") == [("Sam", b.now_ms)]
