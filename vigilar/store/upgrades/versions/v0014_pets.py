"""Pets, their confirmed pictures, and where they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _pets()
    _looks()
    _pictures()
    _sightings()


def _pets() -> None:
    op.create_table(
        "pets",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column("name", sa.Text, nullable=False, comment="as people read it"),
        sa.Column("slug", sa.Text, nullable=False, comment="its name in topics; also what makes two names the same"),
        sa.Column("kind", sa.Text, nullable=False, comment="cat or dog"),
        sa.Column("indoor_only", Int64, nullable=False, comment="1 if it may not be outside"),
        sa.Column("not_seen_ms", Int64, comment="ms without being seen after which somebody is told; null for never"),
        sa.Column("made_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column(
            "made_by",
            Int64,
            sa.ForeignKey("users.id", ondelete="SET NULL"),
            comment="who; null: nobody known any more",
        ),
        sa.CheckConstraint("kind IN ('cat', 'dog')", name="pets_kind_known"),
        sa.CheckConstraint("indoor_only IN (0, 1)", name="pets_indoor_only_bool"),
        sa.UniqueConstraint("slug", name="pets_slug_once"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


def _looks() -> None:
    op.create_table(
        "pet_looks",
        sa.Column(
            "event_id",
            Int64,
            sa.ForeignKey("events.id", ondelete="CASCADE"),
            primary_key=True,
            comment="whose picture",
        ),
        sa.Column("look", sa.LargeBinary, nullable=False, comment="numbers of how the animal looks, pets/match.py"),
        sa.Column("made_ms", Int64, nullable=False, comment="UTC ms"),
        sqlite_strict=True,
    )
    op.create_index("pet_looks_by_time", "pet_looks", ["made_ms"])


def _pictures() -> None:
    op.create_table(
        "pet_pictures",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column(
            "event_id",
            Int64,
            sa.ForeignKey("events.id", ondelete="CASCADE"),
            nullable=False,
            comment="whose picture",
        ),
        sa.Column(
            "pet_id",
            Int64,
            sa.ForeignKey("pets.id", ondelete="CASCADE"),
            comment="which pet; null: none, or unsure",
        ),
        sa.Column(
            "verdict",
            sa.Text,
            nullable=False,
            comment="yes, no: not this pet, none: not ours, unsure: nobody can tell",
        ),
        sa.Column("kind", sa.Text, nullable=False, comment="cat or dog"),
        sa.Column("look", sa.LargeBinary, comment="as in pet_looks; null where the picture says too little"),
        sa.Column("answered_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column(
            "answered_by",
            Int64,
            sa.ForeignKey("users.id", ondelete="SET NULL"),
            comment="who; null: nobody known any more",
        ),
        sa.CheckConstraint("verdict IN ('yes', 'no', 'none', 'unsure')", name="pet_pictures_verdict_known"),
        sa.CheckConstraint("(pet_id IS NULL) = (verdict IN ('none', 'unsure'))", name="pet_pictures_pet_fits"),
        sa.UniqueConstraint("event_id", "pet_id", name="pet_pictures_once"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("pet_pictures_by_pet", "pet_pictures", ["pet_id", "answered_ms"])


def _sightings() -> None:
    op.create_table(
        "pet_sightings",
        sa.Column(
            "event_id",
            Int64,
            sa.ForeignKey("events.id", ondelete="CASCADE"),
            primary_key=True,
            comment="when and where",
        ),
        sa.Column("pet_id", Int64, sa.ForeignKey("pets.id", ondelete="CASCADE"), nullable=False, comment="which pet"),
        sa.Column("said_by", sa.Text, nullable=False, comment="box or person"),
        sa.Column("score", sa.REAL, nullable=False, comment="0 to 1: how sure the box is; 1 of a person"),
        sa.Column("camera_id", sa.Text, nullable=False, comment="that of the event"),
        sa.Column("ts_ms", Int64, nullable=False, comment="UTC ms: begin of the event"),
        sa.CheckConstraint("said_by IN ('box', 'person')", name="pet_sightings_said_by_known"),
        sqlite_strict=True,
    )
    op.create_index("pet_sightings_by_pet", "pet_sightings", ["pet_id", "ts_ms"])
    op.create_table(
        "pet_due",
        sa.Column(
            "event_id",
            Int64,
            sa.ForeignKey("events.id", ondelete="CASCADE"),
            primary_key=True,
            comment="to be named anew",
        ),
        sa.Column("since_ms", Int64, nullable=False, comment="UTC ms since which; below 0: at once"),
        sqlite_strict=True,
    )
