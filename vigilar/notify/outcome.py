"""What became of one try to tell somebody."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Result(Enum):
    """What the outbox does about it.

    ``ACCEPTED``: it arrived. ``LATER``: this one is tried again. ``UNREACHABLE``: nobody behind this way answers, so
    all that go there wait, and are tried again together. ``GONE``: the target is no more. ``REFUSED``: our key or our
    clock is wrong; the target stays, people are told. ``FAILED``: it will never be taken.
    """

    ACCEPTED = "accepted"
    LATER = "later"
    UNREACHABLE = "unreachable"
    GONE = "gone"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``sentence`` is for people, without secrets; ``after_s`` what the other side asked us to wait, 0: nothing."""

    result: Result
    sentence: str = ""
    after_s: float = 0.0


ACCEPTED = Outcome(Result.ACCEPTED)
