"""One request for all stills: cameras work side by side, a late one holds nobody up, ten phones cost one sheet."""

from __future__ import annotations

import av
import numpy as np
import pytest

from vigilar.base.clock import SimulatedClock
from vigilar.base.errors import CameraError
from vigilar.live.wire import Answer, FeedProblem, Jpeg, Request
from vigilar.media.tile import encode_tile
from vigilar.web.contact_sheet import TILE, WAIT_S, ContactSheets

TAKEN_NS = 1_770_000_000_000_000_000


def tile(width: int = 320) -> bytes:
    picture = np.full((360, 640, 3), 99, np.uint8)
    return encode_tile(av.VideoFrame.from_ndarray(picture, format="rgb24"), width)


class Camera:
    """Answers at once, or only when the time-out is over."""

    def __init__(self, answer: Answer | None, clock: SimulatedClock, *, is_late: bool = False) -> None:
        self.reply, self.clock, self.is_late = answer, clock, is_late
        self.is_closed = False

    def answer(self, timeout_s: float) -> Answer | None:
        if self.is_late:
            self.clock.advance(timeout_s)
            raise TimeoutError
        return self.reply

    def close(self) -> None:
        self.is_closed = True


class House:
    def __init__(self, **replies: Answer | None) -> None:
        self.clock = SimulatedClock()
        self.cameras = {name: Camera(reply, self.clock) for name, reply in replies.items()}
        self.asked: list[str] = []
        self.sheets = ContactSheets(self._ask, self.clock)

    def _ask(self, camera_id: str, request: Request, timeout_s: float) -> Camera:
        assert request == TILE
        self.asked.append(camera_id)
        if camera_id not in self.cameras:
            raise FileNotFoundError(camera_id)
        return self.cameras[camera_id]


def good(seconds: int = 0) -> Jpeg:
    return Jpeg(TAKEN_NS + seconds * 10**9, tile())


def test_tiles_stand_in_the_order_asked_each_with_its_time() -> None:
    house = House(porch=good(1), yard=good(2), attic=good(3))
    sheet = house.sheets.get(["yard", "attic", "porch"])
    assert list(sheet.taken_ms.items()) == [
        ("yard", 1_770_000_002_000),
        ("attic", 1_770_000_003_000),
        ("porch", 1_770_000_001_000),
    ]
    assert (sheet.columns, sheet.tile_width, sheet.tile_height) == (2, 320, 192)


@pytest.mark.parametrize(
    "reply",
    [None, FeedProblem("no picture yet", "V-CAM-16"), Jpeg(TAKEN_NS, b"\xff\xd8 nonsense"), Jpeg(TAKEN_NS, tile(160))],
)
def test_camera_without_a_fitting_picture_has_an_empty_tile(reply: Answer | None) -> None:
    house = House(porch=good(), yard=reply)
    assert house.sheets.get(["porch", "yard", "gone"]).taken_ms == {
        "porch": 1_770_000_000_000,
        "yard": None,
        "gone": None,
    }
    assert all(camera.is_closed for camera in house.cameras.values())


def test_hanging_cameras_together_cost_one_wait() -> None:
    house = House(one=good(), two=good(), three=good(), last=good())
    for name in ("one", "two", "three"):
        house.cameras[name].is_late = True
    began_ns = house.clock.mono_ns()
    sheet = house.sheets.get(["one", "two", "three", "last"])
    assert (house.clock.mono_ns() - began_ns) / 1e9 < WAIT_S + 0.01
    assert [name for name, taken in sheet.taken_ms.items() if taken] == ["last"]


def test_sheet_is_shared_for_a_second() -> None:
    house = House(porch=good())
    for _ in range(10):
        house.sheets.get(["porch"])
        house.clock.advance(0.09)
    assert house.asked == ["porch"]
    house.clock.advance(0.2)
    house.sheets.get(["porch"])
    assert house.asked == ["porch", "porch"]


def test_other_cameras_are_another_sheet() -> None:
    house = House(porch=good(), yard=good())
    house.sheets.get(["porch"])
    assert set(house.sheets.get(["porch", "yard"]).taken_ms) == {"porch", "yard"}


def test_no_picture_at_all_is_said_and_asked_again() -> None:
    house = House(porch=None)
    for _ in range(2):
        with pytest.raises(CameraError, match="No camera has a picture yet"):
            house.sheets.get(["porch"])
    assert house.asked == ["porch", "porch"]
