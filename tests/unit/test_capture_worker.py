"""The capture loop with a source that obeys: runs, watchdog, set-up, retries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.fakes.clips import make_clip, raw_packets
from vigilar.base.clock import SimulatedClock
from vigilar.base.errors import CameraError, ErrorKind
from vigilar.base.stop import Stop
from vigilar.capture.opener import OpenSource
from vigilar.capture.rtsp.sentences import unknown_name, unreachable
from vigilar.capture.worker import CaptureWorker, Connection
from vigilar.media.bitstream import parameter_sets
from vigilar.media.packets import Kind, Packet, RawPacket, RunStart, StreamInfo, StreamRole

Step = RawPacket | float | None | Exception
"""A packet, so many seconds that pass, a silence, or what the camera fails with."""


@dataclass
class FakeSource:
    streams: list[StreamInfo]
    steps: list[Step]
    clock: SimulatedClock
    is_closed: bool = False
    hurries: list[bool] = field(default_factory=list)
    quiet_s: float = 60.0
    odd_stamps: int = 0

    def __iter__(self) -> Iterator[RawPacket | None]:
        for step in self.steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                self.clock.advance(step)
                continue
            yield step

    def hurry(self, is_watched: bool) -> None:
        self.hurries.append(is_watched)

    def close(self) -> None:
        self.is_closed = True


@dataclass
class Bench:
    """A worker on fake sources: ``tries`` is one list of steps (or an error of opening) for each connection."""

    streams: list[StreamInfo]
    tries: list[list[Step] | CameraError]
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    items: list[RunStart | Packet] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    sources: list[FakeSource] = field(default_factory=list)
    stop: Stop = field(default_factory=Stop)
    batches: list[int] = field(default_factory=list)
    quiet_s: float = 60.0

    def worker(self) -> CaptureWorker:
        return CaptureWorker(
            StreamRole.MAIN,
            "rtsp://camera",
            self.items.append,
            self._note,
            self.stop,
            self.clock,
            self._open,
            on_batch=lambda: self.batches.append(len(self.items)),
        )

    def _note(self, connection: Connection) -> None:
        self.connections.append(connection)
        if connection.error is not None and not self.tries:
            self.stop.set()

    def _open(self, _url: str, _wait: Callable[[float], bool]) -> OpenSource:
        steps = self.tries.pop(0)
        if isinstance(steps, CameraError):
            raise steps
        self.sources.append(FakeSource(self.streams, steps, self.clock, quiet_s=self.quiet_s))
        return self.sources[-1]

    @property
    def video(self) -> list[Packet]:
        return [item for item in self.items if isinstance(item, Packet) and item.kind is Kind.VIDEO]

    @property
    def runs(self) -> list[RunStart]:
        return [item for item in self.items if isinstance(item, RunStart)]


ENDED = CameraError("The camera ended the stream.", kind=ErrorKind.TRANSIENT, code="V-CAM-16")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[StreamInfo], list[RawPacket]]:
    source, raws = raw_packets(make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", sound=True))
    source.close()
    return source.streams, raws


@pytest.fixture(scope="module")
def other_clip(tmp_path_factory: pytest.TempPathFactory) -> list[RawPacket]:
    path: Path = tmp_path_factory.mktemp("other") / "clip.mp4"
    source, raws = raw_packets(make_clip(path, h265=False, pictures=12, keyframe_every=12))
    source.close()
    return raws


def test_run_begins_with_keyframe(clip: tuple[list[StreamInfo], list[RawPacket]]) -> None:
    streams, raws = clip
    late = [raw for raw in raws if raw is not next(r for r in raws if r.kind is Kind.VIDEO)]
    bench = Bench(streams, [[*late, ENDED]])
    with pytest.raises(CameraError):
        bench.worker().run_once()
    assert isinstance(bench.items[0], RunStart)
    assert bench.video[0].is_keyframe
    assert bench.items[1] is bench.video[0]


def test_all_packets_pass_and_source_closes(clip: tuple[list[StreamInfo], list[RawPacket]]) -> None:
    streams, raws = clip
    bench = Bench(streams, [[*raws, ENDED]])
    with pytest.raises(CameraError):
        bench.worker().run_once()
    assert len(bench.video) == 20
    assert len(bench.items) - 1 - len(bench.video) > 20
    assert bench.sources[0].is_closed


def test_missing_setup_comes_out_of_keyframe(clip: tuple[list[StreamInfo], list[RawPacket]]) -> None:
    streams, raws = clip
    bare = [replace(streams[0], setup=b"", width=0, height=0), *streams[1:]]
    bench = Bench(bare, [[*raws, ENDED]])
    with pytest.raises(CameraError):
        bench.worker().run_once()
    assert (bench.runs[0].video.width, bench.runs[0].video.height) == (320, 180)
    assert bench.runs[0].video.setup == streams[0].setup


def changed(raws: list[RawPacket], old: bytes, new: bytes, from_keyframe: int = 1) -> list[RawPacket]:
    """``raws`` with other bytes in their parameter sets, from one keyframe on."""
    keys = [raw for raw in raws if raw.kind is Kind.VIDEO and raw.is_keyframe][from_keyframe:]
    return [replace(raw, data=raw.data.replace(old, new)) if raw in keys else raw for raw in raws]


def test_other_format_begins_a_run_on_the_same_connection(
    clip: tuple[list[StreamInfo], list[RawPacket]], other_clip: list[RawPacket]
) -> None:
    streams, raws = clip
    later = [replace(raw, pts=raw.pts + 40_000, dts=raw.dts + 40_000) for raw in other_clip if raw.pts and raw.dts]
    bench = Bench(streams, [[*raws, *later, ENDED]])
    with pytest.raises(CameraError):
        bench.worker().run_once()
    assert len(bench.video) == 20 + len(later)
    assert len(bench.sources) == 1


def test_parameter_sets_that_alternate_begin_one_run_at_most(
    clip: tuple[list[StreamInfo], list[RawPacket]],
) -> None:
    """Rate control writes its quantiser into each picture parameter set: no format has changed."""
    streams, raws = clip
    pps = parameter_sets("h264", streams[0].setup)[1]
    other = pps[:-1] + bytes((pps[-1] ^ 0x10,))
    again = [
        replace(raw, pts=(raw.pts or 0) + 32_000 * n, dts=(raw.dts or 0) + 32_000 * n)
        for n in range(3)
        for raw in raws
        if raw.kind is Kind.VIDEO
    ]
    keys = [raw for raw in again if raw.is_keyframe]
    odd = {id(raw) for raw in keys[1::2]}
    steps: list[Step] = [replace(raw, data=raw.data.replace(pps, other)) if id(raw) in odd else raw for raw in again]
    bench = Bench(streams, [[*steps, ENDED]])
    with pytest.raises(CameraError):
        bench.worker().run_once()
    assert len(bench.video) == 60
    assert [run.run for run in bench.runs] == [1, 2]
    assert [run.is_new_connection for run in bench.runs] == [True, False]
    assert [run.video.has_sets_in_band for run in bench.runs] == [False, True]
    assert [p.run for p in bench.video] == [1] * 10 + [2] * 50


def test_sound_alone_is_no_picture(clip: tuple[list[StreamInfo], list[RawPacket]]) -> None:
    streams, raws = clip
    sounds = [raw for raw in raws if raw.kind is Kind.AUDIO]
    steps: list[Step] = []
    for raw in sounds:
        steps += [raw, 0.5]
    bench = Bench(streams, [steps])
    with pytest.raises(CameraError) as caught:
        bench.worker().run_once()
    assert caught.value.code == "V-CAM-16"


def test_silence_reconnects_after_ten_seconds(clip: tuple[list[StreamInfo], list[RawPacket]]) -> None:
    streams, raws = clip
    silence: list[Step] = [1.0, None] * 11
    bench = Bench(streams, [[*raws, *silence, AssertionError("still reading")]])
    with pytest.raises(CameraError, match="no usable picture"):
        bench.worker().run_once()


def test_pictures_now_and_then_keep_a_camera_that_answers(clip: tuple[list[StreamInfo], list[RawPacket]]) -> None:
    """A battery camera's bridge: nothing for 25 s, pictures for some seconds, and again."""
    streams, raws = clip
    quiet: list[Step] = [1.0, None] * 25
    later = [
        replace(raw, pts=(raw.pts or 0) + 10_240 * 30, dts=(raw.dts or 0) + 10_240 * 30)
        for raw in raws
        if raw.kind is Kind.VIDEO
    ]
    first = [raw for raw in raws if raw.kind is Kind.VIDEO]
    bench = Bench(streams, [[*quiet, *first, *quiet, *later, ENDED]], quiet_s=2.0)
    with pytest.raises(CameraError, match="ended"):
        bench.worker().run_once()
    assert len(bench.video) == 40
    assert len(bench.runs) == 1


