"""Feed and HLS over the real socket with real pictures, as camera process and web process use them."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE_S, wait_until
from tests.fair_watch import FairWatch
from tests.fakes.clips import make_clip, raw_packets
from tests.pace import slowness
from vigilar.capture.timestamps import StampGate
from vigilar.live.client import FeedClient
from vigilar.live.feed import MAX_VIEWERS, FeedServer
from vigilar.live.gop import LiveStream
from vigilar.live.hls import LiveHls
from vigilar.live.wire import Answer, FeedProblem, InitSegment, Jpeg, LiveFragment, Request, RunHeader
from vigilar.media.decode import Decoder
from vigilar.media.packets import Packet, RunStart, StreamRole
from vigilar.media.transcode import Transcoder

START_NS = 1_770_000_000_000_000_000


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunStart, list[Packet]]:
    """Three seconds, a keyframe each second."""
    path = make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", pictures=30)
    source, raws = raw_packets(path)
    source.close()
    gate = StampGate(1, source.streams[0].frame_rate)
    packets = [p for raw in raws for p in gate.pass_on(raw, START_NS, START_NS)] + gate.flush()
    return RunStart(StreamRole.MAIN, 1, tuple(source.streams), START_NS, START_NS), packets


@pytest.fixture
def stream(clip: tuple[RunStart, list[Packet]]) -> LiveStream:
    """A stream that has seen the whole clip."""
    filled = LiveStream()
    filled.add(clip[0])
    for packet in clip[1]:
        filled.add(packet)
    return filled


@pytest.fixture
def run_dir(tmp_path: Path, stream: LiveStream) -> Iterator[Path]:
    """A folder deeper than the 108 bytes that a socket's address may have, with the camera's socket in it."""
    folder = tmp_path.joinpath(*["deep" * 10] * 4)
    folder.mkdir(parents=True)
    server = FeedServer(folder, "porch", {StreamRole.MAIN: stream}, Decoder, Transcoder)
    server.start()
    yield folder
    server.stop()
    assert not list(folder.iterdir())


def taken(client: FeedClient, is_enough: Callable[[list[Answer]], bool]) -> list[Answer]:
    answers: list[Answer] = []
    for answer in client.answers():
        answers.append(answer)
        if is_enough(answers):
            break
    client.close()
    return answers


def fragments(answers: list[Answer]) -> list[LiveFragment]:
    return [answer for answer in answers if isinstance(answer, LiveFragment)]


def test_viewer_gets_the_held_pictures_at_once(run_dir: Path, tmp_path: Path) -> None:
    watch = FairWatch()
    client = FeedClient(run_dir, "porch", Request("fragments", "main"))
    answers = taken(client, lambda got: len(fragments(got)) == 30)
    assert watch.elapsed_s() < 1.0
    assert isinstance(answers[0], RunHeader)
    assert (answers[0].width, answers[0].height, answers[0].run) == (320, 180, 1)
    assert isinstance(answers[1], InitSegment)
    assert fragments(answers)[0].starts_with_keyframe
    out = tmp_path / "seen.mp4"
    out.write_bytes(answers[1].data + b"".join(f.data for f in fragments(answers)))
    entries = ["-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]
    done = subprocess.run(["ffprobe", "-v", "error", *entries, str(out)], capture_output=True, text=True, check=True)
    assert (done.stdout.strip().rstrip(","), done.stderr) == ("30", "")


def test_machine_that_is_out_of_descriptors_or_threads_for_a_moment_ends_no_live_view(
    tmp_path: Path, stream: LiveStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vigilar.live.feed.ACCEPT_AGAIN_S", 0.0)
    server = FeedServer(tmp_path, "porch", {StreamRole.MAIN: stream}, Decoder, Transcoder)
    listener, refusals = server._listener, [OSError(errno.EMFILE, "Too many open files")]

    class Scarce:
        """The listening socket, whose first accept fails."""

        def __getattr__(self, name: str) -> Any:
            return getattr(listener, name)

        def accept(self) -> Any:
            if refusals:
                raise refusals.pop()
            return listener.accept()

    monkeypatch.setattr(server, "_listener", Scarce())
    server.start()
    start, is_scarce = threading.Thread.start, [True]

    def start_scarcely(thread: threading.Thread) -> None:
        if thread.name == "viewer porch" and is_scarce:
            is_scarce.clear()
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_scarcely)
    with pytest.raises(OSError, match=r"reset|Broken pipe"):
        taken(FeedClient(tmp_path, "porch", Request("fragments", "main")), bool)
    assert taken(FeedClient(tmp_path, "porch", Request("fragments", "main")), bool) != []
    server.stop()


def test_narrow_picture_is_encoded_while_it_is_watched(
    run_dir: Path, stream: LiveStream, clip: tuple[RunStart, list[Packet]], tmp_path: Path
) -> None:
    """A camera with one stream only: the small one is made here, begins with a keyframe, and nothing is left after."""
    client = FeedClient(run_dir, "porch", Request("live", "narrow"))
    answers = client.answers()
    header, init, first = next(answers), next(answers), next(answers)
    assert isinstance(header, RunHeader)
    assert (header.codec[:9], header.width, header.height, header.stream) == ("avc1.42c0", 320, 180, "narrow")
    assert isinstance(init, InitSegment)
    assert isinstance(first, LiveFragment)
    assert first.starts_with_keyframe
    assert first.utc_ns == clip[1][-1].utc_ns, "of the kept pictures only the newest is worth encoding"
    data, last = first.data, clip[1][-1]
    for number in range(5):
        later = (number + 1) * last.duration
        stream.add(replace(clip[1][number], dts=last.dts + later, pts=last.pts + later))
        more = next(answers)
        assert isinstance(more, LiveFragment)
        data += more.data
    client.close()

    def has_ended() -> bool:
        stream.add(replace(clip[1][0], dts=last.dts * 2, pts=last.pts * 2))  # a viewer who left is noticed by the next
        return not [one for one in threading.enumerate() if one.name == "narrow porch"]

    wait_until(has_ended, 5.0)
    out = tmp_path / "seen.mp4"
    out.write_bytes(init.data + data)
    entries = ["-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]
    done = subprocess.run(["ffprobe", "-v", "error", *entries, str(out)], capture_output=True, text=True, check=True)
    assert (done.stdout.strip().rstrip(","), done.stderr) == ("6", "")


def test_new_run_brings_new_header(run_dir: Path, stream: LiveStream, clip: tuple[RunStart, list[Packet]]) -> None:
    client = FeedClient(run_dir, "porch", Request("fragments", "main"))
    answers = client.answers()
    for _ in range(32):
        next(answers)
    run, packets = clip
    stream.add(RunStart(run.role, 2, run.streams, START_NS, START_NS))
    stream.add(packets[0])
    header, init, first = next(answers), next(answers), next(answers)
    client.close()
    assert isinstance(header, RunHeader)
    assert header.run == 2
    assert isinstance(init, InitSegment)
    assert isinstance(first, LiveFragment)


def test_still_is_a_jpeg(run_dir: Path) -> None:
    (answer,) = FeedClient(run_dir, "porch", Request("still", "main", 160)).answers()
    assert isinstance(answer, Jpeg)
    assert answer.data.startswith(b"\xff\xd8")
    assert answer.data.endswith(b"\xff\xd9")


def test_mjpeg_begins_with_the_newest_picture(run_dir: Path, clip: tuple[RunStart, list[Packet]]) -> None:
    client = FeedClient(run_dir, "porch", Request("mjpeg", "main", 160, 5))
    (answer,) = taken(client, lambda got: len(got) == 1)
    assert isinstance(answer, Jpeg)
    assert answer.utc_ns == clip[1][-1].utc_ns


def test_camera_without_picture_says_so(tmp_path: Path) -> None:
    server = FeedServer(tmp_path, "porch", {StreamRole.MAIN: LiveStream()}, Decoder, Transcoder)
    server.start()
    try:
        (answer,) = FeedClient(tmp_path, "porch", Request("still", "main")).answers()
    finally:
        server.stop()
    assert isinstance(answer, FeedProblem)
    assert answer.code == "V-CAM-16"


def test_absent_camera_process_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        FeedClient(tmp_path, "porch", Request("still"))


def test_socket_is_private(run_dir: Path) -> None:
    assert os.stat(run_dir / "camera-porch.sock").st_mode & 0o777 == 0o600


def test_killed_process_leaves_no_obstacle(tmp_path: Path, stream: LiveStream) -> None:
    (tmp_path / "camera-porch.sock").write_bytes(b"")
    server = FeedServer(tmp_path, "porch", {StreamRole.MAIN: stream}, Decoder, Transcoder)
    server.start()
    (answer,) = FeedClient(tmp_path, "porch", Request("still", "main")).answers()
    server.stop()
    assert isinstance(answer, Jpeg)


def test_viewers_above_the_limit_are_turned_away(run_dir: Path) -> None:
    with contextlib.ExitStack() as watching:
        for _ in range(MAX_VIEWERS):
            client = FeedClient(run_dir, "porch", Request("fragments", "main"))
            answers = watching.enter_context(contextlib.closing(client.answers()))  # type: ignore[type-var]
            next(answers)
        with contextlib.suppress(OSError):  # turned away before the request was out: also an answer
            assert list(FeedClient(run_dir, "porch", Request("still", "main")).answers()) == []


def test_stop_ends_the_viewers(tmp_path: Path, stream: LiveStream) -> None:
    server = FeedServer(tmp_path, "porch", {StreamRole.MAIN: stream}, Decoder, Transcoder)
    server.start()
    client = FeedClient(tmp_path, "porch", Request("fragments", "main"))
    seen: list[Answer] = []

    def read() -> None:
        for answer in client.answers():
            seen.append(answer)  # noqa: PERF402 -- one by one, so that the test sees how far it is

    reader = threading.Thread(target=read)
    reader.start()
    wait_until(lambda: len(fragments(list(seen))) == 30, 5.0)
    server.stop()
    reader.join(PATIENCE_S)
    assert not reader.is_alive()
    assert len(fragments(seen)) == 30


def test_first_playlist_comes_at_once_with_all_that_is_kept(
    tmp_path: Path, clip: tuple[RunStart, list[Packet]]
) -> None:
    stream, now_ns, last = LiveStream(), time.time_ns(), clip[1][-1]
    stream.add(clip[0])
    for packet in clip[1][:-1]:
        stream.add(replace(packet, utc_ns=now_ns - int((last.dts_s - packet.dts_s) * 1e9)))
    server = FeedServer(tmp_path, "porch", {StreamRole.MAIN: stream}, Decoder, Transcoder)
    server.start()
    view = LiveHls(lambda: FeedClient(tmp_path, "porch", Request("fragments", "main")), "porch")
    watch = FairWatch()
    text = view.playlist()
    took_s = watch.elapsed_s()
    segment, init = view.segment(0), view.init(1)
    view.stop()
    server.stop()
    assert text is not None
    assert text.count("#EXTINF:1.000,") == 2  # the third second is not over
    assert took_s < 0.5 * slowness()
    assert init is not None
    assert segment is not None
    (tmp_path / "one.mp4").write_bytes(init + segment)
    entries = ["-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]
    command = ["ffprobe", "-v", "error", *entries, str(tmp_path / "one.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip().rstrip(",") == "10"
