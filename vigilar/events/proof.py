"""The subject of proof: what the database should say, because the box has signed it, and does not."""

from __future__ import annotations

from vigilar.bus.messages import ProofFact
from vigilar.bus.topics import Topics
from vigilar.events.classification import EventType, Severity, title_of
from vigilar.events.desk import EventDesk, Source
from vigilar.events.refusal import check_message, clean_detail
from vigilar.events.subject import Subject

PROOF = "proof"

SOURCE_ID = "system"


def proof_fact(desk: EventDesk, source: Source, payload: bytes) -> None:
    fact = ProofFact.parse(payload)
    check_message(fact, SOURCE_ID, SOURCE_ID)
    event_type = desk.classify(fact.kind, PROOF)
    told = {**clean_detail(fact.detail), "title": title_of(event_type, "")}
    desk.insert(event_type, uid=fact.id, source_id=SOURCE_ID, ts_ms=fact.ts, payload=told, row=source.row_of(fact))


PROOF_SUBJECT = Subject(
    name=PROOF,
    types=(EventType("history_changed", Severity.CRITICAL, (PROOF,), "The database is not what this box signed"),),
    handlers={Topics.PROOF_FACT: proof_fact},
    outbox_prefixes=("vigilar/proof/",),
)
