"""How recognising does, in words: what works, what is missing and how to get it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vigilar.base.visit_kinds import KIND_WORDS

DETECTOR = "detector"
"""The name of its process."""

INSTALL_STEP = "Run on the box: vigilar models install. Without a network: vigilar models install NAME --from FILE."

_PLURALS = {"person": "people", "vehicle": "vehicles", "dog": "dogs", "cat": "cats", "bird": "birds"}
LATE_S = 5.0
"""A picture that waited longer for its turn is too late to name who walks by."""


@dataclass(frozen=True, slots=True)
class DetectorLine:
    """``state`` is ``ok``, ``warn``, ``bad`` or ``unknown``; ``next_step`` what a person can do, or empty."""

    state: str
    sentence: str
    next_step: str = ""
    status: dict[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> str:
        return {"ok": "ok", "warn": "alert", "bad": "bad"}.get(self.state, "unknown")


def detector_line(processes: dict[str, Any] | None, *, is_wanted: bool) -> DetectorLine:
    """``processes``: what the supervisor says, None when it has not been heard; ``is_wanted``: the settings ask for
    it."""
    if not is_wanted:
        return DetectorLine("ok", "Switched off in the settings. Motion is found, and not named.")
    if processes is None:
        return DetectorLine("unknown", "Whether people, vehicles and animals are recognised is not known.")
    process = processes.get(DETECTOR)
    if not isinstance(process, dict):
        return DetectorLine(
            "warn",
            "No model is installed: motion is found, but people, vehicles and animals are not told.",
            INSTALL_STEP,
        )
    status = process.get("status")
    if process.get("state") != "running" or not isinstance(status, dict):
        if process.get("state") == "starting":
            return DetectorLine("unknown", "The detector starts.")
        return DetectorLine("bad", "The detector is not running. Recording and motion go on; it is started again.")
    if not status.get("model"):
        return _without_model(status)
    return _working(status)


def _without_model(status: dict[str, Any]) -> DetectorLine:
    problem = str(status.get("problem") or "")
    if not problem:
        return DetectorLine("unknown", "The detector starts.", status=status)
    return DetectorLine("warn", f"{problem} Motion is found, and not named.", INSTALL_STEP, status)


def _working(status: dict[str, Any]) -> DetectorLine:
    kinds = status.get("kinds")
    told = [_PLURALS[kind] for kind in KIND_WORDS if isinstance(kinds, list) and kind in kinds and kind in _PLURALS]
    told += ["other animals"] if isinstance(kinds, list) and "animal" in kinds else []
    words = f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else "".join(told)
    sentence = f"Recognises {words}, with the model {status['model']}."
    if status.get("made_for"):
        sentence += f" It is made for {status['made_for']}."
    if status.get("problem"):
        return DetectorLine("warn", f"{sentence} A newer one cannot be used: {status['problem']}", INSTALL_STEP, status)
    waited = status.get("longest_wait_s")
    if isinstance(waited, int | float) and waited > LATE_S:
        late = f" Pictures wait up to {waited:.0f} s for their turn, so who passes quickly is not named."
        step = "Give it more of the processor ([detect] budget), or a smaller model."
        return DetectorLine("warn", sentence + late, step, status)
    used, budget = status.get("used_cores"), status.get("budget_cores")
    if isinstance(used, int | float) and isinstance(budget, int | float):
        sentence += f" It takes {_share(used)} of a processor just now, and may take {_share(budget)}."
    return DetectorLine("ok", sentence, status=status)


def _share(cores: float) -> str:
    return f"{round(cores * 100)} %"
