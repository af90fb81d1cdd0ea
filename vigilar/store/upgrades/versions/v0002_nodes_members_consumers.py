"""Boxes own rows, people have roles and may be limited to cameras, and consumers of events remember their place.

Announcements that wait in the outbox go: consumers take changes from the events themselves.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")

OWNED = {
    "cameras": "the box that runs it",
    "files": "the box whose data folder holds it",
    "outbox": "the box whose process wrote it, and whose events process takes it",
}


def upgrade() -> None:
    for table, comment in OWNED.items():
        op.add_column(
            table, sa.Column("node_id", sa.Text, nullable=False, server_default=sa.text("''"), comment=comment)
        )
    _events()
    _consumers()
    _users()
    _user_cameras()
    op.execute("DELETE FROM outbox WHERE topic = 'vigilar/events/published'")


def _events() -> None:
    op.add_column(
        "events",
        sa.Column(
            "first_change",
            Int64,
            nullable=False,
            server_default=sa.text("0"),
            comment="change number of its insert: who has taken changes below it has never met this event",
        ),
    )
    op.execute("UPDATE events SET first_change = change")


def _consumers() -> None:
    op.create_table(
        "consumers",
        sa.Column("node_id", sa.Text, primary_key=True, comment="the box it runs on"),
        sa.Column("name", sa.Text, primary_key=True, comment="who takes stored events in order, such as 'publisher'"),
        sa.Column(
            "change", Int64, nullable=False, comment="number of the newest change it has taken; 0 before the first"
        ),
        sa.Column("updated_ms", Int64, nullable=False, comment="UTC ms when it took that one"),
        sa.CheckConstraint("change >= 0", name="consumers_change_positive"),
        sqlite_strict=True,
    )
    op.create_table(
        "consumer_owed",
        sa.Column("node_id", sa.Text, primary_key=True, comment="the consumer's box"),
        sa.Column(
            "name", sa.Text, primary_key=True, comment="the consumer, whose place has passed a change of this event"
        ),
        sa.Column(
            "event_id", Int64, sa.ForeignKey("events.id", ondelete="CASCADE"), primary_key=True, comment="the event"
        ),
        sa.Column("is_new", Int64, nullable=False, comment="1 if the consumer has never handled this event"),
        sa.Column("change", Int64, comment="the change set aside; null for one that is still to come, only later"),
        sa.Column("reason", sa.Text, comment="why it was set aside; null as for change"),
        sa.Column("set_aside_ms", Int64, comment="UTC ms; null as for change"),
        sa.ForeignKeyConstraint(
            ["node_id", "name"], ["consumers.node_id", "consumers.name"], name="consumer_owed_by", ondelete="CASCADE"
        ),
        sa.CheckConstraint("is_new IN (0, 1)", name="consumer_owed_is_new_bool"),
        sqlite_strict=True,
    )


def _users() -> None:
    """SQLite cannot change a check: there the table is made anew. Foreign keys are off meanwhile."""
    if op.get_bind().dialect.name != "sqlite":
        op.add_column("users", _is_limited())
        op.drop_constraint("users_role_known", "users")
        op.create_check_constraint("users_role_known", "users", "role IN ('owner', 'adult', 'child', 'guest')")
        op.create_check_constraint("users_is_limited_bool", "users", "is_limited IN (0, 1)")
        op.alter_column("users", "role", existing_type=sa.Text, comment="owner, adult, child or guest")
        return
    op.create_table(
        "new_users",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column("name", sa.Text, nullable=False, comment="as its owner wrote it"),
        sa.Column("name_key", sa.Text, nullable=False, comment="case-folded name"),
        sa.Column("password_hash", sa.Text, nullable=False, comment="argon2id, PHC string format"),
        sa.Column("role", sa.Text, nullable=False, comment="owner, adult, child or guest"),
        sa.Column("created_ms", Int64, nullable=False, comment="UTC ms"),
        _is_limited(),
        sa.CheckConstraint("role IN ('owner', 'adult', 'child', 'guest')", name="users_role_known"),
        sa.CheckConstraint("is_limited IN (0, 1)", name="users_is_limited_bool"),
        sa.UniqueConstraint("name_key", name="users_name_once"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    columns = "id, name, name_key, password_hash, role, created_ms"
    op.execute(f"INSERT INTO new_users ({columns}) SELECT {columns} FROM users")
    op.drop_table("users")
    op.rename_table("new_users", "users")


def _is_limited() -> sa.Column[int]:
    return sa.Column(
        "is_limited",
        Int64,
        nullable=False,
        server_default=sa.text("0"),
        comment="1 if only the cameras of user_cameras may be seen, 0 if all",
    )


def _user_cameras() -> None:
    op.create_table(
        "user_cameras",
        sa.Column(
            "user_id", Int64, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, comment="who may see it"
        ),
        sa.Column(
            "camera_id",
            sa.Text,
            sa.ForeignKey("cameras.id", ondelete="CASCADE"),
            primary_key=True,
            comment="the camera",
        ),
        sqlite_strict=True,
    )
