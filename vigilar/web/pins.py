"""The door to PINs: what a PIN may be, its hash, and whether one is right.

What is stored is argon2id, as for passwords, over an HMAC of the PIN with a key of the box that lies beside the other
secrets: who has the database alone cannot try all million PINs against it. Who has both can, in hours.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from vigilar.base.atomic import make_private_folder, write_atomic
from vigilar.base.errors import VigilarError
from vigilar.store.pins import PinRow
from vigilar.web.passwords import check_password, hash_password

LEAST_DIGITS, MOST_DIGITS = 6, 12

_KEY_FILE = "pin-key"
_KEY_BYTES = 32
_FORM = re.compile(rf"[0-9]{{{LEAST_DIGITS},{MOST_DIGITS}}}", re.ASCII)
_OFTEN = frozenset({"112233", "123321", "147258", "159753", "696969", "102030", "789456", "147852", "258456", "520520"})


class BadPin(VigilarError):
    """A PIN that nobody may have. ``code`` is ``pin.form`` or ``pin.weak``."""


def check_form(pin: str) -> str:
    """``pin`` when it can be one. Raises BadPin."""
    if _FORM.fullmatch(pin) is None:
        raise BadPin(f"A PIN has {LEAST_DIGITS} to {MOST_DIGITS} digits and nothing else.", code="pin.form")
    return pin


def check_new_pin(pin: str) -> str:
    """``pin`` when somebody may choose it. Raises BadPin, also for one that is tried first."""
    check_form(pin)
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    repeats = any(
        len(pin) % length == 0 and pin == pin[:length] * (len(pin) // length) for length in range(1, len(pin) // 2 + 1)
    )
    if steps <= {1} or steps <= {9} or repeats or pin in _OFTEN:
        raise BadPin("This PIN is one of the first that anybody would try. Choose another one.", code="pin.weak")
    return pin


def hash_pin(secrets_dir: Path, pin: str) -> str:
    """The text to store. Raises OSError when the box's key can be neither read nor made."""
    return hash_password(_mixed(secrets_dir, pin))


def make_pin_row(secrets_dir: Path, pin: str, duress_pin: str | None) -> PinRow:
    """The hashes of a new PIN and, unless None, the one for duress. Raises BadPin."""
    check_new_pin(pin)
    if duress_pin is not None:
        check_new_pin(duress_pin)
        if duress_pin == pin:
            raise BadPin("The PIN under duress must be another one than the PIN itself.", code="pin.same")
    return PinRow(hash_pin(secrets_dir, pin), None if duress_pin is None else hash_pin(secrets_dir, duress_pin))


def matches(secrets_dir: Path, row: PinRow | None, pin: str) -> tuple[bool, bool]:
    """Whether ``pin`` is one of the member's, and whether it is that for duress. Takes as long either way."""
    mixed = _mixed(secrets_dir, pin)
    is_own = check_password(row.pin_hash if row else None, mixed)
    is_duress = check_password(row.duress_hash if row else None, mixed)
    return is_own or is_duress, is_duress


def _mixed(secrets_dir: Path, pin: str) -> str:
    return hmac.new(_key(secrets_dir), pin.encode(), hashlib.sha256).hexdigest()


def _key(secrets_dir: Path) -> bytes:
    """The box's key for PINs, made at the first use."""
    file = secrets_dir / _KEY_FILE
    with suppress(FileNotFoundError):
        return bytes.fromhex(file.read_text(encoding="ascii"))
    make_private_folder(secrets_dir)
    made = file.with_name(f"{_KEY_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    write_atomic(made, secrets.token_bytes(_KEY_BYTES).hex().encode(), 0o600)
    try:
        with suppress(FileExistsError):  # of two who make it at once, the first one's counts
            os.link(made, file)
    finally:
        made.unlink()
    owner = secrets_dir.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.chown(file, owner.st_uid, owner.st_gid)
    return bytes.fromhex(file.read_text(encoding="ascii"))
