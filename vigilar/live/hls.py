"""Live HLS out of the feed, in memory, for as long as somebody asks (RFC 8216)."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from vigilar.live.wire import Answer, FeedProblem, InitSegment, LiveFragment, RunHeader

logger = logging.getLogger(__name__)

IDLE_S = 30.0
CUT_MS = 1000
"""A segment is cut when it is this long, at a keyframe when it is half as long. The page is then 2.3 s behind a
camera with a keyframe every 2 s, and was 3.9 s with whole groups (middle of 160 looks). Shorter ones cost more requests
and gain nothing, because a playlist is asked for once a second."""

TARGET_S = 2
"""EXT-X-TARGETDURATION, the same for the life of a playlist, which no segment is above (RFC 8216, 4.3.3.1)."""

MOST_MS = TARGET_S * 1000
"""A segment of a longer picture is named with this length, and what follows it is after a gap: a camera that sends
nothing for so long stands still anyway."""

LISTED = 8
KEPT = 24
"""More than listed: hls.js asks for a vanished segment hundreds of times."""

NEAR_S = 0.6
CATCH_UP_S = 0.3
"""A camera's process sends what it has kept in one go: the first playlist is made when that is read up to NEAR_S of
now. Made in the middle of it, it would start the player seconds behind. If the box's clock has moved it waits so long,
once."""

FIRST_WAIT_S = 8.0
"""The first playlist waits this long for a group of pictures; normally the camera process has one in memory."""


class Feed(Protocol):
    """What ``live.client.FeedClient`` is to the view."""

    def answers(self) -> Iterator[Answer]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class LiveSegment:
    """Up to CUT_MS of pictures as one piece; ``run`` names its init segment."""

    number: int
    run: int
    duration_ms: int
    utc_ns: int
    data: bytes
    is_after_gap: bool
    has_keyframe: bool = True
    """At its beginning: a player can start here."""


def render_live(segments: list[LiveSegment], skipped_gaps: int) -> str:
    """The media playlist of these segments. Pure."""
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{TARGET_S}",
        f"#EXT-X-MEDIA-SEQUENCE:{segments[0].number if segments else 0}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{skipped_gaps}",
    ]
    run = None
    for index, segment in enumerate(segments):
        if segment.is_after_gap and index > 0:
            lines.append("#EXT-X-DISCONTINUITY")
        if segment.run != run:
            lines.append(f'#EXT-X-MAP:URI="init-{segment.run}.mp4"')
            run = segment.run
        at = datetime.fromtimestamp(segment.utc_ns / 1e9, UTC).isoformat(timespec="milliseconds")
        lines += [f"#EXT-X-PROGRAM-DATE-TIME:{at}", f"#EXTINF:{segment.duration_ms / 1000:.3f},"]
        lines.append(f"segment-{segment.number}.m4s")
    return "\n".join(lines) + "\n"


class LiveHls:
    """One stream as HLS. Any thread may ask; one thread reads the feed while somebody does."""

    def __init__(self, open_feed: Callable[[], Feed], name: str) -> None:
        self._open_feed, self._name = open_feed, name
        self._changed = threading.Condition()
        self._segments: deque[LiveSegment] = deque(maxlen=KEPT)
        self._inits: dict[int, bytes] = {}
        self._open_part: list[LiveFragment] = []
        self._has_begun = False  # with a keyframe
        self._is_near = False  # what comes is of now
        self._header: RunHeader | None = None
        self._view_run = 0
        self._number = 0
        self._gaps_gone = 0
        self._is_after_gap = False
        self._asked_s = 0.0
        self._feed: Feed | None = None
        self._thread: threading.Thread | None = None
        self.problem: FeedProblem | None = None

    @property
    def codec(self) -> str:
        """The codec of the newest run as MIME types say it; empty while unknown."""
        return self._header.codec if self._header else ""

    def playlist(self) -> str | None:
        """The playlist of now; None when there is no picture (``problem`` says why). Waits for the first segment."""
        with self._changed:
            self._ask()
            self._changed.wait_for(lambda: self._segments or self._thread is None, FIRST_WAIT_S)
            if self._segments and not self._is_near:
                self._changed.wait_for(lambda: self._is_near or self._thread is None, CATCH_UP_S)
                self._is_near = self._thread is not None
            if not self._segments:
                return None
            held = list(self._segments)
            first = max(0, len(held) - LISTED)
            first = max((at for at in range(first + 1) if held[at].has_keyframe), default=first)
            listed = held[first:]
            gone = self._gaps_gone + sum(s.is_after_gap for s in held[:first])
            return render_live(listed, gone + listed[0].is_after_gap)

    def segment(self, number: int) -> bytes | None:
        with self._changed:
            self._ask()
            return next((s.data for s in self._segments if s.number == number), None)

    def init(self, run: int) -> bytes | None:
        with self._changed:
            self._ask()
            return self._inits.get(run)

    def stop(self) -> None:
        with self._changed:
            self._asked_s = float("-inf")
            thread, feed = self._thread, self._feed
        if feed:
            feed.close()
        if thread:
            thread.join(2.0)

    def _ask(self) -> None:
        self._asked_s = time.monotonic()
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name=f"hls {self._name}", daemon=True)
            self._thread.start()

    def _read(self) -> None:
        try:
            self._feed = feed = self._open_feed()
            for answer in feed.answers():
                with self._changed:
                    self._take(answer)
                    if time.monotonic() - self._asked_s > IDLE_S:
                        break
            feed.close()
        except (OSError, ValueError, KeyError) as error:
            logger.info("live view of %s ended: %s", self._name, error)
            self.problem = FeedProblem("The camera's process does not answer.")
        except Exception:
            logger.exception("live view of %s failed", self._name)
        finally:
            with self._changed:
                self._end()

    def _end(self) -> None:
        """After a pause the pictures are others: nothing old may look like now."""
        self._gaps_gone += sum(s.is_after_gap for s in self._segments)
        self._segments.clear()
        self._open_part, self._has_begun, self._is_near = [], False, False
        self._is_after_gap = self._number > 0
        self._thread = self._feed = None
        self._changed.notify_all()

    def _take(self, answer: Answer) -> None:
        if isinstance(answer, LiveFragment):
            open_ms = sum(f.duration_ms for f in self._open_part)
            would_be_ms = open_ms + answer.duration_ms
            if (answer.starts_with_keyframe and open_ms >= CUT_MS // 2) or would_be_ms > MOST_MS:
                self._close_part()
            self._has_begun = self._has_begun or answer.starts_with_keyframe
            if self._has_begun:
                self._open_part.append(answer)
            if sum(f.duration_ms for f in self._open_part) >= CUT_MS:  # nobody is kept waiting for the next picture
                self._close_part()
            if not self._is_near and time.time_ns() - answer.utc_ns < NEAR_S * 1e9:
                self._is_near = True
                self._changed.notify_all()
        elif isinstance(answer, RunHeader):
            self._close_part()
            self._has_begun = False
            self._header = answer
            self._view_run += 1
            self._is_after_gap = self._number > 0
            self.problem = None
        elif isinstance(answer, InitSegment):
            self._inits[self._view_run] = answer.data
            for run in list(self._inits)[:-4]:
                del self._inits[run]
        elif isinstance(answer, FeedProblem):
            self.problem = answer

    def _close_part(self) -> None:
        part, self._open_part = self._open_part, []
        if not part:
            return
        if len(self._segments) == KEPT:
            self._gaps_gone += self._segments[0].is_after_gap
        whole_ms = max(1, sum(f.duration_ms for f in part))
        duration_ms = min(whole_ms, MOST_MS)
        data = b"".join(f.data for f in part)
        run = self._view_run
        has_keyframe = part[0].starts_with_keyframe
        self._segments.append(
            LiveSegment(self._number, run, duration_ms, part[0].utc_ns, data, self._is_after_gap, has_keyframe)
        )
        self._number += 1
        self._is_after_gap = whole_ms > MOST_MS
        self._changed.notify_all()