def test_camera_that_answers_for_ever_without_a_picture_is_given_up(
    clip: tuple[list[StreamInfo], list[RawPacket]],
) -> None:
    streams, raws = clip
    quiet: list[Step] = [1.0, None] * 125
    bench = Bench(streams, [[*raws, *quiet, AssertionError("still reading")]], quiet_s=2.0)
    with pytest.raises(CameraError, match="no usable picture"):
        bench.worker().run_once()


def test_camera_that_was_steady_and_falls_silent_is_given_up_soon(
    clip: tuple[list[StreamInfo], list[RawPacket]],
) -> None:
    streams, raws = clip
    video = [raw for raw in raws if raw.kind is Kind.VIDEO]
    steady: list[Step] = []
    for number in range(40):
        steady += [replace(video[number % 20], pts=number * 10_240, dts=number * 10_240), 1.0]
    bench = Bench(streams, [[*steady, *([1.0, None] * 11), AssertionError("still reading")]], quiet_s=2.0)
    with pytest.raises(CameraError, match="no usable picture"):
        bench.worker().run_once()


def test_keyframe_is_waited_for_as_long_as_pictures_come(clip: tuple[list[StreamInfo], list[RawPacket]]) -> None:
    streams, raws = clip
    video = [raw for raw in raws if raw.kind is Kind.VIDEO]
    steps: list[Step] = []
    for number in range(90):
        steps += [replace(video[1 + number % 9], pts=number * 10_240, dts=number * 10_240), 1.0]
    last = [replace(raw, pts=(raw.pts or 0) + 921_600, dts=(raw.dts or 0) + 921_600) for raw in video]
    bench = Bench(streams, [[*steps, *last, ENDED], [ENDED]])
    with pytest.raises(CameraError, match="ended"):
        bench.worker().run_once()
    assert [c.is_open for c in bench.connections] == [False, True]
    assert "no whole one" in str(bench.connections[0].error)
    assert len(bench.video) == 20


