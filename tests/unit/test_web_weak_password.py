"""Passwords that head every list of leaked ones are refused, whatever is put behind them; odd and long ones are not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vigilar.web.new_login import BadLogin, check_new_password
from vigilar.web.weak_password import _is_leaked, _leaked, is_weak

FIRST_TRIED = (
    *("password", "Password1!", "P@ssw0rd", "passwordpassword", "changeme", "letmein123", "welcome1", "trustno1"),
    *("12345678", "87654321", "11223344", "123123123", "20261128", "00000000", "0123456789"),
    *("qwertyuiop", "qwerty123", "1q2w3e4r", "zaq12wsx", "1qaz2wsx", "asdfghjkl", "abcd1234", "1234qwer"),
    *("aaaaaaaa", "abcabcabc", "xyxyxyxy", "iloveyou", "iloveyou2", "Sunshine2024", "football1", "superman!"),
    *(
        "monkey dragon",
        "sam12345",
        "SamSamSam",
        "vigilar2026",
        "frontdoor1",
        "admin123!",
        "!@#$%^&*",
        "michael1",
        "schatz99",
    ),
    *("corvette", "Corvette1", "c0rvette", "metallica1987", "!porsche911"),
)
FINE = (
    *("correct horse", "blue kettle", "green door opens", "summer in the city", "dreiundzwanzig", "hausboot7x"),
    *("Kx7$kq2L", "mycatismax", "\u00f6\u00f6\u00e4\u00e4\u00df\u00df\u00fc\u00fc\u00f6", "493027718264"),
    *("password for the old boat", "corvette 493027", "my corvette", "kettleblue7"),
)  # fmt: skip


@pytest.mark.parametrize("password", FIRST_TRIED)
def test_first_that_anybody_would_try_is_refused(password: str) -> None:
    with pytest.raises(BadLogin, match="one of the first") as caught:
        check_new_password(password, "Sam")
    assert (caught.value.code, caught.value.field) == ("user.password_weak", "password")


@pytest.mark.parametrize("password", FINE)
def test_any_other_of_any_letters_is_taken(password: str) -> None:
    assert check_new_password(password, "Sam") == password


def test_name_of_somebody_else_is_no_reason() -> None:
    assert is_weak("hildegunde8", "Hildegunde")
    assert not is_weak("hildegunde8", "Sam")


def test_line_of_the_list_and_no_piece_of_it_counts() -> None:
    """The list is one text, so two of its lines together stand in it as well."""
    assert is_weak("corvette")
    assert not is_weak("123456\npassword\n12345678\nqwerty and a kettle")
    lines = _leaked().split("\n")
    at = lines.index("corvette")
    assert not _is_leaked("\n".join(lines[at : at + 2]))
    assert not _is_leaked("orvett")


def test_list_stays_small_in_memory() -> None:
    """In a process of its own, as the list is kept by the first who asks."""
    code = (
        "import sys, tracemalloc; from vigilar.web.weak_password import is_weak; tracemalloc.start()\n"
        "assert is_weak('corvette'); assert not is_weak('blue kettle on a hill')\n"
        "print(tracemalloc.get_traced_memory()[0], 'zxcvbn' in sys.modules)"
    )
    kept, has_package = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert int(kept) < 1_000_000
    assert has_package == "False"
