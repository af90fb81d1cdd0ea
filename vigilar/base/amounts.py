"""Amounts as people read them."""

from __future__ import annotations


def count_text(count: int, one: str) -> str:
    """``1 recording``, ``12 recordings``."""
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


def size_text(size_bytes: int) -> str:
    """``1.4 GB``: powers of a thousand, as disks are sold."""
    value = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def keep_text(ms: int) -> str:
    """How long something stays: ``24 days``, ``5 hours``, ``40 minutes``."""
    return " ".join(amount_of_days(ms / 86_400_000))


def amount_of_days(days: float) -> tuple[str, str]:
    """``days`` as a whole number of the largest unit of which there are two, and that unit."""
    if days >= 2:
        return f"{days:.0f}", "days"
    if days >= 2 / 24:
        return f"{days * 24:.0f}", "hours"
    minutes = f"{days * 1440:.0f}"
    return minutes, "minute" if minutes == "1" else "minutes"


def length_text(ms: int) -> str:
    """``40 s``, ``3 min 5 s`` or ``2 h 10 min``."""
    seconds = max(0, round(ms / 1000))
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
