"""What is made from recordings: highlight reels and time-lapses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "reels",
        sa.Column(
            "job_id",
            Int64,
            sa.ForeignKey("jobs.id", ondelete="CASCADE"),
            primary_key=True,
            comment="the job that makes it, or made it",
        ),
        sa.Column(
            "is_kept",
            Int64,
            nullable=False,
            server_default=sa.text("0"),
            comment="1 if it stays until somebody says so",
        ),
        sa.Column(
            "is_daily", Int64, nullable=False, server_default=sa.text("0"), comment="1 if the house made it by itself"
        ),
        sa.Column("day", sa.Text, comment="YYYY-MM-DD of the house that a daily one is of; null for others"),
        sa.Column(
            "size_bytes", Int64, nullable=False, server_default=sa.text("0"), comment="bytes of its files; 0 before"
        ),
        sa.CheckConstraint("is_kept IN (0, 1)", name="reels_is_kept_bool"),
        sa.CheckConstraint("is_daily IN (0, 1)", name="reels_is_daily_bool"),
        sa.CheckConstraint("size_bytes >= 0", name="reels_size_positive"),
        sqlite_strict=True,
    )
