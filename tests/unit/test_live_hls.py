"""Live HLS from a feed that obeys: segments at keyframes, runs, the end after the last viewer."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from tests.conftest import PATIENCE_S, wait_until
from vigilar.live import hls
from vigilar.live.hls import KEPT, LISTED, TARGET_S, LiveHls, LiveSegment, render_live
from vigilar.live.wire import Answer, FeedProblem, InitSegment, LiveFragment, RunHeader

UTC_NS = 1_770_000_000_000_000_000


class FakeFeed:
    """Hands out what the test puts in; None ends it."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[Answer | None] = SimpleQueue()
        self.is_closed = threading.Event()
        self.now_ns = time.time_ns()

    def answers(self) -> Iterator[Answer]:
        while (answer := self.queue.get()) is not None:
            yield answer

    def close(self) -> None:
        self.is_closed.set()
        self.queue.put(None)

    def run(self, run: int) -> None:
        self.queue.put(RunHeader("avc1.64001f", 640, 360, run))
        self.queue.put(InitSegment(b"init %d" % run))

    def groups(self, count: int, first: int = 0) -> None:
        for n in range(first, first + count):
            for k in range(2):
                self.queue.put(LiveFragment(k == 0, n, 500, self.now_ns + n * 10**9, b"[%d.%d]" % (n, k)))


@pytest.fixture
def feed() -> FakeFeed:
    return FakeFeed()


@pytest.fixture
def view(feed: FakeFeed) -> Iterator[LiveHls]:
    live = LiveHls(lambda: feed, "porch")
    yield live
    live.stop()


def wait_until_read(feed: FakeFeed, view: LiveHls) -> str:
    """The playlist once all that was put in has been read: a mark goes in last."""
    feed.queue.put(FeedProblem("mark"))
    text = view.playlist()
    while view.problem is None:
        threading.Event().wait(0.005)
        text = view.playlist()
    return view.playlist() or text or ""


def test_whole_groups_become_segments(feed: FakeFeed, view: LiveHls) -> None:
    feed.run(1)
    feed.groups(3)
    text = wait_until_read(feed, view)
    assert "segment-0.m4s" in text
    assert "segment-1.m4s" in text
    assert "segment-2.m4s" in text, "without waiting for the picture after it"
    assert "segment-3.m4s" not in text
    assert view.segment(0) == b"[0.0][0.1]"
    assert view.init(1) == b"init 1"
    assert view.codec == "avc1.64001f"


def test_new_run_is_a_discontinuity_with_its_own_init(feed: FakeFeed, view: LiveHls) -> None:
    feed.run(1)
    feed.groups(2)
    feed.run(2)
    feed.groups(2, first=10)
    lines = wait_until_read(feed, view).splitlines()
    at = lines.index("#EXT-X-DISCONTINUITY")
    assert lines[at + 1] == '#EXT-X-MAP:URI="init-2.mp4"'
    assert view.init(2) == b"init 2"


def test_more_is_kept_than_listed(feed: FakeFeed, view: LiveHls) -> None:
    feed.run(1)
    feed.groups(30)
    text = wait_until_read(feed, view)
    assert text.count(".m4s") == LISTED
    assert "#EXT-X-MEDIA-SEQUENCE:22" in text
    assert view.segment(29 - KEPT + 1) is not None
    assert view.segment(29 - KEPT) is None


def test_long_group_is_cut_each_second_and_listed_from_its_keyframe(feed: FakeFeed, view: LiveHls) -> None:
    """A keyframe every 12 s: the page is a second behind, not twelve, and a player finds where it can start."""
    feed.run(1)
    for n in range(49):
        feed.queue.put(LiveFragment(n % 24 == 0, n, 500, feed.now_ns + n * 500_000_000, b"[%d]" % n))
    text = wait_until_read(feed, view)
    assert view.segment(11) == b"[22][23]"
    assert view.segment(12) == b"[24][25]"
    assert "#EXT-X-MEDIA-SEQUENCE:12" in text
    assert text.count("#EXTINF:1.000,") == 12


def test_no_segment_is_above_the_target_which_never_changes(feed: FakeFeed, view: LiveHls) -> None:
    """Cameras slow down at night, and some send nothing for a while."""
    feed.run(1)
    at_ms, targets = 0, set()
    for n, ms in enumerate((100, 100, 900, 1100, 1500, 700, 1900, 2000, 5000, 300, 800, 40, 40)):
        feed.queue.put(LiveFragment(n % 3 == 0, n, ms, feed.now_ns + at_ms * 1_000_000, b"[%d]" % n))
        at_ms += ms
        text = wait_until_read(feed, view) if n > 2 else ""
        view.problem = None
        lengths = re.findall(r"#EXTINF:([0-9.]+),", text)
        assert all(float(one) <= TARGET_S for one in lengths)
        targets |= set(re.findall(r"#EXT-X-TARGETDURATION:(\d+)", text))
    assert targets == {str(TARGET_S)}
    assert text.count("#EXT-X-DISCONTINUITY\n") == 1, "after the picture that stood for 5 s"


