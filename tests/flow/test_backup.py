"""Backups of a real house: sealed files, rows, a target on a disk of its own, faults of that disk, and the way back."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.backup_kit import DAY_S, HOUR_S, MINUTE_S, BackupHouse, backup_house
from tests.recording_kit import flip_bit
from tests.small_disk import mounted_small_disk, take_room
from vigilar.backup.copier import part_of
from vigilar.backup.folder import FolderTarget
from vigilar.backup.restore import Restored, RestorePlaces, Restorer
from vigilar.base.errors import ExitCode, VigilarError
from vigilar.base.folder_id import find_folder_id
from vigilar.base.stop import Stop
from vigilar.store.backups import begin_run, list_copies, list_runs
from vigilar.store.events import set_kept
from vigilar.vge.key_store import add_keys, add_recovery_key
from vigilar.vge.keys import KeyRing, save_sheet
from vigilar.vge.places import sealed_files
from vigilar.vge.recovery import Sheet, find_sheet_key, make_recovery_key, sheet_id_of
from vigilar.vge.report import Verdict
from vigilar.vge.rewrap import rewrap_files
from vigilar.vge.verify import verify_file

MIB = 1 << 20


@pytest.fixture
def house(tmp_path: Path) -> Iterator[BackupHouse]:
    with backup_house(tmp_path) as house:
        yield house


def test_all_recordings_are_at_the_target_verified_and_sealed(house: BackupHouse) -> None:
    rows = [house.record(ago_s=HOUR_S), house.record(ago_s=HOUR_S, content="still"), house.record("back", ago_s=600)]
    outcome = house.runs(only_events=False).copy()
    assert outcome.state == "done", outcome
    assert house.at_target() == {row.path for row in rows}
    assert all(house.is_same(row) for row in rows)
    state = house.runs().state()
    copies = [one for one in list_copies(house.store, house.node_id, state.target_id) if one.content != "house"]
    assert [(one.path, one.link, one.is_proved) for one in copies] == sorted((row.path, row.link, True) for row in rows)
    assert (state.owed_count, state.problem, state.up_to_ms) == (0, "", house.now_ms)
    text = b"".join(path.read_bytes() for path in house.nas.rglob("*") if path.is_file())
    assert b"Maple St 4" not in text
    assert b"SQLite format 3" not in text


def test_second_run_writes_no_recording_again(house: BackupHouse) -> None:
    row = house.record(ago_s=HOUR_S)
    house.runs(only_events=False).copy()
    before = (house.nas / row.path).stat().st_mtime_ns
    new = house.record(ago_s=MINUTE_S)
    house.runs(only_events=False).copy()
    assert (house.nas / row.path).stat().st_mtime_ns == before
    assert house.is_same(new)
    assert [run.file_count for run in list_runs(house.store, house.node_id)] == [1, 1]


def test_of_events_only_their_footage_goes(house: BackupHouse) -> None:
    quiet = house.record(ago_s=5 * HOUR_S)
    busy = house.record(ago_s=2 * HOUR_S)
    house.event(ago_s=2 * HOUR_S - 60)
    house.runs(only_events=True).copy()
    assert house.at_target() == {busy.path}
    assert not (house.nas / quiet.path).exists()


def test_kept_goes_first_then_alarms_then_the_newest(house: BackupHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    oldest = house.record(ago_s=9 * HOUR_S)
    kept = house.record(ago_s=8 * HOUR_S)
    alarm = house.record(ago_s=7 * HOUR_S)
    newest = house.record(ago_s=HOUR_S)
    set_kept(house.store, house.event(ago_s=8 * HOUR_S - 60).id, kept=True, by="Sam", now_ms=house.now_ms)
    house.event(ago_s=7 * HOUR_S - 60, kind="camera_offline", severity="ALERT")
    order: list[str] = []
    move = FolderTarget.move

    def note(self: FolderTarget, name: str, to: str) -> None:
        order.append(to)
        move(self, name, to)

    monkeypatch.setattr(FolderTarget, "move", note)
    house.runs(only_events=False).copy()
    assert [name for name in order if name.startswith("footage/")] == [
        kept.path, alarm.path, newest.path, oldest.path,
    ]  # fmt: skip


def test_target_that_vanishes_is_told_once_and_caught_up(house: BackupHouse) -> None:
    first = house.record(ago_s=HOUR_S)
    assert house.runs(only_events=False).copy().state == "done"
    second = house.record(ago_s=MINUTE_S)
    subprocess.run(["umount", house.nas], check=True)
    outcome = house.runs(only_events=False).copy()
    assert outcome.error is not None
    assert outcome.error.code == "backup.same_disk"
    assert list(house.nas.iterdir()) == []
    house.runs(only_events=False).look()
    assert house.told() == ["backup_failed"]
    state = house.runs().state()
    assert state.problem == "backup.same_disk"
    assert "not mounted" in state.sentence
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "vigilar-test", house.nas], check=True)
    # Another, empty drive is not the one that was there: it would be filled with a second beginning.
    assert house.runs(only_events=False).copy().error.code == "backup.not_mounted"  # type: ignore[union-attr]
    assert list(house.nas.iterdir()) == []
    assert second.path != first.path


def test_full_target_is_told_and_caught_up(house: BackupHouse) -> None:
    row = house.record(ago_s=HOUR_S, size=5_000_000)
    blocker = house.nas / "of somebody else"
    take_room(blocker, 66_000_000)
    outcome = house.runs(only_events=False).copy()
    assert outcome.error is not None
    assert outcome.error.code == "backup.full"
    assert house.told() == ["backup_failed"]
    assert house.runs().state().owed_count == 1
    blocker.unlink()
    assert house.runs(only_events=False).copy().state == "done"
    assert house.told() == ["backup_failed", "backup_caught_up"]
    assert house.is_same(row)
    assert house.runs().state().problem == ""


def test_full_target_makes_room_of_what_is_over_its_time(house: BackupHouse) -> None:
    old = house.record(ago_s=HOUR_S, size=20 * MIB)
    runs = house.runs(only_events=False, keep_ms=DAY_S * 1000)
    runs.copy()
    gone = house.nas / part_of("footage/front/gone.vge")
    gone.write_bytes(bytes(8 * MIB))
    take_room(house.nas / "of somebody else", 66 * MIB)
    house.clock.advance(2 * DAY_S)
    row = house.record(ago_s=60, size=15 * MIB)
    assert runs.copy().state == "done"
    assert (house.is_same(row), (house.nas / old.path).exists(), gone.exists()) == (True, False, False)


def test_full_target_is_cleared_of_parts_that_nobody_goes_on_with(house: BackupHouse) -> None:
    house.runs(only_events=False).copy()
    gone = house.nas / part_of("footage/front/gone.vge")
    gone.write_bytes(bytes(20 * MIB))
    take_room(house.nas / "of somebody else", 66 * MIB)
    row = house.record(ago_s=60, size=15 * MIB)
    first, second = (house.runs(only_events=False).copy() for _ in range(2))
    assert (first.state, first.error.code if first.error else "", second.state) == ("failed", "backup.full", "done")
    assert house.is_same(row)


def test_read_only_target_is_told_also_when_nothing_is_owed(house: BackupHouse) -> None:
    house.record(ago_s=HOUR_S)
    house.runs(only_events=False).copy()
    subprocess.run(["mount", "-o", "remount,ro", house.nas], check=True)
    outcome = house.runs(only_events=False).look()
    assert outcome.error is not None
    assert outcome.error.code == "backup.read_only"
    assert house.told() == ["backup_failed"]


def test_copies_over_their_time_go_and_kept_ones_stay(house: BackupHouse) -> None:
    old, kept = house.record(ago_s=40 * DAY_S), house.record(ago_s=39 * DAY_S)
    new = house.record(ago_s=DAY_S)
    house.runs(only_events=False).copy()
    set_kept(house.store, house.event(ago_s=39 * DAY_S - 60).id, kept=True, by="Sam", now_ms=house.now_ms)
    house.runs(only_events=False, keep_ms=30 * DAY_S * 1000).copy()
    assert house.at_target() == {kept.path, new.path}
    assert (house.data_dir / old.path).exists()
    # What is over is not owed again.
    house.runs(only_events=False, keep_ms=30 * DAY_S * 1000).copy()
    assert house.at_target() == {kept.path, new.path}


def test_clock_two_years_ahead_removes_no_copies(house: BackupHouse) -> None:
    """The box may have the recording no more, and then it is never copied again."""
    row = house.record(ago_s=DAY_S)
    runs = house.runs(only_events=False, keep_ms=30 * DAY_S * 1000)
    house.clock.advance(DAY_S)
    runs.copy()
    house.clock.step_utc(730 * DAY_S)
    runs.copy()
    assert house.at_target() == {row.path}


def test_copy_that_is_gone_is_told_and_made_again(house: BackupHouse) -> None:
    row, other = house.record(ago_s=HOUR_S), house.record(ago_s=60)
    house.runs(only_events=False).copy()
    (house.nas / row.path).unlink()
    flip_bit(house.nas / other.path, 700)
    assert house.runs(only_events=False).check(is_deep=False).state == "failed"
    assert house.runs(only_events=False).check(is_deep=True).state == "failed"
    assert house.told() == ["backup_damaged"]
    assert house.runs(only_events=False).copy().state == "done"
    assert house.is_same(row)
    assert house.is_same(other)
    assert house.runs(only_events=False).check(is_deep=True).state == "done"


def test_copy_that_lost_a_bit_is_noticed_within_a_month_and_made_again(house: BackupHouse) -> None:
    row, lost = house.record(ago_s=HOUR_S), house.record(ago_s=2 * HOUR_S)
    house.runs(only_events=False).copy()
    for one in (row, lost):
        data = bytearray((house.nas / one.path).read_bytes())
        data[900] ^= 4
        (house.nas / one.path).write_bytes(data)
    (house.data_dir / lost.path).unlink()
    house.clock.advance(29 * DAY_S)
    house.runs(only_events=False).copy()
    assert house.told() == []
    house.clock.advance(2 * DAY_S)
    outcome = house.runs(only_events=False).copy()
    assert "2 of " in outcome.sentence
    assert "1 will be copied again and 1 is lost." in outcome.sentence
    assert house.told() == ["backup_damaged"]
    house.runs(only_events=False).copy()
    assert house.is_same(row)


def test_drill_brings_back_and_compares(house: BackupHouse) -> None:
    for ago_s in (3 * HOUR_S, 2 * HOUR_S, HOUR_S):
        house.record(ago_s=ago_s)
    runs = house.runs(only_events=False)
    runs.copy()
    outcome = runs.drill()
    assert outcome.sentence.startswith("4 files of ")
    assert house.told() == ["backup_proved"]
    assert runs.state().drilled_ms == house.now_ms
    assert not (house.data_dir / "backup").exists()


def test_drill_finds_one_changed_bit(house: BackupHouse) -> None:
    row = house.record(ago_s=HOUR_S)
    runs = house.runs(only_events=False)
    runs.copy()
    data = bytearray((house.nas / row.path).read_bytes())
    data[1000] ^= 1
    (house.nas / row.path).write_bytes(data)
    assert runs.drill().state == "failed"
    assert "backup_not_proved" in house.told()
    runs.copy()
    assert house.is_same(row)
    assert runs.drill().state == "done"


def test_killed_between_any_two_blocks_goes_on(house: BackupHouse) -> None:
    """A stop that is heard at a block leaves what a kill leaves there: nothing is tidied up on the way out."""
    rows = [house.record(ago_s=HOUR_S * n, size=2_500_000) for n in (1, 2, 3)]
    pick = random.Random(7)
    for _ in range(12):
        stop = _StopAfter(pick.randrange(1, 14))
        house.runs(stop, only_events=False).copy()
        whole = [row for row in rows if (house.nas / row.path).exists()]
        assert all(house.is_same(row) for row in whole), "nothing that is not whole has its name"
    assert house.runs(only_events=False).copy().state == "done"
    assert house.at_target() == {row.path for row in rows}


class _StopAfter(Stop):
    """Is set after so many questions."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def is_set(self) -> bool:
        self._count -= 1
        return self._count < 0

    def wait(self, timeout_s: float | None = None) -> bool:
        return self.is_set()


