"""Pictures one by one of one camera, for all browsers that cannot play its video: asked for and encoded once.

Each view is given the newest picture when it is ready for one; a slow one has fewer, and nobody waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from vigilar.live.wire import Answer, FeedProblem, Jpeg


class Feed(Protocol):
    """What ``live.client.FeedClient`` is here."""

    def answers(self) -> Iterator[Answer]: ...

    def close(self) -> None: ...


class JpegSource:
    """Reads the feed on a thread of its own until the last view has gone. All else: any thread."""

    def __init__(self, feed: Feed, name: str, on_over: Callable[[JpegSource], None]) -> None:
        """``on_over`` is called once, on the source's thread, when no picture will come any more."""
        self._feed, self._on_over = feed, on_over
        self._changed = threading.Condition()
        self._views: set[MjpegView] = set()
        self._picture: Jpeg | None = None
        self._number = 0
        self._is_over = False
        self._thread = threading.Thread(target=self._read, name=f"jpegs {name}", daemon=True)

    def join(self, view: MjpegView) -> bool:
        """False when it is over: then another source is wanted."""
        with self._changed:
            if self._is_over:
                return False
            self._views.add(view)
            if not self._thread.ident:
                self._thread.start()
            return True

    def leave(self, view: MjpegView) -> None:
        """Harmless twice."""
        with self._changed:
            self._views.discard(view)
            if not self._views:
                self._is_over = True
                self._feed.close()
            self._changed.notify_all()

    def newer(self, view: MjpegView, number: int) -> tuple[int, Jpeg] | None:
        """The newest picture, once it is another than that of ``number``; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._number != number or self._is_over or view not in self._views)
            if self._is_over or view not in self._views or self._picture is None:
                return None
            return self._number, self._picture

    def _read(self) -> None:
        try:
            for answer in self._feed.answers():
                if isinstance(answer, FeedProblem):
                    break
                if isinstance(answer, Jpeg):
                    with self._changed:
                        self._picture, self._number = answer, self._number + 1
                        self._changed.notify_all()
        except OSError:
            pass  # the camera's process went: the page says so by its health, and asks again
        finally:
            with self._changed:
                self._is_over = True
                self._feed.close()
                self._changed.notify_all()
            self._on_over(self)


class MjpegView:
    """One browser that watches one camera. Iterate on the thread that serves it; ``close`` from any, more than once."""

    def __init__(self, on_close: Callable[[MjpegView], None]) -> None:
        self._on_close = on_close
        self._source: JpegSource | None = None

    def begin(self, source: JpegSource) -> bool:
        """Whether the source has pictures to come."""
        self._source = source
        return source.join(self)

    def __iter__(self) -> Iterator[Jpeg]:
        """Pictures until the camera goes or the view is closed."""
        number = 0
        while self._source is not None and (found := self._source.newer(self, number)) is not None:
            number, picture = found
            yield picture

    def close(self) -> None:
        if self._source is not None:
            self._source.leave(self)
        self._on_close(self)
