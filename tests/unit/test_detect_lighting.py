"""What light does not explain is found in few pixels, and is what comparing all of them finds."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vigilar.detect.lighting import (
    ALIKE,
    CHANGED_SHARE,
    GAIN_RANGE,
    TEXTURE_STD,
    WINDOW_PX,
    Bits,
    Blob,
    Grey,
    Levels,
    not_light,
    opened,
    picture_gain,
)

SIZES = [(180, 320), (207, 277), (60, 80), (9, 40), (8, 8)]


def compared_everywhere(foreground: Grey, picture: Grey, background: Grey, tolerance: float) -> list[Blob]:
    """The rule in its plain form, over the whole picture."""
    now, before = picture.astype(np.float32), background.astype(np.float32)
    rest = foreground > 0
    gain = picture_gain(picture, background)
    if GAIN_RANGE[0] < gain < GAIN_RANGE[1]:
        rest &= np.abs(now - before * gain) > tolerance * max(1.0, gain)
    same, changed = compare_texture(now, before)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(opened((rest & ~same).astype(np.uint8)))
    blobs = [
        Blob(int(area), int(x), int(y), int(width), int(height))
        for index, (x, y, width, height, area) in enumerate(stats)
        if index and np.count_nonzero(changed & (labels == index)) >= CHANGED_SHARE * area
    ]
    return sorted(blobs, key=lambda blob: (-blob.area_px, blob.y, blob.x))


def compare_texture(now: Levels, before: Levels) -> tuple[Bits, Bits]:
    means = [mean(now), mean(before)]
    of_now, of_before = mean(now * now) - means[0] ** 2, mean(before * before) - means[1] ** 2
    common = mean(now * before) - means[0] * means[1]
    is_alike = (common > 0) & (common * common > ALIKE**2 * of_now * of_before)
    had, has = of_before > TEXTURE_STD**2, of_now > TEXTURE_STD**2
    is_new = has & (of_now - slope_variance(means[0]) > TEXTURE_STD**2)
    return had & has & is_alike, (had | is_new) & ~is_alike


def mean(levels: Levels) -> Levels:
    return np.asarray(cv2.blur(levels, (WINDOW_PX, WINDOW_PX)), dtype=np.float32)


def slope_variance(means: Levels) -> Levels:
    """A window's places across vary by (n * n - 1) / 12; the slope is that between the windows on either side."""
    half = WINDOW_PX // 2
    slopes = np.zeros((2, *means.shape), np.float32)
    slopes[0, :, half:-half] = means[:, 2 * half :] - means[:, : -2 * half]
    slopes[1, half:-half] = means[2 * half :] - means[: -2 * half]
    found: Levels = (slopes**2).sum(axis=0) * np.float32((WINDOW_PX**2 - 1) / 12 / (2 * half) ** 2)
    return found


def drawn(rng: np.random.Generator, height: int, width: int) -> tuple[Grey, Grey, Grey]:
    """A foreground, a picture and its background: other light, a slope of it, shades and things of any size."""
    noise = rng.integers(0, 256, (height, width)).astype(np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), float(rng.choice([0.6, 1.5, 4, 12]))).astype(float)
    base = np.clip((blurred - 128) * rng.choice([0.1, 1, 4]) + rng.integers(10, 240), 0, 255)
    picture = base * rng.choice([1, 1, 1.2, 0.7, 0.3, 6]) + rng.normal(0, rng.choice([0.3, 2, 6]), base.shape)
    picture += np.linspace(0, rng.choice([0, 0, 20, 200]), width)
    for _ in range(rng.integers(0, 6)):
        x, y = rng.integers(0, width), rng.integers(0, height)
        part = picture[y : y + rng.integers(1, height // 2 + 2), x : x + rng.integers(1, width // 2 + 2)]
        thing = rng.integers(0, 255) + rng.normal(0, rng.choice([0.5, 15]), part.shape)
        part[:] = thing if rng.random() < 0.7 else part * rng.choice([0.5, 1.4])
    small, background = np.clip(picture, 0, 255).astype(np.uint8), base.astype(np.uint8)
    far = cv2.absdiff(small, background) > rng.choice([0, 4, 8, 20])
    return opened(far.astype(np.uint8) * 255), small, background


@pytest.mark.parametrize("size", SIZES)
def test_few_pixels_compared_find_what_all_of_them_do(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(7)
    found = 0
    for _ in range(60):
        foreground, picture, background = drawn(rng, *size)
        before = foreground.copy()
        blobs = not_light(foreground, picture, background, 12.0)
        assert blobs == compared_everywhere(foreground, picture, background, 12.0)
        assert (foreground == before).all()
        found += len(blobs)
    assert found > 10


@pytest.mark.parametrize("seed", range(4))
def test_gain_is_the_median_of_the_ratios(seed: int) -> None:
    rng = np.random.default_rng(seed)
    background = rng.integers(20, 120, (60, 80)).astype(np.uint8)
    background[:, :seed] = 0  # an even and an odd number of ratios
    picture = np.clip(background * 1.7 + rng.normal(0, 3, background.shape), 5, 249).astype(np.uint8)
    now, before = picture[::4, ::4].astype(np.float32), background[::4, ::4].astype(np.float32)
    assert picture_gain(picture, background) == float(np.median(now[before > 12] / before[before > 12]))
