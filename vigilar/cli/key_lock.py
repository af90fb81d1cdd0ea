"""``vigilar keys passphrase``, ``stick``, ``unlock``, ``lock``: what a stolen box cannot do without."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from vigilar.base.errors import ErrorKind, ExitCode, RecordingError, VigilarError
from vigilar.cli.key_moves import move_all
from vigilar.cli.lazy import LazyGroup, Lines
from vigilar.cli.options import with_places
from vigilar.config.places import Places
from vigilar.vge import key_store
from vigilar.vge.key_lock import MAX_PASSPHRASE, KeyLock, stick_opener
from vigilar.vge.keys import KeyRing, is_house_locked, load_sheet_id
from vigilar.vge.places import is_beside
from vigilar.vge.sticks import find_on, make_stick, open_by_stick, remove_stick

_PASSPHRASE: Lines = {
    "set": ("vigilar.cli.key_lock:set_passphrase", "Lock the recordings up by a passphrase, or change it."),
    "remove": ("vigilar.cli.key_lock:remove_passphrase", "No passphrase any more."),
}
_STICK: Lines = {
    "make": ("vigilar.cli.key_lock:make", "Make a stick whose key opens the recordings."),
    "forget": ("vigilar.cli.key_lock:forget", "The stick opens nothing any more."),
}


@click.group(cls=LazyGroup, lazy=_PASSPHRASE)
def passphrase() -> None:
    """A passphrase without which a stolen box shows no recording."""


@click.group(cls=LazyGroup, lazy=_STICK)
def stick() -> None:
    """A stick without which a stolen box shows no recording."""


_without_sheet = click.option(
    "--without-sheet", is_flag=True, help="Even though no recovery sheet would open the recordings if this is lost."
)


@click.command("set")
@_without_sheet
@with_places
def set_passphrase(places: Places, without_sheet: bool) -> int:
    """Lock the recordings up by a passphrase, or change the one there is.

    Asked for at the keyboard; a script gives it as a line of standard input, when one is replaced the old one first.
    After each time without power the house records, and shows nothing from before until somebody unlocks it.
    """
    lock = key_store.load_lock(places.secrets_dir)
    _require_sheet(places, lock, without_sheet=without_sheet)
    private = None if lock is None else _private_of(lock)
    words = _ask("New passphrase", is_new=True)
    key_store.set_passphrase(places.secrets_dir, words, private)
    if lock is not None:
        print("The passphrase is set.")
        return ExitCode.OK
    return _begin_anew(places)


@click.command("remove")
@with_places
def remove_passphrase(places: Places) -> int:
    """Take the passphrase away; asks for it. Without a key stick the keys then lie in clear on the box again."""
    lock = _require_lock(places)
    opener = next((one for one in lock.openers if one.kind == "passphrase"), None)
    if opener is None:
        raise _nothing("This house has no passphrase", "vigilar keys status says what there is")
    private = _private_of(lock)
    key_store.remove_opener(places.secrets_dir, opener.id, private)
    _say_what_is_left(places)
    return ExitCode.OK


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--same-disk", is_flag=True, help="Even though DIR lies on the disk of the recordings.")
@_without_sheet
@with_places
def make(places: Places, folder: Path, same_disk: bool, without_sheet: bool) -> int:
    """Make a key stick in DIR, where a stick is mounted: with it in the box, the house opens its recordings by itself.

    Keep it where it does not go away with the box, or put it in after each time without power and take it out again.
    """
    folder = folder.absolute()
    lock = key_store.load_lock(places.secrets_dir)
    _require_sheet(places, lock, without_sheet=without_sheet)
    if is_beside(folder, places.data_dir) and not same_disk:
        raise RecordingError(
            f"{folder} lies on the disk of the recordings, where a key protects nothing",
            code="vge.stick",
            next_step="Give the folder where the stick is mounted.",
            exit_code=ExitCode.REFUSED,
        )
    private = None if lock is None else _private_of(lock)
    stick_id, secret = make_stick(folder)
    key_store.add_opener(places.secrets_dir, lambda key: stick_opener(key, stick_id, secret, str(folder)), private)
    print(f"Key stick {stick_id} is made. Whoever has it and the box can look at all recordings.")
    return ExitCode.OK if lock is not None else _begin_anew(places)


@click.command()
@click.argument("folder", metavar="DIR|ID", type=click.Path(path_type=Path))
@with_places
def forget(places: Places, folder: Path) -> int:
    """Make a stick open nothing any more: DIR is where it is; for one that is lost, its number (vigilar keys status).

    Needs another stick or the passphrase, unless the stick itself is there.
    """
    lock = _require_lock(places)
    known = {one.id for one in lock.sticks}
    stick_id = str(folder) if str(folder) in known else find_on(folder.absolute(), lock)
    if stick_id is None:
        raise _nothing(f"{folder} holds no key stick of this house", "vigilar keys status lists the sticks")
    key_store.remove_opener(places.secrets_dir, stick_id, _private_of(lock))
    if str(folder) not in known:
        remove_stick(folder.absolute(), stick_id)
    print(f"Key stick {stick_id} is forgotten.")
    _say_what_is_left(places)
    return ExitCode.OK


@click.command()
@with_places
def unlock(places: Places) -> int:
    """Open the recordings until the machine is next without power: by a key stick that is in, else asks for the
    passphrase."""
    lock = _require_lock(places)
    if is_house_locked(places.secrets_dir):
        key_store.unlock(places.secrets_dir, _private_of(lock))
        print("The recordings are unlocked, until this machine is next without power.")
    else:
        print("The recordings are unlocked already.")
    return ExitCode.OK


@click.command("lock")
@with_places
def lock_now(places: Places) -> int:
    """Lock the recordings now, as if the machine had been without power."""
    _require_lock(places)
    key_store.lock_again(places.secrets_dir)
    print("The recordings are locked. Programs that run keep the keys they hold until Vigilar is stopped and started.")
    return ExitCode.OK


def _private_of(lock: KeyLock) -> bytes:
    """The private half: by a stick that is in, else by the passphrase, which is asked for."""
    found = open_by_stick(lock)
    if found is not None:
        return found
    if not lock.has_passphrase:
        raise RecordingError(
            "The key stick is not there",
            kind=ErrorKind.DENIED,
            code="vge.unlock",
            next_step="Put it in; where it is mounted elsewhere than under /media, /run/media or /mnt, as before.",
            exit_code=ExitCode.LOCKED,
        )
    return lock.open_with_passphrase(_ask("Passphrase"))


def _ask(what: str, *, is_new: bool = False) -> str:
    if sys.stdin.isatty():
        again = "The same again" if is_new else False
        typed: str = click.prompt(what, hide_input=True, confirmation_prompt=again, err=True)
        return typed
    line = sys.stdin.readline(MAX_PASSPHRASE + 2)
    if not line:
        raise VigilarError("The passphrase is missing; give it as a line of standard input.", exit_code=ExitCode.USAGE)
    return line.rstrip("\r\n")


def _require_lock(places: Places) -> KeyLock:
    lock = key_store.load_lock(places.secrets_dir)
    if lock is None:
        raise _nothing(
            "The recordings are not locked up by a passphrase or a stick", "Lock them up: vigilar keys passphrase set"
        )
    return lock


def _require_sheet(places: Places, lock: KeyLock | None, *, without_sheet: bool) -> None:
    """A forgotten passphrase must not be the end of all recordings, unless the owner wants that."""
    if lock is not None or without_sheet or load_sheet_id(places.secrets_dir) is not None:
        return
    raise RecordingError(
        "There is no recovery sheet, so a forgotten passphrase or a lost stick would be the end of all recordings",
        code="vge.sheet",
        next_step="Make one first: vigilar keys recovery. To go without: --without-sheet",
        exit_code=ExitCode.REFUSED,
    )


def _begin_anew(places: Places) -> int:
    """What lay on the disk in clear may be found there for long, so it must open nothing any more."""
    key_store.add_keys(places.secrets_dir)
    code = move_all(places, KeyRing.load(places.secrets_dir))
    print("The recordings are locked up: after a time without power, the house shows none until it is unlocked.")
    if os.path.exists("/proc/swaps") and len(Path("/proc/swaps").read_text(encoding="utf-8").splitlines()) > 1:
        print("! This machine swaps memory out to a disk, and keys in memory with it: encrypt the swap, or go without.")
    return code


def _say_what_is_left(places: Places) -> None:
    lock = key_store.load_lock(places.secrets_dir)
    if lock is None:
        print("The keys lie in clear on this box again: who takes it can look at all recordings.")
    else:
        ways = [f"stick {one.id}" if one.kind == "stick" else "the passphrase" for one in lock.openers]
        print(f"What still opens the recordings: {', '.join(ways)}.")


def _nothing(sentence: str, step: str) -> RecordingError:
    return RecordingError(sentence, code="vge.unlock", next_step=step, exit_code=ExitCode.NOT_FOUND)
