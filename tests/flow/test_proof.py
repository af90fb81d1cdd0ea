"""What is noticed when somebody, or a dying disk, changes recordings: files of the real recorder, the real commands."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.flow.test_playback_damage import exchange
from tests.proof_kit import T0, Box, recorded_box
from tests.recording_kit import Clip, flip_bit, make_clip
from vigilar.base.errors import ExitCode
from vigilar.base.stop import Stop
from vigilar.playback.gaps import Gap
from vigilar.playback.library import Library
from vigilar.playback.timeline import read_timeline
from vigilar.proof.adopt import Adopter
from vigilar.proof.check import Checked, Depth, FileCheck
from vigilar.proof.checkpoint import WITNESS, is_of_box, make_checkpoint, parse_statement
from vigilar.proof.history import check_history, settle
from vigilar.proof.watch import Watch
from vigilar.store.cameras import get_camera
from vigilar.store.events import NewEvent, insert_event
from vigilar.store.inventory import Listed
from vigilar.vge.key_store import add_epoch
from vigilar.vge.keys import KeyRing
from vigilar.vge.reader import VgeReader
from vigilar.vge.rewrap import is_moved
from vigilar.vge.signing import BoxKey


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def box(tmp_path: Path, clip: Clip) -> Iterator[Box]:
    with recorded_box(tmp_path, clip) as box:
        yield box


def cut_at_record(box: Box, index: int) -> None:
    """End a file right behind its fourth record."""
    with VgeReader.open(box.path(index), box.ring) as reader:
        end = reader.entries[4].offset
    with box.path(index).open("r+b") as file:
        file.truncate(end)


class TestCheck:
    @pytest.mark.parametrize("depth", list(Depth))
    def test_nothing_changed_nothing_found(self, box: Box, depth: Depth) -> None:
        checked = box.check(depth)
        assert (checked.files, checked.findings, box.files().find_strangers()) == (4, [], [])

    @pytest.mark.parametrize("depth", list(Depth))
    def test_deleted_file_is_missing(self, box: Box, depth: Depth) -> None:
        box.path(1).unlink()
        assert box.verdicts(depth) == [(1, "missing")]

    @pytest.mark.parametrize("depth", list(Depth))
    def test_closed_file_cut_at_a_record_is_shorter(self, box: Box, depth: Depth) -> None:
        cut_at_record(box, 2)
        assert box.verdicts(depth) == [(2, "shorter-than-anchored")]

    @pytest.mark.parametrize("depth", [Depth.ENDS, Depth.DEEP])
    def test_exchanged_files_are_replaced(self, box: Box, depth: Depth) -> None:
        exchange(box.path(0), box.path(3))
        assert box.verdicts(depth) == [(0, "replaced"), (3, "replaced")]

    def test_flipped_bit_is_found_by_the_deep_look(self, box: Box) -> None:
        with VgeReader.open(box.path(1), box.ring) as reader:
            flip_bit(box.path(1), reader.entries[2].offset + 300)
        assert box.verdicts(Depth.ENDS) == []
        assert box.verdicts(Depth.DEEP) == [(1, "damaged")]

    def test_bytes_added_are_damage(self, box: Box) -> None:
        with box.path(1).open("ab") as file:
            file.write(b"more")
        for depth in Depth:
            assert box.verdicts(depth) == [(1, "damaged")]

    def test_file_and_row_removed_by_hand_break_the_chain(self, box: Box) -> None:
        box.remove_by_hand(1)
        assert box.verdicts() == [(2, "before")]

    def test_file_deleted_by_rule_is_no_finding(self, box: Box) -> None:
        box.delete_by_rule(0)
        box.delete_by_rule(1)
        assert box.verdicts() == []

    def test_file_without_row_is_told(self, box: Box, capsys: pytest.CaptureFixture[str]) -> None:
        shutil.copy(box.path(0), box.path(0).with_name("99.vge"))
        code, out = box.command("check", capsys=capsys)
        assert code == 0
        assert "99.vge: has no row" in out

    def test_repair_marks_what_is_gone_and_brings_back_what_returns(
        self, box: Box, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = box.row(1)
        aside = box.folder / "aside"
        box.path(1).rename(aside)
        code, out = box.command("check", "--repair", capsys=capsys)
        assert (code, "1 row was put right." in out) == (ExitCode.NOT_EXACT, True)
        row = box.row(1)
        assert row is not None
        assert (row.state, row.reason) == ("missing", "found missing; rollover")
        aside.rename(box.path(1))
        assert box.command("check", "--repair", capsys=capsys)[0] == 0
        assert box.row(1) == before

    def test_json_says_all(self, box: Box, capsys: pytest.CaptureFixture[str]) -> None:
        box.path(1).unlink()
        code, out = box.command("check", "--json", capsys=capsys)
        facts = json.loads(out)
        [finding] = facts["findings"]
        assert (code, finding["verdict"], finding["number"]) == (ExitCode.NOT_EXACT, "missing", box.rows[1].number)


class TestVerify:
    def test_whole_file(self, box: Box, capsys: pytest.CaptureFixture[str]) -> None:
        code, out = box.command("verify", box.path(1), capsys=capsys)
        assert (code, "Whole and unchanged" in out) == (0, True)

    def test_closed_file_cut_at_a_record(self, box: Box, capsys: pytest.CaptureFixture[str]) -> None:
        cut_at_record(box, 1)
        code, out = box.command("verify", box.path(1), capsys=capsys)
        assert code == ExitCode.NOT_EXACT
        assert "SHORTER THAN ANCHORED. Shorter than it was" in out

    def test_exchanged_files(self, box: Box, capsys: pytest.CaptureFixture[str]) -> None:
        exchange(box.path(0), box.path(1))
        code, out = box.command("verify", box.path(0), box.path(1), capsys=capsys)
        assert code == ExitCode.NOT_EXACT
        assert out.count("REPLACED. Recording") == 2

    @pytest.mark.parametrize(
        ("place", "words"),
        [
            ("other", "REPLACED"), ("nowhere", "MISSING"), ("pipe", "REPLACED"),
            ("folder", "REPLACED"), ("device", "REPLACED"),
        ],
    )  # fmt: skip
    def test_what_is_no_file_in_its_place(
        self, box: Box, capsys: pytest.CaptureFixture[str], place: str, words: str
    ) -> None:
        path = box.path(2)
        path.unlink()
        if place == "pipe":
            os.mkfifo(path)
        elif place == "folder":
            path.mkdir()
        else:
            path.symlink_to({"other": str(box.path(1)), "nowhere": "/nowhere", "device": "/dev/zero"}[place])
        code, out = box.command("verify", path, capsys=capsys)
        assert (code, words in out) == (ExitCode.NOT_EXACT, True), out
        assert box.verdicts() == [(2, words.lower())]

    def test_file_that_is_not_there(self, box: Box, capsys: pytest.CaptureFixture[str]) -> None:
        box.path(1).unlink()
        code, out = box.command("verify", box.path(1), capsys=capsys)
        assert (code, "MISSING. It is not in its place" in out) == (ExitCode.NOT_EXACT, True)

    def test_file_deleted_by_rule(self, box: Box, capsys: pytest.CaptureFixture[str]) -> None:
        box.delete_by_rule(0)
        code, out = box.command("verify", box.path(0), box.path(1), capsys=capsys)
        assert code == ExitCode.NOT_FOUND
        assert "Deleted on 2026-02-02" in out
        assert "older than recordings are kept" in out
        assert "Whole and unchanged" in out

    def test_previous_file_removed_by_hand(self, box: Box, capsys: pytest.CaptureFixture[str]) -> None:
        box.remove_by_hand(1)
        code, out = box.command("verify", box.path(2), capsys=capsys)
        assert (code, "MISSING. The recording before number 3" in out) == (ExitCode.NOT_EXACT, True)

    def test_copy_elsewhere_is_held_against_its_row(
        self, box: Box, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        cut_at_record(box, 1)
        copy = tmp_path / "copy.vge"
        box.path(1).rename(copy)
        assert "SHORTER THAN ANCHORED" in box.command("verify", copy, capsys=capsys)[1]

    def test_open_file_cut_before_its_checkpoint(self, box: Box, capsys: pytest.CaptureFixture[str]) -> None:
        """As after a power cut, but shorter than the database knows it was."""
        with VgeReader.open(box.path(3), box.ring) as reader:
            last = reader.entries[5]
        data = box.path(3).read_bytes()
        end = last.offset + last.header.record_len
        box.sql(
            "UPDATE files SET state = 'open', link = NULL, checkpoint_record = 5, checkpoint_tag = :tag, "
            "checkpoint_offset = :end WHERE id = :id",
            tag=data[end - 32 : end],
            end=end,
            id=box.rows[3].id,
        )
        cut_at_record(box, 3)
        assert "SHORTER THAN ANCHORED" in box.command("verify", box.path(3), capsys=capsys)[1]
        assert box.verdicts(Depth.QUICK) == [(3, "shorter-than-anchored")]


class TestTelling:
    def test_each_finding_is_told_once(self, box: Box) -> None:
        box.path(1).unlink()
        for _ in range(3):
            box.teller().tell(box.check().findings)
        [told] = box.told()
        assert (told["kind"], told["detail"]["verdict"], told["detail"]["files"]) == (
            "recording_tampered", "missing", 1,
        )  # fmt: skip

    def test_many_files_are_one_event(self, box: Box) -> None:
        for index in range(4):
            box.path(index).unlink()
        box.teller().tell(box.check().findings)
        [told] = box.told()
        assert told["detail"]["files"] == 4
        assert told["detail"]["reason"].endswith("So are 3 more.")

    def test_drive_that_is_away_is_no_finding(self, box: Box) -> None:
        findings = []
        (box.folder / "footage").rename(box.folder / "away")
        (box.folder / "vigilar-folder.json").rename(box.folder / "away" / "id")
        findings = box.check(Depth.QUICK).findings
        assert len(findings) == 4
        assert box.teller().tell(findings) == 0
        assert box.told() == []

    def test_file_deleted_by_rule_meanwhile_is_not_told(self, box: Box) -> None:
        box.path(1).rename(box.folder / "aside")
        findings = box.check().findings
        (box.folder / "aside").rename(box.path(1))
        box.delete_by_rule(1)
        assert box.teller().tell(findings) == 0


class TestHistory:
    @pytest.fixture
    def key(self, box: Box) -> BoxKey:
        return BoxKey.load_or_create(box.folder / "secrets")

    def codes(self, box: Box, key: BoxKey) -> list[str]:
        return [one.code for one in check_history(box.store, box.node_id, box.folder, key.public)]

    def sign(self, box: Box, key: BoxKey) -> None:
        make_checkpoint(box.store, box.node_id, key, box.folder, 1_000)

    def test_checkpoint_states_the_newest_of_each(self, box: Box, key: BoxKey) -> None:
        box.delete_by_rule(0)
        made = make_checkpoint(box.store, box.node_id, key, box.folder, 1_000)
        state = parse_statement(made.body).state
        [tip] = state.tips
        assert (tip.camera_id, tip.content, tip.number, tip.link) == ("front", "video", 4, box.rows[3].link)
        assert state.deletion_hash is not None
        assert is_of_box(made, key.public)
        assert not is_of_box(made, bytes(32))
        assert self.codes(box, key) == []

    def test_more_recordings_and_deletions_are_well(self, box: Box, key: BoxKey) -> None:
        self.sign(box, key)
        for index in range(4):
            box.delete_by_rule(index)
        assert self.codes(box, key) == []

    def test_database_set_back_is_noticed(self, box: Box, key: BoxKey) -> None:
        """The database of an hour ago is put back, with its own older checkpoint in it."""
        row = box.rows[3]
        box.sql("UPDATE files SET state = 'open', link = NULL WHERE id > 2")
        self.sign(box, key)
        old = _dump(box.folder / "vigilar.db")
        box.sql("UPDATE files SET state = 'closed', link = :link WHERE id = :id", link=row.link, id=row.id)
        box.sql("INSERT INTO counters (name, value) VALUES ('event_change', 9) ON CONFLICT DO UPDATE SET value = 9")
        self.sign(box, key)
        box.store.close()
        for path in box.folder.glob("vigilar.db*"):
            path.unlink()
        (box.folder / "vigilar.db").write_bytes(old)
        assert self.codes(box, key) == ["set-back"]

    def test_newest_file_removed_with_its_row(self, box: Box, key: BoxKey) -> None:
        """No later file tells of it: only what was signed does."""
        self.sign(box, key)
        box.remove_by_hand(3)
        assert box.verdicts() == []
        assert self.codes(box, key) == ["rows-removed"]

    def test_all_that_was_removed_is_told(self, box: Box, key: BoxKey) -> None:
        """The newest of two kinds, and the row by which the end of the log is known."""
        box.delete_by_rule(0)
        box.sql("UPDATE files SET content = 'still' WHERE id = :id", id=box.rows[2].id)
        self.sign(box, key)
        box.remove_by_hand(2)
        box.remove_by_hand(3)
        box.sql("DELETE FROM deletions")
        assert self.codes(box, key) == ["rows-removed", "rows-removed", "deletions-changed"]

    def test_log_of_deletions_rewritten(self, box: Box, key: BoxKey) -> None:
        for index in range(3):
            box.delete_by_rule(index)
        self.sign(box, key)
        box.sql("UPDATE deletions SET why = 'owner' WHERE id = 2")
        assert self.codes(box, key) == ["deletions-changed"]

    def test_row_taken_out_of_the_log(self, box: Box, key: BoxKey) -> None:
        for index in range(3):
            box.delete_by_rule(index)
        box.sql("DELETE FROM deletions WHERE id = 2")
        assert self.codes(box, key) == ["deletions-changed"]

    def test_end_of_the_log_cut_off(self, box: Box, key: BoxKey) -> None:
        for index in range(3):
            box.delete_by_rule(index)
        self.sign(box, key)
        box.sql("DELETE FROM deletions WHERE id = 3")
        assert self.codes(box, key) == ["deletions-changed"]

    def test_forged_checkpoint(self, box: Box, key: BoxKey) -> None:
        self.sign(box, key)
        witness = box.folder / WITNESS
        witness.write_text(witness.read_text().replace("event 0", "event 1"))
        assert self.codes(box, key) == ["checkpoint-changed"]

    def test_checkpoint_of_another_key(self, box: Box, key: BoxKey, tmp_path: Path) -> None:
        self.sign(box, BoxKey.load_or_create(tmp_path / "other"))
        assert self.codes(box, key) == ["checkpoint-changed"]

    def test_checkpoint_removed(self, box: Box, key: BoxKey) -> None:
        self.sign(box, key)
        (box.folder / WITNESS).unlink()
        assert self.codes(box, key) == ["checkpoint-removed"]

    def test_check_says_it_in_words(self, box: Box, key: BoxKey, capsys: pytest.CaptureFixture[str]) -> None:
        self.sign(box, key)
        (box.folder / WITNESS).unlink()
        code, out = box.command("check", capsys=capsys)
        assert code == ExitCode.NOT_EXACT
        assert "The signed checkpoint beside the recordings was removed. All was well on" in out
        assert "besides what is said above, all there" in out


class TestRemovedWithRow:
    """A recording and its row are gone: the number that is missing is told by the look each five minutes."""

    def look(self, box: Box, watch: Watch | None = None) -> list[dict[str, Any]]:
        (watch or watch_over(box)).look_at_files(Stop())
        return [told["detail"] for told in box.told()]

    def gaps(self, box: Box, from_ms: int) -> list[Gap]:
        """Those of the timeline up to the last recording, once the events process has taken what the look told."""
        [told] = self.look(box)
        event = NewEvent(
            uid="1", type="history_changed", severity="CRITICAL", source_id="system", ts_ms=T0, end_ms=None,
            still_id=None, payload=told,
        )  # fmt: skip
        insert_event(box.store, event, now_ms=T0)
        library = Library(box.store, box.folder, lambda: box.ring)
        return read_timeline(library, "front", from_ms, box.rows[3].start_ms, T0 + 99_000).gaps

    def open_again(self, box: Box, index: int) -> None:
        box.sql("UPDATE files SET state = 'open', link = NULL, end_ms = NULL WHERE id = :id", id=box.rows[index].id)

    def test_is_told_once_with_its_time(self, box: Box) -> None:
        watch = watch_over(box)
        assert self.look(box, watch) == []
        box.remove_by_hand(1)
        for _ in range(2):
            [told] = self.look(box, watch)
        assert (told["code"], told["camera_id"], told["content"]) == ("rows-removed", "front", "video")
        assert (told["from_ms"], told["to_ms"]) == (box.rows[0].end_ms, box.rows[2].start_ms)
        assert told["reason"] == (
            "The recording before number 3 of front is gone with its row, and no rule deleted it: it was removed by "
            "hand."
        )
        assert len(self.look(box)) == 1  # nor by the watch of the next start

    def test_next_one_may_still_be_written(self, box: Box) -> None:
        self.open_again(box, 3)
        box.remove_by_hand(2)
        [told] = self.look(box)
        assert (told["from_ms"], told["to_ms"]) == (box.rows[1].end_ms, box.rows[3].start_ms)

    def test_another_one_before_it_is_another_event(self, box: Box) -> None:
        watch = watch_over(box)
        box.remove_by_hand(1)
        self.look(box, watch)
        box.remove_by_hand(2)
        assert [told["to_ms"] for told in self.look(box, watch)] == [box.rows[2].start_ms, box.rows[3].start_ms]

    def test_checkpoint_that_names_it_tells_no_second_time(self, box: Box) -> None:
        self.open_again(box, 3)
        watch_over(box).look(Stop())  # signs that number 3 is the newest
        box.remove_by_hand(2)
        watch_over(box).look(Stop())
        assert [told["detail"]["code"] for told in box.told()] == ["rows-removed"]

    def test_newest_one_is_told_by_the_checkpoint_with_its_time(self, box: Box) -> None:
        watch_over(box).look(Stop())
        signed_ms = box.clock.utc_ns() // 1_000_000
        box.remove_by_hand(3)
        watch_over(box).look(Stop())
        [told] = box.told()
        assert (told["detail"]["from_ms"], told["detail"]["to_ms"]) == (box.rows[2].end_ms, signed_ms)

    def test_newest_one_is_told_by_the_next_look(self, box: Box) -> None:
        """One that was closed behind the last checkpoint, too, and though no other begins."""
        self.open_again(box, 3)
        watch = watch_over(box)
        watch.look(Stop())
        newest = box.rows[3]
        box.sql(
            "UPDATE files SET state = 'closed', link = :link, end_ms = :end_ms WHERE id = :id",
            link=newest.link, end_ms=newest.end_ms, id=newest.id,
        )  # fmt: skip
        assert self.look(box, watch) == []
        seen_ms = box.clock.utc_ns() // 1_000_000
        box.clock.advance(300.0)
        box.remove_by_hand(3)
        [told] = self.look(box, watch)
        assert (told["code"], told["reason"]) == (
            "rows-removed",
            "The row of recording 4 of front (video) was removed or rewritten; no rule deleted it.",
        )
        assert (told["from_ms"], told["to_ms"], told["well_until_ms"]) == (box.rows[2].end_ms, seen_ms, seen_ms)
        watch.look(Stop())
        assert len(box.told()) == 1

    def test_newest_one_that_a_rule_deletes_is_not_told(self, box: Box) -> None:
        watch = watch_over(box)
        watch.look(Stop())
        box.delete_by_rule(3)
        assert self.look(box, watch) == []

    def test_newest_one_that_a_new_database_lost_is_not_told(self, box: Box) -> None:
        """Who made it anew says what is lost, and signs."""
        watch = watch_over(box)
        watch.look(Stop())
        box.remove_by_hand(3)
        key = BoxKey.load_or_create(box.folder / "secrets")
        settle(box.store, box.node_id, box.folder, key, T0, is_log_torn=True)
        assert self.look(box, watch) == []
        box.remove_by_hand(2)
        assert len(self.look(box, watch)) == 1

    def test_timeline_says_it_in_words(self, box: Box) -> None:
        box.remove_by_hand(1)
        [gap] = self.gaps(box, T0)
        assert (gap.from_ms, gap.to_ms) == (box.rows[0].end_ms, box.rows[2].start_ms)
        assert gap.words == "A recording of this time was removed by hand, with its row: no rule deleted it."

    def test_timeline_says_it_of_the_oldest_from_when_the_camera_came(self, box: Box) -> None:
        box.sql("UPDATE cameras SET created_ms = :came_ms", came_ms=T0 - 2000)
        box.remove_by_hand(0)
        found = [(gap.from_ms, gap.to_ms, gap.reason) for gap in self.gaps(box, T0 - 5000)]
        assert found == [(T0 - 5000, T0 - 2000, "before"), (T0 - 2000, box.rows[1].start_ms, "removed")]

    def test_of_row_alone_nothing_is_told_until_its_file_goes(self, box: Box) -> None:
        """Rows follow their files, and an older database is put back without some."""
        watch = watch_over(box)
        box.sql("DELETE FROM files WHERE id = :id", id=box.rows[1].id)
        assert self.look(box, watch) == []
        assert box.verdicts() == []
        box.path(1).unlink()
        assert len(self.look(box, watch)) == 1

    def test_numbers_that_a_killed_process_did_not_use(self, tmp_path: Path, clip: Clip) -> None:
        with recorded_box(tmp_path, clip, goes_on_at=20) as box:
            assert [row.number for row in box.rows] == [1, 2, 20, 21]
            watch = watch_over(box)
            assert self.look(box, watch) == []
            box.remove_by_hand(1)
            assert [told["from_ms"] for told in self.look(box, watch)] == [box.rows[0].end_ms]

    def test_deleted_by_rule(self, box: Box) -> None:
        watch = watch_over(box)
        for index in (1, 0, 2):
            box.delete_by_rule(index)
            assert self.look(box, watch) == []

    def test_failed_file_whose_link_was_never_stored(self, box: Box) -> None:
        box.sql("UPDATE files SET state = 'damaged', link = NULL WHERE id = :id", id=box.rows[1].id)
        box.rows[1] = replace(box.rows[1], link=None)
        box.delete_by_rule(0)
        box.delete_by_rule(1)
        assert self.look(box) == []

    def test_key_that_is_away_keeps_it_for_later(self, box: Box) -> None:
        watch, secrets = watch_over(box), box.folder / "secrets"
        box.remove_by_hand(1)
        secrets.rename(box.folder / "away")
        assert self.look(box, watch) == []
        (box.folder / "away").rename(secrets)
        assert len(self.look(box, watch)) == 1

    def test_taken_in_behind_one_that_is_not_known(self, box: Box) -> None:
        """As a database from before it was made knows neither the file nor its deletion."""
        box.remove_by_hand(1)
        box.sql("DELETE FROM files WHERE id = :id", id=box.rows[2].id)
        camera = get_camera(box.store, "front")
        assert camera is not None
        adopter = Adopter(box.store, box.node_id, box.folder, box.ring, box.clock)
        assert adopter.run(camera)
        assert (adopter.done.added, adopter.done.unlinked) == (1, 1)
        assert (self.look(box), box.verdicts()) == ([], [])

    def test_log_of_deletions_that_was_lost_says_nothing(self, box: Box) -> None:
        key = BoxKey.load_or_create(box.folder / "secrets")
        box.delete_by_rule(1)
        box.sql("DELETE FROM deletions")
        settle(box.store, box.node_id, box.folder, key, T0, is_log_torn=True)
        watch = watch_over(box)
        assert self.look(box, watch) == []
        box.remove_by_hand(2)
        assert len(self.look(box, watch)) == 1


def watch_over(box: Box) -> Watch:
    return Watch(box.store, box.node_id, box.folder, box.folder / "secrets", box.clock)


class TestWatch:
    def test_look_tells_and_signs(self, box: Box) -> None:
        cut_at_record(box, 0)
        watch_over(box).look(Stop())
        [told] = box.told()
        assert told["detail"]["verdict"] == "shorter-than-anchored"
        assert (box.folder / WITNESS).exists()

    def test_file_that_goes_between_two_hours_is_told_within_minutes(self, box: Box) -> None:
        class TenMinutes(Stop):
            """Time passes in waits alone; in the first long one somebody deletes a recording."""

            def wait(self, timeout_s: float | None = None) -> bool:
                assert timeout_s is not None
                if timeout_s > 60.0:
                    box.path(0).unlink(missing_ok=True)
                box.clock.advance(timeout_s)
                if box.clock.mono_ns() > 600 * 10**9:
                    self.set()
                return self.is_set()

        thread = threading.Thread(target=watch_over(box).run, args=(TenMinutes(),))  # which lowers its own priority
        thread.start()
        thread.join()
        assert [told["detail"]["verdict"] for told in box.told()] == ["missing"]

    def test_look_that_stumbles_is_not_the_last_one(self, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
        watch, looks = watch_over(box), []

        class TwoLooks(Stop):
            """Time passes in waits alone."""

            def wait(self, timeout_s: float | None = None) -> bool:
                box.clock.advance(timeout_s or 0.0)
                return self.is_set()

        def look(stop: Stop) -> None:
            looks.append(1)
            if len(looks) == 1:
                raise KeyError("a bug")
            stop.set()

        monkeypatch.setattr(watch, "look", look)
        thread = threading.Thread(target=watch.run, args=(TwoLooks(),))  # which lowers its own priority
        thread.start()
        thread.join()
        assert len(looks) == 2

    def test_sweep_finds_a_flipped_bit_and_goes_on_after_a_restart(
        self, box: Box, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vigilar.proof.watch.PAUSE_S", 0.0)
        monkeypatch.setattr("vigilar.proof.watch.SWEEP_BYTES_S", 10**12)
        looked: list[int] = []
        stop = Stop()
        original = FileCheck.take

        def note(check: FileCheck, checked: Checked, listed: Listed, depth: Depth) -> None:
            looked.append(listed.row.number)
            original(check, checked, listed, depth)
            if len(looked) == 2:
                stop.set()

        monkeypatch.setattr(FileCheck, "take", note)
        with VgeReader.open(box.path(3), box.ring) as reader:
            flip_bit(box.path(3), reader.entries[2].offset + 300)
        watch_over(box).sweep(stop, until_mono_ns=box.clock.mono_ns() + 1)
        assert looked == [1, 2]
        for _ in range(2):  # the second time the round is done, and the next one is a month away
            watch_over(box).sweep(Stop(), until_mono_ns=box.clock.mono_ns() + 1)
        assert looked == [1, 2, 3, 4]
        assert [told["kind"] for told in box.told()] == ["recording_damaged"]
        box.clock.advance(31 * 86_400)
        watch_over(box).sweep(Stop(), until_mono_ns=box.clock.mono_ns() + 1)
        assert looked == [1, 2, 3, 4, 1, 2, 3, 4]

    def test_sweep_finishes_a_rotation(self, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("vigilar.proof.watch.PAUSE_S", 0.0)
        monkeypatch.setattr("vigilar.proof.watch.SWEEP_BYTES_S", 10**12)
        add_epoch(box.folder / "secrets")
        ring = KeyRing.load(box.folder / "secrets")
        assert not any(is_moved(box.path(index), ring) for index in range(4))
        watch_over(box).sweep(Stop(), until_mono_ns=box.clock.mono_ns() + 1)
        assert all(is_moved(box.path(index), ring) for index in range(4))
        assert box.told() == []


def _dump(database: Path) -> bytes:
    """The database as a backup would have it."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.serialize()
