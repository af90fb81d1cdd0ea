"""The key lock as bytes, the folder of the secrets with one, and sticks."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.key_kit import cut_power, nothing_left_in_memory
from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.vge import key_store
from vigilar.vge.key_lock import KeyLock, new_private, passphrase_opener, public_of, seal, stick_opener, unseal
from vigilar.vge.keys import KeyRing, is_house_locked, memory_folder, save_sheet
from vigilar.vge.recovery import Sheet, sheet_id_of
from vigilar.vge.sticks import find_on, make_stick, open_by_stick, read_stick

PASSPHRASE = "five plain words and one"


@pytest.fixture
def secrets_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "secrets"
    KeyRing.load_or_create(folder)
    with nothing_left_in_memory(folder):
        yield folder


def private_of(secrets_dir: Path) -> bytes:
    lock = key_store.load_lock(secrets_dir)
    assert lock is not None
    return lock.open_with_passphrase(PASSPHRASE)


def clear_files(secrets_dir: Path) -> list[str]:
    return sorted(path.name for path in secrets_dir.iterdir() if "-key-" in path.name and path.suffix != ".sealed")


def test_sealed_key_opens_with_the_private_half_alone() -> None:
    private, other = new_private(), new_private()
    sealed = seal(public_of(private), "recording-key-0001", b"a key")
    assert unseal(private, "recording-key-0001", sealed) == b"a key"
    for key, name in ((other, "recording-key-0001"), (private, "recording-key-0002")):
        with pytest.raises(RecordingError, match="damaged"):
            unseal(key, name, sealed)


@pytest.mark.parametrize("at", range(0, 150, 7))
def test_flipped_byte_of_a_sealed_key_is_noticed(at: int) -> None:
    private = new_private()
    sealed = bytearray(seal(public_of(private), "recording-key-0001", bytes(32)))
    sealed[at] ^= 1
    with pytest.raises(RecordingError, match="damaged"):
        unseal(private, "recording-key-0001", bytes(sealed))


def test_wrong_passphrase_is_denied() -> None:
    private = new_private()
    lock = KeyLock(public_of(private), (passphrase_opener(private, PASSPHRASE),))
    assert KeyLock.parse(lock.dump()).open_with_passphrase(f" {PASSPHRASE}\n") == private
    with pytest.raises(RecordingError, match="not right") as caught:
        lock.open_with_passphrase(PASSPHRASE + "s")
    assert (caught.value.kind, caught.value.exit_code) == (ErrorKind.DENIED, ExitCode.DENIED)


def test_short_passphrase_is_refused_before_anything_is_changed(secrets_dir: Path) -> None:
    with pytest.raises(RecordingError, match="12 characters"):
        key_store.set_passphrase(secrets_dir, "too short", None)
    assert [path.name for path in secrets_dir.iterdir()] == ["recording-key-0001"]


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"public": "00"},
        {"openers": []},
        {"openers": [{"kind": "passphrase"}]},
        {"openers": "x"},
    ],
)
def test_damaged_lock_says_so(change: dict[str, object]) -> None:
    private = new_private()
    whole = json.loads(KeyLock(public_of(private), (stick_opener(private, "00000000", bytes(32), "/mnt"),)).dump())
    with pytest.raises(RecordingError, match="lock of this house is damaged"):
        KeyLock.parse(json.dumps(whole | change).encode())


def test_lock_that_asks_for_all_memory_is_refused() -> None:
    private = new_private()
    raw = json.loads(KeyLock(public_of(private), (passphrase_opener(private, PASSPHRASE),)).dump())
    raw["openers"][0]["memory_kib"] = 1 << 30
    with pytest.raises(RecordingError, match="damaged"):
        KeyLock.parse(json.dumps(raw).encode())


def test_locked_up_keys_lie_in_memory_alone(secrets_dir: Path) -> None:
    before = KeyRing.load(secrets_dir).newest()
    key_store.set_passphrase(secrets_dir, PASSPHRASE, None)
    assert clear_files(secrets_dir) == []
    assert before.key.hex() not in "".join(p.read_text() for p in secrets_dir.iterdir())
    assert KeyRing.load(secrets_dir).newest() == before
    assert memory_folder(secrets_dir).stat().st_mode & 0o777 == 0o700


def test_house_without_power_is_locked_and_gets_a_start_key(secrets_dir: Path) -> None:
    before = KeyRing.load(secrets_dir).newest()
    key_store.set_passphrase(secrets_dir, PASSPHRASE, None)
    cut_power(secrets_dir)
    with pytest.raises(RecordingError, match="locked") as caught:
        KeyRing.load(secrets_dir)
    assert caught.value.exit_code is ExitCode.LOCKED
    ring = key_store.prepare_keys(secrets_dir)
    assert (ring.is_locked, is_house_locked(secrets_dir), ring.find(before.key_id)) == (True, True, None)
    start = ring.newest()
    assert start.epoch == 0
    assert key_store.prepare_keys(secrets_dir).newest() == start  # a second start makes no other
    assert start.key.hex() not in "".join(p.read_text() for p in secrets_dir.iterdir())

    key_store.unlock(secrets_dir, private_of(secrets_dir))
    opened = KeyRing.load(secrets_dir)
    assert (opened.is_locked, opened.newest(), opened.find(start.key_id)) == (False, before, start)


def test_start_keys_of_many_starts_all_open(secrets_dir: Path) -> None:
    key_store.set_passphrase(secrets_dir, PASSPHRASE, None)
    starts = []
    for _ in range(3):
        cut_power(secrets_dir)
        starts.append(key_store.prepare_keys(secrets_dir).newest())
    key_store.unlock(secrets_dir, private_of(secrets_dir))
    ring = KeyRing.load(secrets_dir)
    assert [ring.find(one.key_id) for one in starts] == starts
    assert len({one.key_id for one in starts}) == 3


class Killed(BaseException):
    """What ends a program here and now."""


def kill_at(monkeypatch: pytest.MonkeyPatch, step: int, what: object, name: str) -> None:
    """End the program in place of the n-th call of ``what.name``."""
    true, calls = getattr(what, name), iter(range(1, 1000))

    def dies(*args: object, **more: object) -> object:
        if next(calls) == step:
            raise Killed
        return true(*args, **more)

    monkeypatch.setattr(what, name, dies)


@pytest.mark.parametrize("what", ["unlock", "lock"])
def test_broken_off_unlocking_or_locking_leaves_a_locked_house(
    secrets_dir: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    key_store.add_epoch(secrets_dir)
    key_store.add_epoch(secrets_dir)
    epochs = KeyRing.load(secrets_dir).epochs
    key_store.set_passphrase(secrets_dir, PASSPHRASE, None)
    deaths = 0
    for step in range(1, 20):
        if what == "unlock":
            key_store.lock_again(secrets_dir)
        with monkeypatch.context() as patch, contextlib.suppress(Killed):
            if what == "unlock":
                kill_at(patch, step, key_store, "write_atomic")
                key_store.unlock(secrets_dir, private_of(secrets_dir))
            else:
                kill_at(patch, step, Path, "unlink")
                key_store.lock_again(secrets_dir)
            break
        deaths += 1
        if what == "lock" and step == 1:
            assert not is_house_locked(secrets_dir)
        else:
            assert is_house_locked(secrets_dir)
            assert key_store.prepare_keys(secrets_dir).is_locked
        key_store.unlock(secrets_dir, private_of(secrets_dir))
        assert not is_house_locked(secrets_dir)
        assert set(epochs) <= set(KeyRing.load(secrets_dir).epochs)
    assert deaths >= 3


def test_locked_house_gives_new_files_a_slot_of_the_sheet(secrets_dir: Path) -> None:
    sheet = Sheet.make()
    save_sheet(secrets_dir, sheet.public, sheet_id_of(sheet.public))
    key_store.add_keys(secrets_dir)
    key_store.set_passphrase(secrets_dir, PASSPHRASE, None)
    cut_power(secrets_dir)
    recovery = key_store.prepare_keys(secrets_dir).recovery
    assert recovery is not None
    assert sheet.recovery_key(recovery.ephemeral) == recovery.key


def test_locked_house_makes_no_epoch(secrets_dir: Path) -> None:
    key_store.set_passphrase(secrets_dir, PASSPHRASE, None)
    cut_power(secrets_dir)
    key_store.prepare_keys(secrets_dir)
    with pytest.raises(RecordingError, match="locked"):
        key_store.add_epoch(secrets_dir)


def test_new_passphrase_replaces_the_old(secrets_dir: Path) -> None:
    key_store.set_passphrase(secrets_dir, PASSPHRASE, None)
    key_store.set_passphrase(secrets_dir, "quite another sentence", private_of(secrets_dir))
    lock = key_store.load_lock(secrets_dir)
    assert lock is not None
    with pytest.raises(RecordingError, match="not right"):
        lock.open_with_passphrase(PASSPHRASE)
    cut_power(secrets_dir)
    key_store.unlock(secrets_dir, lock.open_with_passphrase("quite another sentence"))
    assert KeyRing.load(secrets_dir).newest().epoch == 1


def test_passphrase_removed_puts_all_keys_back(secrets_dir: Path) -> None:
    key_store.set_passphrase(secrets_dir, PASSPHRASE, None)
    cut_power(secrets_dir)
    start = key_store.prepare_keys(secrets_dir).newest()
    lock = key_store.load_lock(secrets_dir)
    assert lock is not None
    key_store.remove_opener(secrets_dir, lock.openers[0].id, private_of(secrets_dir))
    cut_power(secrets_dir)
    ring = KeyRing.load(secrets_dir)
    assert clear_files(secrets_dir) == ["recording-key-0001", "start-key-0001"]
    assert (ring.newest().epoch, ring.find(start.key_id), ring.is_locked) == (1, start, False)


def test_left_over_of_an_older_lock_is_not_taken_for_a_newer_ones(secrets_dir: Path) -> None:
    """As after a death between the last two steps of removing a lock."""
    before = KeyRing.load(secrets_dir).newest()
    older = seal(public_of(new_private()), "recording-key-0001", b"x")
    (secrets_dir / "recording-key-0001.sealed").write_bytes(older)
    key_store.set_passphrase(secrets_dir, PASSPHRASE, None)
    cut_power(secrets_dir)
    key_store.unlock(secrets_dir, private_of(secrets_dir))
    assert KeyRing.load(secrets_dir).newest() == before


def test_key_sealed_by_a_lost_lock_is_not_locked_up_again(secrets_dir: Path) -> None:
    (secrets_dir / "recording-key-0007.sealed").write_bytes(seal(public_of(new_private()), "recording-key-0007", b"x"))
    with pytest.raises(RecordingError, match="not there any more"):
        key_store.set_passphrase(secrets_dir, PASSPHRASE, None)


def test_stick_that_is_in_unlocks_at_the_start(secrets_dir: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    stick_id, secret = make_stick(stick)
    key_store.add_opener(secrets_dir, lambda key: stick_opener(key, stick_id, secret, str(stick)), None)
    cut_power(secrets_dir)
    assert not key_store.prepare_keys(secrets_dir).is_locked
    cut_power(secrets_dir)
    os.rename(stick, tmp_path / "away")
    assert key_store.prepare_keys(secrets_dir).is_locked
    assert not key_store.unlock_by_stick(secrets_dir)
    os.rename(tmp_path / "away", stick)
    assert key_store.unlock_by_stick(secrets_dir)
    assert not KeyRing.load(secrets_dir).is_locked


def test_stick_of_another_house_opens_nothing(tmp_path: Path) -> None:
    private = new_private()
    make_stick(tmp_path)
    stick_id, secret = make_stick(tmp_path)
    lock = KeyLock(public_of(private), (stick_opener(private, stick_id, bytes(32), str(tmp_path)),))
    assert open_by_stick(lock) is None
    assert read_stick(tmp_path, stick_id) == secret
    assert find_on(tmp_path, lock) == stick_id


@pytest.mark.parametrize("content", [b"", b"vigilar key stick 1\n", b"\xff" * 90, b"x" * 5000])
def test_stick_without_a_key_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "vigilar-00000000.key").write_bytes(content)
    assert read_stick(tmp_path, "00000000") is None


def test_stick_that_is_a_pipe_does_not_hold_up_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "vigilar-00000000.key")
    assert read_stick(tmp_path, "00000000") is None


def test_memory_of_somebody_else_is_not_believed(secrets_dir: Path) -> None:
    key_store.set_passphrase(secrets_dir, PASSPHRASE, None)
    memory_folder(secrets_dir).chmod(0o777)
    with pytest.raises(RecordingError, match="not made by this house"):
        KeyRing.load(secrets_dir)
