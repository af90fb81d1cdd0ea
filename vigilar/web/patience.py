"""Asking something that may never answer, without waiting for ever.

A drive that hangs keeps whoever asks it, in the kernel. A request must not be kept: 64 threads serve all pages, and one
open page asks several times a second. So what touches the drive is done by a few threads of its own, and who asks waits
for a moment only; once a question has been without an answer for longer, nobody waits at all. Between the two lies the
busy machine, whose drive is well and whose answers come late.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

Answer = TypeVar("Answer")

WORKERS = 4
"""Threads of one door. With so many questions without an answer it is closed, and they are all that is lost."""

IDLE_S = 30.0
"""A thread that had nothing to do for this long ends."""


class DoesNotAnswerError(Exception):
    """It took too long, or an earlier question still waits. The work may yet be done, by nobody's leave."""


@dataclass(slots=True, eq=False)
class _Question:
    work: Callable[[], Any]
    done: threading.Event = field(default_factory=threading.Event)
    answer: Any = None
    error: BaseException | None = None
    abandoned_mono_s: float | None = None


class Patience:
    """One door: a database, a folder. Any thread; ``ask`` takes about 0.1 ms more than the work itself.

    Who asks waits ``within_s``, and not at all while a question that somebody gave up is without an answer: these have
    something else to go by. Who has not says how long it waits. The door is shut for all once that question has been
    without an answer for ``shut_after_s`` more.
    """

    def __init__(self, name: str, within_s: float, shut_after_s: float = 0.0) -> None:
        self._name = name
        self._within_s = within_s
        self._shut_after_s = shut_after_s
        self._lock = threading.Lock()
        self._questions: queue.SimpleQueue[_Question] = queue.SimpleQueue()
        self._threads = self._busy = 0
        self._abandoned: list[_Question] = []

    @property
    def longest_s(self) -> float:
        """How long whoever has nothing else to go by waits: until the door would be shut."""
        return max(self._within_s, self._shut_after_s)

    @property
    def is_late(self) -> bool:
        """Whether a question that somebody gave up is still without an answer."""
        with self._lock:
            return bool(self._abandoned)

    @property
    def is_stuck(self) -> bool:
        """Whether the door is shut."""
        with self._lock:
            return self._is_shut()

    def _is_shut(self) -> bool:
        since = self._abandoned[0].abandoned_mono_s if self._abandoned else None
        return since is not None and time.monotonic() - since >= self._shut_after_s

    def ask(self, work: Callable[[], Answer], within_s: float | None = None) -> Answer:
        """What ``work`` gives, done on another thread. Raises what it raises, or DoesNotAnswerError."""
        question = _Question(work)
        with self._lock:
            if self._is_shut() or (self._abandoned and within_s is None):
                raise DoesNotAnswerError(f"the {self._name} does not answer")
            self._busy += 1
            if self._busy > self._threads < WORKERS:
                self._threads += 1
                threading.Thread(target=self._work, name=f"ask {self._name}", daemon=True).start()
        self._questions.put(question)
        if not question.done.wait(self._within_s if within_s is None else within_s):
            with self._lock:
                if not question.done.is_set():
                    question.abandoned_mono_s = time.monotonic()
                    self._abandoned.append(question)
                    raise DoesNotAnswerError(f"the {self._name} does not answer")
        if question.error is not None:
            raise question.error
        return cast("Answer", question.answer)

    def _work(self) -> None:
        while True:
            try:
                question = self._questions.get(timeout=IDLE_S)
            except queue.Empty:
                with self._lock:
                    if self._busy >= self._threads:  # one is on its way to us
                        continue
                    self._threads -= 1
                return
            try:
                question.answer = question.work()
            except BaseException as error:  # handed to who asked, whatever it is
                question.error = error
            with self._lock:
                question.done.set()
                self._busy -= 1
                if question.abandoned_mono_s is not None:
                    self._abandoned.remove(question)
            del question
