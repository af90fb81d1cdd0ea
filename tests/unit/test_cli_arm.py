"""``vigilar arm``, ``disarm``, ``state`` and ``pin`` without a running service: the row is the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.ready_store import open_ready_store
from vigilar.base.errors import ExitCode
from vigilar.cli.program import run
from vigilar.store import arming
from vigilar.store.engine import Store
from vigilar.store.sensors import Word, ensure_sensor, note_word
from vigilar.store.users import create_member, create_owner

NOW = 1_770_000_000_000
PIN, DURESS, WRONG = "482913", "913482", "700431"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_ready_store(tmp_path)) as store:
        create_owner(store, "Sam", "x", NOW)
        yield store


class Commands:
    """Runs a command; a PIN comes from a file."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *args: str, pin: str = "") -> int:
        if pin:
            file = self.folder / "pin"
            file.write_text(f"{pin}\n", encoding="utf-8")
            args = (*args, "--pin-file", str(file))
        code = run([*args, "--data-dir", str(self.folder)])
        self.out, self.err = self._capsys.readouterr()
        assert PIN not in self.out + self.err
        return code


@pytest.fixture
def command(tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> Commands:
    assert store
    made = Commands(tmp_path, capsys)
    assert made("pin", "set", "sam", "--duress", pin=f"{PIN}\n{DURESS}") == 0
    assert made.out == "Sam has a PIN now.\n"
    return made


def test_arms_shows_and_disarms(command: Commands, store: Store) -> None:
    assert command("arm", "away") == 0
    assert command.out.startswith("Away in ")
    assert command("arm", "night") == ExitCode.DENIED
    assert "Night guards less than Away." in command.err
    assert command("disarm", pin=PIN) == 0
    assert command("arm", "night", "--as", "sam") == 0
    assert command("state", "--json") == 0
    facts = json.loads(command.out)
    assert (facts["mode"], facts["by"], facts["ready"], facts["pending"]) == ("night", "Sam", True, None)
    assert command("disarm", pin=PIN) == 0
    assert command("disarm") == 0
    assert command.out == "The house is disarmed already.\n"
    rows = arming.list_history(store, 9)
    assert [(row.action, row.how) for row in rows[:4]] == [
        ("disarmed", "command"),
        ("armed", "command"),
        ("disarmed", "command"),
        ("leaving", "command"),
    ]


def test_wrong_pins_are_counted_over_commands(command: Commands) -> None:
    command("arm", "home")
    for left in ("2 tries left", "1 try left", "0 tries left"):
        assert command("disarm", pin=WRONG) == ExitCode.DENIED
        assert left in command.err
    assert command("disarm", pin=PIN) == ExitCode.BUSY
    assert "The next try is possible in 90 s." in command.err
    assert command("disarm", pin="12") != 0


def test_duress_looks_the_same(command: Commands, store: Store) -> None:
    command("arm", "home")
    assert command("disarm", pin=DURESS) == 0
    assert "duress" not in (command.out + command.err).lower()
    assert [line.action for line in arming.lines_after(store, 0)][-2:] == ["duress", "disarmed"]


def test_open_door_is_told_before_arming(command: Commands, store: Store) -> None:
    door = ensure_sensor(store, "box", "zigbee/1", "Back door", NOW)
    note_word(store, door.id, Word({"contact": 1.0}), {}, NOW)
    assert command("arm", "home") == ExitCode.REFUSED
    assert "Back door is open." in command.err
    assert command("arm", "home", "--anyway") == 0


def test_house_without_any_pin_is_disarmed_on_the_box(
    tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the page says; a PIN that somebody has is asked for."""
    command = Commands(tmp_path, capsys)
    assert command("arm", "away", "--now", "--anyway") == 0
    assert command("disarm") == 0
    assert command.out.startswith("Disarmed since ")
    assert command.out.endswith(", by the console.\n")
    assert command("arm", "away", "--now", "--anyway") == 0
    assert command("pin", "set", "sam", pin=PIN) == 0
    assert command("disarm", pin=WRONG) == ExitCode.DENIED
    assert arming.read_state(store).mode == "away"


def test_less_guard_is_not_set(command: Commands) -> None:
    command("arm", "away", "--now")
    assert command("arm", "home") == ExitCode.DENIED
    assert "Disarm first" in command.err


def test_pin_of_several_needs_a_name(command: Commands, store: Store) -> None:
    create_member(store, "Kim", "x", "adult", None, NOW)
    assert command("pin", "set", "kim", pin="771904") == 0
    command("arm", "home")
    assert command("disarm", pin=PIN) == ExitCode.USAGE
    assert "Sam, Kim" in command.err
    assert command("disarm", "--as", "kim", pin="771904") == 0
    assert command("pin", "remove", "kim") == 0


@pytest.mark.parametrize("pin", ["123456", "12345", "abcdef", "000000"])
def test_pin_nobody_should_have_is_refused(command: Commands, pin: str) -> None:
    assert command("pin", "set", "sam", pin=pin) != 0
    assert "pin." in command.err
