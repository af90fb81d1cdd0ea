"""The detector sees what moves, at any rate of looking, and is not taken in by light."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests.detect_kit import HEIGHT, WIDTH, Grey, noisy, put_person, still, wall
from vigilar.detect.motion import BACKGROUND_TAU_S, WARM_UP_S, MotionDetector, MotionReading, MotionSettings
from vigilar.detect.shrink import ANALYSED_PX, analysed_size, shrink


class Eye:
    """A detector that has been looking at the still wall for a minute, or as long as is said."""

    def __init__(self, sensitivity: float = 0.5, rate: float = 2.0, watched_s: float = 60.0) -> None:
        self.detector = MotionDetector(MotionSettings(sensitivity))
        self.at_s = 0.0
        self.rate = rate
        for _ in self.watch(lambda at_s: still(at_s), watched_s):
            pass

    def watch(
        self, scene: Callable[[float], Grey], seconds: float, rate: float | None = None
    ) -> Iterator[MotionReading]:
        """The readings of ``scene``, which is given the seconds since this call."""
        rate = rate or self.rate
        for n in range(round(seconds * rate)):
            self.at_s += 1 / rate
            yield self.detector.look(shrink(scene(n / rate)), round(self.at_s * 1e9))

    def peak(self, scene: Callable[[float], Grey], seconds: float, rate: float | None = None) -> float:
        return max(reading.area_frac for reading in self.watch(scene, seconds, rate))


@pytest.fixture(scope="module")
def least() -> float:
    return MotionSettings(0.5).least_area_frac


def test_still_scene_shows_nothing(least: float) -> None:
    assert Eye().peak(still, 20) < 0.2 * least


@pytest.mark.parametrize("rate", [2.0, 10.0, 30.0])
def test_person_is_seen_at_any_rate(rate: float, least: float) -> None:
    readings = list(Eye().watch(lambda at_s: put_person(still(at_s), 0.1 + at_s / 10), 3, rate))
    assert min(reading.area_frac for reading in readings) > 2 * least
    areas = readings[-1].areas
    assert areas[0].left == pytest.approx(0.39, abs=0.06)
    assert areas[0].right - areas[0].left == pytest.approx(18 / WIDTH, abs=0.03)
    assert areas[0].top == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("rate", [2.0, 10.0])
def test_standing_person_is_forgotten_after_half_a_minute_at_any_rate(rate: float, least: float) -> None:
    eye = Eye()
    readings = list(eye.watch(lambda at_s: put_person(still(at_s), 0.5), 50, rate))
    seen_s = [n / rate for n, reading in enumerate(readings) if reading.area_frac > least]
    # A minute old, the background learns with 4 x 60 s, not yet with the whole time constant.
    assert 18 <= seen_s[-1] <= 0.105 * BACKGROUND_TAU_S + 4


def test_who_comes_into_a_still_picture_is_not_learned_with_the_time_before(least: float) -> None:
    """The background is shown what does not change every few seconds; that time is not the newcomer's."""
    for quiet_s in np.arange(WARM_UP_S + 2.0, WARM_UP_S + 6.5, 0.5):
        eye = Eye(watched_s=0.0)
        eye.peak(still, quiet_s)
        eye.peak(lambda at_s: put_person(still(at_s), 0.5), 0.5)
        eye.peak(still, 3)
        assert eye.peak(lambda at_s: put_person(still(at_s), 0.5), 0.5) > least, quiet_s


def test_seconds_at_thirty_looks_do_not_wear_the_background_down(least: float) -> None:
    eye = Eye()
    assert min(reading.area_frac for reading in eye.watch(lambda at_s: put_person(still(at_s), 0.5), 8, 30)) > least
    assert eye.peak(still, 3) < least


@pytest.mark.parametrize("gain", [0.35, 0.7, 1.3, 1.45])
def test_light_switch_is_no_motion(gain: float, least: float) -> None:
    assert Eye().peak(lambda at_s: noisy(wall() * gain, at_s), 20) < least


def test_auto_exposure_ramp_is_no_motion(least: float) -> None:
    assert Eye().peak(lambda at_s: noisy(wall() * (1 - 0.4 * min(1.0, at_s / 2)), at_s), 20, 10) < least


def test_sun_on_half_of_the_picture_is_no_motion(least: float) -> None:
    edge = 1 / (1 + np.exp(-(np.arange(WIDTH) - 150) / 12))

    def cloud(at_s: float) -> Grey:
        return noisy(wall() * (1 + 0.45 * edge * min(1.0, at_s / 1.5)), at_s)

    assert Eye().peak(cloud, 20, 10) < least


def test_shade_on_a_smooth_wall_is_no_motion(least: float) -> None:
    eye = Eye()
    plain = np.full((HEIGHT, WIDTH), 140.0)
    for _ in eye.watch(lambda at_s: noisy(plain, at_s), 90):
        pass
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    shade = 1 - 0.3 / (1 + np.exp((np.hypot(x - 160, y - 90) - 60) / 20))
    assert eye.peak(lambda at_s: noisy(plain * shade, at_s), 10) < least


