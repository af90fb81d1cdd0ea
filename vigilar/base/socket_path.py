"""Addresses of Unix sockets in folders of any depth."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def short_address(folder: Path, name: str) -> Iterator[str]:
    """An address of the socket ``name`` of at most 108 bytes, the limit of unix(7), however deep ``folder`` lies."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{opened}/{name}"
    finally:
        os.close(opened)
