"""What needs libav or OpenCV, loaded by who first needs it, on purpose inside functions.

A camera that is only recorded, and at which nobody looks, needs neither. ``preload_detect`` has them in memory before
the fork where motion is looked for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vigilar.base.clock import Clock
from vigilar.live.feed import FeedDecoder
from vigilar.live.narrow import NarrowEncoder
from vigilar.media.packets import StreamInfo
from vigilar.processes.facts import FactSender, Publisher
from vigilar.record.file_store import FileStore
from vigilar.record.recorder import Recorder
from vigilar.record.storyboards import StoryboardWriter

if TYPE_CHECKING:
    from vigilar.processes.motion import MotionTeller
    from vigilar.processes.objects import NewestMain, ObjectWatcher


def make_decoder(info: StreamInfo) -> FeedDecoder:
    """A decoder for viewers."""
    from vigilar.media.decode import Decoder

    return Decoder(info)


def make_encoder(info: StreamInfo) -> NarrowEncoder:
    """What makes a narrow picture for viewers."""
    from vigilar.media.transcode import Transcoder

    return Transcoder(info)


def make_motion_teller(
    facts: FactSender,
    recorder: Recorder,
    file_store: FileStore,
    clock: Clock,
    run_now: Callable[[], int],
    sensitivity: float,
    storyboards: StoryboardWriter,
    objects: ObjectWatcher | None,
) -> MotionTeller:
    from vigilar.processes.motion import MotionTeller

    return MotionTeller(facts, recorder, file_store, clock, run_now, sensitivity, storyboards, objects)


def make_object_watcher(
    camera_id: str,
    run_dir: Path,
    facts: FactSender,
    bus: Publisher,
    recorder: Recorder,
    file_store: FileStore,
    clock: Clock,
    newest_main: NewestMain | None,
) -> ObjectWatcher:
    """What has things recognised in what moves."""
    from vigilar.media.decode import Decoder
    from vigilar.processes.objects import ObjectWatcher

    return ObjectWatcher(camera_id, run_dir, facts, bus, recorder, file_store, clock, Decoder, newest_main)
