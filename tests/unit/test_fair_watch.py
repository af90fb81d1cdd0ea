"""The watch by which tests judge promises on a machine that works for others as well."""

from __future__ import annotations

import time
from itertools import count

import pytest

from tests import fair_watch
from tests.fair_watch import FairLog


def test_log_leaves_out_what_was_crowded_between_two_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at 100, 101, 102 ... s; from 102 to 103 somebody had to wait for half a second."""
    moments = count(100)
    monkeypatch.setattr(time, "time", lambda: float(next(moments)))
    crowded = iter([7.0, 7.0, 7.0, 7.5, 7.5, 7.5])
    monkeypatch.setattr(fair_watch, "_crowded_s", lambda: next(crowded))
    log = FairLog()
    for _ in range(6):
        log._look()
    assert log.between_s(100.2, 101.8) == pytest.approx(1.6)
    assert log.between_s(100.2, 102.6) == pytest.approx(1.9)
    assert log.between_s(103.2, 104.8) == pytest.approx(1.6)
    assert log.between_s(102.1, 102.4) == 0.0
    assert log.between_s(90.0, 101.0) == pytest.approx(11.0), "of what was before it, it knows nothing"
    assert log.between_s(104.0, 103.0) == pytest.approx(-1.0)
