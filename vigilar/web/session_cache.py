"""Logins in memory, for the time in which the database cannot be asked or written.

*Known*: was found in the database at most an hour ago; used only while the database does not answer, be it that it
fails or that it takes too long. *Held*: a new login that could not be stored; valid at any time, but for hours and not
for a month, and gone when the process ends. *Ended*: signed out while the row could not be deleted; refused for good.
Gives nobody a right that the database did not give: what is here was checked there, its password included, and a held
login is checked again each time the database answers (``logins``).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TypeVar

from vigilar.store.sessions import SessionRow

Value = TypeVar("Value")

MAX_LOGINS = 64
"""Of each sort; the one used longest ago goes first. A house has some ten phones and screens."""

KNOWN_MS = 3_600_000
"""How long after it was last found in the database a login counts without it."""

ASKED_BEFORE_MS = 60_000
"""How long before the database's answer to another request a question may have been begun; of a login that was found
further ahead it is not known when that was: the clock was set back."""

HELD_MS = 12 * 3_600_000
"""How long a login counts that was never stored: a day of watching, not a month."""


@dataclass(frozen=True, slots=True)
class HeldLogin:
    """A login that has no row. ``password_hash``: the member's when it began; another one means signed out."""

    session: SessionRow
    password_hash: str = field(repr=False)


class SessionCache:
    """By the SHA-256 of a token; times are UTC ms. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, tuple[SessionRow, int]] = OrderedDict()
        self._held: OrderedDict[bytes, HeldLogin] = OrderedDict()
        self._ended: OrderedDict[bytes, None] = OrderedDict()
        self._noted: OrderedDict[bytes, int] = OrderedDict()
        self._proven: OrderedDict[bytes, int] = OrderedDict()

    def remember(self, token_hash: bytes, session: SessionRow, now_ms: int) -> None:
        """The database just said that this login is valid."""
        with self._lock:
            self._held.pop(token_hash, None)
            if token_hash not in self._ended:
                _put(self._known, token_hash, (session, now_ms))

    def forget(self, token_hash: bytes) -> None:
        """The database just said that there is no such login."""
        with self._lock:
            self._known.pop(token_hash, None)

    def find_known(self, token_hash: bytes, now_ms: int) -> SessionRow | None:
        """A login that was valid within the last hour. To be asked only while the database does not answer."""
        with self._lock:
            session, found_ms = self._known.get(token_hash, (None, 0))
        is_valid = (
            session is not None and -ASKED_BEFORE_MS <= now_ms - found_ms <= KNOWN_MS and session.expires_ms > now_ms
        )
        if is_valid:
            return session
        held = self.find_held(token_hash, now_ms)
        return held.session if held else None

    def hold(self, token_hash: bytes, session: SessionRow, password_hash: str) -> None:
        """Keep a new login that could not be stored, for a shorter life; ``password_hash`` is what checked it."""
        session = replace(session, expires_ms=min(session.expires_ms, session.created_ms + HELD_MS))
        with self._lock:
            _put(self._held, token_hash, HeldLogin(session, password_hash))

    def find_held(self, token_hash: bytes, now_ms: int) -> HeldLogin | None:
        """The login as it was when it began: whoever can ask the database asks it for the member of today."""
        with self._lock:
            held = self._held.get(token_hash)
        return held if held is not None and held.session.created_ms <= now_ms < held.session.expires_ms else None

    def end(self, token_hash: bytes) -> None:
        """Signed out: never valid again, whether the database could be told or not."""
        with self._lock:
            self._known.pop(token_hash, None)
            self._held.pop(token_hash, None)
            _put(self._ended, token_hash, None)

    def end_all_of(self, user_id: int, *, but: bytes) -> None:
        """A member is signed out everywhere but in one login; keys for programs are not signed in."""
        with self._lock:
            found = {one: session for one, (session, _) in self._known.items()}
            found |= {one: held.session for one, held in self._held.items()}
        for one, session in found.items():
            if session.user_id == user_id and not session.via and one != but:
                self.end(one)

    def note_proof(self, token_hash: bytes, now_ms: int) -> None:
        """Whoever has this login just showed again who it is (``proving``). A restart only means to show it again."""
        with self._lock:
            _put(self._proven, token_hash, now_ms)

    def find_proof(self, token_hash: bytes) -> int:
        """When that was, UTC ms; 0 for never."""
        with self._lock:
            return self._proven.get(token_hash, 0)

    def is_ended(self, token_hash: bytes) -> bool:
        with self._lock:
            return token_hash in self._ended

    def is_note_due(self, token_hash: bytes, now_ms: int, every_ms: int) -> bool:
        """Whether the use of this login is to be written down now; true once in ``every_ms``, whatever comes of it:
        a database that refuses must not be asked with each request."""
        with self._lock:
            if abs(now_ms - self._noted.get(token_hash, 0)) < every_ms:
                return False
            _put(self._noted, token_hash, now_ms)
            return True


def _put(cache: OrderedDict[bytes, Value], token_hash: bytes, value: Value) -> None:
    cache[token_hash] = value
    cache.move_to_end(token_hash)
    if len(cache) > MAX_LOGINS:
        cache.popitem(last=False)
