"""One owner, names by any spelling, logins that end."""

from __future__ import annotations

import threading

import pytest

from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.store.engine import Store
from vigilar.store.sessions import add_session, delete_session, delete_sessions_of, find_session, touch
from vigilar.store.users import create_owner, find_user, get_user, has_users, set_password_hash

NOW = 1_770_000_000_000
TOKEN = b"t" * 32


@pytest.fixture
def store(each_store: Store) -> Store:
    return each_store


def test_first_user_is_owner(store: Store) -> None:
    assert not has_users(store)
    user = create_owner(store, " Anna ", "hash", NOW)
    assert (user.name, user.role, user.created_ms, user.password_hash) == ("Anna", "owner", NOW, "hash")
    assert has_users(store)
    assert get_user(store, user.id) == user


def test_second_owner_is_denied(store: Store) -> None:
    create_owner(store, "Anna", "hash", NOW)
    with pytest.raises(StoreError) as caught:
        create_owner(store, "Bert", "hash", NOW)
    assert (caught.value.kind, caught.value.exit_code) == (ErrorKind.DENIED, ExitCode.DENIED)


def test_two_owners_at_once_are_one(store: Store) -> None:
    results: list[object] = []

    def create(name: str) -> None:
        try:
            results.append(create_owner(store, name, "hash", NOW).name)
        except StoreError as error:
            results.append(error.kind)

    threads = [threading.Thread(target=create, args=(name,)) for name in ("Anna", "Bert", "Cleo", "Dora")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(ErrorKind.DENIED) == 3


@pytest.mark.parametrize("spelling", ["Jürgen Groß", "JÜRGEN GROSS", " jürgen groß ", "ju\u0308rgen groß"])
def test_name_is_found_in_any_spelling(store: Store, spelling: str) -> None:
    create_owner(store, "Jürgen Groß", "hash", NOW)
    assert find_user(store, spelling) is not None
    assert find_user(store, "jurgen") is None


def test_hash_is_replaced_and_never_shown(store: Store) -> None:
    user = create_owner(store, "Anna", "old-hash", NOW)
    set_password_hash(store, user.id, "new-hash")
    again = get_user(store, user.id)
    assert again is not None
    assert again.password_hash == "new-hash"
    assert "hash" not in repr(again).replace("password_hash", "")


def test_session_is_found_until_it_expires(store: Store) -> None:
    user = create_owner(store, "Anna", "hash", NOW)
    add_session(store, TOKEN, user.id, now_ms=NOW, expires_ms=NOW + 10, user_agent="x" * 500)
    found = find_session(store, TOKEN, NOW + 9)
    assert found is not None
    assert (found.user_id, found.user_name, found.role, len(found.user_agent)) == (user.id, "Anna", "owner", 200)
    assert find_session(store, TOKEN, NOW + 10) is None
    assert find_session(store, b"u" * 32, NOW) is None


def test_touch_prolongs_session(store: Store) -> None:
    user = create_owner(store, "Anna", "hash", NOW)
    add_session(store, TOKEN, user.id, now_ms=NOW, expires_ms=NOW + 10)
    touch(store, TOKEN, now_ms=NOW + 5, expires_ms=NOW + 50)
    found = find_session(store, TOKEN, NOW + 49)
    assert found is not None
    assert (found.last_seen_ms, found.expires_ms) == (NOW + 5, NOW + 50)


def test_deleted_sessions_are_gone(store: Store) -> None:
    user = create_owner(store, "Anna", "hash", NOW)
    for letter in (b"a", b"b", b"c"):
        add_session(store, letter * 32, user.id, now_ms=NOW, expires_ms=NOW + 10)
    delete_session(store, b"a" * 32)
    assert [find_session(store, letter * 32, NOW) is None for letter in (b"a", b"b", b"c")] == [True, False, False]
    delete_sessions_of(store, user.id)
    assert find_session(store, b"b" * 32, NOW) is None


def test_expired_sessions_go_with_next_login(store: Store) -> None:
    user = create_owner(store, "Anna", "hash", NOW)
    add_session(store, b"a" * 32, user.id, now_ms=NOW, expires_ms=NOW + 10)
    add_session(store, b"b" * 32, user.id, now_ms=NOW + 20, expires_ms=NOW + 30)
    assert find_session(store, b"a" * 32, NOW) is None
