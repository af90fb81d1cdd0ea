"""Drives that come and go: a loop-mounted ext4, and a FUSE folder that hangs on a switch."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rtsp.server import SYSTEM_PYTHON
from tests.system.house import ROOT

SIZE = "300M"


@dataclass(frozen=True, slots=True)
class LoopDrive:
    """An ext4 in a file, and the ordinary folder on which it is mounted."""

    image: Path
    folder: Path

    def mount(self) -> None:
        _run("mount", "-o", "loop", str(self.image), str(self.folder))

    def pull(self) -> None:
        """Take it away although it is in use."""
        _run("umount", "--lazy", str(self.folder))

    def left_behind(self) -> list[Path]:
        """What lies under the mount point."""
        return list(self.folder.rglob("*"))


@contextlib.contextmanager
def loop_drive(folder: Path) -> Iterator[LoopDrive]:
    """A new drive, not mounted. Skips, with the reason, where the machine mounts nothing for us."""
    drive = LoopDrive(folder / "drive.img", folder / "drive")
    drive.folder.mkdir(parents=True)
    try:
        _run("truncate", "--size", SIZE, str(drive.image))
        _run("mkfs.ext4", "-q", str(drive.image))
        drive.mount()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this machine mounts no loop drive: {_reason(error)}")
    _run("umount", str(drive.folder))
    try:
        yield drive
    finally:
        subprocess.run(["umount", "--lazy", str(drive.folder)], check=False, capture_output=True)


@dataclass(frozen=True, slots=True)
class HangingDrive:
    """A mounted FUSE folder (``tests/system/fuse_folder.py``)."""

    folder: Path
    switch: Path

    def hang(self) -> None:
        """Somebody is about to sync each folder: the kernel then keeps whoever looks for a name in it, too."""
        folders = [self.folder, *(one for one in self.folder.rglob("*") if one.is_dir())]
        self.switch.touch()
        for one in folders:
            threading.Thread(target=_sync, args=(one,), name=f"sync {one.name}", daemon=True).start()

    def answer(self) -> None:
        self.switch.unlink(missing_ok=True)


@contextlib.contextmanager
def hanging_drive(folder: Path) -> Iterator[HangingDrive]:
    """Skips, with the reason, where there is no FUSE."""
    backing, drive = folder / "backing", HangingDrive(folder / "drive", folder / "hang")
    backing.mkdir()
    drive.folder.mkdir()
    script = ROOT / "tests" / "system" / "fuse_folder.py"
    command = [SYSTEM_PYTHON, str(script), str(backing), str(drive.folder), str(drive.switch)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 20.0
        while not drive.folder.is_mount():
            if process.poll() is not None:
                assert process.stderr
                last = (process.stderr.read().strip().splitlines() or ["no reason given"])[-1]
                pytest.skip(f"this machine mounts no FUSE folder: {last}")
            assert time.monotonic() < deadline, "the FUSE folder is not mounted within 20 s"
            time.sleep(0.05)
        yield drive
    finally:
        drive.answer()
        subprocess.run(["umount", "--lazy", str(drive.folder)], check=False, capture_output=True)
        process.terminate()
        process.communicate()


def _sync(folder: Path) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _reason(error: OSError | subprocess.CalledProcessError) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return bytes(error.stderr).decode(errors="replace").strip()
    return str(error)
