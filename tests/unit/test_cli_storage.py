"""``vigilar storage`` on a real database and real files."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.upkeep_kit import MIB, Box, box
from vigilar.base.clock import SimulatedClock
from vigilar.base.errors import ExitCode
from vigilar.cli.program import run
from vigilar.store import events
from vigilar.store.deletions import list_deletions


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Box]:
    """Ten days of two cameras, 40 MiB a day."""
    with box(tmp_path) as made:
        made = replace(made, clock=SimulatedClock(time.time_ns()))
        for day in range(10, 0, -1):
            made.record("front", ago_s=day * 86_400, size=30 * MIB)
            made.record("side", ago_s=day * 86_400, size=10 * MIB)
        yield made


def settings(house: Box, *lines: str) -> None:
    (house.data_dir / "vigilar.toml").write_text("\n".join(["[storage]", *lines]), encoding="utf-8")


def told(house: Box, capsys: pytest.CaptureFixture[str], *args: str, code: int = ExitCode.OK) -> Any:
    assert run(["storage", *args, "--data-dir", str(house.data_dir), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_show_says_what_is_there(house: Box, capsys: pytest.CaptureFixture[str]) -> None:
    settings(house, 'quota = "1 GB"', 'keep = "30d"')
    found = told(house, capsys, "show")
    assert found["used_bytes"] == 400 * MIB
    assert found["quota_bytes"] == 10**9
    assert [(one["id"], one["bytes"]) for one in found["cameras"]] == [("front", 300 * MIB), ("side", 100 * MIB)]
    assert run(["storage", "show", "--data-dir", str(house.data_dir)]) == 0
    out = capsys.readouterr().out
    assert "419 MB of recordings" in out
    assert "Kept 30 days, at most 1.0 GB" in out


def test_forecast_gives_a_range(house: Box, capsys: pytest.CaptureFixture[str]) -> None:
    settings(house, 'quota = "1 GB"')
    found = told(house, capsys, "forecast")
    assert found["forecast"]["sentence"] == "At this rate you keep 24 days (24 to 24)."
    assert found["forecast"]["days_low"] == pytest.approx(10**9 / (40 * MIB))
    assert [one["bytes_per_day"] for one in found["cameras"]] == [30 * MIB, 10 * MIB]


def test_dry_run_changes_nothing(house: Box, capsys: pytest.CaptureFixture[str]) -> None:
    before = house.left()
    found = told(house, capsys, "prune", "--keep", "3d", "--dry-run")
    assert (found["is_done"], found["files"], found["bytes"], found["needs_word"]) == (False, 14, 280 * MIB, True)
    assert found["cameras"] == ["front", "side"]
    assert house.left() == before
    assert run(["storage", "prune", "--keep", "3d", "--dry-run", "--data-dir", str(house.data_dir)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Would delete 294 MB, ")
    done, needs = out.splitlines()
    assert done.endswith("2 cameras. Nothing was changed.")
    assert "it needs --yes" in needs
    assert run(["storage", "prune", "--dry-run", "--data-dir", str(house.data_dir)]) == 0
    assert "--yes" not in capsys.readouterr().out


def test_other_rules_need_a_yes(house: Box, capsys: pytest.CaptureFixture[str]) -> None:
    events.set_kept(house.store, house.event("front", ago_s=10 * 86_400 - 60).id, kept=True)
    assert run(["storage", "prune", "--keep", "7d", "--data-dir", str(house.data_dir)]) == ExitCode.REFUSED
    assert len(house.left()) == 20
    assert "Add --yes" in capsys.readouterr().err
    found = told(house, capsys, "prune", "--keep", "7d", "--yes")
    assert (found["is_done"], found["files"], found["kept_files"]) == (True, 5, 1)
    assert len(house.left()) == 15
    assert {row.why for row in list_deletions(house.store, house.node_id)} == {"owner"}


def test_settings_are_carried_out_without_asking_up_to_half(house: Box, capsys: pytest.CaptureFixture[str]) -> None:
    settings(house, 'quota = "300 MB"')
    assert told(house, capsys, "prune")["is_done"] is True
    assert {row.why for row in list_deletions(house.store, house.node_id)} == {"quota"}
    settings(house, 'quota = "100 MB"')
    left = house.left()
    assert run(["storage", "prune", "--data-dir", str(house.data_dir)]) == ExitCode.REFUSED
    assert house.left() == left
    capsys.readouterr()
    assert told(house, capsys, "show")["waiting"][0]["why"] == "quota"
    assert told(house, capsys, "prune", "--yes")["is_done"] is True
    assert len(house.left()) < len(left) / 2


@pytest.mark.parametrize("option", [("--keep", "soon"), ("--quota", "lots"), ("--quota", "10")])
def test_what_is_no_rule_is_wrong_use(house: Box, option: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["storage", "prune", *option, "--data-dir", str(house.data_dir)]) == ExitCode.USAGE
    assert f"{option[0]} must be" in capsys.readouterr().err


def test_nothing_to_do_is_said(house: Box, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["storage", "prune", "--data-dir", str(house.data_dir)]) == 0
    assert capsys.readouterr().err == "Nothing is beyond the rules.\n"
