"""Telling people: their phones, what was decided, what is owed to whom and what became of it, pages that sound.
And by which login a code for a phone was made, as a phone knows the login that registered it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _phones()
    _decisions()
    _deliveries()
    _alert_pages()
    _alert_notes()
    _pairings()


def _pairings() -> None:
    op.add_column(
        "pairings",
        sa.Column(
            "made_by_hash",
            sa.LargeBinary,
            comment="the login that made it, as in sessions; it ends with that unused",
        ),
    )


def _phones() -> None:
    op.create_table(
        "phones",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column(
            "user_id", Int64, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, comment="whose it is"
        ),
        sa.Column("name", sa.Text, nullable=False, comment="as people read it"),
        sa.Column(
            "endpoint", sa.Text, nullable=False, comment="https address of its push service; opens nothing but its bell"
        ),
        sa.Column(
            "origin",
            sa.Text,
            nullable=False,
            comment="https address under which this house is open there; empty: unknown",
        ),
        sa.Column(
            "p256dh", sa.LargeBinary, nullable=False, comment="65 bytes: its public key, an uncompressed point of P-256"
        ),
        sa.Column("auth", sa.LargeBinary, nullable=False, comment="16 bytes: what it shares with us for sealing"),
        sa.Column(
            "user_agent", sa.Text, nullable=False, comment="what the browser calls itself, cut to 200 characters"
        ),
        sa.Column(
            "session_hash",
            sa.LargeBinary,
            comment="the login that registered it, as in sessions; null: none that lasts",
        ),
        sa.Column("created_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column("accepted_ms", Int64, comment="UTC ms when its service last took a push; null before the first"),
        sa.Column("shown_ms", Int64, comment="UTC ms when it last said that it showed one; null before the first"),
        sa.Column("delay_ms", Int64, comment="ms from the owing of that push until it was shown; null as shown_ms"),
        sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'ok'"), comment="ok, silent or refused"),
        sa.Column(
            "sentence", sa.Text, nullable=False, server_default=sa.text("''"), comment="why it is not ok, for people"
        ),
        sa.CheckConstraint("state IN ('ok', 'silent', 'refused')", name="phones_state_known"),
        sa.CheckConstraint("length(p256dh) = 65", name="phones_p256dh_length"),
        sa.CheckConstraint("length(auth) = 16", name="phones_auth_length"),
        sa.UniqueConstraint("endpoint", name="phones_endpoint_once"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("phones_by_user", "phones", ["user_id"])


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column(
            "event_id", Int64, sa.ForeignKey("events.id", ondelete="CASCADE"), primary_key=True, comment="the event"
        ),
        sa.Column("change", Int64, nullable=False, comment="the event's change it was decided on, the newest one"),
        sa.Column("decided_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column("decision", sa.Text, nullable=False, comment="JSON object of a Decision: rules.decision"),
        sa.Column("look_again_ms", Int64, comment="UTC ms when it is decided anew, as time changes it; null: never"),
        sqlite_strict=True,
    )
    op.create_index(
        "decisions_to_come", "decisions", ["look_again_ms"], sqlite_where=sa.text("look_again_ms IS NOT NULL")
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column("node_id", sa.Text, nullable=False, server_default=sa.text("''"), comment="the box that delivers it"),
        sa.Column("story", sa.Text, nullable=False, comment="what it tells of: incident-<id>, event-<id> or test-<id>"),
        sa.Column(
            "lane", sa.Text, nullable=False, comment="what waits together: push:<host of the service>, or the way"
        ),
        sa.Column("way", sa.Text, nullable=False, comment="push, ntfy, email, webhook, siren, light, scene or record"),
        sa.Column(
            "target", sa.Text, nullable=False, comment="to whom: phone-<id>, or the way with what tells two of it apart"
        ),
        sa.Column(
            "phone_id", Int64, sa.ForeignKey("phones.id", ondelete="SET NULL"), comment="of a push; null: phone is gone"
        ),
        sa.Column(
            "user_id", Int64, sa.ForeignKey("users.id", ondelete="CASCADE"), comment="who is told; null: the house"
        ),
        sa.Column("device", sa.Text, nullable=False, comment="the phone or way, as people called it then"),
        sa.Column("incident_id", Int64, comment="the incident it tells of; null: none"),
        sa.Column(
            "event_id", Int64, sa.ForeignKey("events.id", ondelete="CASCADE"), comment="the newest event; null: a test"
        ),
        sa.Column("content", sa.Text, nullable=False, comment="JSON object: title, body and the rest of what is told"),
        sa.Column("is_loud", Int64, nullable=False, comment="1: with sound"),
        sa.Column("is_critical", Int64, nullable=False, comment="1: breaks through, and is told however late"),
        sa.Column("revision", Int64, nullable=False, comment="times its content changed, from 1"),
        sa.Column(
            "told_revision", Int64, nullable=False, server_default=sa.text("0"), comment="newest that arrived; 0: none"
        ),
        sa.Column(
            "sent_revision",
            Int64,
            nullable=False,
            server_default=sa.text("0"),
            comment="newest that was let go; 0: none",
        ),
        sa.Column(
            "shown_revision",
            Int64,
            nullable=False,
            server_default=sa.text("0"),
            comment="newest that the phone said it showed; 0: none",
        ),
        sa.Column(
            "state",
            sa.Text,
            nullable=False,
            comment="owed, sent, accepted, shown, acknowledged, expired, failed or gone",
        ),
        sa.Column("tries", Int64, nullable=False, server_default=sa.text("0"), comment="of this revision"),
        sa.Column("created_ms", Int64, nullable=False, comment="UTC ms since which it is owed"),
        sa.Column("next_try_ms", Int64, nullable=False, comment="UTC ms before which it is not tried"),
        sa.Column("expires_ms", Int64, nullable=False, comment="UTC ms from which it is not told any more"),
        sa.Column("sent_ms", Int64, comment="UTC ms of the newest try; null before the first"),
        sa.Column("accepted_ms", Int64, comment="UTC ms when the service or machine first took it; null before"),
        sa.Column("shown_ms", Int64, comment="UTC ms when the phone first said that it showed it; null before"),
        sa.Column("acknowledged_ms", Int64, comment="UTC ms when a person said so; null before"),
        sa.Column(
            "topic",
            sa.Text,
            nullable=False,
            server_default=sa.text("''"),
            comment="what replaces what at a push service",
        ),
        sa.Column("token", sa.Text, nullable=False, comment="random: who knows it may say that it was shown"),
        sa.Column(
            "sentence", sa.Text, nullable=False, server_default=sa.text("''"), comment="what became of it, for people"
        ),
        sa.CheckConstraint(
            "way IN ('push', 'ntfy', 'email', 'webhook', 'siren', 'light', 'scene', 'record')",
            name="deliveries_way_known",
        ),
        sa.CheckConstraint(
            "state IN ('owed', 'sent', 'accepted', 'shown', 'acknowledged', 'expired', 'failed', 'gone')",
            name="deliveries_state_known",
        ),
        sa.CheckConstraint("is_loud IN (0, 1)", name="deliveries_is_loud_bool"),
        sa.CheckConstraint("is_critical IN (0, 1)", name="deliveries_is_critical_bool"),
        sa.UniqueConstraint("story", "target", name="deliveries_once"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("deliveries_by_event", "deliveries", ["event_id"])
    op.create_index("deliveries_by_user", "deliveries", ["user_id", "created_ms"])
    op.create_index("deliveries_by_phone", "deliveries", ["phone_id", "created_ms"])
    op.create_index(
        "deliveries_owed",
        "deliveries",
        ["node_id", "lane", "is_critical", "id"],
        sqlite_where=sa.text("state = 'owed'"),
    )


def _alert_pages() -> None:
    op.create_table(
        "alert_pages",
        sa.Column("page", sa.Text, primary_key=True, comment="random id that the open page gave itself"),
        sa.Column(
            "user_id", Int64, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, comment="who has it open"
        ),
        sa.Column("seen_ms", Int64, nullable=False, comment="UTC ms when it last said that it can sound"),
        sqlite_strict=True,
    )
    op.create_index("alert_pages_by_user", "alert_pages", ["user_id", "seen_ms"])


def _alert_notes() -> None:
    op.create_table(
        "alert_notes",
        sa.Column(
            "incident_id",
            Int64,
            sa.ForeignKey("incidents.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
            comment="of which somebody took note",
        ),
        sa.Column("severity", sa.Text, nullable=False, comment="how bad it was when it was seen"),
        sa.Column("noted_ms", Int64, nullable=False, comment="UTC ms"),
        sa.CheckConstraint("severity IN ('INFO', 'WARNING', 'ALERT', 'CRITICAL')", name="alert_notes_severity_known"),
        sqlite_strict=True,
    )
    op.create_index("alert_notes_by_time", "alert_notes", ["noted_ms"])