def restore(house: BackupHouse, to: Path, sheet: Sheet | None) -> Restored:
    places = RestorePlaces(to, to / "secrets", to / "vigilar.toml")
    return Restorer(FolderTarget(house.nas), places, sheet, lambda *_: None).run()


def tree(folder: Path) -> dict[str, bytes]:
    """All recordings, keys, settings and the mark."""
    names = ("footage", "stills", "storyboards", "secrets", "vigilar.toml", "vigilar-folder.json")
    paths = [
        path
        for name in names
        for path in ([folder / name] if (folder / name).is_file() else (folder / name).rglob("*"))
    ]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.is_file()}


def test_whole_house_comes_back_bit_by_bit_into_an_empty_box(house: BackupHouse, tmp_path: Path) -> None:
    for ago_s in (30 * HOUR_S, 20 * HOUR_S, HOUR_S):
        house.record(ago_s=ago_s, size=1_200_000)
        house.record(ago_s=ago_s, content="still")
    event = house.event(ago_s=HOUR_S)
    house.runs(only_events=False).copy()
    house.store.close()
    new = tmp_path / "new box"
    done = restore(house, new, Sheet.parse(" ".join(house.sheet.words)))
    assert (done.file_count, done.damaged, done.missing, done.has_keys, done.only_sheet) == (6, [], 0, True, 0)
    assert tree(new) == tree(house.data_dir)
    assert find_folder_id(new) == house.node_id
    with (
        closing(sqlite3.connect(new / "vigilar.db")) as restored,
        closing(sqlite3.connect(house.data_dir / "vigilar.db")) as own,
    ):
        for query in ("SELECT * FROM files ORDER BY id", "SELECT * FROM events", "SELECT * FROM cameras"):
            assert restored.execute(query).fetchall() == own.execute(query).fetchall()
        assert restored.execute("SELECT id FROM events").fetchall() == [(event.id,)]
    ring = KeyRing.load(new / "secrets")
    assert {verify_file(path, ring).verdict for path in new.rglob("footage/**/*.vge")} == {Verdict.CLOSED}