def test_keyframes_only_make_no_tiny_segments(feed: FakeFeed, view: LiveHls) -> None:
    feed.run(1)
    for n in range(26):
        feed.queue.put(LiveFragment(True, n, 100, feed.now_ns + n * 100_000_000, b"[%d]" % n))
    assert wait_until_read(feed, view).count("#EXTINF:0.500,") == 5


def test_new_run_waits_for_its_keyframe(feed: FakeFeed, view: LiveHls) -> None:
    feed.run(1)
    feed.groups(1)
    feed.run(2)
    feed.queue.put(LiveFragment(False, 5, 500, feed.now_ns + 5 * 10**9, b"no start"))
    feed.groups(2, first=6)
    wait_until_read(feed, view)
    assert view.segment(1) == b"[6.0][6.1]"


def test_first_playlist_waits_for_what_is_kept(feed: FakeFeed, view: LiveHls, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six seconds come at once; a player that saw only the first of them would begin six seconds behind."""
    monkeypatch.setattr(hls, "CATCH_UP_S", 30.0)
    texts: list[str | None] = []
    asker = threading.Thread(target=lambda: texts.append(view.playlist()))
    feed.run(1)
    feed.groups(3, first=-6)
    feed.queue.put(FeedProblem("mark"))
    asker.start()
    wait_until(lambda: view.problem is not None, 5.0)
    assert asker.is_alive()
    feed.groups(6, first=-3)
    asker.join(PATIENCE_S)
    assert texts[0] is not None
    assert texts[0].count(".m4s") >= 5


def test_box_whose_clock_has_moved_waits_once(feed: FakeFeed, view: LiveHls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hls, "CATCH_UP_S", 0.01)
    feed.run(1)
    feed.groups(3, first=-3600)
    assert view.playlist() is not None
    monkeypatch.setattr(hls, "CATCH_UP_S", 30.0)
    began_s = time.monotonic()
    assert view.playlist() is not None
    assert time.monotonic() - began_s < 10.0


def test_group_cut_by_its_run_is_a_segment(feed: FakeFeed, view: LiveHls) -> None:
    """The last pictures before a reconnect are shown too."""
    feed.run(1)
    feed.groups(1)
    feed.run(2)
    assert "segment-0.m4s" in wait_until_read(feed, view)


def test_ended_feed_says_there_is_no_picture(feed: FakeFeed, view: LiveHls) -> None:
    feed.queue.put(FeedProblem("The camera sends no picture.", "V-CAM-16"))
    feed.queue.put(None)
    assert view.playlist() is None
    assert view.problem == FeedProblem("The camera sends no picture.", "V-CAM-16")


def test_absent_process_is_named() -> None:
    def refuse() -> FakeFeed:
        raise ConnectionRefusedError

    view = LiveHls(refuse, "porch")
    assert view.playlist() is None
    assert view.problem is not None


def test_stop_ends_the_reader(feed: FakeFeed, view: LiveHls) -> None:
    feed.run(1)
    feed.groups(2)
    assert view.playlist()
    view.stop()
    assert feed.is_closed.is_set()
    assert not any(thread.name == "hls porch" and thread.is_alive() for thread in threading.enumerate())


def test_playlist_of_gaps() -> None:
    segments = [
        LiveSegment(7, 3, 2000, UTC_NS, b"", is_after_gap=True),
        LiveSegment(8, 3, 1980, UTC_NS + 2 * 10**9, b"", is_after_gap=False),
    ]
    assert render_live(segments, 4).splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:2",
        "#EXT-X-MEDIA-SEQUENCE:7",
        "#EXT-X-DISCONTINUITY-SEQUENCE:4",
        '#EXT-X-MAP:URI="init-3.mp4"',
        "#EXT-X-PROGRAM-DATE-TIME:2026-02-02T02:40:00.000+00:00",
        "#EXTINF:2.000,",
        "segment-7.m4s",
        "#EXT-X-PROGRAM-DATE-TIME:2026-02-02T02:40:02.000+00:00",
        "#EXTINF:1.980,",
        "segment-8.m4s",
    ]
