"""What all tables are made of: the one MetaData, the kind of 64 bits, checks, the column that names a box."""

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
