"""The tables of telling people: phones, what was decided, what is owed to whom; conventions as in ``schema``."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, LargeBinary, Table, Text, UniqueConstraint, text

from vigilar.base.story import SEVERITIES
from vigilar.store.columns import Int64, metadata, node_id, one_of

PHONE_STATES = ("ok", "silent", "refused")
DELIVERY_STATES = ("owed", "sent", "accepted", "shown", "acknowledged", "expired", "failed", "gone")
WAYS = ("push", "ntfy", "email", "webhook", "siren", "light", "scene", "record")

phones = Table(
    "phones",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("user_id", Int64, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, comment="whose it is"),
    Column("name", Text, nullable=False, comment="as people read it"),
    Column("endpoint", Text, nullable=False, comment="https address of its push service; opens nothing but its bell"),
    Column(
        "origin", Text, nullable=False, comment="https address under which this house is open there; empty: unknown"
    ),
    Column("p256dh", LargeBinary, nullable=False, comment="65 bytes: its public key, an uncompressed point of P-256"),
    Column("auth", LargeBinary, nullable=False, comment="16 bytes: what it shares with us for sealing"),
    Column("user_agent", Text, nullable=False, comment="what the browser calls itself, cut to 200 characters"),
    Column("session_hash", LargeBinary, comment="the login that registered it, as in sessions; null: none that lasts"),
    Column("created_ms", Int64, nullable=False, comment="UTC ms"),
    Column("accepted_ms", Int64, comment="UTC ms when its service last took a push; null before the first"),
    Column("shown_ms", Int64, comment="UTC ms when it last said that it showed one; null before the first"),
    Column("delay_ms", Int64, comment="ms from the owing of that push until it was shown; null as shown_ms"),
    Column("state", Text, nullable=False, server_default=text("'ok'"), comment="ok, silent or refused"),
    Column("sentence", Text, nullable=False, server_default=text("''"), comment="why it is not ok, for people"),
    CheckConstraint(one_of("state", PHONE_STATES), name="phones_state_known"),
    CheckConstraint("length(p256dh) = 65", name="phones_p256dh_length"),
    CheckConstraint("length(auth) = 16", name="phones_auth_length"),
    UniqueConstraint("endpoint", name="phones_endpoint_once"),
    Index("phones_by_user", "user_id"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

decisions = Table(
    "decisions",
    metadata,
    Column("event_id", Int64, ForeignKey("events.id", ondelete="CASCADE"), primary_key=True, comment="the event"),
    Column("change", Int64, nullable=False, comment="the event's change it was decided on, the newest one"),
    Column("decided_ms", Int64, nullable=False, comment="UTC ms"),
    Column("decision", Text, nullable=False, comment="JSON object of a Decision: rules.decision"),
    Column("look_again_ms", Int64, comment="UTC ms when it is decided anew, as time changes it; null: never"),
    Index("decisions_to_come", "look_again_ms", sqlite_where=text("look_again_ms IS NOT NULL")),
    sqlite_strict=True,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    node_id("the box that delivers it"),
    Column("story", Text, nullable=False, comment="what it tells of: incident-<id>, event-<id> or test-<id>"),
    Column("lane", Text, nullable=False, comment="what waits together: push:<host of the service>, or the way"),
    Column("way", Text, nullable=False, comment="push, ntfy, email, webhook, siren, light, scene or record"),
    Column("target", Text, nullable=False, comment="to whom: phone-<id>, or the way with what tells two of it apart"),
    Column("phone_id", Int64, ForeignKey("phones.id", ondelete="SET NULL"), comment="of a push; null: phone is gone"),
    Column("user_id", Int64, ForeignKey("users.id", ondelete="CASCADE"), comment="who is told; null: the house"),
    Column("device", Text, nullable=False, comment="the phone or way, as people called it then"),
    Column("incident_id", Int64, comment="the incident it tells of; null: none"),
    Column("event_id", Int64, ForeignKey("events.id", ondelete="CASCADE"), comment="the newest event; null: a test"),
    Column("content", Text, nullable=False, comment="JSON object: title, body and the rest of what is told"),
    Column("is_loud", Int64, nullable=False, comment="1: with sound"),
    Column("is_critical", Int64, nullable=False, comment="1: breaks through, and is told however late"),
    Column("revision", Int64, nullable=False, comment="times its content changed, from 1"),
    Column("told_revision", Int64, nullable=False, server_default=text("0"), comment="newest that arrived; 0: none"),
    Column("sent_revision", Int64, nullable=False, server_default=text("0"), comment="newest that was let go; 0: none"),
    Column(
        "shown_revision",
        Int64,
        nullable=False,
        server_default=text("0"),
        comment="newest that the phone said it showed; 0: none",
    ),
    Column("state", Text, nullable=False, comment="owed, sent, accepted, shown, acknowledged, expired, failed or gone"),
    Column("tries", Int64, nullable=False, server_default=text("0"), comment="of this revision"),
    Column("created_ms", Int64, nullable=False, comment="UTC ms since which it is owed"),
    Column("next_try_ms", Int64, nullable=False, comment="UTC ms before which it is not tried"),
    Column("expires_ms", Int64, nullable=False, comment="UTC ms from which it is not told any more"),
    Column("sent_ms", Int64, comment="UTC ms of the newest try; null before the first"),
    Column("accepted_ms", Int64, comment="UTC ms when the service or machine first took it; null before"),
    Column("shown_ms", Int64, comment="UTC ms when the phone first said that it showed it; null before"),
    Column("acknowledged_ms", Int64, comment="UTC ms when a person said so; null before"),
    Column("topic", Text, nullable=False, server_default=text("''"), comment="what replaces what at a push service"),
    Column("token", Text, nullable=False, comment="random: who knows it may say that it was shown"),
    Column("sentence", Text, nullable=False, server_default=text("''"), comment="what became of it, for people"),
    CheckConstraint(one_of("way", WAYS), name="deliveries_way_known"),
    CheckConstraint(one_of("state", DELIVERY_STATES), name="deliveries_state_known"),
    CheckConstraint("is_loud IN (0, 1)", name="deliveries_is_loud_bool"),
    CheckConstraint("is_critical IN (0, 1)", name="deliveries_is_critical_bool"),
    UniqueConstraint("story", "target", name="deliveries_once"),
    Index("deliveries_by_event", "event_id"),
    Index("deliveries_by_user", "user_id", "created_ms"),
    Index("deliveries_by_phone", "phone_id", "created_ms"),
    Index("deliveries_owed", "node_id", "lane", "is_critical", "id", sqlite_where=text("state = 'owed'")),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

alert_pages = Table(
    "alert_pages",
    metadata,
    Column("page", Text, primary_key=True, comment="random id that the open page gave itself"),
    Column("user_id", Int64, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, comment="who has it open"),
    Column("seen_ms", Int64, nullable=False, comment="UTC ms when it last said that it can sound"),
    Index("alert_pages_by_user", "user_id", "seen_ms"),
    sqlite_strict=True,
)

alert_notes = Table(
    "alert_notes",
    metadata,
    Column(
        "incident_id",
        Int64,
        ForeignKey("incidents.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        comment="of which somebody took note",
    ),
    Column("severity", Text, nullable=False, comment="how bad it was when it was seen"),
    Column("noted_ms", Int64, nullable=False, comment="UTC ms"),
    CheckConstraint(one_of("severity", SEVERITIES), name="alert_notes_severity_known"),
    Index("alert_notes_by_time", "noted_ms"),
    sqlite_strict=True,
)
