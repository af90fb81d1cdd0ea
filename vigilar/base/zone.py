"""Time zones by name, on machines that may know none (no ``tzdata``)."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, tzinfo


def load_zone(name: str) -> tzinfo:
    """The zone of that IANA name; UTC where the machine does not know it."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
