"""When the sun rises and sets, from the place alone: NOAA's solar equations, after Meeus, "Astronomical Algorithms".

Source: NOAA Global Monitoring Laboratory, "Solar Calculation Details" and its spreadsheet for a day. Right to a minute
between 72 degrees north and south, and to ten beyond. Pure, and needs no network.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import acos, asin, cos, degrees, radians, sin, tan

RISE_ZENITH_DEG = 90.833
"""The sun's upper rim on the horizon: half its width, and what the air bends."""

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
_ROUNDS = 3
"""The sun moves while the day goes by: the hour is found with where it stands at that hour."""


@dataclass(frozen=True, slots=True)
class SunDay:
    """Sunrise and sunset of one day of a place, UTC ms. Both None: the sun stays below the horizon, or above it where
    ``is_polar_day``."""

    rise_ms: int | None
    set_ms: int | None
    is_polar_day: bool = False


def sun_day(day: date, latitude: float, longitude: float) -> SunDay:
    """Sun of that date at ``longitude`` degrees east: the rise before and the set after its noon there."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(minutes=4 * longitude)
    rise = _crossing(noon, latitude, -1)
    sets = _crossing(noon, latitude, 1)
    if rise is None or sets is None:
        declination, _ = _stand(noon)
        highest_deg = 90 - abs(latitude - declination)
        return SunDay(None, None, is_polar_day=highest_deg > 0 and latitude * declination > 0)
    return SunDay(rise, sets)


def _crossing(noon: datetime, latitude: float, side: int) -> int | None:
    """UTC ms at which the sun crosses the horizon before (-1) or after (1) this mean noon; None when it does not."""
    at = noon
    for _ in range(_ROUNDS):
        declination, equation_min = _stand(at)
        cosine = cos(radians(RISE_ZENITH_DEG)) / (cos(radians(latitude)) * cos(radians(declination))) - tan(
            radians(latitude)
        ) * tan(radians(declination))
        if not -1 <= cosine <= 1:
            return None
        at = noon + timedelta(minutes=side * 4 * degrees(acos(cosine)) - equation_min)
    return round(at.timestamp() * 1000)


def _stand(at: datetime) -> tuple[float, float]:
    """The sun's declination in degrees, and by how many minutes a sundial is ahead of the mean day (equation of
    time)."""
    century = (at - _J2000) / timedelta(days=36525)
    mean_long = (280.46646 + century * (36000.76983 + century * 0.0003032)) % 360
    anomaly = radians(357.52911 + century * (35999.05029 - 0.0001537 * century))
    eccentricity = 0.016708634 - century * (0.000042037 + 0.0000001267 * century)
    center = (
        sin(anomaly) * (1.914602 - century * (0.004817 + 0.000014 * century))
        + sin(2 * anomaly) * (0.019993 - 0.000101 * century)
        + sin(3 * anomaly) * 0.000289
    )
    node = radians(125.04 - 1934.136 * century)
    apparent_long = radians(mean_long + center - 0.00569 - 0.00478 * sin(node))
    mean_tilt = 23 + (26 + (21.448 - century * (46.815 + century * (0.00059 - century * 0.001813))) / 60) / 60
    tilt = radians(mean_tilt + 0.00256 * cos(node))
    declination = degrees(asin(sin(tilt) * sin(apparent_long)))
    y, double = tan(tilt / 2) ** 2, radians(2 * mean_long)
    equation = (
        y * sin(double)
        - 2 * eccentricity * sin(anomaly)
        + 4 * eccentricity * y * sin(anomaly) * cos(double)
        - 0.5 * y * y * sin(2 * double)
        - 1.25 * eccentricity**2 * sin(2 * anomaly)
    )
    return declination, 4 * degrees(equation)
