"""Backup and restore killed at random moments: what is at the target is whole, and all comes back bit by bit."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.backup_kit import HOUR_S, BackupHouse, backup_house

FILES = 24
FILE_BYTES = 2_500_000
LIMIT = "200 Mbit/s"
"""So that a kill hits the moment that was picked, and not the end of the run."""

LOOK_S = 0.002


@dataclass(slots=True)
class Found:
    """``torn``: files under their own name that were not whole, at any moment. ``different``: of the restored house."""

    kills: int = 0
    ended_first: int = 0
    torn: int = 0
    different: int = 0
    parts_seen: int = 0
    restore_s: float = 0.0


def sweep(folder: Path, kills: int, seed: int, files: int = FILES) -> Found:
    """Kill a backup and a restore ``kills`` times, half each, and let both end. ``folder`` is empty."""
    pick, found = random.Random(seed), Found()
    with backup_house(folder, nas_mib=64 + 2 * files * FILE_BYTES // 1_000_000) as house:
        for number in range(files):
            house.record(ago_s=HOUR_S * (number + 1), size=FILE_BYTES)
        settings = f'[backup]\ntarget = "{house.nas}"\nwhat = "all"\nlimit = "{LIMIT}"\n'
        (house.data_dir / "vigilar.toml").write_text(settings, encoding="utf-8")
        house.store.close()
        backup = ["backup", "now", "--data-dir", str(house.data_dir)]
        for _ in range(kills // 2):
            left = files * FILE_BYTES - _bytes_in(house.nas)
            _kill(backup, house.nas, _bytes_in(house.nas) + _moment(pick, left), found)
            found.torn += _count_torn(house)
            found.parts_seen += any((house.nas / "incoming").glob("*.part"))
        subprocess.run(_command(backup), check=True, stdout=subprocess.DEVNULL)
        found.torn += _count_torn(house)
        _restore(house, folder / "new", kills - kills // 2, pick, found)
    return found


def _restore(house: BackupHouse, new: Path, kills: int, pick: random.Random, found: Found) -> None:
    words = " ".join(house.sheet.words)
    command = ["backup", "restore", str(house.nas), "--data-dir", str(new)]
    for _ in range(kills):
        _kill(command, new, _moment(pick, _bytes_in(house.nas)), found, words)
        if (new / "vigilar.db").exists():
            found.different += _count_different(house, new)
            subprocess.run(["rm", "-rf", new], check=True)
    began = time.monotonic()
    subprocess.run(_command(command), check=True, stdout=subprocess.DEVNULL, input=words.encode())
    found.restore_s = time.monotonic() - began
    found.different += _count_different(house, new)


def _moment(pick: random.Random, left_bytes: int) -> int:
    """So many bytes later; a few kills hit the beginning, before anything was written."""
    return 0 if pick.random() < 0.1 else pick.randrange(max(1, left_bytes))


def _kill(args: list[str], folder: Path, at_bytes: int, found: Found, told: str = "") -> None:
    """Run a command, and kill it as soon as ``folder`` holds so much."""
    process = subprocess.Popen(
        _command(args), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    if process.stdin is not None:
        process.stdin.write(told.encode())
        process.stdin.close()
    found.kills += 1
    while process.poll() is None and _bytes_in(folder) < at_bytes:
        time.sleep(LOOK_S)
    found.ended_first += process.poll() is not None
    process.kill()
    process.wait()


def _bytes_in(folder: Path) -> int:
    """Of recordings, whole or not; a file may be renamed while this looks."""
    size = 0
    for within, _, names in os.walk(folder):  # which bears that a folder goes while it looks
        for name in names:
            with suppress(FileNotFoundError):
                size += (Path(within) / name).stat().st_size if name.endswith((".vge", ".part")) else 0
    return size


def _command(args: list[str]) -> list[str]:
    return [sys.executable, "-m", "vigilar", *args]


def _count_torn(house: BackupHouse) -> int:
    names = [path.relative_to(house.nas) for path in house.nas.rglob("footage/**/*.vge")]
    return sum((house.nas / name).read_bytes() != (house.data_dir / name).read_bytes() for name in names)


def _count_different(house: BackupHouse, new: Path) -> int:
    wanted = {
        path.relative_to(house.data_dir): path.read_bytes()
        for part in ("footage", "secrets")
        for path in (house.data_dir / part).rglob("*")
        if path.is_file()
    }
    there = {name for part in ("footage", "secrets") for path in (new / part).rglob("*") if path.is_file()
             for name in [path.relative_to(new)]}  # fmt: skip
    changed = sum(not (new / name).is_file() or (new / name).read_bytes() != data for name, data in wanted.items())
    return changed + len(there - set(wanted))
