"""Targets of backups, real ones: a folder of a disk of its own, and OpenSSH's server. Both obey the same tests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sftp_server import PASSWORD, SftpServer, run_sftp_server
from tests.small_disk import mounted_small_disk, take_room
from vigilar.backup.copier import copy_file, fetch_file, part_of
from vigilar.backup.folder import FolderTarget
from vigilar.backup.sftp import SftpLogin, SftpTarget, clean_words, find_host_key
from vigilar.backup.target import MARK, Mark, Target, TargetError, enter, find_mark
from vigilar.base.sftp_address import find_sftp_address

HOUSE = "a" * 32
OTHER_HOUSE = "b" * 32
MIB = 1 << 20


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    with mounted_small_disk(tmp_path / "nas", 96) as folder:
        yield folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpServer]:
    with run_sftp_server(tmp_path / "sshd") as server:
        yield server


def sftp(server: SftpServer, root: Path, host_key: str | None = None, key: str | None = None) -> SftpTarget:
    address = find_sftp_address(server.address(root))
    assert address is not None
    return SftpTarget(address, SftpLogin(server.host_key if host_key is None else host_key, key=key or server.key))


@pytest.fixture(params=["folder", "sftp"])
def target(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> Iterator[Target]:
    if request.param == "folder":
        yield FolderTarget(root, [tmp_path])
        return
    found = sftp(request.getfixturevalue("server"), root)
    yield found
    found.close()


def ignore(_written: int) -> None:
    """Nobody wants to know."""


def test_file_is_the_same_at_the_target_and_back(target: Target, root: Path, tmp_path: Path) -> None:
    source = tmp_path / "one.vge"
    source.write_bytes(os.urandom(3 * MIB + 17))
    mark = enter(target, HOUSE, "")
    copied = copy_file(source, "footage/front/2026-11-28/1.vge", target, ignore)
    assert (root / "footage/front/2026-11-28/1.vge").read_bytes() == source.read_bytes()
    assert copied.is_new
    assert (
        fetch_file(target, "footage/front/2026-11-28/1.vge", 4 * MIB, tmp_path / "back", ignore).sha256 == copied.sha256
    )
    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    assert sorted(target.walk("footage")) == [("footage/front/2026-11-28/1.vge", 3 * MIB + 17)]
    assert find_mark(target) == mark
    assert enter(target, HOUSE, mark.id) == mark
    assert list(target.walk("incoming")) == []


def test_what_is_there_already_is_read_and_not_written_again(target: Target, root: Path, tmp_path: Path) -> None:
    source = tmp_path / "one.vge"
    source.write_bytes(os.urandom(MIB))
    enter(target, HOUSE, "")
    copy_file(source, "footage/1.vge", target, ignore)
    before = (root / "footage/1.vge").stat()
    assert not copy_file(source, "footage/1.vge", target, ignore).is_new
    assert (root / "footage/1.vge").stat().st_ino == before.st_ino


def test_part_goes_on_where_it_was_left(target: Target, root: Path, tmp_path: Path) -> None:
    source = tmp_path / "one.vge"
    source.write_bytes(os.urandom(5 * MIB))
    enter(target, HOUSE, "")
    part = root / part_of("footage/1.vge")
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(source.read_bytes()[: 3 * MIB + 1000])
    written: list[int] = []
    copy_file(source, "footage/1.vge", target, written.append)
    assert sum(written) == 2 * MIB
    assert (root / "footage/1.vge").read_bytes() == source.read_bytes()


def test_part_that_is_wrong_is_begun_anew(target: Target, root: Path, tmp_path: Path) -> None:
    source = tmp_path / "one.vge"
    source.write_bytes(os.urandom(3 * MIB))
    enter(target, HOUSE, "")
    part = root / part_of("footage/1.vge")
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(os.urandom(2 * MIB))
    copy_file(source, "footage/1.vge", target, ignore)
    assert (root / "footage/1.vge").read_bytes() == source.read_bytes()


def test_copy_that_was_changed_there_is_replaced(target: Target, root: Path, tmp_path: Path) -> None:
    source = tmp_path / "one.vge"
    source.write_bytes(os.urandom(MIB))
    enter(target, HOUSE, "")
    copy_file(source, "footage/1.vge", target, ignore)
    (root / "footage/1.vge").write_bytes(bytes(MIB))
    assert copy_file(source, "footage/1.vge", target, ignore).is_new
    assert (root / "footage/1.vge").read_bytes() == source.read_bytes()


def test_full_target_says_so(target: Target, root: Path, tmp_path: Path) -> None:
    source = tmp_path / "one.vge"
    source.write_bytes(os.urandom(MIB))
    enter(target, HOUSE, "")
    take_room(root / "of somebody else", 10 * MIB)
    with pytest.raises(TargetError) as caught:
        copy_file(source, "footage/1.vge", target, ignore)
    assert caught.value.code == "backup.full"


def test_read_only_target_says_so(target: Target, root: Path, tmp_path: Path) -> None:
    source = tmp_path / "one.vge"
    source.write_bytes(os.urandom(MIB))
    enter(target, HOUSE, "")
    subprocess.run(["mount", "-o", "remount,ro", root], check=True)
    with pytest.raises(TargetError) as caught:
        copy_file(source, "footage/1.vge", target, ignore)
    assert caught.value.code == "backup.read_only"


def test_other_house_is_left_alone(target: Target, root: Path) -> None:
    enter(target, OTHER_HOUSE, "")
    before = (root / MARK).read_bytes()
    with pytest.raises(TargetError) as caught:
        enter(target, HOUSE, "")
    assert caught.value.code == "backup.other_house"
    assert (root / MARK).read_bytes() == before


def test_drive_that_is_not_mounted_any_more_gets_nothing(target: Target, root: Path) -> None:
    mark = enter(target, HOUSE, "")
    (root / MARK).unlink()
    with pytest.raises(TargetError) as caught:
        enter(target, HOUSE, mark.id)
    assert caught.value.code == "backup.not_mounted"
    assert not (root / MARK).exists()


def test_folder_of_recordings_without_a_mark_is_not_taken(target: Target, root: Path) -> None:
    (root / "footage").mkdir()
    (root / "footage" / "1.vge").write_bytes(b"somebody's")
    with pytest.raises(TargetError) as caught:
        enter(target, HOUSE, "")
    assert caught.value.code == "backup.other_house"


def test_missing_folder_is_not_made(target: Target, root: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    gone = root / "vigilar"
    found: Target = FolderTarget(gone) if isinstance(target, FolderTarget) else sftp(
        request.getfixturevalue("server"), gone
    )  # fmt: skip
    with pytest.raises(TargetError) as caught:
        enter(found, HOUSE, "")
    found.close()
    assert caught.value.code == "backup.missing"
    assert not gone.exists()


def test_damaged_mark_is_said(target: Target, root: Path) -> None:
    (root / MARK).write_bytes(b"{}")
    with pytest.raises(TargetError) as caught:
        enter(target, HOUSE, "")
    assert caught.value.code == "backup.damaged"


@pytest.mark.parametrize("folder", ["footage", "incoming"])
def test_link_on_the_drive_leads_nowhere(root: Path, tmp_path: Path, folder: str) -> None:
    """A drive that others write to could lead what is copied, and cleared away, back into this box."""
    ours = tmp_path / "recordings"
    ours.mkdir()
    source = ours / "1.vge"
    source.write_bytes(b"a recording")
    target = FolderTarget(root, [tmp_path])
    enter(target, HOUSE, "")
    if (root / folder).exists():
        (root / folder).rmdir()
    (root / folder).symlink_to(ours)
    with pytest.raises(TargetError) as caught:
        copy_file(source, "footage/1.vge", target, ignore)
    assert caught.value.code == "backup.damaged"
    assert list(target.walk(folder)) == []
    with pytest.raises(TargetError):
        target.remove(f"{folder}/1.vge")
    assert source.read_bytes() == b"a recording"


def test_link_in_place_of_a_file_is_replaced_and_not_followed(root: Path, tmp_path: Path) -> None:
    source = tmp_path / "1.vge"
    source.write_bytes(b"a recording")
    target = FolderTarget(root, [tmp_path])
    enter(target, HOUSE, "")
    (root / "footage").mkdir()
    (root / "footage" / "1.vge").symlink_to(source)
    assert copy_file(source, "footage/1.vge", target, ignore).is_new
    assert not (root / "footage" / "1.vge").is_symlink()
    assert (root / "footage" / "1.vge").read_bytes() == source.read_bytes() == b"a recording"


def test_pipe_in_place_of_a_file_holds_nobody_up(root: Path, tmp_path: Path) -> None:
    target = FolderTarget(root, [tmp_path])
    enter(target, HOUSE, "")
    os.mkfifo(root / "pipe")
    assert target.find_size("pipe") is None
    with pytest.raises(TargetError):
        list(target.read_blocks("pipe", 10))


def test_longer_file_than_it_was_gives_one_byte_more(target: Target, root: Path, tmp_path: Path) -> None:
    enter(target, HOUSE, "")
    (root / "long.vge").write_bytes(bytes(3 * MIB))
    assert fetch_file(target, "long.vge", 2 * MIB, tmp_path / "back", ignore).size_bytes == 2 * MIB + 1
    assert fetch_file(target, "long.vge", 3 * MIB, tmp_path / "back", ignore).size_bytes == 3 * MIB


def test_two_houses_that_mark_a_target_at_once_do_not_share_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = FolderTarget(root, [tmp_path])
    move = FolderTarget.move

    def move_and_lose(one: FolderTarget, name: str, to: str) -> None:
        move(one, name, to)
        (root / MARK).write_bytes(Mark(OTHER_HOUSE, "1").dump())

    monkeypatch.setattr(FolderTarget, "move", move_and_lose)
    with pytest.raises(TargetError) as caught:
        enter(target, HOUSE, "")
    assert caught.value.code == "backup.other_house"


def test_name_in_another_spelling_is_said(server: SftpServer, root: Path) -> None:
    target = sftp(server, root)
    enter(target, HOUSE, "")
    (root / "footage").mkdir()
    os.close(os.open(os.fsencode(root / "footage") + b"/caf\xe9", os.O_CREAT | os.O_WRONLY))
    with pytest.raises(TargetError) as caught:
        list(target.walk("footage"))
    target.close()
    assert caught.value.code == "backup.unreadable"


def test_what_a_server_says_is_one_clean_line() -> None:
    assert clean_words("no\x1b[2J\nroom password=hunter2 " + "x" * 500) == clean_words("no [2J room password=***") + (
        " " + "x" * 135
    )


def test_folder_on_a_disk_of_the_box_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "unmounted"
    folder.mkdir()
    with pytest.raises(TargetError) as caught:
        enter(FolderTarget(folder, [tmp_path]), HOUSE, "")
    assert caught.value.code == "backup.same_disk"
    assert list(folder.iterdir()) == []


def test_server_of_another_key_is_told_no_login(server: SftpServer, root: Path) -> None:
    with pytest.raises(TargetError) as caught:
        sftp(server, root, host_key="ssh-ed25519 SHA256:" + "A" * 43).open()
    assert caught.value.code == "backup.other_key"


def test_server_that_nobody_confirmed_is_told_no_login(server: SftpServer, root: Path) -> None:
    with pytest.raises(TargetError) as caught:
        sftp(server, root, host_key="").open()
    assert caught.value.code == "backup.not_confirmed"


def test_shown_key_is_the_one_that_the_server_has(server: SftpServer, root: Path) -> None:
    address = find_sftp_address(server.address(root))
    assert address is not None
    assert find_host_key(address) == server.host_key


def test_password_opens_too_and_a_wrong_one_is_said(server: SftpServer, root: Path) -> None:
    address = find_sftp_address(server.address(root))
    assert address is not None
    right = SftpTarget(address, SftpLogin(server.host_key, password=PASSWORD))
    enter(right, HOUSE, "")
    right.close()
    with pytest.raises(TargetError) as caught:
        SftpTarget(address, SftpLogin(server.host_key, password="wrong")).open()
    assert caught.value.code == "backup.login"
    assert "wrong" not in str(caught.value)


def test_wrong_login_is_said(server: SftpServer, root: Path, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "stranger"], check=True)
    with pytest.raises(TargetError) as caught:
        sftp(server, root, key=(tmp_path / "stranger").read_text()).open()
    assert caught.value.code == "backup.login"


def test_server_that_goes_away_is_reached_again(server: SftpServer, root: Path, tmp_path: Path) -> None:
    target = sftp(server, root)
    mark = enter(target, HOUSE, "")
    server.end()
    source = tmp_path / "one.vge"
    source.write_bytes(os.urandom(MIB))
    with pytest.raises(TargetError) as caught:
        copy_file(source, "footage/1.vge", target, ignore)
    assert caught.value.code == "backup.unreachable"
    server.start()
    enter(target, HOUSE, mark.id)
    copy_file(source, "footage/1.vge", target, ignore)
    target.close()
    assert (root / "footage/1.vge").read_bytes() == source.read_bytes()
