"""``vigilar user`` on a real database: who is made, changed and removed, and what is refused with which exit code."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.ready_store import lay_database, open_ready_store
from vigilar.base.errors import ExitCode
from vigilar.base.setup_code import is_setup_code
from vigilar.cli.program import run
from vigilar.store.audit import list_deeds
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.sessions import add_session, find_session
from vigilar.store.users import create_owner, find_user
from vigilar.web.passwords import check_password

NOW = 1_770_000_000_000
PASSWORD = "correct horse"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The database of a house with two cameras and an owner, Sam."""
    with closing(open_ready_store(tmp_path)) as store:
        for camera_id in ("garden", "porch"):
            ensure_camera(store, camera_id, camera_id, NOW)
        create_owner(store, "Sam", "hash", NOW)
        yield store


class Commands:
    """Runs ``vigilar user ...``; the password comes from a file."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *args: str, password: str = PASSWORD) -> int:
        if args[0] in ("add", "password"):
            file = self.folder / "password"
            file.write_text(f"{password}\nsecond line\n", encoding="utf-8")
            args = (*args, "--password-file", str(file))
        code = run(["user", *args, "--data-dir", str(self.folder)])
        self.out, self.err = self._capsys.readouterr()
        return code

    def list(self) -> list[Any]:
        assert self("list", "--json") == 0
        found = json.loads(self.out)["users"]
        return [(one["name"], one["role"], one["cameras"]) for one in found]


@pytest.fixture
def user(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(tmp_path, capsys)


def test_members_are_made_with_role_and_limit(store: Store, user: Commands) -> None:
    assert user("add", "Anna", "--role", "adult") == 0
    assert user.out == "Anna can sign in now, as adult, and sees all cameras.\n"
    assert user("add", "Bert", "--role", "guest", "--camera", "porch", "--camera", "garden") == 0
    assert user.out == "Bert can sign in now, as guest, and sees only garden, porch.\n"
    assert user.list() == [
        ("Sam", "owner", None),
        ("Anna", "adult", None),
        ("Bert", "guest", ["garden", "porch"]),
    ]
    made = find_user(store, "anna")
    assert made is not None
    assert check_password(made.password_hash, PASSWORD)
    assert user("list") == 0
    assert user.out.splitlines()[2] == "Bert  guest  only garden, porch"
    assert "hash" not in user.out


def test_role_and_limit_change(store: Store, user: Commands) -> None:
    assert user("add", "Bert", "--role", "guest") == 0
    assert user("limit", "BERT", "--camera", "porch") == 0
    assert user.out == "Bert sees only porch.\n"
    assert user("limit", "Bert", "--none") == 0
    assert user.list()[1] == ("Bert", "guest", [])
    assert user("limit", "Bert", "--all") == 0
    assert user("set-role", "Bert", "adult") == 0
    assert user.out == "Bert is an adult now.\n"
    assert user.list()[1] == ("Bert", "adult", None)
    assert user("remove", "Bert", "--yes") == 0
    assert find_user(store, "Bert") is None


def test_new_password_signs_out(store: Store, user: Commands) -> None:
    sam = find_user(store, "Sam")
    assert sam is not None
    add_session(store, b"t" * 32, sam.id, now_ms=NOW, expires_ms=NOW + 10)
    assert user("password", "Sam", password="another long one") == 0
    changed = find_user(store, "Sam")
    assert changed is not None
    assert check_password(changed.password_hash, "another long one")
    assert find_session(store, b"t" * 32, NOW) is None


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("remove", "Sam", "--yes"), ExitCode.DENIED, "Sam is the only owner"),
        (("set-role", "Sam", "adult"), ExitCode.DENIED, "Sam is the only owner"),
        (("limit", "Sam", "--camera", "porch"), ExitCode.USAGE, "An owner sees every camera"),
        (("limit", "Sam", "--all", "--none"), ExitCode.USAGE, "either --camera ID, --none or --all"),
        (("limit", "Sam"), ExitCode.USAGE, "either --camera ID, --none or --all"),
        (("limit", "Eve", "--all"), ExitCode.NOT_FOUND, "Known are: Sam."),
        (("remove", "Eve", "--yes"), ExitCode.NOT_FOUND, 'There is no member "Eve".'),
        (("set-role", "Sam", "king"), ExitCode.USAGE, "'owner', 'adult', 'child', 'guest'"),
        (("add", "SAM", "--role", "adult"), ExitCode.USAGE, 'There is a member named "SAM" already.'),
        (("add", "Eve", "--role", "adult", "--camera", "attic"), ExitCode.NOT_FOUND, "There is no camera 'attic'"),
        (("add", "a\u202eb", "--role", "adult"), ExitCode.USAGE, "characters that cannot be seen"),
    ],
)
@pytest.mark.usefixtures("store")
def test_refusal_changes_nothing(user: Commands, args: tuple[str, ...], code: ExitCode, says: str) -> None:
    assert user(*args) == code
    assert says in user.err
    assert user.list() == [("Sam", "owner", None)]


@pytest.mark.usefixtures("store")
def test_short_password_is_refused(user: Commands) -> None:
    assert user("add", "Eve", "--role", "adult", password="short") == ExitCode.USAGE
    assert "at least 8 characters" in user.err


@pytest.mark.usefixtures("store")
def test_without_terminal_a_password_must_be_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert run(["user", "add", "Eve", "--role", "adult", "--data-dir", str(tmp_path)]) == ExitCode.USAGE
    assert "--password-file" in capsys.readouterr().err


def test_first_member_of_a_house_is_an_owner(tmp_path: Path, user: Commands) -> None:
    open_ready_store(tmp_path).close()
    assert user("add", "Eve", "--role", "guest") == ExitCode.DENIED
    assert user.list() == []
    assert user("add", "Eve", "--role", "owner") == 0
    assert user.list() == [("Eve", "owner", None)]


def test_without_a_database_it_says_so(user: Commands) -> None:
    assert user("list") == ExitCode.NOT_RUNNING
    assert "Start Vigilar once" in user.err


def test_changes_at_the_console_are_written_down(store: Store, user: Commands) -> None:
    assert user("add", "Bert", "--role", "guest") == 0
    assert user("set-role", "Bert", "adult") == 0
    assert user("password", "Bert", password="another long one") == 0
    assert user("remove", "Bert", "--yes") == 0
    found = [(row.deed.action, row.deed.address, row.deed.detail) for row in list_deeds(store, limit=10)]
    assert found == [
        ("member_removed", "", "Bert"),
        ("password", "", "Bert"),
        ("member_changed", "", "Bert now adult"),
        ("member_added", "", "Bert, guest"),
    ]


def test_code_of_the_first_login_is_shown_until_there_is_an_owner(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_database(tmp_path)
    shown = []
    for _ in range(2):
        assert run(["setup", "code", "--data-dir", str(tmp_path)]) == 0
        shown.append(capsys.readouterr().out.strip())
    assert shown[0] == shown[1]
    assert is_setup_code(tmp_path / "secrets", shown[0])
    with closing(open_ready_store(tmp_path)) as store:
        create_owner(store, "Sam", "hash", NOW)
    assert run(["setup", "code", "--data-dir", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert (said.out, "vigilar user password NAME" in said.err) == ("", True)
