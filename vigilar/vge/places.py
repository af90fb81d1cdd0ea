"""Where the keys lie in relation to what they open, and all files that they may open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vigilar.base.errors import RecordingError
from vigilar.vge.keys import has_key_lock, is_house_locked, load_sheet_id

FOLDERS = ("footage", "stills", "storyboards", "exports", "reels", "quarantine")
"""Where sealed files lie, in the data folder."""


def sealed_files(data_dir: Path) -> Iterator[Path]:
    """All of them, in no order."""
    for name in FOLDERS:
        yield from (data_dir / name).rglob("*.vge")


def is_beside(secrets_dir: Path, data_dir: Path) -> bool:
    """Whether the keys lie on the disk of what they open, so that who takes that disk can look at all of it. False when
    that cannot be told."""
    try:
        return secrets_dir.stat().st_dev == data_dir.stat().st_dev
    except OSError:
        return False


def key_notes(secrets_dir: Path, data_dir: Path) -> list[str]:
    """What the owner should know of the keys, in sentences; none when all is as it should be."""
    is_open = not has_key_lock(secrets_dir) and is_beside(secrets_dir, data_dir)
    notes = [BESIDE] if is_open else []
    return notes if has_sheet(secrets_dir) else [*notes, NO_SHEET]


def has_sheet(secrets_dir: Path) -> bool:
    """Whether there is a recovery sheet: without the box, nothing else opens what was recorded."""
    try:
        return load_sheet_id(secrets_dir) is not None
    except RecordingError:
        return True  # it is there, and what is wrong with it is said by who needs it


NO_SHEET = (
    "There is no recovery sheet: if this box is lost or its disk of secrets dies, no recording can be opened. "
    "Print one: on the page under System, Keys, or on the box vigilar keys recovery"
)

BESIDE = (
    "The keys lie on the same disk as the recordings: who takes the box, or its disk, can look at them. "
    "To lock them up, on the box: vigilar keys passphrase set, or vigilar keys stick make"
)
"""Said where people ask how their house is."""

LOCKED = (
    "Recording goes on, and what was recorded before this start is locked. "
    "Put the key stick in, or give the passphrase: on the page under System, Keys, or vigilar keys unlock"
)


def lock_problem(secrets_dir: Path) -> str:
    """What a person must do about the keys, in a sentence; empty when nothing."""
    try:
        return LOCKED if is_house_locked(secrets_dir) else ""
    except RecordingError as error:
        return f"The keys cannot be read: {error}"
