"""The tables of arming, sensors and presence; conventions as in ``schema``, which knows them too."""

from __future__ import annotations

from sqlalchemy import REAL, CheckConstraint, Column, ForeignKey, Index, Table, Text, UniqueConstraint

from vigilar.store.columns import Int64, metadata, node_id, one_of

ARM_MODES = ("disarmed", "home", "night", "away")
PRESENCE_STATES = ("home", "away", "unknown")

arm_state = Table(
    "arm_state",
    metadata,
    Column("id", Int64, primary_key=True, comment="1: the house has one state"),
    Column("change", Int64, nullable=False, comment="number of its newest change"),
    Column("mode", Text, nullable=False, comment="disarmed, home, night or away"),
    Column("since_ms", Int64, nullable=False, comment="UTC ms since which the mode is in force"),
    Column("set_by", Text, nullable=False, comment="who set it, as people read it; empty before the first time"),
    Column("how", Text, nullable=False, comment="page, command, bus, schedule or token; empty as set_by"),
    Column("pending", Text, comment="JSON object: the mode to come, until when to leave, who wants it; null for none"),
    Column("entry", Text, comment="JSON object: who came in where, until when to disarm; null for none"),
    Column("alarm", Text, comment="JSON object: the newest alarm, its event, its end; null before the first"),
    Column("bypassed", Text, nullable=False, comment="JSON list: ids of what was open at arming and does not count"),
    Column("schedules", Text, nullable=False, comment="JSON object: by schedule row the day it was last met"),
    CheckConstraint("id = 1", name="arm_state_one"),
    CheckConstraint(one_of("mode", ARM_MODES), name="arm_state_mode_known"),
    sqlite_strict=True,
)

arm_history = Table(
    "arm_history",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("ts_ms", Int64, nullable=False, comment="UTC ms"),
    Column("action", Text, nullable=False, comment="leaving, armed, disarmed, entry, alarm, alarm_over, wrong, ..."),
    Column("mode", Text, nullable=False, comment="the mode it is about"),
    Column("set_by", Text, nullable=False, comment="who, as people read it"),
    Column("how", Text, nullable=False, comment="page, command, bus, schedule or token"),
    Column("address", Text, nullable=False, comment="from which machine; empty for this one"),
    Column("detail", Text, nullable=False, comment="JSON object: what else is known"),
    Index("arm_history_by_time", "ts_ms"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

arm_pins = Table(
    "arm_pins",
    metadata,
    Column("user_id", Int64, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, comment="whose PIN"),
    Column("pin_hash", Text, nullable=False, comment="argon2id, PHC string format, over the PIN and the box's key"),
    Column("duress_hash", Text, comment="the same of the PIN under duress; null for none"),
    Column("updated_ms", Int64, nullable=False, comment="UTC ms when it was set"),
    sqlite_strict=True,
)

pin_tries = Table(
    "pin_tries",
    metadata,
    Column("key", Text, primary_key=True, comment="'house' for all, or what names one device"),
    Column("wrong", Int64, nullable=False, comment="wrong ones since the last right one; a check that began counts"),
    Column("wait_until_ms", Int64, nullable=False, comment="UTC ms before which no PIN is checked; 0 for none"),
    Column("updated_ms", Int64, nullable=False, comment="UTC ms of the newest try"),
    sqlite_strict=True,
)

sensors = Table(
    "sensors",
    metadata,
    Column("id", Text, primary_key=True, comment="slug of the sensor's first name; never changes"),
    Column("address", Text, nullable=False, comment="zigbee/<IEEE address or name>, or gpio/<chip>/<line>"),
    Column("name", Text, nullable=False, comment="as people read it"),
    Column("room", Text, nullable=False, comment="as people read it; empty when not given"),
    Column("kinds", Text, nullable=False, comment="JSON list: what it has told of: contact, motion, leak, ..."),
    Column("state", Text, nullable=False, comment="JSON object: the newest value of each kind"),
    Column("battery", Int64, comment="per cent; null when not told"),
    Column("link_quality", Int64, comment="0 to 255; null when not told"),
    Column("last_ms", Int64, comment="UTC ms of its newest word; null before the first"),
    Column("is_silent", Int64, nullable=False, comment="1 if it should have been heard and was not"),
    Column("is_low", Int64, nullable=False, comment="1 if its battery is nearly empty"),
    Column("created_ms", Int64, nullable=False, comment="UTC ms"),
    Column("removed_ms", Int64, comment="UTC ms when a person removed it; null while it counts"),
    node_id("the box that hears it"),
    CheckConstraint("is_silent IN (0, 1) AND is_low IN (0, 1)", name="sensors_bools"),
    UniqueConstraint("address", name="sensors_address_once"),
    sqlite_strict=True,
)

sensor_readings = Table(
    "sensor_readings",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("sensor_id", Text, ForeignKey("sensors.id", ondelete="CASCADE"), nullable=False, comment="the sensor"),
    Column("ts_ms", Int64, nullable=False, comment="UTC ms"),
    Column("kind", Text, nullable=False, comment="contact, motion, leak, smoke, temperature, humidity, ..."),
    Column("value", REAL, nullable=False, comment="1 and 0 for yes and no; degrees Celsius, per cent, hectopascal"),
    Index("sensor_readings_by_time", "sensor_id", "kind", "ts_ms"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

lan_devices = Table(
    "lan_devices",
    metadata,
    Column("mac", Text, primary_key=True, comment="hardware address, six pairs of small hex digits with colons"),
    Column("name", Text, nullable=False, comment="as a person calls it; empty when not given"),
    Column("address", Text, nullable=False, comment="its newest address on the network"),
    Column("user_id", Int64, ForeignKey("users.id", ondelete="SET NULL"), comment="whose phone it is; null: nobody's"),
    Column("first_ms", Int64, nullable=False, comment="UTC ms when it was first seen"),
    Column("last_ms", Int64, nullable=False, comment="UTC ms when it last answered"),
    sqlite_strict=True,
)

presence = Table(
    "presence",
    metadata,
    Column("user_id", Int64, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, comment="who"),
    Column("state", Text, nullable=False, comment="home, away or unknown"),
    Column("since_ms", Int64, nullable=False, comment="UTC ms since which"),
    CheckConstraint(one_of("state", PRESENCE_STATES), name="presence_state_known"),
    sqlite_strict=True,
)
