"""Amounts as people read them."""

from __future__ import annotations


def size_text(size_bytes: int) -> str:
    """``1.4 GB``: powers of a thousand, as disks are sold."""
    value = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def keep_text(ms: int) -> str:
    """How long something stays: ``24 days``, ``5 hours``, ``40 minutes``, in whole numbers from two of each on."""
    return "{} {}".format(*amount_of_days(ms / 86_400_000, ms / 86_400_000))


def amount_of_days(days: float, as_in: float) -> tuple[str, str]:
    """``days`` as a number, and the unit that suits ``as_in`` days."""
    for unit, in_a_day in (("days", 1), ("hours", 24), ("minutes", 1440)):
        if as_in * in_a_day >= 2 or unit == "minutes":
            break
    number = f"{days * in_a_day:.0f}"
    return number, unit
