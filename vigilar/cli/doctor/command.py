"""``vigilar doctor``."""

from __future__ import annotations

from dataclasses import asdict

import click

from vigilar.base.errors import ConfigError, VigilarError
from vigilar.cli.doctor import box, house
from vigilar.cli.doctor.check import Check, Look, Patient, run_look
from vigilar.cli.known import fresh_status, gather, now_ms
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import one_line, print_json
from vigilar.cli.service import find_supervisor
from vigilar.config.last_good import load_in_force
from vigilar.config.places import Places
from vigilar.health.house import look_at_house
from vigilar.health.part import State

LOOKS: tuple[tuple[str, Look], ...] = (
    ("service", box.service),
    ("unit", box.unit),
    ("settings", house.settings),
    ("logins", house.logins),
    ("secrets", house.secrets),
    ("keys", house.keys),
    ("recovery-sheet", house.recovery_sheet),
    ("keys-place", house.keys_beside),
    ("data-folder", house.data_folder),
    ("file-system", box.file_system),
    ("disk-space", box.space),
    ("disk-files", box.inodes),
    ("disk-answers", box.disk_answers),
    ("disk-smart", box.disk_smart),
    ("database", house.database),
    ("database-version", house.database_version),
    ("owner", house.owner),
    ("retention", house.retention),
    ("recordings", house.recordings),
    ("cameras", house.cameras),
    ("recording", house.recording),
    ("coverage", house.coverage),
    ("models", house.models),
    ("set-aside", house.set_aside),
    ("page", box.page),
    ("door", box.door),
    ("broker-program", box.broker_program),
    ("broker", box.broker),
    ("clock", box.clock),
    ("clock-order", box.clock_order),
    ("time-zone", box.time_zone),
    ("swap", box.swap),
    ("memory", box.memory),
    ("processor", box.processor),
    ("kernel", box.kernel),
    ("open-files", box.open_files),
    ("libraries", box.libraries),
    ("parts", house.parts),
)
"""In the order in which they are told. Whoever adds a look adds a row."""

_MARKS = {State.OK: " ", State.WARN: "!", State.BAD: "X", State.UNKNOWN: "?"}


@click.command()
@with_places
@with_json
def doctor(places: Places, as_json: bool) -> int:
    """Look at everything on this box, and say what to do. Changes nothing; also while the service is stopped.

    Ends with 0 if all is well, 1 for something to look at, 2 for something that is broken.
    """
    checks = examine(places)
    if as_json:
        print_json({"checks": [{**asdict(one), "state": one.state.value} for one in checks]})
    else:
        _print(checks)
    return exit_code(checks)


def examine(places: Places) -> list[Check]:
    """All looks, in their order."""
    patient = _meet(places)
    return [check for look_id, look in LOOKS for check in run_look(look_id, look, patient)]


def exit_code(checks: list[Check]) -> int:
    """2: something is broken, 1: something is to look at or not known, 0: all is well."""
    states = {one.state for one in checks}
    return 2 if State.BAD in states else 1 if states - {State.OK} else 0


def _meet(places: Places) -> Patient:
    config, error = None, ""
    try:
        config, error = load_in_force(places)
    except ConfigError as found:
        error = str(found)
    try:
        pid = find_supervisor(places)
    except VigilarError:
        pid = None
    gathered = gather(config, places, error) if config is not None and places.data_dir.is_dir() else None
    return Patient(
        places=places,
        config=config,
        config_error=error,
        pid=pid,
        status=fresh_status(places) if pid else None,
        gathered=gathered,
        house=look_at_house(gathered.known) if gathered else None,
        now_ms=now_ms(),
    )


def _print(checks: list[Check]) -> None:
    for one in checks:
        print(f"{_MARKS[one.state]} {one.id}: {one_line(one.sentence)}")
        if one.state is not State.OK and one.next_step:
            print(f"    {one_line(one.next_step)}")
    counts = {state: sum(one.state is state for one in checks) for state in _MARKS}
    print(
        f"{len(checks)} looks: {counts[State.OK]} well, {counts[State.WARN]} to look at, {counts[State.BAD]} broken, "
        f"{counts[State.UNKNOWN]} not known."
    )