def test_house_comes_back_after_changes_of_keys_and_sheet(house: BackupHouse, tmp_path: Path) -> None:
    """Copies keep the headers of their time: what opens them then is what the sheet brings back."""
    secrets, runs = house.secrets_dir, house.runs(only_events=False)
    first = house.record(ago_s=3 * HOUR_S)
    runs.copy()
    copied = (house.nas / first.path).read_bytes()
    add_keys(secrets)
    rewrap_files(sealed_files(house.data_dir), KeyRing.load(secrets))
    assert not house.is_same(first), "the box has moved its own to the new key"
    second = house.record(ago_s=2 * HOUR_S)
    sheet = Sheet.make()
    add_recovery_key(secrets, lambda number: make_recovery_key(sheet.public, number))
    save_sheet(secrets, sheet.public, sheet_id_of(sheet.public))
    third = house.record(ago_s=HOUR_S)
    assert runs.copy(with_house=True).state == "done"
    assert (house.nas / first.path).read_bytes() == copied
    assert [runs.check(is_deep=True).state, runs.drill().state] == ["done", "done"]
    assert house.told() == ["backup_proved"]
    done = restore(house, tmp_path / "new", sheet)
    assert (done.file_count, done.damaged, done.locked, done.missing, done.only_sheet) == (3, [], 0, 0, 0)
    ring = KeyRing.load(tmp_path / "new/secrets")
    for row in (first, second, third):
        assert verify_file(tmp_path / "new" / row.path, ring).verdict is Verdict.CLOSED
    for row, words in ((first, house.sheet), (second, house.sheet), (third, sheet)):
        key = find_sheet_key(house.nas / row.path, words)
        assert key is not None
        assert verify_file(house.nas / row.path, KeyRing([], key)).verdict is Verdict.CLOSED


