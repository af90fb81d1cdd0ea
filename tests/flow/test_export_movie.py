"""Plain MP4s out of sealed recordings, judged by ffprobe and by decoding: length, seeking, pictures, structure."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from tests.browser.house import House, open_house
from tests.fakes.clips import make_b_frame_clip, needs_h265, raw_packets
from tests.fakes.clips import make_clip as make_h265_clip
from tests.recording_kit import START_MONO_NS, START_UTC_NS, Clip, make_clip
from vigilar.media.boxes import walk
from vigilar.media.file_source import FileSource
from vigilar.media.packets import Kind, Packet, RawPacket, RunStart, StreamRole
from vigilar.playback.export.planned import MovieFile, PlannedMovie
from vigilar.playback.export.planning import Wanted, plan_movies

T0 = START_UTC_NS // 1_000_000


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """4 s of 10 pictures a second, a keyframe every second, with sound; begins at T0."""
    return make_clip(tmp_path_factory.mktemp("clips"), has_sound=True)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


def packets(clip: Clip, from_s: float, to_s: float) -> list[Packet]:
    found: list[Packet] = []
    for packet in clip.endless():
        at_s = (packet.utc_ns - START_UTC_NS) / 1e9
        if at_s >= to_s - 1e-6:
            return found
        if at_s >= from_s - 1e-6:
            found.append(packet)
    raise AssertionError("endless")


def record(house: House, clip: Clip, from_s: float, to_s: float, **options: Any) -> int:
    return house.record("front-door", packets(clip, from_s, to_s), clip.run(), **options)


def plan(house: House, from_s: float, to_s: float) -> list[PlannedMovie]:
    wanted = Wanted("front-door", T0 + round(from_s * 1000), T0 + round(to_s * 1000))
    library = house.parts.footage
    return plan_movies(library, wanted, library.find("front-door", wanted.from_ms, wanted.to_ms), lambda _size: None)


def save(house: House, movie: PlannedMovie, path: Path) -> Path:
    data = b"".join(MovieFile(house.parts.footage, movie).read(0, movie.size_bytes))
    assert len(data) == movie.size_bytes
    path.write_bytes(data)
    return path


def probe(path: Path, *what: str) -> Any:
    done = subprocess.run(["ffprobe", "-v", "error", *what, "-of", "json", str(path)], capture_output=True, check=True)
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


def shown_times(path: Path) -> list[float]:
    """Presentation times of the pictures that are seen, as a player decodes them."""
    with av.open(str(path)) as container:
        return [round(float(frame.time or 0.0), 3) for frame in container.decode(video=0)]


def bar_at(path: Path, at_s: float | None = None) -> int:
    """Left end of the bar in the first picture, or in the first one after seeking to ``at_s``."""
    with av.open(str(path)) as container:
        if at_s is not None:
            container.seek(int(at_s * 1_000_000))
        for frame in container.decode(video=0):
            if at_s is None or float(frame.time or 0.0) >= at_s - 0.001:
                row = frame.to_ndarray(format="gray")[48]
                return int((row > 120).argmax())
    raise AssertionError("no picture")


def bar_of_picture(index: int) -> int:
    """Where ``make_clip`` draws the bar in the picture of that number of the endless clip."""
    return index % 40 * 3 % (160 - 16)


class TestPlain:
    def test_no_fragments_and_tables_first(self, house: House, clip: Clip, tmp_path: Path) -> None:
        record(house, clip, 0, 8)
        [movie] = plan(house, 0, 8)
        data = save(house, movie, tmp_path / "a.mp4").read_bytes()
        assert [one.kind for one in walk(data)] == [b"ftyp", b"moov", b"mdat"]
        moov = next(one for one in walk(data) if one.kind == b"moov")
        assert b"mvex" not in [one.kind for one in walk(data, moov.body, moov.end)]
        assert b"moof" not in data

    def test_length_and_pictures_are_those_of_the_range(self, house: House, clip: Clip, tmp_path: Path) -> None:
        record(house, clip, 0, 12)
        [movie] = plan(house, 2.5, 9.7)
        path = save(house, movie, tmp_path / "a.mp4")
        found = probe(
            path, "-count_frames", "-show_entries", "format=duration:stream=nb_read_frames,codec_type,duration"
        )
        assert float(found["format"]["duration"]) == pytest.approx(7.2, abs=0.01)
        assert [s["nb_read_frames"] for s in found["streams"] if s["codec_type"] == "video"] == ["72"]
        assert (movie.pictures, movie.length_ms) == (72, 7200)

    def test_first_and_last_picture_to_the_frame(self, house: House, clip: Clip, tmp_path: Path) -> None:
        record(house, clip, 0, 12)
        [movie] = plan(house, 2.55, 9.65)
        path = save(house, movie, tmp_path / "a.mp4")
        times = shown_times(path)
        assert times == [round(index / 10, 3) for index in range(72)]  # those of 2.5 (on screen at 2.55) to 9.6
        assert abs(bar_at(path) - bar_of_picture(25)) <= 2
        assert (movie.start_ms - T0, movie.end_ms - T0) == (2500, 9700)

    def test_seeks_to_the_picture(self, house: House, clip: Clip, tmp_path: Path) -> None:
        record(house, clip, 0, 12)
        path = save(house, plan(house, 1.2, 11)[0], tmp_path / "a.mp4")
        assert abs(bar_at(path, 5.0) - bar_of_picture(62)) <= 2

    def test_sound_stays_with_its_picture(self, house: House, clip: Clip, tmp_path: Path) -> None:
        for start in (0, 4, 8):
            record(house, clip, start, start + 4)
        path = save(house, plan(house, 2.5, 9.7)[0], tmp_path / "a.mp4")
        streams = {one["codec_type"]: one for one in probe(path, "-show_streams")["streams"]}
        assert float(streams["audio"]["duration"]) == pytest.approx(7.2, abs=0.1)
        assert abs(float(streams["audio"]["start_time"]) - float(streams["video"]["start_time"])) < 0.05
        with av.open(str(path)) as container:
            heard = [float(frame.time or 0) for frame in container.decode(audio=0)]
        assert all(0 < b - a < 0.15 for a, b in pairwise(heard))


class TestManyFiles:
    def test_sound_left_out_at_a_join_moves_no_other(self, house: House, clip: Clip, tmp_path: Path) -> None:
        record(house, clip, 0, 1.5)
        record(house, clip, 1.5, 3)  # its first picture, a keyframe, comes half a second after its first sound
        [movie] = plan(house, 0, 3)
        with av.open(str(save(house, movie, tmp_path / "out.mp4"))) as container:
            sound = [bytes(one) for one in container.demux(audio=0) if one.size]
        recorded = {bytes(one.data) for one in clip.packets if one.kind is Kind.AUDIO}
        assert len(sound) > 30
        assert [number for number, one in enumerate(sound) if one not in recorded] == []

    def test_files_join_without_a_seam(self, house: House, clip: Clip, tmp_path: Path) -> None:
        for start in (0, 4, 8):
            record(house, clip, start, start + 4)
        [movie] = plan(house, 1.5, 10.5)
        assert shown_times(save(house, movie, tmp_path / "a.mp4")) == [round(i / 10, 3) for i in range(90)]
        assert movie.gaps == ()

    def test_gap_is_closed_up_and_listed(self, house: House, clip: Clip, tmp_path: Path) -> None:
        record(house, clip, 0, 4)
        record(house, clip, 8, 12)
        [movie] = plan(house, 1, 11)
        times = shown_times(save(house, movie, tmp_path / "a.mp4"))
        assert times == [round(i / 10, 3) for i in range(60)]
        assert [(gap.from_ms - T0, gap.to_ms - T0, gap.at_ms) for gap in movie.gaps] == [(4000, 8000, 3000)]

    def test_another_format_begins_another_file(self, house: House, clip: Clip, tmp_path: Path) -> None:
        record(house, clip, 0, 4)
        other = make_clip(tmp_path, size=(320, 192))
        later = [replace(p, utc_ns=p.utc_ns + 4 * 10**9, mono_ns=p.mono_ns + 4 * 10**9) for p in other.packets]
        house.record("front-door", later, other.run(2, 4.0))
        movies = plan(house, 1, 7)
        assert [len(shown_times(save(house, one, tmp_path / "a.mp4"))) for one in movies] == [30, 30]
        assert [one.start_ms - T0 for one in movies] == [1000, 4000]

    def test_damaged_record_is_a_gap_up_to_the_next_keyframe(self, house: House, clip: Clip, tmp_path: Path) -> None:
        file_id = record(house, clip, 0, 8)
        library = house.parts.footage
        row = library.get_video("front-door", file_id)
        assert row is not None
        entry = next(one for one in library.find_records(row, 1, 999) if one.utc_ns - START_UTC_NS > 3.4 * 10**9)
        with (house.folder / row.path).open("r+b") as file:
            file.seek(entry.offset + 100)
            byte = file.read(1)
            file.seek(-1, 1)
            file.write(bytes([byte[0] ^ 1]))
        [movie] = plan(house, 1, 7)
        assert len(shown_times(save(house, movie, tmp_path / "a.mp4"))) == 55
        assert [gap.words for gap in movie.gaps] == ["The recording is damaged there."]


class TestBytes:
    def test_any_range_is_the_slice_of_the_whole(self, house: House, clip: Clip, tmp_path: Path) -> None:
        for start in (0, 4):
            record(house, clip, start, start + 4)
        [movie] = plan(house, 1, 7)
        file = MovieFile(house.parts.footage, movie)
        whole = b"".join(file.read(0, movie.size_bytes))
        size, head = len(whole), len(movie.head)
        for start, stop in ((0, 2), (head - 1, head + 1), (head, size), (size - 1, size), (1000, size - 1000), (5, 5)):
            assert b"".join(file.read(start, stop)) == whole[start:stop]

    def test_planned_twice_is_the_same_file(self, house: House, clip: Clip, tmp_path: Path) -> None:
        record(house, clip, 0, 8)
        first, second = plan(house, 1, 7)[0], plan(house, 1, 7)[0]
        assert (first.etag, first.head) == (second.etag, second.head)


class TestOrder:
    def test_pictures_sent_out_of_order_are_cut_as_they_are_shown(self, house: House, tmp_path: Path) -> None:
        source, raws = raw_packets(make_b_frame_clip(tmp_path / "b.mp4"))
        record_raw(house, source, raws)
        offsets = {(raw.pts or 0) - (raw.dts or 0) for raw in raws}
        assert len(offsets) > 1, "the clip has pictures out of order"
        [movie] = plan(house, 1.05, 3.05)
        path = save(house, movie, tmp_path / "a.mp4")
        times = shown_times(path)
        assert times == [round(index / 10, 3) for index in range(21)]  # from the one on screen at 1.05 to that of 3.0
        assert movie.pictures == 21
        [stream] = probe(path, "-count_frames", "-show_entries", "stream=nb_read_frames")["streams"]
        assert stream["nb_read_frames"] == "21"

    @needs_h265()
    def test_h265_is_plain_too(self, house: House, tmp_path: Path) -> None:
        source, raws = raw_packets(make_h265_clip(tmp_path / "h265.mp4", pictures=40, h265=True))
        record_raw(house, source, raws)
        [movie] = plan(house, 1.5, 3.5)
        path = save(house, movie, tmp_path / "a.mp4")
        assert shown_times(path) == [round(index / 10, 3) for index in range(20)]
        [stream] = probe(path, "-show_entries", "stream=codec_name,codec_tag_string")["streams"]
        assert (stream["codec_name"], stream["codec_tag_string"]) == ("hevc", "hvc1")


def record_raw(house: House, source: FileSource, raws: list[RawPacket]) -> None:
    """Record what a file gives, its first packet at T0, and close it."""
    first = min(raw.dts for raw in raws if raw.dts is not None)
    packets = []
    for raw in raws:
        assert raw.pts is not None
        assert raw.dts is not None
        at_ns = int((raw.dts - first) * raw.time_base * 10**9)
        packets.append(
            Packet(
                raw.kind, raw.data, raw.pts - first, raw.dts - first, raw.duration, raw.time_base, raw.is_keyframe, 1,
                START_UTC_NS + at_ns, START_MONO_NS + at_ns,
            )
        )  # fmt: skip
    run = RunStart(StreamRole.MAIN, 1, tuple(source.streams), START_UTC_NS, START_MONO_NS)
    house.record("front-door", packets, run)
    source.close()
