"""The tables of pets; conventions as in ``schema``, which knows them too."""

from __future__ import annotations

from sqlalchemy import REAL, CheckConstraint, Column, ForeignKey, Index, LargeBinary, Table, Text, UniqueConstraint

from vigilar.store.columns import Int64, metadata, one_of

PET_KINDS = ("cat", "dog")
PET_VERDICTS = ("yes", "no", "none", "unsure")

pets = Table(
    "pets",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("name", Text, nullable=False, comment="as people read it"),
    Column("slug", Text, nullable=False, comment="its name in topics; also what makes two names the same"),
    Column("kind", Text, nullable=False, comment="cat or dog"),
    Column("indoor_only", Int64, nullable=False, comment="1 if it may not be outside"),
    Column("not_seen_ms", Int64, comment="ms without being seen after which somebody is told; null for never"),
    Column("made_ms", Int64, nullable=False, comment="UTC ms"),
    Column("made_by", Int64, ForeignKey("users.id", ondelete="SET NULL"), comment="who; null: nobody known any more"),
    CheckConstraint(one_of("kind", PET_KINDS), name="pets_kind_known"),
    CheckConstraint("indoor_only IN (0, 1)", name="pets_indoor_only_bool"),
    UniqueConstraint("slug", name="pets_slug_once"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

pet_looks = Table(
    "pet_looks",
    metadata,
    Column("event_id", Int64, ForeignKey("events.id", ondelete="CASCADE"), primary_key=True, comment="whose picture"),
    Column("look", LargeBinary, nullable=False, comment="numbers of how the animal looks, pets/match.py"),
    Column("made_ms", Int64, nullable=False, comment="UTC ms"),
    Index("pet_looks_by_time", "made_ms"),
    sqlite_strict=True,
)

pet_pictures = Table(
    "pet_pictures",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("event_id", Int64, ForeignKey("events.id", ondelete="CASCADE"), nullable=False, comment="whose picture"),
    Column("pet_id", Int64, ForeignKey("pets.id", ondelete="CASCADE"), comment="which pet; null: none, or unsure"),
    Column("verdict", Text, nullable=False, comment="yes, no: not this pet, none: not ours, unsure: nobody can tell"),
    Column("kind", Text, nullable=False, comment="cat or dog"),
    Column("look", LargeBinary, comment="as in pet_looks; null where the picture says too little"),
    Column("answered_ms", Int64, nullable=False, comment="UTC ms"),
    Column(
        "answered_by", Int64, ForeignKey("users.id", ondelete="SET NULL"), comment="who; null: nobody known any more"
    ),
    CheckConstraint(one_of("verdict", PET_VERDICTS), name="pet_pictures_verdict_known"),
    CheckConstraint("(pet_id IS NULL) = (verdict IN ('none', 'unsure'))", name="pet_pictures_pet_fits"),
    UniqueConstraint("event_id", "pet_id", name="pet_pictures_once"),
    Index("pet_pictures_by_pet", "pet_id", "answered_ms"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

pet_sightings = Table(
    "pet_sightings",
    metadata,
    Column("event_id", Int64, ForeignKey("events.id", ondelete="CASCADE"), primary_key=True, comment="when and where"),
    Column("pet_id", Int64, ForeignKey("pets.id", ondelete="CASCADE"), nullable=False, comment="which pet"),
    Column("said_by", Text, nullable=False, comment="box or person"),
    Column("score", REAL, nullable=False, comment="0 to 1: how sure the box is; 1 of a person"),
    Column("camera_id", Text, nullable=False, comment="that of the event"),
    Column("ts_ms", Int64, nullable=False, comment="UTC ms: begin of the event"),
    CheckConstraint("said_by IN ('box', 'person')", name="pet_sightings_said_by_known"),
    Index("pet_sightings_by_pet", "pet_id", "ts_ms"),
    sqlite_strict=True,
)

pet_due = Table(
    "pet_due",
    metadata,
    Column(
        "event_id", Int64, ForeignKey("events.id", ondelete="CASCADE"), primary_key=True, comment="to be named anew"
    ),
    Column("since_ms", Int64, nullable=False, comment="UTC ms since which; below 0: at once"),
    sqlite_strict=True,
)
