"""Sound that is switched on and off while a camera is recorded."""

from __future__ import annotations

from dataclasses import replace

from tests.recording_kit import PLAIN_VIDEO, TICKS, plain_packet, plain_run
from vigilar.media.packets import Kind, Packet, RunStart, StreamInfo
from vigilar.processes.sound import Item, SoundGate

SOUND = StreamInfo(Kind.AUDIO, "aac", TICKS, b"", sample_rate=8000, channels=1)
RUN = replace(plain_run(), streams=(PLAIN_VIDEO, SOUND))
KEYFRAME, PICTURE = plain_packet(0.0, is_keyframe=True), plain_packet(0.1)
NOISE = replace(PICTURE, kind=Kind.AUDIO)


def heard(gate: SoundGate, *items: Item) -> list[str]:
    """``run+`` with sound, ``run`` without, ``key``, ``picture``, ``sound``."""
    return [_name(one) for item in items for one in gate.heard(item)]


def _name(item: Item) -> str:
    if isinstance(item, RunStart):
        assert item.run == RUN.run
        return "run+" if item.audio else "run"
    return "sound" if item.kind is Kind.AUDIO else "key" if item.is_keyframe else "picture"


def test_wanted_sound_passes() -> None:
    assert heard(SoundGate(is_wanted=True), RUN, KEYFRAME, NOISE) == ["run+", "key", "sound"]


def test_unwanted_sound_is_not_in_the_run() -> None:
    assert heard(SoundGate(is_wanted=False), RUN, KEYFRAME, NOISE, KEYFRAME) == ["run", "key", "key"]


def test_sound_ends_at_once_and_the_run_says_so_at_the_next_keyframe() -> None:
    gate = SoundGate(is_wanted=True)
    heard(gate, RUN, KEYFRAME)
    gate.is_wanted = False
    assert heard(gate, NOISE, PICTURE, KEYFRAME, NOISE, KEYFRAME) == ["picture", "run", "key", "key"]


def test_sound_begins_with_a_run_that_has_it() -> None:
    gate = SoundGate(is_wanted=False)
    heard(gate, RUN, KEYFRAME)
    gate.is_wanted = True
    assert heard(gate, NOISE, PICTURE, KEYFRAME, NOISE, KEYFRAME) == ["picture", "run+", "key", "sound", "key"]


def test_camera_without_sound_is_left_alone() -> None:
    gate = SoundGate(is_wanted=False)
    heard(gate, plain_run(), KEYFRAME)
    gate.is_wanted = True
    assert heard(gate, PICTURE, KEYFRAME) == ["picture", "key"]


def test_run_said_again_begins_with_its_keyframe() -> None:
    gate = SoundGate(is_wanted=True)
    heard(gate, RUN)
    gate.is_wanted = False
    late: Packet = plain_packet(7.0, is_keyframe=True)
    again = next(iter(gate.heard(late)))
    assert (again.utc_ns, again.mono_ns) == (late.utc_ns, late.mono_ns)
