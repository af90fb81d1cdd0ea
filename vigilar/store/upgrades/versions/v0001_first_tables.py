"""The first tables: cameras, files, events with their change counter, outbox, users and sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _cameras()
    _files()
    _events()
    _outbox()
    _users()
    _sessions()


def _cameras() -> None:
    op.create_table(
        "cameras",
        sa.Column("id", sa.Text, primary_key=True, comment="slug of the camera's first name; never changes"),
        sa.Column("uuid", sa.LargeBinary, nullable=False, comment="16 random bytes, the camera's id inside .vge files"),
        sa.Column("name", sa.Text, nullable=False, comment="as people read it"),
        sa.Column("created_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column("removed_ms", Int64, comment="UTC ms; null while the camera is configured"),
        sa.Column(
            "next_video_number", Int64, nullable=False, server_default=sa.text("1"), comment="number of the next file"
        ),
        sa.Column(
            "next_still_number", Int64, nullable=False, server_default=sa.text("1"), comment="number of the next still"
        ),
        sa.Column(
            "video_link",
            sa.LargeBinary,
            comment="32 bytes: link of the newest closed video file; null before the first",
        ),
        sa.Column(
            "still_link", sa.LargeBinary, comment="32 bytes: link of the newest closed still; null before the first"
        ),
        sa.CheckConstraint("length(uuid) = 16", name="cameras_uuid_length"),
        sa.UniqueConstraint("uuid", name="cameras_uuid_once"),
        sqlite_strict=True,
    )


def _files() -> None:
    op.create_table(
        "files",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column("camera_id", sa.Text, sa.ForeignKey("cameras.id"), nullable=False, comment="whose file this is"),
        sa.Column("content", sa.Text, nullable=False, comment="video or still"),
        sa.Column("number", Int64, nullable=False, comment="counts up per camera and content, never used again"),
        sa.Column("path", sa.Text, nullable=False, comment="relative to the data folder, with slashes"),
        sa.Column("state", sa.Text, nullable=False, comment="open, closed, recovered, damaged or missing"),
        sa.Column("start_ms", Int64, nullable=False, comment="UTC ms of the first picture"),
        sa.Column("end_ms", Int64, comment="UTC ms of the end of the last picture; of the last checkpoint while open"),
        sa.Column("size_bytes", Int64, nullable=False, server_default=sa.text("0"), comment="bytes on disk"),
        sa.Column(
            "plaintext_bytes", Int64, nullable=False, server_default=sa.text("0"), comment="bytes of INIT and MEDIA"
        ),
        sa.Column(
            "record_count", Int64, nullable=False, server_default=sa.text("0"), comment="records of the closed file"
        ),
        sa.Column("link", sa.LargeBinary, comment="32 bytes, goes into the next file's header; null until closed"),
        sa.Column("reason", sa.Text, comment="why it was closed, cut or set aside; null while all is well and open"),
        sa.Column("checkpoint_record", Int64, comment="number of the last record known to be on the disk"),
        sa.Column("checkpoint_tag", sa.LargeBinary, comment="the tag of that record: the file may never end before it"),
        sa.Column("checkpoint_offset", Int64, comment="bytes from the file's start to the end of that record"),
        sa.Column(
            "codec", sa.Text, nullable=False, server_default=sa.text("''"), comment="codecs parameter of RFC 6381"
        ),
        sa.Column("width", Int64, nullable=False, server_default=sa.text("0"), comment="pixels; 0 unknown"),
        sa.Column("height", Int64, nullable=False, server_default=sa.text("0"), comment="pixels; 0 unknown"),
        sa.Column("has_audio", Int64, nullable=False, server_default=sa.text("0"), comment="1 if sound is in it"),
        sa.CheckConstraint("content IN ('video', 'still')", name="files_content_known"),
        sa.CheckConstraint("state IN ('open', 'closed', 'recovered', 'damaged', 'missing')", name="files_state_known"),
        sa.CheckConstraint("has_audio IN (0, 1)", name="files_has_audio_bool"),
        sa.CheckConstraint(
            "size_bytes >= 0 AND plaintext_bytes >= 0 AND record_count >= 0", name="files_sizes_positive"
        ),
        sa.UniqueConstraint("camera_id", "content", "number", name="files_number_once"),
        sa.UniqueConstraint("path", name="files_path_once"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("files_by_time", "files", ["camera_id", "content", "start_ms", "end_ms"])
    op.create_index(
        "files_open",
        "files",
        ["camera_id"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column(
            "uid",
            sa.Text,
            nullable=False,
            comment="id of the message it came from: the same message twice is one event",
        ),
        sa.Column("change", Int64, nullable=False, comment="number of its newest insert or update, over all events"),
        sa.Column("type", sa.Text, nullable=False, comment="a type of events/classification.py"),
        sa.Column("severity", sa.Text, nullable=False, comment="INFO, WARNING, ALERT or CRITICAL"),
        sa.Column("source_id", sa.Text, nullable=False, comment="camera id, process name or 'system'"),
        sa.Column("ts_ms", Int64, nullable=False, comment="UTC ms: when it happened or began"),
        sa.Column("end_ms", Int64, comment="UTC ms: when it ended; null while it goes on and for what has no length"),
        sa.Column(
            "still_id", Int64, sa.ForeignKey("files.id", ondelete="SET NULL"), comment="its picture, a row of files"
        ),
        sa.Column("payload", sa.Text, nullable=False, comment="JSON object: title and details"),
        sa.Column("words", sa.Text, nullable=False, comment="case-folded text that the search looks through"),
        sa.Column("created_ms", Int64, nullable=False, comment="UTC ms of the insert"),
        sa.CheckConstraint("severity IN ('INFO', 'WARNING', 'ALERT', 'CRITICAL')", name="events_severity_known"),
        sa.CheckConstraint("ts_ms >= 0", name="events_ts_positive"),
        sa.CheckConstraint("end_ms IS NULL OR end_ms >= ts_ms", name="events_end_after_start"),
        sa.UniqueConstraint("uid", name="events_uid_once"),
        sa.UniqueConstraint("change", name="events_change_once"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("events_by_time", "events", ["ts_ms", "id"])
    op.create_index("events_by_source", "events", ["source_id", "ts_ms", "id"])
    op.create_index("events_by_type", "events", ["type", "ts_ms", "id"])
    op.create_index("events_by_severity", "events", ["severity", "ts_ms", "id"])
    op.create_index("events_by_still", "events", ["still_id"])
    op.create_index(
        "events_open_motion",
        "events",
        ["source_id", "ts_ms"],
        sqlite_where=sa.text("type = 'motion' AND end_ms IS NULL"),
        postgresql_where=sa.text("type = 'motion' AND end_ms IS NULL"),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.Text, primary_key=True, comment="'event_change'"),
        sa.Column("value", Int64, nullable=False, comment="the number given last; 0 before the first"),
        sqlite_strict=True,
    )
    op.execute("INSERT INTO counters (name, value) VALUES ('event_change', 0)")


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("seq", Int64, primary_key=True, autoincrement=True, comment="order of writing, never used again"),
        sa.Column("uid", sa.Text, nullable=False, comment="id of the message"),
        sa.Column("topic", sa.Text, nullable=False, comment="MQTT topic"),
        sa.Column("payload", sa.Text, nullable=False, comment="JSON, as it goes over the bus"),
        sa.Column("created_ms", Int64, nullable=False, comment="UTC ms of the insert"),
        sa.Column(
            "failures", Int64, nullable=False, server_default=sa.text("0"), comment="times it could not be handled"
        ),
        sa.Column(
            "set_aside_ms", Int64, comment="UTC ms when it was given up and kept for inspection; null while it waits"
        ),
        sa.Column("reason", sa.Text, comment="why it was set aside"),
        sa.UniqueConstraint("uid", "topic", name="outbox_message_once"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column("name", sa.Text, nullable=False, comment="as its owner wrote it"),
        sa.Column("name_key", sa.Text, nullable=False, comment="case-folded name"),
        sa.Column("password_hash", sa.Text, nullable=False, comment="argon2id, PHC string format"),
        sa.Column("role", sa.Text, nullable=False, comment="owner"),
        sa.Column("created_ms", Int64, nullable=False, comment="UTC ms"),
        sa.CheckConstraint("role IN ('owner')", name="users_role_known"),
        sa.UniqueConstraint("name_key", name="users_name_once"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column(
            "token_hash",
            sa.LargeBinary,
            primary_key=True,
            comment="SHA-256 of the cookie's token, which is stored nowhere",
        ),
        sa.Column(
            "user_id", Int64, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, comment="who signed in"
        ),
        sa.Column("created_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column("last_seen_ms", Int64, nullable=False, comment="UTC ms of the last request, a minute or so late"),
        sa.Column("expires_ms", Int64, nullable=False, comment="UTC ms from which it is not valid"),
        sa.Column(
            "user_agent", sa.Text, nullable=False, comment="what the browser calls itself, cut to 200 characters"
        ),
        sa.CheckConstraint("length(token_hash) = 32", name="sessions_token_length"),
        sqlite_strict=True,
    )
    op.create_index("sessions_by_user", "sessions", ["user_id"])
    op.create_index("sessions_by_end", "sessions", ["expires_ms"])
