"""The tables of rules: what was snoozed, and who was told when by which rule; conventions as in ``schema``."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, Text

from vigilar.store.columns import Int64, metadata, one_of

SNOOZE_ENDS = ("time", "quiet")
TELLING_LEVELS = ("ordinary", "loud", "critical", "limited", "rule")

snoozes = Table(
    "snoozes",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("user_id", Int64, ForeignKey("users.id", ondelete="CASCADE"), comment="who hears less; null: everybody"),
    Column("camera_id", Text, ForeignKey("cameras.id", ondelete="CASCADE"), comment="of which; null: of everything"),
    Column("made_by", Text, nullable=False, comment="who asked for it, as people read it"),
    Column("start_ms", Int64, nullable=False, comment="UTC ms from which"),
    Column("until_ms", Int64, nullable=False, comment="UTC ms at which it ends, whatever happens"),
    Column("ends", Text, nullable=False, comment="time: at until_ms; quiet: also as soon as it was quiet for quiet_ms"),
    Column("quiet_ms", Int64, nullable=False, comment="ms without an event that end it; 0 unless ends is quiet"),
    Column("ended_ms", Int64, comment="UTC ms at which somebody ended it; null if nobody did"),
    CheckConstraint(one_of("ends", SNOOZE_ENDS), name="snoozes_ends_known"),
    CheckConstraint("until_ms > start_ms", name="snoozes_end_after_start"),
    Index("snoozes_by_end", "until_ms"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

tellings = Table(
    "tellings",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("event_id", Int64, ForeignKey("events.id", ondelete="CASCADE"), nullable=False, comment="of what"),
    Column("incident_id", Int64, comment="the incident of the event when it was decided; null for none"),
    Column("user_id", Int64, ForeignKey("users.id", ondelete="CASCADE"), comment="who; null: the rule did its part"),
    Column("rule", Text, nullable=False, comment="the name of the rule"),
    Column("source_id", Text, nullable=False, comment="the source of the event"),
    Column(
        "level",
        Text,
        nullable=False,
        comment="ordinary, loud or critical: told; limited: only the daily limit kept it; rule: the rule held",
    ),
    Column("ts_ms", Int64, nullable=False, comment="UTC ms when it was decided"),
    CheckConstraint(one_of("level", TELLING_LEVELS), name="tellings_level_known"),
    CheckConstraint("(level = 'rule') = (user_id IS NULL)", name="tellings_rule_or_member"),
    Index("tellings_by_event", "event_id"),
    Index("tellings_by_incident", "incident_id"),
    Index("tellings_by_time", "ts_ms"),
    Index("tellings_by_rule", "rule", "source_id", "ts_ms"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)
