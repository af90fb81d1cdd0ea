"""Backups: what lies at the target, verified, and what is still owed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _files()
    _runs()
    _state()
    _asks()


def _files() -> None:
    op.create_table(
        "backup_files",
        sa.Column("node_id", sa.Text, primary_key=True, comment="the box it is a copy of"),
        sa.Column("target_id", sa.Text, primary_key=True, comment="the target it lies at, as its mark says"),
        sa.Column("path", sa.Text, primary_key=True, comment="relative to the data folder, and to the target"),
        sa.Column(
            "content", sa.Text, nullable=False, comment="video, still, storyboard, or house: database and settings"
        ),
        sa.Column("camera_id", sa.Text, nullable=False, comment="whose file it is; empty for the house"),
        sa.Column("number", Int64, nullable=False, comment="as in files; of the house, UTC s"),
        sa.Column("start_ms", Int64, nullable=False, comment="UTC ms of its first picture"),
        sa.Column("end_ms", Int64, nullable=False, comment="UTC ms of its end"),
        sa.Column("size_bytes", Int64, nullable=False, comment="bytes at the target"),
        sa.Column(
            "sha256", sa.LargeBinary, nullable=False, comment="32 bytes: of all bytes at the target, as read back"
        ),
        sa.Column(
            "link", sa.LargeBinary, comment="32 bytes: that of its row in files, its last tag; null if it has none"
        ),
        sa.Column(
            "is_proved", Int64, nullable=False, comment="1 if each of its tags was proved by its key when it was copied"
        ),
        sa.Column(
            "verified_ms", Int64, nullable=False, comment="UTC ms when its bytes were last read back and were right"
        ),
        sa.CheckConstraint("content IN ('video', 'still', 'storyboard', 'house')", name="backup_files_content_known"),
        sa.CheckConstraint("is_proved IN (0, 1)", name="backup_files_is_proved_bool"),
        sa.CheckConstraint("length(sha256) = 32", name="backup_files_sha256_length"),
        sqlite_strict=True,
    )
    op.create_index("backup_files_by_time", "backup_files", ["node_id", "target_id", "start_ms"])


def _runs() -> None:
    op.create_table(
        "backup_runs",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column("node_id", sa.Text, nullable=False, comment="the box that did it"),
        sa.Column("target_id", sa.Text, nullable=False, comment="at which target; empty if it was not reached"),
        sa.Column("work", sa.Text, nullable=False, comment="copy, check, deep (a check that reads each byte) or drill"),
        sa.Column("state", sa.Text, nullable=False, comment="running, done, failed or stopped"),
        sa.Column("started_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column("ended_ms", Int64, comment="UTC ms; null while it runs; of one that was killed, when the next began"),
        sa.Column(
            "file_count", Int64, nullable=False, server_default=sa.text("0"), comment="files copied, checked, restored"
        ),
        sa.Column("size_bytes", Int64, nullable=False, server_default=sa.text("0"), comment="bytes of them"),
        sa.Column(
            "sentence", sa.Text, nullable=False, server_default=sa.text("''"), comment="what became of it, for people"
        ),
        sa.CheckConstraint("work IN ('copy', 'check', 'deep', 'drill')", name="backup_runs_work_known"),
        sa.CheckConstraint("state IN ('running', 'done', 'failed', 'stopped')", name="backup_runs_state_known"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("backup_runs_by_time", "backup_runs", ["node_id", "started_ms"])


def _state() -> None:
    op.create_table(
        "backup_state",
        sa.Column("node_id", sa.Text, primary_key=True, comment="the box"),
        sa.Column(
            "target", sa.Text, nullable=False, comment="address of the target, as in the settings; it holds no password"
        ),
        sa.Column("target_id", sa.Text, nullable=False, comment="the mark found there; empty before the first time"),
        sa.Column(
            "up_to_ms", Int64, comment="UTC ms: all that was recorded before lies at the target; null: nothing yet"
        ),
        sa.Column(
            "house_ms", Int64, comment="UTC ms of the newest copy of database and settings there; null before it"
        ),
        sa.Column("owed_count", Int64, nullable=False, comment="files that still are to be copied"),
        sa.Column("owed_bytes", Int64, nullable=False, comment="bytes of them"),
        sa.Column("tried_ms", Int64, comment="UTC ms when copying was last begun; null before"),
        sa.Column("drilled_ms", Int64, comment="UTC ms when restoring was last proved; null before"),
        sa.Column("drill_tried_ms", Int64, comment="UTC ms when that was last begun; null before"),
        sa.Column(
            "problem", sa.Text, nullable=False, comment="code of what keeps it from going on; empty when all is well"
        ),
        sa.Column("sentence", sa.Text, nullable=False, comment="the same for people"),
        sa.Column("next_step", sa.Text, nullable=False, comment="what a person can do about it"),
        sa.Column("since_ms", Int64, comment="UTC ms since which it is so; null when all is well"),
        sqlite_strict=True,
    )


def _asks() -> None:
    op.create_table(
        "backup_asks",
        sa.Column("node_id", sa.Text, primary_key=True, comment="the box that shall do it"),
        sa.Column(
            "work", sa.Text, primary_key=True, comment="copy, check, deep (a check that reads each byte) or drill"
        ),
        sa.Column("asked_ms", Int64, nullable=False, comment="UTC ms"),
        sa.CheckConstraint("work IN ('copy', 'check', 'deep', 'drill')", name="backup_asks_work_known"),
        sqlite_strict=True,
    )
