"""Words in pictures: which letters there are, what stands for others, and that only their band is touched."""

from __future__ import annotations

import numpy as np
import pytest

from vigilar.media.film import Canvas
from vigilar.media.lettering import draw_text, write_on


@pytest.mark.parametrize("name", ["Haustür", "Żółw", "Огород", "Κήπος", "Việt", "Հայ", "ბაღი", "Gård 2 · Å", "naïve"])
def test_every_letter_of_a_name_is_drawn(name: str) -> None:
    whole = draw_text(name)
    assert whole.shape[1] == sum(draw_text(one).shape[1] for one in name)
    for one in name:
        assert not np.array_equal(draw_text(one), draw_text("\ufffd")), one
        assert draw_text(one).max() > 150 or one == " "


def test_letter_and_its_parts_are_drawn_alike() -> None:
    assert np.array_equal(draw_text("u\u0308"), draw_text("ü"))


def test_unknown_letter_is_shown_as_such() -> None:
    assert np.array_equal(draw_text("玄"), draw_text("\ufffd"))
    assert draw_text("").shape[1] == 2
    assert np.array_equal(draw_text("a\n\u200bb"), draw_text("ab"))


@pytest.mark.parametrize("size", [(1280, 720), (640, 360), (160, 96), (64, 32)])
def test_words_stay_in_their_band(size: tuple[int, int]) -> None:
    canvas = Canvas(*size)
    for plane in canvas.planes:
        plane[:] = 120
    write_on(canvas.planes, ["A name that is too long for a picture " * 4, "Person"])
    assert canvas.planes[0].max() == 235
    if size[1] > 90:
        assert (canvas.planes[0][: size[1] // 3] == 120).all()
        assert (canvas.planes[1][: size[1] // 6] == 120).all()


def test_no_words_change_nothing() -> None:
    canvas = Canvas(64, 32)
    write_on(canvas.planes, ["", ""])
    assert canvas.planes[0].max() == 16
