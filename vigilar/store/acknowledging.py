"""That somebody has taken note of an incident: what is still owed to this member of it is not let go, and pages whose
line was cut meanwhile hear of it when they are back.

Note is taken of an incident as it was shown: an alert that became an alarm meanwhile still stands.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, case, insert, select, update

from vigilar.base.story import SEVERITIES
from vigilar.store.engine import Store
from vigilar.store.notify_tables import alert_notes, deliveries
from vigilar.store.schema import incidents


@dataclass(frozen=True, slots=True)
class TakenNote:
    """Of ``incident_id``, when it was as bad as ``severity``, at ``noted_ms`` (UTC ms)."""

    incident_id: int
    severity: str
    noted_ms: int


def take_note(store: Store, incident_id: int, severity: str | None, now_ms: int) -> str | None:
    """Note that somebody saw it as bad as ``severity``; None: as bad as it is now. Returns which that was, None if
    there is no such incident."""
    with store.write("note that an alert was seen") as connection:
        is_it = incidents.c.id == incident_id
        worst: str | None = connection.execute(select(incidents.c.severity).where(is_it)).scalar()
        if worst is None:
            return None
        shown = worst if severity is None else severity
        _keep_note(connection, TakenNote(incident_id, shown, now_ms))
        return shown


def _keep_note(connection: Connection, note: TakenNote) -> None:
    is_it = alert_notes.c.incident_id == note.incident_id
    before: str | None = connection.execute(select(alert_notes.c.severity).where(is_it)).scalar()
    if before is None:
        values = {"incident_id": note.incident_id, "severity": note.severity, "noted_ms": note.noted_ms}
        connection.execute(insert(alert_notes).values(**values))
    elif note.severity not in _up_to(before):
        connection.execute(update(alert_notes).where(is_it).values(severity=note.severity, noted_ms=note.noted_ms))


def list_notes(store: Store, since_ms: int, limit: int) -> list[TakenNote]:
    """What note was taken of at or after ``since_ms`` (UTC ms), newest first."""
    query = (
        select(alert_notes.c.incident_id, alert_notes.c.severity, alert_notes.c.noted_ms)
        .where(alert_notes.c.noted_ms >= since_ms)
        .order_by(alert_notes.c.noted_ms.desc(), alert_notes.c.incident_id.desc())
        .limit(limit)
    )
    with store.read("read which alerts were seen") as connection:
        return [TakenNote(*row) for row in connection.execute(query)]


def acknowledge(
    store: Store, user_id: int, incident_id: int, now_ms: int, sentence: str, severity: str = SEVERITIES[-1]
) -> int:
    """What is still owed to this member of what was at most as bad as ``severity`` is not let go. How many deliveries
    it was about; also those that were told already are noted."""
    mine = (
        deliveries.c.user_id == user_id,
        deliveries.c.incident_id == incident_id,
        deliveries.c.acknowledged_ms.is_(None),
    )
    seen = _up_to(severity)
    with store.write("note what a person took note of") as connection:
        rows = connection.execute(select(deliveries.c.id, deliveries.c.content).where(*mine))
        about = [row.id for row in rows if json.loads(row.content).get("severity", SEVERITIES[0]) in seen]
        is_held = (deliveries.c.state == "owed") & (deliveries.c.told_revision == 0)
        return connection.execute(
            update(deliveries)
            .where(deliveries.c.id.in_(about))
            .values(
                acknowledged_ms=now_ms,
                state=case(
                    (is_held, "acknowledged"), (deliveries.c.state == "owed", "accepted"), else_=deliveries.c.state
                ),
                sentence=case((is_held, sentence), else_=deliveries.c.sentence),
            )
        ).rowcount


def _up_to(severity: str) -> Sequence[str]:
    return SEVERITIES[: SEVERITIES.index(severity) + 1]
