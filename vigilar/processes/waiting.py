"""The time before the house: wait for its data folder, with a page that says so.

Nothing is read or written in the folder here, and nothing of the house runs. Like ``vigilar.main`` it must stay small
in memory: the page is a program of its own.
"""

from __future__ import annotations

import json
import logging
import selectors
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

from vigilar.base.errors import VigilarError
from vigilar.base.signals import SignalInbox
from vigilar.base.systemd import ServiceManager
from vigilar.processes.folder_guard import FolderGuard

logger = logging.getLogger(__name__)

TURN_S = 1.0
PAGE_STOP_S = 1.0
PAGE_RETRY_S = 5.0

DEFAULT_LISTEN, DEFAULT_PORT = "0.0.0.0", 49735  # noqa: S104 -- as the defaults of [web]
"""For a house whose page was never served; the settings may be on the drive."""


def wait_for_folder(guard: FolderGuard, manager: ServiceManager, signals: SignalInbox) -> bool:
    """Wait until the data folder is in its place, for ever if need be. False when a signal says to stop.

    Returns at once (some milliseconds) when it is; the page is only made when it is not. Main thread. A signal that
    comes while it returns is left in ``signals``.
    """
    return _Wait(guard, manager, signals).run()


class _Wait:
    def __init__(self, guard: FolderGuard, manager: ServiceManager, signals: SignalInbox) -> None:
        self._guard = guard
        self._manager = manager
        self._signals = signals
        self._page: subprocess.Popen[str] | None = None
        self._page_words = ""
        self._page_due_s = 0.0
        self._is_stopped = False

    def run(self) -> bool:
        with ExitStack() as ending:
            selector = selectors.DefaultSelector()
            ending.callback(selector.close)
            ending.callback(self._end_page)
            selector.register(self._signals, selectors.EVENT_READ)
            selector.register(self._guard.watch, selectors.EVENT_READ)
            while not self._is_stopped:
                self._guard.look_at_start()
                if self._guard.is_here:
                    return True
                if self._guard.trouble:
                    self._show(self._guard.trouble)
                for key, _ in selector.select(TURN_S):
                    if key.fileobj is self._signals:
                        self._is_stopped = any(number != signal.SIGHUP for number in self._signals.take())
                self._guard.house.load()  # `vigilar new-drive` may have changed it
            return False

    def _show(self, trouble: VigilarError) -> None:
        self._manager.tell("READY=1")  # we do what can be done: a service manager must not kill us for waiting
        self._manager.tell(f"STATUS={trouble}")
        self._manager.tell("WATCHDOG=1")
        memory = self._guard.house.memory
        words = {"sentence": str(trouble), "next_step": trouble.next_step}
        asked = {"listen": memory.listen or DEFAULT_LISTEN, "port": memory.port or DEFAULT_PORT, **words}
        line = json.dumps(asked) + "\n"
        if self._page and self._page.poll() is not None:
            logger.warning("the page of the missing drive ended and is started again")
            self._page = None
        if self._page is None and time.monotonic() >= self._page_due_s:
            self._page_due_s = time.monotonic() + PAGE_RETRY_S
            self._start_page()
        if self._page and line != self._page_words:
            self._say(line)

    def _start_page(self) -> None:
        command = [sys.executable, "-m", "vigilar.processes.drive_page"]
        try:
            # Not in the group of the terminal: Ctrl-C is for us to pass on.
            self._page = subprocess.Popen(command, cwd="/", stdin=subprocess.PIPE, text=True, process_group=0)
        except OSError as error:
            logger.error("the page of the missing drive cannot be started: %s", error)
        self._page_words = ""

    def _say(self, line: str) -> None:
        if self._page is None or self._page.stdin is None:
            return
        try:
            self._page.stdin.write(line)
            self._page.stdin.flush()
        except OSError:
            return  # it has ended, and is started again at the next turn
        self._page_words = line

    def _end_page(self) -> None:
        if self._page is None:
            return
        self._page.terminate()
        try:
            self._page.wait(PAGE_STOP_S)
        except subprocess.TimeoutExpired:
            self._page.kill()
            self._page.wait()
        if self._page.stdin:
            self._page.stdin.close()
        self._page = None
