"""Takes the wish of a rule that a camera records for a while, whatever moves."""

from __future__ import annotations

import logging

from vigilar.base.clock import Clock
from vigilar.bus.client import Handler
from vigilar.bus.messages import BadMessage, CameraRecord
from vigilar.record.recorder import Recorder

logger = logging.getLogger(__name__)

LONGEST_S = 3600
"""Of one wish: a message on the bus must not fill the disk."""


def make_record_handler(recorder: Recorder, clock: Clock) -> Handler:
    """For ``Topics.camera_record``; runs on the bus' thread."""

    def record(_topic: str, payload: bytes) -> None:
        try:
            wish = CameraRecord.parse(payload)
        except BadMessage as error:
            logger.warning("a wish to record cannot be read: %s", error)
            return
        now_ns = clock.mono_ns()
        recorder.record_until(now_ns, now_ns + max(0, min(wish.seconds, LONGEST_S)) * 1_000_000_000)

    return record
