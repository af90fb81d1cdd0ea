"""Who is signed in: the rows of the database, and a memory of them for the time when it does not answer."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from vigilar.store import sessions as session_rows
from vigilar.store.engine import Store
from vigilar.store.sessions import SessionRow
from vigilar.web.patience import DoesNotAnswerError, Patience

MAX_REMEMBERED = 256
"""Logins that were seen last; a house has a dozen."""


class Logins:
    """Sessions by the hash of their token. Any thread.

    Each request asks the database. Only when that does not answer in time counts what it said last: nobody gets in who
    was not in already, with no other rights than then, and not beyond the end of the session. A login that was ended
    here, or that the database did not know any more, is forgotten.
    """

    def __init__(self, store: Store, rows: Patience) -> None:
        self._store = store
        self._rows = rows
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, SessionRow] = OrderedDict()

    def find(self, token_hash: bytes, now_ms: int) -> SessionRow | None:
        """The valid login of that hash. Raises StoreError; DoesNotAnswerError when it is not known from before."""
        try:
            found = self._rows.ask(lambda: session_rows.find_session(self._store, token_hash, now_ms))
        except DoesNotAnswerError:
            with self._lock:
                known = self._known.get(token_hash)
            if known is None:
                raise
            return known if known.expires_ms > now_ms else None
        with self._lock:
            if found is None:
                self._known.pop(token_hash, None)
            else:
                self._known[token_hash] = found
                self._known.move_to_end(token_hash)
                if len(self._known) > MAX_REMEMBERED:
                    self._known.popitem(last=False)
        return found

    def write(self, step: Callable[[Store], None]) -> None:
        """Change rows of logins. Raises StoreError, DoesNotAnswerError."""
        self._rows.ask(lambda: step(self._store))

    def forget(self, token_hash: bytes) -> None:
        """The login is being ended."""
        with self._lock:
            self._known.pop(token_hash, None)
