"""Where the recordings of cameras lie in a data folder. Reads names alone."""

from __future__ import annotations

import os
from pathlib import Path

from vigilar.store.files import Content

HOMES: dict[Content, str] = {"video": "footage", "still": "stills", "storyboard": "storyboards"}
"""The folder of each content in the data folder; in it lie one of each camera, and in that one of each day."""


def list_homes(data_dir: Path) -> list[str]:
    """The ids of all cameras of which there is a folder, also one that the disk does not give back. Raises OSError."""
    tops = [data_dir / name for name in HOMES.values()]
    return sorted({home_id for top in tops if top.is_dir() for home_id in _folders_of(top)})


def _folders_of(top: Path) -> list[str]:
    """By what ``top`` says of its entries: none of them is asked, as ``Path.is_dir`` would."""
    with os.scandir(top) as entries:
        return [one.name for one in entries if one.is_dir()]