def test_short_silence_goes_on_in_the_run(clip: tuple[list[StreamInfo], list[RawPacket]]) -> None:
    streams, raws = clip
    bench = Bench(streams, [[*raws[:20], 1.0, None, 1.0, None, *raws[20:], ENDED]])
    with pytest.raises(CameraError, match="ended"):
        bench.worker().run_once()
    assert len(bench.video) == 20
    assert len(bench.runs) == 1


def test_wrong_password_waits_a_minute() -> None:
    refused = CameraError("The camera refuses the login.", kind=ErrorKind.DENIED, code="V-CAM-03")
    bench = Bench([], [refused])
    bench.worker().run()
    assert bench.connections[0].next_try_s == 60.0


def test_other_failure_is_retried_soon() -> None:
    bench = Bench([], [CameraError("Nothing answers.", kind=ErrorKind.TRANSIENT, code="V-CAM-01")])
    bench.worker().run()
    assert bench.connections[0].next_try_s <= 1.0


class Impatient(Stop):
    """Nobody waits."""

    def wait(self, timeout_s: float | None = None) -> bool:
        return self.is_set()


class Hours(Stop):
    """Waits pass on the simulated clock."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout_s: float | None = None) -> bool:
        self._clock.advance(timeout_s or 0.0)
        return self.is_set()


def away(*, is_by_name: bool = False) -> Bench:
    """A camera that takes no connection for more than eight minutes."""
    clock = SimulatedClock()
    errors: list[list[Step] | CameraError] = [
        unreachable("it refuses the connection", is_by_name=is_by_name) for _ in range(2000)
    ]
    return Bench([], errors, clock=clock, stop=Hours(clock))


def test_camera_that_has_just_gone_is_tried_ten_times_a_second_for_two_minutes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = away()
    bench.worker().run()
    delays = [one.next_try_s for one in bench.connections]
    assert delays[:1190] == [0.1] * 1190
    assert delays[1210:] == [0.5] * (len(delays) - 1210)
    assert len(caplog.records) == 1


def test_camera_that_was_there_has_just_gone(clip: tuple[list[StreamInfo], list[RawPacket]]) -> None:
    streams, raws = clip
    clock = SimulatedClock()
    gone = unreachable("it refuses the connection")
    bench = Bench(streams, [[*raws, 600.0, *raws, ENDED], gone], clock=clock, stop=Hours(clock))
    bench.worker().run()
    assert bench.connections[-1].next_try_s == 0.1


def test_name_of_a_camera_that_has_just_gone_is_asked_for_twice_a_second() -> None:
    bench = away(is_by_name=True)
    bench.worker().run()
    assert {one.next_try_s for one in bench.connections} == {0.5}


def test_name_server_is_not_asked_twice_a_second_for_a_name_that_nobody_has() -> None:
    bench = Bench([], [unknown_name() for _ in range(30)], stop=Impatient())
    bench.worker().run()
    assert all(4.0 <= one.next_try_s <= 6.0 for one in bench.connections[3:])


def test_hurry_holds_for_this_connection_and_later_ones(clip: tuple[list[StreamInfo], list[RawPacket]]) -> None:
    streams, raws = clip
    bench = Bench(streams, [[*raws, ENDED], [*raws, ENDED]])
    worker = bench.worker()
    worker.hurry(True)
    for _ in range(2):
        with pytest.raises(CameraError):
            worker.run_once()
    worker.hurry(False)
    assert [source.hurries for source in bench.sources] == [[True], [True]]


def test_who_watches_has_each_picture_before_its_duration_is_known(
    clip: tuple[list[StreamInfo], list[RawPacket]],
) -> None:
    streams, raws = clip
    bench = Bench(streams, [[*raws, ENDED], [*raws, ENDED]])
    early: list[tuple[Packet, int]] = []
    worker = bench.worker()
    worker.on_early = lambda packet: early.append((packet, len(bench.video)))
    with pytest.raises(CameraError):
        worker.run_once()
    assert early == [], "nobody watches"
    worker.hurry(True)
    with pytest.raises(CameraError):
        worker.run_once()
    again = bench.video[20:]
    # The first begins the run: only when it is said can anything be shown.
    assert [(one.dts, one.data, one.run) for one, _ in early] == [(one.dts, one.data, one.run) for one in again[1:]]
    assert [handed - 20 for _, handed in early] == list(range(1, 20)), "each before it is handed on"


def test_keyframe_that_begins_a_run_is_not_shown_before_the_run(
    clip: tuple[list[StreamInfo], list[RawPacket]], other_clip: list[RawPacket]
) -> None:
    streams, raws = clip
    later = [replace(raw, pts=raw.pts + 40_000, dts=raw.dts + 40_000) for raw in other_clip if raw.pts and raw.dts]
    bench = Bench(streams, [[*raws, *later, ENDED]])
    early: list[Packet] = []
    worker = bench.worker()
    worker.on_early = early.append
    worker.hurry(True)
    with pytest.raises(CameraError):
        worker.run_once()
    began = [bench.video[0], next(one for one in bench.video if one.run == bench.runs[-1].run)]
    assert [one.dts for one in early] == [one.dts for one in bench.video if one not in began]
    assert [one.run for one in early] == [one.run for one in bench.video if one not in began]


def test_batch_is_told_when_nothing_more_comes_for_now(clip: tuple[list[StreamInfo], list[RawPacket]]) -> None:
    streams, raws = clip
    video = [raw for raw in raws if raw.kind is Kind.VIDEO]
    steps: list[Step] = [None, 0.2, *video[:4], None, 0.2, *video[4:6], None]
    bench = Bench(streams, [[*steps, ENDED]])
    with pytest.raises(CameraError):
        bench.worker().run_once()
    # Nothing; the run's start and all pictures but the one that waits for its successor; two pictures more.
    assert bench.batches == [0, 4, 6]


def test_each_picture_of_a_new_connection_is_told_at_once(clip: tuple[list[StreamInfo], list[RawPacket]]) -> None:
    streams, raws = clip
    video = [raw for raw in raws if raw.kind is Kind.VIDEO]
    steps: list[Step] = [step for raw in video for step in (raw, None, 0.06)]
    bench = Bench(streams, [[*steps, ENDED]])
    with pytest.raises(CameraError):
        bench.worker().run_once()
    # The run begins with the second picture, which tells how long the first one lasts. After a second they are
    # told ten times a second.
    assert len(video) == 20
    assert bench.batches == [0, *range(2, 19), 20]


def test_batches_in_a_hurry_are_told_ten_times_a_second(clip: tuple[list[StreamInfo], list[RawPacket]]) -> None:
    streams, _ = clip
    steps: list[Step] = [None, 0.01] * 100
    bench = Bench(streams, [[*steps, ENDED]])
    with pytest.raises(CameraError):
        bench.worker().run_once()
    assert 10 <= len(bench.batches) <= 12
