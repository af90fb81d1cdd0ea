"""The code for the first run from another machine: whoever can read it stands at the console of the box.

It lies in a file that only the service's user can read, is made at a start of a house without an owner, and goes with
the first owner.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
from pathlib import Path

from vigilar.base.atomic import make_private_folder, write_atomic

NAME = "setup-code"
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without what people mix up when they read it from a screen: i, l, o, 0, 1."""

GROUPS, GROUP = 2, 4
"""Eight of them are 39 bits; with ten tries a minute nobody guesses one."""


def make_setup_code(secrets_dir: Path) -> str:
    """The code of this house; a new one if there is none. Raises OSError."""
    if code := find_setup_code(secrets_dir):
        return code
    code = "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))
    make_private_folder(secrets_dir)
    write_atomic(secrets_dir / NAME, code.encode())
    return code


def find_setup_code(secrets_dir: Path) -> str:
    """Empty when there is none, or it cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        return (secrets_dir / NAME).read_text(encoding="ascii").strip()
    return ""


def is_setup_code(secrets_dir: Path, typed: str) -> bool:
    """Whether ``typed`` is the code, in any spelling of case, spaces and dashes. False while there is none."""
    code = _bare(find_setup_code(secrets_dir))
    return bool(code) and hmac.compare_digest(_bare(typed).encode(), code.encode())


def forget_setup_code(secrets_dir: Path) -> None:
    """The house has an owner. Raises OSError."""
    (secrets_dir / NAME).unlink(missing_ok=True)


def _bare(code: str) -> str:
    return "".join(char for char in code.lower() if char.isalnum())
