"""Screens on the wall: logins that show what happens now and nothing else."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column(
        "sessions",
        sa.Column(
            "is_wall",
            Int64,
            nullable=False,
            server_default=sa.text("0"),
            comment="1: of a screen on the wall, which may only show what happens now",
        ),
    )
