"""Where errors of the operating system become RecordingError."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vigilar.base.disk import disk_step
from vigilar.base.errors import ErrorKind, ExitCode, RecordingError

# RLIMIT_FSIZE answers EFBIG: for the writer that is one more way of having no space.
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_KINDS = {
    **dict.fromkeys(NO_SPACE, ErrorKind.FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.ELOOP), ErrorKind.DENIED),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN), ErrorKind.TRANSIENT),
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST), ErrorKind.PERMANENT),
}
_EXITS = {ErrorKind.FULL: ExitCode.NO_SPACE, ErrorKind.DENIED: ExitCode.DENIED}


def system_error(error: OSError, step: str, path: Path | str) -> RecordingError:
    """``error`` as ours. What the system does not explain (EIO, EROFS ...) counts as corrupt: nothing is retried."""
    kind = _KINDS.get(error.errno or 0, ErrorKind.CORRUPT)
    exit_code = ExitCode.NOT_FOUND if error.errno == errno.ENOENT else _EXITS.get(kind, ExitCode.FAILED)
    return RecordingError(
        f"Could not {step} {path}: {error.strerror}",
        kind=kind,
        next_step=disk_step(error),
        code="vge.file",
        exit_code=exit_code,
    )


@contextmanager
def file_errors(step: str, path: Path | str) -> Iterator[None]:
    """Map OSError inside the block; ``step`` completes the sentence "Could not ..."."""
    try:
        yield
    except OSError as error:
        raise system_error(error, step, path) from error
