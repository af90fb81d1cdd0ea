"""The tables, as they are after the newest upgrade. Every column says its unit in its comment.

Times are UTC milliseconds since 1970, sizes are bytes. On SQLite the tables are STRICT, so a column holds its type or
nothing. The same tables run on PostgreSQL. ``upgrades/versions`` holds the steps that lead here;
``tests/unit/test_store_schema.py`` proves that they do.
"""

from __future__ import annotations

from sqlalchemy import (
    REAL,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from vigilar.base import story
from vigilar.store import (  # noqa: F401 -- their tables belong to the list too
    account_tables,
    backup_tables,
    guard_tables,
    health_tables,
    notify_tables,
    pet_tables,
    reel_tables,
    rules_tables,
    wildlife_tables,
)
from vigilar.store.columns import Int64, metadata, node_id, one_of

CONTENTS = ("video", "still", "storyboard")
FILE_STATES = ("open", "closed", "recovered", "damaged", "missing")
SEVERITIES = story.SEVERITIES
JOB_STATES = ("waiting", "running", "done", "failed", "cancelled")

__all__ = ["metadata"]
"""Who imports it from here has all tables in it; everything else is imported from where it is defined."""

cameras = Table(
    "cameras",
    metadata,
    Column("id", Text, primary_key=True, comment="slug of the camera's first name; never changes"),
    Column("uuid", LargeBinary, nullable=False, comment="16 random bytes, the camera's id inside .vge files"),
    Column("name", Text, nullable=False, comment="as people read it"),
    Column("created_ms", Int64, nullable=False, comment="UTC ms"),
    Column("removed_ms", Int64, comment="UTC ms; null while the camera is configured"),
    Column("next_video_number", Int64, nullable=False, server_default=text("1"), comment="number of the next file"),
    Column("next_still_number", Int64, nullable=False, server_default=text("1"), comment="number of the next still"),
    Column("video_link", LargeBinary, comment="32 bytes: link of the newest closed video file; null before the first"),
    Column("still_link", LargeBinary, comment="32 bytes: link of the newest closed still; null before the first"),
    node_id("the box that runs it"),
    Column(
        "next_storyboard_number",
        Int64,
        nullable=False,
        server_default=text("1"),
        comment="number of the next storyboard",
    ),
    Column(
        "storyboard_link", LargeBinary, comment="32 bytes: link of the newest closed storyboard; null before the first"
    ),
    CheckConstraint("length(uuid) = 16", name="cameras_uuid_length"),
    UniqueConstraint("uuid", name="cameras_uuid_once"),
    sqlite_strict=True,
)

files = Table(
    "files",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("camera_id", Text, ForeignKey("cameras.id"), nullable=False, comment="whose file this is"),
    Column("content", Text, nullable=False, comment="video, still or storyboard"),
    Column("number", Int64, nullable=False, comment="counts up per camera and content, never used again"),
    Column("path", Text, nullable=False, comment="relative to the data folder, with slashes"),
    Column("state", Text, nullable=False, comment="open, closed, recovered, damaged or missing"),
    Column("start_ms", Int64, nullable=False, comment="UTC ms of the first picture"),
    Column("end_ms", Int64, comment="UTC ms of the end of the last picture; of the last checkpoint while open"),
    Column("size_bytes", Int64, nullable=False, server_default=text("0"), comment="bytes on disk"),
    Column("plaintext_bytes", Int64, nullable=False, server_default=text("0"), comment="bytes of INIT and MEDIA"),
    Column("record_count", Int64, nullable=False, server_default=text("0"), comment="records of the closed file"),
    Column("link", LargeBinary, comment="32 bytes, goes into the next file's header; null until closed"),
    Column("reason", Text, comment="why it was closed, cut or set aside; null while all is well and open"),
    Column("checkpoint_record", Int64, comment="number of the last record known to be on the disk"),
    Column("checkpoint_tag", LargeBinary, comment="the tag of that record: the file may never end before it"),
    Column("checkpoint_offset", Int64, comment="bytes from the file's start to the end of that record"),
    Column("codec", Text, nullable=False, server_default=text("''"), comment="codecs parameter of RFC 6381"),
    Column("width", Int64, nullable=False, server_default=text("0"), comment="pixels; 0 unknown"),
    Column("height", Int64, nullable=False, server_default=text("0"), comment="pixels; 0 unknown"),
    Column("has_audio", Int64, nullable=False, server_default=text("0"), comment="1 if sound is in it"),
    node_id("the box whose data folder holds it"),
    CheckConstraint(one_of("content", CONTENTS), name="files_content_known"),
    CheckConstraint(one_of("state", FILE_STATES), name="files_state_known"),
    CheckConstraint("has_audio IN (0, 1)", name="files_has_audio_bool"),
    CheckConstraint("size_bytes >= 0 AND plaintext_bytes >= 0 AND record_count >= 0", name="files_sizes_positive"),
    UniqueConstraint("camera_id", "content", "number", name="files_number_once"),
    UniqueConstraint("path", name="files_path_once"),
    Index("files_by_time", "camera_id", "content", "start_ms", "end_ms"),
    # To name PostgreSQL here would load all of its dialect, 2 MB a process; its half of these is in the upgrades.
    Index("files_open", "camera_id", sqlite_where=text("state = 'open'")),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

events = Table(
    "events",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("uid", Text, nullable=False, comment="id of the message it came from: the same message twice is one event"),
    Column("change", Int64, nullable=False, comment="number of its newest insert or update, over all events"),
    Column("type", Text, nullable=False, comment="a type of events/classification.py"),
    Column("severity", Text, nullable=False, comment="INFO, WARNING, ALERT or CRITICAL"),
    Column("source_id", Text, nullable=False, comment="camera id, process name or 'system'"),
    Column("ts_ms", Int64, nullable=False, comment="UTC ms: when it happened or began"),
    Column("end_ms", Int64, comment="UTC ms: when it ended; null while it goes on and for what has no length"),
    Column("still_id", Int64, ForeignKey("files.id", ondelete="SET NULL"), comment="its picture, a row of files"),
    Column("payload", Text, nullable=False, comment="JSON object: title and details"),
    Column("words", Text, nullable=False, comment="case-folded text that the search looks through"),
    Column("created_ms", Int64, nullable=False, comment="UTC ms of the insert"),
    Column(
        "first_change",
        Int64,
        nullable=False,
        server_default=text("0"),
        comment="change number of its insert: who has taken changes below it has never met this event",
    ),
    Column("kept", Int64, nullable=False, server_default=text("0"), comment="1 if its footage may never be deleted"),
    Column(
        "kind",
        Text,
        nullable=False,
        server_default=text("''"),
        comment="person, vehicle, cat, dog, bird, animal, or motion; empty for what is no visit",
    ),
    Column("label_score", REAL, comment="0 to 1: how sure the kind is; null if none"),
    Column("zones", Text, nullable=False, server_default=text("'[]'"), comment="JSON list of zone names"),
    Column("incident_id", Int64, comment="the incident it belongs to; null until it is given one"),
    CheckConstraint(one_of("severity", SEVERITIES), name="events_severity_known"),
    CheckConstraint("ts_ms >= 0", name="events_ts_positive"),
    CheckConstraint("end_ms IS NULL OR end_ms >= ts_ms", name="events_end_after_start"),
    UniqueConstraint("uid", name="events_uid_once"),
    UniqueConstraint("change", name="events_change_once"),
    Index("events_by_time", "ts_ms", "id"),
    Index("events_by_source", "source_id", "ts_ms", "id"),
    Index("events_by_type", "type", "ts_ms", "id"),
    Index("events_by_kind", "kind", "ts_ms", "id"),
    Index("events_by_severity", "severity", "ts_ms", "id"),
    Index("events_by_still", "still_id"),
    Index("events_by_incident", "incident_id"),
    Index("events_alone", "ts_ms", "id", sqlite_where=text("incident_id IS NULL")),
    Index("events_kept", "source_id", "ts_ms", sqlite_where=text("kept = 1")),
    Index(
        "events_open_motion",
        "source_id",
        "ts_ms",
        sqlite_where=text("type = 'motion' AND end_ms IS NULL"),
    ),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("start_ms", Int64, nullable=False, comment="UTC ms of its first event"),
    Column("end_ms", Int64, nullable=False, comment="UTC ms of the newest moment of its events"),
    Column("title", Text, nullable=False, comment="one line for people: who or what, and where"),
    Column("severity", Text, nullable=False, comment="the worst of its events"),
    Column("cameras", Text, nullable=False, comment="JSON list of camera ids in the order they joined"),
    Column("kinds", Text, nullable=False, comment="JSON list of kinds, what matters most first"),
    Column("event_count", Int64, nullable=False, comment="events in it"),
    Column("still_id", Int64, ForeignKey("files.id", ondelete="SET NULL"), comment="its picture, a row of files"),
    Column("updated_ms", Int64, nullable=False, comment="UTC ms of its newest change"),
    Column("parts", Text, nullable=False, comment="JSON list: what base/story.py counted its events into"),
    Column("change", Int64, nullable=False, comment="change number of the event that changed it last"),
    Column("into_id", Int64, comment="where its last event went: it has none any more; null while it has events"),
    CheckConstraint(one_of("severity", SEVERITIES), name="incidents_severity_known"),
    CheckConstraint("end_ms >= start_ms", name="incidents_end_after_start"),
    Index("incidents_by_time", "start_ms", "id"),
    Index("incidents_by_end", "end_ms"),
    Index("incidents_by_severity", "severity", "start_ms", "id"),
    Index("incidents_by_still", "still_id"),
    Index("incidents_by_change", "change"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

tracks = Table(
    "tracks",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("uid", Text, nullable=False, comment="id its detector gave it: told twice, it is one track"),
    Column(
        "event_id",
        Int64,
        ForeignKey("events.id", ondelete="CASCADE"),
        comment="the visit it belongs to; null for what stood still and made no event",
    ),
    Column("camera_id", Text, ForeignKey("cameras.id"), nullable=False, comment="whose picture it is in"),
    Column("kind", Text, nullable=False, comment="person, vehicle, cat, dog, bird, animal or motion"),
    Column("score", REAL, nullable=False, comment="0 to 1: how sure the kind is"),
    Column("start_ms", Int64, nullable=False, comment="UTC ms of its first box"),
    Column("end_ms", Int64, nullable=False, comment="UTC ms of its newest box"),
    Column("is_stationary", Int64, nullable=False, comment="1 if it stood in the scene and did not move"),
    Column("zones", Text, nullable=False, server_default=text("'[]'"), comment="JSON list of zone names"),
    Column(
        "path",
        LargeBinary,
        nullable=False,
        comment="boxes in order, 12 bytes each, little-endian: u32 ms after start_ms, u16 left, top, width, "
        "height in 1/65535 of the picture",
    ),
    CheckConstraint("end_ms >= start_ms", name="tracks_end_after_start"),
    CheckConstraint("is_stationary IN (0, 1)", name="tracks_is_stationary_bool"),
    UniqueConstraint("uid", name="tracks_uid_once"),
    Index("tracks_by_camera", "camera_id", "start_ms"),
    Index("tracks_by_event", "event_id"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True, comment="'event_change'"),
    Column("value", Int64, nullable=False, comment="the number given last; 0 before the first"),
    sqlite_strict=True,
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", Int64, primary_key=True, autoincrement=True, comment="order of writing, never used again"),
    Column("uid", Text, nullable=False, comment="id of the message"),
    Column("topic", Text, nullable=False, comment="MQTT topic"),
    Column("payload", Text, nullable=False, comment="JSON, as it goes over the bus"),
    Column("created_ms", Int64, nullable=False, comment="UTC ms of the insert"),
    Column("failures", Int64, nullable=False, server_default=text("0"), comment="times it could not be handled"),
    Column("set_aside_ms", Int64, comment="UTC ms when it was given up and kept for inspection; null while it waits"),
    Column("reason", Text, comment="why it was set aside"),
    node_id("the box whose process wrote it, and whose events process takes it"),
    UniqueConstraint("uid", "topic", name="outbox_message_once"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

consumers = Table(
    "consumers",
    metadata,
    Column("node_id", Text, primary_key=True, comment="the box it runs on"),
    Column("name", Text, primary_key=True, comment="who takes stored events in order, such as 'publisher'"),
    Column("change", Int64, nullable=False, comment="number of the newest change it has taken; 0 before the first"),
    Column("updated_ms", Int64, nullable=False, comment="UTC ms when it took that one"),
    CheckConstraint("change >= 0", name="consumers_change_positive"),
    sqlite_strict=True,
)

consumer_owed = Table(
    "consumer_owed",
    metadata,
    Column("node_id", Text, primary_key=True, comment="the consumer's box"),
    Column("name", Text, primary_key=True, comment="the consumer, whose place has passed a change of this event"),
    Column("event_id", Int64, ForeignKey("events.id", ondelete="CASCADE"), primary_key=True, comment="the event"),
    Column("is_new", Int64, nullable=False, comment="1 if the consumer has never handled this event"),
    Column("change", Int64, comment="the change set aside; null for one that is still to come, only later"),
    Column("reason", Text, comment="why it was set aside; null as for change"),
    Column("set_aside_ms", Int64, comment="UTC ms; null as for change"),
    ForeignKeyConstraint(
        ["node_id", "name"], ["consumers.node_id", "consumers.name"], name="consumer_owed_by", ondelete="CASCADE"
    ),
    CheckConstraint("is_new IN (0, 1)", name="consumer_owed_is_new_bool"),
    sqlite_strict=True,
)

event_seen = Table(
    "event_seen",
    metadata,
    Column("user_id", Int64, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, comment="who has seen it"),
    Column("event_id", Int64, ForeignKey("events.id", ondelete="CASCADE"), primary_key=True, comment="the event"),
    sqlite_strict=True,
)

deletions = Table(
    "deletions",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    node_id("the box whose file it was"),
    Column("camera_id", Text, nullable=False, comment="whose file it was"),
    Column("content", Text, nullable=False, comment="video, still or storyboard"),
    Column("number", Int64, nullable=False, comment="the file's number"),
    Column("path", Text, nullable=False, comment="relative to the data folder, with slashes"),
    Column("start_ms", Int64, nullable=False, comment="UTC ms of the first picture"),
    Column("end_ms", Int64, nullable=False, comment="UTC ms of the end of the last picture"),
    Column("size_bytes", Int64, nullable=False, comment="bytes it took on disk"),
    Column("link", LargeBinary, comment="32 bytes: the file's link, by which the chain goes on; null if it had none"),
    Column("why", Text, nullable=False, comment="age, quota, camera-quota, reserve or owner"),
    Column("created_ms", Int64, nullable=False, comment="UTC ms: from here on the file has no row of files"),
    Column("done_ms", Int64, comment="UTC ms when the file was gone and its folder synced; null while it is to go"),
    Column("previous", LargeBinary, nullable=False, comment="32 bytes: hash of the box's deletion before; zeros first"),
    Column("hash", LargeBinary, nullable=False, comment="32 bytes: SHA-256 over previous and what is above"),
    UniqueConstraint("node_id", "previous", name="deletions_one_chain"),
    Index("deletions_by_time", "created_ms"),
    Index("deletions_by_camera", "camera_id", "content", "start_ms"),
    Index("deletions_pending", "node_id", sqlite_where=text("done_ms IS NULL")),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

erasures = Table(
    "erasures",
    metadata,
    Column("path", Text, primary_key=True, comment="of the recording, as in files: no two ever have the same"),
    node_id("the box whose file it is, and whose upkeep process deletes it"),
    Column("camera_id", Text, nullable=False, comment="whose recording it is"),
    Column("start_ms", Int64, nullable=False, comment="UTC ms of the first picture"),
    Column("end_ms", Int64, nullable=False, comment="UTC ms of the end of the last picture"),
    Column("by_name", Text, nullable=False, comment="who said that it is to go"),
    Column("asked_ms", Int64, nullable=False, comment="UTC ms when that was said"),
    Column("done_ms", Int64, comment="UTC ms from which there is nothing left to do; null while it is to go"),
    Index("erasures_by_camera", "camera_id", "start_ms"),
    Index("erasures_pending", "node_id", sqlite_where=text("done_ms IS NULL")),
    sqlite_strict=True,
)

erase_wishes = Table(
    "erase_wishes",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("by_name", Text, nullable=False, comment="who said that they are to go"),
    Column("asked_ms", Int64, nullable=False, comment="UTC ms when that was said"),
    Column("file_ids", Text, nullable=False, comment="JSON list: ids of files without rows of erasures yet"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    node_id("the box that signed it"),
    Column("created_ms", Int64, nullable=False, comment="UTC ms"),
    Column("body", Text, nullable=False, comment="what is signed: newest numbers, links and deletion of the box"),
    Column("signature", LargeBinary, nullable=False, comment="64 bytes: Ed25519 over body"),
    Index("checkpoints_by_time", "node_id", "created_ms"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    node_id("the box that does it"),
    Column("kind", Text, nullable=False, comment="export; later reel, timelapse, ..."),
    Column("params", Text, nullable=False, comment="JSON object: what to make"),
    Column("state", Text, nullable=False, comment="waiting, running, done, failed or cancelled"),
    Column("step", Text, nullable=False, server_default=text("''"), comment="what it does now, as people read it"),
    Column("percent", Int64, nullable=False, server_default=text("0"), comment="0 to 100"),
    Column("seconds_left", Int64, comment="estimated; null while not known"),
    Column("made_by", Int64, ForeignKey("users.id", ondelete="SET NULL"), comment="who asked; null: the house itself"),
    Column("created_ms", Int64, nullable=False, comment="UTC ms"),
    Column("updated_ms", Int64, nullable=False, comment="UTC ms of the newest change"),
    Column("lease_until_ms", Int64, comment="UTC ms until which its worker has it; null while nobody has"),
    Column("worker", Text, comment="random id of the worker that has it"),
    Column("tries", Int64, nullable=False, server_default=text("0"), comment="times a worker began it"),
    Column("is_cancel_asked", Int64, nullable=False, server_default=text("0"), comment="1 if it is to stop"),
    Column("result", Text, comment="JSON object: what was made; null until done"),
    Column("error", Text, comment="one sentence for people; null unless failed"),
    CheckConstraint(one_of("state", JOB_STATES), name="jobs_state_known"),
    CheckConstraint("percent BETWEEN 0 AND 100", name="jobs_percent_range"),
    CheckConstraint("is_cancel_asked IN (0, 1)", name="jobs_is_cancel_asked_bool"),
    Index("jobs_by_state", "node_id", "state", "id"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

shares = Table(
    "shares",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True, comment="SHA-256 of the link's token, which is stored nowhere"),
    Column("job_id", Int64, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, comment="the export it opens"),
    Column("made_by", Int64, ForeignKey("users.id", ondelete="SET NULL"), comment="who shared it"),
    Column("created_ms", Int64, nullable=False, comment="UTC ms"),
    Column("expires_ms", Int64, nullable=False, comment="UTC ms from which it opens nothing"),
    Column("revoked_ms", Int64, comment="UTC ms when it was taken back; null while it holds"),
    CheckConstraint("length(token_hash) = 32", name="shares_token_length"),
    Index("shares_by_job", "job_id"),
    sqlite_strict=True,
)

share_uses = Table(
    "share_uses",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column(
        "token_hash",
        LargeBinary,
        ForeignKey("shares.token_hash", ondelete="CASCADE"),
        nullable=False,
        comment="the link",
    ),
    Column("ts_ms", Int64, nullable=False, comment="UTC ms of the download's start"),
    Column("address", Text, nullable=False, comment="from where"),
    Column("user_agent", Text, nullable=False, comment="what the browser calls itself, cut to 200 characters"),
    Index("share_uses_by_link", "token_hash"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)
