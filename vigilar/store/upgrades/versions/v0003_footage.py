"""Footage has an end: storyboards, kept and seen events, deletions in a chain, signed checkpoints, jobs and shares."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _cameras()
    _files()
    _events()
    _event_seen()
    _deletions()
    _checkpoints()
    _jobs()
    _shares()
    _share_uses()


def _node_id(comment: str) -> sa.Column[str]:
    return sa.Column("node_id", sa.Text, nullable=False, server_default=sa.text("''"), comment=comment)


def _cameras() -> None:
    op.add_column(
        "cameras",
        sa.Column(
            "next_storyboard_number",
            Int64,
            nullable=False,
            server_default=sa.text("1"),
            comment="number of the next storyboard",
        ),
    )
    op.add_column(
        "cameras",
        sa.Column(
            "storyboard_link",
            sa.LargeBinary,
            comment="32 bytes: link of the newest closed storyboard; null before the first",
        ),
    )


def _files() -> None:
    """SQLite cannot change a check: there the table is made anew. Foreign keys are off meanwhile."""
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint("files_content_known", "files")
        op.create_check_constraint("files_content_known", "files", "content IN ('video', 'still', 'storyboard')")
        op.alter_column("files", "content", existing_type=sa.Text, comment="video, still or storyboard")
        return
    op.create_table(
        "new_files",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column("camera_id", sa.Text, sa.ForeignKey("cameras.id"), nullable=False, comment="whose file this is"),
        sa.Column("content", sa.Text, nullable=False, comment="video, still or storyboard"),
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
        _node_id("the box whose data folder holds it"),
        sa.CheckConstraint("content IN ('video', 'still', 'storyboard')", name="files_content_known"),
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
    columns = (
        "id, camera_id, content, number, path, state, start_ms, end_ms, size_bytes, plaintext_bytes, record_count, "
        "link, reason, checkpoint_record, checkpoint_tag, checkpoint_offset, codec, width, height, has_audio, node_id"
    )
    op.execute(f"INSERT INTO new_files ({columns}) SELECT {columns} FROM files")
    op.drop_table("files")
    op.rename_table("new_files", "files")
    op.create_index("files_by_time", "files", ["camera_id", "content", "start_ms", "end_ms"])
    op.create_index(
        "files_open",
        "files",
        ["camera_id"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )


def _events() -> None:
    op.add_column(
        "events",
        sa.Column(
            "kept",
            Int64,
            nullable=False,
            server_default=sa.text("0"),
            comment="1 if its footage may never be deleted",
        ),
    )
    op.create_index(
        "events_kept",
        "events",
        ["source_id", "ts_ms"],
        sqlite_where=sa.text("kept = 1"),
        postgresql_where=sa.text("kept = 1"),
    )


def _event_seen() -> None:
    op.create_table(
        "event_seen",
        sa.Column(
            "user_id", Int64, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, comment="who has seen it"
        ),
        sa.Column(
            "event_id", Int64, sa.ForeignKey("events.id", ondelete="CASCADE"), primary_key=True, comment="the event"
        ),
        sqlite_strict=True,
    )


def _deletions() -> None:
    op.create_table(
        "deletions",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        _node_id("the box whose file it was"),
        sa.Column("camera_id", sa.Text, nullable=False, comment="whose file it was"),
        sa.Column("content", sa.Text, nullable=False, comment="video, still or storyboard"),
        sa.Column("number", Int64, nullable=False, comment="the file's number"),
        sa.Column("path", sa.Text, nullable=False, comment="relative to the data folder, with slashes"),
        sa.Column("start_ms", Int64, nullable=False, comment="UTC ms of the first picture"),
        sa.Column("end_ms", Int64, nullable=False, comment="UTC ms of the end of the last picture"),
        sa.Column("size_bytes", Int64, nullable=False, comment="bytes it took on disk"),
        sa.Column(
            "link",
            sa.LargeBinary,
            comment="32 bytes: the file's link, by which the chain goes on; null if it had none",
        ),
        sa.Column("why", sa.Text, nullable=False, comment="age, quota, camera-quota, reserve or owner"),
        sa.Column("created_ms", Int64, nullable=False, comment="UTC ms: from here on the file has no row of files"),
        sa.Column(
            "done_ms", Int64, comment="UTC ms when the file was gone and its folder synced; null while it is to go"
        ),
        sa.Column(
            "previous",
            sa.LargeBinary,
            nullable=False,
            comment="32 bytes: hash of the box's deletion before; zeros first",
        ),
        sa.Column("hash", sa.LargeBinary, nullable=False, comment="32 bytes: SHA-256 over previous and what is above"),
        sa.UniqueConstraint("node_id", "previous", name="deletions_one_chain"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("deletions_by_time", "deletions", ["created_ms"])
    op.create_index("deletions_by_camera", "deletions", ["camera_id", "content", "start_ms"])
    op.create_index(
        "deletions_pending",
        "deletions",
        ["node_id"],
        sqlite_where=sa.text("done_ms IS NULL"),
        postgresql_where=sa.text("done_ms IS NULL"),
    )


def _checkpoints() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        _node_id("the box that signed it"),
        sa.Column("created_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column(
            "body", sa.Text, nullable=False, comment="what is signed: newest numbers, links and deletion of the box"
        ),
        sa.Column("signature", sa.LargeBinary, nullable=False, comment="64 bytes: Ed25519 over body"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("checkpoints_by_time", "checkpoints", ["node_id", "created_ms"])


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        _node_id("the box that does it"),
        sa.Column("kind", sa.Text, nullable=False, comment="export; later reel, timelapse, ..."),
        sa.Column("params", sa.Text, nullable=False, comment="JSON object: what to make"),
        sa.Column("state", sa.Text, nullable=False, comment="waiting, running, done, failed or cancelled"),
        sa.Column(
            "step", sa.Text, nullable=False, server_default=sa.text("''"), comment="what it does now, as people read it"
        ),
        sa.Column("percent", Int64, nullable=False, server_default=sa.text("0"), comment="0 to 100"),
        sa.Column("seconds_left", Int64, comment="estimated; null while not known"),
        sa.Column(
            "made_by",
            Int64,
            sa.ForeignKey("users.id", ondelete="SET NULL"),
            comment="who asked; null: the house itself",
        ),
        sa.Column("created_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column("updated_ms", Int64, nullable=False, comment="UTC ms of the newest change"),
        sa.Column("lease_until_ms", Int64, comment="UTC ms until which its worker has it; null while nobody has"),
        sa.Column("worker", sa.Text, comment="random id of the worker that has it"),
        sa.Column("tries", Int64, nullable=False, server_default=sa.text("0"), comment="times a worker began it"),
        sa.Column("is_cancel_asked", Int64, nullable=False, server_default=sa.text("0"), comment="1 if it is to stop"),
        sa.Column("result", sa.Text, comment="JSON object: what was made; null until done"),
        sa.Column("error", sa.Text, comment="one sentence for people; null unless failed"),
        sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'failed', 'cancelled')", name="jobs_state_known"),
        sa.CheckConstraint("percent BETWEEN 0 AND 100", name="jobs_percent_range"),
        sa.CheckConstraint("is_cancel_asked IN (0, 1)", name="jobs_is_cancel_asked_bool"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("jobs_by_state", "jobs", ["node_id", "state", "id"])


def _shares() -> None:
    op.create_table(
        "shares",
        sa.Column(
            "token_hash",
            sa.LargeBinary,
            primary_key=True,
            comment="SHA-256 of the link's token, which is stored nowhere",
        ),
        sa.Column(
            "job_id", Int64, sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, comment="the export it opens"
        ),
        sa.Column("made_by", Int64, sa.ForeignKey("users.id", ondelete="SET NULL"), comment="who shared it"),
        sa.Column("created_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column("expires_ms", Int64, nullable=False, comment="UTC ms from which it opens nothing"),
        sa.Column("revoked_ms", Int64, comment="UTC ms when it was taken back; null while it holds"),
        sa.CheckConstraint("length(token_hash) = 32", name="shares_token_length"),
        sqlite_strict=True,
    )
    op.create_index("shares_by_job", "shares", ["job_id"])


def _share_uses() -> None:
    op.create_table(
        "share_uses",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column(
            "token_hash",
            sa.LargeBinary,
            sa.ForeignKey("shares.token_hash", ondelete="CASCADE"),
            nullable=False,
            comment="the link",
        ),
        sa.Column("ts_ms", Int64, nullable=False, comment="UTC ms of the download's start"),
        sa.Column("address", sa.Text, nullable=False, comment="from where"),
        sa.Column(
            "user_agent", sa.Text, nullable=False, comment="what the browser calls itself, cut to 200 characters"
        ),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("share_uses_by_link", "share_uses", ["token_hash"])
