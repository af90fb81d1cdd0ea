"""``vigilar user``: the members of the household, straight in the database, with or without a running service.

A running service needs no word of it: its pages ask the database who may what, its open streams once a second.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

import click

from vigilar.base.clock import SystemClock
from vigilar.base.errors import ExitCode, VigilarError
from vigilar.base.folder_id import find_folder_id
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import print_json, print_table, tell
from vigilar.config.cut import database_url
from vigilar.config.load import load_config
from vigilar.config.places import Places
from vigilar.processes.folder_check import require_folder
from vigilar.store import users as user_rows
from vigilar.store.audit import Deed, add_deeds
from vigilar.store.engine import Store
from vigilar.store.users import Role, UserRow

_COMMANDS = {
    "add": ("vigilar.cli.user_add:add", "Make a login for somebody of the household."),
    "list": ("vigilar.cli.user:list_command", "All members, their roles and limits."),
    "set-role": ("vigilar.cli.user:set_role", "Give a member another role."),
    "limit": ("vigilar.cli.user:limit", "Show a member some cameras only, or all again."),
    "password": ("vigilar.cli.user_add:password", "Give a member a new password, when it was forgotten."),
    "remove": ("vigilar.cli.user:remove", "Remove a member, who is signed out at once."),
}

ROLES: tuple[Role, ...] = get_args(Role)


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def user() -> None:
    """Who may sign in, in which role, and which cameras they see."""


@click.command("list")
@with_places
@with_json
def list_command(places: Places, as_json: bool) -> int:
    """All members, in the order in which they were made."""
    with open_store(places) as store:
        found = user_rows.list_users(store)
    if as_json:
        print_json({"users": [user_json(one) for one in found]})
    elif found:
        print_table((one.name, one.role, limit_words(one)) for one in found)
    else:
        tell("Nobody can sign in yet. Open the page of the box and choose a login.")
    return ExitCode.OK


@click.command("set-role")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@with_places
def set_role(name: str, role: Role, places: Places) -> int:
    """Give a member another role. The last owner must stay one."""
    with open_store(places) as store:
        changed = user_rows.set_role(store, get_member(store, name).id, role)
        note(store, places, "member_changed", changed, f"{changed.name} now {changed.role}")
    print(f"{changed.name} is {_a(changed.role)} now.")
    return ExitCode.OK


@click.command()
@click.argument("name")
@click.option(
    "--camera", "cameras", metavar="ID", multiple=True, help="A camera that may be seen; any number of times."
)
@click.option("--none", "is_none", is_flag=True, help="No camera may be seen.")
@click.option("--all", "is_all", is_flag=True, help="All cameras may be seen, also those added later.")
@with_places
def limit(name: str, cameras: tuple[str, ...], is_none: bool, is_all: bool, places: Places) -> int:
    """Show a member these cameras and nothing of the others: live, recorded, events. An owner cannot be limited."""
    if bool(cameras) + is_none + is_all != 1:
        raise VigilarError("Say either --camera ID, --none or --all.", exit_code=ExitCode.USAGE)
    with open_store(places) as store:
        member = get_member(store, name)
        changed = user_rows.set_cameras(store, member.id, None if is_all else cameras)
        note(store, places, "member_changed", changed, f"{changed.name} sees {limit_words(changed)}")
    print(f"{changed.name} sees {limit_words(changed)}.")
    return ExitCode.OK


@click.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_places
def remove(name: str, yes: bool, places: Places) -> int:
    """Remove a member, who is signed out everywhere at once. The last owner must stay."""
    with open_store(places) as store:
        member = get_member(store, name)
        if not yes and sys.stdin.isatty():
            click.confirm(f"Remove {member.name}?", abort=True, err=True)
        user_rows.remove_user(store, member.id)
        note(store, places, "member_removed", member, member.name)
    print(f"{member.name} is removed.")
    return ExitCode.OK


@contextmanager
def open_store(places: Places) -> Iterator[Store]:
    """The database of the house. Raises StoreError (NOT_RUNNING) when Vigilar was never started, VigilarError (V-DRIVE)
    when the house's drive is not there."""
    require_folder(places)
    store = Store.open(database_url(load_config(places), places))
    try:
        yield store
    finally:
        store.close()


def note(store: Store, places: Places, action: str, member: UserRow, detail: str) -> None:
    """Write down what was done at the console; the household reads it beside what was done on pages."""
    deed = Deed(ts_ms=SystemClock().utc_ns() // 1_000_000, action=action, subject=f"member:{member.id}", detail=detail)
    add_deeds(store, find_folder_id(places.data_dir) or "", [deed])


def get_member(store: Store, name: str) -> UserRow:
    """The member of that name in any spelling. Raises VigilarError (NOT_FOUND) with the names there are."""
    found = user_rows.find_user(store, name)
    if found is None:
        known = ", ".join(one.name for one in user_rows.list_users(store)) or "nobody"
        raise VigilarError(
            f'There is no member "{name}".', next_step=f"Known are: {known}.", exit_code=ExitCode.NOT_FOUND
        )
    return found


def user_json(member: UserRow) -> dict[str, object]:
    """The member as programs see it; ``cameras`` null: all."""
    cameras = None if member.cameras is None else sorted(member.cameras)
    return {"name": member.name, "role": member.role, "cameras": cameras, "created_ts": member.created_ms}


def limit_words(member: UserRow) -> str:
    """``all cameras``, ``only garden, porch`` or ``no camera``."""
    if member.cameras is None:
        return "all cameras"
    return f"only {', '.join(sorted(member.cameras))}" if member.cameras else "no camera"


def _a(role: Role) -> str:
    return f"an {role}" if role in ("owner", "adult") else f"a {role}"
