"""What browsers are to sign with a passkey, each once."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

CHALLENGE_MS = 5 * 60 * 1000
MAX_CHALLENGES = 1000


@dataclass(frozen=True, slots=True)
class _Challenge:
    value: bytes
    ends_ms: int
    user_id: int | None


class Challenges:
    """What browsers are to sign, each once. In memory: a restart only means to press the button again. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[str, _Challenge] = OrderedDict()

    def add(self, value: bytes, now_ms: int, user_id: int | None) -> str:
        """The name of it. ``user_id``: whose it is; None for whoever signs in."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._open[name] = _Challenge(value, now_ms + CHALLENGE_MS, user_id)
            if len(self._open) > MAX_CHALLENGES:
                self._open.popitem(last=False)
        return name

    def take(self, name: str, now_ms: int, user_id: int | None) -> bytes | None:
        with self._lock:
            found = self._open.pop(name, None)
        return found.value if found and found.ends_ms > now_ms and found.user_id == user_id else None
