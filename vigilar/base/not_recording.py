"""Why a camera that should be recorded is not: one word for programs, one sentence for people.

Told by the recorder, carried by health and heartbeats, shown by pages and commands.
"""

from __future__ import annotations

from enum import Enum

from vigilar.base.disk import DEVICE_STEP, FULL_STEP, READ_ONLY_STEP


class NotRecording(Enum):
    """The value travels in messages; ``sentence`` is what people read after "Live, not recording"."""

    STARTING = "starting"
    DISK_FULL = "disk-full"
    DISK_READ_ONLY = "disk-read-only"
    DISK_FAILED = "disk-failed"
    DISK_SLOW = "disk-slow"
    DRIVE_AWAY = "drive-away"
    DATABASE = "database"
    BAD_PICTURE = "bad-picture"
    BUG = "bug"
    OTHER = "other"

    @property
    def sentence(self) -> str:
        return _SENTENCES[self]

    @property
    def is_of_disk(self) -> bool:
        """Whether the reason concerns the disk, and with it every camera, and not this camera alone."""
        return self in _OF_DISK


_SENTENCES = {
    NotRecording.STARTING: "Recording has not begun yet.",
    NotRecording.DISK_FULL: "The disk is full.",
    NotRecording.DISK_READ_ONLY: "The disk is read-only.",
    NotRecording.DISK_FAILED: "The disk reports errors.",
    NotRecording.DISK_SLOW: "The disk is too slow.",
    NotRecording.DRIVE_AWAY: "The drive for recordings is not there.",
    NotRecording.DATABASE: "The database cannot be written.",
    NotRecording.BAD_PICTURE: "The camera's stream cannot be stored.",
    NotRecording.BUG: "An unexpected error stopped the recording. It was written to the log.",
    NotRecording.OTHER: "The reason is not known to this page.",
}

_OF_DISK = (
    NotRecording.DISK_FULL,
    NotRecording.DISK_READ_ONLY,
    NotRecording.DISK_FAILED,
    NotRecording.DISK_SLOW,
    NotRecording.DRIVE_AWAY,
)

DISK_STEPS = {
    NotRecording.DISK_FULL: FULL_STEP,
    NotRecording.DISK_READ_ONLY: READ_ONLY_STEP,
    NotRecording.DISK_FAILED: DEVICE_STEP,
}
"""What a person can do about it."""


def find_reason(value: object) -> NotRecording | None:
    """The reason of that value; None when it is empty, OTHER for one that only a newer program knows."""
    if not value:
        return None
    return next((one for one in NotRecording if one.value == value), NotRecording.OTHER)
