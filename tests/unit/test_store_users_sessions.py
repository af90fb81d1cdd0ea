"""There is always an owner, names by any spelling, members with limits, logins that end."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.first_user import has_users
from vigilar.store.household import MemberChange, change_member
from vigilar.store.sessions import (
    add_session,
    delete_session,
    delete_sessions_of,
    find_session,
    find_sessions,
    touch,
)
from vigilar.store.users import (
    UserRow,
    create_member,
    create_owner,
    find_user,
    get_user,
    list_users,
    owner_names,
    remove_user,
    set_cameras,
    set_role,
)

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
    change_member(store, user.id, MemberChange(password_hash="new-hash"))
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


def test_change_of_a_member_is_whole_or_not_at_all(store: Store) -> None:
    create_owner(store, "Anna", "hash", NOW)
    bert = create_member(store, "Bert", "old-hash", "adult", None, NOW)
    add_session(store, TOKEN, bert.id, now_ms=NOW, expires_ms=NOW + 10)
    wish = MemberChange(name="Robert", role="guest", sets_cameras=True, cameras=["attic"], password_hash="new-hash")
    with pytest.raises(StoreError, match="attic"):
        change_member(store, bert.id, wish)
    assert get_user(store, bert.id) == bert
    assert find_session(store, TOKEN, NOW) is not None
    ensure_camera(store, "attic", "Attic", NOW)
    changed = change_member(store, bert.id, wish)
    assert (changed.name, changed.role, changed.cameras) == ("Robert", "guest", frozenset({"attic"}))
    assert find_session(store, TOKEN, NOW) is None


@pytest.fixture
def anna(store: Store) -> UserRow:
    """The owner of a house with two cameras."""
    for camera_id in ("garden", "porch"):
        ensure_camera(store, camera_id, camera_id, NOW)
    return create_owner(store, "Anna", "hash", NOW)


def code_of(caught: pytest.ExceptionInfo[StoreError]) -> tuple[str, ErrorKind]:
    return caught.value.code, caught.value.kind


def test_member_has_role_and_limit(store: Store, anna: UserRow) -> None:
    made = create_member(store, "Bert", "hash", "guest", {"garden"}, NOW + 1)
    assert (made.role, made.cameras, made.created_ms) == ("guest", frozenset({"garden"}), NOW + 1)
    assert create_member(store, "Cleo", "hash", "adult", None, NOW).cameras is None
    assert create_member(store, "Dora", "hash", "child", (), NOW).cameras == frozenset()
    assert [one.name for one in list_users(store)] == ["Anna", "Bert", "Cleo", "Dora"]
    assert find_user(store, "bert") == get_user(store, made.id) == made
    assert owner_names(store) == [anna.name]


def test_first_member_must_be_owner(store: Store) -> None:
    with pytest.raises(StoreError) as caught:
        create_member(store, "Bert", "hash", "adult", None, NOW)
    assert code_of(caught) == ("user.no_owner", ErrorKind.DENIED)
    assert not has_users(store)
    assert create_member(store, "Anna", "hash", "owner", None, NOW).role == "owner"


@pytest.mark.parametrize(
    ("name", "role", "cameras", "code"),
    [
        ("ANNA", "adult", None, "user.exists"),
        ("Bert", "guest", {"garden", "attic"}, "camera.unknown"),
        ("Bert", "owner", {"garden"}, "user.owner_limit"),
    ],
)
@pytest.mark.usefixtures("anna")
def test_bad_member_is_refused_whole(store: Store, name: str, role: Any, cameras: Any, code: str) -> None:
    with pytest.raises(StoreError) as caught:
        create_member(store, name, "hash", role, cameras, NOW)
    assert code_of(caught) == (code, ErrorKind.PERMANENT)
    assert len(list_users(store)) == 1


@pytest.mark.usefixtures("anna")
def test_limit_is_replaced_and_lifted(store: Store) -> None:
    bert = create_member(store, "Bert", "hash", "adult", None, NOW)
    assert set_cameras(store, bert.id, ["garden", "porch"]).cameras == frozenset({"garden", "porch"})
    assert set_cameras(store, bert.id, []).cameras == frozenset()
    with pytest.raises(StoreError) as caught:
        set_cameras(store, bert.id, ["attic"])
    assert code_of(caught) == ("camera.unknown", ErrorKind.PERMANENT)
    assert set_cameras(store, bert.id, None).cameras is None


def test_owner_cannot_be_limited(store: Store, anna: UserRow) -> None:
    with pytest.raises(StoreError) as caught:
        set_cameras(store, anna.id, ["garden"])
    assert code_of(caught) == ("user.owner_limit", ErrorKind.PERMANENT)


@pytest.mark.usefixtures("anna")
def test_new_owner_sees_all_cameras(store: Store) -> None:
    bert = create_member(store, "Bert", "hash", "guest", ["garden"], NOW)
    assert (set_role(store, bert.id, "owner").cameras, owner_names(store)) == (None, ["Anna", "Bert"])


def test_last_owner_stays(store: Store, anna: UserRow) -> None:
    bert = create_member(store, "Bert", "hash", "adult", None, NOW)
    for change in (lambda: remove_user(store, anna.id), lambda: set_role(store, anna.id, "adult")):
        with pytest.raises(StoreError) as caught:
            change()
        assert code_of(caught) == ("user.last_owner", ErrorKind.DENIED)
    assert set_role(store, anna.id, "owner") == anna
    set_role(store, bert.id, "owner")
    remove_user(store, anna.id)
    assert owner_names(store) == ["Bert"]


@pytest.mark.usefixtures("anna")
def test_removed_member_is_signed_out(store: Store) -> None:
    bert = create_member(store, "Bert", "hash", "guest", ["garden"], NOW)
    add_session(store, TOKEN, bert.id, now_ms=NOW, expires_ms=NOW + 10)
    remove_user(store, bert.id)
    assert find_session(store, TOKEN, NOW) is None
    with pytest.raises(StoreError) as caught:
        remove_user(store, bert.id)
    assert code_of(caught) == ("user.unknown", ErrorKind.PERMANENT)


def test_logins_say_what_their_members_may(store: Store, anna: UserRow) -> None:
    bert = create_member(store, "Bert", "hash", "guest", ["garden", "porch"], NOW)
    cleo = create_member(store, "Cleo", "hash", "child", [], NOW)
    for letter, member in ((b"a", anna), (b"b", bert), (b"c", cleo)):
        add_session(store, letter * 32, member.id, now_ms=NOW, expires_ms=NOW + 10)
    found = find_sessions(store, [letter * 32 for letter in (b"a", b"b", b"c", b"d")], NOW)
    assert {key[:1]: (one.user_name, one.role, one.cameras) for key, one in found.items()} == {
        b"a": ("Anna", "owner", None),
        b"b": ("Bert", "guest", {"garden", "porch"}),
        b"c": ("Cleo", "child", frozenset()),
    }
    assert find_sessions(store, [], NOW) == find_sessions(store, [TOKEN], NOW + 10) == {}
