"""Rotation, the recovery sheet and restoring with it: the real recorder, the real commands, real kills."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.proof_kit import Box, recorded_box
from tests.recording_kit import Clip, bench, make_clip
from vigilar.base.clock import SystemClock
from vigilar.base.errors import ExitCode, RecordingError
from vigilar.cli.program import run
from vigilar.playback.export.make import ExportPlan
from vigilar.playback.export.plan_file import load_plan, save_plan
from vigilar.playback.library import Library
from vigilar.vge.format import SlotType
from vigilar.vge.key_store import add_epoch
from vigilar.vge.keys import EpochKey, KeyRing
from vigilar.vge.opening import open_header
from vigilar.vge.reader import VgeReader
from vigilar.vge.recovery import Sheet
from vigilar.vge.rewrap import is_moved
from vigilar.vge.ring_folder import RingFolder
from vigilar.vge.verify import verify_file


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def box(tmp_path: Path, clip: Clip) -> Iterator[Box]:
    with recorded_box(tmp_path, clip) as box:
        yield box


def ring_of(box: Box) -> KeyRing:
    return KeyRing.load(box.folder / "secrets")


def slots_of(path: Path, ring: KeyRing) -> list[tuple[int, int]]:
    """Type and epoch of each slot that is taken."""
    with path.open("rb") as file:
        header, _ = open_header(file.fileno(), ring)
    return [(slot.type, slot.epoch) for slot in header.slots if slot.type]


def words_on(out: str) -> str:
    """The words of a printed sheet."""
    lines = [line.split() for line in out.splitlines() if line.strip()[:1].isdigit() and len(line.split()) == 8]
    return " ".join(word for line in lines for word in line[1::2])


class TestRotate:
    def test_all_files_move_and_stay_as_they_were(self, box: Box, capsys: pytest.CaptureFixture[str]) -> None:
        before = [verify_file(box.path(index), box.ring) for index in range(4)]
        code, out = box.command("keys", "rotate", capsys=capsys)
        assert (code, out) == (0, "4 recordings moved to epoch 2, 0 were there already.\n")
        (box.folder / "secrets" / "recording-key-0001").unlink()
        after = [verify_file(box.path(index), ring_of(box)) for index in range(4)]
        assert after == before
        assert box.check().findings == []

    def test_export_opens_without_the_old_key(self, box: Box, capsys: pytest.CaptureFixture[str]) -> None:
        plan = ExportPlan(())
        save_plan(box.folder, 7, plan, box.ring, SystemClock())
        code, out = box.command("keys", "rotate", capsys=capsys)
        assert (code, out) == (0, "5 recordings moved to epoch 2, 0 were there already.\n")
        (box.folder / "secrets" / "recording-key-0001").unlink()
        assert load_plan(box.folder, 7, ring_of(box)) == plan

    def test_resume_makes_no_new_key(self, box: Box, capsys: pytest.CaptureFixture[str]) -> None:
        add_epoch(box.folder / "secrets")
        code, out = box.command("keys", "status", capsys=capsys)
        assert "4 recordings, of which 4 are not under the newest keys alone" in out
        assert box.command("keys", "rotate", "--resume", capsys=capsys)[0] == 0
        code, out = box.command("keys", "status", "--json", capsys=capsys)
        facts = json.loads(out)
        assert (code, facts["epochs"], facts["not_moved"]) == (0, [1, 2], 0)

    @pytest.mark.long
    def test_killed_at_any_point_every_file_opens(self, box: Box) -> None:
        """Many files, many kills; after each all open, and in the end all have moved."""
        paths = [box.path(0).with_name(f"{number}.vge") for number in range(100, 500)]
        for path in paths:
            shutil.copy(box.path(0), path)
        chance = random.Random(5)
        add_epoch(box.folder / "secrets")
        command = [sys.executable, "-m", "vigilar", "keys", "rotate", "--resume", "--data-dir", str(box.folder)]
        kills = 0
        for _ in range(8):
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
            moved_before = sum(is_moved(path, ring_of(box)) for path in paths)
            deadline = time.monotonic() + 20
            while process.poll() is None and time.monotonic() < deadline:
                if is_moved(paths[chance.randrange(len(paths))], ring_of(box)):
                    break
            time.sleep(chance.random() * 0.02)
            kills += process.poll() is None
            process.kill()
            process.wait()
            for path in paths:
                assert verify_file(path, ring_of(box)).verdict.value == "closed"
            assert sum(is_moved(path, ring_of(box)) for path in paths) >= moved_before
        assert kills > 0
        assert subprocess.run(command, cwd=ROOT, capture_output=True, check=True).returncode == 0
        assert all(slots_of(path, ring_of(box)) == [(SlotType.EPOCH, 2)] for path in paths)

    def test_second_epoch_before_the_first_move_was_done(self, box: Box, capsys: pytest.CaptureFixture[str]) -> None:
        """A move that was broken off between its two steps, with all four slots taken, and then another key."""
        box.command("keys", "recovery", capsys=capsys)
        secrets = box.folder / "secrets"
        add_epoch(secrets)
        ring = ring_of(box)
        with box.path(0).open("r+b") as file:
            header, keys = open_header(file.fileno(), ring)
            slots = (*header.slots[:3], ring.wrap(keys.file_key)[0])
            file.write(type(header)(header.core_bytes, header.core, slots).dump(keys))
        assert box.command("keys", "rotate", capsys=capsys)[0] == 0
        assert slots_of(box.path(0), ring_of(box)) == [(1, 3), (2, 0), (4, 0)]

    def test_running_recorder_takes_up_the_new_key(self, tmp_path: Path, clip: Clip) -> None:
        with bench(tmp_path) as b:
            secrets = tmp_path / "secrets"
            settings = b.file_store.settings
            b.file_store.settings = type(settings)(
                settings.camera_id, settings.camera_uuid, settings.data_dir, settings.boot_id,
                refresh_ring=RingFolder(secrets).refresh,
            )  # fmt: skip
            b.ring.add(clip.run())
            packets = clip.packets
            b.feed(packets[: len(packets) // 2])
            b.recorder.finish()
            add_epoch(secrets)
            b.ring.add(clip.run(2, 10.0))
            b.feed([replace(p, run=2, utc_ns=p.utc_ns + 10**10, mono_ns=p.mono_ns + 10**10) for p in packets])
            b.recorder.finish()
            ring = KeyRing.load(secrets)
            assert [slots_of(b.path(row), ring) for row in b.rows()] == [[(1, 1)], [(1, 2)]]

    def test_who_writes_is_given_the_newest_keys_alone(self, box: Box, capsys: pytest.CaptureFixture[str]) -> None:
        box.command("keys", "recovery", capsys=capsys)
        box.command("keys", "rotate", capsys=capsys)
        secrets = box.folder / "secrets"
        full, newest = ring_of(box), KeyRing.load_newest(secrets)
        assert [one.epoch for one in full.epochs] == [1, 2]
        assert [one.epoch for one in newest.epochs] == [2]
        assert newest.wrap(bytes(32)) == full.wrap(bytes(32)), "its files open as any other's do"
        assert newest.find(full.epochs[0].key_id) is None

    def test_open_playback_reads_on_after_a_rotation(self, box: Box, capsys: pytest.CaptureFixture[str]) -> None:
        secrets = box.folder / "secrets"
        library = Library(box.store, box.folder, lambda: KeyRing.load(secrets))
        assert len(library.find("front", 0, 4 * 10**12)) == 4
        box.command("keys", "rotate", capsys=capsys)
        (secrets / "recording-key-0001").unlink()
        small = Library(box.store, box.folder, lambda: KeyRing.load(secrets), known_bytes=1)
        small._ring = box.ring
        for one in (library, small):
            assert len(one.find("front", 0, 4 * 10**12)) == 4


class TestSheet:
    def test_words_survive_printing_and_typing(self) -> None:
        sheet = Sheet.make()
        typed = "-".join(sheet.words).upper()
        assert Sheet.parse(typed) == sheet
        assert Sheet.parse(" ".join(sheet.words)).public == sheet.public
        assert sheet.words[0] not in repr(sheet)

    def test_mistyped_word_is_named(self) -> None:
        sheet = Sheet(bytes(range(16)))
        words = sheet.words
        assert all(len(word) == 5 for word in words)
        wrong = [*words[:6], words[6][:4] + ("b" if words[6][4] != "b" else "d"), *words[7:]]
        with pytest.raises(RecordingError, match=f'Word 7, ".*", is not right. Did you mean "{words[6]}"'):
            Sheet.parse(" ".join(wrong))

    def test_exchanged_words_are_noticed(self) -> None:
        words = Sheet(bytes(range(16))).words
        words[2], words[3] = words[3], words[2]
        with pytest.raises(RecordingError, match="Word 3"):
            Sheet.parse(" ".join(words))

    def test_too_few_words(self) -> None:
        with pytest.raises(RecordingError, match="has 16 words, and these are 3"):
            Sheet.parse("babab babab babab")

    def test_sheet_gives_every_file_a_slot_and_is_stored_nowhere(
        self, box: Box, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, out = box.command("keys", "recovery", capsys=capsys)
        assert (code, "4 recordings moved" in out) == (0, True)
        words = words_on(out).split()
        assert len(words) == 16
        seed = Sheet.parse(" ".join(words)).seed
        for path in box.folder.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                assert seed not in data
                assert seed.hex().encode() not in data
                assert not any(f" {word} ".encode() in data for word in words)
        ring = ring_of(box)
        assert all(slots_of(box.path(index), ring) == [(1, 1), (2, 0), (4, 0)] for index in range(4))
        assert box.command("keys", "recovery", capsys=capsys)[0] == ExitCode.REFUSED

    @pytest.mark.parametrize("is_rotated", [False, True])
    def test_recordings_open_on_another_machine(
        self, box: Box, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
        is_rotated: bool,
    ) -> None:  # fmt: skip
        words = words_on(box.command("keys", "recovery", capsys=capsys)[1])
        if is_rotated:  # the sheet is not needed for that, and still opens all
            assert box.command("keys", "rotate", capsys=capsys)[0] == 0
        other = tmp_path / "other-machine"
        other.mkdir()
        shutil.copytree(box.folder / "footage", other / "footage")
        copies = [other / row.path for row in box.rows]
        monkeypatch.setattr("click.prompt", lambda *_args, **_options: words)
        assert run(["keys", "restore", "--data-dir", str(other)]) == 0
        assert "4 recordings can be opened with this sheet; 1 keys were made" in capsys.readouterr().out
        for copy, original in zip(copies, (box.path(index) for index in range(4)), strict=True):
            report = verify_file(copy, KeyRing.load(other / "secrets"))
            assert report == verify_file(original, ring_of(box))
        assert run(["keys", "rotate", "--resume", "--data-dir", str(other)]) == 0
        capsys.readouterr()
        for path in (other / "secrets").glob("recovery-*"):
            path.unlink()
        assert all(is_moved(copy, KeyRing.load(other / "secrets")) for copy in copies)

    def test_sheet_of_another_house_opens_nothing(
        self, box: Box, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        box.command("keys", "recovery", capsys=capsys)
        monkeypatch.setattr("click.prompt", lambda *_args, **_options: " ".join(Sheet.make().words))
        assert run(["keys", "restore", "--data-dir", str(box.folder)]) == ExitCode.NOT_FOUND
        assert "no recording in" in capsys.readouterr().err

    def test_new_sheet_shuts_the_old_one_out(
        self, box: Box, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = words_on(box.command("keys", "recovery", capsys=capsys)[1])
        assert box.command("keys", "recovery", "--new", capsys=capsys)[0] == 0
        monkeypatch.setattr("click.prompt", lambda *_args, **_options: old)
        assert run(["keys", "restore", "--data-dir", str(box.folder)]) == ExitCode.NOT_FOUND


def test_keys_beside_the_recordings_are_said(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = box.command("keys", "status", capsys=capsys)
    assert code == 0
    assert "who takes the box, or its disk, can look at them" in out
    assert "Recovery sheet: none yet" in out


def test_plaintext_is_the_same_by_every_key(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    def plaintext(ring: KeyRing) -> bytes:
        with VgeReader.open(box.path(1), ring) as reader:
            return b"".join(reader.read_range(0, reader.plaintext_bytes))

    before = plaintext(box.ring)
    words = words_on(box.command("keys", "recovery", capsys=capsys)[1])
    with box.path(1).open("rb") as file:
        header, _ = open_header(file.fileno(), ring_of(box))
    once = next(slot.wrapped[:32] for slot in header.slots if slot.type == SlotType.SHEET)
    key = EpochKey.of(0, Sheet.parse(words).recovery_key(once))
    assert plaintext(KeyRing([], key)) == before
