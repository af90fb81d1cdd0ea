"""The tables of wild animals; conventions as in ``schema``, which knows them too."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, Text, text

from vigilar.store.columns import Int64, metadata, one_of

species_said = Table(
    "species_said",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("event_id", Int64, ForeignKey("events.id", ondelete="CASCADE"), nullable=False, comment="the visit"),
    Column("species", Text, nullable=False, comment="key of what somebody said it was; empty: taken back"),
    Column("is_current", Int64, nullable=False, comment="1 for what holds now; older words of the visit have 0"),
    Column("camera_id", Text, nullable=False, comment="source of the visit"),
    Column("ts_ms", Int64, nullable=False, comment="UTC ms at which the visit began"),
    Column("act", Text, nullable=False, comment="one tap: what was said with it of several visits has the same"),
    Column("by_name", Text, nullable=False, comment="who said so"),
    Column("said_ms", Int64, nullable=False, comment="UTC ms when that was said"),
    CheckConstraint("is_current IN (0, 1)", name="species_said_is_current_bool"),
    Index("species_said_by_event", "event_id", "is_current", "species"),
    Index("species_said_by_species", "species", "ts_ms", sqlite_where=text("is_current = 1")),
    Index("species_said_by_act", "act"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

own_species = Table(
    "own_species",
    metadata,
    Column("key", Text, primary_key=True, comment="made of the first name, begins with own-; never changes"),
    Column("name", Text, nullable=False, comment="as people read it"),
    Column("kind", Text, nullable=False, comment="animal or bird"),
    Column("tier", Text, nullable=False, comment="predator, nuisance or passive"),
    Column("by_name", Text, nullable=False, comment="who added it"),
    Column("made_ms", Int64, nullable=False, comment="UTC ms"),
    CheckConstraint(one_of("kind", ("animal", "bird")), name="own_species_kind_known"),
    CheckConstraint(one_of("tier", ("predator", "nuisance", "passive")), name="own_species_tier_known"),
    sqlite_strict=True,
)

watched_hours = Table(
    "watched_hours",
    metadata,
    Column("hour_ms", Int64, primary_key=True, autoincrement=False, comment="UTC ms at which the hour begins"),
    Column(
        "camera_id",
        Text,
        ForeignKey("cameras.id", ondelete="CASCADE"),
        primary_key=True,
        comment="who watched",
    ),
    Column("watched_ms", Int64, nullable=False, comment="ms of the hour in which the camera watched"),
    CheckConstraint("watched_ms BETWEEN 0 AND 3600000", name="watched_hours_in_hour"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
