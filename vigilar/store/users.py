"""Rows of the members of the household: who may sign in, in which role, and which cameras they may see.

Invariants: the first member is an owner, there is always an owner left, and an owner sees all cameras.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, delete, exists, insert, select, update

from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.store.account_tables import user_cameras, users
from vigilar.store.engine import Store
from vigilar.store.pairings import delete_codes_within
from vigilar.store.schema import cameras

Role = Literal["owner", "adult", "child", "guest"]


@dataclass(frozen=True, slots=True)
class UserRow:
    """A person. ``password_hash`` is argon2id in PHC string format; ``cameras`` are the ids of the cameras the person
    may see, None for all."""

    id: int
    name: str
    password_hash: str = field(repr=False)
    role: Role
    created_ms: int
    cameras: frozenset[str] | None = None


_COLUMNS = (users.c.id, users.c.name, users.c.password_hash, users.c.role, users.c.created_ms, users.c.is_limited)


def name_key(name: str) -> str:
    """Under what two spellings are one name: compatibility forms and case do not tell people apart."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name.strip()).casefold())


def create_owner(store: Store, name: str, password_hash: str, now_ms: int) -> UserRow:
    """Make the first user. Raises StoreError (DENIED) when there is one: of two who try at once, one wins."""
    with store.write("create the owner") as connection:
        if connection.execute(select(users.c.id).limit(1)).first() is not None:
            raise StoreError("Vigilar has an owner already", kind=ErrorKind.DENIED, exit_code=ExitCode.DENIED)
        return _insert(connection, name, password_hash, "owner", now_ms)


def create_member(
    store: Store, name: str, password_hash: str, role: Role, cameras: Collection[str] | None, now_ms: int
) -> UserRow:
    """Make another member, limited to ``cameras`` (ids) unless that is None. Raises StoreError: PERMANENT for a name
    that is taken (code ``user.exists``), for a camera that is not known (``camera.unknown``) and for a limited owner
    (``user.owner_limit``); DENIED for a first member who is no owner (``user.no_owner``)."""
    with store.write("create a member") as connection:
        if role != "owner" and not _has_owner(connection):
            raise _denied("the first member of a house must be an owner", "user.no_owner")
        if _find(connection, name) is not None:
            raise _refused(f"there is a member named {name.strip()!r} already", "user.exists")
        made = _insert(connection, name, password_hash, role, now_ms)
        _limit(connection, made, cameras)
        return read_within(connection, made.id)


def find_user(store: Store, name: str) -> UserRow | None:
    """The user of that name, in any spelling of upper and lower case."""
    with store.read("read users") as connection:
        return _find(connection, name)


def get_user(store: Store, user_id: int) -> UserRow | None:
    with store.read("read users") as connection:
        row = connection.execute(select(*_COLUMNS).where(users.c.id == user_id)).first()
        return None if row is None else _user(connection, row)


def list_users(store: Store) -> list[UserRow]:
    """All members, in the order in which they were made."""
    with store.read("read users") as connection:
        return [_user(connection, row) for row in connection.execute(select(*_COLUMNS).order_by(users.c.id)).all()]


def owner_names(store: Store) -> list[str]:
    """Whom a member may ask for what its own role does not allow, in the order in which they were made."""
    query = select(users.c.name).where(users.c.role == "owner").order_by(users.c.id)
    with store.read("read users") as connection:
        return list(connection.execute(query).scalars())


def set_password_within(connection: Connection, user_id: int, password_hash: str) -> None:
    """Replace a hash. Who is signed in stays so: ``household.change_member`` ends that, in the same transaction."""
    connection.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))


def set_role(store: Store, user_id: int, role: Role) -> UserRow:
    """Give a member another role. Who becomes an owner sees all cameras from now on.

    Raises StoreError: PERMANENT for an unknown member (``user.unknown``), DENIED for the last owner
    (``user.last_owner``).
    """
    with store.write("change a member") as connection:
        set_role_within(connection, user_id, role)
        return read_within(connection, user_id)


def set_cameras(store: Store, user_id: int, cameras: Collection[str] | None) -> UserRow:
    """Limit a member to these cameras (ids; none at all is a limit too), or to none of them: None shows all.

    Raises StoreError (PERMANENT): ``user.unknown``, ``camera.unknown``, ``user.owner_limit``.
    """
    with store.write("change a member") as connection:
        set_cameras_within(connection, user_id, cameras)
        return read_within(connection, user_id)


