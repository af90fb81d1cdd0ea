"""Arming, sensors and presence: the state of the house, its history, PINs and their tries, and what is heard."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _arming()
    _pins()
    _sensors()
    _presence()


def _arming() -> None:
    op.create_table(
        "arm_state",
        sa.Column("id", Int64, primary_key=True, comment="1: the house has one state"),
        sa.Column("change", Int64, nullable=False, comment="number of its newest change"),
        sa.Column("mode", sa.Text, nullable=False, comment="disarmed, home, night or away"),
        sa.Column("since_ms", Int64, nullable=False, comment="UTC ms since which the mode is in force"),
        sa.Column(
            "set_by", sa.Text, nullable=False, comment="who set it, as people read it; empty before the first time"
        ),
        sa.Column("how", sa.Text, nullable=False, comment="page, command, bus, schedule or token; empty as set_by"),
        sa.Column(
            "pending",
            sa.Text,
            comment="JSON object: the mode to come, until when to leave, who wants it; null for none",
        ),
        sa.Column("entry", sa.Text, comment="JSON object: who came in where, until when to disarm; null for none"),
        sa.Column("alarm", sa.Text, comment="JSON object: the newest alarm, its event, its end; null before the first"),
        sa.Column(
            "bypassed", sa.Text, nullable=False, comment="JSON list: ids of what was open at arming and does not count"
        ),
        sa.Column("schedules", sa.Text, nullable=False, comment="JSON object: by schedule row the day it was last met"),
        sa.CheckConstraint("id = 1", name="arm_state_one"),
        sa.CheckConstraint("mode IN ('disarmed', 'home', 'night', 'away')", name="arm_state_mode_known"),
        sqlite_strict=True,
    )
    op.create_table(
        "arm_history",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column("ts_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column(
            "action", sa.Text, nullable=False, comment="leaving, armed, disarmed, entry, alarm, alarm_over, wrong, ..."
        ),
        sa.Column("mode", sa.Text, nullable=False, comment="the mode it is about"),
        sa.Column("set_by", sa.Text, nullable=False, comment="who, as people read it"),
        sa.Column("how", sa.Text, nullable=False, comment="page, command, bus, schedule or token"),
        sa.Column("address", sa.Text, nullable=False, comment="from which machine; empty for this one"),
        sa.Column("detail", sa.Text, nullable=False, comment="JSON object: what else is known"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("arm_history_by_time", "arm_history", ["ts_ms"])


def _pins() -> None:
    op.create_table(
        "arm_pins",
        sa.Column(
            "user_id", Int64, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, comment="whose PIN"
        ),
        sa.Column(
            "pin_hash", sa.Text, nullable=False, comment="argon2id, PHC string format, over the PIN and the box's key"
        ),
        sa.Column("duress_hash", sa.Text, comment="the same of the PIN under duress; null for none"),
        sa.Column("updated_ms", Int64, nullable=False, comment="UTC ms when it was set"),
        sqlite_strict=True,
    )
    op.create_table(
        "pin_tries",
        sa.Column("key", sa.Text, primary_key=True, comment="'house' for all, or what names one device"),
        sa.Column(
            "wrong", Int64, nullable=False, comment="wrong ones since the last right one; a check that began counts"
        ),
        sa.Column("wait_until_ms", Int64, nullable=False, comment="UTC ms before which no PIN is checked; 0 for none"),
        sa.Column("updated_ms", Int64, nullable=False, comment="UTC ms of the newest try"),
        sqlite_strict=True,
    )


def _sensors() -> None:
    op.create_table(
        "sensors",
        sa.Column("id", sa.Text, primary_key=True, comment="slug of the sensor's first name; never changes"),
        sa.Column("address", sa.Text, nullable=False, comment="zigbee/<IEEE address or name>, or gpio/<chip>/<line>"),
        sa.Column("name", sa.Text, nullable=False, comment="as people read it"),
        sa.Column("room", sa.Text, nullable=False, comment="as people read it; empty when not given"),
        sa.Column(
            "kinds", sa.Text, nullable=False, comment="JSON list: what it has told of: contact, motion, leak, ..."
        ),
        sa.Column("state", sa.Text, nullable=False, comment="JSON object: the newest value of each kind"),
        sa.Column("battery", Int64, comment="per cent; null when not told"),
        sa.Column("link_quality", Int64, comment="0 to 255; null when not told"),
        sa.Column("last_ms", Int64, comment="UTC ms of its newest word; null before the first"),
        sa.Column("is_silent", Int64, nullable=False, comment="1 if it should have been heard and was not"),
        sa.Column("is_low", Int64, nullable=False, comment="1 if its battery is nearly empty"),
        sa.Column("created_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column("removed_ms", Int64, comment="UTC ms when a person removed it; null while it counts"),
        sa.Column("node_id", sa.Text, nullable=False, server_default=sa.text("''"), comment="the box that hears it"),
        sa.CheckConstraint("is_silent IN (0, 1) AND is_low IN (0, 1)", name="sensors_bools"),
        sa.UniqueConstraint("address", name="sensors_address_once"),
        sqlite_strict=True,
    )
    op.create_table(
        "sensor_readings",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column(
            "sensor_id", sa.Text, sa.ForeignKey("sensors.id", ondelete="CASCADE"), nullable=False, comment="the sensor"
        ),
        sa.Column("ts_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column("kind", sa.Text, nullable=False, comment="contact, motion, leak, smoke, temperature, humidity, ..."),
        sa.Column(
            "value", sa.REAL, nullable=False, comment="1 and 0 for yes and no; degrees Celsius, per cent, hectopascal"
        ),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("sensor_readings_by_time", "sensor_readings", ["sensor_id", "kind", "ts_ms"])


def _presence() -> None:
    op.create_table(
        "lan_devices",
        sa.Column(
            "mac", sa.Text, primary_key=True, comment="hardware address, six pairs of small hex digits with colons"
        ),
        sa.Column("name", sa.Text, nullable=False, comment="as a person calls it; empty when not given"),
        sa.Column("address", sa.Text, nullable=False, comment="its newest address on the network"),
        sa.Column(
            "user_id",
            Int64,
            sa.ForeignKey("users.id", ondelete="SET NULL"),
            comment="whose phone it is; null: nobody's",
        ),
        sa.Column("first_ms", Int64, nullable=False, comment="UTC ms when it was first seen"),
        sa.Column("last_ms", Int64, nullable=False, comment="UTC ms when it last answered"),
        sqlite_strict=True,
    )
    op.create_table(
        "presence",
        sa.Column("user_id", Int64, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, comment="who"),
        sa.Column("state", sa.Text, nullable=False, comment="home, away or unknown"),
        sa.Column("since_ms", Int64, nullable=False, comment="UTC ms since which"),
        sa.CheckConstraint("state IN ('home', 'away', 'unknown')", name="presence_state_known"),
        sqlite_strict=True,
    )
