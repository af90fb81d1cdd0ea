"""What the rules say of one event: whom to tell, what else to do, and each step of why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TOLD = "told"
"""The step that ends the trace of a member who is told; any other that ends one did not pass."""


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
    """A member who is told. ``is_loud``: with sound, also in quiet hours. ``is_critical``: breaks through all.
    ``is_update``: the member was told of this incident before, no less loud: in place of that, without a sound."""

    member_id: int
    rule: str
    is_loud: bool
    is_critical: bool
    is_update: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """Anything else a rule does: ``kind`` is ``keep``, ``record``, ``siren``, ``light``, ``webhook`` or ``scene``;
    ``params`` is JSON-able. It is done once an event and rule: decided again, it is the same."""

    kind: str
    rule: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """``steps`` of the event itself and of its rules; ``member_steps`` of each member, by id, whether told or not.

    ``look_again_ms`` (UTC ms): if the event has not ended by then, it must be decided anew, as a rule waits for how
    long it lasts; None if time alone changes nothing. ``held`` are the names of the rules that held. ``limited``:
    members from whom nothing but the daily limit kept it.
    """

    steps: tuple[Step, ...]
    member_steps: dict[int, tuple[Step, ...]]
    tellings: tuple[Telling, ...] = ()
    actions: tuple[Action, ...] = ()
    held: tuple[str, ...] = ()
    look_again_ms: int | None = None
    limited: tuple[int, ...] = ()
