"""Odd forms of MJPEG and sound the whole way: sent by a camera, captured, sealed on disk, read back as a clip and seen
or heard in it."""

from __future__ import annotations

import contextlib
import io
import threading
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from tests.conftest import PATIENCE_S, wait_until
from tests.fakes.clips import TONE_HZ, make_clip, make_encoded_clip, needs_h265
from tests.fakes.jpeg_pictures import read_jpeg
from tests.fakes.rtsp_camera import Clip, FakeCamera, Fault
from tests.fakes.sent_forms import LENGTH_S, PICTURES, aac_forms, jpeg_forms, raw_forms
from tests.recording_kit import FOREVER_MS, Bench, bench
from vigilar.base.clock import SystemClock
from vigilar.base.stop import Stop
from vigilar.capture.opener import open_source
from vigilar.capture.rtsp.intake import Intake
from vigilar.capture.worker import CaptureWorker
from vigilar.media.packets import Kind, Packet, RunStart, StreamRole
from vigilar.playback.clip import plan_clip
from vigilar.playback.library import Library
from vigilar.playback.segments import cut_segments

WATCHED_S = 2.5


class Tape:
    """A camera and its recorder, and what came of it."""

    def __init__(self, made: Bench, url: str, intake: Intake) -> None:
        self.items: list[RunStart | Packet] = []
        self.clip = b""
        self.clips: list[bytes] = []
        """From each group of pictures on."""
        self._bench, self._capture_stop, self._record_stop = made, Stop(), Stop()
        opener = partial(open_source, intake=intake)
        worker = CaptureWorker(
            StreamRole.MAIN, url, self._take, lambda _: None, self._capture_stop, SystemClock(), opener=opener
        )
        self._capture = threading.Thread(target=worker.run, daemon=True)
        self._recorder = threading.Thread(target=made.recorder.run, args=(self._record_stop,), daemon=True)
        self._recorder.start()
        self._capture.start()

    def _take(self, item: RunStart | Packet) -> None:
        self.items.append(item)
        self._bench.ring.add(item)

    @property
    def is_playing(self) -> bool:
        return sum(isinstance(item, Packet) and item.kind is Kind.VIDEO for item in self.items) > 2

    def leave(self) -> None:
        self._capture_stop.set()

    def end(self) -> None:
        """Read all that was recorded back, as the pages give it."""
        self._capture.join(PATIENCE_S)
        self._record_stop.set()
        self._bench.recorder.wake()
        self._recorder.join(PATIENCE_S)
        assert not self._capture.is_alive()
        assert not self._recorder.is_alive()
        self._bench.write_rows()
        library = Library(self._bench.store, self._bench.data_dir, lambda: self._bench.keys)
        stretches = library.find("front", 0, FOREVER_MS)
        self.clip = self._read(library, 0)
        self.clips = [
            self._read(library, one.start_ms + 1) for one in cut_segments(stretches, is_finished=True, length_ms=1)
        ]

    @staticmethod
    def _read(library: Library, from_ms: int) -> bytes:
        plan = plan_clip(library, library.find("front", from_ms, FOREVER_MS))
        assert plan is not None, "nothing is recorded"
        assert not plan.is_cut_short
        return b"".join(plan.read(0, plan.size_bytes))

    def frames(self, kind: str, clip: bytes = b"") -> list[Any]:
        """Decoded, of the clip."""
        file: Any
        with av.open(io.BytesIO(clip or self.clip)) as file:
            assert len(file.streams.get({kind: 0})) == 1, f"no {kind}"
            return list(file.decode(**{kind: 0}))


def tapes_of(
    folder: Path, forms: Mapping[str, tuple[Path | Clip, Fault]], intake: Intake | None = None
) -> dict[str, Tape]:
    """All at once, for some seconds, each over one connection."""
    camera = FakeCamera({str(number): form for number, form in enumerate(forms.values())})
    tapes: dict[str, Tape] = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(camera)
        for number, name in enumerate(forms):
            (folder / str(number)).mkdir()
            made = stack.enter_context(bench(folder / str(number), is_real_time=True))
            tapes[name] = Tape(made, camera.url(str(number)), intake or Intake())
            stack.callback(tapes[name].leave)
        wait_until(lambda: all(tape.is_playing for tape in tapes.values()), PATIENCE_S)
        time.sleep(WATCHED_S)
        for tape in tapes.values():
            tape.leave()
        for tape in tapes.values():
            tape.end()
    assert camera.requests.count("PLAY") == len(forms)
    return tapes


