"""``vigilar backup`` as a person types it: no secret among its arguments, one clear sentence for what is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backup_kit import HOUR_S, BackupHouse, backup_house
from tests.flow.command_line import vigilar
from tests.sftp_server import run_sftp_server
from vigilar.base.amounts import size_text


@pytest.fixture
def house(tmp_path: Path) -> Iterator[BackupHouse]:
    with backup_house(tmp_path) as house:
        yield house


def set_target(house: BackupHouse, target: str) -> None:
    (house.data_dir / "vigilar.toml").write_text(f'[backup]\ntarget = "{target}"\nwhat = "all"\n', encoding="utf-8")


def test_without_a_backup_it_says_how_to_get_one(house: BackupHouse) -> None:
    done = vigilar(house.data_dir, "backup", "status", "--json")
    assert (done.code, done.json["state"]) == (10, "unknown")
    now = vigilar(house.data_dir, "backup", "now")
    assert now.code == 6
    assert "No backup is set up." in now.err
    assert "[backup]" in now.err


def test_copies_checks_proves_and_says_how_it_stands(house: BackupHouse) -> None:
    row = house.record(ago_s=HOUR_S)
    set_target(house, str(house.nas))
    now = vigilar(house.data_dir, "backup", "now")
    assert (now.code, now.out) == (0, f"1 file copied, {size_text(row.size_bytes)}.\n")
    assert house.is_same(row)
    assert vigilar(house.data_dir, "backup", "check", "--deep").code == 0
    assert "bit by bit" in vigilar(house.data_dir, "backup", "drill").out
    (house.nas / row.path).unlink()
    gone = vigilar(house.data_dir, "backup", "check")
    assert "1 of 2 copies were gone or changed; 1 will be copied again." in gone.err
    status = vigilar(house.data_dir, "backup", "status", "--json")
    assert (status.code, status.json["state"]) == (10, "unknown"), "its process does not run here"
    assert [run["work"] for run in status.json["runs"]] == ["check", "drill", "deep", "copy"]


def test_emptied_target_is_begun_anew_on_request_only(house: BackupHouse) -> None:
    row = house.record(ago_s=HOUR_S)
    set_target(house, str(house.nas))
    vigilar(house.data_dir, "backup", "now")
    for path in sorted(house.nas.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    refused = vigilar(house.data_dir, "backup", "now")
    assert refused.code == 1
    assert "[backup.not_mounted]" in refused.err
    assert list(house.nas.iterdir()) == []
    assert vigilar(house.data_dir, "backup", "now", "--new-target").code == 0
    assert house.is_same(row)


def test_sftp_server_is_confirmed_then_signed_in_to(house: BackupHouse, tmp_path: Path) -> None:
    row = house.record(ago_s=HOUR_S)
    with run_sftp_server(tmp_path / "sshd") as server:
        set_target(house, f"sftp://sam@127.0.0.1:{server.port}{house.nas}")
        unknown = vigilar(house.data_dir, "backup", "now")
        assert "[backup.not_confirmed]" in unknown.err
        wrong = vigilar(house.data_dir, "backup", "trust", "--yes", "SHA256:something")
        assert wrong.code == 14
        assert server.host_key in wrong.out
        assert vigilar(house.data_dir, "backup", "trust", "--yes", server.host_key).code == 0
        refused = vigilar(house.data_dir, "backup", "now")
        assert "[backup.login]" in refused.err
        assert vigilar(house.data_dir, "backup", "login", "--key-file", "-", stdin=server.key).code == 0
        assert vigilar(house.data_dir, "backup", "now").code == 0
        assert house.is_same(row)
        text = (house.data_dir / "vigilar.toml").read_text(encoding="utf-8")
        assert 'login = "secret:backup"' in text
        assert "PRIVATE" not in text
        assert (house.data_dir / "secrets/backup.json").stat().st_mode & 0o777 == 0o600
        back = vigilar(
            tmp_path / "new", "backup", "restore", f"sftp://sam@127.0.0.1:{server.port}{house.nas}",
            "--host-key", server.host_key, "--key-file", str(tmp_path / "sshd/user"), "--json",
            stdin=" ".join(house.sheet.words),
        )  # fmt: skip
    assert back.code == 0, back
    assert (back.json["files"], back.json["damaged"]) == (1, [])
    assert (tmp_path / "new" / row.path).read_bytes() == (house.data_dir / row.path).read_bytes()


def test_root_does_not_write_in_the_place_of_the_service(house: BackupHouse) -> None:
    house.record(ago_s=HOUR_S)
    set_target(house, str(house.nas))
    os.chown(house.data_dir, 65534, 65534)
    done = vigilar(house.data_dir, "backup", "now")
    assert (done.code, "sudo -u nobody vigilar backup" in done.err) == (5, True)
    assert list(house.nas.iterdir()) == []
    assert not (house.data_dir / "backup.lock").exists()


def test_root_restores_for_the_user_of_the_folder(house: BackupHouse, tmp_path: Path) -> None:
    house.record(ago_s=HOUR_S)
    set_target(house, str(house.nas))
    vigilar(house.data_dir, "backup", "now")
    new = tmp_path / "new"
    new.mkdir(mode=0o700)
    os.chown(new, 65534, 65534)
    assert vigilar(new, "backup", "restore", str(house.nas), stdin=" ".join(house.sheet.words)).code == 0
    assert {path.stat().st_uid for path in (new, *new.rglob("*"))} == {65534}


def test_restore_of_what_is_no_backup_changes_nothing(house: BackupHouse, tmp_path: Path) -> None:
    words = " ".join(house.sheet.words)
    done = vigilar(tmp_path / "new", "backup", "restore", str(house.nas), stdin=words)
    assert (done.code, "[restore.not_a_backup]" in done.err) == (4, True)
    assert not (tmp_path / "new").exists()


def test_mistyped_word_is_said_before_anything_is_done(house: BackupHouse, tmp_path: Path) -> None:
    words = [*house.sheet.words[:-1], "babab"]
    done = vigilar(tmp_path / "new", "backup", "restore", str(house.nas), stdin=" ".join(words))
    assert "Word 16" in done.err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('target = "nas/vigilar"', "must be the whole path of a folder"),
        ('target = "sftp://nas/vigilar"', "as in sam@nas.local/vigilar"),
        ('target = "/mnt/nas"\nlogin = "secret:nas"', "is for an SFTP server"),
        ('target = "/mnt/nas"\nevery = "1s"', "must be"),
        ('target = "/mnt/nas"\nwhat = "some"', "what"),
    ],
)
def test_bad_settings_are_said_with_what_is_right(house: BackupHouse, line: str, says: str) -> None:
    (house.data_dir / "vigilar.toml").write_text(f"[backup]\n{line}\n", encoding="utf-8")
    done = vigilar(house.data_dir, "config", "validate")
    assert done.code == 6
    assert says in done.out + done.err
