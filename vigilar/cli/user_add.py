"""``vigilar user add`` and ``password``: what takes a new password, and so the rules and the hash of the pages."""

from __future__ import annotations

from typing import IO

import click

from vigilar.base.clock import SystemClock
from vigilar.base.errors import ExitCode, VigilarError
from vigilar.cli.logins import read_new_password
from vigilar.cli.options import with_places
from vigilar.cli.user import ROLES, get_member, limit_words, note, open_store
from vigilar.config.places import Places
from vigilar.store import users as user_rows
from vigilar.store.household import MemberChange, change_member
from vigilar.store.users import Role
from vigilar.web.new_login import check_new_login, check_new_password
from vigilar.web.passwords import hash_password


@click.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What this member may do.")
@click.option("--camera", "cameras", metavar="ID", multiple=True, help="See this camera only; any number of times.")
@click.option("--password-file", type=click.File(encoding="utf-8"), help='The password, "-" for standard input.')
@with_places
def add(name: str, role: Role, cameras: tuple[str, ...], password_file: IO[str] | None, places: Places) -> int:
    """Make a login for somebody of the household. The password is asked for, or read from a file.

    \b
    owner  everything
    adult  live pictures, events, recordings, how the system is
    child  live pictures, events, recordings
    guest  live pictures, events
    """
    with open_store(places) as store:
        if user_rows.find_user(store, name) is not None:  # before a password is asked for
            raise VigilarError(f'There is a member named "{name}" already.', exit_code=ExitCode.USAGE)
        name, chosen = check_new_login(name, read_new_password(password_file))
        now_ms = SystemClock().utc_ns() // 1_000_000
        made = user_rows.create_member(store, name, hash_password(chosen), role, cameras or None, now_ms)
        note(store, places, "member_added", made, f"{made.name}, {made.role}")
    print(f"{made.name} can sign in now, as {made.role}, and sees {limit_words(made)}.")
    return ExitCode.OK


@click.command()
@click.argument("name")
@click.option("--password-file", type=click.File(encoding="utf-8"), help='The password, "-" for standard input.')
@with_places
def password(name: str, password_file: IO[str] | None, places: Places) -> int:
    """Give a member a new password, and sign the member out everywhere."""
    with open_store(places) as store:
        member = get_member(store, name)
        chosen = check_new_password(read_new_password(password_file), member.name)
        change_member(store, member.id, MemberChange(password_hash=hash_password(chosen)))
        note(store, places, "password", member, member.name)
    print(f"{member.name} has a new password and is signed out everywhere.")
    return ExitCode.OK
