"""The subject of backups: when they cannot be made, are late, go on again, and what a drill found."""

from __future__ import annotations

from vigilar.bus.messages import BackupFact
from vigilar.bus.topics import Topics
from vigilar.events.classification import EventType, Severity, title_of
from vigilar.events.desk import EventDesk, Source
from vigilar.events.refusal import check_id, check_message, clean_detail
from vigilar.events.subject import Subject

BACKUP = "backup"


def backup_fact(desk: EventDesk, source: Source, payload: bytes) -> None:
    fact = BackupFact.parse(payload)
    check_message(fact, BACKUP, BACKUP)
    row = source.row_of(fact)
    event_type = desk.classify(check_id("kind", fact.kind), BACKUP)
    told = {**clean_detail(fact.detail), "title": title_of(event_type, "")}
    desk.insert(event_type, uid=fact.id, source_id=BACKUP, ts_ms=fact.ts, payload=told, row=row)


BACKUP_SUBJECT = Subject(
    name=BACKUP,
    types=(
        EventType("backup_failed", Severity.WARNING, (BACKUP,), "The backup cannot be made"),
        EventType("backup_late", Severity.ALERT, (BACKUP,), "The backup is behind"),
        EventType("backup_caught_up", Severity.INFO, (BACKUP,), "The backup has caught up"),
        EventType("backup_damaged", Severity.ALERT, (BACKUP,), "Copies in the backup were gone or changed"),
        EventType("backup_proved", Severity.INFO, (BACKUP,), "Restoring from the backup was proved"),
        EventType("backup_not_proved", Severity.ALERT, (BACKUP,), "Restoring from the backup did not work"),
    ),
    handlers={Topics.BACKUP_FACT: backup_fact},
    outbox_prefixes=(Topics.BACKUP_FACT,),
)
