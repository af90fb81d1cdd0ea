"""Accounts of our own broker: who may say and hear what, and their passwords.

A broker without accounts would let any program of this machine speak as a camera.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import os
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from vigilar.base.atomic import make_private_folder, write_atomic
from vigilar.base.errors import BusError, ErrorKind
from vigilar.bus.topics import HomeTopics, Topics

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the broker, and the topics it may publish (``says``) and subscribe (``hears``)."""

    user: str
    says: tuple[str, ...] = ()
    hears: tuple[str, ...] = ()


OWNER = Account("owner", says=(Topics.ARM_REQUEST, Topics.ARM_CHANGED), hears=("vigilar/#",))
"""For the command line and the owner's own programs. It may ask to arm; what is asked for beyond that is refused by
who hears it, unless the settings allow it."""

ZIGBEE_USER = "zigbee2mqtt"
"""The one user of the listener for sensors. It is not one of the accounts above, nor are they at that listener."""


def zigbee_account(topic: str) -> Account:
    """What Zigbee2MQTT may do: all below its own base topic, and hear what a siren should do."""
    return Account(ZIGBEE_USER, says=(f"{topic}/#",), hears=(f"{topic}/#", Topics.SIREN))


HOME_ASSISTANT_USER = "homeassistant"
"""The one user of the listener for Home Assistant. It is none of the accounts above, though the process that speaks to
it is called so too."""

HASH_FILE = "bus-home-assistant"
"""In the folder of secrets: the hash of the password of HOME_ASSISTANT_USER. The password itself is nowhere."""


def home_assistant_account() -> Account:
    """What Home Assistant may do: read what is published for it, say that it is there, and ask to arm."""
    return Account(
        HOME_ASSISTANT_USER,
        says=(HomeTopics.STATUS, HomeTopics.ANY_ARM),
        hears=("homeassistant/#", HomeTopics.ALL),
    )


# Mosquitto's own values (mosquitto 2.0, src/password_mosq.h): few rounds, as the passwords are 32 random characters.
_ROUNDS = 101
_SALT_BYTES = 12


def load_or_create_passwords(
    secrets_dir: Path, users: Iterable[str], *, renewed: Collection[str] = ()
) -> dict[str, str]:
    """The password of each of ``users``, from ``secrets_dir/bus-users`` (0600). Missing ones are made, those of other
    users (a camera that is gone) forgotten, and those of ``renewed`` made anew.

    Where the file cannot be written, as on a full disk, and nobody is missing in it, all stay as they are: a house that
    was started once starts always. Raises OSError when somebody is missing then, BusError (denied) when others can read
    the file, (corrupt) when it is not what we wrote.
    """
    file = secrets_dir / "bus-users"
    known: dict[str, str] = {}
    if file.exists():
        if file.stat().st_mode & 0o077:
            raise BusError(
                f"{file} can be read by other users",
                kind=ErrorKind.DENIED,
                next_step=f"Close it: chmod 600 {file}",
            )
        known = _parse(file)
    kept = {user: known.get(user, "") for user in users}
    passwords = {user: (user not in renewed and word) or secrets.token_urlsafe(24) for user, word in kept.items()}
    if passwords != known:
        try:
            make_private_folder(secrets_dir)
            write_atomic(file, json.dumps(passwords, indent=1).encode())
        except OSError as error:
            if not all(kept.values()):
                raise
            logger.warning("logins at the broker could not be made anew, they stay as they are: %s", error.strerror)
            return kept
    return passwords


def password_file(passwords: dict[str, str], known: str = "") -> str:
    """The text of Mosquitto's password file: PBKDF2-HMAC-SHA512, as ``mosquitto_passwd`` writes it.

    Made here and not by that program, so that no clear password is in an argument or, for a moment, in a second file.
    ``known`` is the text of the last start: a line of it that is of the same password stays as it is, salt and all, so
    that the file need not be written again.
    """
    hashes = dict(line.split(":", 1) for line in known.splitlines() if ":" in line)
    lines = []
    for user, password in passwords.items():
        salt = _find_salt(hashes.get(user, ""))
        kept = salt is not None and hmac.compare_digest(_hashed(password, salt), hashes[user])
        lines.append(f"{user}:{hashes[user] if kept else _hashed(password, os.urandom(_SALT_BYTES))}\n")
    return "".join(lines)


def make_home_assistant_password(secrets_dir: Path) -> str:
    """A new password for HOME_ASSISTANT_USER; the one before counts no more once the broker has read its files anew. It
    is in what this returns and nowhere else. Raises OSError."""
    password = secrets.token_urlsafe(18)
    make_private_folder(secrets_dir)
    file, owner = secrets_dir / HASH_FILE, secrets_dir.stat()
    write_atomic(file, _hashed(password, os.urandom(_SALT_BYTES)).encode())
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.chown(file, owner.st_uid, owner.st_gid)
    return password


def find_home_assistant_hash(secrets_dir: Path) -> str:
    """What the broker knows that password by; empty while none was made, or for what we did not write. Raises
    OSError."""
    try:
        found = (secrets_dir / HASH_FILE).read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return ""
    return found if _find_salt(found) is not None else ""


def access_list(accounts: Iterable[Account]) -> str:
    """The text of Mosquitto's ``acl_file`` (mosquitto.conf(5)): what is not in it is refused."""
    return "\n".join(_rules(account) for account in accounts)


def _rules(account: Account) -> str:
    both = [topic for topic in account.says if topic in account.hears]
    lines = [f"user {account.user}"]
    lines += [f"topic readwrite {topic}" for topic in both]
    lines += [f"topic write {topic}" for topic in account.says if topic not in both]
    lines += [f"topic read {topic}" for topic in account.hears if topic not in both]
    return "".join(f"{line}\n" for line in lines)


def _find_salt(hashed: str) -> bytes | None:
    """The salt of ``$7$<rounds>$<salt>$<hash>``; None for anything else."""
    fields = hashed.split("$")
    try:
        return base64.b64decode(fields[3], validate=True) if len(fields) == 5 else None
    except ValueError:
        return None


def _hashed(password: str, salt: bytes) -> str:
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS)
    return f"$7${_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _parse(file: Path) -> dict[str, str]:
    try:
        raw = json.loads(file.read_bytes())
        return {str(user): str(password) for user, password in raw.items()}
    except (ValueError, AttributeError) as error:
        raise BusError(
            f"{file} is damaged",
            kind=ErrorKind.CORRUPT,
            next_step="Remove it: new passwords are made at the next start.",
        ) from error
