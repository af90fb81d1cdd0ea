"""What is remembered of Home Assistant in the data folder: that something is published for it, and what it said last.

The note is there before the first thing is published and goes after the last was taken away, so whoever switches the
integration off finds that there is something to take away, also when the house was off meanwhile.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from vigilar.base.atomic import fsync_folder, write_atomic

_FILE = "home-assistant.json"


@dataclass(frozen=True, slots=True)
class HomeNote:
    """``said`` is ``online``, ``offline``, or empty before the first word; ``said_ms`` UTC ms of that word."""

    said: str = ""
    said_ms: int = 0


def find_note(data_dir: Path) -> HomeNote | None:
    """None while nothing is published. One that cannot be read still says that something is."""
    try:
        raw = json.loads((data_dir / _FILE).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return HomeNote()
    said, said_ms = (raw.get("said"), raw.get("said_ms")) if isinstance(raw, dict) else ("", 0)
    return HomeNote(said if said in ("online", "offline") else "", said_ms if isinstance(said_ms, int) else 0)


def save_note(data_dir: Path, note: HomeNote) -> None:
    """Raises OSError."""
    write_atomic(data_dir / _FILE, json.dumps(asdict(note)).encode())


def forget_note(data_dir: Path) -> None:
    """Raises OSError."""
    (data_dir / _FILE).unlink(missing_ok=True)
    fsync_folder(data_dir)
