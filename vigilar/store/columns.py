"""What all tables are made with: the one list of them, whole numbers of 64 bits, and checks.

``schema``, ``account_tables``, ``backup_tables``, ``guard_tables``, ``notify_tables``, ``rules_tables`` and
``wildlife_tables`` hold the tables themselves.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Text, text

Int64 = BigInteger().with_variant(Integer, "sqlite")
"""64 bits on both databases; only the name INTEGER makes SQLite's row id."""

metadata = MetaData()


def one_of(column: str, values: tuple[str, ...]) -> str:
    """The SQL of a CHECK that ``column`` holds one of ``values``."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def node_id(comment: str) -> Column[str]:
    """The box a row belongs to: ``store/nodes.py``. Empty only until the first start after the upgrade claims it."""
    return Column("node_id", Text, nullable=False, server_default=text("''"), comment=comment)
