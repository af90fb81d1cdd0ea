"""A camera with a private area: whatever is asked of its live pictures, the area is black in each that comes out."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import wait_until
from tests.fair_watch import FairWatch
from tests.fakes.clips import make_refresh_clip, raw_packets
from tests.recording_kit import Clip, make_clip
from vigilar.base.stop import Stop
from vigilar.capture.timestamps import StampGate
from vigilar.live.client import FeedClient
from vigilar.live.feed import Covering, FeedServer
from vigilar.live.gop import LiveStream
from vigilar.live.wire import FeedProblem, InitSegment, Jpeg, LiveFragment, Request, RunHeader
from vigilar.media.packets import RunStart, StreamRole
from vigilar.media.private_areas import Polygon
from vigilar.processes.lazy import make_covered_encoder, make_decoder, make_encoder

LEFT: Polygon = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
BLACK, SEEN = 20, 26
"""Black is 16 in video, and an encoder is not exact. The clip is grey: 40 in video, 28 in a JPEG."""


@dataclass(slots=True)
class Scene:
    """A camera's feed, and what is private of it now."""

    server: FeedServer
    run_dir: Path
    private: tuple[Polygon, ...] = ()

    def ask(self, request: Request) -> Any:
        return FeedClient(self.run_dir, "porch", request).answers()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), fps=10, gop=10, size=(320, 180), has_sound=True)


@pytest.fixture
def scene(tmp_path: Path, clip: Clip) -> Iterator[Scene]:
    streams = {role: LiveStream() for role in StreamRole}
    stop = Stop()

    def get() -> tuple[Polygon, ...]:
        return made.private

    server = FeedServer(
        *(tmp_path, "porch", streams, partial(make_decoder, private=get), partial(make_encoder, private=get)),
        Covering(lambda: bool(made.private), partial(make_covered_encoder, private=get)),
    )
    made = Scene(server, tmp_path)

    def run() -> None:
        for role, stream in streams.items():
            stream.add(replace(clip.run(), role=role))
        for packet in clip.endless():
            for stream in streams.values():
                stream.add(packet)
            if stop.wait(0.02):
                return

    thread = threading.Thread(target=run, name="test camera")
    thread.start()
    server.start()
    yield made
    server.stop()
    stop.set()
    thread.join()


def pictures_of(answers: Any, count: int) -> tuple[list[NDArray[np.uint8]], RunHeader | None]:
    """The luma of the first pictures that come, and what was said of them."""
    header, data, jpegs, pictures = None, b"", [], 0
    with contextlib.closing(answers):
        for answer in answers:
            if isinstance(answer, RunHeader):
                header = answer
            elif isinstance(answer, InitSegment):
                data = answer.data
            elif isinstance(answer, LiveFragment):
                data += answer.data
                pictures += answer.duration_ms > 0
            elif isinstance(answer, Jpeg):
                jpegs.append(answer.data)
            if pictures + len(jpegs) == count:
                break
    if jpegs:
        decoder: Any = av.CodecContext.create("mjpeg", "r")
        frames = [frame for jpeg in jpegs for frame in decoder.decode(av.Packet(jpeg))]
    else:
        movie: Any = av.open(io.BytesIO(data))
        with movie:
            frames = list(movie.decode(video=0))
    return [frame.to_ndarray(format="gray") for frame in frames], header


EVERY_FORM = [
    Request("live", "main"),
    Request("live", "sub"),
    Request("live", "narrow"),
    Request("live", "main", sound=True),
    Request("fragments", "main"),
    Request("fragments", "sub"),
    Request("fragments", "narrow"),
    Request("mjpeg", "main"),
    Request("still", "main"),
    Request("still", "sub"),
    Request("tile", "sub", 320),
]