def test_restore_overwrites_nothing(house: BackupHouse, tmp_path: Path) -> None:
    house.record(ago_s=HOUR_S)
    house.runs(only_events=False).copy()
    other = tmp_path / "other"
    other.mkdir()
    (other / "footage").mkdir()
    before = tree(house.data_dir)
    for place in (house.data_dir, other):
        with pytest.raises(VigilarError) as caught:
            restore(house, place, house.sheet)
        assert (caught.value.code, caught.value.exit_code) == ("restore.not_empty", ExitCode.REFUSED)
    assert tree(house.data_dir) == before
    assert list(other.iterdir()) == [other / "footage"]


def test_restore_that_was_killed_goes_on(house: BackupHouse, tmp_path: Path) -> None:
    rows = [house.record(ago_s=HOUR_S * n) for n in (1, 2, 3, 4)]
    house.runs(only_events=False).copy()
    new = tmp_path / "new"
    for count in (1, 2, 3):

        def stop(done: int, _size: int, count: int = count) -> None:
            if done == count:
                raise KeyboardInterrupt

        places = RestorePlaces(new, new / "secrets", new / "vigilar.toml")
        with pytest.raises(KeyboardInterrupt):
            Restorer(FolderTarget(house.nas), places, house.sheet, stop).run()
        assert not (new / "vigilar.db").exists()
    done = restore(house, new, house.sheet)
    assert done.file_count == len(rows)
    assert tree(new) == tree(house.data_dir)


