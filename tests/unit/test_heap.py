"""A large block that is freed leaves the process, and is no measure for the next ones."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from vigilar.processes import job_worker, web

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


@pytest.mark.parametrize("process", [web, job_worker])
def test_who_hashes_passwords_and_who_makes_films_give_back(process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything else, as the first large block that is freed counts."""

    class Asked(Exception):
        pass

    def ask() -> None:
        raise Asked

    monkeypatch.setattr(process, "give_back_large_blocks", ask)
    work: Any = web.run_web if process is web else job_worker.work_off
    with pytest.raises(Asked):
        work(None, None)
