"""What a subject says of itself so that its messages become events: topics, handler, outbox rows, event types.

A new subject is one module with one ``Subject``, and its name in the list of ``subjects``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vigilar.base.control import ProcessFact
from vigilar.bus.messages import BadMessage
from vigilar.bus.topics import matches
from vigilar.events.classification import EventType
from vigilar.events.desk import EventDesk, Source

HandleMessage = Callable[[EventDesk, Source, bytes], None]
"""Turns a message into events. Handling it again must change nothing. Raises BadMessage for what can never become an
event, ``desk.MissingStartError`` for what may later, StoreError when it could not be stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One kind of thing that reports. ``name`` is the reporter that ``EventType.reporters`` speaks of.

    ``handlers`` maps topics (MQTT wildcards allowed) to their handlers; they are subscribed to. ``outbox_prefixes`` are
    the topics whose rows the sweep reads; it finds their handlers in the same way. ``handle_fact`` takes what the
    supervisor tells over its line. ``look`` is called with each sweep, for what time alone brings about; ``turn`` at
    the end of each turn of the loop, four times a second at least.
    """

    name: str
    types: tuple[EventType, ...] = ()
    handlers: dict[str, HandleMessage] = field(default_factory=dict)
    outbox_prefixes: tuple[str, ...] = ()
    handle_fact: Callable[[EventDesk, ProcessFact], None] | None = None
    look: Callable[[EventDesk], None] | None = None
    turn: Callable[[EventDesk], None] | None = None


def all_types(subjects: Sequence[Subject]) -> dict[str, EventType]:
    """The table of event types, by name. Raises ValueError when two subjects have a type of one name."""
    found: dict[str, EventType] = {}
    for subject in subjects:
        for event_type in subject.types:
            if event_type.name in found:
                raise ValueError(f"two subjects have a type {event_type.name!r}")
            found[event_type.name] = event_type
    return found


def handler_of(subjects: Sequence[Subject], topic: str) -> HandleMessage:
    """Who handles messages of ``topic``: the first that asked for it. Raises BadMessage when nobody did."""
    for subject in subjects:
        for pattern, handle in subject.handlers.items():
            if matches(pattern, topic):
                return handle
    raise BadMessage("no event comes from this topic")