def test_restore_with_a_foreign_sheet_opens_nothing(house: BackupHouse, tmp_path: Path) -> None:
    house.record(ago_s=HOUR_S)
    house.runs(only_events=False).copy()
    with pytest.raises(VigilarError, match="not of this sheet"):
        restore(house, tmp_path / "new", Sheet.make())
    assert not (tmp_path / "new" / "vigilar.db").exists()


def test_lost_data_disk_comes_back_under_the_keys_that_are_left(house: BackupHouse, tmp_path: Path) -> None:
    row = house.record(ago_s=HOUR_S)
    house.runs(only_events=False).copy()
    house.store.close()
    new = tmp_path / "new"
    new.mkdir()
    shutil.copytree(house.secrets_dir, new / "secrets")
    done = restore(house, new, None)
    assert done.damaged == []
    assert (new / row.path).read_bytes() == (house.data_dir / row.path).read_bytes()


def test_recordings_that_were_not_copied_are_said_to_be_missing(house: BackupHouse, tmp_path: Path) -> None:
    quiet, busy = house.record(ago_s=5 * HOUR_S), house.record(ago_s=HOUR_S)
    house.event(ago_s=HOUR_S - 60)
    house.runs(only_events=True).copy()
    new = tmp_path / "new"
    assert restore(house, new, house.sheet).missing == 1
    with closing(sqlite3.connect(new / "vigilar.db")) as restored:
        rows = dict(restored.execute("SELECT path, state || ' ' || coalesce(reason, '') FROM files").fetchall())
    assert rows == {quiet.path: "missing not in the backup", busy.path: "closed rollover"}


def test_keys_in_the_backup_open_by_the_sheet_alone(house: BackupHouse, tmp_path: Path) -> None:
    """Whoever has the NAS and a key of the box gets no login and no other key."""
    (house.secrets_dir / "front-door.json").write_text('{"user": "sam", "password": "canary-4711"}')
    os.chmod(house.secrets_dir / "front-door.json", 0o600)
    house.runs(only_events=False).copy()
    from vigilar.backup.house_copy import open_house_copy

    copy = next(house.nas.glob("house/*.vge"))
    out = tmp_path / "out"
    out.mkdir()
    open_house_copy(copy, KeyRing.load(house.secrets_dir), out)
    assert not any(b"canary-4711" in path.read_bytes() for path in out.iterdir())
    assert not any(b"canary-4711" in path.read_bytes() for path in house.nas.rglob("*") if path.is_file())
    restore(house, tmp_path / "new", house.sheet)
    assert b"canary-4711" in (tmp_path / "new/secrets/front-door.json").read_bytes()


