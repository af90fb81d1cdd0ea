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
