"""What the rules say of one event: whom to tell, what else to do, and each step of why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

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

    def dump(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)

    @classmethod
    def parse(cls, plain: Mapping[str, Any]) -> Self:
        """From ``dump``, also after a way as JSON, which makes texts of the members' ids."""
        return cls(
            steps=_steps(plain["steps"]),
            member_steps={int(member): _steps(steps) for member, steps in plain["member_steps"].items()},
            tellings=tuple(Telling(**one) for one in plain["tellings"]),
            actions=tuple(Action(**one) for one in plain["actions"]),
            held=tuple(plain["held"]),
            look_again_ms=plain["look_again_ms"],
            limited=tuple(plain["limited"]),
        )


def with_told(before: Decision, now: Decision) -> Decision:
    """``now`` as it is to be stored after ``before`` of the same event: who was told keeps the trace that led to it,
    whatever stops an update later, unless it is told anew."""
    anew = {one.member_id for one in now.tellings if not one.is_update}
    kept = {one.member_id for one in before.tellings} - anew
    return replace(now, member_steps={**now.member_steps, **{one: before.member_steps[one] for one in kept}})


def _steps(plain: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    return tuple(Step(**one) for one in plain)