def test_house_without_a_sheet_keeps_its_keys_to_itself(tmp_path: Path) -> None:
    with backup_house(tmp_path, with_sheet=False) as house:
        house.record(ago_s=HOUR_S)
        assert house.runs(only_events=False).copy().state == "done"
        shutil.copytree(house.secrets_dir, tmp_path / "new/secrets")
        assert restore(house, tmp_path / "new", None).damaged == []


def test_names_in_a_backup_choose_no_place(house: BackupHouse, tmp_path: Path) -> None:
    row = house.record(ago_s=HOUR_S)
    house.runs(only_events=False).copy()
    odd = house.nas / "footage" / "front" / ".." / "front" / "2026-02-02"
    odd.mkdir(parents=True, exist_ok=True)
    (odd / "x;rm.vge").write_bytes(b"odd")
    (house.nas / "footage" / "9.vge").write_bytes(b"odd")
    (odd / "7.vge").symlink_to("/etc/passwd")
    new = tmp_path / "new"
    done = restore(house, new, house.sheet)
    assert {str(path.relative_to(new)) for path in (new / "footage").rglob("*") if path.is_file()} == {row.path}
    assert done.file_count == 1


def test_two_drives_in_turn_both_get_all(house: BackupHouse, tmp_path: Path) -> None:
    row = house.record(ago_s=HOUR_S)
    house.runs(only_events=False).copy()
    with mounted_small_disk(tmp_path / "second", 160) as second:
        assert house.runs(only_events=False, target=str(second)).copy().state == "done"
        assert (second / row.path).read_bytes() == (house.data_dir / row.path).read_bytes()
    assert house.runs(only_events=False).copy().state == "done"


def test_trouble_of_this_box_is_told_too(house: BackupHouse) -> None:
    house.record(ago_s=HOUR_S)
    os.chmod(house.secrets_dir / "recording-key-0001", 0o644)
    assert house.runs(only_events=False).copy().state == "failed"
    assert house.told() == ["backup_failed"]
    assert "can be read by others" in house.runs().state().sentence
    os.chmod(house.secrets_dir / "recording-key-0001", 0o600)
    assert house.runs(only_events=False).copy().state == "done"
    assert house.runs().state().problem == ""


def test_drive_within_the_data_folder_is_no_target(house: BackupHouse) -> None:
    """What is made on the way lies there, and is deleted with all that is beside it."""
    house.record(ago_s=HOUR_S)
    with mounted_small_disk(house.data_dir / "backup", 64) as drive:
        (drive / "somebody's").write_bytes(b"theirs")
        outcome = house.runs(only_events=False, target=str(drive)).copy()
        assert outcome.error is not None
        assert outcome.error.code == "backup.inside"
        link = house.data_dir.parent / "link"
        link.symlink_to(drive)
        assert house.runs(only_events=False, target=str(link)).look().state == "failed"
        assert [one.name for one in drive.iterdir()] == ["somebody's"]


def test_drive_of_the_recordings_that_is_away_is_no_trouble_of_the_backup(house: BackupHouse) -> None:
    house.record(ago_s=HOUR_S)
    house.runs(only_events=False).copy()
    (house.data_dir / "vigilar-folder.json").rename(house.data_dir / "elsewhere")
    assert house.runs(only_events=False).copy().state == "failed"
    assert house.told() == []


def test_run_that_was_killed_is_not_said_to_go_on(house: BackupHouse) -> None:
    begin_run(house.store, house.node_id, "", "copy", house.now_ms - 5)
    house.runs(only_events=False).copy()
    newest, killed = list_runs(house.store, house.node_id)
    assert (newest.state, killed.state, killed.ended_ms) == ("done", "stopped", house.now_ms)
