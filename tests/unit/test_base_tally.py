"""Repeated errors: each counted, one line a second."""

from __future__ import annotations

import logging

import pytest

from vigilar.base.tally import Tally


def test_burst_is_one_line_and_all_counted(caplog: pytest.LogCaptureFixture) -> None:
    now_s = 100.0
    tally = Tally(logging.getLogger("test"), "dropped", mono_s=lambda: now_s)
    for number in range(50):
        tally.add(number)
    now_s = 101.0
    tally.add("late")
    assert tally.count == 51
    assert [record.getMessage() for record in caplog.records] == [
        "dropped: 0",
        "dropped: late (50 since the last line, 51 in all)",
    ]
