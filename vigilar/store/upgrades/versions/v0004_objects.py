"""What moved: an event's kind, score and zones, and the tracks of what was seen in it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _events()
    _tracks()


def _events() -> None:
    op.add_column(
        "events",
        sa.Column(
            "kind",
            sa.Text,
            nullable=False,
            server_default=sa.text("''"),
            comment="person, vehicle, cat, dog, bird, animal, or motion; empty for what is no visit",
        ),
    )
    op.add_column("events", sa.Column("label_score", sa.REAL, comment="0 to 1: how sure the kind is; null if none"))
    op.add_column(
        "events",
        sa.Column("zones", sa.Text, nullable=False, server_default=sa.text("'[]'"), comment="JSON list of zone names"),
    )
    op.create_index("events_by_kind", "events", ["kind", "ts_ms", "id"])


def _tracks() -> None:
    op.create_table(
        "tracks",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column("uid", sa.Text, nullable=False, comment="id its detector gave it: told twice, it is one track"),
        sa.Column(
            "event_id",
            Int64,
            sa.ForeignKey("events.id", ondelete="CASCADE"),
            comment="the visit it belongs to; null for what stood still and made no event",
        ),
        sa.Column("camera_id", sa.Text, sa.ForeignKey("cameras.id"), nullable=False, comment="whose picture it is in"),
        sa.Column("kind", sa.Text, nullable=False, comment="person, vehicle, cat, dog, bird, animal or motion"),
        sa.Column("score", sa.REAL, nullable=False, comment="0 to 1: how sure the kind is"),
        sa.Column("start_ms", Int64, nullable=False, comment="UTC ms of its first box"),
        sa.Column("end_ms", Int64, nullable=False, comment="UTC ms of its newest box"),
        sa.Column("is_stationary", Int64, nullable=False, comment="1 if it stood in the scene and did not move"),
        sa.Column("zones", sa.Text, nullable=False, server_default=sa.text("'[]'"), comment="JSON list of zone names"),
        sa.Column(
            "path",
            sa.LargeBinary,
            nullable=False,
            comment="boxes in order, 12 bytes each, little-endian: u32 ms after start_ms, u16 left, top, width, "
            "height in 1/65535 of the picture",
        ),
        sa.CheckConstraint("end_ms >= start_ms", name="tracks_end_after_start"),
        sa.CheckConstraint("is_stationary IN (0, 1)", name="tracks_is_stationary_bool"),
        sa.UniqueConstraint("uid", name="tracks_uid_once"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("tracks_by_camera", "tracks", ["camera_id", "start_ms"])
    op.create_index("tracks_by_event", "tracks", ["event_id"])
