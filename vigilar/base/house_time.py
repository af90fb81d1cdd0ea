"""Times of day as the house's clock shows them, and lengths as a counter shows them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def house_time(ms: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone)


def clock_text(ms: int, zone: tzinfo) -> str:
    """``14:03:11``; ``02:15:00 CEST`` where the clocks show the same an hour later or earlier."""
    return house_time(ms, zone).strftime("%H:%M:%S %Z" if comes_twice(ms, zone) else "%H:%M:%S")


def comes_twice(ms: int, zone: tzinfo) -> bool:
    """Whether the house's clock shows this time at another moment as well: in the night when summer time ends."""
    at = house_time(ms, zone)
    return at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()


def for_text(ms: int) -> str:
    """How long something lasts, as a counter: ``00:42`` or ``2:03:11``."""
    seconds = max(0, ms // 1000)
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60:02d}:{rest % 60:02d}"
