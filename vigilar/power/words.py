"""How the house is supplied, in words: for the page of power, the page of the system and the command. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vigilar.power.watch import Level, Limits


@dataclass(frozen=True, slots=True)
class PowerLine:
    """``state`` is ``ok``, ``warn``, ``bad`` or ``unknown``; ``next_step`` what a person can do, or empty. ``level`` is
    None in a house without a UPS."""

    state: str
    sentence: str
    next_step: str = ""
    level: Level | None = None

    @property
    def shape(self) -> str:
        return {"ok": "ok", "warn": "alert", "bad": "bad"}.get(self.state, "unknown")


NO_UPS = PowerLine(
    "unknown",
    "No UPS is set up: when mains fail, this box stops at once. What was recorded until a second before is safe.",
    "Connect a UPS, set up NUT for it, and name it in the settings: [ups] name.",
)

_LEVELS = {one.value: one for one in Level}


def power_line(status: Mapping[str, Any] | None, *, is_set_up: bool) -> PowerLine:
    """``status``: the last word of the watch over the UPS (``processes.ups``), None when it was not heard."""
    if not is_set_up:
        return NO_UPS
    level = _LEVELS.get(str((status or {}).get("level")))
    if status is None or level is None:
        return PowerLine("unknown", "How the house is supplied is not known: the watch over the UPS has not reported.")
    rest = battery_words(status)
    if level is Level.UNKNOWN:
        trouble = str(status.get("trouble") or "The UPS does not say where the power comes from.")
        return PowerLine("bad", f"Mains or battery, nobody knows. {trouble}", "On the box: vigilar ups show", level)
    if level is Level.MAINS:
        if status.get("is_worn"):
            return PowerLine("warn", f"Mains. {rest} The UPS wants a new battery.", "Replace its battery.", level)
        return PowerLine("ok", f"Mains. {rest}".rstrip(), level=level)
    if level is Level.BATTERY:
        return PowerLine("warn", f"On battery. {rest} Exports and backups wait; all cameras record.", level=level)
    if level is Level.LOW:
        words = f"On battery, and it gets low. {rest} Recognition is off, exports and backups wait; all cameras record."
        return PowerLine("bad", words, level=level)
    return PowerLine("bad", f"The battery is nearly empty. {rest} Files are closed and Vigilar stops.", level=level)


def battery_words(status: Mapping[str, Any]) -> str:
    """``Battery 96 %, 41 min at this load.``, or what of it is known; empty for nothing."""
    charge, runtime_s = status.get("charge"), status.get("runtime_s")
    parts = []
    if isinstance(charge, int):
        parts.append(f"{charge} %")
    if isinstance(runtime_s, int):
        minutes = runtime_s // 60
        parts.append(f"{minutes} min at this load" if minutes else "less than a minute at this load")
    return f"Battery {', '.join(parts)}." if parts else ""


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One row of what happens in a power cut: when, and what."""

    when: str
    what: str


def plan_steps(limits: Limits, status: Mapping[str, Any] | None) -> tuple[PlanStep, ...]:
    """What happens in a power cut, in its order; with the minutes after which, as far as the battery as it is now lets
    them be told: charge is taken to fall evenly until what it lasts is over."""
    low = f"below {limits.shed_below} %" + _minutes(limits.shed_below, limits.shed_runtime_s, status)
    stop = f"at {limits.stop_below} %" + _minutes(limits.stop_below, 0, status)
    return (
        PlanStep("at once", "You are told. Exports and backups wait. All cameras go on recording, with recognition."),
        PlanStep(low, "Recognition of people, vehicles and animals stops. Motion and recording go on."),
        PlanStep(
            stop,
            "Or when the UPS itself calls its battery low: all files are closed and Vigilar stops in ten seconds.",
        ),
        PlanStep(
            "then", "NUT (upsmon) shuts this machine down, if it is set up to. Vigilar decides nothing about that."
        ),
        PlanStep(
            "when mains are back", "Vigilar starts with the machine, or by itself within seconds if it stayed on."
        ),
    )


def _minutes(charge_until: int, runtime_until_s: int, status: Mapping[str, Any] | None) -> str:
    charge, runtime_s = (status or {}).get("charge"), (status or {}).get("runtime_s")
    if not isinstance(charge, int) or not isinstance(runtime_s, int) or charge <= charge_until:
        return ""
    by_charge_s = runtime_s * (charge - charge_until) / charge
    seconds = min(by_charge_s, runtime_s - runtime_until_s) if runtime_until_s else by_charge_s
    return f", in about {seconds / 60:.0f} min" if seconds >= 60 else ", nearly at once"
