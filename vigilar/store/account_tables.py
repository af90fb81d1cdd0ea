"""The tables of who may come in: members, their logins, passkeys, keys for programs, and what was done by whom.

As in ``schema``, times are UTC milliseconds and every column says its unit. What opens the door (tokens, codes) is
stored as its SHA-256 only.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, LargeBinary, Table, Text, UniqueConstraint, text

from vigilar.store.columns import Int64, metadata, node_id, one_of

ROLES = ("owner", "adult", "child", "guest")

users = Table(
    "users",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("name", Text, nullable=False, comment="as its owner wrote it"),
    Column("name_key", Text, nullable=False, comment="case-folded name"),
    Column("password_hash", Text, nullable=False, comment="argon2id, PHC string format"),
    Column("role", Text, nullable=False, comment="owner, adult, child or guest"),
    Column("created_ms", Int64, nullable=False, comment="UTC ms"),
    Column(
        "is_limited",
        Int64,
        nullable=False,
        server_default=text("0"),
        comment="1 if only the cameras of user_cameras may be seen, 0 if all",
    ),
    CheckConstraint(one_of("role", ROLES), name="users_role_known"),
    CheckConstraint("is_limited IN (0, 1)", name="users_is_limited_bool"),
    UniqueConstraint("name_key", name="users_name_once"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

user_cameras = Table(
    "user_cameras",
    metadata,
    Column("user_id", Int64, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, comment="who may see it"),
    Column("camera_id", Text, ForeignKey("cameras.id", ondelete="CASCADE"), primary_key=True, comment="the camera"),
    sqlite_strict=True,
)

sessions = Table(
    "sessions",
    metadata,
    Column(
        "token_hash", LargeBinary, primary_key=True, comment="SHA-256 of the cookie's token, which is stored nowhere"
    ),
    Column("user_id", Int64, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, comment="who signed in"),
    Column("created_ms", Int64, nullable=False, comment="UTC ms"),
    Column("last_seen_ms", Int64, nullable=False, comment="UTC ms of the last request, a minute or so late"),
    Column("expires_ms", Int64, nullable=False, comment="UTC ms from which it is not valid"),
    Column("user_agent", Text, nullable=False, comment="what the browser calls itself, cut to 200 characters"),
    Column("device", Text, nullable=False, server_default=text("''"), comment="name a person gave it; empty: none"),
    Column("address", Text, nullable=False, server_default=text("''"), comment="network address it began at"),
    Column(
        "is_secure",
        Int64,
        nullable=False,
        server_default=text("0"),
        comment="1 if it began encrypted or on the box itself: its token was never readable on the network",
    ),
    Column(
        "is_wall",
        Int64,
        nullable=False,
        server_default=text("0"),
        comment="1: of a screen on the wall, which may only show what happens now",
    ),
    CheckConstraint("length(token_hash) = 32", name="sessions_token_length"),
    Index("sessions_by_user", "user_id"),
    Index("sessions_by_end", "expires_ms"),
    sqlite_strict=True,
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("token_hash", LargeBinary, nullable=False, comment="SHA-256 of the token, which is shown once"),
    Column("user_id", Int64, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, comment="who made it"),
    Column("name", Text, nullable=False, comment="what it is for, as people read it"),
    Column("rights", Text, nullable=False, comment="JSON list of rights; it has those of them its maker has"),
    Column("created_ms", Int64, nullable=False, comment="UTC ms"),
    Column("last_used_ms", Int64, comment="UTC ms of the last request, some minutes late; null before the first"),
    CheckConstraint("length(token_hash) = 32", name="tokens_token_length"),
    UniqueConstraint("token_hash", name="tokens_token_once"),
    Index("tokens_by_user", "user_id"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    Column("credential_id", LargeBinary, nullable=False, comment="as the authenticator calls it"),
    Column("user_id", Int64, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, comment="whose it is"),
    Column("public_key", LargeBinary, nullable=False, comment="COSE key"),
    Column("sign_count", Int64, nullable=False, comment="newest counter it told; 0 for those that do not count"),
    Column("rp_id", Text, nullable=False, comment="host name it was made for"),
    Column("name", Text, nullable=False, comment="as people read it"),
    Column("created_ms", Int64, nullable=False, comment="UTC ms"),
    Column("last_used_ms", Int64, comment="UTC ms of the last sign-in; null before the first"),
    CheckConstraint("sign_count >= 0", name="passkeys_sign_count_positive"),
    UniqueConstraint("credential_id", name="passkeys_credential_once"),
    Index("passkeys_by_user", "user_id"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

pairings = Table(
    "pairings",
    metadata,
    Column("code_hash", LargeBinary, primary_key=True, comment="SHA-256 of the code, which is shown once"),
    Column("user_id", Int64, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, comment="who will sign in"),
    Column("device", Text, nullable=False, comment="name of the phone, as people read it"),
    Column("created_ms", Int64, nullable=False, comment="UTC ms"),
    Column("expires_ms", Int64, nullable=False, comment="UTC ms from which it opens nothing"),
    Column("used_ms", Int64, comment="UTC ms when it was used; null while it was not"),
    Column("made_by_hash", LargeBinary, comment="the login that made it, as in sessions; it ends with that unused"),
    CheckConstraint("length(code_hash) = 32", name="pairings_code_length"),
    sqlite_strict=True,
)

audit = Table(
    "audit",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=True, comment="never used again"),
    node_id("the box it happened on"),
    Column("ts_ms", Int64, nullable=False, comment="UTC ms"),
    Column(
        "user_id", Int64, ForeignKey("users.id", ondelete="SET NULL"), comment="who; null: nobody known, or removed"
    ),
    Column("name", Text, nullable=False, comment="who, as called then; empty for nobody known"),
    Column("via", Text, nullable=False, comment="name of the key for programs; empty for a person"),
    Column("address", Text, nullable=False, comment="network address; empty: the console of the box"),
    Column("action", Text, nullable=False, comment="what, such as sign_in or see_footage"),
    Column("subject", Text, nullable=False, comment="id of the camera, event, member, ...; empty: the house"),
    Column("detail", Text, nullable=False, comment="more words for people; never a secret"),
    Index("audit_by_time", "ts_ms", "id"),
    Index("audit_by_user", "user_id", "ts_ms"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)
