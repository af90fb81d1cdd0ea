"""What one reading of a UPS says. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Supply(Enum):
    """Where the power comes from. UNKNOWN: the UPS is off, starts, or says neither."""

    MAINS = "mains"
    BATTERY = "battery"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reading:
    """``charge`` and ``load`` are per cent, ``runtime_s`` seconds at the present load, ``input_v`` volts; each None
    where the UPS does not say. ``is_low``: the UPS itself calls its battery low, or NUT wants everybody to shut down.
    ``is_worn``: it wants a new battery."""

    supply: Supply
    is_low: bool = False
    is_worn: bool = False
    is_charging: bool = False
    charge: int | None = None
    runtime_s: int | None = None
    load: int | None = None
    input_v: float | None = None
    model: str = ""


def read_variables(variables: Mapping[str, str]) -> Reading:
    """From the variables of ``UpsClient.read``; what makes no sense counts as not said.

    A battery test (``CAL``) runs on the battery on purpose, and is no power cut. Source of the flags: ``status.h`` of
    NUT's drivers and upsmon(8).
    """
    flags = frozenset(variables.get("ups.status", "").split())
    is_test = "CAL" in flags and "FSD" not in flags
    if "FSD" in flags or ("OB" in flags and not is_test):
        supply = Supply.BATTERY
    elif "OL" in flags or is_test:
        supply = Supply.MAINS
    else:
        supply = Supply.UNKNOWN
    charge = _number(variables, "battery.charge")
    maker = variables.get("device.mfr") or variables.get("ups.mfr") or ""
    model = variables.get("device.model") or variables.get("ups.model") or ""
    return Reading(
        supply=supply,
        is_low=bool(flags & {"LB", "FSD"}),
        is_worn="RB" in flags,
        is_charging="CHRG" in flags,
        charge=None if charge is None else min(100, round(charge)),
        runtime_s=_whole(_number(variables, "battery.runtime")),
        load=_whole(_number(variables, "ups.load")),
        input_v=_number(variables, "input.voltage"),
        model=" ".join(f"{maker} {model}".split())[:60],
    )


def _number(variables: Mapping[str, str], name: str) -> float | None:
    try:
        value = float(variables[name])
    except (KeyError, ValueError):
        return None
    return value if math.isfinite(value) and 0 <= value < 1e7 else None


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
