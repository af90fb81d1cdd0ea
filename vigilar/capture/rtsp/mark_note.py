"""Which streams tell nowhere where decoding may begin, beyond the life of a process: that is known after a minute of
pictures only, of which none is recorded. One empty file for each stream."""

from __future__ import annotations

import logging

from vigilar.base.atomic import fsync_folder, make_private_folder, write_atomic
from vigilar.capture.rtsp.intake import Intake

logger = logging.getLogger(__name__)


class MarkNote:
    """Of one connection; ``keep`` is for its thread."""

    def __init__(self, intake: Intake) -> None:
        """What an earlier process has learned goes into the memory of ``intake``."""
        self._path, self._memory = intake.unmarked_note, intake.memory
        self._is_noted = False
        if self._path is None:
            return
        try:
            self._is_noted = self._path.exists()
        except OSError as error:
            logger.warning("what is noted of the camera's pictures cannot be read: %s", error.strerror)
        self._memory.has_no_marks = self._memory.has_no_marks or self._is_noted

    def keep(self) -> None:
        """Note what is known by now, if it is news. That it cannot be costs no picture: this process knows it anyway.
        To be called now and then."""
        has_none = self._memory.has_no_marks
        if has_none is self._is_noted or self._path is None:
            return
        self._is_noted = has_none
        try:
            if has_none:
                make_private_folder(self._path.parent)
                write_atomic(self._path, b"", 0o600)
            else:
                self._path.unlink(missing_ok=True)
                fsync_folder(self._path.parent)
        except OSError as error:
            logger.warning("whether the camera marks its pictures cannot be noted: %s", error.strerror)
