"""The fragment writer, judged by ffprobe and by its own sums."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clips import make_clip, needs_h265, raw_packets
from vigilar.base.errors import RecordingError
from vigilar.capture.timestamps import StampGate
from vigilar.media.fmp4 import MAX_FRAME_BYTES, FragmentMuxer
from vigilar.media.packets import Fragment, Kind, Packet, StreamInfo


@dataclass(frozen=True, slots=True)
class Taken:
    streams: list[StreamInfo]
    packets: list[Packet]

    @property
    def video(self) -> list[Packet]:
        return [p for p in self.packets if p.kind is Kind.VIDEO]


def taken(path: Path) -> Taken:
    source, raws = raw_packets(path)
    source.close()
    gate = StampGate(1, source.streams[0].frame_rate)
    packets = [p for raw in raws for p in gate.pass_on(raw, 10**18, 10**9)]
    return Taken(source.streams, packets + gate.flush())


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    return taken(make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", sound=True))


def muxed(muxer: FragmentMuxer, packets: list[Packet]) -> list[Fragment]:
    return [fragment for packet in packets for fragment in muxer.mux(packet)] + muxer.flush()


def judged(path: Path, muxer: FragmentMuxer, fragments: list[Fragment]) -> list[dict[str, Any]]:
    """What ffprobe counts, stream by stream; it must not find an error."""
    path.write_bytes(muxer.init_segment + b"".join(f.data for f in fragments))
    entries = "stream=codec_name,codec_tag_string,width,height,nb_read_frames,duration_ts,start_pts,time_base"
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", entries, "-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    streams: list[dict[str, Any]] = json.loads(done.stdout)["streams"]
    return streams


def stamps(path: Path, kind: str) -> list[float]:
    command = ["ffprobe", "-v", "error", "-select_streams", kind, "-show_entries", "packet=pts_time", "-of", "csv=p=0"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=True)
    return [float(line.rstrip(",")) for line in done.stdout.split()]


def test_no_frame_and_no_sound_is_missing(clip: Taken, tmp_path: Path) -> None:
    muxer = FragmentMuxer(clip.streams)
    video, audio = judged(tmp_path / "out.mp4", muxer, muxed(muxer, clip.packets))
    assert (video["codec_tag_string"], video["width"], video["height"]) == ("avc1", 320, 180)
    assert int(video["nb_read_frames"]) == 20
    assert int(audio["nb_read_frames"]) == len(clip.packets) - 20
    ticks = int(video["duration_ts"]) - int(video["start_pts"])
    assert ticks * Fraction(video["time_base"]) == 2


def test_sound_stays_with_picture(clip: Taken, tmp_path: Path) -> None:
    muxer = FragmentMuxer(clip.streams)
    judged(tmp_path / "out.mp4", muxer, muxed(muxer, clip.packets))
    for kind, name in ((Kind.VIDEO, "v"), (Kind.AUDIO, "a")):
        expected = [float(p.pts * p.time_base) for p in clip.packets if p.kind is kind]
        assert stamps(tmp_path / "out.mp4", name) == pytest.approx(expected, abs=1e-5)


def test_fragments_end_at_keyframes_and_half_seconds(clip: Taken) -> None:
    fragments = muxed(FragmentMuxer(clip.streams[:1]), clip.video)
    assert [f.duration_ms for f in fragments] == [500, 500, 500, 500]
    assert [f.starts_with_keyframe for f in fragments] == [True, False, True, False]
    ends = [f.base_dts + round(f.duration_ms / 1000 / clip.streams[0].time_base) for f in fragments]
    assert ends[:-1] == [f.base_dts for f in fragments[1:]]


def test_one_frame_leaves_in_its_own_call(clip: Taken, tmp_path: Path) -> None:
    muxer = FragmentMuxer(clip.streams[:1], per_frame=True)
    answers = [muxer.mux(packet) for packet in clip.video]
    assert [len(answer) for answer in answers] == [1] * 20
    streams = judged(tmp_path / "out.mp4", muxer, [answer[0] for answer in answers])
    assert int(streams[0]["nb_read_frames"]) == 20


def test_sound_beside_single_frames_leaves_at_once_too(clip: Taken, tmp_path: Path) -> None:
    muxer = FragmentMuxer(clip.streams, per_frame=True)
    answers = [muxer.mux(packet) for packet in clip.packets]
    assert {len(answer) for answer in answers} == {1}
    assert not muxer.flush()
    video, audio = judged(tmp_path / "out.mp4", muxer, [answer[0] for answer in answers])
    assert int(video["nb_read_frames"]) == 20
    assert int(audio["nb_read_frames"]) == len(clip.packets) - 20
    assert [f[0].starts_with_keyframe for f in answers].count(True) == sum(p.is_keyframe for p in clip.video)


@needs_h265()
def test_h265_is_tagged_for_browsers(tmp_path: Path) -> None:
    hevc = taken(make_clip(tmp_path / "in.mp4", h265=True))
    muxer = FragmentMuxer(hevc.streams)
    (video,) = judged(tmp_path / "out.mp4", muxer, muxed(muxer, hevc.packets))
    assert video["codec_tag_string"] == "hvc1"
    assert int(video["nb_read_frames"]) == 20
    assert muxer.codecs.startswith("hvc1.")


def bulky(clip: Taken, size: int, number: int, *, is_keyframe: bool = False) -> Packet:
    base = clip.video[0]
    data = b"\0\0\0\1\x65" + b"\xaa" * (size - 5)
    return Packet(Kind.VIDEO, data, number * 100, number * 100, 100, base.time_base, is_keyframe, 1, 0, 0)


def test_fragment_is_cut_before_it_is_too_large(clip: Taken) -> None:
    muxer = FragmentMuxer(clip.streams[:1], fragment_ms=60_000, max_bytes=100_000)
    fragments = muxed(muxer, [bulky(clip, 30_000, n) for n in range(10)])
    assert sum(len(f.data) for f in fragments) > 300_000
    assert max(len(f.data) for f in fragments) <= 100_000


def test_one_large_frame_stands_alone(clip: Taken) -> None:
    muxer = FragmentMuxer(clip.streams[:1], fragment_ms=60_000, max_bytes=100_000)
    fragments = muxed(muxer, [bulky(clip, 1000, 0), bulky(clip, 150_000, 1), bulky(clip, 1000, 2)])
    assert [len(f.data) > 100_000 for f in fragments] == [False, True, False]


@pytest.mark.parametrize(("size", "refused"), [(MAX_FRAME_BYTES, 0), (MAX_FRAME_BYTES + 1, 1)])
def test_frame_no_record_can_hold_is_refused(clip: Taken, size: int, refused: int) -> None:
    muxer = FragmentMuxer(clip.streams[:1], per_frame=True)
    fragments = muxer.mux(bulky(clip, size, 0, is_keyframe=True))
    assert muxer.refused == refused
    assert len(fragments) == 1 - refused
    assert all(len(f.data) <= 4 * 1024 * 1024 for f in fragments)


def test_two_muxers_of_a_run_fit_together(clip: Taken, tmp_path: Path) -> None:
    """A viewer's history and what follows come from different muxers; so do two files of one run."""
    one, two = FragmentMuxer(clip.streams[:1]), FragmentMuxer(clip.streams[:1])
    fragments = muxed(one, clip.video[:10]) + muxed(two, clip.video[10:])
    streams = judged(tmp_path / "out.mp4", one, fragments)
    assert int(streams[0]["nb_read_frames"]) == 20


def test_lonely_sound_is_put_out(clip: Taken) -> None:
    sounds = [p for p in clip.packets if p.kind is Kind.AUDIO]
    muxer = FragmentMuxer(clip.streams)
    fragments = [fragment for packet in sounds for fragment in muxer.mux(packet)]
    assert [f.duration_ms for f in fragments] == [0, 0]


def test_sound_of_pictures_that_are_put_out_waits_for_the_next_of_them(clip: Taken) -> None:
    """It is not lonely, only late; with a fragment of its own the recording would go back in time."""
    sounds = [p for p in clip.packets if p.kind is Kind.AUDIO]
    muxer = FragmentMuxer(clip.streams)
    muxed(muxer, clip.video[:15])
    (with_both,) = muxed(muxer, [*sounds[:20], clip.video[15]])
    assert with_both.base_dts == clip.video[15].dts


def test_setup_without_sets_is_refused() -> None:
    with pytest.raises(RecordingError):
        FragmentMuxer([StreamInfo(Kind.VIDEO, "h264", Fraction(1, 90_000))])
