"""Where the feed of a camera process listens."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def socket_name(camera_id: str) -> str:
    """The name of the socket inside of the run folder."""
    return f"camera-{camera_id}.sock"


@contextlib.contextmanager
def socket_address(run_dir: Path, camera_id: str) -> Iterator[str]:
    """An address of at most 108 bytes, the limit of unix(7), however deep ``run_dir`` lies."""
    folder = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{socket_name(camera_id)}"
    finally:
        os.close(folder)
