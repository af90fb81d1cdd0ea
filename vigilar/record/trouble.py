"""What an error of disk or database means for the recording: the reason that people are told."""

from __future__ import annotations

import errno

from vigilar.base.disk import DEVICE_ERRORS
from vigilar.base.errors import ErrorKind, RecordingError, StoreError
from vigilar.base.not_recording import NotRecording
from vigilar.store.errors import DEVICE_CODE, READ_ONLY_CODE

DRIVE_CODE = "V-DRIVE"
"""The code of the error that the check of the data folder raises when its drive is away."""

_CODES = {
    DEVICE_CODE: NotRecording.DISK_FAILED,
    READ_ONLY_CODE: NotRecording.DISK_READ_ONLY,
    DRIVE_CODE: NotRecording.DRIVE_AWAY,
}


def reason_of(error: RecordingError | StoreError) -> NotRecording:
    """Pure."""
    if error.kind is ErrorKind.FULL:
        return NotRecording.DISK_FULL
    if error.code in _CODES:
        return _CODES[error.code]
    if isinstance(error, StoreError):
        return NotRecording.DATABASE
    number = error.__cause__.errno if isinstance(error.__cause__, OSError) else None
    if number == errno.EROFS:
        return NotRecording.DISK_READ_ONLY
    if number in DEVICE_ERRORS:
        return NotRecording.DISK_FAILED
    return NotRecording.BAD_PICTURE if number is None else NotRecording.DISK_FAILED
