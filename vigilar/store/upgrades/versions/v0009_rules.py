"""Rules: what was snoozed, by whom and until when, and who was told when by which rule."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "snoozes",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column(
            "user_id",
            Int64,
            sa.ForeignKey("users.id", ondelete="CASCADE"),
            comment="who hears less; null: everybody",
        ),
        sa.Column(
            "camera_id",
            sa.Text,
            sa.ForeignKey("cameras.id", ondelete="CASCADE"),
            comment="of which; null: of everything",
        ),
        sa.Column("made_by", sa.Text, nullable=False, comment="who asked for it, as people read it"),
        sa.Column("start_ms", Int64, nullable=False, comment="UTC ms from which"),
        sa.Column("until_ms", Int64, nullable=False, comment="UTC ms at which it ends, whatever happens"),
        sa.Column(
            "ends",
            sa.Text,
            nullable=False,
            comment="time: at until_ms; quiet: also as soon as it was quiet for quiet_ms",
        ),
        sa.Column("quiet_ms", Int64, nullable=False, comment="ms without an event that end it; 0 unless ends is quiet"),
        sa.Column("ended_ms", Int64, comment="UTC ms at which somebody ended it; null if nobody did"),
        sa.CheckConstraint("ends IN ('time', 'quiet')", name="snoozes_ends_known"),
        sa.CheckConstraint("until_ms > start_ms", name="snoozes_end_after_start"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("snoozes_by_end", "snoozes", ["until_ms"])
    op.create_table(
        "tellings",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column("event_id", Int64, sa.ForeignKey("events.id", ondelete="CASCADE"), nullable=False, comment="of what"),
        sa.Column("incident_id", Int64, comment="the incident of the event when it was decided; null for none"),
        sa.Column(
            "user_id",
            Int64,
            sa.ForeignKey("users.id", ondelete="CASCADE"),
            comment="who; null: the rule did its part",
        ),
        sa.Column("rule", sa.Text, nullable=False, comment="the name of the rule"),
        sa.Column("source_id", sa.Text, nullable=False, comment="the source of the event"),
        sa.Column(
            "level",
            sa.Text,
            nullable=False,
            comment="ordinary, loud or critical: told; limited: only the daily limit kept it; rule: the rule held",
        ),
        sa.Column("ts_ms", Int64, nullable=False, comment="UTC ms when it was decided"),
        sa.CheckConstraint("level IN ('ordinary', 'loud', 'critical', 'limited', 'rule')", name="tellings_level_known"),
        sa.CheckConstraint("(level = 'rule') = (user_id IS NULL)", name="tellings_rule_or_member"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("tellings_by_event", "tellings", ["event_id"])
    op.create_index("tellings_by_incident", "tellings", ["incident_id"])
    op.create_index("tellings_by_time", "tellings", ["ts_ms"])
    op.create_index("tellings_by_rule", "tellings", ["rule", "source_id", "ts_ms"])