def remove_user(store: Store, user_id: int) -> None:
    """Remove a member with all logins, and the codes they made for others. Raises StoreError: ``user.unknown``,
    ``user.last_owner`` (DENIED)."""
    with store.write("remove a member") as connection:
        found = read_within(connection, user_id)
        if found.role == "owner":
            _keep_an_owner(connection, found)
        delete_codes_within(connection, user_id)
        connection.execute(delete(users).where(users.c.id == user_id))


def set_name_within(connection: Connection, user_id: int, name: str) -> None:
    """Call a member otherwise, in the transaction of ``connection``, as do the next ones. Raises StoreError:
    ``user.unknown``, ``user.exists`` (PERMANENT)."""
    read_within(connection, user_id)
    other = _find(connection, name)
    if other is not None and other.id != user_id:
        raise _refused(f"there is a member named {name.strip()!r} already", "user.exists")
    values = {"name": name.strip(), "name_key": name_key(name)}
    connection.execute(update(users).where(users.c.id == user_id).values(**values))


def set_role_within(connection: Connection, user_id: int, role: Role) -> None:
    """As ``set_role``."""
    found = read_within(connection, user_id)
    if found.role == "owner" and role != "owner":
        _keep_an_owner(connection, found)
    connection.execute(update(users).where(users.c.id == user_id).values(role=role))
    if role == "owner":
        _limit(connection, found, None)


def set_cameras_within(connection: Connection, user_id: int, cameras: Collection[str] | None) -> None:
    """As ``set_cameras``."""
    _limit(connection, read_within(connection, user_id), cameras)


def read_within(connection: Connection, user_id: int) -> UserRow:
    """The member. Raises StoreError ``user.unknown``."""
    row = connection.execute(select(*_COLUMNS).where(users.c.id == user_id)).first()
    if row is None:
        raise _refused("there is no such member", "user.unknown", ExitCode.NOT_FOUND)
    return _user(connection, row)


def _insert(connection: Connection, name: str, password_hash: str, role: Role, now_ms: int) -> UserRow:
    values = {"name": name.strip(), "name_key": name_key(name), "password_hash": password_hash}
    new = insert(users).values(**values, role=role, created_ms=now_ms).returning(*_COLUMNS)
    return _user(connection, connection.execute(new).one())


def _find(connection: Connection, name: str) -> UserRow | None:
    row = connection.execute(select(*_COLUMNS).where(users.c.name_key == name_key(name))).first()
    return None if row is None else _user(connection, row)


def _limit(connection: Connection, member: UserRow, wanted: Collection[str] | None) -> None:
    if member.role == "owner" and wanted is not None:
        raise _refused("an owner sees every camera", "user.owner_limit")
    for camera_id in sorted(wanted or ()):
        if connection.execute(select(cameras.c.id).where(cameras.c.id == camera_id)).first() is None:
            raise _refused(f"there is no camera {camera_id!r}", "camera.unknown", ExitCode.NOT_FOUND)
    connection.execute(delete(user_cameras).where(user_cameras.c.user_id == member.id))
    for camera_id in sorted(wanted or ()):
        connection.execute(insert(user_cameras).values(user_id=member.id, camera_id=camera_id))
    connection.execute(update(users).where(users.c.id == member.id).values(is_limited=int(wanted is not None)))


def _has_owner(connection: Connection) -> bool:
    return bool(connection.execute(select(exists().where(users.c.role == "owner"))).scalar_one())


def _keep_an_owner(connection: Connection, leaving: UserRow) -> None:
    others = select(exists().where(users.c.role == "owner", users.c.id != leaving.id))
    if not connection.execute(others).scalar_one():
        raise _denied(f"{leaving.name} is the only owner, and a house needs one", "user.last_owner")


def _user(connection: Connection, row: Sequence[Any]) -> UserRow:
    user_id, is_limited = row[0], row[-1]
    allowed = None
    if is_limited:
        found = connection.execute(select(user_cameras.c.camera_id).where(user_cameras.c.user_id == user_id))
        allowed = frozenset(found.scalars())
    values: Sequence[Any] = (*row[:-1], allowed)
    return UserRow(*values)


def _refused(sentence: str, code: str, exit_code: ExitCode = ExitCode.USAGE) -> StoreError:
    return StoreError(sentence, kind=ErrorKind.PERMANENT, code=code, exit_code=exit_code)


def _denied(sentence: str, code: str) -> StoreError:
    return StoreError(sentence, kind=ErrorKind.DENIED, code=code, exit_code=ExitCode.DENIED)
