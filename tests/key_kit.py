"""A machine without power, for tests of keys that lie in memory: what was there is gone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vigilar.vge.keys import memory_folder


def cut_power(secrets_dir: Path) -> None:
    """All that a machine forgets of the keys of this house."""
    shutil.rmtree(memory_folder(secrets_dir), ignore_errors=True)


@contextmanager
def nothing_left_in_memory(secrets_dir: Path) -> Iterator[Path]:
    """The folder of memory is no test's own: it is removed behind the block."""
    try:
        yield secrets_dir
    finally:
        cut_power(secrets_dir)
