"""OpenCV's MOG2 as it comes, on every picture of a full decode: what anybody writes first, and sees nearly all.

320 pixels wide, history 20 s, varThreshold 25, no shadows, one 3x3 opening; a trigger is the largest blob over 0.15 %
of the picture in three pictures in a row, and a motion is over after 2.5 s without one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import cv2
import numpy as np

from vigilar.detect.lighting import Grey
from vigilar.evaluate.clip import Clip, seconds_of
from vigilar.evaluate.ours import Found, Motion
from vigilar.media.decode import Decoder

SIZE = (320, 180)
LEAST_FRAC = 0.0015
LEAST_ROW = 3
QUIET_S = 2.5
_KERNEL = np.ones((3, 3), np.uint8)


def watch_every_picture(clip: Clip, rounds: int) -> Found:
    """What plain MOG2 finds in ``clip``, and what it costs."""
    found = Found()
    before_s = time.thread_time()
    found.motions = list(_motions(_triggers(clip, rounds, found)))
    found.cpu_s = time.thread_time() - before_s
    found.looks = found.decoded
    return found


def _triggers(clip: Clip, rounds: int, found: Found) -> Iterator[tuple[float, bool]]:
    decoder = Decoder(clip.info)
    mog = cv2.createBackgroundSubtractorMOG2(int(20 * (clip.info.frame_rate or 25)), 25, False)
    row = 0
    for packet in clip.rounds(rounds):
        found.packets += 1
        for picture in decoder.decode(packet):
            found.decoded += 1
            small = cv2.resize(picture.luma, SIZE, interpolation=cv2.INTER_LINEAR)
            row = row + 1 if _is_moving(np.asarray(mog.apply(small), dtype=np.uint8)) else 0
            yield seconds_of(picture.mono_ns), row >= LEAST_ROW


def _is_moving(mask: Grey) -> bool:
    _, _, stats, _ = cv2.connectedComponentsWithStats(cv2.morphologyEx(mask, cv2.MORPH_OPEN, _KERNEL))
    return len(stats) > 1 and bool(stats[1:, cv2.CC_STAT_AREA].max() > LEAST_FRAC * mask.size)


def _motions(triggers: Iterator[tuple[float, bool]]) -> Iterator[Motion]:
    start_s = last_s = None
    for at_s, is_on in triggers:
        if is_on:
            start_s, last_s = at_s if start_s is None else start_s, at_s
        elif start_s is not None and last_s is not None and at_s - last_s > QUIET_S:
            yield Motion(start_s, last_s, start_s)
            start_s = None
    if start_s is not None and last_s is not None:
        yield Motion(start_s, last_s, start_s)
