"""The page of the backup through Flask's own client: what it says, what its buttons ask for, and who may press them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.browser.house import House, open_house
from vigilar.store.backups import begin_run, change_state, end_run, list_asked
from vigilar.web.health import BOARD

PAGE = {"Accept": "text/html"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


def set_up(house: House, **progress: object) -> None:
    """A backup whose process runs, that was all well two minutes ago."""
    house.parts.use_settings(replace(house.parts.cfg, backup_to="/mnt/nas"))
    now = house.now_ms()
    changes = {"target": "/mnt/nas", "target_id": "x", "tried_ms": now - 120_000, "up_to_ms": now - 120_000}
    change_state(house.store, house.node_id, **changes, house_ms=now - 120_000)
    run_id = begin_run(house.store, house.node_id, "x", "copy", now - 120_000)
    end_run(
        house.store, run_id, "done", now - 100_000, file_count=3, size_bytes=9_000_000,
        sentence="3 files copied, 9.0 MB.",
    )  # fmt: skip
    told = {"work": "", "done": 0, "all": 0, "done_bytes": 0, "all_bytes": 0, **progress}
    status = {"progress": told}
    BOARD.set_processes({"backup": {"state": "running", "pid": 1, "status": status}}, now)


def test_house_without_a_backup_is_told_how_to_set_one_up(house: House) -> None:
    client = house.client()
    page = client.get("/system/backup").get_data(as_text=True)
    assert "No backup is set up: who takes this box takes the recordings." in page
    assert "[backup]" in page
    assert client.get("/api/v1/backup").get_json()["state"] == "unknown"
    assert client.post("/api/v1/backup/copy").status_code == 409
    assert list_asked(house.store, house.node_id) == []


def test_page_says_up_to_when_and_how_it_went(house: House) -> None:
    client = house.client()
    set_up(house)
    page = client.get("/system/backup").get_data(as_text=True)
    assert "is in /mnt/nas (2 minutes behind)" in page
    assert "There is no recovery sheet" in page
    assert "3 files copied, 9.0 MB." in page
    assert "At most 2 minutes behind" in page
    assert "<polyline points=" in page
    found = client.get("/api/v1/backup").get_json()
    assert (found["state"], found["problem"], found["progress"]) == ("warn", "", None)


def test_silent_process_is_not_called_well(house: House) -> None:
    client = house.client()
    set_up(house)
    BOARD.clear()
    assert client.get("/api/v1/backup").get_json()["state"] == "unknown"
    assert "its program does not run" in client.get("/system/backup").get_data(as_text=True)


def test_trouble_is_shown_with_what_to_do(house: House) -> None:
    client = house.client()
    set_up(house)
    change_state(
        house.store, house.node_id, problem="backup.full", sentence="/mnt/nas is full", next_step="Free space there.",
        since_ms=house.now_ms() - 60_000,
    )  # fmt: skip
    page = client.get("/system/backup").get_data(as_text=True)
    assert "/mnt/nas is full." in page
    assert "Free space there." in page
    found = client.get("/api/v1/backup").get_json()
    assert (found["state"], found["problem"], found["next_step"]) == ("warn", "backup.full", "Free space there.")


def test_progress_is_shown_while_it_goes_on(house: House) -> None:
    client = house.client()
    set_up(house, work="copy", done=3, all=12, done_bytes=25_000_000, all_bytes=100_000_000)
    page = client.get("/system/backup").get_data(as_text=True)
    assert "Copying now" in page
    assert "3 of 12 files" in page
    assert client.get("/api/v1/backup").get_json()["progress"] == {"work": "copy", "percent": 25}


def test_buttons_ask_without_script(house: House) -> None:
    client = house.client()
    set_up(house)
    for work in ("copy", "check", "deep", "drill"):
        answer = client.post(f"/system/backup/{work}")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/system/backup")
    assert sorted(list_asked(house.store, house.node_id)) == ["check", "copy", "deep", "drill"]
    assert client.post("/system/backup/format").status_code == 404


def test_child_may_neither_look_nor_ask(house: House) -> None:
    child = house.member("child")
    set_up(house)
    assert child.get("/system/backup", headers=PAGE).status_code == 403
    assert child.post("/api/v1/backup/copy").status_code == 403
