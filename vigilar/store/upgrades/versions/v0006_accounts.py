"""Who may come in: what a login is known by, keys for programs, passkeys, phones that are paired, and who did what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _sessions()
    _tokens()
    _passkeys()
    _pairings()
    _audit()


def _sessions() -> None:
    op.add_column(
        "sessions",
        sa.Column(
            "device",
            sa.Text,
            nullable=False,
            server_default=sa.text("''"),
            comment="name a person gave it; empty: none",
        ),
    )
    op.add_column(
        "sessions",
        sa.Column(
            "address",
            sa.Text,
            nullable=False,
            server_default=sa.text("''"),
            comment="network address it began at",
        ),
    )
    op.add_column(
        "sessions",
        sa.Column(
            "is_secure",
            Int64,
            nullable=False,
            server_default=sa.text("0"),
            comment="1 if it began encrypted or on the box itself: its token was never readable on the network",
        ),
    )


def _user(comment: str) -> sa.Column[int]:
    return sa.Column("user_id", Int64, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, comment=comment)


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column("token_hash", sa.LargeBinary, nullable=False, comment="SHA-256 of the token, which is shown once"),
        _user("who made it"),
        sa.Column("name", sa.Text, nullable=False, comment="what it is for, as people read it"),
        sa.Column("rights", sa.Text, nullable=False, comment="JSON list of rights; it has those of them its maker has"),
        sa.Column("created_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column(
            "last_used_ms", Int64, comment="UTC ms of the last request, some minutes late; null before the first"
        ),
        sa.CheckConstraint("length(token_hash) = 32", name="tokens_token_length"),
        sa.UniqueConstraint("token_hash", name="tokens_token_once"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("tokens_by_user", "tokens", ["user_id"])


def _passkeys() -> None:
    op.create_table(
        "passkeys",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column("credential_id", sa.LargeBinary, nullable=False, comment="as the authenticator calls it"),
        _user("whose it is"),
        sa.Column("public_key", sa.LargeBinary, nullable=False, comment="COSE key"),
        sa.Column("sign_count", Int64, nullable=False, comment="newest counter it told; 0 for those that do not count"),
        sa.Column("rp_id", sa.Text, nullable=False, comment="host name it was made for"),
        sa.Column("name", sa.Text, nullable=False, comment="as people read it"),
        sa.Column("created_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column("last_used_ms", Int64, comment="UTC ms of the last sign-in; null before the first"),
        sa.CheckConstraint("sign_count >= 0", name="passkeys_sign_count_positive"),
        sa.UniqueConstraint("credential_id", name="passkeys_credential_once"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("passkeys_by_user", "passkeys", ["user_id"])


def _pairings() -> None:
    op.create_table(
        "pairings",
        sa.Column("code_hash", sa.LargeBinary, primary_key=True, comment="SHA-256 of the code, which is shown once"),
        _user("who will sign in"),
        sa.Column("device", sa.Text, nullable=False, comment="name of the phone, as people read it"),
        sa.Column("created_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column("expires_ms", Int64, nullable=False, comment="UTC ms from which it opens nothing"),
        sa.Column("used_ms", Int64, comment="UTC ms when it was used; null while it was not"),
        sa.CheckConstraint("length(code_hash) = 32", name="pairings_code_length"),
        sqlite_strict=True,
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
        sa.Column("node_id", sa.Text, nullable=False, server_default=sa.text("''"), comment="the box it happened on"),
        sa.Column("ts_ms", Int64, nullable=False, comment="UTC ms"),
        sa.Column(
            "user_id",
            Int64,
            sa.ForeignKey("users.id", ondelete="SET NULL"),
            comment="who; null: nobody known, or removed",
        ),
        sa.Column("name", sa.Text, nullable=False, comment="who, as called then; empty for nobody known"),
        sa.Column("via", sa.Text, nullable=False, comment="name of the key for programs; empty for a person"),
        sa.Column("address", sa.Text, nullable=False, comment="network address; empty: the console of the box"),
        sa.Column("action", sa.Text, nullable=False, comment="what, such as sign_in or see_footage"),
        sa.Column("subject", sa.Text, nullable=False, comment="id of the camera, event, member, ...; empty: the house"),
        sa.Column("detail", sa.Text, nullable=False, comment="more words for people; never a secret"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("audit_by_time", "audit", ["ts_ms", "id"])
    op.create_index("audit_by_user", "audit", ["user_id", "ts_ms"])
