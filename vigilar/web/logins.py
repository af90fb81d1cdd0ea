"""Finding, starting and ending logins, also while the database cannot be asked or written.

Reading never needs a write: that a login was just used is noted when it can be. Signing in on a full disk spends the
reserve (``base.reserve``), and where even that does not help the login is held in memory. The database is asked
through doors with a time limit (``patience``): a drive that hangs keeps no request, and silence is trouble like any
error.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Collection
from dataclasses import replace

from vigilar.base.errors import StoreError
from vigilar.base.tally import Tally
from vigilar.store import sessions as session_rows
from vigilar.store import tokens as token_rows
from vigilar.store.engine import Store
from vigilar.store.errors import DATABASE_TROUBLE
from vigilar.store.sessions import SessionRow
from vigilar.store.users import UserRow, get_user
from vigilar.web.parts import Parts
from vigilar.web.patience import DoesNotAnswerError, Patience
from vigilar.web.session_cache import HeldLogin, SessionCache

logger = logging.getLogger(__name__)

TOUCH_EVERY_MS = 5 * 60 * 1000
"""How often that a login is used is written down."""

_unwritten = Tally(logger, "a login could not be written down, it goes on in memory", every_s=60.0)


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def find_login(here: Parts, token_hash: bytes) -> SessionRow | None:
    """The valid login of that token hash, from the database or, while it does not answer, from memory.

    Raises StoreError or DoesNotAnswerError when the database does not answer and memory does not know the login either.
    """
    now_ms, cache = here.now_ms(), here.sessions
    if cache.is_ended(token_hash):
        _write(here, lambda: session_rows.delete_session(here.store, token_hash))
        return None
    known = cache.find_known(token_hash, now_ms)
    within_s = None if known else here.rows.longest_s
    try:
        found = here.rows.ask(lambda: _read_logins(here.store, cache, [token_hash], now_ms), within_s)
    except (StoreError, DoesNotAnswerError) as error:
        if known is None or not _is_trouble(error):
            raise
        return known
    return found.get(token_hash)


def find_logins(
    store: Store, rows: Patience, cache: SessionCache, token_hashes: Collection[bytes], now_ms: int
) -> dict[bytes, SessionRow]:
    """Those of the logins that are valid; while the database does not answer, from memory.

    Whoever has an answer that goes on is remembered by it, as by a request. Raises StoreError for what is no trouble of
    the database.
    """
    wanted = [one for one in token_hashes if not cache.is_ended(one)]
    try:
        return rows.ask(lambda: _read_logins(store, cache, wanted, now_ms))
    except (StoreError, DoesNotAnswerError) as error:
        if not _is_trouble(error):
            raise
        known = {one: cache.find_known(one, now_ms) for one in wanted}
    return {one: session for one, session in known.items() if session is not None}


def _read_logins(store: Store, cache: SessionCache, wanted: Collection[bytes], now_ms: int) -> dict[bytes, SessionRow]:
    """Those that the database knows, logins and keys for programs, and those held whose member it knows; memory takes
    note."""
    found = session_rows.find_sessions(store, wanted, now_ms)
    if left := [one for one in wanted if one not in found]:
        found |= token_rows.find_tokens(store, left)
    for one in wanted:
        if one in found:
            cache.remember(one, found[one], now_ms)
            continue
        cache.forget(one)
        if (held := cache.find_held(one, now_ms)) is not None:
            if (session := _as_today(store, held)) is None:
                cache.end(one)
            else:
                found[one] = session
    return found


def _as_today(store: Store, held: HeldLogin) -> SessionRow | None:
    """A held login with the role and the limit that its member has now. None when the member was removed or has
    another password: both sign out everywhere."""
    user = get_user(store, held.session.user_id)
    if user is None or user.password_hash != held.password_hash:
        return None
    return replace(held.session, user_name=user.name, role=user.role, cameras=user.cameras)


def note_use(here: Parts, token_hash: bytes, session: SessionRow) -> None:
    """Write down, now and then, that the login is in use. Never fails a request."""
    now_ms = here.now_ms()
    if now_ms - session.last_seen_ms <= TOUCH_EVERY_MS or not here.sessions.is_note_due(
        token_hash, now_ms, TOUCH_EVERY_MS
    ):
        return
    is_held = here.sessions.find_held(token_hash, now_ms) is not None

    def write() -> None:
        if session.via:
            token_rows.touch_token(here.store, token_hash, now_ms)
        elif is_held:
            _store(here, token_hash, session)
        else:
            session_rows.touch(here.store, token_hash, now_ms=now_ms, expires_ms=session.expires_ms)

    _try_to_write(here, write)


def note_phone(here: Parts, token_hash: bytes, session: SessionRow, address: str) -> None:
    """A paired phone that speaks to the house from its network is at home, with whatever address it has today. A screen
    on the wall always is, and says nothing of anybody."""
    if (
        session.device
        and not session.via
        and not session.is_wall
        and here.cfg.looks_for_phones
        and here.phones_told.is_due(token_hash.hex())
    ):
        here.tell_phone(session.user_id, session.device, address)


def start_login(
    here: Parts,
    user: UserRow,
    lifetime_ms: int,
    user_agent: str,
    *,
    device: str,
    address: str,
    is_secure: bool,
    is_wall: bool = False,
) -> str:
    """The token of a new login of ``user``. Stored if any way leads there; else held in memory for some hours."""
    token, now_ms = secrets.token_hex(32), here.now_ms()
    ends_ms = now_ms + lifetime_ms
    session = SessionRow(
        user_id=user.id,
        user_name=user.name,
        role=user.role,
        created_ms=now_ms,
        last_seen_ms=now_ms,
        expires_ms=ends_ms,
        user_agent=user_agent,
        cameras=user.cameras,
        device=device,
        address=address,
        is_secure=is_secure,
        is_wall=is_wall,
    )
    if not _write(here, lambda: _store(here, hash_token(token), session)):
        here.sessions.hold(hash_token(token), session, user.password_hash)
    return token


def end_login(here: Parts, token_hash: bytes) -> None:
    """The login is over from this moment on, even when the database cannot be told yet."""
    here.sessions.end(token_hash)
    _write(here, lambda: session_rows.delete_session(here.store, token_hash))


def end_logins_of(here: Parts, user_id: int, *, but: bytes = b"") -> None:
    """Sign a member out everywhere but in the login ``but``, also where only memory knows the login. Raises StoreError
    when the database cannot be told."""
    session_rows.delete_sessions_of(here.store, user_id, but=but)
    forget_logins_of(here, user_id, but=but)


def forget_logins_of(here: Parts, user_id: int, *, but: bytes = b"") -> None:
    """The database has no login of this member any more but ``but``: nor has memory from now on, and what is open
    ends."""
    here.sessions.end_all_of(user_id, but=but)
    here.streams.look_now()


def _write(here: Parts, step: Callable[[], None]) -> bool:
    """Do a small write, on a full disk with the help of the reserve. False when the database does not take it."""
    return _try_to_write(here, lambda: here.reserve.help(step))


def _try_to_write(here: Parts, step: Callable[[], None]) -> bool:
    """False when the database refused, or did not answer: then it may still be done later."""
    try:
        here.login_writes.ask(step)
    except (StoreError, DoesNotAnswerError) as error:
        if not _is_trouble(error):
            raise
        _unwritten.add(error)
        return False
    return True


def _is_trouble(error: StoreError | DoesNotAnswerError) -> bool:
    """Whether the database cannot be asked at all, be it that it fails or that it does not answer."""
    return isinstance(error, DoesNotAnswerError) or error.kind in DATABASE_TROUBLE


def _store(here: Parts, token_hash: bytes, session: SessionRow) -> None:
    session_rows.add_session(
        here.store,
        token_hash,
        session.user_id,
        now_ms=here.now_ms(),
        expires_ms=session.expires_ms,
        user_agent=session.user_agent,
        device=session.device,
        address=session.address,
        is_secure=session.is_secure,
        is_wall=session.is_wall,
    )
