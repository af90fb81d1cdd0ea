"""Rows of who did what: sign-ins, looks at recordings, exports, changes. Read by the household, never changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select

from vigilar.store.account_tables import audit, users
from vigilar.store.engine import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody did. ``ts_ms`` is UTC ms; ``user_id`` None and an empty ``name``: nobody known. ``via`` is the name
    of a key for programs, ``address`` empty for the console of the box, ``subject`` empty for the house."""

    ts_ms: int
    action: str
    user_id: int | None = None
    name: str = ""
    via: str = ""
    address: str = ""
    subject: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A deed that was written down."""

    id: int
    deed: Deed


_WORDS = ("ts_ms", "action", "name", "via", "address", "subject", "detail")
_WHO = select(users.c.id).where(users.c.id == bindparam("who")).scalar_subquery()
_NEW = insert(audit).values(node_id=bindparam("node_id"), user_id=_WHO, **{name: bindparam(name) for name in _WORDS})
"""Whoever was removed between deed and row is known by name only."""

_FIELDS = ("ts_ms", "action", "user_id", "name", "via", "address", "subject", "detail")


def add_deeds(store: Store, node_id: str, deeds: Sequence[Deed]) -> None:
    """Write down what was done, in one transaction. What is too old goes later (``old_rows``)."""
    if not deeds:
        return
    with store.write("write down who did what") as connection:
        rows = [
            {"node_id": node_id, "who": one.user_id, **{name: getattr(one, name) for name in _WORDS}} for one in deeds
        ]
        connection.execute(_NEW, rows)


def list_deeds(
    store: Store, *, limit: int, before_id: int | None = None, actions: Collection[str] = (), user_id: int | None = None
) -> list[AuditRow]:
    """Deeds below ``before_id``, newest first: of these actions if any are named, by this member if given."""
    wanted = select(audit.c.id, *(audit.c[name] for name in _FIELDS)).order_by(audit.c.id.desc()).limit(limit)
    if before_id is not None:
        wanted = wanted.where(audit.c.id < before_id)
    if actions:
        wanted = wanted.where(audit.c.action.in_(actions))
    if user_id is not None:
        wanted = wanted.where(audit.c.user_id == user_id)
    with store.read("read who did what") as connection:
        return [
            AuditRow(row[0], Deed(**dict(zip(_FIELDS, row[1:], strict=True)))) for row in connection.execute(wanted)
        ]
