"""The errors of Vigilar.

    VigilarError            kind, message (one sentence for a person), optional next step
      ConfigError           config.*      permanent   file, line and key are in the message
      CameraError           capture.*     transient or permanent, carries a V-CAM code
      RecordingError        vge.*, record.*  corrupt, full, transient
      StoreError            store.*       transient, full, corrupt
      BusError              bus.*         transient

The kind decides what a caller does: retry (transient), give up and say so (permanent), set aside (corrupt), free
space (full), refuse (denied), let it crash (bug). Foreign exceptions are mapped to these at each package's door.
"""

from __future__ import annotations

from enum import Enum


class ErrorKind(Enum):
    """What a caller should do about an error."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    CORRUPT = "corrupt"
    FULL = "full"
    DENIED = "denied"
    BUG = "bug"


class ExitCode(int, Enum):
    """Exit codes, the same for every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PARTLY = 3
    NOT_FOUND = 4
    DENIED = 5
    CONFIG = 6
    NOT_RUNNING = 7
    CAMERA = 8
    NOT_EXACT = 9
    WARNINGS = 10
    BROKEN = 11
    NO_SPACE = 12
    LOCKED = 13
    REFUSED = 14
    BUSY = 75
    INTERRUPTED = 130


class VigilarError(Exception):
    """An error a person may read: ``str(error)`` is one clear sentence without secrets.

    ``next_step`` says what to do about it; ``code`` is short and stable, for support and scripts. ``field`` is the part
    of a wish that is wrong, if it is one.
    """

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind = ErrorKind.PERMANENT,
        next_step: str = "",
        code: str = "",
        field: str = "",
        exit_code: ExitCode | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.next_step = next_step
        self.code = code
        self.field = field
        if exit_code is not None:
            self.exit_code = exit_code


class ConfigError(VigilarError):
    """The configuration cannot be used; the message names file, line and key."""

    exit_code = ExitCode.CONFIG


class CameraError(VigilarError):
    """A camera cannot be opened or read. ``code`` is a V-CAM code of ``docs/glossary.md``."""

    exit_code = ExitCode.CAMERA


class RecordingError(VigilarError):
    """A recording cannot be written, read or verified."""


class StoreError(VigilarError):
    """The database cannot be opened, read or written."""


class BusError(VigilarError):
    """The message bus cannot be reached or refuses us."""
