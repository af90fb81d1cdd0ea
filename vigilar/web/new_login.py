"""What a new name and a new password must be like, on a page and on the command line alike."""

from __future__ import annotations

import unicodedata

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.web.passwords import MAX_LENGTH, MIN_LENGTH
from vigilar.web.weak_password import is_weak

MAX_NAME_LENGTH = 64

_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and signs that show nothing, though Unicode does not count them among those: fillers of Hangul, inherent
vowels of Khmer, the empty pattern of Braille."""


class BadLogin(VigilarError):
    """A name or a password that cannot be used; ``field`` says which: ``name`` or ``password``."""

    exit_code = ExitCode.USAGE

    def __init__(self, code: str, sentence: str, field: str) -> None:
        super().__init__(sentence, code=code, field=field)


def check_new_login(name: str, password: str) -> tuple[str, str]:
    """The name as it is to be stored, and the password. Raises BadLogin."""
    return check_new_name(name), check_new_password(password, name)


def check_new_name(name: str) -> str:
    """The name as it is to be stored. Raises BadLogin."""
    name = unicodedata.normalize("NFC", name).strip()
    if not name or len(name) > MAX_NAME_LENGTH:
        raise BadLogin("user.name", f"Choose a name of 1 to {MAX_NAME_LENGTH} characters.", "name")
    if any(char in _BLANK or unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for char in name):
        raise BadLogin("user.name_chars", "The name contains characters that cannot be seen.", "name")
    return name


def check_new_password(password: str, name: str) -> str:
    """The password when the member ``name`` may choose it. Raises BadLogin."""
    if len(password) < MIN_LENGTH:
        raise BadLogin("user.password", f"Choose a password of at least {MIN_LENGTH} characters.", "password")
    if len(password) > MAX_LENGTH:
        raise BadLogin("user.password", f"{MAX_LENGTH} characters are enough for a password.", "password")
    if is_weak(password, name):
        sentence = (
            "This password is one of the first that anybody would try. Three words that do not belong together are a "
            "good one."
        )
        raise BadLogin("user.password_weak", sentence, "password")
    return password
