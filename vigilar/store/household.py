"""Changes of a member that touch several tables: all that was asked for in one transaction, so that a kill in between
leaves nobody with a new role and the cameras of the old one, or with a new password and the logins of the old one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from vigilar.store import users as user_rows
from vigilar.store.engine import Store
from vigilar.store.pairings import delete_codes_within
from vigilar.store.sessions import delete_sessions_within
from vigilar.store.users import Role, UserRow


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberChange:
    """What becomes of a member; None leaves it as it is. ``cameras`` counts where ``sets_cameras`` says so, as None
    there means all of them. A new password ends the member's logins, but for the one of the token hash ``but``."""

    name: str | None = None
    role: Role | None = None
    sets_cameras: bool = False
    cameras: Collection[str] | None = None
    password_hash: str | None = field(default=None, repr=False)
    but: bytes = field(default=b"", repr=False)


def change_member(store: Store, user_id: int, change: MemberChange) -> UserRow:
    """All of ``change``, or nothing; the member as it is then. Raises StoreError: ``user.unknown``, ``user.exists``,
    ``user.last_owner``, ``user.owner_limit``, ``camera.unknown``."""
    with store.write("change a member") as connection:
        if change.name is not None:
            user_rows.set_name_within(connection, user_id, change.name)
        if change.role is not None:
            user_rows.set_role_within(connection, user_id, change.role)
            delete_codes_within(connection, user_id)  # who is no owner any more lets in nobody
        if change.sets_cameras:
            user_rows.set_cameras_within(connection, user_id, change.cameras)
        if change.password_hash is not None:
            user_rows.set_password_within(connection, user_id, change.password_hash)
            delete_sessions_within(connection, user_id, but=change.but)
        return user_rows.read_within(connection, user_id)
