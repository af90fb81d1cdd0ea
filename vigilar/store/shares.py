"""Rows of links to exports, and of their uses. Only the SHA-256 of a token is stored: who reads the database has no
link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select, update

from vigilar.store.engine import Store
from vigilar.store.schema import share_uses, shares
from vigilar.store.sessions import USER_AGENT_CHARACTERS

MAX_USES_LISTED = 100


@dataclass(frozen=True, slots=True)
class ShareRow:
    """A link. Times are UTC ms; ``uses`` is how many downloads it began, ``last_use_ms`` the newest."""

    token_hash: bytes
    job_id: int
    made_by: int | None
    created_ms: int
    expires_ms: int
    revoked_ms: int | None
    uses: int = 0
    last_use_ms: int | None = None

    def is_open(self, now_ms: int) -> bool:
        return self.revoked_ms is None and now_ms < self.expires_ms


@dataclass(frozen=True, slots=True)
class ShareUse:
    """A download that began. ``address`` is from where, ``user_agent`` what the browser calls itself."""

    ts_ms: int
    address: str
    user_agent: str


_SHARES = (
    select(
        *(shares.c[name] for name in ("token_hash", "job_id", "made_by", "created_ms", "expires_ms", "revoked_ms")),
        func.count(share_uses.c.id),
        func.max(share_uses.c.ts_ms),
    )
    .outerjoin_from(shares, share_uses, share_uses.c.token_hash == shares.c.token_hash)
    .group_by(shares.c.token_hash)
)


def add_share(
    store: Store, token_hash: bytes, job_id: int, *, made_by: int | None, now_ms: int, expires_ms: int
) -> None:
    with store.write("store a link") as connection:
        connection.execute(
            insert(shares).values(
                token_hash=token_hash, job_id=job_id, made_by=made_by, created_ms=now_ms, expires_ms=expires_ms
            )
        )


def find_share(store: Store, token_hash: bytes) -> ShareRow | None:
    """The link of that token hash, also one that has ended."""
    with store.read("read a link") as connection:
        row = connection.execute(_SHARES.where(shares.c.token_hash == token_hash)).first()
        return None if row is None else _share(row)


def list_shares(store: Store, job_id: int) -> list[ShareRow]:
    """The links to an export, newest first."""
    with store.read("read links") as connection:
        rows = connection.execute(_SHARES.where(shares.c.job_id == job_id).order_by(shares.c.created_ms.desc()))
        return [_share(row) for row in rows]


def _share(row: Sequence[Any]) -> ShareRow:
    return ShareRow(*row)


def revoke_share(store: Store, job_id: int, token_hash: bytes, now_ms: int) -> bool:
    """Take a link to that export back; False when there is none. One that was taken back stays so."""
    with store.write("take a link back") as connection:
        found = connection.execute(
            update(shares)
            .where(shares.c.token_hash == token_hash, shares.c.job_id == job_id)
            .values(revoked_ms=func.coalesce(shares.c.revoked_ms, now_ms))
            .returning(shares.c.job_id)
        )
        return found.first() is not None


def note_use(
    store: Store, token_hash: bytes, *, now_ms: int, address: str, user_agent: str, apart_ms: int = 60_000
) -> None:
    """Note that a download began. A player asks for one file in many pieces: what one address asks within ``apart_ms``
    of its last is the same download."""
    with store.write("note the use of a link") as connection:
        last = connection.execute(
            select(func.max(share_uses.c.ts_ms)).where(
                share_uses.c.token_hash == token_hash, share_uses.c.address == address
            )
        ).scalar_one()
        if last is None or now_ms - last >= apart_ms:
            connection.execute(
                insert(share_uses).values(
                    token_hash=token_hash,
                    ts_ms=now_ms,
                    address=address,
                    user_agent=user_agent[:USER_AGENT_CHARACTERS],
                )
            )


def list_uses(store: Store, token_hash: bytes) -> list[ShareUse]:
    """The newest uses of a link, newest first."""
    with store.read("read the uses of a link") as connection:
        rows = connection.execute(
            select(share_uses.c.ts_ms, share_uses.c.address, share_uses.c.user_agent)
            .where(share_uses.c.token_hash == token_hash)
            .order_by(share_uses.c.id.desc())
            .limit(MAX_USES_LISTED)
        )
        return [ShareUse(*row) for row in rows]
