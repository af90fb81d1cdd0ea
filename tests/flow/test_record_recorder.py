"""The recorder on real parts: real fragments, real `.vge` files, real SQLite. Only clock and packets are the test's."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.recording_kit import Bench, Clip, bench, make_clip, probe_times
from vigilar.base.stop import Stop
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.media.packets import Packet
from vigilar.record.choice import RecordingMode
from vigilar.record.recorder import RecorderSettings
from vigilar.record.ring import PACKET_OVERHEAD_BYTES
from vigilar.store.files import FileRow
from vigilar.vge.format import CloseReason, RecordType
from vigilar.vge.reader import VgeReader
from vigilar.vge.report import Verdict
from vigilar.vge.verify import verify_file

ALWAYS = RecorderSettings(segment_s=6.0)
MOTION = RecorderSettings(RecordingMode.MOTION, before_s=5.0, after_s=3.0, segment_s=300.0)
IDLE = RecorderSettings(RecordingMode.KEYFRAMES_WHEN_IDLE, before_s=5.0, after_s=3.0, segment_s=300.0)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), seconds=4, fps=10, gop=10)


@pytest.fixture(scope="module")
def clip_with_sound(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), seconds=4, fps=10, gop=10, has_sound=True)


def _packets(clip: Clip, seconds: float, *, from_s: float = 0.0, run: int = 1) -> list[Packet]:
    return list(islice(clip.endless(run, from_s), round(seconds * len(clip.packets) / (clip.duration_ns / 1e9))))


def _ring_bytes(clip: Clip, seconds: float) -> int:
    return sum(len(packet.data) + PACKET_OVERHEAD_BYTES for packet in _packets(clip, seconds))


def _frames(bench: Bench, rows: list[FileRow], stream: str = "v:0") -> list[float]:
    return [at for row in rows for at, _, _ in probe_times(bench.plaintext(row), bench.data_dir, stream)]


def _assert_closed(bench: Bench, rows: list[FileRow]) -> None:
    for row in rows:
        assert row.state == "closed"
        report = verify_file(bench.path(row), bench.keys)
        assert report.verdict is Verdict.CLOSED, report.sentence
        assert row.link == report.link


def test_always_rolls_at_keyframes_and_loses_nothing(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, ALWAYS) as b:
        b.ring.add(clip.run())
        b.feed(_packets(clip, 20))
        b.recorder.finish()
        rows = b.rows()
        assert [row.reason for row in rows] == ["rollover", "rollover", "rollover", "stop"]
        _assert_closed(b, rows)
        frames = _frames(b, rows)
        assert len(frames) == 200
        assert frames == pytest.approx([index / 10 for index in range(200)], abs=0.001)
        for row in rows:
            assert probe_times(b.plaintext(row), tmp_path)[0][2], "begins with a keyframe"
        assert [row.end_ms for row in rows[:-1]] == [row.start_ms for row in rows[1:]]
        assert not b.facts
        assert b.ring.size_bytes < _ring_bytes(clip, 2.5), "what is written is let go"


def test_before_a_motion_the_pre_roll_is_kept(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, MOTION) as b:
        b.ring.add(clip.run())
        b.feed(_packets(clip, 60))
        assert b.ring.size_bytes > _ring_bytes(clip, MOTION.before_s)


def test_files_are_chained_and_say_what_is_in_them(clip_with_sound: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, ALWAYS) as b:
        b.ring.add(clip_with_sound.run())
        b.feed(_packets(clip_with_sound, 14))
        b.recorder.finish()
        rows = b.rows()
        links = [bytes(32)]
        for row in rows:
            with VgeReader.open(b.path(row), b.keys) as reader:
                assert reader.header.previous_link == links[-1]
                assert reader.header.file_number == row.number
            assert row.link is not None
            links.append(row.link)
            assert (row.width, row.height, row.has_audio) == (160, 96, True)
            assert row.codec.startswith("avc1.")
            assert "mp4a.40.2" in row.codec
            assert row.path == f"footage/front/2026-02-02/{row.number}.vge"
            assert b.path(row).stat().st_mode & 0o777 == 0o600
        sound = _frames(b, rows, "a:0")
        assert len(sound) == sum(packet.kind.value == "audio" for packet in _packets(clip_with_sound, 14))
        assert sound == sorted(sound)


def test_a_fragment_at_least_every_half_second_reaches_the_file(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, RecorderSettings()) as b:
        b.ring.add(clip.run())
        packets = _packets(clip, 7)
        worst_ns = 0
        for index in range(0, len(packets), 2):
            b.feed(packets[index : index + 2])
            rows = b.rows()
            if rows:
                with VgeReader.open(b.path(rows[0]), b.keys) as reader:
                    last = reader.entries[-1]
                    end_ns = last.mono_ns + last.duration_ms * 1_000_000
                worst_ns = max(worst_ns, packets[index + 1].mono_ns + 100_000_000 - end_ns)
        assert worst_ns <= 800_000_000


def test_sync_comes_within_a_second_also_without_packets(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, RecorderSettings()) as b:
        b.ring.add(clip.run())
        b.feed(_packets(clip, 1.2))
        synced = b.recorder.counters.syncs
        b.wait(0.9)
        assert b.recorder.counters.syncs == synced + 1
        b.wait(5)
        assert b.recorder.counters.syncs == synced + 1


def test_motion_mode_writes_pre_roll_motion_and_post_roll_only(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, MOTION) as b:
        b.ring.add(clip.run())
        packets = _packets(clip, 40)
        b.feed(packets[:205])
        assert not b.rows()
        b.recorder.motion_started(packets[195].mono_ns)  # known 1 s later
        b.feed(packets[205:260])
        b.recorder.motion_ended(packets[247].mono_ns)
        b.feed(packets[260:])
        b.recorder.finish()
        (row,) = b.rows()
        _assert_closed(b, [row])
        assert row.reason == "no motion"
        # first moving frame 19.5 s, so from the keyframe at 14.0 s; last 24.7 s, so the group that holds 27.7 s
        assert _frames(b, [row]) == pytest.approx([index / 10 for index in range(140, 280)], abs=0.001)


def test_settings_change_while_it_records(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, RecorderSettings(segment_s=300.0)) as b:
        b.ring.add(clip.run())
        packets = _packets(clip, 60)
        b.feed(packets[:100])
        b.recorder.use(RecorderSettings(segment_s=4.0))
        b.feed(packets[100:200])
        b.recorder.use(MOTION)
        b.feed(packets[200:500])
        b.recorder.use(RecorderSettings(segment_s=300.0))
        b.feed(packets[500:])
        b.recorder.finish()
        rows = b.rows()
        _assert_closed(b, rows)
        frames = [round(at) for at in _frames(b, rows)]
        lengths = [round((row.end_ms or 0) - row.start_ms, -3) // 1000 for row in rows]
        assert lengths[:1] == [10], "the open file ends at the next keyframe, as it is longer than 4 s"
        assert lengths[1:3] == [4, 4]
        assert len(frames) < 500, "without motion nothing was written"
        assert [row.reason for row in rows] == ["rollover", "rollover", "rollover", "no motion", "stop"]
        assert rows[-1].end_ms == rows[0].start_ms + 60_000, "and everything again in the end"
        assert not b.facts, "nothing is told as lost"


def test_motion_in_post_roll_extends_the_file(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, MOTION) as b:
        b.ring.add(clip.run())
        packets = _packets(clip, 50)
        b.feed(packets[:102])
        b.recorder.motion_started(packets[100].mono_ns)
        b.feed(packets[102:122])
        b.recorder.motion_ended(packets[110].mono_ns)
        b.feed(packets[122:132])
        b.recorder.motion_started(packets[130].mono_ns)
        b.feed(packets[132:152])
        b.recorder.motion_ended(packets[150].mono_ns)
        b.feed(packets[152:])
        (row,) = b.rows()
        assert _frames(b, [row]) == pytest.approx([index / 10 for index in range(50, 190)], abs=0.001)


def test_two_motions_apart_make_two_files_without_overlap(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, MOTION) as b:
        b.ring.add(clip.run())
        packets = _packets(clip, 60)
        b.feed(packets[:102])
        b.recorder.motion_started(packets[100].mono_ns)
        b.recorder.motion_ended(packets[101].mono_ns)
        b.feed(packets[102:302])
        b.recorder.motion_started(packets[300].mono_ns)
        b.feed(packets[302:312])
        b.recorder.motion_ended(packets[305].mono_ns)
        b.feed(packets[312:])
        first, second = b.rows()
        assert _frames(b, [first]) == pytest.approx([index / 10 for index in range(50, 140)], abs=0.001)
        assert _frames(b, [second]) == pytest.approx([index / 10 for index in range(250, 340)], abs=0.001)


def test_keyframes_when_idle_holds_keyframes_and_the_whole_motion(clip_with_sound: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, IDLE) as b:
        b.ring.add(clip_with_sound.run())
        packets = _packets(clip_with_sound, 40)
        moving = next(index for index, packet in enumerate(packets) if packet.mono_ns >= 20_500_000_000)
        quiet = next(index for index, packet in enumerate(packets) if packet.mono_ns >= 23_000_000_000)
        b.feed(packets[: moving + 5])
        b.recorder.motion_started(packets[moving].mono_ns)
        b.feed(packets[moving + 5 : quiet])
        b.recorder.motion_ended(packets[quiet - 1].mono_ns)
        b.feed(packets[quiet:])
        b.recorder.finish()
        (row,) = b.rows()
        _assert_closed(b, [row])
        times = probe_times(b.plaintext(row), tmp_path)
        # motion from 19.5 to 22 s of the clip's time: full from 14 to 25
        expected = [*range(0, 140, 10), *range(140, 250), *range(250, 390, 10)]
        assert [at for at, _, _ in times] == pytest.approx([tenth / 10 for tenth in expected], abs=0.001)
        with VgeReader.open(b.path(row), b.keys) as reader:
            media = [entry for entry in reader.entries if entry.type is RecordType.MEDIA]
        assert [entry.duration_ms for entry in media[:14]] == [1000] * 14, "a keyframe lasts until the next"


@pytest.mark.parametrize("settings", [MOTION, IDLE], ids=["motion", "keyframes when idle"])
def test_motion_is_written_at_once_and_nothing_is_called_slow(
    clip_with_sound: Clip, tmp_path: Path, settings: RecorderSettings
) -> None:
    with bench(tmp_path, settings) as b:
        b.ring.add(clip_with_sound.run())
        packets = _packets(clip_with_sound, 40)
        moving = next(index for index, packet in enumerate(packets) if packet.mono_ns >= 20_500_000_000)
        b.feed(packets[:moving])
        assert b.recorder.why_not_recording is None
        b.recorder.motion_started(packets[moving].mono_ns)
        b.feed(packets[moving : moving + 10])
        assert b.recorder.is_recording, "quiet groups of the seconds before do not hold it up"
        assert b.recorder.why_not_recording is None
        for index in range(moving + 10, len(packets), 10):
            b.feed(packets[index : index + 10])
            assert b.recorder.why_not_recording is None


def test_new_run_makes_new_file_with_mark(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, RecorderSettings()) as b:
        b.ring.add(clip.run())
        b.feed(_packets(clip, 3))
        b.ring.add(clip.run(2, 8.0))
        b.feed(_packets(clip, 3, from_s=8.0, run=2))
        b.recorder.finish()
        first, second = b.rows()
        assert (first.reason, second.reason) == ("new connection", "stop")
        (mark,) = b.marks(second)
        assert json.loads(mark) == {"kind": "reconnect", "detail": {"run": 2, "missing_ms": 5000}}
        assert _frames(b, [first]) == pytest.approx([index / 10 for index in range(30)], abs=0.001)
        _assert_closed(b, [first, second])


def test_silence_closes_the_file(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, RecorderSettings()) as b:
        b.ring.add(clip.run())
        b.feed(_packets(clip, 2.3))
        b.wait(29)
        assert b.rows()[0].state == "open"
        b.wait(2)
        (row,) = b.rows()
        assert (row.state, row.reason) == ("closed", "the camera sends nothing")
        assert len(_frames(b, [row])) == 23


def test_clock_step_is_marked_and_told(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, RecorderSettings()) as b:
        b.ring.add(clip.run())
        packets = _packets(clip, 4)
        b.feed(packets[:20])
        b.clock.step_utc(3600)
        b.feed(packets[20:])
        b.recorder.finish()
        assert b.kinds() == ["clock_stepped"]
        (mark,) = b.marks(b.rows()[0])
        assert json.loads(mark) == {"kind": "clock-step", "detail": {"step_ms": 3_600_000}}
        assert len(_frames(b, b.rows())) == 40


@pytest.mark.parametrize("step_s", [3600, -30])
def test_moved_clock_begins_a_file_with_the_next_group(clip: Clip, tmp_path: Path, step_s: int) -> None:
    """Each file is of one clock: what it says of its times is true from end to end. No picture is lost."""
    with bench(tmp_path, RecorderSettings()) as b:
        b.ring.add(clip.run())
        packets = _packets(clip, 6)
        moved = [replace(one, utc_ns=one.utc_ns + step_s * 10**9) for one in packets[25:]]
        b.feed(packets[:25])
        b.clock.step_utc(step_s)
        b.feed(moved)
        b.recorder.finish()
        first, second = sorted(b.rows(), key=lambda row: row.number)
        start_ms = packets[0].utc_ns // 1_000_000
        assert (first.start_ms, first.end_ms) == (start_ms, start_ms + 3000)
        assert first.reason == "the clock was moved"
        assert second.start_ms == start_ms + 3000 + step_s * 1000
        assert second.end_ms == start_ms + 6000 + step_s * 1000
        assert len(_frames(b, [first])) == 30
        assert len(_frames(b, [second])) == 30
        assert b.kinds() == ["clock_stepped"]


def test_slow_disk_closes_the_run_and_reports_what_is_missing(clip: Clip, tmp_path: Path) -> None:
    gop_bytes = sum(len(packet.data) + 400 for packet in clip.packets[:10])
    with bench(tmp_path, RecorderSettings(), ring_bytes=gop_bytes * 4) as b:
        b.ring.add(clip.run())
        packets = _packets(clip, 20)
        b.feed(packets[:25])
        for packet in packets[25:150]:  # the recorder does not come to look for 12.5 s
            b.ring.add(packet)
        b.clock.advance(12.5)
        b.feed(packets[150:])
        b.recorder.finish()
        first, second = b.rows()
        before, after = _frames(b, [first]), _frames(b, [second])
        assert before == pytest.approx([index / 10 for index in range(25)], abs=0.001)
        assert after[-1] == pytest.approx(19.9)
        ((kind, _, detail),) = b.facts
        assert (kind, detail["reason"]) == ("footage_lost", "the disk was too slow")
        assert detail["from_ms"] == b.rows()[0].end_ms
        assert detail["to_ms"] == second.start_ms
        assert detail["lost_ms"] == round((after[0] - 2.5) * 1000)
        assert json.loads(b.marks(second)[0])["kind"] == "gap"
        assert b.recorder.counts()["lost_packets"] == round((after[0] - 2.5) * 10)


def test_stop_closes_with_stop(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, RecorderSettings()) as b:
        stop = Stop()
        b.ring.add(clip.run())
        for packet in _packets(clip, 2.7):
            b.ring.add(packet)
        stop.set()
        b.recorder.run(stop)
        (row,) = b.rows()
        assert (row.state, row.reason) == ("closed", "stop")
        assert verify_file(b.path(row), b.keys).close_reason is CloseReason.STOP
        assert len(_frames(b, [row])) == 27


def test_checkpoints_come_every_ten_seconds_and_at_motion(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, RecorderSettings()) as b:
        b.ring.add(clip.run())
        packets = _packets(clip, 30)
        b.feed(packets[:20])
        early = b.rows()[0].checkpoint_record
        b.feed(packets[20:90])
        assert b.rows()[0].checkpoint_record == early
        b.recorder.motion_started(packets[90].mono_ns)
        b.feed(packets[90:93])
        at_motion = b.rows()[0].checkpoint_record
        assert early is not None
        assert at_motion is not None
        assert at_motion > early
        b.feed(packets[93:200])
        later = b.rows()[0]
        assert later.checkpoint_record is not None
        assert later.checkpoint_record > at_motion
        assert later.end_ms is not None
        assert later.end_ms > later.start_ms


def test_a_stream_that_cannot_be_muxed_is_reported_and_the_next_run_recorded(clip: Clip, tmp_path: Path) -> None:
    class Broken(FragmentMuxer):
        def mux(self, packet: Packet) -> Any:
            raise KeyError("poisoned packet")

    muxers: list[type[FragmentMuxer]] = [Broken]
    with bench(tmp_path, RecorderSettings(), make_muxer=lambda streams: muxers[0](streams)) as b:
        b.ring.add(clip.run())
        packets = _packets(clip, 6)
        stop = Stop()
        for packet in packets[:20]:
            b.ring.add(packet)
        b.clock.advance(2)
        for _ in range(3):
            with pytest.raises(KeyError):
                b.recorder.run_once()
            b.recorder._survive_bug()
            if b.recorder.counters.bugs == 2:
                break
        muxers[0] = FragmentMuxer
        b.feed(packets[20:])
        stop.set()
        b.recorder.run(stop)
        (row,) = b.rows()
        assert _frames(b, [row])[0] == pytest.approx(2.0)
        assert b.kinds() == ["footage_lost"]


@pytest.mark.parametrize("mode", list(RecordingMode))
def test_a_group_larger_than_the_ring_is_in_one_file(mode: RecordingMode, clip: Clip, tmp_path: Path) -> None:
    """A keyframe a minute at a high rate: written in pieces in every mode, rather than lost."""
    with bench(tmp_path, RecorderSettings(mode, segment_s=300.0), ring_bytes=400_000) as b:
        packets = [
            replace(packet, is_keyframe=index == 0, data=packet.data + b"\0\0\1\x0c" + b"\xff" * 3000)
            for index, packet in enumerate(islice(clip.endless(), 600))
        ]
        b.ring.add(clip.run())
        b.feed(packets)
        b.recorder.finish()
        (row,) = b.rows()
        assert b.kinds() == []
        assert len(probe_times(b.plaintext(row), tmp_path)) == 600
        assert b.recorder.counts()["ring_bytes"] <= 400_000
