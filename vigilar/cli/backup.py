"""``vigilar backup``: copies elsewhere, and the way back."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import tzinfo
from pathlib import Path
from typing import IO

import click

from vigilar.base.amounts import size_text
from vigilar.base.backup_state import BackupFacts, judge_backup
from vigilar.base.clock import SystemClock
from vigilar.base.errors import ConfigError, ErrorKind, ExitCode, VigilarError
from vigilar.base.folder_id import find_folder_id
from vigilar.base.lock import FileLock, holder_pid
from vigilar.base.sftp_address import SftpAddress, find_sftp_address, target_words
from vigilar.base.stop import Stop
from vigilar.cli.camera import tell_taken
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.logins import MAX_PASSWORD_CHARS, read_new_password
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import house_time, print_json, print_table, tell
from vigilar.cli.times import house_zone
from vigilar.config.cut import CutSource, make_backup_job
from vigilar.config.edit import set_value
from vigilar.config.jobs import BackupJob, BusLogin, BusLogins
from vigilar.config.load import load_config
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.config.secrets import SecretStore
from vigilar.processes.backup_work import LOCK_FILE, BackupRuns, Outcome
from vigilar.store import backups
from vigilar.store.backups import BackupWork, StateRow
from vigilar.store.sql import Database
from vigilar.store.sqlite_store import open_database
from vigilar.vge.places import has_sheet

_COMMANDS = {
    "now": ("vigilar.cli.backup:now", "Copy what is owed now."),
    "status": ("vigilar.cli.backup:status", "How far the copies are, and what keeps them."),
    "check": ("vigilar.cli.backup:check", "Look whether each copy is there and as it was written."),
    "drill": ("vigilar.cli.backup:drill", "Bring some copies back and compare them bit by bit."),
    "login": ("vigilar.cli.backup:login", "Store password or key for the SFTP server."),
    "trust": ("vigilar.cli.backup:trust", "Show the key of the SFTP server, and confirm it."),
    "restore": ("vigilar.cli.backup_restore:restore", "A whole house out of its backup, into an empty folder."),
}

SECRET = "backup"  # noqa: S105 -- the name of a secret
_LOOK_S = 0.5


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def backup() -> None:
    """Copies of the recordings elsewhere: a network drive, another disk, an SFTP server."""


@click.command()
@click.option("--new-target", is_flag=True, help="The target was emptied, or is another drive: begin anew on it.")
@with_places
@with_json
def now(places: Places, new_target: bool, as_json: bool) -> int:
    """Copy what is owed now, database and settings too. Where the service runs, it does it."""
    with _opened(places) as (_config, job, store):
        if new_target:
            backups.change_state(store, job.node_id, target_id="", up_to_ms=None, house_ms=None, drilled_ms=None)
        return _end(_do(job, store, "copy"), as_json=as_json)


@click.command()
@click.option(
    "--deep", is_flag=True, help="Read all bytes there again. That takes its time, in which nothing is copied."
)
@with_places
@with_json
def check(places: Places, deep: bool, as_json: bool) -> int:
    """Look whether each copy is there and as it was written; what is not is copied again.

    Ends with 9 if one is gone or changed.
    """
    with _opened(places) as (_config, job, store):
        return _end(_do(job, store, "deep" if deep else "check"), as_json=as_json)


@click.command()
@with_places
@with_json
def drill(places: Places, as_json: bool) -> int:
    """Bring some recordings and the database back for a moment, and compare them bit by bit."""
    with _opened(places) as (_config, job, store):
        return _end(_do(job, store, "drill"), as_json=as_json)


@click.command()
@with_places
@with_json
def status(places: Places, as_json: bool) -> int:
    """How far the copies are, and what keeps them. Ends with 10 if they are not as they should be."""
    config = load_config(places)
    zone = house_zone(config)
    now_ms = time.time_ns() // 1_000_000
    if not config.backup.target:
        facts = BackupFacts(is_wanted=False)
        return _tell_status(facts, StateRow(), [], zone, now_ms, as_json=as_json)
    with _opened(places) as (_config, job, store):
        state = backups.find_state(store, job.node_id) or StateRow()
        runs = backups.list_runs(store, job.node_id, 8)
        facts = BackupFacts(
            is_wanted=True,
            where=target_words(job.target),
            up_to_ms=state.up_to_ms if state.target == job.target else None,
            house_ms=state.house_ms if state.target == job.target else None,
            owed_count=state.owed_count,
            drilled_ms=state.drilled_ms,
            problem=state.sentence,
            next_step=state.next_step,
            since_ms=state.since_ms,
            late_after_ms=job.late_after_ms,
            is_silent=holder_pid(job.data_dir / LOCK_FILE) is None,
            has_sheet=has_sheet(places.secrets_dir),
        )
        return _tell_status(facts, state, runs, zone, now_ms, as_json=as_json)


def _tell_status(
    facts: BackupFacts, state: StateRow, runs: list[backups.RunRow], zone: tzinfo, now_ms: int, *, as_json: bool
) -> int:
    part = judge_backup(facts, now_ms, zone)
    if as_json:
        print_json(
            {
                "state": part.state,
                "sentence": part.sentence,
                "next_step": facts.next_step,
                "target": facts.where,
                "up_to_ts": facts.all_up_to_ms,
                "owed_files": state.owed_count,
                "owed_bytes": state.owed_bytes,
                "drilled_ts": facts.drilled_ms,
                "runs": [
                    {"work": one.work, "state": one.state, "ts": one.started_ms, "sentence": one.sentence}
                    for one in runs
                ],
            }
        )
    else:
        print(part.sentence)
        if facts.next_step:
            print(f"! {facts.next_step}")
        if state.owed_count:
            print(f"Still to be copied: {state.owed_count} files, {size_text(state.owed_bytes)}")
        if runs:
            print_table((house_time(one.started_ms, zone), one.work, one.state, one.sentence) for one in runs)
    return ExitCode.OK if part.state == "ok" else ExitCode.WARNINGS


@click.command()
@click.option("--password-file", type=click.File("r", encoding="utf-8"), help='"-" is standard input.')
@click.option("--key-file", type=click.File("r", encoding="utf-8"), help="A private key for the server, in a file.")
@with_places
def login(places: Places, password_file: IO[str] | None, key_file: IO[str] | None) -> int:
    """Store password or key for the SFTP server. Neither is ever an argument."""
    config = load_config(places)
    _sftp_of(config)
    if key_file is not None:
        secret = {"key": key_file.read(64_000)}
        if password_file is not None:
            secret["password"] = password_file.readline(MAX_PASSWORD_CHARS).rstrip("\r\n")
    else:
        secret = {"password": read_new_password(password_file)}
    SecretStore(places.secrets_dir).put(SECRET, secret)
    set_value(places, "backup", "login", f"secret:{SECRET}")
    print("The login for the backup is stored.")
    tell_taken(places)
    return ExitCode.OK


@click.command()
@click.option("--yes", "expected", metavar="FINGERPRINT", help="Confirm only this one, without a question.")
@with_places
def trust(places: Places, expected: str | None) -> int:
    """Show the key of the SFTP server, and confirm that it is the one that is meant.

    On the server, ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub prints it.
    """
    from vigilar.backup.sftp import find_host_key  # paramiko is loaded only where a server is asked

    address = _sftp_of(load_config(places))
    shown = find_host_key(address)
    print(f"{address.host} shows the key {shown}")
    if expected is None:
        is_right = click.confirm("Is this the one that the server itself names?", err=True)
    else:
        is_right = expected in (shown, shown.partition(" ")[2])
    if not is_right:
        raise VigilarError(
            "The key was not confirmed; nothing is sent to that server",
            kind=ErrorKind.DENIED,
            next_step="Find out what answers at its address.",
            exit_code=ExitCode.REFUSED,
        )
    set_value(places, "backup", "host_key", shown)
    print("It is confirmed. A server that shows another will be told nothing.")
    tell_taken(places)
    return ExitCode.OK


def _sftp_of(config: Config) -> SftpAddress:
    address = find_sftp_address(config.backup.target)
    if address is None:
        raise ConfigError(
            "The target of the backup is no SFTP server, so it needs no login and no key",
            next_step="Write the address of the server into [backup] first, as target: see docs/ref/configuration.md.",
        )
    return address


@contextmanager
def _opened(places: Places) -> Iterator[tuple[Config, BackupJob, Database]]:
    config = load_config(places)
    node_id = find_folder_id(places.data_dir)
    if node_id is None:
        raise VigilarError(
            f"{places.data_dir} holds no data of Vigilar",
            next_step="Name the folder with --data-dir.",
            exit_code=ExitCode.NOT_FOUND,
        )
    source = CutSource(config=config, places=places, bus=BusLogins(host="", port=0), node_id=node_id)
    job = make_backup_job(source, BusLogin("", ""))
    if job is None:
        raise ConfigError(
            "No backup is set up",
            next_step='Write target = "/mnt/nas/vigilar", or the address of an SFTP server, into [backup].',
        )
    with closing(open_database(job.database_url)) as store:
        yield config, job, store


@contextmanager
def _alone(job: BackupJob) -> Iterator[FileLock | None]:
    """The right to work on the copies; None while the service has it. Raises VigilarError for root in the place of the
    service's user: what root writes there the service could not go on with."""
    lock = FileLock(job.data_dir / LOCK_FILE)
    if holder_pid(lock.path) is not None:
        yield None
        return
    _check_user(job.data_dir)
    if not lock.acquire():
        yield None
        return
    with lock:
        yield lock


