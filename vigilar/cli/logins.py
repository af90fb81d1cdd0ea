"""Asking for a login, never as an argument: whoever lists the processes of a machine reads those."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import IO

import click

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.config.secrets import LoginSecret

MAX_PASSWORD_CHARS = 1000


def read_login(user: str | None, password_file: IO[str] | None) -> LoginSecret | None:
    """The login from ``--user`` and ``--password-file``; a person at a terminal is asked for what is missing.

    None when there is none. Raises VigilarError (USAGE) when half of it is missing and nobody can be asked.
    """
    can_ask = sys.stdin.isatty()
    if user is None and password_file is None:
        user = _ask_user() if can_ask else None
        if not user:
            return None
    if user is None:
        raise _half("A password needs a user name; give it with --user.")
    if password_file is not None:
        return LoginSecret(user, _first_line(password_file))
    if not can_ask:
        raise _half('The password is missing; give it with --password-file, "-" is standard input.')
    return LoginSecret(user, click.prompt("Password", hide_input=True, default="", show_default=False, err=True))


def read_new_password(password_file: IO[str] | None) -> str:
    """A password for a new login, from ``--password-file``; a person at a terminal types it twice.

    Raises VigilarError (USAGE) when there is neither.
    """
    if password_file is not None:
        return _first_line(password_file)
    if not sys.stdin.isatty():
        raise _half('The password is missing; give it with --password-file, "-" is standard input.')
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True)
    return typed


@dataclass(frozen=True, slots=True)
class ToldWish:
    """What another program wants tried. ``address`` and ``small`` are empty when they were left out."""

    address: str = ""
    small: str = ""
    login: LoginSecret | None = None
    allow_public: bool = False


def read_wish_json(text: str) -> ToldWish:
    """``{"user": "...", "password": "...", "address": "...", "small": "...", "allow_public": false}``.

    All but the first two may be left out; empty user and password are no login. Raises VigilarError.
    """
    wrong = _half('Standard input must hold {"user": "...", "password": "..."}, and may hold an "address".')
    try:
        raw = json.loads(text)
        texts = [raw["user"], raw["password"], raw.get("address") or "", raw.get("small") or ""]
        allow_public = raw.get("allow_public", False)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise wrong from None
    if not all(isinstance(one, str) for one in texts) or not isinstance(allow_public, bool):
        raise wrong
    user, password, address, small = texts
    return ToldWish(address, small, LoginSecret(user, password) if user or password else None, allow_public)


def _ask_user() -> str:
    answer: str = click.prompt("User name at the camera (empty: none)", default="", show_default=False, err=True)
    return answer.strip()


def _first_line(file: IO[str]) -> str:
    try:
        line = file.readline(MAX_PASSWORD_CHARS + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise _half("The file with the password cannot be read.") from error
    return line.rstrip("\r\n")


def _half(sentence: str) -> VigilarError:
    return VigilarError(sentence, exit_code=ExitCode.USAGE)
