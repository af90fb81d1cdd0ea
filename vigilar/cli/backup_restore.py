"""``vigilar backup restore``: a whole house out of its backup."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import click

from vigilar.backup.folder import FolderTarget
from vigilar.backup.restore import Restored, RestorePlaces, Restorer, needs_sheet
from vigilar.backup.target import Target
from vigilar.base.amounts import size_text
from vigilar.base.errors import ErrorKind, ExitCode, VigilarError
from vigilar.base.sftp_address import SftpAddress, find_sftp_address
from vigilar.cli.logins import read_new_password
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import one_line, print_json, tell
from vigilar.config.places import Places
from vigilar.vge.recovery import Sheet

_SAY_EVERY = 500
"""Files between two lines of how far it is."""


@click.command()
@click.argument("source", metavar="FROM")
@click.option("--password-file", type=click.File("r", encoding="utf-8"), help='For a server; "-" is standard input.')
@click.option("--key-file", type=click.File("r", encoding="utf-8"), help="A private key for a server.")
@click.option("--host-key", help="What the server must show: its fingerprint. Without it you are asked.")
@with_places
@with_json
def restore(
    source: str,
    password_file: IO[str] | None,
    key_file: IO[str] | None,
    host_key: str | None,
    places: Places,
    as_json: bool,
) -> int:
    """Bring a whole house back from FROM: the folder of a backup, or sftp://user@host/folder.

    Goes into an empty data folder and overwrites nothing. Where the keys of the house are gone, the sixteen words of
    its recovery sheet are asked for. May be killed at any moment: the same command goes on. Ends with 9 if a recording
    is not as it was recorded.
    """
    target = _target(source, password_file, key_file, host_key)
    to = RestorePlaces(places.data_dir, places.secrets_dir, places.config_file)
    sheet = _ask_words() if needs_sheet(to) else None
    with closing(target):
        done = Restorer(target, to, sheet, _say).run()
    if as_json:
        print_json(_plain(done))
    else:
        _print(done, places)
    return ExitCode.NOT_EXACT if done.damaged else ExitCode.OK


def _ask_words() -> Sheet:
    if not sys.stdin.isatty():
        return Sheet.parse(sys.stdin.readline(1000))
    return Sheet.parse(click.prompt("The sixteen words of the recovery sheet", prompt_suffix=": ", err=True))


def _target(source: str, password_file: IO[str] | None, key_file: IO[str] | None, host_key: str | None) -> Target:
    address = find_sftp_address(source)
    if address is None:
        return FolderTarget(Path(source).expanduser().absolute())
    from vigilar.backup.sftp import SftpLogin, SftpTarget  # paramiko is loaded only where a server is asked

    shown = _confirmed_key(address, host_key)
    if key_file is not None:
        return SftpTarget(address, SftpLogin(shown, key=key_file.read(64_000)))
    return SftpTarget(address, SftpLogin(shown, read_new_password(password_file)))


def _confirmed_key(address: SftpAddress, expected: str | None) -> str:
    from vigilar.backup.sftp import find_host_key

    shown = find_host_key(address)
    if expected is None:
        tell(f"{address.host} shows the key {shown}")
        is_right = sys.stdin.isatty() and click.confirm("Is this the one that the server itself names?", err=True)
    else:
        is_right = expected in (shown, shown.partition(" ")[2])
    if not is_right:
        raise VigilarError(
            f"{address.host} is not the server that is meant, or nobody confirmed it; it was told nothing",
            kind=ErrorKind.DENIED,
            next_step=f"If it is, say so: --host-key '{shown.partition(' ')[2]}'",
            exit_code=ExitCode.REFUSED,
        )
    return shown


def _say(count: int, size_bytes: int) -> None:
    if count % _SAY_EVERY == 0:
        tell(f"{count} recordings, {size_text(size_bytes)}")


def _plain(done: Restored) -> dict[str, Any]:
    return {
        "made_ts": done.made_ms,
        "files": done.file_count,
        "bytes": done.size_bytes,
        "damaged": done.damaged,
        "missing": done.missing,
        "only_by_sheet": done.only_sheet,
        "locked": done.locked,
        "has_keys": done.has_keys,
    }


def _print(done: Restored, places: Places) -> None:
    at = datetime.fromtimestamp(done.made_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    print(f"{done.file_count} recordings, {size_text(done.size_bytes)}, each proved; database and settings of {at}.")
    for name in done.damaged:
        print(one_line(f"! {name} is not as it was recorded"))
    if done.locked:
        print(f"! {done.locked} could not be proved, only compared: their key is locked. Then: vigilar check --deep")
    if done.missing:
        print(f"{done.missing} recordings were not in the backup; the timeline says so.")
    if done.settings_beside is not None:
        print(f"There were settings here already; those of the backup are {done.settings_beside}")
    if not done.has_keys:
        print("! The keys were not in this backup: there was no recovery sheet. Logins of cameras must be given again.")
    if done.only_sheet or not done.has_keys:
        print(f"! Open what only the sheet opens for this box: vigilar keys restore --data-dir {places.data_dir}")
    print(f"Start it: vigilar start --data-dir {places.data_dir}")
