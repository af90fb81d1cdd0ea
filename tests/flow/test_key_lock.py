"""Locking the keys up, killed at every step; and the commands on a box with recordings."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.flow.change_key_lock import PASSPHRASE
from tests.key_kit import cut_power, nothing_left_in_memory
from tests.proof_kit import Box, recorded_box
from tests.recording_kit import Clip, make_clip
from vigilar.base.errors import RecordingError
from vigilar.vge import key_store
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import open_header
from vigilar.vge.places import key_notes
from vigilar.vge.verify import verify_file


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def box(tmp_path: Path, clip: Clip) -> Iterator[Box]:
    with nothing_left_in_memory(tmp_path / "secrets"), recorded_box(tmp_path, clip) as box:
        yield box


def change(what: str, folder: Path, killed_at: int | None = None) -> int:
    """Run the change; killed at the n-th time that it waits for the disk. Gives the exit code."""
    command = [sys.executable, "-m", "tests.flow.change_key_lock", what, str(folder)]
    if killed_at is not None:
        inject = f"inject=fsync:signal=KILL:when={killed_at}"
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", inject, *command]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode


def opens(folder: Path, key_id: bytes) -> bool:
    """Whether a house that starts now, and is unlocked if it must be, holds the key."""
    ring = key_store.prepare_keys(folder)
    if ring.is_locked:
        assert ring.newest().epoch == 0
        assert change("unlock", folder) == 0
        ring = KeyRing.load(folder)
    return ring.find(key_id) is not None and not ring.is_locked


@pytest.mark.long
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace, which kills at a step, is not installed")
@pytest.mark.parametrize("what", ["lock", "open"])
def test_killed_at_any_step_no_key_is_lost(tmp_path: Path, what: str) -> None:
    kills = 0
    for step in range(1, 60):
        folder = tmp_path / f"{step}" / "secrets"
        with nothing_left_in_memory(folder):
            first = KeyRing.load_or_create(folder).newest().key_id
            key_store.add_epoch(folder)
            second = KeyRing.load(folder).newest().key_id
            if what == "open":
                assert change("lock", folder) == 0
            if change(what, folder, killed_at=step) == 0:
                break
            kills += 1
            running = KeyRing.load(folder)  # what a process of a running house sees
            assert running.find(first), (what, step)
            assert running.newest().key_id == second, (what, step)
            cut_power(folder)
            assert opens(folder, first), (what, step)
            assert opens(folder, second), (what, step)
            assert change(what, folder) == 0
            assert (key_store.load_lock(folder) is not None) is (what == "lock")
            cut_power(folder)
            assert opens(folder, second), (what, step)
            left = [path.name for path in folder.iterdir() if path.name.startswith("recording-key")]
            assert all(name.endswith(".sealed") is (what == "lock") for name in left), (step, left)
    assert kills >= 6


def command(
    box: Box, *args: str | Path, stdin: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
    return box.command(*args, capsys=capsys)


class TestCommands:
    def test_stolen_box_shows_no_recording(
        self, box: Box, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        secrets = box.folder / "secrets"
        stolen_before = {p.name: p.read_bytes() for p in secrets.iterdir()}
        words = f"{PASSPHRASE}\n"
        code, _ = command(box, "keys", "passphrase", "set", stdin=words, capsys=capsys, monkeypatch=monkeypatch)
        assert code == 14  # without a recovery sheet a forgotten passphrase is the end of it
        code, out = command(
            box, "keys", "passphrase", "set", "--without-sheet", stdin=words, capsys=capsys, monkeypatch=monkeypatch
        )
        assert (code, out.splitlines()[0]) == (0, "4 recordings moved to epoch 2, 0 were there already.")
        assert all(verify_file(box.path(n), KeyRing.load(secrets)).verdict.value == "closed" for n in range(4))
        assert key_notes(secrets, box.folder)[0].startswith("There is no recovery sheet")

        cut_power(secrets)
        for index in range(4):
            with pytest.raises(RecordingError), box.path(index).open("rb") as file:
                open_header(file.fileno(), KeyRing.load(secrets))
        # Not with the keys either that lay there in clear, and that a disk may give back for long.
        restored = box.folder / "old"
        restored.mkdir(mode=0o700)
        for name, data in stolen_before.items():
            (restored / name).write_bytes(data)
            (restored / name).chmod(0o600)
        with pytest.raises(RecordingError), box.path(0).open("rb") as file:
            open_header(file.fileno(), KeyRing.load(restored))

    def test_locked_box_says_so_and_is_unlocked(
        self, box: Box, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        secrets, words = box.folder / "secrets", f"{PASSPHRASE}\n"
        command(
            box, "keys", "passphrase", "set", "--without-sheet", stdin=words, capsys=capsys, monkeypatch=monkeypatch
        )
        cut_power(secrets)
        key_store.prepare_keys(secrets)
        code, out = box.command("keys", "status", capsys=capsys)
        assert (code, "what was recorded before this start is locked" in out) == (0, True)
        code, out = box.command("verify", box.path(0), capsys=capsys)
        assert (code, "locked since the restart" in out) == (13, True)
        assert box.command("keys", "rotate", capsys=capsys)[0] == 13

        wrong = "not the right words at all\n"
        assert command(box, "keys", "unlock", stdin=wrong, capsys=capsys, monkeypatch=monkeypatch)[0] == 5
        assert command(box, "keys", "unlock", stdin=words, capsys=capsys, monkeypatch=monkeypatch)[0] == 0
        assert box.command("verify", box.path(0), capsys=capsys)[0] == 0

        assert box.command("keys", "lock", capsys=capsys)[0] == 0
        assert box.command("verify", box.path(0), capsys=capsys)[0] == 13
        code, out = command(box, "keys", "passphrase", "remove", stdin=words, capsys=capsys, monkeypatch=monkeypatch)
        assert (code, "The keys lie in clear on this box again" in out) == (0, True)
        assert box.command("verify", box.path(0), capsys=capsys)[0] == 0
        assert box.check().findings == []

    def test_stick_is_made_used_and_forgotten(
        self, box: Box, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        secrets, stick = box.folder / "secrets", tmp_path / "stick"
        stick.mkdir()
        assert box.command("keys", "stick", "make", stick, "--without-sheet", capsys=capsys)[0] == 14  # the same disk
        made = ("keys", "stick", "make", stick, "--without-sheet", "--same-disk")
        code, out = box.command(*made, capsys=capsys)
        assert (code, out.startswith("Key stick ")) == (0, True)
        cut_power(secrets)
        assert not key_store.prepare_keys(secrets).is_locked
        words = f"{PASSPHRASE}\n"
        assert command(box, "keys", "passphrase", "set", stdin=words, capsys=capsys, monkeypatch=monkeypatch)[0] == 0
        code, out = box.command("keys", "status", "--json", capsys=capsys)
        assert [one["kind"] for one in json.loads(out)["lock"]] == ["stick", "passphrase"]
        code, out = box.command("keys", "stick", "forget", stick, capsys=capsys)
        assert (code, "What still opens the recordings: the passphrase" in out) == (0, True)
        assert list(stick.iterdir()) == []
        cut_power(secrets)
        assert key_store.prepare_keys(secrets).is_locked
