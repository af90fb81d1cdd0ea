"""Rows of codes by which a phone signs in once. Only the SHA-256 of a code is stored: who reads them has none."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from vigilar.store.account_tables import pairings, sessions
from vigilar.store.engine import Store


@dataclass(frozen=True, slots=True)
class Pairing:
    """A code that was used just now: who signs in, on which device."""

    user_id: int
    device: str


def add_pairing(
    store: Store,
    code_hash: bytes,
    user_id: int,
    device: str,
    *,
    now_ms: int,
    expires_ms: int,
    made_by_hash: bytes,
) -> None:
    """Store a code, which ends unused with the login ``made_by_hash``, the SHA-256 of its token."""
    with store.write("store the code of a phone") as connection:
        connection.execute(
            insert(pairings).values(
                code_hash=code_hash,
                user_id=user_id,
                device=device,
                created_ms=now_ms,
                expires_ms=expires_ms,
                made_by_hash=made_by_hash,
            )
        )


def use_pairing(store: Store, code_hash: bytes, now_ms: int) -> Pairing | None:
    """Spend a code; None when there is none, it has ended or was spent. Of two who try at once, one wins."""
    wanted = (
        update(pairings)
        .where(pairings.c.code_hash == code_hash, pairings.c.used_ms.is_(None), pairings.c.expires_ms > now_ms)
        .values(used_ms=now_ms)
        .returning(pairings.c.user_id, pairings.c.device)
    )
    with store.write("spend the code of a phone") as connection:
        row = connection.execute(wanted).first()
        return None if row is None else Pairing(row[0], row[1])


def find_use(store: Store, code_hash: bytes, user_id: int | None) -> tuple[bool, int | None]:
    """Whether there is such a code for a phone of that member (None: of anybody), and UTC ms when it was used."""
    wanted = select(pairings.c.used_ms).where(pairings.c.code_hash == code_hash)
    if user_id is not None:
        wanted = wanted.where(pairings.c.user_id == user_id)
    with store.read("read the code of a phone") as connection:
        row = connection.execute(wanted).first()
        return (False, None) if row is None else (True, row[0])


def delete_codes_within(connection: Connection, user_id: int, *, but: bytes = b"") -> None:
    """Delete, in the transaction of ``connection``, the codes that logins of this person made and nobody used yet, for
    whomever they are; those of the login ``but`` stay."""
    logins = select(sessions.c.token_hash).where(sessions.c.user_id == user_id, sessions.c.token_hash != but)
    connection.execute(delete(pairings).where(pairings.c.made_by_hash.in_(logins), pairings.c.used_ms.is_(None)))
