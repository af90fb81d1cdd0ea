"""What is written in each mode, decided group by group (groups of 1 s, 5 s before, 10 s after)."""

from __future__ import annotations

import pytest

from tests.recording_kit import START_MONO_NS, plain_packet, plain_run
from vigilar.record.choice import Choice, Chooser, RecordingMode
from vigilar.record.ring import GopView

SECOND = 1_000_000_000


def _gop(at_s: float, length_s: float = 1.0, is_whole: bool = True) -> GopView:
    start = plain_packet(at_s, is_keyframe=True)
    return GopView(plain_run(), start, start.mono_ns + int(length_s * SECOND), is_whole, True, 10)


def _now(at_s: float) -> int:
    return START_MONO_NS + int(at_s * SECOND)


def _chooser(mode: RecordingMode = RecordingMode.MOTION) -> Chooser:
    return Chooser(mode, 5.0, 10.0)


def test_always_writes_at_once() -> None:
    assert _chooser(RecordingMode.ALWAYS).choose(_gop(3, is_whole=False), _now(3)) is Choice.WRITE


@pytest.mark.parametrize("mode", list(RecordingMode))
def test_motions_that_are_over_are_forgotten(mode: RecordingMode) -> None:
    """A house that is left alone for a year has a hundred thousand of them."""
    chooser = _chooser(mode)
    for at_s in range(0, 1000, 20):
        chooser.motion_started(_now(at_s))
        chooser.motion_ended(_now(at_s + 5))
        chooser.want(_now(at_s), _now(at_s + 5))
        assert chooser.choose(_gop(at_s), _now(at_s)) is Choice.WRITE
    assert (len(chooser._spans), len(chooser._asked)) == (1, 1)
    assert not chooser.is_moving


@pytest.mark.parametrize(
    ("mode", "choice"), [(RecordingMode.MOTION, Choice.SKIP), (RecordingMode.KEYFRAMES_WHEN_IDLE, Choice.KEYFRAME)]
)
def test_quiet_group_waits_for_late_motion(mode: RecordingMode, choice: Choice) -> None:
    chooser = _chooser(mode)
    assert chooser.choose(_gop(0), _now(17.9)) is Choice.WAIT
    assert chooser.choose(_gop(0), _now(18.0)) is choice


def test_long_groups_wait_longer() -> None:
    chooser = _chooser()
    assert chooser.choose(_gop(0, 15.0), _now(34.9)) is Choice.WAIT
    assert chooser.choose(_gop(0, 15.0), _now(35.0)) is Choice.SKIP


def test_pre_roll_begins_with_keyframe_before_it() -> None:
    chooser = _chooser()
    chooser.motion_started(_now(7.5))  # pre-roll from 2.5 on
    assert chooser.choose(_gop(1), _now(19)) is Choice.SKIP
    assert chooser.choose(_gop(2), _now(9)) is Choice.WRITE
    assert chooser.choose(_gop(9, is_whole=False), _now(9)) is Choice.WRITE


def test_quiet_groups_before_a_motion_hold_it_up_no_longer() -> None:
    chooser = _chooser()
    assert chooser.choose(_gop(1), _now(9)) is Choice.WAIT
    chooser.motion_started(_now(7.5))  # later motions begin later still
    assert chooser.choose(_gop(1), _now(9)) is Choice.SKIP


def test_pre_roll_on_a_keyframe_needs_no_group_more() -> None:
    chooser = _chooser()
    chooser.motion_started(_now(7.0))
    assert chooser.choose(_gop(1), _now(19)) is Choice.SKIP
    assert chooser.choose(_gop(2), _now(9)) is Choice.WRITE


def test_post_roll_counts_from_last_moving_frame() -> None:
    chooser = _chooser()
    chooser.motion_started(_now(7.5))
    assert chooser.is_moving
    chooser.motion_ended(_now(12.5))
    assert not chooser.is_moving
    assert chooser.choose(_gop(22, is_whole=False), _now(22)) is Choice.WRITE
    assert chooser.choose(_gop(23, is_whole=False), _now(23)) is Choice.WAIT


def test_two_motions_join_when_post_roll_meets_pre_roll() -> None:
    chooser = _chooser()
    chooser.motion_started(_now(10))
    chooser.motion_ended(_now(11))
    chooser.motion_started(_now(25))
    chooser.motion_ended(_now(26))
    choices = [chooser.choose(_gop(at), _now(60)) for at in range(3, 39)]
    assert choices == [Choice.SKIP] * 2 + [Choice.WRITE] * 32 + [Choice.SKIP] * 2


def test_asked_span_is_written_without_any_motion() -> None:
    chooser = _chooser()
    chooser.want(_now(20), _now(50))
    written = [at for at in range(60) if chooser.choose(_gop(at), _now(at + 20)) is Choice.WRITE]
    assert written == list(range(20, 50))


def test_asked_span_does_not_hurry_a_motion_that_is_told_late() -> None:
    chooser = _chooser()
    chooser.want(_now(20), _now(21))
    assert chooser.choose(_gop(10), _now(21)) is Choice.WAIT
    chooser.motion_started(_now(14))
    assert chooser.choose(_gop(10), _now(21)) is Choice.WRITE
