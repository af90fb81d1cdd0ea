"""What the settings say of wild animals, as plain values of all processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WildlifeRules:
    """``back_after_ms``: who was away for so long is back again. ``motion_only``: ids of cameras that record motion
    only, which watch while they record nothing. ``set_aside``: ids of cameras that are switched off. ``place`` is
    latitude and longitude of the house in degrees, None where nobody said. ``time_zone`` is an IANA name."""

    enabled: bool = True
    back_after_ms: int = 14 * DAY_MS
    motion_only: frozenset[str] = frozenset()
    set_aside: frozenset[str] = frozenset()
    place: tuple[float, float] | None = None
    time_zone: str = "UTC"

    def dump(self) -> dict[str, Any]:
        """As it travels to a running process."""
        return {**asdict(self), "motion_only": sorted(self.motion_only), "set_aside": sorted(self.set_aside)}

    @classmethod
    def parse(cls, plain: Mapping[str, Any]) -> Self:
        """From ``dump``."""
        sets = {name: frozenset(plain[name]) for name in ("motion_only", "set_aside")}
        place = plain["place"]
        return cls(**{**plain, **sets, "place": None if place is None else (float(place[0]), float(place[1]))})
