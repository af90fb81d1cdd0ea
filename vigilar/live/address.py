"""Where the feed of a camera process listens."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from vigilar.base.socket_path import short_address


def socket_name(camera_id: str) -> str:
    """The name of the socket inside of the run folder."""
    return f"camera-{camera_id}.sock"


def socket_address(run_dir: Path, camera_id: str) -> AbstractContextManager[str]:
    """Its address, as ``base.socket_path.short_address``."""
    return short_address(run_dir, socket_name(camera_id))
