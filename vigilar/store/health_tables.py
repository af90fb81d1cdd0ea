"""The tables of health; conventions as in ``schema``, which knows them too."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Table, Text

from vigilar.store.columns import Int64, metadata

problem_snoozes = Table(
    "problem_snoozes",
    metadata,
    Column("problem", Text, primary_key=True, comment="id of the problem, such as camera:shed"),
    Column("until_ms", Int64, nullable=False, comment="UTC ms from which it is to do again"),
    Column("made_ms", Int64, nullable=False, comment="UTC ms when somebody put it off"),
    Column("made_by", Int64, ForeignKey("users.id", ondelete="SET NULL"), comment="who; null: nobody known any more"),
    sqlite_strict=True,
)

picture_rates = Table(
    "picture_rates",
    metadata,
    Column(
        "camera_id",
        Text,
        ForeignKey("cameras.id", ondelete="CASCADE"),
        primary_key=True,
        comment="whose stream was counted",
    ),
    Column("hour_ms", Int64, primary_key=True, comment="UTC ms at which the hour begins"),
    Column("pictures", Int64, nullable=False, comment="pictures that came while it was counted"),
    Column("counted_ms", Int64, nullable=False, comment="ms of the hour in which it was counted, the camera online"),
    CheckConstraint("pictures >= 0 AND counted_ms >= 0", name="picture_rates_positive"),
    sqlite_strict=True,
)
