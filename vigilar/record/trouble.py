"""What an error of disk or database means for the recording: the reason that people are told."""

from __future__ import annotations

import errno

from vigilar.base import folder_look
from vigilar.base.disk import DEVICE_ERRORS
from vigilar.base.errors import ErrorKind, RecordingError, StoreError
from vigilar.base.not_recording import NotRecording
from vigilar.store.errors import DEVICE_CODE, READ_ONLY_CODE

_CODES = {
    DEVICE_CODE: NotRecording.DISK_FAILED,
    READ_ONLY_CODE: NotRecording.DISK_READ_ONLY,
    folder_look.CODE: NotRecording.DRIVE_AWAY,
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
