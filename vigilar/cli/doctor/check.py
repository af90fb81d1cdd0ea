"""What a look of the doctor says, and what it goes by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vigilar.base.errors import VigilarError
from vigilar.cli.known import Gathered
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.health.house import HouseHealth
from vigilar.health.part import State

PROC = Path("/proc")
SYS = Path("/sys")


@dataclass(frozen=True, slots=True)
class Check:
    """One look. ``state`` is never NOT_SET_UP: what the house does without is well, and said."""

    id: str
    state: State
    sentence: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """The box. ``config_error`` says why the settings are not valid; ``config`` is then the last good one, or None.
    ``pid``: the supervisor, None while the service is stopped; ``status`` what it says. ``gathered`` and ``house`` are
    None without settings. ``proc`` and ``sys`` are where the kernel tells of itself."""

    places: Places
    config: Config | None
    config_error: str
    pid: int | None
    status: dict[str, Any] | None
    gathered: Gathered | None
    house: HouseHealth | None
    now_ms: int
    proc: Path = PROC
    sys: Path = SYS

    @property
    def settings(self) -> Config:
        """Those in force, or the defaults while the file is not valid."""
        return self.config or Config()


Look = Callable[[Patient], "Check | list[Check]"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Helps a look to say one thing: ``ok``, ``warn``, ``bad`` or ``unknown``, under its id."""

    id: str

    def ok(self, sentence: str) -> Check:
        return Check(self.id, State.OK, sentence)

    def warn(self, sentence: str, next_step: str) -> Check:
        return Check(self.id, State.WARN, sentence, next_step)

    def bad(self, sentence: str, next_step: str) -> Check:
        return Check(self.id, State.BAD, sentence, next_step)

    def unknown(self, sentence: str, next_step: str = "") -> Check:
        return Check(self.id, State.UNKNOWN, sentence, next_step)


def run_look(look_id: str, look: Look, patient: Patient) -> list[Check]:
    """What a look says; what it cannot find out is not known, and stops no other."""
    try:
        found = look(patient)
    except VigilarError as error:
        return [Check(look_id, State.UNKNOWN, f"Cannot be told: {error}.", error.next_step)]
    except OSError as error:
        step = "Run the doctor as the user of the service, or with sudo." if isinstance(error, PermissionError) else ""
        return [Check(look_id, State.UNKNOWN, f"Cannot be told: {error.strerror or type(error).__name__}.", step)]
    return found if isinstance(found, list) else [found]
