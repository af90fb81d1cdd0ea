"""Incidents: the events of one visit as one story. Each event that is there becomes one of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

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
        sa.CheckConstraint("severity IN ('INFO', 'WARNING', 'ALERT', 'CRITICAL')", name="incidents_severity_known"),
        sa.CheckConstraint("end_ms >= start_ms", name="incidents_end_after_start"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("incidents_by_time", "incidents", ["start_ms", "id"])
    op.create_index("incidents_by_end", "incidents", ["end_ms"])
    op.create_index("incidents_by_severity", "incidents", ["severity", "start_ms", "id"])
    op.create_index("incidents_by_still", "incidents", ["still_id"])
    op.add_column(
        "events",
        sa.Column("incident_id", Int64, comment="the incident it belongs to; null until it is given one"),
    )
    op.create_index("events_by_incident", "events", ["incident_id"])
    alone = sa.text("incident_id IS NULL")
    op.create_index("events_alone", "events", ["ts_ms", "id"], sqlite_where=alone, postgresql_where=alone)
