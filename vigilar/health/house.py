"""All parts in one declared list, and the one sentence that pages, header and commands say. Pure.

Whoever adds a part adds a row here: its id, and the function that looks at what is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vigilar.health import camera_parts, home_part, house_parts
from vigilar.health.known import Known
from vigilar.health.part import Part, State, Todo

Look = Callable[[Known], Part | None]

PARTS: tuple[tuple[str, Look], ...] = (
    ("cameras", camera_parts.cameras),
    ("storage", camera_parts.storage),
    ("power", house_parts.power),
    ("backup", house_parts.backup),
    ("programs", camera_parts.programs),
    ("settings", house_parts.settings),
    ("keys", house_parts.keys),
    ("detector", house_parts.detector),
    ("notify", house_parts.notify),
    ("sensors", house_parts.sensors),
    ("home-assistant", home_part.home_assistant),
    ("clock", house_parts.clock),
    ("certificate", house_parts.certificate),
    ("jobs", house_parts.jobs),
    ("version", house_parts.version),
)
"""In the order of the page; one that is None does not concern this house. Among problems of one state the storage
comes first, as all cameras hang on it."""

_FIRST = ("storage", "cameras", "programs")


@dataclass(frozen=True, slots=True)
class HouseHealth:
    """``todos`` are worst first, ``put_off`` those that somebody snoozed. ``sentence`` is the worst of the parts,
    ``mark`` its state, symbol and words for the header of every page."""

    parts: tuple[Part, ...]
    todos: tuple[Todo, ...]
    put_off: tuple[Todo, ...]
    sentence: str
    mark: tuple[str, str, str]

    def part(self, part_id: str) -> Part:
        return next(one for one in self.parts if one.id == part_id)


def look_at_house(known: Known) -> HouseHealth:
    parts = tuple(part for _, look in PARTS if (part := look(known)) is not None)
    ordered = sorted(parts, key=lambda one: _FIRST.index(one.id) if one.id in _FIRST else len(_FIRST))
    found = sorted((todo for part in ordered for todo in part.todos), key=lambda one: one.state.rank)
    put_off = tuple(one for one in found if known.snoozed.get(one.id, 0) > known.now_ms)
    todos = tuple(one for one in found if one not in put_off)
    unknown = [one.title.lower() for one in parts if one.state is State.UNKNOWN and not one.todos]
    coming = [one.name for one in known.cameras if one.is_coming]
    return HouseHealth(
        parts,
        todos,
        put_off,
        _sentence(known, parts, todos, put_off, unknown, coming),
        _mark(todos, put_off, unknown, coming),
    )


def _sentence(
    known: Known,
    parts: tuple[Part, ...],
    todos: tuple[Todo, ...],
    put_off: tuple[Todo, ...],
    unknown: list[str],
    coming: list[str],
) -> str:
    """``One thing to do: Shed: no picture. 24 days kept.``; "All well" only when every part is known and well."""
    kept = [one.short for one in parts if one.short and one.state is State.OK]
    if todos:
        head = "One thing to do" if len(todos) == 1 else f"{len(todos)} things to do. First"
        return " ".join([f"{head}: {todos[0].sentence}", *kept])
    if coming:
        return " ".join([f"Starting: {names(coming)}.", *kept])
    if put_off:
        head = f"Nothing new to do. Put off: {names([one.short or one.sentence.rstrip('.') for one in put_off])}."
    elif unknown:
        head = f"Nothing to do. Not known: {', '.join(unknown)}."
    else:
        head = "All well."
    count = sum(one.is_recording for one in known.cameras)
    recording = f"{count} {'camera' if count == 1 else 'cameras'} recording."
    return " ".join([head, recording if count else "Nothing is being recorded right now.", *kept])


def _mark(
    todos: tuple[Todo, ...], put_off: tuple[Todo, ...], unknown: list[str], coming: list[str]
) -> tuple[str, str, str]:
    if todos:
        return "bad", "alert", f"{len(todos)} to do"
    if coming:
        return "starting", "clock", "Starting"
    if put_off:
        return "starting", "clock", f"{len(put_off)} put off"
    return ("unknown", "unknown", "Not all known") if unknown else ("ok", "ok", "All well")


def names(of: list[str]) -> str:
    return f"{', '.join(of[:3])}{' and others' if len(of) > 3 else ''}"
