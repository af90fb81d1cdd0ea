"""The tables of backups; conventions as in ``schema``, which knows them too."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Table, Text, text

from vigilar.store.columns import Int64, metadata, one_of

BACKUP_CONTENTS = ("video", "still", "storyboard", "house")
BACKUP_WORK = ("copy", "check", "deep", "drill")
BACKUP_RUN_STATES = ("running", "done", "failed", "stopped")

backup_files = Table(
    "backup_files",
    metadata,
    Column("node_id", Text, primary_key=True, comment="the box it is a copy of"),
    Column("target_id", Text, primary_key=True, comment="the target it lies at, as its mark says"),
    Column("path", Text, primary_key=True, comment="relative to the data folder, and to the target"),
    Column("content", Text, nullable=False, comment="video, still, storyboard, or house: database and settings"),
    Column("camera_id", Text, nullable=False, comment="whose file it is; empty for the house"),
    Column("number", Int64, nullable=False, comment="as in files; of the house, UTC s"),
    Column("start_ms", Int64, nullable=False, comment="UTC ms of its first picture"),
    Column("end_ms", Int64, nullable=False, comment="UTC ms of its end"),
    Column("size_bytes", Int64, nullable=False, comment="bytes at the target"),
    Column("sha256", LargeBinary, nullable=False, comment="32 bytes: of all bytes at the target, as read back"),
    Column("link", LargeBinary, comment="32 bytes: that of its row in files, its last tag; null if it has none"),
    Column(
        "is_proved", Int64, nullable=False, comment="1 if each of its tags was proved by its key when it was copied"
    ),
    Column("verified_ms", Int64, nullable=False, comment="UTC ms when its bytes were last read back and were right"),
    CheckConstraint(one_of("content", BACKUP_CONTENTS), name="backup_files_content_known"),
    CheckConstraint("is_proved IN (0, 1)", name="backup_files_is_proved_bool"),
    CheckConstraint("length(sha256) = 32", name="backup_files_sha256_length"),
    Index("backup_files_by_time", "node_id", "target_id", "start_ms"),
    sqlite_strict=True,
)

backup_runs = Table(
    "backup_runs",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("node_id", Text, nullable=False, comment="the box that did it"),
    Column("target_id", Text, nullable=False, comment="at which target; empty if it was not reached"),
    Column("work", Text, nullable=False, comment="copy, check, deep (a check that reads each byte) or drill"),
    Column("state", Text, nullable=False, comment="running, done, failed or stopped"),
    Column("started_ms", Int64, nullable=False, comment="UTC ms"),
    Column("ended_ms", Int64, comment="UTC ms; null while it runs; of one that was killed, when the next began"),
    Column("file_count", Int64, nullable=False, server_default=text("0"), comment="files copied, checked, restored"),
    Column("size_bytes", Int64, nullable=False, server_default=text("0"), comment="bytes of them"),
    Column("sentence", Text, nullable=False, server_default=text("''"), comment="what became of it, for people"),
    CheckConstraint(one_of("work", BACKUP_WORK), name="backup_runs_work_known"),
    CheckConstraint(one_of("state", BACKUP_RUN_STATES), name="backup_runs_state_known"),
    Index("backup_runs_by_time", "node_id", "started_ms"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

backup_state = Table(
    "backup_state",
    metadata,
    Column("node_id", Text, primary_key=True, comment="the box"),
    Column("target", Text, nullable=False, comment="address of the target, as in the settings; it holds no password"),
    Column("target_id", Text, nullable=False, comment="the mark found there; empty before the first time"),
    Column("up_to_ms", Int64, comment="UTC ms: all that was recorded before lies at the target; null: nothing yet"),
    Column("house_ms", Int64, comment="UTC ms of the newest copy of database and settings there; null before it"),
    Column("owed_count", Int64, nullable=False, comment="files that still are to be copied"),
    Column("owed_bytes", Int64, nullable=False, comment="bytes of them"),
    Column("tried_ms", Int64, comment="UTC ms when copying was last begun; null before"),
    Column("drilled_ms", Int64, comment="UTC ms when restoring was last proved; null before"),
    Column("drill_tried_ms", Int64, comment="UTC ms when that was last begun; null before"),
    Column("problem", Text, nullable=False, comment="code of what keeps it from going on; empty when all is well"),
    Column("sentence", Text, nullable=False, comment="the same for people"),
    Column("next_step", Text, nullable=False, comment="what a person can do about it"),
    Column("since_ms", Int64, comment="UTC ms since which it is so; null when all is well"),
    sqlite_strict=True,
)

backup_asks = Table(
    "backup_asks",
    metadata,
    Column("node_id", Text, primary_key=True, comment="the box that shall do it"),
    Column("work", Text, primary_key=True, comment="copy, check, deep (a check that reads each byte) or drill"),
    Column("asked_ms", Int64, nullable=False, comment="UTC ms"),
    CheckConstraint(one_of("work", BACKUP_WORK), name="backup_asks_work_known"),
    sqlite_strict=True,
)
