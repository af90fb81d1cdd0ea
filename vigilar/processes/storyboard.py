"""Which of the pictures that are looked at anyway go into the camera's storyboard."""

from __future__ import annotations

from vigilar.detect.pictures import PictureLike
from vigilar.record.storyboards import SmallPicture, StoryboardWriter

EVERY_S = 10.0
"""While nothing moves: with 4 kB a picture a day takes 35 MB, a two-thousandth of a camera's footage at 8 Mb/s."""

MOVING_EVERY_S = 1.0
"""During a motion, which is what people look for."""

WIDTH = 192
"""Pixels, a multiple of 16 (``media.tile``). On a phone that is half of the page's width."""

HEIGHT = 112
"""Of a tile of that width; its uppermost 108 rows are picture."""


class StoryboardTaker:
    """Takes pictures on the thread of the analysis and hands them on. Takes 0.5 ms for one of them."""

    def __init__(self, writer: StoryboardWriter) -> None:
        self._writer = writer
        self._taken_mono_ns: int | None = None

    def look(self, picture: PictureLike, *, is_moving: bool) -> None:
        """Take the picture if it is time for one."""
        every_s = MOVING_EVERY_S if is_moving else EVERY_S
        taken = self._taken_mono_ns
        # A tenth early is in time: looks come with the camera's pictures, a little before or after the second.
        if taken is None or picture.mono_ns < taken or picture.mono_ns - taken >= 0.9e9 * every_s:
            self.take(picture)

    def take(self, picture: PictureLike) -> None:
        """Take it whenever the last one was."""
        if picture.mono_ns == self._taken_mono_ns:
            return
        self._taken_mono_ns = picture.mono_ns
        jpeg = picture.to_tile(WIDTH)
        self._writer.add(SmallPicture(jpeg, WIDTH, HEIGHT, picture.utc_ns, picture.mono_ns))
