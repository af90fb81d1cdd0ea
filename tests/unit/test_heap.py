"""A large block that is freed leaves the process, and is no measure for the next ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vigilar.processes.kinds import KINDS, ProcessKind, Start
from vigilar.processes.supervisor import MMAP_THRESHOLD, RECORDING_BYTES

LARGE = 19 * 1024 * 1024

CODE = f"""
import ctypes, sys
from vigilar.base.heap import give_back_large_blocks
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
if sys.argv[1] == "give back":
    give_back_large_blocks()
def used():
    return next(int(one.split()[1]) for one in open("/proc/self/status") if one.startswith("VmRSS")) * 1024
def take(size):
    block = libc.malloc(size)
    ctypes.memset(block, 1, size)
    return block
libc.free(take({LARGE}))  # the measure that libc takes by itself
before = used()
block = take({LARGE})
above = take(64)  # what is in use at the end of a heap keeps all below it
libc.free(block)
print(used() - before)
"""


@pytest.mark.parametrize(("way", "is_kept"), [("give back", False), ("as libc likes", True)])
def test_freed_large_block_is_given_back(way: str, is_kept: bool) -> None:
    kept = int(subprocess.run([sys.executable, "-c", CODE, way], check=True, capture_output=True, text=True).stdout)
    assert (kept > LARGE / 2) is is_kept


ENTER = """
import ctypes, dataclasses, pathlib, sys
from types import SimpleNamespace
from vigilar.base.control import control_pair
from vigilar.processes.entry import ProcessStart, enter
from vigilar.processes.kinds import KINDS, kind_of

class Counts(ctypes.Structure):  # malloc.h, struct mallinfo2
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks".split()]
    _fields_ += [(name, ctypes.c_size_t) for name in ("uordblks", "fordblks", "keepcost")]

def is_mapped(size):
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype, libc.malloc.restype = Counts, ctypes.c_void_p
    before = libc.mallinfo2().hblks
    libc.malloc(size)
    return libc.mallinfo2().hblks > before

def work(job, control):
    print(is_mapped(1_000_000), is_mapped(3_000_000))

name, folder = sys.argv[1:]
kind = dataclasses.replace(kind_of(name, KINDS), entry="__main__:work")
line, theirs = control_pair()
enter(ProcessStart(name, kind, SimpleNamespace(log_level="WARNING", run_dir=pathlib.Path(folder))), theirs)
"""


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.start is Start.FORK], ids=lambda kind: kind.name)
def test_rule_of_the_fork_server_is_for_cameras_alone(kind: ProcessKind, tmp_path: Path) -> None:
    """Who proves, copies or cuts recordings has a block of 1 MiB for each piece of them, and would map each anew."""
    done = subprocess.run(
        [sys.executable, "-c", ENTER, kind.name, str(tmp_path)],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, MMAP_THRESHOLD: RECORDING_BYTES},
    )
    assert done.stdout.strip() == ("True True" if kind.name == "camera" else "False True")
