"""What people read of a backup, when it is made, and that nothing unknown is ever called well."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from vigilar.backup.keeper import houses_kept
from vigilar.base.backup_state import NOT_SET_UP, BackupFacts, judge_backup
from vigilar.base.sftp_address import find_sftp_address
from vigilar.config.jobs import BackupJob
from vigilar.processes.backup import is_copy_due, is_drill_due, last_time_ms
from vigilar.store.backups import StateRow

HOUR_MS = 3_600_000
BERLIN = ZoneInfo("Europe/Berlin")


def ms(text: str) -> int:
    """UTC ms of a time of the house."""
    return round(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)


NOW = ms("2026-03-08T14:02:00")
WELL = BackupFacts(
    is_wanted=True, where="/mnt/nas", up_to_ms=ms("2026-03-08T14:00:00"), house_ms=ms("2026-03-08T14:01:00"),
    drilled_ms=ms("2026-03-01T04:00:00"),
)  # fmt: skip


def read(facts: BackupFacts, now_ms: int = NOW) -> tuple[str, str]:
    part = judge_backup(facts, now_ms, BERLIN)
    return part.state, part.sentence


def test_all_well_says_up_to_when_and_when_it_was_proved() -> None:
    assert read(WELL) == ("ok", "All up to 14:00 is in /mnt/nas (2 minutes behind). Proved by restore: 1 March.")
    assert judge_backup(WELL, NOW, BERLIN).short == "Backup 2 minutes behind."


def test_older_of_recordings_and_database_counts() -> None:
    older = replace(WELL, house_ms=ms("2026-03-07T03:31:00"))
    assert read(older) == (
        "bad",
        "All up to yesterday 03:31 is in /mnt/nas (35 hours behind). Proved by restore: 1 March.",
    )


def test_what_is_owed_is_said() -> None:
    assert "(2 minutes behind; 1 file is still to be copied)" in read(replace(WELL, owed_count=1))[1]
    assert "; 31 files are still to be copied)" in read(replace(WELL, owed_count=31))[1]


def test_nothing_unknown_is_well() -> None:
    assert read(BackupFacts(is_wanted=False)) == ("unknown", NOT_SET_UP)
    assert read(BackupFacts(is_wanted=True, where="/mnt/nas")) == (
        "unknown",
        "Nothing is known to be in /mnt/nas yet.",
    )
    assert read(replace(WELL, house_ms=None))[0] == "unknown"
    assert read(replace(WELL, is_silent=True))[0] == "unknown"


def test_trouble_comes_first_and_is_bad_once_it_is_late() -> None:
    away = replace(WELL, problem="/mnt/nas does not answer", since_ms=NOW)
    assert read(away)[0] == "warn"
    assert read(away)[1].startswith("/mnt/nas does not answer. All up to 14:00 is in /mnt/nas")
    assert judge_backup(away, NOW, BERLIN).cost == "What was recorded after 14:00 is on this box alone."
    assert read(away, NOW + 26 * HOUR_MS)[0] == "bad"
    assert read(away, NOW + 25 * HOUR_MS)[0] == "warn"


def test_backup_that_never_worked_gets_late_too() -> None:
    never = BackupFacts(is_wanted=True, where="/mnt/nas", problem="It is not there", since_ms=NOW)
    assert read(never)[0] == "warn"
    assert read(never, NOW + 27 * HOUR_MS)[0] == "bad"


def test_without_a_sheet_it_is_not_well() -> None:
    state, sentence = read(replace(WELL, has_sheet=False))
    assert state == "warn"
    assert "There is no recovery sheet" in sentence


def job(**changes: object) -> BackupJob:
    given: dict[str, object] = {
        "data_dir": Path("/data"), "secrets_dir": Path("/secrets"), "run_dir": Path("/run"), "database_url": "",
        "bus_host": "", "bus_port": 0, "bus_user": "", "bus_password": "", "config_file": Path("/c"),
        "target": "/mnt/nas", "time_zone": "Europe/Berlin",
    }  # fmt: skip
    return BackupJob(**{**given, **changes})  # type: ignore[arg-type]


def tried(text: str) -> StateRow:
    return StateRow(target="/mnt/nas", target_id="x", up_to_ms=1, tried_ms=ms(text))


@pytest.mark.parametrize(
    ("last", "now", "is_due"),
    [
        ("2026-03-08T03:30:00", "2026-03-08T14:00:00", False),
        ("2026-03-08T03:30:00", "2026-03-09T03:29:59", False),
        ("2026-03-08T03:30:00", "2026-03-09T03:30:00", True),
        ("2026-03-07T22:00:00", "2026-03-08T03:31:00", True),
        ("2026-03-05T03:30:00", "2026-03-08T14:00:00", True),  # the box was off at night
        ("2026-03-08T14:00:00", "2026-03-08T13:00:00", True),  # the clock was set back
        ("2026-03-28T03:30:00", "2026-03-29T03:30:00", True),  # the night in which summer time begins
        ("2026-10-24T03:30:00", "2026-10-25T03:30:00", True),
    ],
)
def test_once_a_day_by_the_clock_of_the_house(last: str, now: str, is_due: bool) -> None:
    assert is_copy_due(job(), tried(last), ms(now)) is is_due


@pytest.mark.parametrize(
    ("night", "at_min"), [("2026-03-29", 150), ("2026-03-29", 120), ("2026-10-25", 150), ("2026-10-25", 120)]
)
def test_nights_in_which_the_clock_changes_have_one_copy(night: str, at_min: int) -> None:
    """Of the hour that is left out, and of the one that comes twice."""
    state = tried(f"{night}T00:30:00")
    begin_ms = now_ms = ms(f"{night}T00:45:00")
    copied = []
    while now_ms < begin_ms + 24 * 3_600_000:
        if is_copy_due(job(at_min=at_min), state, now_ms):
            copied.append(now_ms)
            state = replace(state, tried_ms=now_ms)
        now_ms += 60_000
    assert len(copied) == 1


def test_every_quarter_of_an_hour() -> None:
    often = job(every_s=900.0)
    assert not is_copy_due(often, tried("2026-03-08T14:00:00"), ms("2026-03-08T14:14:59"))
    assert is_copy_due(often, tried("2026-03-08T14:00:00"), ms("2026-03-08T14:15:00"))


def test_first_time_and_another_target_are_due_at_once() -> None:
    assert is_copy_due(job(), StateRow(), NOW)
    assert is_copy_due(job(target="/mnt/other"), tried("2026-03-08T13:59:00"), NOW)


def test_last_time_of_the_day_is_of_the_house() -> None:
    assert last_time_ms(210, "Europe/Berlin", ms("2026-03-08T03:29:00")) == ms("2026-03-07T03:30:00")
    utc = round(datetime(2026, 3, 8, 3, 30, tzinfo=UTC).timestamp() * 1000)
    assert last_time_ms(210, "UTC", utc + 1) == utc


def test_drill_is_due_at_first_then_each_month_and_a_day_after_one_that_failed() -> None:
    day = 24 * HOUR_MS
    assert not is_drill_due(job(), StateRow(), NOW)
    assert is_drill_due(job(), StateRow(house_ms=1), NOW)
    proved = StateRow(house_ms=1, drilled_ms=NOW, drill_tried_ms=NOW - 5)
    assert not is_drill_due(job(), proved, NOW + 30 * day - 1)
    assert is_drill_due(job(), proved, NOW + 30 * day)
    failed = StateRow(house_ms=1, drilled_ms=NOW - 5, drill_tried_ms=NOW)
    assert not is_drill_due(job(), failed, NOW + day - 1)
    assert is_drill_due(job(), failed, NOW + day)


def test_newest_copy_of_each_of_seven_days_and_five_weeks_stays() -> None:
    day = 86_400
    hourly = [day * 70 + hour * 3600 for hour in range(24 * 60)]
    kept = sorted(houses_kept(hourly))
    newest_of = [day * (n + 1) - 3600 for n in range(70, 130)]
    # Days 123 to 129 are the last seven; weeks of seven days from day 0 on end with days 104, 111, 118, 125.
    assert kept == sorted({newest_of[n - 70] for n in (*range(123, 130), 104, 111, 118, 125)})
    assert houses_kept([5]) == {5}
    assert houses_kept([]) == frozenset()


@pytest.mark.parametrize(
    ("text", "host", "port", "folder"),
    [
        ("sftp://sam@nas.local/vigilar", "nas.local", 22, "/vigilar"),
        ("sftp://sam@10.0.0.9:2222/mnt/a b/", "10.0.0.9", 2222, "/mnt/a b"),
        ("sftp://sam@[fd00::9]/~/vigilar", "fd00::9", 22, "vigilar"),
    ],
)
def test_sftp_address(text: str, host: str, port: int, folder: str) -> None:
    found = find_sftp_address(text)
    assert found is not None
    assert (found.user, found.host, found.port, found.folder) == ("sam", host, port, folder)


@pytest.mark.parametrize(
    "text",
    ["sftp://nas/x", "sftp://sam:secret@nas/x", "sftp://sam@nas", "sftp://sam@nas:99999/x", "/mnt/nas", "smb://a"],
)
def test_what_is_no_sftp_address(text: str) -> None:
    assert find_sftp_address(text) is None
