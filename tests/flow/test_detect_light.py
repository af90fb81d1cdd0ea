"""What changes the light of a whole picture is no motion, and somebody who comes then is: drawn, as real video."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.detect_kit import Scene, put_person
from tests.film_kit import film
from vigilar.evaluate.clip import read_clip
from vigilar.evaluate.ours import Found, watch
from vigilar.media.packets import StreamRole

Grey = NDArray[np.uint8]
_RNG = np.random.default_rng(5)
_COARSE = np.kron(_RNG.integers(40, 200, (15, 20)), np.ones((12, 16)))
_DAY = _COARSE + _RNG.normal(0, 8, (180, 320))
_IR = np.kron(_RNG.permutation(np.linspace(30, 220, 300)).reshape(15, 20), np.ones((12, 16)))
"""What infrared makes of the same: bright where it was dark, and elsewhere not; no order of greys is kept."""
_Y, _X = np.mgrid[0:180, 0:320]
_HOT = 60 * np.exp(-(((_X - 160) / 60.0) ** 2) - ((_Y - 120) / 40.0) ** 2)
_NOISE = [_RNG.normal(0, 6, (180, 320)) for _ in range(8)]


def infrared(switches: tuple[float, ...]) -> Callable[[float], NDArray[np.float64]]:
    """A picture that is switched between day and infrared at these seconds: 0.4 s white, 0.3 s black, then the other
    one under an exposure that needs 4 s."""

    def picture(at_s: float) -> NDArray[np.float64]:
        done = [one for one in switches if one <= at_s]
        is_ir = len(done) % 2 == 1
        base = _IR * 0.8 + _HOT if is_ir else _DAY
        noise = _NOISE[int(at_s * 100) % 8] * (1.0 if is_ir else 0.3)
        if done:
            since_s = at_s - done[-1]
            if since_s < 0.4:
                return np.full((180, 320), 245.0)
            if since_s < 0.7:
                return np.full((180, 320), 8.0)
            base = base * min(1.0, 0.35 + 0.65 * (since_s - 0.7) / 4.0)
        return np.asarray(base + noise)

    return picture


def scene(light: Callable[[float], NDArray[np.float64]], first_s: float = 1e9, last_s: float = 1e9) -> Scene:
    def at(at_s: float) -> Grey:
        picture = np.clip(light(at_s), 0, 255).astype(np.uint8)
        if first_s <= at_s <= last_s:
            return put_person(picture, -0.03 + 1.03 * (at_s - first_s) / (last_s - first_s))
        return picture

    return at


def found(path: Path, seen: Scene, seconds: float, *, gop: int = 20, role: StreamRole = StreamRole.SUB) -> Found:
    return watch(read_clip(film(path / "clip.mp4", seen, seconds, 10, gop)), 1, role, 0.5)


@pytest.mark.long
@pytest.mark.parametrize("gop", [10, 20])
def test_infrared_switch_and_its_hunting_are_no_motion(tmp_path: Path, gop: int) -> None:
    """Five switches, the last ones close to one another, as at dusk."""
    seen = scene(infrared((15.0, 35.0, 55.0, 64.0, 73.0)))
    assert found(tmp_path, seen, 90, gop=gop).motions == []


@pytest.mark.long
def test_somebody_soon_after_the_infrared_switch_is_seen(tmp_path: Path) -> None:
    result = found(tmp_path, scene(infrared((15.0,)), 19.0, 24.0), 30)
    assert [motion for motion in result.motions if 18.5 <= motion.start_s <= 22.0]


def test_lamp_that_lights_most_of_the_picture_is_no_motion(tmp_path: Path) -> None:
    """It is brighter near the lamp, and casts no light into a corner."""
    light = 90 * np.exp(-(((_X - 100) / 160.0) ** 2) - ((_Y - 90) / 110.0) ** 2)

    def lamp(at_s: float) -> NDArray[np.float64]:
        return np.asarray(_DAY * 0.4 + (light if 12 <= at_s < 20 else 0) + _NOISE[int(at_s * 100) % 8] * 0.3)

    assert found(tmp_path, scene(lamp), 28).motions == []