def some_of(picture: Any) -> Any:
    """Each fourth pixel of each fourth row."""
    return picture[::4, ::4].astype(np.int16)


def test_pictures_of_any_form_are_seen_in_the_clip(tmp_path: Path) -> None:
    forms = jpeg_forms()
    tapes = tapes_of(
        tmp_path, {name: (Clip.of(LENGTH_S, [form.stream(0)]), Fault()) for name, (_, form) in forms.items()}
    )
    for name, tape in tapes.items():
        sent = [some_of(cv2.cvtColor(read_jpeg(jpeg), cv2.COLOR_BGR2GRAY)) for jpeg in forms[name][0]]
        seen = [some_of(frame.to_ndarray(format="gray")) for frame in tape.frames("video")]
        assert len(seen) >= 10, name
        # The first may be of the time in which it was not known yet how the camera marks the last packet of a picture.
        off = [min(float(np.abs(one - other).mean()) for other in sent) for one in seen[1:]]
        assert max(off) < 2.0, f"{name}: the pictures differ by {max(off)} of 255"


@needs_h265()
@pytest.mark.parametrize("params", ["bframes=2:b-pyramid=0", "bframes=0"])
def test_past_begins_with_any_open_group_of_h265(tmp_path: Path, params: str) -> None:
    params += ":keyint=10:min-keyint=10:open-gop=1:b-adapt=0:scenecut=0"
    clip = make_encoded_clip(tmp_path / "open.mp4", params, pictures=PICTURES, h265=True)
    file: Any
    with av.open(str(clip)) as file:
        sent = [some_of(frame.to_ndarray(format="gray")) for frame in file.decode(video=0)]
    tape = tapes_of(tmp_path, {"open": (clip, Fault())})["open"]
    assert len(tape.clips) >= 3
    for seek in tape.clips:
        frames = [some_of(frame.to_ndarray(format="gray")) for frame in tape.frames("video", seek)]
        assert max(min(float(np.abs(one - other).mean()) for other in sent) for one in frames) < 2.0
        # Only what is shown before the first whole picture, and is made of pictures before it, is left out.
        with av.open(io.BytesIO(seek)) as file:
            held = sum(packet.size > 0 for packet in file.demux(video=0))
        assert held - 2 <= len(frames) <= held


def test_sound_of_any_form_is_heard_in_the_clip(tmp_path: Path) -> None:
    video = Clip(make_clip(tmp_path / "clip.mp4", pictures=PICTURES), Fault())
    forms = dict([*aac_forms(), *raw_forms()])
    tapes = tapes_of(
        tmp_path,
        {
            name: (Clip.of(LENGTH_S, [(video.tracks[0], video.pieces), form.stream(1)]), Fault())
            for name, form in forms.items()
        },
    )
    for name, tape in tapes.items():
        frames = tape.frames("audio")
        samples = np.concatenate([frame.to_ndarray()[0] for frame in frames[2:-2]])
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
        hz = np.arange(len(spectrum)) * int(frames[0].sample_rate) / len(samples)
        assert hz[spectrum.argmax()] == pytest.approx(TONE_HZ, abs=6), name
        # Two bits a sample, the coarsest, leave a fifth to noise; bits in the wrong order nearly all.
        assert spectrum[abs(hz - TONE_HZ) < 10].sum() > 0.5 * spectrum.sum(), name
        heard_s = sum(frame.samples / frame.sample_rate for frame in frames)
        last_s = frames[-1].samples / frames[-1].sample_rate
        assert heard_s == pytest.approx(float(frames[-1].time - frames[0].time) + last_s, abs=0.1), name


def test_packets_of_the_source_that_is_named_are_in_the_clip(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pictures=30, sound=True)
    forms = {where: (clip, Fault(udp=where)) for where in ("transport", "description")}
    for tape in tapes_of(tmp_path, forms, Intake(transport="udp")).values():
        assert len(tape.frames("video")) >= 10
