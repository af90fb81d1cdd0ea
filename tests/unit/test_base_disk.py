"""What the system's refusals mean, and the reserve; real files, the system's own errors."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from vigilar.base.atomic import write_remade
from vigilar.base.disk import device_fault, disk_error, disk_errors, is_read_only, refuses_writing
from vigilar.base.errors import ErrorKind, ExitCode, StoreError, VigilarError
from vigilar.base.folder_id import make_folder_id
from vigilar.base.reserve import PIECE_BYTES, PIECES, Reserve


@pytest.mark.parametrize(
    ("number", "kind", "code", "said"),
    [
        (errno.ENOSPC, ErrorKind.FULL, ExitCode.NO_SPACE, "the disk of /data is full"),
        (errno.EDQUOT, ErrorKind.FULL, ExitCode.NO_SPACE, "the disk of /data is full"),
        (errno.EROFS, ErrorKind.DENIED, ExitCode.DENIED, "the disk of /data is read-only"),
        (errno.EIO, ErrorKind.TRANSIENT, ExitCode.FAILED, "reports an error (Input/output error)"),
        (errno.ENOTCONN, ErrorKind.TRANSIENT, ExitCode.FAILED, "reports an error"),
        (errno.EACCES, ErrorKind.DENIED, ExitCode.DENIED, "/data cannot be used: Permission denied"),
    ],
)
def test_refusal_is_a_sentence_with_a_next_step(number: int, kind: ErrorKind, code: ExitCode, said: str) -> None:
    found = disk_error(OSError(number, os.strerror(number)), "start", Path("/data"))
    assert (found.kind, found.exit_code) == (kind, code)
    assert said in str(found)
    assert found.next_step


def test_healthy_disk_has_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 10)
    assert device_fault(file) == ""
    assert device_fault(tmp_path / "absent") == "", "which says nothing of the disk"
    assert not is_read_only(tmp_path)
    assert not refuses_writing(file)
    with pytest.raises(VigilarError, match="cannot look"), disk_errors("look", tmp_path):
        (tmp_path / "absent" / "file").read_bytes()


def test_unchanged_file_is_not_written_again(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_remade(file, b"one")
    before = file.stat().st_ino
    write_remade(file, b"one")
    assert file.stat().st_ino == before
    write_remade(file, b"two")
    assert (file.read_bytes(), file.stat().st_ino != before) == (b"two", True)
    file.chmod(0o644)
    write_remade(file, b"two")
    assert file.stat().st_mode & 0o777 == 0o600


def test_reserve_is_kept_spent_piece_by_piece_and_kept_again(tmp_path: Path) -> None:
    make_folder_id(tmp_path)
    reserve = Reserve(tmp_path)
    reserve.keep()
    pieces = sorted((tmp_path / "reserve").iterdir())
    assert len(pieces) == PIECES
    assert all(piece.stat().st_blocks * 512 >= PIECE_BYTES for piece in pieces), "blocks, not a hole"
    assert [reserve.spend() for _ in range(PIECES + 1)] == [True] * PIECES + [False]
    reserve.keep()
    assert len(list((tmp_path / "reserve").iterdir())) == PIECES


def test_reserve_makes_no_folder_where_the_data_folder_is_gone(tmp_path: Path) -> None:
    Reserve(tmp_path / "gone").keep()
    assert not (tmp_path / "gone").exists()
    assert not Reserve(tmp_path / "gone").spend()


def test_reserve_writes_nothing_into_an_empty_mount_point(tmp_path: Path) -> None:
    assert Reserve(tmp_path).help(lambda: "done") == "done"
    assert list(tmp_path.iterdir()) == []


def test_reserve_helps_only_against_a_full_disk(tmp_path: Path) -> None:
    make_folder_id(tmp_path)
    reserve = Reserve(tmp_path)
    reserve.keep()
    refusals = [StoreError("full", kind=ErrorKind.FULL), StoreError("full", kind=ErrorKind.FULL)]

    def step() -> str:
        if refusals:
            raise refusals.pop()
        return "done"

    assert reserve.help(step) == "done"
    refusals.append(StoreError("busy", kind=ErrorKind.TRANSIENT))
    with pytest.raises(StoreError, match="busy"):
        reserve.help(step)
    assert len(list((tmp_path / "reserve").iterdir())) == PIECES
