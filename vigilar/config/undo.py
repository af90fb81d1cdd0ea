"""The last changes of the configuration file, to be taken back one by one.

Beside the file, in ``.<name>.undo``, lie its last versions, readable for its owner alone. Each knows the hash of the
file that its change made: a file that somebody changed by hand since is not touched.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from vigilar.base.atomic import write_atomic
from vigilar.base.errors import ConfigError, ErrorKind, ExitCode

KEPT = 10
MAX_BYTES = 4_000_000
"""Of all of them; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change. ``ts_ms`` UTC ms; ``what`` as people read it; ``before`` the text it replaced; ``after``: SHA-256 in
    hex of the text that it made."""

    ts_ms: int
    what: str
    before: str
    after: str


def version_of(data: bytes) -> str:
    """Names one content of the file."""
    return hashlib.sha256(data).hexdigest()


def load_steps(file: Path) -> list[Step]:
    """The changes of ``file`` that are remembered, oldest first; none when they cannot be read."""
    try:
        raw = json.loads(_beside(file).read_text(encoding="utf-8"))
        return [Step(**one) for one in raw]
    except (OSError, ValueError, TypeError):
        return []


def remember(file: Path, before: bytes, after: bytes, what: str) -> None:
    """Note a change that was made. Never fails: the change is more important than taking it back."""
    steps = [
        *load_steps(file),
        Step(time.time_ns() // 1_000_000, what, before.decode("utf-8", "replace"), version_of(after)),
    ][-KEPT:]
    while len(steps) > 1 and sum(len(one.before) for one in steps) > MAX_BYTES:
        steps.pop(0)
    _save(file, steps)


def find_last(file: Path, data: bytes) -> Step | None:
    """The change that made the file what it is; None when it was changed otherwise since."""
    steps = load_steps(file)
    return steps[-1] if steps and steps[-1].after == version_of(data) else None


def forget_last(file: Path) -> None:
    """The newest change was taken back."""
    _save(file, load_steps(file)[:-1])


def nothing_to_undo() -> ConfigError:
    return ConfigError(
        "There is no change to take back, or the file was changed by hand since.",
        kind=ErrorKind.PERMANENT,
        code="settings.no_undo",
        exit_code=ExitCode.NOT_FOUND,
    )


def _save(file: Path, steps: list[Step]) -> None:
    with suppress(OSError):
        write_atomic(_beside(file), json.dumps([asdict(one) for one in steps], ensure_ascii=False).encode(), 0o600)
        owner = file.parent.stat() if not file.exists() else file.stat()
        if os.geteuid() == 0 and owner.st_uid != 0:
            os.chown(_beside(file), owner.st_uid, owner.st_gid)


def _beside(file: Path) -> Path:
    return file.with_name(f".{file.name}.undo")
