"""What animals were named by people, the household's own species, and the hours in which cameras watched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "species_said",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column(
            "event_id", Int64, sa.ForeignKey("events.id", ondelete="CASCADE"), nullable=False, comment="the visit"
        ),
        sa.Column("species", sa.Text, nullable=False, comment="key of what somebody said it was; empty: taken back"),
        sa.Column("is_current", Int64, nullable=False, comment="1 for what holds now; older words of the visit have 0"),
        sa.Column("camera_id", sa.Text, nullable=False, comment="source of the visit"),
        sa.Column("ts_ms", Int64, nullable=False, comment="UTC ms at which the visit began"),
        sa.Column(
            "act", sa.Text, nullable=False, comment="one tap: what was said with it of several visits has the same"
        ),
        sa.Column("by_name", sa.Text, nullable=False, comment="who said so"),
        sa.Column("said_ms", Int64, nullable=False, comment="UTC ms when that was said"),
        sa.CheckConstraint("is_current IN (0, 1)", name="species_said_is_current_bool"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    current = sa.text("is_current = 1")
    op.create_index("species_said_by_event", "species_said", ["event_id", "is_current", "species"])
    op.create_index(
        "species_said_by_species", "species_said", ["species", "ts_ms"], sqlite_where=current, postgresql_where=current
    )
    op.create_index("species_said_by_act", "species_said", ["act"])
    op.create_table(
        "own_species",
        sa.Column("key", sa.Text, primary_key=True, comment="made of the first name, begins with own-; never changes"),
        sa.Column("name", sa.Text, nullable=False, comment="as people read it"),
        sa.Column("kind", sa.Text, nullable=False, comment="animal or bird"),
        sa.Column("tier", sa.Text, nullable=False, comment="predator, nuisance or passive"),
        sa.Column("by_name", sa.Text, nullable=False, comment="who added it"),
        sa.Column("made_ms", Int64, nullable=False, comment="UTC ms"),
        sa.CheckConstraint("kind IN ('animal', 'bird')", name="own_species_kind_known"),
        sa.CheckConstraint("tier IN ('predator', 'nuisance', 'passive')", name="own_species_tier_known"),
        sqlite_strict=True,
    )
    op.create_table(
        "watched_hours",
        sa.Column("hour_ms", Int64, primary_key=True, autoincrement=False, comment="UTC ms at which the hour begins"),
        sa.Column(
            "camera_id",
            sa.Text,
            sa.ForeignKey("cameras.id", ondelete="CASCADE"),
            primary_key=True,
            comment="who watched",
        ),
        sa.Column("watched_ms", Int64, nullable=False, comment="ms of the hour in which the camera watched"),
        sa.CheckConstraint("watched_ms BETWEEN 0 AND 3600000", name="watched_hours_in_hour"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
