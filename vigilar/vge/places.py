"""Where the keys lie in relation to what they open, and all files that they may open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("footage", "stills", "storyboards", "quarantine")
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


BESIDE = (
    "The keys lie on the same disk as the recordings: who takes the box, or its disk, can look at them. "
    "To part them, put the folder of the secrets on another disk or a stick."
)
"""Said where people ask how their house is."""
