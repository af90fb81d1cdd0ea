"""Where the files of a camera lie: a folder each UTC day, each file named by its number.

footage/<camera>/<UTC day>/<number>.vge      stills/<camera>/<UTC day>/<number>.vge
storyboards/<camera>/<UTC day>/<number>.vge
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from pathlib import Path

from vigilar.store.files import Content

FOLDERS: dict[Content, str] = {"video": "footage", "still": "stills", "storyboard": "storyboards"}

LOOK_BACK_DAYS = 2
"""Newest folders in which a process looks for what the one before it left: that died in the newest one, or at
midnight between two."""


def day_of(utc_ns: int) -> str:
    """The UTC day, which names the folder.

    >>> day_of(1_770_000_000_000_000_000)
    '2026-02-02'
    """
    return time.strftime("%Y-%m-%d", time.gmtime(utc_ns // 1_000_000_000))


def day_start_ms(day: str) -> int | None:
    """The first millisecond of the folder's UTC day; None for a folder that is none of ours."""
    try:
        # Not strptime: it loads and compiles half a megabyte in each camera process.
        return int(datetime.combine(date.fromisoformat(day), time_of_day(), UTC).timestamp() * 1000)
    except ValueError:
        return None


def all_days(home: Path) -> list[Path]:
    """The folders of days in ``home``, the oldest first; none while there is no ``home``. May raise OSError."""
    if not home.is_dir():
        return []
    return sorted(path for path in home.iterdir() if day_start_ms(path.name) is not None)


def newest_days(home: Path, now_ns: int) -> list[Path]:
    """The newest LOOK_BACK_DAYS of ``all_days`` up to ``now_ns`` (UTC), and of those ahead of it.

    Those ahead are of a clock that was ahead once, and then older than they say; or the clock is behind now, as on a
    box without a battery before it has asked for the time, and they are the newest. The numbers of the files tell.
    """
    days, today = all_days(home), day_of(now_ns)
    ahead = [day for day in days if day.name > today]
    return days[: len(days) - len(ahead)][-LOOK_BACK_DAYS:] + ahead[-LOOK_BACK_DAYS:]


def number_of(name: str) -> int:
    """The number in a file's name; -1 when it is none of ours."""
    stem = name.removesuffix(".vge")
    return int(stem) if stem.isascii() and stem.isdigit() else -1
