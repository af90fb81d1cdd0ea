"""The crash lab: interrupts real work at its system calls, by death, error or power cut, and judges what is left.

``strace`` attaches to a forked, waiting child and makes one system call fail or deadly. A power cut is a death and the
shutdown of a loop-mounted ext4 without its log: what was not synced is gone. Source: linux/fs/ext4/ext4.h,
EXT4_IOC_SHUTDOWN; strace(1), tampering.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.system.crash_work import REFUSED, WORKS
from tests.system.house import ROOT

EXT4_IOC_SHUTDOWN = 0x8004587D
WITHOUT_LOG = 2

WRITES = "write,pwrite64,writev,pwritev"
SYNCS = "fsync,fdatasync"
NAMES = "rename,renameat,renameat2,unlink,unlinkat,mkdir,ftruncate"

EFFECTS = {
    "kill": "signal=KILL",
    "cut": "signal=KILL",
    "EIO": "error=EIO",
    "ENOSPC": "error=ENOSPC",
    "slow": "delay_enter=1500000",
}
"""What happens at the call -> how strace is told."""


def why_not() -> str:
    """Why there is no lab here; empty when there is one."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    child = subprocess.Popen(["sleep", "300"])
    command = ["strace", "-p", str(child.pid), "-o", "/dev/null"]
    try:
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert tracer.stderr is not None
        said = tracer.stderr.readline()
        tracer.terminate()
        tracer.communicate()
    finally:
        child.kill()
        child.wait()
    return "" if "attached" in said else f"strace may not attach here: {said.strip()}"


class Disk:
    """A loop-mounted ext4 whose power can be cut."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.folder = folder
        self._image = image

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", str(self._image), str(self.folder)], check=True, capture_output=True)

    def sync(self) -> None:
        subprocess.run(["sync", "-f", str(self.folder)], check=True)

    def cut(self) -> None:
        """What is not on the disk by now never will be; the file system is mounted again, as after a reboot.

        From a copy of its image: a mount that another name space still holds would keep the dead file system alive.
        """
        fd = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", WITHOUT_LOG))
        finally:
            os.close(fd)
        subprocess.run(["umount", str(self.folder)], check=True, capture_output=True)
        again = self._image.with_suffix(".again")
        subprocess.run(["cp", "--sparse=always", str(self._image), str(again)], check=True)
        again.replace(self._image)
        self.mount()


@contextlib.contextmanager
def power_disk(folder: Path, size: str = "128M") -> Iterator[Disk]:
    """A mounted disk; skips, with the reason, where the machine makes none or refuses to cut its power."""
    image, place = folder / "power.img", folder / "power"
    place.mkdir(parents=True)
    disk = Disk(image, place)
    try:
        subprocess.run(["truncate", "--size", size, str(image)], check=True, capture_output=True)
        subprocess.run(["mkfs.ext4", "-q", str(image)], check=True, capture_output=True)
        disk.mount()
    except (OSError, subprocess.CalledProcessError) as error:
        said = error.stderr.decode().strip() if isinstance(error, subprocess.CalledProcessError) else error
        pytest.skip(f"this machine mounts no loop disk: {said}")
    try:
        try:
            disk.cut()
        except OSError as error:
            pytest.skip(f"this kernel cuts no power: {error}")
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)


@dataclass(slots=True)
class Swept:
    """``points``: calls at which the fault fired. ``problems``: what was wrong after which."""

    points: int = 0
    problems: list[str] = field(default_factory=list)


class Lab:
    """One warm server of works. Close it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "strace.log"
        self._errors = (folder / "errors").open("w+")
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.system.crash_work"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def close(self) -> None:
        self._server.communicate()
        self._errors.close()

    def prepared(self, work: str) -> Path:
        """A folder on which the work may run, to be copied."""
        made = self._folder / f"{work}-made" / "data"
        if not made.exists():
            WORKS[work].prepare(made)
        return made

    def sweep(
        self, work: str, calls: str, effect: str, *, disk: Disk | None = None, first: int = 1, step: int = 1,
        at_most: int = 100_000,
    ) -> Swept:  # fmt: skip
        """The fault at call ``first``, ``first + step``, ... until it does not fire any more."""
        done = Swept()
        number = first
        while done.points < at_most:
            problems = self.try_one(work, calls, effect, number, disk)
            if problems is None:
                break
            done.points += 1
            done.problems += [f"{work}, {effect} at {calls.split(',')[0]}... {number}: {one}" for one in problems]
            number += step
        return done

    def try_one(self, work: str, calls: str, effect: str, number: int, disk: Disk | None = None) -> list[str] | None:
        """What is wrong after the fault at one call; None when there is no such call."""
        folder = self._lay(work, disk)
        code = self._interrupt(work, folder, f"inject={calls}:{EFFECTS[effect]}:when={number}", calls)
        has_fired = code == -9 if effect in ("kill", "cut") else "(INJECTED)" in self._log.read_text(errors="replace")
        if not has_fired:
            return None
        if effect == "cut":
            assert disk is not None
            disk.cut()
        problems = [] if code in (0, REFUSED, -9) else [f"it ended with {code}: {self._said()}"]
        return problems + WORKS[work].judge(folder)

    def run_slowly(self, work: str, calls: str) -> list[str]:
        """What is wrong after each of the calls took 1.5 s."""
        folder = self._lay(work, None)
        code = self._interrupt(work, folder, f"inject={calls}:{EFFECTS['slow']}", calls)
        assert "(DELAYED)" in self._log.read_text(errors="replace")
        return ([] if code == 0 else [f"it ended with {code}: {self._said()}"]) + WORKS[work].judge(folder)

    def _lay(self, work: str, disk: Disk | None) -> Path:
        place = (disk.folder if disk else self._folder) / "work"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.prepared(work).parent, place)
        if disk:
            disk.sync()
        return place / "data"

    def _interrupt(self, work: str, folder: Path, fault: str, calls: str) -> int:
        """How the child ended: its exit code, or -9."""
        pid = int(self._ask(json.dumps({"work": work, "folder": str(folder)})))
        command = ["strace", "-f", "-o", str(self._log), "-e", f"trace={calls}", "-e", fault, "-p", str(pid)]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert tracer.stderr is not None
        said = tracer.stderr.readline()
        assert "attached" in said, said
        code = int(self._ask("go"))
        tracer.communicate()
        return code

    def _ask(self, line: str) -> str:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(f"{line}\n")
        self._server.stdin.flush()
        return self._server.stdout.readline()

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-600:]


@contextlib.contextmanager
def crash_lab(folder: Path) -> Iterator[Lab]:
    """Skips, with the reason, where there can be none."""
    if reason := why_not():
        pytest.skip(f"no crash lab: {reason}")
    lab = Lab(folder)
    try:
        yield lab
    finally:
        lab.close()
