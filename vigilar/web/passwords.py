"""The door to argon2: hash and check a password with little memory.

The library's default takes 64 MiB a login. 19 MiB, two passes, one lane is the smallest set that OWASP's password
storage sheet still names; it takes about 22 ms here. At most two run at once, so a flood of logins stays below 40 MiB.
"""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

MIN_LENGTH = 8
MAX_LENGTH = 256
"""Longer ones only cost time; nobody types them."""

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_two_at_once = threading.BoundedSemaphore(2)
_nobody: list[str] = []


def hash_password(password: str) -> str:
    """The text to store: algorithm, parameters, salt and hash."""
    with _two_at_once:
        return _hasher.hash(password)


def check_password(stored_hash: str | None, password: str) -> bool:
    """Whether ``password`` is the one of ``stored_hash``. None (nobody of that name) takes as long and is False."""
    if len(password) > MAX_LENGTH:
        return False
    with _two_at_once:
        if stored_hash is None and not _nobody:
            _nobody.append(_hasher.hash("nobody has this password"))
        try:
            return _hasher.verify(stored_hash or _nobody[0], password) and stored_hash is not None
        except (Argon2Error, InvalidHashError):
            return False
