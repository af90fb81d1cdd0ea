"""Odd cameras from the wire to a file that plays: stamps, sound and parameter sets that no standard knows."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from tests.conftest import PATIENCE_S, wait_until
from tests.fakes.clips import (
    HEIGHT,
    RATE,
    WIDTH,
    make_b_frame_clip,
    make_clip,
    make_g711_clip,
    make_mjpeg_clip,
    make_refresh_clip,
    make_tone_clip,
    needs_h265,
    raw_packets,
)
from tests.fakes.odd_camera import OddCamera, Twist, odd_camera
from tests.fakes.rtsp_camera import Fault, Piece
from tests.recording_kit import Bench, bench, probe_times
from vigilar.base.clock import SystemClock
from vigilar.base.stop import Stop
from vigilar.capture.timestamps import StampGate
from vigilar.capture.worker import CaptureWorker
from vigilar.media.packets import Kind, Packet, RawPacket, RunStart, StreamRole
from vigilar.playback.clip import plan_clip
from vigilar.playback.library import Library
from vigilar.playback.playlist import footage_playlist
from vigilar.store.files import FileRow


@dataclass
class Recording:
    """What a recorder made of a camera: files, and what capture handed over."""

    bench: Bench
    camera: OddCamera
    items: list[RunStart | Packet]
    took_s: float
    sent: int
    """Pictures of the camera from the first recorded one up to a second before the end, and longer on a busy machine:
    the last ones may be on their way when all is ended."""

    @property
    def rows(self) -> list[FileRow]:
        return self.bench.rows()

    @property
    def video(self) -> list[Packet]:
        return [item for item in self.items if isinstance(item, Packet) and item.kind is Kind.VIDEO]

    @property
    def runs(self) -> list[RunStart]:
        return [item for item in self.items if isinstance(item, RunStart)]

    def times(self, stream: str = "v:0") -> list[tuple[float, float, bool]]:
        """Of the only file, as ffprobe reads it: dts, duration, keyframe."""
        (row,) = self.rows
        return probe_times(self.bench.plaintext(row), self.bench.data_dir, stream)

    def check_plays(self, slack_s: float = 1.2) -> None:
        """One connection and one file, of real time, without a gap, with all that was sent."""
        assert self.camera.requests.count("PLAY") == 1
        assert len(self.runs) == 1
        assert all(one.dts + one.duration == two.dts for one, two in pairwise(self.video))
        times = self.times()
        length_s = times[-1][0] + times[-1][1] - times[0][0]
        assert length_s == pytest.approx(self.took_s, abs=slack_s)
        assert len(times) >= self.sent - 4
        assert all(one[0] < two[0] for one, two in pairwise(times))
        now_ns = time.time_ns()
        assert all(packet.utc_ns < now_ns for packet in self.video)


@contextlib.contextmanager
def recording(camera: OddCamera, folder: Path, seconds: float) -> Iterator[Recording]:
    """Record ``camera`` for about ``seconds``."""
    items: list[RunStart | Packet] = []
    capture_stop, record_stop, clock = Stop(), Stop(), SystemClock()
    with bench(folder, is_real_time=True) as made, camera:

        def take(item: RunStart | Packet) -> None:
            items.append(item)
            made.ring.add(item)

        worker = CaptureWorker(StreamRole.MAIN, camera.url("main"), take, lambda _: None, capture_stop, clock)
        recorder = threading.Thread(target=made.recorder.run, args=(record_stop,), daemon=True)
        capture = threading.Thread(target=worker.run, daemon=True)
        recorder.start()
        capture.start()
        wait_until(lambda: len(items) > 2, 10.0)
        before = camera.pictures - sum(isinstance(item, Packet) and item.kind is Kind.VIDEO for item in items)
        began_s = time.monotonic()
        time.sleep(seconds - 1.0)
        sent = camera.pictures - before
        time.sleep(1.0)
        wait_until(lambda: sum(isinstance(one, Packet) and one.kind is Kind.VIDEO for one in items) >= sent - 4, 5.0)
        took_s = time.monotonic() - began_s
        capture_stop.set()
        capture.join(PATIENCE_S)
        record_stop.set()
        made.recorder.wake()
        recorder.join(PATIENCE_S)
        yield Recording(made, camera, items, took_s, sent)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", pictures=30, sound=True)


@pytest.fixture(scope="module")
def silent_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "silent.mp4", pictures=30)


def nothing(_piece: Piece, _loop_s: float, _number: int) -> tuple[float, float] | None:
    return 0.0, 0.0


def single(off_s: float, every: int) -> Twist:
    return lambda _piece, _loop_s, number: (off_s if number % every == every - 1 else 0.0, 0.0)


def jump(off_s: float, at: int) -> Twist:
    return lambda _piece, _loop_s, number: (off_s if number >= at else 0.0, 0.0)


def at_rate(factor: float) -> Twist:
    """Stamps count ``factor`` times as fast as they should."""

    def twist(piece: Piece, loop_s: float, _number: int) -> tuple[float, float]:
        clock = 90_000 if piece.raw[1] & 0x7F == 96 else 16_000
        return (loop_s + piece.ticks / clock) * (factor - 1), 0.0

    return twist


@pytest.mark.parametrize("pace", [2.0, 0.8])
def test_pictures_that_come_slower_or_faster_than_their_stamps_say(
    silent_clip: Path, tmp_path: Path, pace: float
) -> None:
    with recording(odd_camera(silent_clip, pace=pace), tmp_path, 9.0) as made:
        made.check_plays()
        at_s = [packet.mono_ns / 1e9 for packet in made.video]
        steps = [two - one for one, two in pairwise(at_s)][-20:]
        assert sum(steps) / len(steps) == pytest.approx(pace / RATE, rel=0.15)


TWISTS = {
    "one in seven from long ago": single(-9800.0, 7),
    "one in ten, the keyframes, an hour ahead": single(3600.0, 10),
    "a jump that lasts": jump(97.0, 15),
    "a jump back that lasts": jump(-5.0, 15),
    "stands still": at_rate(0.0),
    "milliseconds": at_rate(1 / 90),
    "noise": lambda _piece, _loop_s, number: (random.Random(number).uniform(0, 40_000), 0.0),
}


@pytest.mark.parametrize("name", TWISTS)
def test_stamps_that_cannot_be(clip: Path, tmp_path: Path, name: str) -> None:
    with recording(odd_camera(clip, video=TWISTS[name]), tmp_path, 6.0) as made:
        made.check_plays()


def test_pictures_that_neither_marker_nor_stamp_parts(clip: Path, tmp_path: Path) -> None:
    camera = odd_camera(clip, video=at_rate(0.0), fault=Fault(no_marker=True))
    with recording(camera, tmp_path, 6.0) as made:
        made.check_plays()


SOUNDS = {
    "steps back": jump(-6.0, 30),
    "an hour ahead, once": single(3600.0, 10_000),
    "twice the rate": at_rate(2.0),
    "milliseconds": at_rate(1 / 16),
    "stands still": at_rate(0.0),
    "jitter": lambda _piece, _loop_s, number: (random.Random(number).uniform(-0.04, 0.04), 0.0),
    "never comes": lambda _piece, _loop_s, _number: None,
    "stops": lambda _piece, _loop_s, number: (0.0, 0.0) if number < 30 else None,
    "comes late": lambda _piece, _loop_s, number: (0.0, 0.0) if number > 40 else None,
}


@pytest.mark.parametrize("kind", ["aac", "g711"])
@pytest.mark.parametrize("name", SOUNDS)
def test_bad_sound_does_not_touch_the_picture(clip: Path, tmp_path: Path, name: str, kind: str) -> None:
    if kind == "g711":
        clip = make_g711_clip(tmp_path / "g711.mov", pictures=30)
    seconds = 8.0 if name == "never comes" else 5.0  # what may be gathered is waited for
    with recording(odd_camera(clip, sound=SOUNDS[name]), tmp_path, seconds) as made:
        made.check_plays()
        assert max(packet.duration_s for packet in made.video) < 0.12  # the clip's own seam is 0.108
        assert min(packet.duration_s for packet in made.video) > 0.09
        sounds, pictures = made.times("a:0"), made.times()
        assert all(one[0] + one[1] == pytest.approx(two[0], abs=0.002) for one, two in pairwise(sounds))
        assert sounds[0][0] == pytest.approx(pictures[0][0], abs=0.35)
        assert sounds[-1][0] + sounds[-1][1] == pytest.approx(pictures[-1][0], abs=2.0)


@pytest.mark.parametrize("gather_s", [2.0, 3.0])
def test_sound_that_comes_in_bursts_lies_beside_its_picture(clip: Path, tmp_path: Path, gather_s: float) -> None:
    """The first of a burst was taken that much earlier than it comes. No report of the camera tells."""
    source, raws = raw_packets(clip)
    source.close()
    at_s = {raw.data: float(raw.dts * raw.time_base) for raw in raws if raw.dts is not None and not raw.is_keyframe}
    at_s |= {raw.data: float(raw.dts * raw.time_base) for raw in raws if raw.dts is not None and raw.kind is Kind.AUDIO}
    with recording(odd_camera(clip, gather_s=gather_s), tmp_path, 10.0) as made:
        made.check_plays()
        loop_s = made.camera.mounts["main"].clip.length_s
        known = [one for one in made.items if isinstance(one, Packet) and one.data in at_s]
    first_s = next(one.dts_s - at_s[one.data] for one in known if one.kind is Kind.VIDEO)
    off_s = {
        kind: [
            abs((one.dts_s - at_s[one.data] - first_s + loop_s / 2) % loop_s - loop_s / 2)
            for one in known
            if one.kind is kind
        ]
        for kind in (Kind.VIDEO, Kind.AUDIO)
    }
    assert max(off_s[Kind.VIDEO]) < 0.01
    assert len(off_s[Kind.AUDIO]) > 5.0 * 16_000 / 1024
    assert max(off_s[Kind.AUDIO]) < 0.3, "arrival says no more on a busy machine"


def two_qualities(folder: Path) -> list[RawPacket]:
    """Ten groups of pictures, each second one of another encoder, whose quantiser stands in its parameter sets."""
    groups: list[list[list[RawPacket]]] = []
    for qp in (20, 34):
        path = folder / f"qp{qp}.mp4"
        with av.open(str(path), "w") as out:
            stream = out.add_stream("libx264", rate=RATE, options={"qp": str(qp), "preset": "ultrafast", "g": "10"})
            stream.width, stream.height, stream.pix_fmt, stream.gop_size = WIDTH, HEIGHT, "yuv420p", 10
            for number in range(100):
                row = (np.arange(WIDTH) + 8 * number).astype(np.uint8)
                picture = np.repeat(np.tile(row, (HEIGHT, 1))[:, :, None], 3, axis=2)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
            out.mux(stream.encode(None))
        source, raws = raw_packets(path)
        source.close()
        groups.append([raws[at : at + 10] for at in range(0, 100, 10)])
        assert all(group[0].is_keyframe for group in groups[-1])
    return [raw for number in range(10) for raw in groups[number % 2][number]]


def test_parameter_sets_of_each_group_give_one_file_that_decodes(tmp_path: Path) -> None:
    raws = two_qualities(tmp_path)
    source, _ = raw_packets(tmp_path / "qp20.mp4")
    source.close()
    with bench(tmp_path) as made:

        class Source:
            streams = source.streams
            quiet_s, odd_stamps = 0.0, 0

            def __iter__(self) -> Iterator[RawPacket | None]:
                for number, raw in enumerate(raws):
                    made.clock.advance(0.1)
                    yield replace(raw, pts=number * 1024, dts=number * 1024)
                    made.recorder.run_once()
                stop.set()

            def hurry(self, is_watched: bool) -> None: ...
            def close(self) -> None: ...

        stop = Stop()
        worker = CaptureWorker(
            StreamRole.MAIN, "", made.ring.add, lambda _: None, stop, made.clock, lambda _url, _wait: Source()
        )
        worker.run_once()
        made.recorder.finish()
        rows = made.rows()
        assert [made.marks(row) for row in rows] == [[]] * len(rows)
        assert len(rows) == 2  # the first group is of a run that did not know yet
        decoded = 0
        for row in rows:
            path = tmp_path / "file.mp4"
            path.write_bytes(made.plaintext(row))
            with av.open(str(path)) as file:
                file.streams.video[0].codec_context.options = {"err_detect": "explode"}
                decoded += sum(1 for _ in file.decode(video=0))
        assert decoded == 100
        library = Library(made.store, made.data_dir, lambda: made.keys)
        stretches = library.find("front", 0, 4_000_000_000_000)
        plan = plan_clip(library, stretches)
        assert plan is not None
        assert not plan.is_cut_short
        path.write_bytes(b"".join(plan.read(0, plan.size_bytes)))
        with av.open(str(path)) as file:
            assert sum(1 for _ in file.decode(video=0)) == 100
        assert footage_playlist(stretches, "front", is_finished=True).count("#EXT-X-MAP") == 2


def test_gate_runs_are_told_apart(clip: Path) -> None:
    source, raws = raw_packets(clip)
    source.close()
    gate = StampGate(1, None)
    first = [p for raw in raws[:20] for p in gate.pass_on(raw, 0, 0)]
    gate.run = 2
    second = [p for raw in raws[20:] for p in gate.pass_on(raw, 0, 0)]
    assert {p.run for p in first} == {1}
    assert {p.run for p in second} == {2}


def twisted_rate(factor: float) -> Twist:
    """As ``at_rate``, of pictures of any payload type."""
    return lambda piece, loop_s, _number: ((loop_s + piece.ticks / 90_000) * (factor - 1), 0.0)


OTHER_PICTURES = {
    "one in three a little back": single(-0.25, 3),
    "half a second back, lasting": jump(-0.5, 15),
    "a day ahead, lasting": jump(86_400.0, 15),
    "about to wrap": lambda _piece, _loop_s, _number: (47_721.0, 0.0),
    "stands still": twisted_rate(0.0),
    "1.42 times the rate": twisted_rate(1.42),
    "jitter of 80 ms": lambda _piece, _loop_s, number: (random.Random(number).uniform(-0.08, 0.08), 0.0),
}


@pytest.mark.parametrize("name", OTHER_PICTURES)
@pytest.mark.parametrize("kind", [pytest.param("h265", marks=needs_h265()), "b frames", "mjpeg"])
def test_odd_stamps_of_other_codecs(tmp_path: Path, name: str, kind: str) -> None:
    clip = {
        "h265": partial(make_clip, tmp_path / "clip.mp4", pictures=30, sound=True, h265=True),
        "b frames": partial(make_b_frame_clip, tmp_path / "clip.mp4"),
        "mjpeg": partial(make_mjpeg_clip, tmp_path / "clip.mov", pictures=30),
    }[kind]()
    with recording(odd_camera(clip, video=OTHER_PICTURES[name]), tmp_path, 5.0) as made:
        made.check_plays()


@pytest.mark.parametrize("name", ["steps back", "an hour ahead, once", "never comes", "stops"])
@pytest.mark.parametrize("kind", ["opus", "latm"])
def test_bad_sound_of_other_codecs_does_not_touch_the_picture(tmp_path: Path, name: str, kind: str) -> None:
    codec, rate = ("libopus", 48_000) if kind == "opus" else ("aac", 16_000)
    clip = make_tone_clip(tmp_path / "clip.mkv", codec, rate, "mono")
    with recording(odd_camera(clip, sound=SOUNDS[name], fault=Fault(latm=kind == "latm")), tmp_path, 5.0) as made:
        # What came before the set-up of LATM was known, 1.5 s at most, is in the file as well.
        made.check_plays(slack_s=2.0)


def test_camera_that_renews_its_picture_by_and_by_is_recorded(tmp_path: Path) -> None:
    """Its only whole picture, the first of the clip, never comes."""
    clip = make_refresh_clip(tmp_path / "clip.mp4", pictures=61)
    with recording(
        odd_camera(clip, video=lambda piece, *_: (0.0, 0.0) if piece.ticks else None), tmp_path, 6.0
    ) as made:
        made.check_plays()
