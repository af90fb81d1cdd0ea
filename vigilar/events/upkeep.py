"""The subject of upkeep: what retention cannot decide alone, and what became of a database that was damaged."""

from __future__ import annotations

from vigilar.bus.messages import UpkeepFact
from vigilar.bus.topics import Topics
from vigilar.events.classification import UPKEEP, EventType, Severity, title_of
from vigilar.events.desk import EventDesk, Source
from vigilar.events.refusal import check_id, check_message, clean_detail
from vigilar.events.subject import Subject


def upkeep_fact(desk: EventDesk, source: Source, payload: bytes) -> None:
    fact = UpkeepFact.parse(payload)
    check_message(fact, UPKEEP, UPKEEP)
    row = source.row_of(fact)
    event_type = desk.classify(check_id("kind", fact.kind), UPKEEP)
    told = {**clean_detail(fact.detail), "title": title_of(event_type, "")}
    desk.insert(event_type, uid=fact.id, source_id=UPKEEP, ts_ms=fact.ts, payload=told, row=row)


UPKEEP_SUBJECT = Subject(
    name=UPKEEP,
    types=(
        EventType("retention_held", Severity.ALERT, (UPKEEP,), "More than half of the recordings would have to go"),
        EventType("retention_stuck", Severity.ALERT, (UPKEEP,), "No space can be made for recordings"),
        EventType(
            "database_replaced", Severity.CRITICAL, (UPKEEP,), "The database could not be used and was made anew"
        ),
        EventType(
            "database_upgraded", Severity.INFO, (UPKEEP,), "The database was brought up to date for a new version"
        ),
        EventType("database_rebuilt", Severity.WARNING, (UPKEEP,), "The database was filled from the recordings"),
    ),
    handlers={Topics.UPKEEP_FACT: upkeep_fact},
    outbox_prefixes=(Topics.UPKEEP_FACT,),
)
