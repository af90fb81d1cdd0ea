"""Starting processes: our own through multiprocessing, foreign programs through subprocess."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path
from socket import socket
from typing import Any

from vigilar.base.child import Launched
from vigilar.base.control import control_pair

EXIT_UNKNOWN = 255
"""Reported when nobody can know any more: the fork server, parent of the process, was itself killed."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def launch_process(
    context: ForkServerContext | SpawnContext, target: Callable[[Any, socket], None], job: object
) -> Launched:
    """Run ``target(job, socket)`` in a process of its own; the socket is its end of the control line.

    ``target`` must be importable by name. Secrets in ``job`` travel by pickle through a pipe, so they are neither
    arguments nor environment. OSError when the machine cannot start a process.
    """
    line, theirs = control_pair()
    try:
        pid, exit_fd, reap = _start(context, target, job, theirs)
    except BaseException:
        line.close()
        raise
    finally:
        theirs.close()
    return Launched(pid, exit_fd, reap, line)


def launch_task(
    context: ForkServerContext | SpawnContext, target: Callable[[Any, Connection], None], task: object
) -> tuple[Launched, Connection]:
    """Run ``target(task, connection)`` in a short-lived process that sends one pickled answer and ends.

    The connection given back is readable when the answer is there, or the process ended without one (EOFError).
    """
    answer, theirs = context.Pipe(duplex=False)
    try:
        pid, exit_fd, reap = _start(context, target, task, theirs)
    except BaseException:
        answer.close()
        raise
    finally:
        theirs.close()
    return Launched(pid, exit_fd, reap), answer


def _start(
    context: ForkServerContext | SpawnContext, target: Callable[..., None], *args: object
) -> tuple[int, int, Callable[[], int]]:
    """Start a process: its id, the descriptor that tells its end, and how to reap it."""
    process = context.Process(target=target, args=args, daemon=True)
    try:
        with _terminal_signals_held():
            process.start()
    except EOFError as error:  # it was killed meanwhile; the next start begins another one
        raise ConnectionAbortedError("the fork server ended") from error
    pid = process.pid
    assert pid is not None  # noqa: S101 -- start() has returned

    def reap() -> int:
        if process.exitcode is None:
            process.join(1.0)  # the fork server needs a moment to tell the exit code
        code = process.exitcode
        if code is None:
            return EXIT_UNKNOWN
        process.close()
        return code

    return pid, _exit_fd(pid, process.sentinel), reap


def launch_program(command: Sequence[str], folder: Path) -> Launched:
    """Run a foreign program with its standard error ours and ``folder`` as its working folder.

    It gets SIGTERM from the kernel when we die, however we die, and no Ctrl-C of the terminal. FileNotFoundError when
    there is no such program.
    """
    us = os.getpid()
    libc = ctypes.CDLL(None)

    def die_with_parent() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != us:
            os._exit(0)  # the parent died before it could be watched

    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=die_with_parent,  # the supervisor has one thread, so running Python here is safe
    )
    return Launched(process.pid, os.pidfd_open(process.pid), process.wait)


def start_fork_server(preload: str, environment: Mapping[str, str]) -> ForkServerContext:
    """The context whose processes are forked from one that has imported ``preload``.

    The fork server is started now, so that it imports while the caller does something else. It has ``environment``
    beside ours, where the owner has not set the same. One that runs already and has imported something else is ended
    first: then none of its processes may run any more.
    """
    context = multiprocessing.get_context("forkserver")
    running: Any = forkserver._forkserver  # the module has no other way to end it
    if running._forkserver_pid is not None and running._preload_modules != [preload]:
        os.kill(running._forkserver_pid, signal.SIGKILL)
        running._stop()
    context.set_forkserver_preload([preload])
    added = {name: value for name, value in environment.items() if name not in os.environ}
    os.environ.update(added)
    try:
        with _terminal_signals_held():
            forkserver.ensure_running()
    finally:
        for name in added:
            del os.environ[name]
    return context


@contextmanager
def _terminal_signals_held() -> Iterator[None]:
    """What is started inside never sees Ctrl-C or the end of the terminal, from its first instruction on: a blocked
    signal stays blocked over fork and exec. One that comes to us meanwhile is delivered afterwards."""
    _need_no_tracker()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _need_no_tracker() -> None:
    """Keep multiprocessing from its resource tracker, a Python of 6 MB for the life of the house: it would put away
    semaphores and shared memory, of which we make none. To ours and their children it looks as if it ran and listened.
    """
    tracker: Any = resource_tracker._resource_tracker
    if tracker._fd is None:
        tracker._fd = os.open(os.devnull, os.O_WRONLY)


def _exit_fd(pid: int, sentinel: int) -> int:
    """A descriptor that is readable when the process has ended. One that has ended already has no pidfd any more."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return os.dup(sentinel)
