"""What the rules say of one event: whom to tell, what else to do, and each step of why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the why-trace, in the order in which it was looked at. ``step`` names it (``rule``, ``armed``,
    ``quiet``, ``snooze``, ``limit``, ...), ``sentence`` is what people read; a step that did not pass ends the trace of
    the rule or member it is about."""

    step: str
    passed: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Telling:
    """A member who is told. ``is_loud``: with sound, also in quiet hours. ``is_critical``: breaks through all."""

    member_id: int
    rule: str
    is_loud: bool
    is_critical: bool


@dataclass(frozen=True, slots=True)
class Action:
    """Anything else a rule does: ``kind`` is ``record``, ``siren``, ``light``, ``webhook`` or ``scene``; ``params`` is
    JSON-able."""

    kind: str
    rule: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """``steps`` of the event itself and of its rules; ``member_steps`` of each member, by id, whether told or not."""

    steps: tuple[Step, ...]
    member_steps: dict[int, tuple[Step, ...]]
    tellings: tuple[Telling, ...] = ()
    actions: tuple[Action, ...] = ()
