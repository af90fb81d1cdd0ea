"""The key ring in the secrets folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vectors.sample import KEY_1, KEY_2
from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.vge.keys import EpochKey, KeyRing


def write_key(folder: Path, epoch: int, text: str, mode: int = 0o600) -> None:
    path = folder / f"recording-key-{epoch:04}"
    path.write_text(text, encoding="ascii")
    path.chmod(mode)


def test_first_start_makes_private_key(tmp_path: Path) -> None:
    made = KeyRing.load_or_create(tmp_path / "secrets").newest()
    path = tmp_path / "secrets" / "recording-key-0001"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert (made.epoch, len(made.key)) == (1, 32)
    assert path.read_text(encoding="ascii") == made.key.hex() + "\n"


def test_second_start_keeps_the_key(tmp_path: Path) -> None:
    first = KeyRing.load_or_create(tmp_path).newest()
    assert KeyRing.load_or_create(tmp_path).newest() == first == KeyRing.load(tmp_path).newest()


def test_newest_epoch_is_used_and_older_found(tmp_path: Path) -> None:
    write_key(tmp_path, 2, KEY_2.key.hex())
    write_key(tmp_path, 1, KEY_1.key.hex())
    (tmp_path / "recording-key-0003.new").write_text("left over", encoding="ascii")
    ring = KeyRing.load(tmp_path)
    assert ring.newest() == KEY_2
    assert ring.find(KEY_1.key_id) == KEY_1
    assert ring.find(bytes(16)) is None


@pytest.mark.parametrize("folder", ["", "missing"])
def test_no_key_is_locked(tmp_path: Path, folder: str) -> None:
    with pytest.raises(RecordingError, match="no recording key") as caught:
        KeyRing.load(tmp_path / folder)
    assert (caught.value.kind, caught.value.exit_code) == (ErrorKind.PERMANENT, ExitCode.LOCKED)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o700])
def test_wider_mode_is_denied(tmp_path: Path, mode: int) -> None:
    write_key(tmp_path, 1, KEY_1.key.hex(), mode)
    with pytest.raises(RecordingError, match="0600") as caught:
        KeyRing.load(tmp_path)
    assert (caught.value.kind, caught.value.exit_code) == (ErrorKind.DENIED, ExitCode.LOCKED)


@pytest.mark.parametrize("text", ["", "zz" * 32, "00" * 31, "00" * 33])
def test_file_without_key_is_corrupt(tmp_path: Path, text: str) -> None:
    write_key(tmp_path, 1, text)
    with pytest.raises(RecordingError, match="64 hex digits") as caught:
        KeyRing.load(tmp_path)
    assert (caught.value.kind, caught.value.exit_code) == (ErrorKind.CORRUPT, ExitCode.LOCKED)


def test_repr_hides_the_key() -> None:
    key = EpochKey.of(1, b"\xab" * 32)
    assert "abab" not in f"{key!r} {KeyRing([key])!r}"


def test_ring_without_epoch_cannot_write() -> None:
    with pytest.raises(RecordingError, match="no recording key"):
        KeyRing([]).newest()
