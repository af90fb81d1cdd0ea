"""Which part is looked at, and which picture people should see. Pure."""

from __future__ import annotations

import numpy as np
import pytest

from vigilar.detect.objects.crops import choose_region, is_small, still_worth
from vigilar.detect.objects.detection import Box, Detection, ObjectKind

WHOLE = Box(0.0, 0.0, 1.0, 1.0)
SUB, NET = (640, 360), (416, 416)


def test_nothing_known_is_all_of_the_picture() -> None:
    assert choose_region([], SUB, NET, 0) == WHOLE


@pytest.mark.parametrize("middle", [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (0.02, 0.9)])
def test_part_holds_what_moves_with_room_and_stays_inside(middle: tuple[float, float]) -> None:
    x, y = middle
    moving = Box(max(0.0, x - 0.03), max(0.0, y - 0.1), min(1.0, x + 0.03), min(1.0, y + 0.1))
    part = choose_region([moving], SUB, NET, 0)
    assert part.shared(moving) == pytest.approx(moving.area)
    assert min(part.left, part.top) >= 0.0
    assert max(part.right, part.bottom) <= 1.0 + 1e-9
    assert part.width * SUB[0] >= 0.55 * NET[0] - 1


def test_it_looks_from_near_and_from_further_off_in_turns() -> None:
    moving = [Box(0.5, 0.5, 0.52, 0.6)]
    widths = [round(choose_region(moving, (1920, 1080), NET, turn).width * 1920) for turn in range(4)]
    assert widths == [238, 624, 238, 624]


def test_two_far_apart_take_turns() -> None:
    left, right = Box(0.02, 0.4, 0.06, 0.6), Box(0.94, 0.4, 0.98, 0.6)
    parts = [choose_region([left, right], (1920, 1080), NET, turn) for turn in range(4)]
    assert [part.shared(left) > 0 for part in parts] == [True, True, False, False]
    assert [part.shared(right) > 0 for part in parts] == [False, False, True, True]


def test_large_thing_is_looked_at_whole() -> None:
    assert choose_region([Box(0.1, 0.1, 0.9, 0.95)], SUB, NET, 0) == WHOLE


def test_far_figure_is_small_in_a_small_picture() -> None:
    figure = [Box(0.5, 0.5, 0.52, 0.6)]
    assert is_small(figure, 360)
    assert not is_small(figure, 1080)
    assert not is_small([], 360)


def sharp(seed: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 255, (100, 100, 3), np.uint8)


def worth(box: Box, score: float = 0.9, *, is_sharp: bool = True) -> float:
    picture = sharp() if is_sharp else np.full((100, 100, 3), 128, np.uint8)
    return still_worth(Detection(ObjectKind.PERSON, score, box), picture, Box(0.2, 0.2, 0.8, 0.8))


def test_larger_sharper_surer_and_whole_is_better() -> None:
    usual = worth(Box(0.4, 0.3, 0.5, 0.7))
    assert worth(Box(0.4, 0.4, 0.45, 0.6)) < usual
    assert worth(Box(0.4, 0.3, 0.5, 0.7), is_sharp=False) < usual
    assert worth(Box(0.4, 0.3, 0.5, 0.7), 0.5) < usual
    assert worth(Box(0.0, 0.3, 0.1, 0.7)) < usual, "half of it is beyond the edge"
