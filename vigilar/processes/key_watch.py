"""Waits for the key stick of a house that started without it."""

from __future__ import annotations

import logging
from pathlib import Path

from vigilar.base.errors import RecordingError
from vigilar.base.stop import Stop
from vigilar.base.tally import Tally
from vigilar.vge.key_store import load_lock, unlock_by_stick
from vigilar.vge.keys import is_house_locked

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 3.0
"""A person who put the stick in sees the page change within this; a look opens no file but on mounted sticks."""


def wait_for_stick(secrets_dir: Path, stop: Stop) -> None:
    """Unlock the house as soon as a stick of it is there, then end; at once where nobody could. A thread of its own:
    a broken stick may keep whoever reads it."""
    failed = Tally(logger, "the key stick cannot be used", every_s=60.0)
    while not stop.is_set():
        try:
            lock = load_lock(secrets_dir)
            if lock is None or not lock.sticks or not is_house_locked(secrets_dir):
                return
            if unlock_by_stick(secrets_dir):
                logger.info("the recordings are unlocked by the key stick")
                return
        except RecordingError as error:
            failed.add(error)
        stop.wait(LOOK_EVERY_S)
