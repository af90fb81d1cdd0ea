"""Incidents: the events of one visit as one story. Each event that is there becomes one of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NAMES = ("title", "camera_name", "sensor_name", "where")
"""What payloads may call a place."""

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column("start_ms", Int64, nullable=False, comment="UTC ms of its first event"),
        sa.Column("end_ms", Int64, nullable=False, comment="UTC ms of the newest moment of its events"),
        sa.Column("title", sa.Text, nullable=False, comment="one line for people: who or what, and where"),
        sa.Column("severity", sa.Text, nullable=False, comment="the worst of its events"),
        sa.Column("cameras", sa.Text, nullable=False, comment="JSON list of camera ids in the order they joined"),
        sa.Column("kinds", sa.Text, nullable=False, comment="JSON list of kinds, what matters most first"),
        sa.Column("event_count", Int64, nullable=False, comment="events in it"),
        sa.Column(
            "still_id", Int64, sa.ForeignKey("files.id", ondelete="SET NULL"), comment="its picture, a row of files"
        ),
        sa.Column("updated_ms", Int64, nullable=False, comment="UTC ms of its newest change"),
        sa.Column("parts", sa.Text, nullable=False, comment="JSON list: what base/story.py counted its events into"),
        sa.Column("change", Int64, nullable=False, comment="change number of the event that changed it last"),
        sa.Column(
            "into_id", Int64, comment="where its last event went: it has none any more; null while it has events"
        ),
        sa.CheckConstraint("severity IN ('INFO', 'WARNING', 'ALERT', 'CRITICAL')", name="incidents_severity_known"),
        sa.CheckConstraint("end_ms >= start_ms", name="incidents_end_after_start"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("incidents_by_time", "incidents", ["start_ms", "id"])
    op.create_index("incidents_by_end", "incidents", ["end_ms"])
    op.create_index("incidents_by_severity", "incidents", ["severity", "start_ms", "id"])
    op.create_index("incidents_by_still", "incidents", ["still_id"])
    op.create_index("incidents_by_change", "incidents", ["change"])
    op.add_column(
        "events",
        sa.Column("incident_id", Int64, comment="the incident it belongs to; null until it is given one"),
    )
    op.create_index("events_by_incident", "events", ["incident_id"])
    alone = sa.text("incident_id IS NULL")
    op.create_index("events_alone", "events", ["ts_ms", "id"], sqlite_where=alone, postgresql_where=alone)
    _fill()


def _fill() -> None:
    """An incident for each event, under the event's own id. Titles stay what the events said."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    texts = {name: f"payload ->> '{name}'" if is_sqlite else f"payload::jsonb ->> '{name}'" for name in _NAMES}
    listed = "json_array" if is_sqlite else "json_build_array"
    named = f"coalesce({texts['camera_name']}, {texts['sensor_name']}, {texts['where']}, '')"
    title = f"coalesce({texts['title']}, type)"
    is_camera = f"{texts['camera_name']} IS NOT NULL"
    as_json = "" if is_sqlite else "::text"
    true = "json(CASE WHEN {0} THEN 'true' ELSE 'false' END)" if is_sqlite else "({0})"
    part = (
        f"{listed}({listed}(source_id, type, kind, {named}, {title}, severity, 1, "
        "CASE WHEN end_ms IS NULL AND type IN ('motion', 'alarm', 'camera_offline') THEN 1 ELSE 0 END, "
        f"ts_ms, coalesce(end_ms, ts_ms), still_id, coalesce(label_score, 0), {true.format(is_camera)}))"
    )
    op.execute(
        "INSERT INTO incidents (id, start_ms, end_ms, title, severity, cameras, kinds, event_count, still_id, "
        f"updated_ms, parts, change) SELECT id, ts_ms, coalesce(end_ms, ts_ms), {title}, severity, "
        f"CASE WHEN {is_camera} THEN {listed}(source_id){as_json} ELSE '[]' END, "
        f"CASE WHEN kind <> '' THEN {listed}(kind){as_json} ELSE '[]' END, "
        f"1, still_id, created_ms, {part}{as_json}, change FROM events ORDER BY id"
    )
    op.execute("UPDATE events SET incident_id = id")
    if not is_sqlite:
        op.execute(
            "SELECT setval(pg_get_serial_sequence('incidents', 'id'), (SELECT max(id) FROM incidents)) "
            "WHERE EXISTS (SELECT 1 FROM incidents)"
        )
