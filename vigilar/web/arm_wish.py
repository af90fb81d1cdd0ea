"""Arming and disarming as somebody asks for it on a page: rights, PIN, readiness, and then one change of the row.

That a PIN does not cross the network in the clear is the gate's (``auth``): arming is no right that only looks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import g, request

from vigilar.base.arm_rules import MAX_DELAY_S, MODE_NAMES, Mode
from vigilar.store import arming, pins
from vigilar.store import users as user_rows
from vigilar.store.arming import ArmState, Decision, Line
from vigilar.store.readiness import Unready, find_unready, not_ready
from vigilar.web.arm_words import broadcast_arm, problems_json
from vigilar.web.auth import check_may
from vigilar.web.logins import hash_token
from vigilar.web.parts import Parts
from vigilar.web.pins import check_form, matches
from vigilar.web.problems import Problem
from vigilar.web.rights import RIGHTS, Member, Right
from vigilar.web.visible import VisibleCameras

HOW = "page"
PASSKEY = "passkey"
KEY = "token"
"""How it was done, in the history: a key for programs is no page."""


@dataclass(frozen=True, slots=True)
class ArmWish:
    """What is asked for. ``override``: also when not all is ready; ``delay_s`` None: the mode's own time to leave;
    ``by_passkey``: the asker just proved with a passkey who it is, which stands for a PIN."""

    mode: Mode
    pin: str | None = field(default=None, repr=False)
    override: bool = False
    delay_s: int | None = None
    by_passkey: bool = False


def list_unready(here: Parts, visible: VisibleCameras, mode: str | None = None) -> list[Unready]:
    """What would not guard the house in this mode, or in any. Cameras that the asker does not see are left out."""
    rules = here.cfg.arm
    one = rules.of(mode) if mode else None
    wanted = {camera.id: camera.name for camera in visible.all() if camera.enabled}
    found = find_unready(here.store, rules.modes if one is None else [one], wanted)
    told, now_ms = {problem.source_id for problem in found}, here.now_ms()
    dark = [
        Unready(camera_id, f"{name} has no picture.", name=name)
        for camera_id, name in wanted.items()
        if camera_id not in told and here.board.camera(camera_id, now_ms)["state"] != "live"
    ]
    return [*dark, *found]


def apply_wish(here: Parts, member: Member, visible: VisibleCameras, wish: ArmWish) -> ArmState:
    """Make the change; the state as it is then, told to all pages. Raises Problem."""
    state = here.reserve.help(lambda: _apply(here, member, visible, wish))
    broadcast_arm(state)
    here.tell_arm()
    return state


def give_more_time(here: Parts, member: Member) -> ArmState:
    """A minute more to leave. No PIN: who needs it has full hands, or slow ones, and it is no more than could have been
    chosen at first. Raises Problem: 409 ``arm.not_leaving``, ``arm.longest``."""
    now_ms, address = here.now_ms(), request.remote_addr or ""

    def step(state: ArmState) -> Decision | None:
        if state.pending is None:
            raise Problem(409, "arm.not_leaving", "There is no time to leave that could be longer now.")
        decision = arming.longer(state, member.name, _how(member), now_ms, address)
        if decision is None:
            most = f"The time to leave is {MAX_DELAY_S // 60} minutes at most."
            raise Problem(409, "arm.longest", most, next_step="Disarm with your PIN, and arm again when you go.")
        return decision

    state = here.reserve.help(lambda: arming.change_state(here.store, step, now_ms))
    broadcast_arm(state)
    here.tell_arm()
    return state


def _apply(here: Parts, member: Member, visible: VisibleCameras, wish: ArmWish) -> ArmState:
    state = arming.read_state(here.store)
    weakened = state.weakened_by(here.cfg.arm, wish.mode)
    lowers = weakened is not None or (wish.mode == "disarmed" and not state.is_quiet)
    if wish.mode == "disarmed" or lowers:
        check_may(Right.DISARM)
    if wish.pin is None and lowers and not wish.by_passkey:
        if not has_pin(here, member):
            raise _no_pin(here)  # asked for one, who has none would not know what to do
        before = "now" if weakened is None else MODE_NAMES[weakened]
        raise Problem(
            422, "pin.missing", f"{MODE_NAMES[wish.mode]} guards less than {before}: give your PIN.", field="pin"
        )
    if wish.mode == "disarmed":
        step = _disarm(PASSKEY if wish.by_passkey else _how(member))
    else:
        may_lower = wish.pin is not None or wish.by_passkey
        step = _arm(here, wish, _check_ready(here, visible, wish, state), _how(member), may_lower=may_lower)
    now_ms = here.now_ms()
    if wish.pin is None:
        return arming.change_state(here.store, lambda found: step(found, member.name, now_ms), now_ms)
    return with_pin(here, member, wish.pin, wish.mode, lambda by: lambda found: step(found, by, now_ms))


def has_pin(here: Parts, member: Member) -> bool:
    """Whether there is a PIN that counts where this member asks."""
    return bool(_pins_of(here, member))


def _pins_of(here: Parts, member: Member) -> list[tuple[str, pins.PinRow]]:
    """Whose PINs count where this member asks, with their names: one's own, and at a screen on the wall that of
    everybody who may disarm."""
    if not member.is_wall:
        row = pins.find_pin(here.store, member.id)
        return [] if row is None else [(member.name, row)]
    rows = pins.list_pins(here.store)
    users = user_rows.list_users(here.store)
    return [(one.name, rows[one.id]) for one in users if one.id in rows and Right.DISARM in RIGHTS[one.role]]


def with_pin(here: Parts, member: Member, pin: str, mode: str, decide: Callable[[str], arming.Decide]) -> ArmState:
    """Check the PIN, which is counted before it is looked at, then make the change that ``decide`` gives for the name
    of whose it is. Raises Problem."""
    known, now_ms, device = _pins_of(here, member), here.now_ms(), device_of(member)
    if not known:
        raise _no_pin(here)
    check_form(pin)
    tried = pins.begin_try(here.store, device, now_ms)
    if tried.wait_ms:
        raise _wait(tried.wait_ms)
    tries = [(name, *matches(here.cfg.secrets_dir, row, pin)) for name, row in known]  # each: no shorter for one's own
    by, is_right, is_duress = next((one for one in tries if one[1]), (member.name, False, False))
    address = request.remote_addr or ""
    if not is_right:
        if not tried.tries_left:
            line = Line(action="wrong", mode=mode, by=member.name, how=_how(member), address=address)
            pins.note_wrong(here.store, line, now_ms)
            here.tell_arm()
        raise _wrong(tried.tries_left, pins.wait_left(here.store, device, now_ms))
    silent = (Line(action="duress", mode=mode, by=by, how=_how(member), address=address),) if is_duress else ()
    return pins.succeed(here.store, device, decide(by), silent, now_ms)


def _how(member: Member) -> str:
    return KEY if member.via else HOW


def _no_pin(here: Parts) -> Problem:
    return Problem(403, "pin.none", "You have no PIN yet.", next_step=no_pin_step(here), field="pin")


def no_pin_step(here: Parts) -> str:
    """What a member without a PIN can do about it: none is set while armed (``blueprints.pins``)."""
    if arming.read_state(here.store).is_quiet:
        return "Set one on the page /arm/pin."
    if pins.has_any_pin(here.store):
        return "Somebody who has one must disarm. On the box `vigilar pin set` gives you one."
    return "Nobody has one: on the box `vigilar disarm` asks for none then."


def device_of(member: Member) -> str:
    """What names the device of this request, for counting PINs: its login, which no two browsers share."""
    token = g.get("token", "")
    return hash_token(token).hex()[:32] if token else f"member-{member.id}"


def _check_ready(here: Parts, visible: VisibleCameras, wish: ArmWish, state: ArmState) -> list[Unready]:
    if state.mode == wish.mode and state.pending is None:
        return []
    unready = list_unready(here, visible, wish.mode)
    if unready and not wish.override:
        sentence = f"Not everything is ready: {' '.join(one.sentence for one in unready)}"
        raise Problem(
            409,
            "arm.not_ready",
            sentence,
            next_step="Mend it, or arm anyway.",
            more={"problems": problems_json(unready)},
        )
    return unready


Step = Callable[[ArmState, str, int], Decision | None]
"""Called with the state, the name of who changes it, and UTC ms now."""


def _disarm(how: str) -> Step:
    address = request.remote_addr or ""

    def step(state: ArmState, by: str, now_ms: int) -> Decision | None:
        return None if state.is_quiet else arming.disarmed(state, by, how, now_ms, address)

    return step


def _arm(here: Parts, wish: ArmWish, unready: list[Unready], how: str, *, may_lower: bool) -> Step:
    rules = here.cfg.arm.of(wish.mode)
    if rules is None:
        raise Problem(422, "arm.mode", "mode is disarmed, home, night or away.", field="mode")
    leave_s = rules.leave_s if wish.delay_s is None else wish.delay_s
    if not 0 <= leave_s <= MAX_DELAY_S:
        raise Problem(422, "arm.delay", f"The time to leave is 0 to {MAX_DELAY_S} seconds.", field="delay_s")
    address, bypassed = request.remote_addr or "", frozenset(one.source_id for one in unready if one.is_open)

    def step(state: ArmState, by: str, now_ms: int) -> Decision | None:
        if not may_lower and state.weakened_by(here.cfg.arm, wish.mode):  # somebody armed meanwhile
            raise Problem(409, "arm.changed", "Somebody changed the mode meanwhile. Look again.")
        return arming.armed(
            state,
            wish.mode,
            by,
            how,
            now_ms,
            leave_s=leave_s,
            bypassed=bypassed,
            address=address,
            detail=not_ready(unready),
        )

    return step


def _wrong(tries_left: int, wait_ms: int) -> Problem:
    seconds = math.ceil(wait_ms / 1000)
    then = f"{tries_left} {'try' if tries_left == 1 else 'tries'} left, then a wait."
    if not tries_left:
        then = f"The next try is possible in {seconds} s."
    headers = {} if tries_left else {"Retry-After": str(seconds)}
    return Problem(
        403, "pin.wrong", f"Wrong PIN. {then}", field="pin", headers=headers, more={"tries_left": tries_left}
    )


def _wait(wait_ms: int) -> Problem:
    seconds = math.ceil(wait_ms / 1000)
    return Problem(
        429,
        "pin.wait",
        f"Too many wrong PINs. The next try is possible in {seconds} s.",
        field="pin",
        headers={"Retry-After": str(seconds)},
        more={"seconds": seconds},
    )
