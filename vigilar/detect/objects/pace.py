"""How often a visit is looked at: names are found soon, and who stays long costs little. Pure."""

from __future__ import annotations

PACE_S = ((3.0, 0.2), (30.0, 0.4), (float("inf"), 1.0))
"""Up to so long after a visit's beginning a look comes at most every so many seconds."""


def look_gap_s(since_s: float) -> float:
    """The least time between two looks, ``since_s`` after the visit's beginning."""
    return next(gap_s for until_s, gap_s in PACE_S if since_s < until_s)
