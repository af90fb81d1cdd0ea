"""What needs libav or OpenCV, loaded by who first needs it, on purpose inside functions.

A camera that is only recorded, and at which nobody looks, needs neither. ``preload_detect`` has them in memory before
the fork where motion is looked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vigilar.base.clock import Clock
from vigilar.config.jobs import CameraJob
from vigilar.live.feed import Covering, FeedDecoder, FeedServer
from vigilar.live.gop import LiveStream
from vigilar.live.narrow import NarrowEncoder
from vigilar.media.packets import StreamInfo, StreamRole
from vigilar.media.private_areas import GetPrivate, Polygon, no_private_areas
from vigilar.processes.facts import FactSender, Publisher
from vigilar.record.file_store import FileStore
from vigilar.record.recorder import Recorder
from vigilar.record.storyboards import StoryboardWriter

if TYPE_CHECKING:
    from vigilar.detect.motion import MotionSettings
    from vigilar.processes.motion import MotionTeller
    from vigilar.processes.objects import NewestMain, ObjectWatcher


def make_decoder(info: StreamInfo, private: GetPrivate = no_private_areas) -> FeedDecoder:
    """A decoder for viewers; ``private`` is black in what they get."""
    from vigilar.media.decode import Decoder

    return Decoder(info, private=private)


def make_encoder(info: StreamInfo, private: GetPrivate = no_private_areas) -> NarrowEncoder:
    """What makes a narrow picture for viewers; ``private`` is black in it."""
    from vigilar.media.transcode import Transcoder

    return Transcoder(info, private)


def make_covered_encoder(info: StreamInfo, private: GetPrivate = no_private_areas) -> NarrowEncoder:
    """What makes the picture of a camera with private areas, as large as it may be; ``private`` is black in it."""
    from vigilar.media.transcode import COVERED, Transcoder

    return Transcoder(info, private, COVERED)


def make_feed(job: CameraJob, streams: dict[StreamRole, LiveStream], private: GetPrivate) -> FeedServer:
    """What serves viewers of these streams."""
    return FeedServer(
        *(job.run_dir, job.camera_id, streams),
        partial(make_decoder, private=private),
        partial(make_encoder, private=private),
        Covering(lambda: bool(private()), partial(make_covered_encoder, private=private)),
    )


def private_areas(zones: str) -> tuple[Polygon, ...]:
    """Those of a job's ``zones``."""
    if not zones:
        return ()
    from vigilar.detect.zones import ZoneMap

    return ZoneMap.parse(zones).private


def motion_settings(job: CameraJob) -> MotionSettings:
    """How motion is looked for by this job."""
    from vigilar.detect.motion import MotionSettings
    from vigilar.detect.zones import ZoneMap

    return MotionSettings(job.sensitivity, ZoneMap.parse(job.zones))


def make_motion_teller(
    facts: FactSender,
    recorder: Recorder,
    file_store: FileStore,
    clock: Clock,
    run_now: Callable[[], int],
    settings: MotionSettings,
    storyboards: StoryboardWriter,
    objects: ObjectWatcher | None,
) -> MotionTeller:
    from vigilar.processes.motion import MotionTeller

    return MotionTeller(facts, recorder, file_store, clock, run_now, settings, storyboards, objects)


def make_object_watcher(
    camera_id: str,
    run_dir: Path,
    facts: FactSender,
    bus: Publisher,
    recorder: Recorder,
    file_store: FileStore,
    clock: Clock,
    newest_main: NewestMain | None,
    private: GetPrivate,
) -> ObjectWatcher:
    """What has things recognised in what moves."""
    from vigilar.media.decode import Decoder
    from vigilar.processes.objects import ObjectWatcher

    decoder = partial(Decoder, private=private)
    return ObjectWatcher(camera_id, run_dir, facts, bus, recorder, file_store, clock, decoder, newest_main)
