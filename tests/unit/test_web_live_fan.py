"""Who watches live, before and after there is a thread for it."""

from __future__ import annotations

import errno
import os
import socket
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.conftest import wait_until
from vigilar.live.client import FeedClient
from vigilar.live.wire import Answer, InitSegment, LiveFragment, Request, RunHeader
from vigilar.web.live_fan import CROWD, CROWD_GAP_S, LiveFan, Wanted
from vigilar.web.live_viewer import LiveViewer

PORCH = Wanted("porch", "main", True)


class Feed(FeedClient):
    """A camera's process without one: ``give`` sends, from any thread."""

    def __init__(self) -> None:
        self._read_end, self._end = socket.socketpair()
        self._read_end.setblocking(False)
        self._answers: list[Answer] = []

    def give(self, *answers: Answer) -> None:
        self._answers += answers
        self._end.send(b"1")

    def fileno(self) -> int:
        return self._read_end.fileno()

    def ready(self) -> tuple[list[Answer], bool]:
        self._read_end.recv(4096)
        answers, self._answers = self._answers, []
        return answers, False

    def close(self) -> None:
        self._read_end.close()
        self._end.close()


class Counted(LiveViewer):
    """Counts how often something is sent to it."""

    sends = 0

    def flush(self, now_s: float) -> None:
        self.sends += self.waits
        super().flush(now_s)


def watched(viewers: int, pictures: int, gap_s: float) -> tuple[list[int], float]:
    """How often each of so many viewers of one stream was sent to, and how long it took. Pictures come ``gap_s`` after
    one another, but none before all have the one before it if that is 0. All have all pictures."""
    feed = Feed()
    fan = LiveFan(lambda _camera_id, _request: feed, "It does not answer.")
    with ExitStack() as stack:
        ends = [socket.socketpair() for _ in range(viewers)]
        counted = [Counted(ours, lambda: 42, lambda: None) for ours, _ in ends]
        read = [b""] * viewers
        for _, theirs in ends:
            stack.enter_context(closing(theirs))
            theirs.settimeout(10.0)
        stack.callback(fan.stop)
        for viewer in counted:
            fan.add(viewer, PORCH)

        def read_until(number: int) -> None:
            for place, (_, theirs) in enumerate(ends):
                while b"picture %03d" % number not in read[place]:
                    read[place] += theirs.recv(1 << 16)

        began_s = time.monotonic()
        feed.give(RunHeader("avc1.42c01e", 320, 180, 1), InitSegment(b"init"))
        for number in range(pictures):
            feed.give(LiveFragment(number == 0, number * 3600, 40, 1, b"picture %03d" % number))
            if gap_s:
                time.sleep(gap_s)
            else:
                read_until(number)
        read_until(pictures - 1)
        took_s = time.monotonic() - began_s
        for one in read:
            assert [one.count(b"picture %03d" % number) for number in range(pictures)] == [1] * pictures
        return [viewer.sends for viewer in counted], took_s


def test_few_who_watch_a_stream_are_sent_each_picture_at_once() -> None:
    sends, took_s = watched(CROWD, 30, 0.0)
    assert min(sends) >= 30
    assert took_s < 30 * CROWD_GAP_S / 2  # a crowd would wait for its time at each


def test_many_who_watch_a_stream_are_sent_several_pictures_at_a_time() -> None:
    sends, took_s = watched(CROWD + 1, 30, CROWD_GAP_S / 5)
    assert max(sends) <= took_s / (CROWD_GAP_S - 0.01) + 2


def test_viewer_without_a_descriptor_left_is_closed_and_the_next_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(camera_id: str, request: Request) -> FeedClient:
        return FeedClient(tmp_path, camera_id, request)

    def none_left(_flags: int) -> tuple[int, int]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    over: list[str] = []
    fan = LiveFan(away, "It does not answer.")
    ours, theirs = socket.socketpair()
    with closing(theirs), monkeypatch.context() as patch:
        patch.setattr(os, "pipe2", none_left)
        with pytest.raises(OSError, match="Too many open files"):
            fan.add(LiveViewer(ours, lambda: 42, lambda: over.append("first")), Wanted("porch", "main", True))
        assert theirs.recv(1) == b""
    assert (fan.count(), over) == (0, ["first"])

    ours, theirs = socket.socketpair()
    with closing(theirs):
        theirs.settimeout(10.0)
        fan.add(LiveViewer(ours, lambda: 42, lambda: over.append("second")), Wanted("porch", "main", True))
        assert b"It does not answer." in theirs.recv(4096)
    wait_until(lambda: over == ["first", "second"] and fan.count() == 0, 10.0)
    fan.stop()
