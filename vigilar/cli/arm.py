"""``vigilar arm``, ``disarm``, ``state`` and ``pin``: the arm state from the box itself, straight in the database.

The events process sees the change within a quarter of a second, with or without a bus; pages hear of it from there.
"""

from __future__ import annotations

import sys
import time
from contextlib import closing
from datetime import tzinfo
from typing import IO

import click

from vigilar.base.arm_rules import ARMED_MODES, MAX_DELAY_S, MODE_NAMES, Mode
from vigilar.base.clock import SystemClock
from vigilar.base.errors import ErrorKind, ExitCode, VigilarError
from vigilar.cli.arm_bell import arm_bell
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import house_time, print_json, tell
from vigilar.cli.times import house_zone
from vigilar.cli.user import get_member, open_store
from vigilar.config.cut import database_url
from vigilar.config.guard_cut import arm_rules
from vigilar.config.load import load_config
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.store import arming, pins
from vigilar.store import users as user_rows
from vigilar.store.arming import ArmState, Decision, Line
from vigilar.store.engine import Store
from vigilar.store.readiness import find_unready, not_ready
from vigilar.store.users import UserRow
from vigilar.web.pins import check_form, make_pin_row, matches

HOW = "command"
DEVICE = "console"
"""For counting PINs: the box itself is one device."""

_FROM_FILE = click.option("--pin-file", type=click.File(encoding="utf-8"), help='The PIN, "-" for standard input.')


@click.command()
@click.argument("mode", type=click.Choice(ARMED_MODES))
@click.option("--anyway", is_flag=True, help="Also when a camera has no picture or a door is open.")
@click.option("--now", is_flag=True, help="Without the time to leave.")
@click.option("--as", "name", metavar="NAME", default="", help="Who arms, for the history.")
@with_places
def arm(mode: Mode, anyway: bool, now: bool, name: str, places: Places) -> int:
    """Arm the house. Says what is not ready, and does not arm then unless told to.

    A mode that guards less than the one in force is not set this way: disarm first.
    """
    config = load_config(places)
    rules = arm_rules(config)
    one = rules.of(mode)
    assert one is not None  # noqa: S101 -- click lets no other mode through
    with open_store(places) as store, arm_bell(places) as ring:
        by = get_member(store, name).name if name else "the console"
        unready = find_unready(store, [one], [camera.id for camera in config.cameras if camera.enabled])
        if unready and not anyway:
            raise VigilarError(
                "Not everything is ready: " + " ".join(problem.sentence for problem in unready),
                next_step="Mend it, or add --anyway.",
                code="arm.not_ready",
                exit_code=ExitCode.REFUSED,
            )
        bypassed = frozenset(problem.source_id for problem in unready if problem.is_open)
        now_ms = _now_ms()

        def step(state: ArmState) -> Decision | None:
            weakened = state.weakened_by(rules, mode)
            if weakened is not None:
                raise VigilarError(
                    f"{MODE_NAMES[mode]} guards less than {MODE_NAMES[weakened]}.",
                    kind=ErrorKind.DENIED,
                    next_step="Disarm first: vigilar disarm",
                    exit_code=ExitCode.DENIED,
                )
            return arming.armed(
                state,
                mode,
                by,
                HOW,
                now_ms,
                leave_s=0 if now else min(one.leave_s, MAX_DELAY_S),
                bypassed=bypassed,
                detail=not_ready(unready),
            )

        state = arming.change_state(store, step, now_ms)
        ring()
        print(_sentence(state, house_zone(config)))
    return ExitCode.OK


@click.command()
@click.option("--as", "name", metavar="NAME", default="", help="Whose PIN it is; needed when several have one.")
@_FROM_FILE
@with_places
def disarm(name: str, pin_file: IO[str] | None, places: Places) -> int:
    """Disarm the house. Asks for the PIN; it is never an argument. Wrong ones are counted as on the pages.

    While nobody has a PIN it asks for none: who may run this could set one. Whoever has one must give it.
    """
    zone = house_zone(load_config(places))
    with open_store(places) as store:
        if arming.read_state(store).is_quiet:
            print("The house is disarmed already.")
            return ExitCode.OK
        member = _whose(store, name) if pins.has_any_pin(store) else None
        given = _read_pin(pin_file, "PIN") if member else ""
        with arm_bell(places) as ring:
            state = _disarm(store, places, member, given) if member else _disarm_without_pin(store, name)
            ring()
        print(_sentence(state, zone))
    return ExitCode.OK


@click.command()
@with_places
@with_json
def state(places: Places, as_json: bool) -> int:
    """Is the house armed, since when and by whom, and what would not guard it?"""
    config = load_config(places)
    rules = arm_rules(config)
    with open_store(places) as store:
        found = arming.read_state(store)
        cameras = [camera.id for camera in config.cameras if camera.enabled]
        unready = find_unready(store, rules.modes, cameras)
    if as_json:
        pending = found.pending
        print_json(
            {
                "mode": found.mode,
                "since_ts": found.since_ms,
                "by": found.by,
                "pending": None if pending is None else {"mode": pending.mode, "until_ts": pending.until_ms},
                "entry_until_ts": None if found.entry is None else found.entry.until_ms,
                "alarm": found.is_alarm,
                "ready": not unready,
                "problems": [{"source_id": one.source_id, "sentence": one.sentence} for one in unready],
            }
        )
        return ExitCode.OK
    print(_sentence(found, house_zone(config)))
    for one in unready:
        tell(f"  ! {one.sentence}")
    return ExitCode.OK


