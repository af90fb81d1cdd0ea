"""Contacts and motion sensors on pins of this machine, by the kernel's character device (gpiod).

The library is optional: most machines have no pins. ``GpioReader`` works on whatever obeys ``Lines``; ``open_lines`` is
the real one (libgpiod 2, Python package ``gpiod``).
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from vigilar.base.errors import ErrorKind, VigilarError
from vigilar.store.sensors import Word

DEBOUNCE_MS = 50
"""A reed contact bounces for some milliseconds."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One pin. ``kind`` is what it tells; ``is_active_high``: the level that means open or trouble; ``pull`` is
    ``up``, ``down`` or ``none``."""

    name: str
    chip: str
    line: int
    kind: str
    is_active_high: bool
    pull: str

    @property
    def address(self) -> str:
        return f"gpio/{self.chip.rpartition('/')[2]}/{self.line}"


class Lines(Protocol):
    """Pins of one chip that are watched. Raises OSError when the chip is gone."""

    def wait(self, timeout_s: float) -> bool:
        """Whether a level changed within the time; the changes are used up."""
        ...

    def levels(self) -> dict[int, bool]:
        """The level of each line now: true is high."""
        ...

    def close(self) -> None: ...


class GpioReader:
    """The pins of one chip. One thread. ``take`` gets address, name and word of each pin at the start and at each
    change of its level."""

    def __init__(self, lines: Lines, pins: Sequence[Pin], take: Callable[[str, str, Word], None]) -> None:
        self._lines = lines
        self._pins = {pin.line: pin for pin in pins}
        self._take = take
        self._levels: dict[int, bool] = {}

    def turn(self, timeout_s: float) -> None:
        """Wait for a change, and hand over what changed. Raises OSError."""
        if self._levels:
            self._lines.wait(timeout_s)
        for line, level in self._lines.levels().items():
            if self._levels.get(line) is not level:
                self._levels[line] = level
                pin = self._pins[line]
                self._take(pin.address, pin.name, Word({pin.kind: float(level is pin.is_active_high)}))


def open_lines(chip: str, pins: Sequence[Pin]) -> Lines:
    """The real pins of ``chip``. Raises VigilarError when the library is missing, OSError when the chip is not there or
    taken by another program."""
    if importlib.util.find_spec("gpiod") is None:
        raise VigilarError(
            "the library for pins of this machine is not installed",
            kind=ErrorKind.PERMANENT,
            next_step="Install it into Vigilar's environment: pip install gpiod",
        )
    gpiod: Any = importlib.import_module("gpiod")
    bias, edge = gpiod.line.Bias, gpiod.line.Edge
    pulls = {"up": bias.PULL_UP, "down": bias.PULL_DOWN, "none": bias.DISABLED}
    config = {
        pin.line: gpiod.LineSettings(
            direction=gpiod.line.Direction.INPUT,
            edge_detection=edge.BOTH,
            bias=pulls[pin.pull],
            debounce_period=timedelta(milliseconds=DEBOUNCE_MS),
        )
        for pin in pins
    }
    return _KernelLines(gpiod.request_lines(chip, consumer="vigilar", config=config), gpiod.line.Value.ACTIVE)


class _KernelLines:
    """``Lines`` of libgpiod 2."""

    def __init__(self, request: Any, high: Any) -> None:
        self._request = request
        self._high = high

    def wait(self, timeout_s: float) -> bool:
        if not self._request.wait_edge_events(timedelta(seconds=timeout_s)):
            return False
        self._request.read_edge_events()
        return True

    def levels(self) -> dict[int, bool]:
        numbers = list(self._request.offsets)
        values = self._request.get_values(numbers)
        return {line: value == self._high for line, value in zip(numbers, values, strict=True)}

    def close(self) -> None:
        self._request.release()
