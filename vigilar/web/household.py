"""The members of the household as pages and programs change them: one place for the rules, two ways in."""

from __future__ import annotations

from typing import Any, get_args

from vigilar.base.errors import ErrorKind, StoreError
from vigilar.store import household as rows
from vigilar.store import users as user_rows
from vigilar.store.household import MemberChange
from vigilar.store.users import Role, UserRow
from vigilar.web.auth import check_login_wish
from vigilar.web.deeds import note_deed
from vigilar.web.logins import end_logins_of, forget_logins_of
from vigilar.web.new_login import BadLogin, check_new_name, check_new_password
from vigilar.web.parts import parts
from vigilar.web.passwords import hash_password
from vigilar.web.problems import Problem, as_sentence
from vigilar.web.proving import GUARDS_LESS, SIGNS_OUT, check_proven

ROLES: tuple[Role, ...] = get_args(Role)

ROLE_WORDS: dict[Role, str] = {
    "owner": "everything",
    "adult": "live pictures, events, recordings, exports, how the system is",
    "child": "live pictures, events, recordings",
    "guest": "live pictures and events",
}

_STATUS = {"user.unknown": 404, "user.exists": 409, "user.last_owner": 409, "camera.unknown": 422}


def get_member(user_id: int) -> UserRow:
    """Raises Problem 404."""
    found = user_rows.get_user(parts().store, user_id) if 0 < user_id < 2**62 else None
    if found is None:
        raise Problem(404, "user.unknown", "There is no such member.")
    return found


def add_member(name: str, role: str, password: str, cameras: list[str] | None) -> UserRow:
    """Raises Problem, which says what is wrong with which field."""
    check_proven("/settings/members")
    name, password = check_login_wish(name, password)
    here, wanted = parts(), check_role(role)
    try:
        made = user_rows.create_member(here.store, name, hash_password(password), wanted, cameras, here.now_ms())
    except StoreError as error:
        raise _problem(error) from error
    note_deed("member_added", subject=f"member:{made.id}", detail=f"{made.name}, {made.role}")
    return made


def change_member(user_id: int, wish: dict[str, Any]) -> UserRow:
    """Change what ``wish`` names: name, role, password, cameras. All of it is checked before any of it is done.

    Raises Problem. A new password signs the member out everywhere.
    """
    member = get_member(user_id)
    name = _check(lambda: check_new_name(wish["name"])) if "name" in wish else None
    role = check_role(wish["role"]) if "role" in wish else None
    password = _check(lambda: check_new_password(wish["password"], member.name)) if wish.get("password") else None
    if password is not None or role not in (None, member.role) or _sees_more(member, wish):
        check_proven(f"/settings/members/{user_id}")
    here, change = (
        parts(),
        MemberChange(
            name=None if name == member.name else name,
            role=None if role == member.role else role,
            sets_cameras="cameras" in wish,
            cameras=wish.get("cameras"),
            password_hash=None if password is None else hash_password(password),
        ),
    )
    try:
        changed = rows.change_member(here.store, user_id, change)
    except StoreError as error:
        raise _problem(error) from error
    if password is not None:
        forget_logins_of(here, user_id)
    here.streams.look_now()
    if did := _did(member, changed, has_password=password is not None):
        note_deed("member_changed", subject=f"member:{user_id}", detail=f"{member.name} {', '.join(did)}")
    return changed


def _sees_more(member: UserRow, wish: dict[str, Any]) -> bool:
    """Whether ``wish`` lets the member see a camera that it did not see."""
    if "cameras" not in wish or member.cameras is None:
        return False
    wanted: list[str] | None = wish["cameras"]
    return wanted is None or not set(wanted) <= member.cameras


def _did(before: UserRow, after: UserRow, *, has_password: bool) -> list[str]:
    """What became of a member, in words for the record of deeds."""
    found = [f"now called {after.name}"] if after.name != before.name else []
    found += [f"now {after.role}"] if after.role != before.role else []
    found += ["sees other cameras"] if after.cameras != before.cameras else []
    return [*found, "has a new password"] if has_password else found


def remove_member(user_id: int) -> None:
    """Raises Problem: 404, 409 for the last owner."""
    member = get_member(user_id)
    check_proven(f"/settings/members/{user_id}", GUARDS_LESS)
    try:
        user_rows.remove_user(parts().store, user_id)
    except StoreError as error:
        raise _problem(error) from error
    parts().streams.look_now()
    note_deed("member_removed", subject=f"member:{user_id}", detail=member.name)


def sign_out_everywhere(user_id: int) -> None:
    """Raises Problem: 404, 403 for who has not shown lately who it is."""
    member = get_member(user_id)
    check_proven(f"/settings/members/{user_id}", SIGNS_OUT)
    end_logins_of(parts(), user_id)
    note_deed("session_ended", subject=f"member:{user_id}", detail=f"all of {member.name}")


def check_role(role: str) -> Role:
    """Raises Problem."""
    for known in ROLES:
        if role == known:
            return known
    raise Problem(422, "user.role", "A member is owner, adult, child or guest.", field="role")


def member_json(member: UserRow) -> dict[str, Any]:
    """``cameras`` null: all."""
    return {
        "id": member.id,
        "name": member.name,
        "role": member.role,
        "cameras": None if member.cameras is None else sorted(member.cameras),
        "created_ts": member.created_ms,
    }


def _check(check: Any) -> str:
    try:
        return str(check())
    except BadLogin as error:
        raise Problem(422, error.code, str(error), field=error.field) from error


def _problem(error: StoreError) -> Exception:
    if error.kind not in (ErrorKind.PERMANENT, ErrorKind.DENIED) or not error.code:
        return error
    fields = {"user.exists": "name", "user.last_owner": "role", "user.owner_limit": "cameras"}
    field = fields.get(error.code, "cameras" if error.code.startswith("camera.") else "")
    return Problem(_STATUS.get(error.code, 422), error.code, as_sentence(str(error)), field=field)
