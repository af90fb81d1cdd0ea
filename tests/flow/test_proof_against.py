"""Checkpoints that were taken off the box, against a box that somebody has worked on since."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.proof_kit import T0, Box, recorded_box
from tests.recording_kit import Clip, make_clip
from vigilar.base.errors import ExitCode, RecordingError
from vigilar.proof import carry
from vigilar.proof.against import check_against, read_taken
from vigilar.proof.carry import Carrier, append_checkpoint
from vigilar.proof.checkpoint import WITNESS, dump_signed, make_checkpoint
from vigilar.store.checkpoints import StoredCheckpoint
from vigilar.vge.signing import BoxKey

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def box(tmp_path: Path, clip: Clip) -> Iterator[Box]:
    (tmp_path / "box").mkdir()
    with recorded_box(tmp_path / "box", clip) as box:
        yield box


@pytest.fixture
def key(box: Box) -> BoxKey:
    return BoxKey.load_or_create(box.folder / "secrets")


def sign(box: Box, key: BoxKey, hours: int = 0) -> StoredCheckpoint:
    return make_checkpoint(box.store, box.node_id, key, box.folder, T0 + hours * HOUR_MS)


def codes(box: Box, key: BoxKey, *taken: StoredCheckpoint) -> list[str]:
    return [one.code for one in check_against(box.store, box.node_id, list(taken), key.public).contradictions]


def sentences(box: Box, key: BoxKey, *taken: StoredCheckpoint) -> str:
    return " ".join(
        one.sentence for one in check_against(box.store, box.node_id, list(taken), key.public).contradictions
    )


def test_box_that_nobody_touched_agrees(box: Box, key: BoxKey) -> None:
    first = sign(box, key)
    box.delete_by_rule(0)  # by retention, with its row in the log
    assert codes(box, key, first, sign(box, key, 1)) == []


def test_whole_box_set_back_with_its_witness(box: Box, key: BoxKey) -> None:
    """What the box itself cannot notice: database, recordings and the checkpoint beside them, all of an hour ago."""
    sign(box, key)
    with closing(sqlite3.connect(box.folder / "vigilar.db")) as database:
        older = database.serialize()
    witness = (box.folder / WITNESS).read_bytes()
    box.sql(
        "INSERT INTO files (camera_id, content, number, path, start_ms, end_ms, state, link, node_id) VALUES "
        "('front', 'video', 90, 'x.vge', 1, 2, 'closed', :link, :node)",
        link=b"n" * 32,
        node=box.node_id,
    )
    later = sign(box, key, 1)
    box.store.close()
    for name in ("vigilar.db-wal", "vigilar.db-shm"):
        (box.folder / name).unlink(missing_ok=True)
    (box.folder / "vigilar.db").write_bytes(older)
    (box.folder / WITNESS).write_bytes(witness)
    box.store = type(box.store).open(f"sqlite:///{box.folder / 'vigilar.db'}")
    assert codes(box, key, later) == ["set-back", "rows-removed"]
    assert "had come to number 90, and now end at number 4" in sentences(box, key, later)


def test_row_of_a_file_removed_by_hand(box: Box, key: BoxKey) -> None:
    made = sign(box, key)
    number = box.rows[3].number
    box.sql("DELETE FROM files WHERE number = :number", number=number)
    box.path(3).unlink()
    assert codes(box, key, made) == ["rows-removed"]
    assert f"had come to number {number}, and now end at number {number - 1}" in sentences(box, key, made)


def test_recording_exchanged_for_another(box: Box, key: BoxKey) -> None:
    made = sign(box, key)
    box.sql("UPDATE files SET link = :link WHERE number = :number", link=b"x" * 32, number=box.rows[3].number)
    assert f"Number {box.rows[3].number} of the recordings of front was exchanged" in sentences(box, key, made)


def test_log_of_deletions_cut_off(box: Box, key: BoxKey) -> None:
    box.delete_by_rule(0)
    made = sign(box, key)
    box.sql("DELETE FROM deletions")
    assert codes(box, key, made) == ["deletions-changed"]


def test_signing_key_exchanged(box: Box, key: BoxKey, tmp_path: Path) -> None:
    made = sign(box, key)
    other = BoxKey.load_or_create(tmp_path / "other")
    assert codes(box, other, made) == ["key-exchanged"]


def test_taken_checkpoint_that_was_changed_is_named_itself(box: Box, key: BoxKey) -> None:
    made = sign(box, key)
    forged = StoredCheckpoint(made.created_ms, made.body.replace("event 0", "event 7"), made.signature)
    assert codes(box, key, forged) == ["taken-changed"]


def test_checkpoint_of_another_box(box: Box, key: BoxKey) -> None:
    made = sign(box, key)
    box.node_id = "another"
    assert codes(box, key, made) == ["taken-other-box"]


def test_last_hour_in_which_all_was_well_is_said(box: Box, key: BoxKey) -> None:
    first = sign(box, key)
    box.delete_by_rule(0)
    second = sign(box, key, 1)
    box.sql("DELETE FROM deletions")
    [one] = check_against(box.store, box.node_id, [first, second], key.public).contradictions
    assert one.since_ms == first.created_ms


class TestFile:
    def test_many_checkpoints_of_a_folder_are_read_in_order(self, box: Box, key: BoxKey, tmp_path: Path) -> None:
        made = [sign(box, key, hours) for hours in (0, 1, 2)]
        for one in made:
            append_checkpoint(tmp_path, box.node_id, one)
        [path] = tmp_path.glob("*.checkpoints")
        assert read_taken(path) == made

    def test_torn_checkpoint_makes_no_other_unreadable(self, box: Box, key: BoxKey, tmp_path: Path) -> None:
        """As a power cut or a full disk leaves it, the first of a month too."""
        made = [sign(box, key, hours) for hours in (0, 1, 2)]
        append_checkpoint(tmp_path, box.node_id, made[0])
        [path] = tmp_path.glob("*.checkpoints")
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        append_checkpoint(tmp_path, box.node_id, made[0])
        for cut in range(1, len(whole), 37):
            path.write_bytes(whole + whole[:cut])
            append_checkpoint(tmp_path, box.node_id, made[1])
            assert read_taken(path) == made[:2]
        append_checkpoint(tmp_path, box.node_id, made[2])
        assert read_taken(path) == made

    def test_message_of_the_bus_and_printed_text_are_read(self, box: Box, key: BoxKey, tmp_path: Path) -> None:
        made = sign(box, key)
        (tmp_path / "message").write_text(json.dumps({"body": made.body, "signature": made.signature.hex()}))
        (tmp_path / "printed").write_text(dump_signed(made).replace("\n", "\r\n"))
        assert read_taken(tmp_path / "message") == read_taken(tmp_path / "printed") == [made]

    @pytest.mark.parametrize("text", ["", "{", "{}", "vigilar checkpoint 1\n", "something else"])
    def test_other_file_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "file").write_text(text)
        with pytest.raises(RecordingError):
            read_taken(tmp_path / "file")

    def test_command_names_what_was_taken_away(
        self, box: Box, key: BoxKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        taken = tmp_path / "taken"
        sign(box, key)
        code, out = box.command("proof", "show", capsys=capsys)
        taken.write_text(out)
        code, out = box.command("check", "--against", taken, capsys=capsys)
        assert (code, out.splitlines()[0][:38]) == (0, "Compared with 1 signed checkpoint, the")
        box.sql("DELETE FROM files WHERE number = :number", number=box.rows[3].number)
        box.path(3).unlink()
        shutil.copy(box.path(1), box.path(2))
        code, out = box.command("check", "--against", taken, capsys=capsys)
        assert code == ExitCode.NOT_EXACT
        assert "were shortened or set back" in out
        assert f"{box.rows[2].path}, " in out
        assert "REPLACED" in out


class TestCarrier:
    def carrier(self, box: Box, copy_to: Path | str) -> tuple[Carrier, list[StoredCheckpoint]]:
        told: list[StoredCheckpoint] = []
        return Carrier(box.node_id, box.folder, str(copy_to), told.append), told

    def test_what_a_missing_folder_did_not_take_comes_with_the_next(
        self, box: Box, key: BoxKey, tmp_path: Path
    ) -> None:
        nas = tmp_path / "nas"
        carrier, told = self.carrier(box, nas)
        first, second = sign(box, key), sign(box, key, 1)
        carrier.carry(first)
        carrier.join(10.0)
        assert "cannot be written: No such file or directory" in carrier.problem
        assert not nas.exists()
        nas.mkdir()
        carrier.carry(second)
        carrier.join(10.0)
        [path] = nas.glob("*.checkpoints")
        assert read_taken(path) == told == [first, second]
        assert "lies on the disk of the recordings" in carrier.problem

    def test_folder_that_hangs_keeps_nobody(self, box: Box, key: BoxKey, tmp_path: Path) -> None:
        """A pipe that nobody reads stands for a network drive that does not answer."""
        made = sign(box, key)
        append_checkpoint(tmp_path, box.node_id, made)
        [path] = tmp_path.glob("*.checkpoints")
        path.unlink()
        os.mkfifo(path)
        carrier, told = self.carrier(box, tmp_path)
        carrier.carry(made)
        carrier.carry(sign(box, key, 1))
        assert "does not answer" in carrier.problem
        assert len(told) == 2
        with path.open("rb") as reader:
            assert reader.read(10) == b"vigilar ch"
            carrier.join(10.0)

    def test_what_came_while_the_folder_hung_follows_at_once(
        self, box: Box, key: BoxKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = sign(box, key), sign(box, key, 1)
        answers = threading.Event()

        def late(folder: Path, node_id: str, made: StoredCheckpoint) -> None:
            assert answers.wait(10.0)
            append_checkpoint(folder, node_id, made)

        monkeypatch.setattr(carry, "append_checkpoint", late)
        carrier, _ = self.carrier(box, tmp_path)
        carrier.carry(first)
        writer = next(one for one in threading.enumerate() if one.name == "proof-copy")
        carrier.carry(second)
        assert "does not answer" in carrier.problem
        answers.set()
        writer.join(10.0)
        [path] = tmp_path.glob("*.checkpoints")
        assert read_taken(path) == [first, second]
        assert "does not answer" not in carrier.problem

    def test_no_folder_is_no_problem(self, box: Box, key: BoxKey) -> None:
        carrier, told = self.carrier(box, "")
        carrier.carry(sign(box, key))
        assert (len(told), carrier.problem) == (1, "")