def _check_user(data_dir: Path) -> None:
    owner = data_dir.stat().st_uid
    if os.geteuid() != 0 or owner == 0:
        return
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"#{owner}"
    raise VigilarError(
        "The service does not run, and what root writes into the backup it could not go on with",
        kind=ErrorKind.DENIED,
        next_step=f"Give the command as its user: sudo -u {name} vigilar backup ...",
        exit_code=ExitCode.DENIED,
    )


def _do(job: BackupJob, store: Database, work: BackupWork) -> Outcome:
    """Here, or by the service where that runs."""
    with _alone(job) as lock:
        if lock is None:
            return _ask(job, store, work)
        runs = BackupRuns(job, store, SystemClock(), Stop())
        with closing(runs):
            return runs.do(work)


def _ask(job: BackupJob, store: Database, work: BackupWork) -> Outcome:
    newest = backups.list_runs(store, job.node_id, 1)
    after_id = newest[0].id if newest else 0
    backups.ask(store, job.node_id, work, time.time_ns() // 1_000_000)
    tell("The service does it now; ending this command does not end it.")
    while True:
        run = backups.find_run(store, job.node_id, work, after_id)
        if run is not None and run.ended_ms is not None:
            state = backups.find_state(store, job.node_id) or StateRow()
            if run.state == "done":
                return Outcome(run.state, run.sentence)
            # A check that found something is no trouble of the target, and leaves none behind.
            is_found = work in ("check", "deep") and run.state == "failed" and not state.problem
            code = ExitCode.NOT_EXACT if is_found else ExitCode.FAILED
            error = VigilarError(run.sentence.removesuffix("."), next_step=state.next_step, exit_code=code)
            return Outcome(run.state, run.sentence, error)
        if holder_pid(job.data_dir / LOCK_FILE) is None:
            raise VigilarError("The service was stopped meanwhile", next_step="Give the command again.")
        time.sleep(_LOOK_S)


def _end(outcome: Outcome, *, as_json: bool) -> int:
    if as_json:
        step = outcome.error.next_step if outcome.error is not None else ""
        print_json({"state": outcome.state, "sentence": outcome.sentence, "next_step": step})
        return ExitCode.OK if outcome.state == "done" else ExitCode.FAILED
    if outcome.error is not None:
        raise outcome.error
    print(outcome.sentence)
    return ExitCode.OK if outcome.state == "done" else ExitCode.INTERRUPTED