_PIN_COMMANDS = {
    "set": ("vigilar.cli.arm:pin_set", "Give a member a PIN, or another one."),
    "remove": ("vigilar.cli.arm:pin_remove", "A member has no PIN any more."),
}


@click.group(cls=LazyGroup, lazy=_PIN_COMMANDS)
def pin() -> None:
    """The PINs with which members disarm."""


@click.command("set")
@click.argument("name")
@click.option("--duress", is_flag=True, help="Ask for a second PIN too, for when somebody forces this member.")
@_FROM_FILE
@with_places
def pin_set(name: str, duress: bool, pin_file: IO[str] | None, places: Places) -> int:
    """Give a member a PIN, or another one. Who may run this needs no old one: it is the way back after forgetting it.

    From a file the PIN is its first line, the one under duress its second.
    """
    with open_store(places) as store:
        member = get_member(store, name)
        lines = pin_file.read().splitlines() if pin_file is not None else []
        new = lines[0].strip() if lines else _ask_new("New PIN")
        second = None
        if duress:
            second = lines[1].strip() if len(lines) > 1 else _ask_new("PIN under duress")
        row = make_pin_row(places.secrets_dir, new, second)
        pins.set_pin(store, member.id, row, _line("pin_set", f"the console for {member.name}"), _now_ms())
    print(f"{member.name} has a PIN now.")
    return ExitCode.OK


@click.command("remove")
@click.argument("name")
@with_places
def pin_remove(name: str, places: Places) -> int:
    """A member has no PIN any more, and cannot disarm."""
    with open_store(places) as store:
        member = get_member(store, name)
        pins.remove_pin(store, member.id, _line("pin_removed", f"the console for {member.name}"), _now_ms())
    print(f"{member.name} has no PIN any more.")
    return ExitCode.OK


def _disarm(store: Store, places: Places, member: UserRow, given: str) -> ArmState:
    check_form(given)
    now_ms = _now_ms()
    tried = pins.begin_try(store, DEVICE, now_ms)
    if tried.wait_ms:
        seconds = -(-tried.wait_ms // 1000)
        raise VigilarError(
            f"Too many wrong PINs. The next try is possible in {seconds} s.",
            code="pin.wait",
            exit_code=ExitCode.BUSY,
        )
    is_right, is_duress = matches(places.secrets_dir, pins.find_pin(store, member.id), given)
    if not is_right:
        if not tried.tries_left:
            pins.note_wrong(store, _line("wrong", member.name), now_ms)
        raise VigilarError(
            f"Wrong PIN. {tried.tries_left} {'try' if tried.tries_left == 1 else 'tries'} left, then a wait.",
            kind=ErrorKind.DENIED,
            code="pin.wrong",
            exit_code=ExitCode.DENIED,
        )
    silent = (_line("duress", member.name),) if is_duress else ()
    return pins.succeed(store, DEVICE, lambda found: arming.disarmed(found, member.name, HOW, now_ms), silent, now_ms)


def _disarm_without_pin(store: Store, name: str) -> ArmState:
    by, now_ms = get_member(store, name).name if name else "the console", _now_ms()
    return arming.change_state(store, lambda found: arming.disarmed(found, by, HOW, now_ms), now_ms)


def _whose(store: Store, name: str) -> UserRow:
    """Raises VigilarError when it is not known whose PIN it is."""
    if name:
        return get_member(store, name)
    with_pin = pins.members_with_pin(store)
    known = [one for one in user_rows.list_users(store) if one.id in with_pin]
    if len(known) == 1:
        return known[0]
    names = ", ".join(one.name for one in known)
    raise VigilarError(
        "Say whose PIN it is.",
        next_step=f"Add --as NAME, one of: {names}.",
        exit_code=ExitCode.USAGE,
    )


def _read_pin(pin_file: IO[str] | None, words: str) -> str:
    if pin_file is not None:
        return pin_file.readline().strip()
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return str(click.prompt(words, hide_input=True, err=True))


def _ask_new(words: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return str(click.prompt(words, hide_input=True, confirmation_prompt="The same again", err=True))


def _line(action: str, by: str) -> Line:
    return Line(action=action, mode="disarmed", by=by, how=HOW)


def arm_sentence(config: Config, places: Places) -> str:
    """``Away since 2026-11-28 21:04:11, by Sam.`` Raises StoreError."""
    with closing(Store.open(database_url(config, places))) as store:
        return _sentence(arming.read_state(store), house_zone(config))


def _sentence(found: ArmState, zone: tzinfo) -> str:
    if found.is_alarm and found.alarm is not None:
        trigger = found.alarm.trigger
        return f"Alarm since {house_time(trigger.ts_ms, zone)}: {trigger.what}, {trigger.where}."
    if found.pending is not None:
        left = max(0, found.pending.until_ms // 1000 - int(time.time()))
        return f"{MODE_NAMES[found.pending.mode]} in {left} s: time to leave."
    since = f" since {house_time(found.since_ms, zone)}" if found.since_ms else ""
    by = f", by {found.by}" if found.by else ""
    return f"{MODE_NAMES[found.mode]}{since}{by}."


def _now_ms() -> int:
    return SystemClock().utc_ns() // 1_000_000
