"""Retention on real rows and real files: the steps, their order, what a crash between two leaves, and who is asked."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.upkeep_kit import DAY_MS, DAY_S, MIB, Box, box
from vigilar.base.errors import VigilarError
from vigilar.base.folder_id import FILE_NAME
from vigilar.base.keep_rules import KeepRules
from vigilar.store import deletions, events, files
from vigilar.store.deletions import FIRST_PREVIOUS, KeptAround, hash_of
from vigilar.store.engine import Store
from vigilar.store.holdings import find_word, give_word
from vigilar.upkeep import remover

WEEK = KeepRules(keep_ms=7 * DAY_MS)


def test_row_file_and_folder_go_and_the_log_says_why(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        old = b.record(ago_s=7 * DAY_S + 400, size=5000)
        new = b.record(ago_s=DAY_S)
        folder = next(tmp_path.glob("footage/front/*/1.vge")).parent
        assert b.keeper(WEEK).turn() is not None
        assert b.left() == [new]
        assert not folder.exists(), "an empty day goes with its last file"
        [row] = deletions.list_deletions(b.store, b.node_id)
        assert (row.camera_id, row.content, row.number, row.why) == ("front", "video", 1, "age")
        assert (row.size_bytes, row.created_ms, row.done_ms) == (5000, b.now_ms, b.now_ms)
        assert row.end_ms - row.start_ms == 300_000
        assert files.get_file(b.store, old) is None


def test_folder_of_today_stays_for_the_recorder(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        b.record(ago_s=7200, size=600)
        b.record("side", ago_s=3000, size=600)
        folder = next(tmp_path.glob("footage/front/*/1.vge")).parent
        b.keeper(KeepRules(quota_bytes=1000)).turn()
        assert len(b.left()) == 1
        assert folder.is_dir()


def test_log_is_a_chain_that_shows_every_change(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        for day in range(20):
            b.record(ago_s=(20 - day) * DAY_S)
        b.keeper(KeepRules(quota_bytes=10_000)).turn()
        rows = deletions.list_deletions(b.store, b.node_id)[::-1]
        assert len(rows) == 10
        assert [row.previous for row in rows] == [FIRST_PREVIOUS, *(row.hash for row in rows[:-1])]
        assert [hash_of(row) for row in rows] == [row.hash for row in rows]
        with b.store.sql_write("test") as run:
            run("UPDATE deletions SET why = 'owner' WHERE id = :id", id=rows[3].id)
        changed = deletions.list_deletions(b.store, b.node_id)[::-1]
        assert [hash_of(row) == row.hash for row in changed] == [at != 3 for at in range(10)]


def test_canonical_form_is_the_documented_one() -> None:
    row = deletions.Deletion(
        id=9, node_id="ab" * 16, camera_id="front", content="video", number=7, path="footage/front/2026-02-02/7.vge",
        start_ms=1, end_ms=2, size_bytes=3, link=bytes(range(32)), why="quota", created_ms=4, done_ms=None,
        previous=bytes(32), hash=b"",
    )  # fmt: skip
    link = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    assert deletions.canonical(row) == (
        b"vigilar deletion 1\nnode abababababababababababababababab\ncamera front\ncontent video\nnumber 7\n"
        b"path footage/front/2026-02-02/7.vge\nstart 1\nend 2\nsize 3\nlink "
        + link.encode()
        + b"\nwhy quota\ncreated 4\n"
    )
    assert hash_of(row).hex() == "e57231d5b37060b5b3adcb831c06cf8b7ddf3f5788802731d78c80b93fe60ec5"  # sha256sum


def test_pictures_go_with_their_footage(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        b.record(ago_s=4000)
        gone = b.record(ago_s=3900, length_s=0, content="still")
        stray = b.record(ago_s=5000, length_s=0, content="still")
        video = b.record(ago_s=3000)
        kept = b.record(ago_s=2900, length_s=0, content="still")
        event = b.event(ago_s=3900, still_id=gone)
        b.keeper(KeepRules(quota_bytes=4000)).turn()
        assert b.left() == [video]
        assert b.left("still") == [kept]
        assert {gone, stray}.isdisjoint(b.left("still"))
        found = events.get_event(b.store, event.id)
        assert found is not None
        assert found.still_id is None


def test_picture_stays_while_any_recording_of_its_moment_does(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        kept = b.record(ago_s=9000)
        still = b.record(ago_s=8900, length_s=0, content="still")
        b.record(ago_s=8000)
        newest = b.record(ago_s=7000)
        events.set_kept(b.store, b.event(ago_s=8950).id, kept=True)
        b.keeper(KeepRules(quota_bytes=3000)).turn()
        assert b.left() == [kept, newest]
        assert b.left("still") == [still]


def test_picture_without_a_recording_goes_by_age_once_the_clock_is_proven(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        still = b.record(ago_s=3600, length_s=0, content="still")
        keeper = b.keeper(WEEK)
        b.clock.advance(DAY_S)
        keeper.turn()
        b.clock.step_utc(730 * DAY_S)
        b.clock.advance(61)
        keeper.turn()
        b.clock.step_utc(-730 * DAY_S)
        b.clock.advance(61)
        keeper.turn()
        assert b.left("still") == [still]
        b.clock.advance(7 * DAY_S)
        keeper.turn()
        assert b.left("still") == []


def test_kept_event_keeps_its_footage_with_what_was_before_and_after(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        ids = [b.record(ago_s=10 * DAY_S - at * 300) for at in range(4)]
        b.record(ago_s=DAY_S, size=100_000)
        event = b.event(ago_s=10 * DAY_S - 2 * 300 - 4, length_s=285.0)  # begins 4 s into the third, ends 11 s before
        events.set_kept(b.store, event.id, kept=True)
        keeper = b.keeper(WEEK)
        keeper.turn()
        assert b.left()[:-1] == ids[1:3], "five seconds before it belong to it, what is 11 s behind it does not"
        events.set_kept(b.store, event.id, kept=False)
        b.clock.advance(3601)
        keeper.turn()
        assert len(b.left()) == 1


def test_event_kept_between_plan_and_deletion_keeps_its_footage(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        one = b.record(ago_s=DAY_S)
        events.set_kept(b.store, b.event(ago_s=DAY_S - 10).id, kept=True)
        begun = deletions.begin(b.store, b.node_id, [(one, "quota")], KeptAround(5000, 10_000), b.now_ms)
        assert begun == []
        assert b.left() == [one]


def test_open_file_and_file_of_another_box_never_go(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        is_open = b.record(ago_s=DAY_S, is_open=True)
        closed = b.record(ago_s=DAY_S - 300)
        around = KeptAround(0, 0)
        assert deletions.begin(b.store, b.node_id, [(is_open, "quota")], around, b.now_ms) == []
        assert deletions.begin(b.store, "another", [(closed, "quota")], around, b.now_ms) == []
        assert b.left() == [is_open, closed]


def test_folder_of_another_house_is_left_alone(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        old = b.record(ago_s=7 * DAY_S + 400)
        b.record(ago_s=DAY_S)
        mine = (tmp_path / FILE_NAME).read_bytes()
        (tmp_path / FILE_NAME).unlink()
        keeper = b.keeper(WEEK)
        with pytest.raises(VigilarError, match="The drive for recordings is not there"):
            keeper.turn()
        assert old in b.left()
        (tmp_path / FILE_NAME).write_bytes(mine)
        b.clock.advance(61)
        keeper.turn()
        assert old not in b.left()


@pytest.mark.parametrize("code", [errno.EPERM, errno.EIO])
def test_file_that_cannot_be_unlinked_keeps_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    real, words = remover._unlink, os.strerror(code)

    def refuse_first(path: Path) -> None:
        if path.name == "1.vge":
            raise OSError(code, words)
        real(path)

    with box(tmp_path) as b:
        for at in range(12):
            b.record(ago_s=30_000 - at * 400, size=100)
        monkeypatch.setattr(remover, "_unlink", refuse_first)
        keeper = b.keeper(KeepRules(quota_bytes=800))
        keeper.turn()
        assert [row.number for row in deletions.pending(b.store, b.node_id)] == [1]
        assert f"1.vge cannot be deleted and stays: {words}" in caplog.text
        assert f"/1.vge cannot be deleted: {words}" in keeper.problem
        assert sorted(int(path.stem) for path in tmp_path.glob("footage/front/*/*")) == [1, 5, 6, 7, 8, 9, 10, 11, 12]
        b.record(ago_s=600, size=100)
        b.clock.advance(61)
        keeper.turn()
        assert [row.number for row in deletions.pending(b.store, b.node_id)] == [1]
        assert sorted(int(path.stem) for path in tmp_path.glob("footage/front/*/*")) == [1, 6, 7, 8, 9, 10, 11, 12, 13]
        monkeypatch.setattr(remover, "_unlink", real)
        b.clock.advance(61)
        keeper.turn()
        assert deletions.pending(b.store, b.node_id) == []
        assert keeper.problem == ""
        assert len(b.left()) == 8


def test_disk_that_answers_nothing_is_not_deleted_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_path: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with box(tmp_path) as b:
        for at in range(30):
            b.record(ago_s=30_000 - at * 400, size=100)
        monkeypatch.setattr(remover, "_unlink", fail)
        monkeypatch.setattr(remover, "device_fault", lambda _file: "Input/output error")
        keeper = b.keeper(KeepRules(quota_bytes=1600))
        for _ in range(3):
            with pytest.raises(VigilarError, match="reports an error"):
                keeper.turn()
            b.clock.advance(61)
        assert len(deletions.pending(b.store, b.node_id)) == remover.BATCH, "no row goes for a file that cannot"


def test_row_that_points_elsewhere_deletes_nothing(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        old = b.record(ago_s=7 * DAY_S + 400)
        victim = tmp_path / "secrets.vge"
        victim.touch()
        with b.store.sql_write("test") as run:
            run("UPDATE files SET path = 'footage/../secrets.vge' WHERE id = :id", id=old)
        b.record(ago_s=DAY_S)
        with pytest.raises(VigilarError, match="not a recording's place"):
            b.keeper(WEEK).turn()
        assert victim.exists()


def test_quota_too_small_waits_for_a_word_and_then_goes_on(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        ids = [b.record(ago_s=(10 - at) * 3600, size=MIB) for at in range(10)]
        keeper = b.keeper(KeepRules(quota_bytes=3 * MIB))
        keeper.turn()
        assert b.left() == ids
        kind, what, detail = b.facts[0]
        assert (kind, what) == ("retention_held", "quota")
        assert detail["reason"] == "7.3 MB of 10 MB would have to go to keep the quota. That waits for your word."
        give_word(b.store, b.node_id, MIB)
        b.clock.advance(0.5)
        keeper.turn()
        assert b.left() == ids[1:], "that was said of less"
        assert (b.facts[-1][0], find_word(b.store, b.node_id)) == ("retention_held", 0)
        b.clock.advance(0.5)
        assert keeper.turn() is None, "and is not heard twice"
        give_word(b.store, b.node_id, 6 * MIB)
        ids.append(b.record(ago_s=60, size=MIB))  # before it is heard
        b.clock.advance(0.5)
        keeper.turn()
        assert b.left() == ids[8:]
        assert [row.why for row in deletions.list_deletions(b.store, b.node_id)] == ["quota", *["owner"] * 7]
        assert find_word(b.store, b.node_id) == 0
        assert keeper.problem == ""


def test_word_that_comes_while_another_is_carried_out_is_heard(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        for at in range(10):
            b.record(ago_s=(10 - at) * 3600, size=MIB)
        give_word(b.store, b.node_id, 2 * MIB)
        told = iter([lambda: give_word(b.store, b.node_id, 6 * MIB)])
        keeper = b.keeper(KeepRules(quota_bytes=MIB), beat=lambda: next(told, lambda: None)())
        keeper.turn()
        assert (len(b.left()), find_word(b.store, b.node_id)) == (8, 6 * MIB)
        b.clock.advance(0.5)
        keeper.turn()
        assert len(b.left()) == 1


def test_word_that_is_not_needed_any_more_is_forgotten(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        ids = [b.record(ago_s=(10 - at) * 3600, size=MIB) for at in range(10)]
        give_word(b.store, b.node_id, 7 * MIB)
        keeper = b.keeper(KeepRules())
        keeper.turn()
        assert find_word(b.store, b.node_id) == 0
        keeper.use(KeepRules(quota_bytes=3 * MIB))
        keeper.turn()
        assert b.left() == ids


def test_full_disk_is_relieved_at_once_from_the_oldest(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        ids = [b.record(ago_s=(10 - at) * 3600, size=10 * MIB) for at in range(10)]
        b.space[:] = [1000 * MIB, 65 * MIB]
        keeper = b.keeper(KeepRules())
        assert keeper.turn() is not None
        assert b.left() == ids
        b.clock.advance(0.5)
        assert keeper.turn() is None, "nothing is due"
        b.space[1] = 50 * MIB
        b.clock.advance(0.5)
        assert keeper.turn() is not None
        assert b.left() == ids[2:], "14 MiB are missing, and 4 are for the time until it comes again"
        assert {row.why for row in deletions.list_deletions(b.store, b.node_id)} == {"reserve"}


def test_recorder_that_is_refused_space_is_believed(tmp_path: Path) -> None:
    """Under a quota of the system the disk seems to have space."""
    with box(tmp_path) as b:
        ids = [b.record(ago_s=(10 - at) * 3600, size=30 * MIB) for at in range(10)]
        keeper = b.keeper(KeepRules())
        keeper.turn(is_full_told=True)
        assert b.left() == ids[3:]
        for _ in range(8):
            b.clock.advance(0.5)
            keeper.turn(is_full_told=True)
        assert b.left() == ids[3:], "it takes a moment until a recorder says that it goes on"
        b.clock.advance(1.0)
        keeper.turn(is_full_told=True)
        assert b.left() == ids[5:], "the half"


def test_clock_that_jumps_ten_years_deletes_nothing(tmp_path: Path) -> None:
    with box(tmp_path) as b:
        ids = [b.record(ago_s=(10 - at) * 3600) for at in range(10)]
        keeper = b.keeper(WEEK)
        keeper.turn()
        b.clock.step_utc(3650 * DAY_S)
        for _ in range(48):
            b.clock.advance(3600)
            keeper.turn()
        assert b.left() == ids
        assert {kind for kind, _, _ in b.facts} == {"retention_held"}


def test_link_of_a_deleted_file_stays_the_newest(tmp_path: Path) -> None:
    """A file that is repaired late must not become the one that the next file names."""
    with box(tmp_path) as b:
        late = b.record(ago_s=7000, is_open=True)
        b.record(ago_s=6000, size=600)
        b.record("side", ago_s=5000, size=600)
        b.keeper(KeepRules(quota_bytes=1000)).turn()
        assert files.get_chain_end(b.store, "front", "video").link_number == 2
        files.close_file(
            b.store, late, state="recovered", end_ms=b.now_ms, size_bytes=1, plaintext_bytes=1, record_count=1,
            link=bytes(32), reason="ended by a crash or power cut",
        )  # fmt: skip
        end = files.get_chain_end(b.store, "front", "video")
        assert (end.link, end.link_number) == ((2).to_bytes(32, "big"), 2)


STEPS = ("begin", "unlink", "unlink-second", "fsync_folder", "finish")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_step_the_next_one_finishes(tmp_path: Path, step: str, when: str) -> None:
    with box(tmp_path) as b:
        for at in range(6):
            b.record(ago_s=30 * DAY_S + at * 400, size=600)
        b.record(ago_s=600, size=10 * MIB)
        node_id = b.node_id
    done = subprocess.run(
        [sys.executable, "-m", "tests.flow.killed_upkeep", str(tmp_path), step, when],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    with closing(Store.open(f"sqlite:///{tmp_path}/vigilar.db")) as store:
        again = Box(tmp_path, store, node_id, b.clock, b.space)
        keeper = again.keeper(KeepRules(quota_bytes=10 * MIB))
        b.clock.advance(600)
        keeper.turn()
        assert len(again.left()) == 1, "rows and files agree, and all that was to go is gone"
        assert deletions.pending(store, node_id) == []
        rows = deletions.list_deletions(store, node_id)[::-1]
        assert sorted(row.number for row in rows) == [1, 2, 3, 4, 5, 6]
        assert [row.previous for row in rows] == [FIRST_PREVIOUS, *(row.hash for row in rows[:-1])]
        assert all(row.done_ms for row in rows)
    assert not [path for path in tmp_path.glob("footage/front/*") if not os.listdir(path)]
