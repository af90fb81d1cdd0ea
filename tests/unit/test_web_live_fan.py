"""Who watches live, before and after there is a thread for it."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import wait_until
from vigilar.live.client import FeedClient
from vigilar.live.wire import Request
from vigilar.web.live_fan import LiveFan, Wanted
from vigilar.web.live_viewer import LiveViewer


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
