"""Asking something that may never answer, without waiting for ever.

A drive that hangs keeps whoever asks it, in the kernel. A request must not be kept: 64 threads serve all pages, and one
open page asks several times a second. So what touches the drive is done by a few threads of its own, and who asks waits
for a moment only; while an earlier question is still without an answer, nobody waits at all.
"""

from __future__ import annotations

import queue
import threading
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


@dataclass(slots=True)
class _Question:
    work: Callable[[], Any]
    done: threading.Event = field(default_factory=threading.Event)
    answer: Any = None
    error: BaseException | None = None
    is_abandoned: bool = False


class Patience:
    """One door: a database, a folder. Any thread; ``ask`` takes about 0.1 ms more than the work itself."""

    def __init__(self, name: str, within_s: float) -> None:
        self._name = name
        self._within_s = within_s
        self._lock = threading.Lock()
        self._questions: queue.SimpleQueue[_Question] = queue.SimpleQueue()
        self._threads = self._busy = self._abandoned = 0

    @property
    def is_stuck(self) -> bool:
        """Whether a question that was given up still waits for its answer."""
        with self._lock:
            return self._abandoned > 0

    def ask(self, work: Callable[[], Answer]) -> Answer:
        """What ``work`` gives, done on another thread. Raises what it raises, or DoesNotAnswerError."""
        question = _Question(work)
        with self._lock:
            if self._abandoned:
                raise DoesNotAnswerError(f"the {self._name} does not answer")
            self._busy += 1
            if self._busy > self._threads < WORKERS:
                self._threads += 1
                threading.Thread(target=self._work, name=f"ask {self._name}", daemon=True).start()
        self._questions.put(question)
        if not question.done.wait(self._within_s):
            with self._lock:
                if not question.done.is_set():
                    question.is_abandoned = True
                    self._abandoned += 1
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
                self._abandoned -= question.is_abandoned
            del question
