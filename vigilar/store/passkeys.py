"""Rows of passkeys: what a phone or a key fob proves itself with in place of a password. Nothing in them is secret."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from vigilar.store.account_tables import passkeys
from vigilar.store.engine import Store


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """A passkey. ``public_key`` is a COSE key, ``rp_id`` the host name it was made for; times are UTC ms."""

    id: int
    credential_id: bytes
    user_id: int
    public_key: bytes
    sign_count: int
    rp_id: str
    name: str
    created_ms: int
    last_used_ms: int | None


_COLUMNS = tuple(passkeys.c[name] for name in PasskeyRow.__dataclass_fields__)


def add_passkey(
    store: Store,
    user_id: int,
    *,
    credential_id: bytes,
    public_key: bytes,
    sign_count: int,
    rp_id: str,
    name: str,
    now_ms: int,
) -> int:
    """Store a new passkey; its id. Raises StoreError for a credential that is stored already."""
    new = insert(passkeys).values(
        credential_id=credential_id,
        user_id=user_id,
        public_key=public_key,
        sign_count=sign_count,
        rp_id=rp_id,
        name=name,
        created_ms=now_ms,
    )
    with store.write("store a passkey") as connection:
        made: int = connection.execute(new.returning(passkeys.c.id)).scalar_one()
        return made


def find_passkey(store: Store, credential_id: bytes) -> PasskeyRow | None:
    with store.read("read passkeys") as connection:
        row = connection.execute(select(*_COLUMNS).where(passkeys.c.credential_id == credential_id)).first()
        return None if row is None else PasskeyRow(*row)


def list_passkeys(store: Store, user_id: int) -> list[PasskeyRow]:
    """Those of a member, in the order in which they were made."""
    wanted = select(*_COLUMNS).where(passkeys.c.user_id == user_id).order_by(passkeys.c.id)
    with store.read("read passkeys") as connection:
        return [PasskeyRow(*row) for row in connection.execute(wanted)]


def note_passkey_use(store: Store, passkey_id: int, sign_count: int, now_ms: int) -> None:
    with store.write("store a passkey") as connection:
        values = {"sign_count": sign_count, "last_used_ms": now_ms}
        connection.execute(update(passkeys).where(passkeys.c.id == passkey_id).values(**values))


def delete_passkey(store: Store, passkey_id: int, user_id: int) -> bool:
    """Whether that member had it."""
    gone = delete(passkeys).where(passkeys.c.id == passkey_id, passkeys.c.user_id == user_id).returning(passkeys.c.id)
    with store.write("delete a passkey") as connection:
        return connection.execute(gone).first() is not None
