"""Health: problems that somebody put off, and how many pictures each camera usually sends. Recordings that go by a
person's word."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "problem_snoozes",
        sa.Column("problem", sa.Text, primary_key=True, comment="id of the problem, such as camera:shed"),
        sa.Column("until_ms", Int64, nullable=False, comment="UTC ms from which it is to do again"),
        sa.Column("made_ms", Int64, nullable=False, comment="UTC ms when somebody put it off"),
        sa.Column(
            "made_by",
            Int64,
            sa.ForeignKey("users.id", ondelete="SET NULL"),
            comment="who; null: nobody known any more",
        ),
        sqlite_strict=True,
    )
    op.create_table(
        "picture_rates",
        sa.Column(
            "camera_id",
            sa.Text,
            sa.ForeignKey("cameras.id", ondelete="CASCADE"),
            primary_key=True,
            comment="whose stream was counted",
        ),
        sa.Column("hour_ms", Int64, primary_key=True, comment="UTC ms at which the hour begins"),
        sa.Column("pictures", Int64, nullable=False, comment="pictures that came while it was counted"),
        sa.Column(
            "counted_ms", Int64, nullable=False, comment="ms of the hour in which it was counted, the camera online"
        ),
        sa.CheckConstraint("pictures >= 0 AND counted_ms >= 0", name="picture_rates_positive"),
        sqlite_strict=True,
    )
    op.create_table(
        "erasures",
        sa.Column(
            "path", sa.Text, primary_key=True, comment="of the recording, as in files: no two ever have the same"
        ),
        sa.Column(
            "node_id",
            sa.Text,
            nullable=False,
            server_default=sa.text("''"),
            comment="the box whose file it is, and whose upkeep process deletes it",
        ),
        sa.Column("camera_id", sa.Text, nullable=False, comment="whose recording it is"),
        sa.Column("start_ms", Int64, nullable=False, comment="UTC ms of the first picture"),
        sa.Column("end_ms", Int64, nullable=False, comment="UTC ms of the end of the last picture"),
        sa.Column("by_name", sa.Text, nullable=False, comment="who said that it is to go"),
        sa.Column("asked_ms", Int64, nullable=False, comment="UTC ms when that was said"),
        sa.Column("done_ms", Int64, comment="UTC ms from which there is nothing left to do; null while it is to go"),
        sqlite_strict=True,
    )
    op.create_table(
        "erase_wishes",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column("by_name", sa.Text, nullable=False, comment="who said that they are to go"),
        sa.Column("asked_ms", Int64, nullable=False, comment="UTC ms when that was said"),
        sa.Column("file_ids", sa.Text, nullable=False, comment="JSON list: ids of files without rows of erasures yet"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("erasures_by_camera", "erasures", ["camera_id", "start_ms"])
    op.create_index(
        "erasures_pending",
        "erasures",
        ["node_id"],
        sqlite_where=sa.text("done_ms IS NULL"),
        postgresql_where=sa.text("done_ms IS NULL"),
    )
