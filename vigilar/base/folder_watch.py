"""Looks at the data folder once a second from a process of its own.

A drive that hangs keeps whoever asks it, in the kernel and beyond the reach of SIGKILL, perhaps for ever. So the
supervisor never asks: it forks a small process that does, and hears from it through a pipe. Silence is an answer, too.

A look reads the mark of the folder and asks for free space. A drive may answer both from memory and still not take a
byte; so when somebody has waited long for a write, the look also writes the mark over itself and syncs it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import time
from pathlib import Path
from typing import NoReturn

from vigilar.base.folder_id import FILE_NAME
from vigilar.base.folder_look import FolderLook, look_at_folder

LOOK_EVERY_S = 1.0
HANG_S = 4.0
"""Without a look for this long the drive hangs. A disk that spins up may take longer; then it is true for a while."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class FolderWatch:
    """The looking process and its pipe. One thread; nothing here blocks. ``fileno`` is readable after a look."""

    def __init__(self, data_dir: Path) -> None:
        self.newest: FolderLook | None = None
        self._data_dir = data_dir
        self._pid = 0
        self._read_end = self._ask_end = -1
        self._rest = b""
        self._heard_s = self._not_before_s = 0.0

    def start(self) -> None:
        """Fork the process. It must not come after threads that hold locks. OSError when the machine cannot."""
        libc = ctypes.CDLL(None)  # loaded before the fork
        self._read_end, write_end = os.pipe()
        asked_end, self._ask_end = os.pipe()
        gc.collect()
        gc.freeze()  # neither of the two looks through what they share from here on, which would write into it
        self._pid = os.fork()
        if self._pid == 0:
            _watch(self._data_dir, write_end, asked_end, libc)
        os.close(write_end)
        os.close(asked_end)
        os.set_blocking(self._read_end, False)
        os.set_blocking(self._ask_end, False)
        self._heard_s = time.monotonic()

    def fileno(self) -> int:
        return self._read_end

    def take(self) -> bool:
        """Read what was looked at meanwhile into ``newest``; false when there was nothing new."""
        has_news = False
        while True:
            try:
                data = os.read(self._read_end, 65536)
            except BlockingIOError:
                return has_news
            if not data:  # the process was ended from outside
                self._begin_anew()
                return has_news
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._heard_s = time.monotonic()
                told = json.loads(line)
                if told["began_s"] >= self._not_before_s:
                    self.newest = FolderLook.parse(told["look"])
                    has_news = True

    def forget(self) -> None:
        """The folder was changed by ourselves: looks that began before this count no more."""
        self.newest = None
        self._not_before_s = time.monotonic()

    def ask_to_write(self) -> None:
        """Let the next look try whether the drive takes a write."""
        with contextlib.suppress(OSError):
            os.write(self._ask_end, b"w")

    def excuse(self, late_s: float) -> None:
        """Who waits for a look woke so much later than it wanted: nobody could look meanwhile."""
        self._heard_s = min(time.monotonic(), self._heard_s + late_s)

    @property
    def is_silent(self) -> bool:
        """Whether the look that is under way takes too long."""
        return time.monotonic() - self._heard_s > HANG_S

    def stop(self) -> None:
        """End the process. One that hangs in the kernel ends when the drive answers; nobody waits for it."""
        if self._pid:
            with contextlib.suppress(OSError):
                os.kill(self._pid, signal.SIGKILL)
            self._reap()
            os.close(self._read_end)
            os.close(self._ask_end)
            self._pid = 0

    def _reap(self) -> None:
        deadline = time.monotonic() + 0.2
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(self._pid, os.WNOHANG)[0] == 0 and time.monotonic() < deadline:
                time.sleep(0.005)

    def _begin_anew(self) -> None:
        fd = self._read_end
        self._reap()
        os.close(self._ask_end)
        heard_s = self._heard_s
        self._rest = b""
        self.start()
        os.dup2(self._read_end, fd)  # who waits on the descriptor goes on waiting on it
        os.close(self._read_end)
        self._read_end, self._heard_s = fd, heard_s


def _watch(data_dir: Path, write_end: int, asked_end: int, libc: ctypes.CDLL) -> NoReturn:
    """The life of the forked process: it holds nothing of its parent but the pipes, least of all its locks."""
    gc.disable()
    try:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        low, high = sorted((write_end, asked_end))
        for first, end in ((3, low), (low + 1, high), (high + 1, os.sysconf("SC_OPEN_MAX"))):
            os.closerange(first, end)
        with contextlib.suppress(OSError):
            Path("/proc/self/comm").write_text("v:folder", encoding="utf-8")
        while True:
            began_s = time.monotonic()
            look = look_at_folder(data_dir)
            os.write(write_end, json.dumps({"began_s": began_s, "look": look.dump()}).encode() + b"\n")
            is_asked, _, _ = select.select([asked_end], [], [], LOOK_EVERY_S)
            if is_asked:
                if not os.read(asked_end, 4096):
                    os._exit(0)  # the supervisor is gone
                time.sleep(LOOK_EVERY_S)
                if look.folder_id:
                    _try_write(data_dir)
    except BaseException:
        os._exit(1)


def _try_write(data_dir: Path) -> None:
    """Write the mark over itself, byte for byte, and sync it. Returns also when the drive refuses: it did answer."""
    with contextlib.suppress(OSError):
        fd = os.open(data_dir / FILE_NAME, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.pwrite(fd, os.pread(fd, 4096, 0), 0)
            os.fdatasync(fd)
        finally:
            os.close(fd)
