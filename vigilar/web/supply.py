"""How the house is supplied, as the watch over its UPS said last."""

from __future__ import annotations

from typing import Any

from vigilar.power.words import PowerLine, power_line
from vigilar.web.parts import Parts

UPS = "ups"
"""The name of the process that watches it, and the source of its events."""


def ups_status(here: Parts) -> dict[str, Any] | None:
    """The last word of the watch over the UPS; None when it was not heard, or does not run."""
    process = (here.board.processes(here.now_ms()) or {}).get(UPS)
    if not isinstance(process, dict) or process.get("state") != "running":
        return None
    status = process.get("status")
    return status if isinstance(status, dict) and "level" in status else None


def read_power(here: Parts) -> PowerLine:
    return power_line(ups_status(here), is_set_up=here.cfg.power is not None)


def is_on_battery(here: Parts) -> bool:
    """Whether long work waits for mains (``processes.shedding``)."""
    level = read_power(here).level
    return level is not None and level.is_on_battery
