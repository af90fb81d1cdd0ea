"""Passwords that are among the first anybody would try. Pure.

Guessing here is ten tries a minute, so what matters is what heads every list of leaked passwords. Of that there is a
list (zxcvbn's), of English mostly; and rules tell its kinds in other words, too: a common word with a number behind it,
keys in a row, one piece repeated, a number alone, the name of who signs in.
"""

from __future__ import annotations

import re
import runpy
from functools import cache
from importlib.metadata import distribution

LEAST_DIGITS = 12
"""A number alone is a date, a telephone number or a row below this."""

_ROWS = ("qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm", "abcdefghijklmnopqrstuvwxyz")
_COLUMNS = ("1qaz2wsx3edc4rfv5tgb6yhn7ujm", "1q2w3e4r5t6y7u8i9o0p", "qazwsxedcrfvtgbyhnujm")
_RUNS = tuple(run for row in (*_ROWS, *_COLUMNS, "01234567890", "!@#$%^&*()") for run in (row, row[::-1]))

_WORDS = frozenset(
    (
        *("password", "passw", "pass", "passwort", "kennwort", "geheim", "secret", "secure", "security", "login"),
        *("admin", "administrator", "root", "owner", "user", "guest", "test", "testing", "demo", "default", "changeme"),
        *("welcome", "willkommen", "letmein", "access", "trustno", "whatever", "nothing", "hello", "hallo", "goodluck"),
        *("iloveyou", "ilove", "loveyou", "lovely", "loveme", "love", "schatz", "sweetheart", "angel", "princess"),
        *("sunshine", "summer", "winter", "spring", "autumn", "sommer", "flower", "butterfly", "rainbow", "chocolate"),
        *("football", "fussball", "baseball", "basketball", "soccer", "hockey", "liverpool", "arsenal", "chelsea"),
        *("superman", "batman", "spiderman", "ironman", "starwars", "pokemon", "pikachu", "minecraft", "matrix"),
        *("dragon", "monkey", "shadow", "master", "tiger", "killer", "hunter", "ranger", "ninja", "phoenix", "falcon"),
        *("michael", "jennifer", "jessica", "ashley", "charlie", "thomas", "daniel", "andrea", "michelle", "nicole"),
        *("alexander", "christian", "sebastian", "samantha", "victoria", "elizabeth", "jonathan", "benjamin"),
        *("computer", "internet", "samsung", "google", "facebook", "android", "iphone", "windows", "microsoft"),
        *(
            "camera",
            "cctv",
            "house",
            "home",
            "family",
            "familie",
            "frontdoor",
            "kitchen",
            "garden",
            "garage",
            "vigilar",
        ),
        *(
            "qwerty",
            "qwertz",
            "azerty",
            "asdf",
            "zxcv",
            "abc",
            "abcd",
            "abcde",
            "xyz",
            "aaa",
            "blink",
            "money",
            "cookie",
        ),
    )
)
_AS_LETTERS = str.maketrans("013457@$!", "oieastasi")
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_LEAST_RUN = 4
_MOST_BESIDE = 4
"""So many digits and signs beside a word that leaked are tried with it: a year, or 123 and a sign."""


@cache
def _leaked() -> str:
    """All, in small letters, each in a line. Of the package only the file that holds them is run: the whole package
    keeps 14 MB, and a set of them 3 MB, where this takes a quarter of one. To look through it takes half a millisecond.
    """
    file = distribution("zxcvbn").locate_file("zxcvbn/frequency_lists.py")
    lists = runpy.run_path(str(file))["FREQUENCY_LISTS"]
    return "\n".join(["", *lists["passwords"], ""])


def _is_leaked(text: str) -> bool:
    return "\n" not in text and f"\n{text}\n" in _leaked()


def is_weak(password: str, name: str = "") -> bool:
    """Whether it is one of the first to be tried for the member ``name``."""
    low = password.casefold()
    if low.isdigit() and len(low) < LEAST_DIGITS:
        return True
    if _is_repeated(low) or _is_keys_in_a_row(low) or _is_leaked(low):
        return True
    common = _WORDS | {_NOT_LETTERS.sub("", name.casefold())} - {""}
    for text in (low, low.translate(_AS_LETTERS)):
        words = [word for word in _NOT_LETTERS.split(text) if word]
        if words and len(words) < 3 and all(word in common for word in words):
            return True
        if len(words) == 1 and len(text) - len(words[0]) <= _MOST_BESIDE and _is_leaked(words[0]):
            return True
        joined = "".join(words)
        if joined in common or any(joined == word * 2 for word in common):
            return True
    return False


def _is_repeated(text: str) -> bool:
    """One piece of up to four characters, again and again."""
    return any(text == (text[:length] * len(text))[: len(text)] for length in range(1, 5))


def _is_keys_in_a_row(text: str) -> bool:
    """Made of runs along the keyboard, the alphabet or the digits, each of four or more."""
    at = 0
    while at < len(text):
        longest = max((_run_from(text, at, run) for run in _RUNS), default=0)
        if longest < _LEAST_RUN:
            return False
        at += longest
    return True


def _run_from(text: str, at: int, run: str) -> int:
    begin = run.find(text[at])
    if begin < 0:
        return 0
    length = 0
    while at + length < len(text) and begin + length < len(run) and text[at + length] == run[begin + length]:
        length += 1
    return length