@pytest.mark.parametrize("request_", EVERY_FORM, ids=lambda one: f"{one.want}-{one.stream}{'-sound' * one.sound}")
def test_private_area_is_black_in_every_live_picture(scene: Scene, request_: Request) -> None:
    scene.private = (LEFT,)
    count = 1 if request_.want in ("still", "tile") else 8
    pictures, _ = pictures_of(scene.ask(request_), count)
    assert len(pictures) >= count - 1
    for picture in pictures:
        middle = picture.shape[1] // 2
        assert picture[:176, : middle - 8].max() <= BLACK
        assert picture[:176, middle + 8 :].min() >= SEEN, "the other half is seen"


def test_full_picture_is_named_covered_and_keeps_its_sound(scene: Scene) -> None:
    scene.private = (LEFT,)
    _, header = pictures_of(scene.ask(Request("live", "main", sound=True)), 3)
    assert header is not None
    assert header.stream == "covered"
    assert header.codec.startswith("avc1.42")
    assert header.codec.endswith("mp4a.40.2")
    _, small = pictures_of(scene.ask(Request("live", "sub")), 3)
    assert small is not None
    assert small.stream == "narrow"


def test_camera_without_private_areas_is_shown_as_it_is(scene: Scene) -> None:
    for stream in ("main", "sub"):
        _, header = pictures_of(scene.ask(Request("live", stream)), 3)
        assert header is not None
        assert header.stream == stream


def test_area_that_becomes_private_ends_what_shows_it(scene: Scene) -> None:
    """Who watches is cut off, and gets the black one when it asks again."""
    answers = scene.ask(Request("live", "main"))
    next(answers)
    scene.private = (LEFT,)
    scene.server.end_viewers()
    for _ in answers:  # what was on its way, and then the end
        pass
    pictures, _ = pictures_of(scene.ask(Request("live", "main")), 3)
    assert pictures[0][:176, :100].max() <= BLACK


@pytest.mark.parametrize("stream", ["main", "narrow"])
def test_box_that_cannot_encode_says_so_at_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stream: str
) -> None:
    create: Any = av.CodecContext.create

    def without_x264(name: str, mode: str) -> Any:
        if name == "libx264":
            raise ValueError(name)
        return create(name, mode)

    monkeypatch.setattr("vigilar.media.transcode.av.CodecContext", SimpleNamespace(create=without_x264))
    scene.private = (LEFT,)
    watch = FairWatch()
    for _ in range(2):
        answers = list(scene.ask(Request("live", stream)))
        assert answers == [FeedProblem("This box cannot encode the camera's picture.")]
    assert watch.elapsed_s() < 10.0
    assert [one.message for one in caplog.records if one.levelname == "WARNING"] == [
        "no picture is encoded: there is no encoder for H.264: ValueError"
    ]


def test_encoder_ends_with_its_last_viewer(scene: Scene) -> None:
    scene.private = (LEFT,)
    pictures_of(scene.ask(Request("live", "main")), 3)
    wait_until(lambda: not [one for one in threading.enumerate() if one.name == "narrow porch"], 5.0)


def test_stream_that_no_browser_can_begin_with_is_encoded(tmp_path: Path) -> None:
    """A group of pictures of a camera that renews them by and by."""
    source, raws = raw_packets(make_refresh_clip(tmp_path / "refresh.mp4", pictures=40))
    source.close()
    stream, gate = LiveStream(), StampGate(1, source.streams[0].frame_rate)
    stream.add(RunStart(StreamRole.MAIN, 1, (source.streams[0],), 0, 0, True))
    for number, raw in enumerate(raws[20:]):
        for packet in gate.pass_on(replace(raw, is_keyframe=number == 0), number * 10**8, number * 10**8):
            stream.add(packet)
    server = FeedServer(tmp_path, "porch", {StreamRole.MAIN: stream}, make_decoder, make_encoder)
    server.start()
    try:
        for want in ("live", "fragments"):
            _, header = pictures_of(FeedClient(tmp_path, "porch", Request(want, "main")).answers(), 1)
            assert header is not None
            assert (header.stream, header.codec[:7]) == ("narrow", "avc1.42")
        jpegs, _ = pictures_of(FeedClient(tmp_path, "porch", Request("still", "main")).answers(), 1)
        assert len(jpegs) == 1
    finally:
        server.stop()
