"""Each kind of sound that cameras send, from the wire to AAC in which its tone can be heard."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.conftest import wait_until
from tests.fakes.clips import TONE_HZ, make_g711_clip, make_tone_clip
from tests.fakes.rtsp_camera import FakeCamera, Fault
from tests.pace import slowness
from vigilar.base.clock import SystemClock
from vigilar.base.stop import Stop
from vigilar.capture.worker import CaptureWorker
from vigilar.media.packets import Kind, Packet, RunStart, StreamInfo, StreamRole


@dataclass
class Heard:
    """What a worker handed on."""

    items: list[RunStart | Packet] = field(default_factory=list)

    def packets(self, kind: Kind) -> list[Packet]:
        return [item for item in self.items if isinstance(item, Packet) and item.kind is kind]

    @property
    def info(self) -> StreamInfo:
        run = next(item for item in self.items if isinstance(item, RunStart))
        assert run.audio is not None, "no sound"
        return run.audio

    def loudest_hz(self) -> float:
        """The strongest frequency of the sound, decoded."""
        info = self.info
        decoder: Any = av.CodecContext.create("aac", "r")
        decoder.extradata = info.setup
        frames = [frame for packet in self.packets(Kind.AUDIO) for frame in decoder.decode(av.Packet(packet.data))]
        samples = np.concatenate([frame.to_ndarray()[0] for frame in frames[2:]])
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        return float(np.argmax(spectrum[5:]) + 5) * int(frames[0].sample_rate) / len(samples)


@contextlib.contextmanager
def hearing(url: str) -> Iterator[Heard]:
    heard, stop = Heard(), Stop()
    worker = CaptureWorker(StreamRole.MAIN, url, heard.items.append, lambda _: None, stop, SystemClock())
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        stop.set()
        thread.join(5.0)


KINDS: dict[str, tuple[str, int, str, Fault]] = {
    "L16 as networks order it": ("pcm_s16be", 16_000, "mono", Fault()),
    "L16 of a payload type without a name": ("pcm_s16be", 44_100, "mono", Fault()),
    "L16 in stereo": ("pcm_s16be", 44_100, "stereo", Fault()),
    "Opus": ("libopus", 48_000, "stereo", Fault()),
    "AAC": ("aac", 16_000, "mono", Fault()),
    "AAC in LATM, set up in band": ("aac", 16_000, "mono", Fault(latm=True)),
    "AAC in LATM, stereo": ("aac", 48_000, "stereo", Fault(latm=True)),
}


@pytest.mark.parametrize("name", KINDS)
def test_tone_is_heard_in_what_is_recorded(name: str, tmp_path: Path) -> None:
    codec, rate, layout, fault = KINDS[name]
    clip = make_tone_clip(tmp_path / "clip.mkv", codec, rate, layout)
    with FakeCamera({"main": (clip, fault)}) as camera, hearing(camera.url("main")) as heard:
        wait_until(lambda: len(heard.packets(Kind.AUDIO)) > 2.5 * rate / 1024, 20.0)
    assert (heard.info.codec, heard.info.sample_rate) == ("aac", rate)
    assert heard.info.channels == (2 if layout == "stereo" else 1)
    assert heard.loudest_hz() == pytest.approx(TONE_HZ, abs=6)
    sound, video = heard.packets(Kind.AUDIO), heard.packets(Kind.VIDEO)
    apart_s = abs((sound[0].utc_ns - video[0].utc_ns) / 1e9)
    assert apart_s < 0.5 * slowness()
    # The sound goes on without a hole.
    assert all(one.dts + one.duration == two.dts for one, two in pairwise(sound))


def test_g711_is_heard(tmp_path: Path) -> None:
    clip = make_g711_clip(tmp_path / "clip.mov", pictures=30)
    with FakeCamera({"main": (clip, Fault())}) as camera, hearing(camera.url("main")) as heard:
        wait_until(lambda: len(heard.packets(Kind.AUDIO)) > 20, 20.0)
    assert heard.loudest_hz() == pytest.approx(440, abs=6)
