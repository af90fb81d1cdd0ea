"""One browser that watches one camera over a WebSocket: what it is sent, in words and in bytes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from vigilar.live.client import FeedClient
from vigilar.live.wire import FeedProblem, InitSegment, LiveFragment, RunHeader, Skipped

TIME_EVERY_S = 1.0
"""The page is told so often which moment of the video is which of the clock: its delay in numbers comes from that."""

Message = str | bytes
"""A text is JSON with ``type``; bytes are an init segment or one fragment (moof+mdat), to be appended as they come."""


class LiveView:
    """Iterate on the thread that serves it; ``close`` from any, more than once."""

    def __init__(self, client: FeedClient, now_ms: Callable[[], int], on_close: Callable[[LiveView], None]) -> None:
        self._client = client
        self._now_ms = now_ms
        self._on_close = on_close
        self._scale = 1.0
        self._told_s = float("-inf")

    def messages(self) -> Iterator[Message]:
        """``start`` with the codecs, the init segment, fragments; ``time`` once a second; ``skipped`` where the browser
        was too slow; ``start`` again when the camera begins anew; ``problem`` at the end if there is one to tell."""
        try:
            for answer in self._client.answers():
                if isinstance(answer, LiveFragment):
                    if time.monotonic() - self._told_s >= TIME_EVERY_S and answer.duration_ms:
                        self._told_s = time.monotonic()
                        yield self._time_of(answer)
                    yield answer.data
                elif isinstance(answer, InitSegment):
                    yield answer.data
                elif isinstance(answer, RunHeader):
                    self._scale, self._told_s = answer.scale, float("-inf")
                    yield self._start_of(answer)
                elif isinstance(answer, Skipped):
                    yield _text("skipped", packets=answer.packets)
                elif isinstance(answer, FeedProblem):
                    yield problem_text(answer.error, answer.code)
        except OSError:
            return  # the camera's process went: the page says so by its health, and asks again

    def close(self) -> None:
        self._client.close()
        self._on_close(self)

    def _start_of(self, header: RunHeader) -> str:
        return _text(
            "start", codec=header.codec, width=header.width, height=header.height, run=header.run,
            stream=header.stream, now=self._now_ms(),
        )  # fmt: skip

    def _time_of(self, fragment: LiveFragment) -> str:
        at_s, utc_ms = fragment.base_dts / self._scale, fragment.utc_ns // 1_000_000
        return _text("time", at=round(at_s, 6), utc=utc_ms, now=self._now_ms())


def problem_text(sentence: str, code: str = "") -> str:
    return _text("problem", error=sentence, code=code)


def _text(kind: str, **facts: Any) -> str:
    return json.dumps({"type": kind, **facts}, separators=(",", ":"))
