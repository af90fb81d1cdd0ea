"""The subject of telling people: a phone that is not reached any more, and pushes that do not get out."""

from __future__ import annotations

from vigilar.bus.messages import NotifyFact
from vigilar.bus.topics import Topics
from vigilar.events.classification import NOTIFY, EventType, Severity, title_of
from vigilar.events.desk import EventDesk, Source
from vigilar.events.refusal import check_id, check_message, clean_detail
from vigilar.events.subject import Subject

MAX_NAME_CHARS = 100


def notify_fact(desk: EventDesk, source: Source, payload: bytes) -> None:
    fact = NotifyFact.parse(payload)
    check_message(fact, NOTIFY, NOTIFY)
    row = source.row_of(fact)
    event_type = desk.classify(check_id("kind", fact.kind), NOTIFY)
    told = {**clean_detail(fact.detail), "title": title_of(event_type, fact.name[:MAX_NAME_CHARS])}
    desk.insert(event_type, uid=fact.id, source_id=NOTIFY, ts_ms=fact.ts, payload=told, row=row)


NOTIFY_SUBJECT = Subject(
    name=NOTIFY,
    types=(
        EventType("phone_silent", Severity.WARNING, (NOTIFY,), "{name} shows no pushes any more"),
        EventType("phone_gone", Severity.WARNING, (NOTIFY,), "{name} has to be added again"),
        EventType("push_rejected", Severity.ALERT, (NOTIFY,), "Push keys rejected: {name} is not told"),
        EventType("push_waiting", Severity.WARNING, (NOTIFY,), "Pushes are waiting"),
        EventType("push_resumed", Severity.INFO, (NOTIFY,), "Pushes go out again"),
    ),
    handlers={Topics.NOTIFY_FACT: notify_fact},
    outbox_prefixes=(Topics.NOTIFY_FACT,),
)
