"""One camera's pictures one by one, for several browsers."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pytest

from tests.conftest import PATIENCE_S, wait_until
from vigilar.live.wire import Answer, FeedProblem, Jpeg
from vigilar.web.jpeg_source import JpegSource, MjpegView


class FakeFeed:
    def __init__(self) -> None:
        self.waiting: queue.Queue[Answer | None] = queue.Queue()
        self.is_closed = False

    def answers(self) -> Iterator[Answer]:
        while (answer := self.waiting.get(timeout=PATIENCE_S)) is not None:
            yield answer

    def close(self) -> None:
        self.is_closed = True
        self.waiting.put(None)


@pytest.fixture
def feed() -> FakeFeed:
    return FakeFeed()


@pytest.fixture
def source(feed: FakeFeed) -> Iterator[JpegSource]:
    over: list[JpegSource] = []
    made = JpegSource(feed, "porch", over.append)
    yield made
    feed.waiting.put(None)
    wait_until(lambda: not [one for one in threading.enumerate() if one.name == "jpegs porch"], 5.0)
    assert over == [made]


def watching(source: JpegSource) -> MjpegView:
    view = MjpegView(lambda _: None)
    assert view.begin(source)
    return view


def picture(number: int) -> Jpeg:
    return Jpeg(number, b"jpeg")


def test_all_are_given_what_the_camera_is_asked_for_once(feed: FakeFeed, source: JpegSource) -> None:
    first, second = watching(source), watching(source)
    feed.waiting.put(picture(1))
    one, other = iter(first), iter(second)
    assert [next(one), next(other)] == [picture(1), picture(1)]
    late = iter(watching(source))
    assert next(late) == picture(1), "who comes later has the newest at once"
    feed.waiting.put(picture(2))
    assert [next(one), next(other), next(late)] == [picture(2)] * 3


def test_slow_one_is_given_the_newest(feed: FakeFeed, source: JpegSource) -> None:
    quick, slow = watching(source), iter(watching(source))
    shown = iter(quick)
    for number in range(1, 6):
        feed.waiting.put(picture(number))
        assert next(shown) == picture(number)
    assert next(slow) == picture(5)


def test_feed_ends_with_the_last_view(feed: FakeFeed, source: JpegSource) -> None:
    first, second = watching(source), watching(source)
    first.close()
    first.close()
    assert list(first) == []
    assert not feed.is_closed
    second.close()
    assert feed.is_closed
    assert not MjpegView(lambda _: None).begin(source), "who comes now needs another"


@pytest.mark.parametrize("end", [None, FeedProblem("The camera sends no picture.", "V-CAM-16")], ids=["gone", "silent"])
def test_views_end_with_the_camera(feed: FakeFeed, source: JpegSource, end: Answer | None) -> None:
    view = watching(source)
    feed.waiting.put(picture(1))
    shown = iter(view)
    next(shown)
    feed.waiting.put(end)
    assert list(shown) == []
