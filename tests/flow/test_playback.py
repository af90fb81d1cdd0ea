"""Rows and sealed recordings as timelines, segments and clips: what is opened, held and told. Real parts throughout."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from tests.ready_store import open_ready_store
from tests.recording_kit import START_UTC_NS, Clip, bench, make_clip
from vigilar.media.boxes import box, read_decode_times
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.media.packets import Fragment, Kind, Packet
from vigilar.media.recording_boxes import movie_fragment
from vigilar.playback.clip import plan_clip
from vigilar.playback.library import Library
from vigilar.playback.pieces import PIECE_BYTES
from vigilar.playback.playlist import footage_playlist
from vigilar.playback.segments import LONG_SEGMENT_MS, cut_segments, segment_length_ms
from vigilar.playback.timeline import Timeline, read_timeline
from vigilar.record.choice import RecordingMode
from vigilar.record.recorder import RecorderSettings
from vigilar.store import files as file_rows
from vigilar.store.cameras import ensure_camera
from vigilar.store.deletions import KeptAround, Why, begin
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, insert_event
from vigilar.vge.keys import KeyRing
from vigilar.vge.sealed import SealedFile

T0 = START_UTC_NS // 1_000_000
FILE_MS = 300_000


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """4 s of 10 pictures a second, a keyframe every second; begins at T0."""
    return make_clip(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


def packets(clip: Clip, from_s: float, to_s: float, run: int = 1) -> list[Packet]:
    """The endless clip between two times of its own."""
    found: list[Packet] = []
    for packet in clip.endless(run):
        at_s = (packet.utc_ns - START_UTC_NS) / 1e9
        if at_s >= to_s - 1e-6:
            return found
        if at_s >= from_s - 1e-6:
            found.append(packet)
    raise AssertionError("endless")


def url(kind: str, from_s: float, to_s: float) -> str:
    return f"/footage/front-door/{kind}?from={T0 + round(from_s * 1000)}&to={T0 + round(to_s * 1000)}"


def held_open(folder: Path) -> list[str]:
    """Recordings below ``folder`` that this process holds open, deleted ones too."""
    found = []
    for fd in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(fd)
        except FileNotFoundError:
            continue
        if ".vge" in target and target.startswith(str(folder)):
            found.append(target)
    return found


def no_key() -> KeyRing:
    raise AssertionError("nothing is to be opened")


def add_row(store: Store, number: int, start_ms: int, end_ms: int, reason: str, state: Any = "closed") -> int:
    """A row without a file."""
    new = file_rows.NewFile(
        camera_id="front", content="video", number=number, path=f"footage/front/{number}.vge", start_ms=start_ms
    )
    file_id = file_rows.add_file(store, new)
    file_rows.close_file(
        store, file_id, state=state, end_ms=end_ms, size_bytes=1, plaintext_bytes=1, record_count=1, link=None,
        reason=reason,
    )  # fmt: skip
    return file_id


class TestTimeline:
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        with closing(open_ready_store(tmp_path)) as store:
            ensure_camera(store, "front", "Front door", 1)
            yield store

    def test_day_is_told_without_a_file_or_a_key(self, store: Store, tmp_path: Path) -> None:
        """Neither the files nor the keys are there: had it opened anything, it would have failed."""
        for number in range(1, 289):
            start_ms = T0 + (number - 1) * FILE_MS
            add_row(store, number, start_ms, start_ms + FILE_MS - number % 3, "rollover")
        found = read_timeline(Library(store, tmp_path, no_key), "front", T0, T0 + 288 * FILE_MS, T0 + 400 * FILE_MS)
        assert [(one.from_ms - T0, one.to_ms - T0) for one in found.spans] == [(0, 288 * FILE_MS)]
        assert found.gaps == []

    @pytest.mark.parametrize(("gap_ms", "is_told"), [(999, False), (1000, True), (1400, True)])
    def test_gap_of_a_second_is_told(self, store: Store, tmp_path: Path, gap_ms: int, is_told: bool) -> None:
        add_row(store, 1, T0, T0 + 10_000, "new connection")
        add_row(store, 2, T0 + 10_000 + gap_ms, T0 + 20_000, "rollover")
        found = read_timeline(Library(store, tmp_path, no_key), "front", T0, T0 + 20_000, T0 + 99_000)
        assert [(one.from_ms - T0, one.to_ms - T0, one.reason) for one in found.gaps] == (
            [(10_000, 10_000 + gap_ms, "disconnected")] if is_told else []
        )
        assert len(found.spans) == (2 if is_told else 1)

    @pytest.mark.parametrize(
        ("reason", "code"),
        [
            ("no motion", "no-motion"), ("stop", "stopped"), ("disk full", "disk-full"),
            ("the camera sends nothing", "silent"), ("ended by a crash or power cut", "crash"),
            ("footage lost", "lost"), ("the clock was moved", "clock"), ("new format", "unknown"),
            ("taken in from the file", "unknown"), ("taken in from the file: stop", "stopped"),
            ("taken in from the file: damaged before its end", "damaged"),
            ("taken in from the file; nothing is known of the file before", "unknown"),
            ("Could not write x: Input/output error", "damaged"),
        ],
    )  # fmt: skip
    def test_reason_comes_from_the_file_before(self, store: Store, tmp_path: Path, reason: str, code: str) -> None:
        add_row(store, 1, T0, T0 + 1000, reason)
        add_row(store, 2, T0 + 9000, T0 + 10_000, "rollover")
        library = Library(store, tmp_path, no_key)
        assert read_timeline(library, "front", T0, T0 + 9500, T0 + 99_000).gaps[0].reason == code
        inside = read_timeline(library, "front", T0 + 3000, T0 + 8000, T0 + 99_000)
        assert [(one.from_ms - T0, one.to_ms - T0, one.reason) for one in inside.gaps] == [(3000, 8000, code)]
        assert inside.gaps[0].words.endswith(".")

    def test_what_the_recorder_told_of_a_loss_counts_first(self, store: Store, tmp_path: Path) -> None:
        add_row(store, 1, T0, T0 + 1000, "rollover")
        add_row(store, 2, T0 + 9000, T0 + 10_000, "rollover")
        payload = {"title": "t", "from_ms": T0 + 1000, "to_ms": T0 + 9000, "reason": "the disk was too slow"}
        event = NewEvent(
            uid="1", type="footage_lost", severity="ALERT", source_id="front", ts_ms=T0 + 9000, end_ms=None,
            still_id=None, payload=payload,
        )  # fmt: skip
        insert_event(store, event, now_ms=T0)
        gap = read_timeline(Library(store, tmp_path, no_key), "front", T0, T0 + 10_000, T0 + 99_000).gaps[0]
        assert (gap.reason, gap.words) == ("lost", "Footage was lost: the disk was too slow.")

    def test_missing_file_is_a_gap_that_says_so(self, store: Store, tmp_path: Path) -> None:
        add_row(store, 1, T0, T0 + 5000, "rollover")
        file_rows.mark_file(store, add_row(store, 2, T0 + 5000, T0 + 9000, "rollover"), "missing", "gone")
        add_row(store, 3, T0 + 9000, T0 + 12_000, "rollover")
        found = read_timeline(Library(store, tmp_path, no_key), "front", T0, T0 + 12_000, T0 + 99_000)
        assert [(one.from_ms - T0, one.to_ms - T0) for one in found.spans] == [(0, 5000), (9000, 12_000)]
        assert [(one.from_ms - T0, one.to_ms - T0, one.reason) for one in found.gaps] == [(5000, 9000, "deleted")]

    def test_gap_that_retention_made_says_which_rule_made_it(self, store: Store, tmp_path: Path) -> None:
        spans = [(0, 5000), (5000, 9000), (12_000, 15_000), (15_000, 20_000), (30_000, 40_000)]
        ids = [add_row(store, n + 1, T0 + a, T0 + b, "no motion") for n, (a, b) in enumerate(spans)]
        with store.sql_write("test") as run:
            run("UPDATE files SET node_id = 'box'")
        wanted: list[tuple[int, Why]] = [(ids[0], "age"), (ids[1], "age"), (ids[2], "age"), (ids[3], "reserve")]
        assert len(begin(store, "box", wanted, KeptAround(0, 0), T0)) == 4
        library = Library(store, tmp_path, no_key)
        found = read_timeline(library, "front", T0 + 1000, T0 + 40_000, T0 + 99_000)
        assert [(one.from_ms - T0, one.to_ms - T0, one.reason) for one in found.gaps] == [
            (1000, 9000, "deleted-age"),
            (9000, 12_000, "unknown"),
            (12_000, 15_000, "deleted-age"),
            (15_000, 20_000, "deleted-reserve"),
            (20_000, 30_000, "unknown"),
        ]
        assert found.gaps[3].words == "The recording was deleted to keep space free on the disk."

    def test_open_file_that_stopped_growing_is_waited_for(self, store: Store, tmp_path: Path) -> None:
        new = file_rows.NewFile(camera_id="front", content="video", number=1, path="footage/1.vge", start_ms=T0)
        file_rows.checkpoint_file(
            store, file_rows.add_file(store, new), record=1, tag=b"t", offset=1, end_ms=T0 + 4000, size_bytes=1
        )
        library = Library(store, tmp_path, lambda: KeyRing.load_or_create(tmp_path / "secrets"))
        for from_ms, to_ms in ((T0, T0 + 20_000), (T0 + 6000, T0 + 20_000)):
            gaps = read_timeline(library, "front", from_ms, to_ms, T0 + 20_000).gaps
            assert [(one.from_ms, one.to_ms, one.reason) for one in gaps] == [
                (max(from_ms, T0 + 4000), to_ms, "waiting")
            ]

    def test_nothing_before_and_nothing_of_the_future(self, store: Store, tmp_path: Path) -> None:
        add_row(store, 1, T0 + 4000, T0 + 5000, "stop")
        found = read_timeline(Library(store, tmp_path, no_key), "front", T0, T0 + 90_000, T0 + 8000)
        assert [(one.from_ms - T0, one.to_ms - T0, one.reason) for one in found.gaps] == [
            (0, 4000, "before"),
            (5000, 8000, "stopped"),
        ]


class TestRecorderAndTimeline:
    """What the recorder really leaves behind."""

    def timeline(self, b: Any, to_s: float, now_s: float | None = None) -> Timeline:
        b.write_rows()
        library = Library(b.store, b.data_dir, lambda: b.keys)
        now_ms = T0 + round(1000 * (to_s + 100 if now_s is None else now_s))
        return read_timeline(library, "front", T0, T0 + round(to_s * 1000), now_ms)

    def spans(self, found: Timeline) -> list[tuple[int, int]]:
        return [(one.from_ms - T0, one.to_ms - T0) for one in found.spans]

    def test_rollover_is_no_gap(self, tmp_path: Path, clip: Clip) -> None:
        with bench(tmp_path, RecorderSettings(segment_s=5)) as b:
            b.ring.add(clip.run())
            b.feed(packets(clip, 0, 20))
            b.recorder.finish()
            assert len(b.rows()) == 4
            found = self.timeline(b, 20)
        assert (self.spans(found), found.gaps) == ([(0, 20_000)], [])

    def test_open_file_ends_where_its_pictures_end(self, tmp_path: Path, clip: Clip) -> None:
        with bench(tmp_path) as b:
            b.ring.add(clip.run())
            b.feed(packets(clip, 0, 8))
            assert b.rows()[0].state == "open"
            found = self.timeline(b, 60, now_s=8.5)
        assert len(found.spans) == 1
        assert 7000 <= found.spans[0].to_ms - T0 <= 8000
        assert found.gaps == []

    def test_nothing_moving_is_a_gap_with_its_reason(self, tmp_path: Path, clip: Clip) -> None:
        settings = RecorderSettings(mode=RecordingMode.MOTION, before_s=2, after_s=2)
        with bench(tmp_path, settings, ring_s=20) as b:
            b.ring.add(clip.run())
            start_ns = b.clock.mono_ns()
            for at_s in (0, 60):
                b.feed(packets(clip, at_s, at_s + 10))
                b.recorder.motion_started(start_ns + int((at_s + 5) * 1e9))
                b.recorder.motion_ended(start_ns + int((at_s + 7) * 1e9))
                b.feed(packets(clip, at_s + 10, at_s + 60))
            b.recorder.finish()
            found = self.timeline(b, 80)
        assert self.spans(found) == [(3000, 10_000), (63_000, 70_000)]  # post-roll ends with its group
        assert [(one.from_ms - T0, one.to_ms - T0, one.reason) for one in found.gaps] == [
            (0, 3000, "before"),
            (10_000, 63_000, "no-motion"),
            (70_000, 80_000, "no-motion"),
        ]

    def test_lost_connection_of_a_second_is_a_gap(self, tmp_path: Path, clip: Clip) -> None:
        with bench(tmp_path) as b:
            b.ring.add(clip.run())
            b.feed(packets(clip, 0, 8))
            b.ring.add(clip.run(2, 9.2))
            again = [
                replace(p, run=2, utc_ns=p.utc_ns + 9_200_000_000, mono_ns=p.mono_ns + 9_200_000_000)
                for p in packets(clip, 0, 6)
            ]
            b.feed(again)
            b.recorder.finish()
            found = self.timeline(b, 15)
        assert self.spans(found) == [(0, 8000), (9200, 15_000)]
        assert [(one.from_ms - T0, one.to_ms - T0, one.reason) for one in found.gaps] == [(8000, 9200, "disconnected")]

    def test_pictures_of_idle_times_last_until_the_next(self, tmp_path: Path, clip: Clip) -> None:
        """Keyframes only: each is stretched, so there is no gap inside of the file, by its records as by its row."""
        with bench(tmp_path, RecorderSettings(mode=RecordingMode.KEYFRAMES_WHEN_IDLE), ring_s=20) as b:
            b.ring.add(clip.run())
            b.feed(packets(clip, 0, 60))
            b.recorder.finish()
            rows = b.rows()
            end_ms = rows[-1].end_ms
            assert end_ms is not None
            found = self.timeline(b, (end_ms - T0) / 1000)
            for row in rows:
                file = SealedFile.open(b.path(row), b.keys)
                index = file.index()
                ends = [one.utc_ns + one.duration_ms * 10**6 for one in file.media(index.at(0), index.end.number)]
                starts = [one.utc_ns for one in file.media(index.at(0), index.end.number)]
                assert max(b - a for a, b in zip(ends, starts[1:], strict=False)) < 10**8
        assert len(found.spans) == 1
        assert found.gaps == []

    def test_playlist_is_the_same_before_and_after_the_end(self, tmp_path: Path, clip: Clip) -> None:
        """While it grows its records are looked through, later INDEX is read: the segments listed stay as they were."""
        with bench(tmp_path) as b:
            b.ring.add(clip.run())
            b.feed(packets(clip, 0, 21))
            b.write_rows()
            library = Library(b.store, b.data_dir, lambda: b.keys)
            growing = cut_segments(library.find("front", T0, T0 + 60_000), is_finished=False)
            b.recorder.finish()
            b.write_rows()
            closed = cut_segments(
                Library(b.store, b.data_dir, lambda: b.keys).find("front", T0, T0 + 60_000), is_finished=True
            )
        assert len(growing) >= 8
        assert closed[: len(growing)] == growing
        assert sum(one.duration_ms for one in closed) == 21_000


class TestDay:
    def test_warm_playlist_opens_nothing(
        self, house: House, owner: FlaskClient, clip: Clip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for start in range(0, 60, 6):
            house.record("front-door", packets(clip, start, start + 6), clip.run())
        path = f"/footage/front-door/index.m3u8?from={T0 - 1}&to={T0 + 80_000}"
        cold = owner.get(path).data
        opened: list[object] = []
        original = os.open

        def note(name: Any, *arguments: Any, **options: Any) -> int:
            opened.append(name)
            return original(name, *arguments, **options)

        monkeypatch.setattr("vigilar.vge.sealed.os.open", note)
        assert owner.get(path).data == cold
        assert opened == []

    def test_long_ranges_have_longer_segments(self, house: House, clip: Clip) -> None:
        house.record("front-door", packets(clip, 0, 30), clip.run())
        stretches = house.parts.footage.find("front-door", T0, T0 + 30_000)
        length_ms = segment_length_ms(86_400_000)
        segments = cut_segments(stretches, is_finished=True, length_ms=length_ms)
        assert (length_ms, [one.duration_ms for one in segments]) == (LONG_SEGMENT_MS, [6000] * 5)
        text = footage_playlist(stretches, "front-door", is_finished=True, segment_ms=length_ms)
        assert "#EXT-X-TARGETDURATION:6\n" in text

    def test_memory_for_keyframes_is_bounded(self, house: House, clip: Clip) -> None:
        for start in range(0, 40, 4):
            house.record("front-door", packets(clip, start, start + 4), clip.run())
        library = Library(house.store, house.folder, lambda: house.ring, known_bytes=12_000)
        assert len(library.find("front-door", T0, T0 + 40_000)) == 10
        assert sum(file.size_bytes for file, _ in library._known.values()) <= 12_000
        assert len(library._known) >= 3

    def test_known_recordings_take_no_more_memory_than_is_counted(self, house: House, clip: Clip) -> None:
        house.record("front-door", packets(clip, 0, 4), clip.run())
        path = house.folder / house.parts.footage.rows("front-door", T0, T0 + 4000)[0].path
        known = [SealedFile.open(Path(str(path)), house.ring) for _ in range(20)]
        tracemalloc.start()
        try:
            begin, _ = tracemalloc.get_traced_memory()
            more = [SealedFile.open(Path(str(path)), house.ring) for _ in range(200)]
            end, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert (end - begin) / len(more) <= known[0].size_bytes

    def test_keys_of_deleted_recordings_are_forgotten(
        self, house: House, clip: Clip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vigilar.playback.library.FEWEST_KNOWN", 6)
        for start in range(0, 40, 4):
            house.record("front-door", packets(clip, start, start + 4), clip.run())
        library = Library(house.store, house.folder, lambda: house.ring)
        rows = library.rows("front-door", T0, T0 + 40_000)
        for row in rows[:6]:
            library.open(row)
        for row in rows[1:5]:
            (house.folder / row.path).unlink()
        for row in rows[6:]:
            library.open(row)
        assert list(library._known) == [row.id for row in (rows[0], rows[5], *rows[6:])]


def large_fragments(number: int, size_bytes: int) -> list[Fragment]:
    """Fragments of one picture of ``size_bytes``, a second each."""
    fragments = []
    for second in range(number):
        table = [90_000, size_bytes, 0x02000000]
        data = movie_fragment(second + 1, [(1, second * 90_000, table, size_bytes, False)])
        at_ns = second * 1_000_000_000
        fragments.append(
            Fragment(
                (data, box(b"mdat", bytes([second % 256]) * size_bytes)), True, second * 90_000, 1000,
                START_UTC_NS + at_ns, 10**9 + at_ns,
            )
        )  # fmt: skip
    return fragments


class TestMemory:
    """Footage held at once by one request, measured by tracemalloc, which sees every buffer of Python."""

    SIZE = 2_500_000

    @pytest.fixture
    def large(self, house: House, clip: Clip) -> int:
        """40 records of 2.5 MB, far above any fragment but a huge picture; the id of the row."""
        return house.seal("front-door", FragmentMuxer(clip.streams).init_segment, large_fragments(40, self.SIZE))

    def peak_of(self, owner: FlaskClient, path: str) -> tuple[int, int]:
        owner.head(path)  # what is made once
        size = 0
        tracemalloc.start()
        try:
            with owner.get(path, buffered=False) as response:
                assert response.status_code == 200
                for piece in response.iter_encoded():
                    assert len(piece) <= PIECE_BYTES
                    size += len(piece)
                assert size == int(response.headers["Content-Length"])
            return tracemalloc.get_traced_memory()[1], size
        finally:
            tracemalloc.stop()

    def test_clip_holds_one_record(self, owner: FlaskClient, large: int) -> None:
        peak, size = self.peak_of(owner, url("clip.mp4", 0, 3600))
        assert size > 40 * self.SIZE
        assert peak < 4_000_000

    def test_segment_holds_one_record(self, owner: FlaskClient, large: int) -> None:
        peak, size = self.peak_of(owner, f"/footage/front-door/{large}/1-40.m4s")
        assert size > 40 * self.SIZE
        assert peak < 4_000_000

    def test_largest_record_fits_once(self, house: House, owner: FlaskClient, clip: Clip) -> None:
        """4 MiB less its boxes: what a recording may hold at most."""
        size = 4 * 1024 * 1024 - 4096
        house.seal("front-door", FragmentMuxer(clip.streams).init_segment, large_fragments(5, size))
        peak, sent = self.peak_of(owner, url("clip.mp4", 0, 60))
        assert sent > 5 * size
        assert peak < 4.5 * 1024 * 1024


class TestDeleted:
    def test_file_deleted_is_404_with_its_sentence(self, house: House, owner: FlaskClient, clip: Clip) -> None:
        file_id = house.record("front-door", packets(clip, 0, 8), clip.run())
        paths = [f"/footage/front-door/{file_id}/1-4.m4s", f"/footage/front-door/{file_id}/init-0.mp4"]
        assert [owner.get(path).status_code for path in paths] == [200, 200]
        next((house.folder / "footage").rglob("*.vge")).unlink()
        for path in [*paths, url("clip.mp4", 0, 8), url("index.m3u8", 0, 8)]:
            response = owner.get(path)
            told = response.get_json()
            assert (response.status_code, told["type"]) == (404, "recording.gone"), path
            assert told["detail"] == "This recording is no longer on the disk."

    def test_row_deleted_is_404_though_the_file_was_known(self, house: House, owner: FlaskClient, clip: Clip) -> None:
        """As retention does it: the row first, so that nobody is sent to a file that goes."""
        file_id = house.record("front-door", packets(clip, 0, 8), clip.run())
        path = f"/footage/front-door/{file_id}/1-4.m4s"
        assert owner.get(path).status_code == 200
        with house.store.sql_write("delete a row") as run:
            run("DELETE FROM files WHERE id = :id", id=file_id)
        assert owner.get(path).get_json()["type"] == "recording.unknown"
        assert owner.get(url("index.m3u8", 0, 8)).get_json()["type"] == "recording.none"

    def test_page_of_an_event_outlives_its_footage(self, house: House, owner: FlaskClient, clip: Clip) -> None:
        house.record("front-door", packets(clip, 0, 20), clip.run())
        house.event(ts_ms=T0 + 10_000)
        next((house.folder / "footage").rglob("*.vge")).unlink()
        page = owner.get("/events/1", headers={"Accept": "text/html"})
        assert page.status_code == 200
        assert "There is no recording of this moment" in page.get_data(as_text=True)

    def test_rest_of_the_range_still_plays(self, house: House, owner: FlaskClient, clip: Clip) -> None:
        for start in (0, 4, 8):
            house.record("front-door", packets(clip, start, start + 4), clip.run())
        assert owner.get(url("index.m3u8", 0, 12)).status_code == 200
        (house.folder / "footage/front-door/day/000002.vge").unlink()
        text = owner.get(url("index.m3u8", 0, 12)).get_data(as_text=True)
        assert text.count("EXT-X-MAP") == 2

    def test_viewer_in_the_middle_holds_no_space(self, house: House, owner: FlaskClient, clip: Clip) -> None:
        """A viewer who stopped reading keeps nothing: a record is read whole and the file is let go."""
        house.seal("front-door", FragmentMuxer(clip.streams).init_segment, large_fragments(6, 500_000))
        with owner.get(url("clip.mp4", 0, 60), buffered=False) as response:
            pieces = response.iter_encoded()
            next(pieces)
            next(pieces)
            assert held_open(house.folder) == []
            next((house.folder / "footage").rglob("*.vge")).unlink()
            with pytest.raises(Exception, match="no longer on the disk"):
                for _ in pieces:
                    pass
        assert held_open(house.folder) == []

    def test_deleted_still_is_404(self, house: House, owner: FlaskClient) -> None:
        still = house.still("front-door", b"\xff\xd8picture")
        event = house.event(still_id=still)
        assert owner.get(f"/events/{event.id}/still.jpg").status_code == 200
        next((house.folder / "stills").rglob("*.vge")).unlink()
        assert owner.get(f"/events/{event.id}/still.jpg").status_code == 404


class TestClip:
    def test_clip_of_one_group_in_the_middle(self, house: House, clip: Clip) -> None:
        house.record("front-door", packets(clip, 0, 12), clip.run())
        library = house.parts.footage
        stretches = library.find("front-door", T0 + 5000, T0 + 6000)
        assert [(one.start_ms - T0, one.end.utc_ns // 10**6 - T0) for one in stretches] == [(5000, 6000)]
        planned = plan_clip(library, stretches)
        assert planned is not None
        whole = b"".join(planned.read(0, planned.size_bytes))
        assert len(whole) == planned.size_bytes
        assert read_decode_times(whole) == {1: 0}

    def test_clock_set_back_in_a_file_keeps_its_length(self, house: House, owner: FlaskClient, clip: Clip) -> None:
        muxer = FragmentMuxer(clip.streams)
        fragments = [one for packet in packets(clip, 0, 12) for one in muxer.mux(packet)] + muxer.flush()
        numbers = count()
        moved = [replace(f, utc_ns=f.utc_ns - (20 * 10**9 if next(numbers) >= 12 else 0)) for f in fragments]
        file_id = house.seal("front-door", muxer.init_segment, moved)
        row = house.parts.footage.get_video("front-door", file_id)
        assert row is not None
        assert house.parts.footage.open(row).index().end_ms == 12_000
        assert Kind.VIDEO is clip.packets[0].kind
        assert owner.get(f"/footage/front-door/{file_id}/1-4.m4s").status_code == 200


def test_files_of_a_range_are_found_by_each_way_in(tmp_path: Path) -> None:
    """Those that begin in the range, one that reaches into it, an open one from before; in order, each once."""
    with closing(open_ready_store(tmp_path)) as store:
        ensure_camera(store, "front", "Front door", 1)
        add_row(store, 1, 100, 900, "rollover")
        add_row(store, 2, 900, 1500, "rollover")
        open_id = file_rows.add_file(
            store, file_rows.NewFile(camera_id="front", content="video", number=3, path="3", start_ms=950)
        )
        add_row(store, 4, 1600, 2000, "rollover")
        add_row(store, 5, 2000, 2400, "rollover")
        found = [row.number for row in file_rows.find_files(store, "front", "video", 1000, 2000)]
        assert found == [2, 3, 4]
        file_rows.checkpoint_file(store, open_id, record=1, tag=b"t", offset=1, end_ms=1200, size_bytes=1)
        assert [row.number for row in file_rows.find_files(store, "front", "video", 1000, 2000)] == [2, 3, 4]
        before = file_rows.find_file_before(store, "front", "video", 1600)
        assert before is not None
        assert before.number == 3
        assert file_rows.find_file_before(store, "front", "video", 100) is None
