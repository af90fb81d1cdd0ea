"""The table of what is made from recordings; conventions as in ``schema``, which knows it too."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Table, Text, text

from vigilar.store.columns import Int64, metadata

reels = Table(
    "reels",
    metadata,
    Column(
        "job_id",
        Int64,
        ForeignKey("jobs.id", ondelete="CASCADE"),
        primary_key=True,
        comment="the job that makes it, or made it",
    ),
    Column("is_kept", Int64, nullable=False, server_default=text("0"), comment="1 if it stays until somebody says so"),
    Column("is_daily", Int64, nullable=False, server_default=text("0"), comment="1 if the house made it by itself"),
    Column("day", Text, comment="YYYY-MM-DD of the house that a daily one is of; null for others"),
    Column("size_bytes", Int64, nullable=False, server_default=text("0"), comment="bytes of its files; 0 before"),
    CheckConstraint("is_kept IN (0, 1)", name="reels_is_kept_bool"),
    CheckConstraint("is_daily IN (0, 1)", name="reels_is_daily_bool"),
    CheckConstraint("size_bytes >= 0", name="reels_size_positive"),
    sqlite_strict=True,
)
