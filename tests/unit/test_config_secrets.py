"""Secrets: durable, private, refused when others can read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from vigilar.base.errors import ConfigError, ErrorKind, ExitCode
from vigilar.config.secrets import LoginSecret, SecretStore


@pytest.fixture
def store(tmp_path: Path) -> SecretStore:
    return SecretStore(tmp_path / "secrets")


def test_new_login_never_replaces_a_secret(tmp_path: Path) -> None:
    store = SecretStore(tmp_path / "secrets")
    names = [store.add_login("door", "u", str(number), taken={"door-3"}) for number in range(3)]
    assert names == ["door", "door-2", "door-4"]
    assert [store.get_login(name).password for name in names] == ["0", "1", "2"]


def test_new_login_of_a_long_name_gets_a_name_that_is_allowed(tmp_path: Path) -> None:
    store = SecretStore(tmp_path / "secrets")
    names = {store.add_login("x" * 64, "u", "p") for _ in range(11)}
    assert len(names) == 11
    assert {len(name) for name in names} <= set(range(60, 65))


def test_login_comes_back(store: SecretStore) -> None:
    store.put_login("front-door", "admin", "pä ss/w:rd")
    assert store.get_login("front-door") == LoginSecret("admin", "pä ss/w:rd")
    assert store.names() == ["front-door"]


def test_repr_hides_the_password() -> None:
    assert "geheim" not in repr(LoginSecret("admin", "geheim"))


def test_files_are_private(store: SecretStore, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store.put_login("a", "u", "p")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "secrets" / "a.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o601])
def test_file_that_others_can_read_is_refused(store: SecretStore, tmp_path: Path, mode: int) -> None:
    store.put_login("a", "u", "geheim")
    (tmp_path / "secrets" / "a.json").chmod(mode)
    with pytest.raises(ConfigError, match="can be read by other users") as caught:
        store.get("a")
    assert caught.value.exit_code is ExitCode.DENIED
    assert "chmod 600" in caught.value.next_step
    assert "geheim" not in str(caught.value)


def test_folder_that_others_can_read_is_refused(store: SecretStore, tmp_path: Path) -> None:
    store.put_login("a", "u", "p")
    (tmp_path / "secrets").chmod(0o755)
    with pytest.raises(ConfigError, match="can be read by other users"):
        store.get("a")


def test_missing_secret_says_how_to_store_it(store: SecretStore) -> None:
    with pytest.raises(ConfigError, match='There is no secret "a"') as caught:
        store.get("a")
    assert caught.value.exit_code is ExitCode.NOT_FOUND
    assert store.names() == []


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1]", b'"x"', b"\xff", b'{"user": 1, "password": "p"}', b'{"user": "geheim"}', b"[" * 60_000],
)
def test_damaged_secret_is_named(store: SecretStore, tmp_path: Path, content: bytes) -> None:
    store.put_login("a", "u", "p")
    (tmp_path / "secrets" / "a.json").write_bytes(content)
    with pytest.raises(ConfigError, match="is damaged") as caught:
        store.get_login("a")
    assert caught.value.kind is ErrorKind.CORRUPT
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "A", ".hidden", "x" * 65, "a\x00"])
def test_name_that_could_leave_the_folder_is_refused(store: SecretStore, name: str) -> None:
    with pytest.raises(ConfigError, match="secret's name"):
        store.put(name, {})


def test_delete_tells_whether_there_was_one(store: SecretStore) -> None:
    assert store.delete("a") is False
    store.put_login("a", "u", "p")
    assert store.delete("a") is True
    assert store.names() == []


def test_recording_keys_are_no_secrets_of_this_store(store: SecretStore, tmp_path: Path) -> None:
    store.put_login("a", "u", "p")
    (tmp_path / "secrets" / "recording-key-0001").write_text("00")
    assert store.names() == ["a"]