@pytest.mark.parametrize(("gain", "seconds"), [(0.6, 2.0), (0.8, 2.0), (0.8, 4.0)])
def test_headlights_that_sweep_over_a_wall_are_no_motion(gain: float, seconds: float, least: float) -> None:
    """Stones that are smooth each: the rim of the light is a slope on them, and no texture."""
    stones = np.kron(np.random.default_rng(7).integers(15, 120, (15, 20)), np.ones((12, 16)))
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH]

    def lit(at_s: float) -> Grey:
        x = -60 + 440 * at_s / seconds
        return noisy(stones * (1 + gain * np.exp(-(((xs - x) / 45) ** 2) - ((ys - 70) / 45) ** 2)), at_s)

    eye = Eye()
    for _ in eye.watch(lambda at_s: noisy(stones, at_s), 60):
        pass
    moving = [reading.area_frac >= least for reading in eye.watch(lit, seconds, 10)]
    assert sum(moving) < 3, "fewer looks than make a motion"


def test_person_in_a_changing_light_is_seen(least: float) -> None:
    def scene(at_s: float) -> Grey:
        return put_person(noisy(wall() * (1 - 0.3 * min(1.0, at_s)), at_s), 0.1 + at_s / 10)

    late = list(Eye().watch(scene, 3, 10))[5:]
    assert np.median([reading.area_frac for reading in late]) > least


def test_smooth_person_on_a_smooth_wall_is_seen(least: float) -> None:
    eye = Eye()
    plain = np.full((HEIGHT, WIDTH), 140.0)
    for _ in eye.watch(lambda at_s: noisy(plain, at_s), 90):
        pass
    grey = plain.copy()
    grey[60:140, 100:130] = 90
    assert eye.peak(lambda at_s: noisy(grey, at_s), 1) > least


def test_infrared_filter_is_no_motion_and_sight_returns_in_two_seconds(least: float) -> None:
    night = 255 - wall(5)
    eye = Eye()
    readings = list(eye.watch(lambda at_s: noisy(night, at_s), 6, 10))
    assert readings[0].is_other_scene
    assert max(reading.area_frac for reading in readings) < least
    assert not readings[20].is_learning
    assert eye.peak(lambda at_s: put_person(noisy(night, at_s), 0.1 + at_s / 10), 2, 10) > least


def test_who_was_there_when_the_light_changed_leaves_no_ghost(least: float) -> None:
    """The new picture is learned with them in it; the place they left is soon as it was."""
    night = 255 - wall(5)
    eye = Eye()
    for _ in eye.watch(lambda at_s: put_person(noisy(night, at_s), 0.3), 3, 10):
        pass
    assert eye.peak(lambda at_s: noisy(night, at_s), 1, 10) > least
    for _ in eye.watch(lambda at_s: noisy(night, at_s), 4, 10):
        pass
    assert eye.peak(lambda at_s: noisy(night, at_s), 10, 10) < least


def test_a_picture_that_never_settles_is_reported(least: float) -> None:
    readings = list(Eye().watch(lambda at_s: wall(100 + int(at_s * 4)), 30, 4))
    assert sum(reading.area_frac > least for reading in readings) >= 10


def test_waving_branches_become_background(least: float) -> None:
    leaves = wall(7)

    def tree(at_s: float) -> Grey:
        picture = noisy(wall(), at_s)
        shift = int(6 * np.sin(at_s * 2.1) + 3 * np.sin(at_s * 5.3))
        picture[20:120, 40:140] = leaves[20:120, 40 + shift : 140 + shift]
        return picture

    eye = Eye()
    for _ in eye.watch(tree, 240):
        pass
    readings = [reading.area_frac for reading in eye.watch(lambda at_s: tree(at_s + 1000), 30)]
    assert np.mean(np.array(readings) >= least) < 0.1


def test_warm_up_learns_and_is_silent() -> None:
    detector = MotionDetector(MotionSettings())
    readings = [detector.look(shrink(put_person(still(n / 10), n / 40)), n * 100_000_000) for n in range(40)]
    assert all(reading.is_learning for reading in readings[: int(WARM_UP_S * 10)])
    assert any(reading.area_frac > 0 for reading in readings[int(WARM_UP_S * 10) :])


def test_another_picture_size_starts_anew() -> None:
    eye = Eye()
    assert eye.detector.look(np.full((90, 160), 80, np.uint8), round(eye.at_s * 1e9)).is_learning


@pytest.mark.parametrize(("sensitivity", "percent"), [(0.0, 1.0), (0.5, 0.25), (1.0, 0.0625)])
def test_sensitivity_sets_the_least_area(sensitivity: float, percent: float) -> None:
    assert MotionSettings(sensitivity).least_area_frac * 100 == pytest.approx(percent)


@pytest.mark.parametrize(
    ("width", "height", "small"),
    [
        (1920, 1080, (320, 180)),
        (640, 360, (320, 180)),
        (640, 480, (277, 207)),
        (960, 1088, (225, 255)),
        (160, 120, (160, 120)),
    ],
)
def test_analysed_picture_keeps_its_aspect(width: int, height: int, small: tuple[int, int]) -> None:
    assert analysed_size(width, height) == small
    assert small[0] * small[1] <= ANALYSED_PX
    assert shrink(np.zeros((height, width + 32), np.uint8)[:, :width]).shape == (small[1], small[0])
