"""Rows of people who may sign in."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import func, insert, select, update

from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.store.engine import Store
from vigilar.store.schema import users

Role = Literal["owner", "adult", "child", "guest"]


@dataclass(frozen=True, slots=True)
class UserRow:
    """A person. ``password_hash`` is argon2id in PHC string format."""

    id: int
    name: str
    password_hash: str = field(repr=False)
    role: Role
    created_ms: int


_COLUMNS = (users.c.id, users.c.name, users.c.password_hash, users.c.role, users.c.created_ms)


def name_key(name: str) -> str:
    """Under what two spellings are one name: compatibility forms and case do not tell people apart."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name.strip()).casefold())


def create_owner(store: Store, name: str, password_hash: str, now_ms: int) -> UserRow:
    """Make the first user. Raises StoreError (DENIED) when there is one: of two who try at once, one wins."""
    with store.write("create the owner") as connection:
        if connection.execute(select(users.c.id).limit(1)).first() is not None:
            raise StoreError("Vigilar has an owner already", kind=ErrorKind.DENIED, exit_code=ExitCode.DENIED)
        return _user(
            connection.execute(
                insert(users)
                .values(
                    name=name.strip(),
                    name_key=name_key(name),
                    password_hash=password_hash,
                    role="owner",
                    created_ms=now_ms,
                )
                .returning(*_COLUMNS)
            ).one()
        )


def has_users(store: Store) -> bool:
    with store.read("read users") as connection:
        return bool(connection.execute(select(func.count()).select_from(users)).scalar_one())


def find_user(store: Store, name: str) -> UserRow | None:
    """The user of that name, in any spelling of upper and lower case."""
    with store.read("read users") as connection:
        row = connection.execute(select(*_COLUMNS).where(users.c.name_key == name_key(name))).first()
        return None if row is None else _user(row)


def get_user(store: Store, user_id: int) -> UserRow | None:
    with store.read("read users") as connection:
        row = connection.execute(select(*_COLUMNS).where(users.c.id == user_id)).first()
        return None if row is None else _user(row)


def set_password_hash(store: Store, user_id: int, password_hash: str) -> None:
    """Replace a hash, as when it was made with cheaper settings than today's."""
    with store.write("store a password") as connection:
        connection.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))


def _user(row: Sequence[Any]) -> UserRow:
    return UserRow(*row)
