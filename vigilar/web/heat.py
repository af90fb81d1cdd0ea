"""Where things happen: the feet of what moved, counted by place and by hour. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from vigilar.base.track_path import BadPath
from vigilar.store.tracks import StoredTrack

COLUMNS, ROWS = 32, 18
"""Places across and down: squares in a picture of 16 to 9, about as wide as a person at the door."""

HOURS = 24
DAYS = (7, 30)


@dataclass(frozen=True, slots=True)
class HeatMap:
    """``places``: how many visits stood or walked in a place, by column and row; ``hours``: how many began in each hour
    of the house's day; ``visits``: how many there were at all."""

    places: dict[tuple[int, int], int]
    hours: tuple[int, ...]
    visits: int

    @property
    def most(self) -> int:
        return max(self.places.values(), default=0)


def make_heat_map(tracks: Iterable[StoredTrack], zone: tzinfo, hour: int | None = None) -> HeatMap:
    """Of ``tracks``, those that began in ``hour`` if it is given; all hours are counted in any case.

    A visit counts once in each place, however long it stayed there: else a chair in the sun were all there is to see.
    """
    places: Counter[tuple[int, int]] = Counter()
    hours: Counter[int] = Counter()
    visits = 0
    for track in tracks:
        began = datetime.fromtimestamp(track.start_ms / 1000, zone).hour
        hours[began] += 1
        if hour is not None and began != hour:
            continue
        try:
            feet = {_place(*box.foot) for box in track.boxes()}
        except BadPath:  # a row that was changed by hand
            continue
        visits += 1
        places.update(feet)
    return HeatMap(dict(places), tuple(hours[one] for one in range(HOURS)), visits)


def _place(x: float, y: float) -> tuple[int, int]:
    return min(COLUMNS - 1, int(x * COLUMNS)), min(ROWS - 1, int(y * ROWS))
