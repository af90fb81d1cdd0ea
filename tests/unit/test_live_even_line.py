"""Pictures that are sent before anybody knows how long they last."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from vigilar.live.even_line import EvenLine
from vigilar.media.packets import Kind, Packet

MS = Fraction(1, 1000)


def picture(dts: int, *, key: bool = False, lead: int = 0, kind: Kind = Kind.VIDEO) -> Packet:
    """In milliseconds; 50 is what its duration is guessed to be."""
    return Packet(kind, b"x", dts + lead, dts, 50, MS, key, 1, 0, 0)


def placed(packets: list[Packet], *, may_leave_hole: bool = True) -> list[tuple[int, int, int]]:
    line = EvenLine(may_leave_hole=may_leave_hole)
    return [(one.dts, one.pts, one.duration) for one in map(line.place, packets)]


def test_regular_pictures_stay_where_they_are() -> None:
    assert placed([picture(at, lead=100) for at in (0, 50, 100, 150)]) == [
        (0, 100, 50), (50, 150, 50), (100, 200, 50), (150, 250, 50),
    ]  # fmt: skip


def test_late_picture_leaves_no_hole_and_nothing_adds_up() -> None:
    found = placed([picture(at) for at in (0, 50, 450, 500, 510, 550)])
    assert found == [(0, 0, 50), (50, 50, 50), (100, 100, 400), (500, 500, 50), (550, 550, 10), (560, 560, 40)]
    assert all(one[0] + one[2] == after[0] for one, after in pairwise(found))


def test_keyframe_after_what_was_left_out_is_put_where_it_belongs() -> None:
    sent = [picture(0, key=True), picture(50), picture(2000, key=True), picture(2050)]
    assert placed(sent) == [(0, 0, 50), (50, 50, 50), (2000, 2000, 50), (2050, 2050, 50)]
    no_hole = [(0, 0, 50), (50, 50, 50), (100, 100, 1950), (2050, 2050, 50)]
    assert placed(sent, may_leave_hole=False) == no_hole, "as a list of segments wants it"


def test_sound_stays_as_it_is() -> None:
    line = EvenLine(may_leave_hole=True)
    line.place(picture(0, key=True))
    sound = picture(13, kind=Kind.AUDIO)
    assert line.place(sound) is sound
    assert line.place(replace(picture(50), duration=7)).duration == 50
