"""``vigilar wildlife report`` on a real data folder."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.house import House, open_house
from tests.flow.command_line import vigilar
from vigilar.base.errors import ExitCode


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        house.member("guest")  # makes the cameras' rows
        yield house


def test_report_counts_what_came(house: House) -> None:
    assert vigilar(house.folder, "wildlife", "report").err == "None in 30 days; 0 h watched.\n"
    for kind in ("animal", "animal", "bird", "person"):
        house.event("motion", "garden", what=kind, title=f"{kind}, Garden")
    told = vigilar(house.folder, "wildlife", "report", "--json").json
    assert {one["name"]: one["visits"] for one in told["species"]} == {"Animal": 2, "Bird": 1}
    assert all(sum(one["hours"]) == one["visits"] for one in told["species"])
    text = vigilar(house.folder, "wildlife", "report").out
    assert "2 visits" in text
    assert "1 visit " in text
    rows = list(csv.DictReader(vigilar(house.folder, "wildlife", "report", "--csv").out.splitlines()))
    assert sum(int(row["visits"]) for row in rows if row["name"] == "Animal") == 2
    assert len(rows) == 2 * 24
    shed = vigilar(house.folder, "wildlife", "report", "--camera", "shed", "--json").json
    assert shed["species"] == []


def test_unknown_camera_is_said(house: House) -> None:
    told = vigilar(house.folder, "wildlife", "report", "--camera", "nope")
    assert told.code == ExitCode.NOT_FOUND
