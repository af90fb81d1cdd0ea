"""The thread of a camera process that has what moves recognised: pictures out to the detector, tracks and names back.

The analysis hands each picture that it looks at to a slot that holds one, and never waits (policy: the newest takes the
place of the one before, counted). This thread asks the detector for a turn, and makes the picture when the turn has
come, so that it is the newest. Without an answer motion is what it always was: "something moved".
"""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vigilar.base.bell import Bell
from vigilar.base.clock import Clock
from vigilar.base.errors import BusError
from vigilar.base.ids import new_id
from vigilar.base.stop import Stop
from vigilar.base.tally import Tally
from vigilar.bus.messages import ObjectSeen
from vigilar.bus.topics import Topics
from vigilar.detect.objects.client import DetectorClient
from vigilar.detect.objects.crops import choose_region, is_small, still_worth
from vigilar.detect.objects.detection import Box, Detection
from vigilar.detect.objects.pace import look_gap_s
from vigilar.detect.objects.shape import PeopleSeen
from vigilar.detect.objects.tracks import Track, Tracker
from vigilar.detect.objects.vote import Label
from vigilar.detect.objects.wire import Answer
from vigilar.detect.pictures import DecoderLike, PictureLike
from vigilar.detect.zones import NO_ZONES
from vigilar.media.packets import Packet, RunStart, StreamInfo
from vigilar.processes.animal_look import look_at
from vigilar.processes.facts import FactSender, Publisher
from vigilar.processes.motion import STILL_WIDTH, still_size
from vigilar.processes.motion_path import EndedTrack
from vigilar.processes.object_visit import (
    StillPicture,
    Visit,
    best_of,
    ended,
    is_still_there,
    objects_of,
    unknown,
)
from vigilar.record.file_store import FileStore
from vigilar.record.recorder import Recorder
from vigilar.record.stills import Still, begin_still

if TYPE_CHECKING:
    from vigilar.detect.motion import MovingArea

logger = logging.getLogger(__name__)

RETRY_S = 2.0
"""A detector that is not there is looked for so often, during a visit."""

PATIENCE_S = 20.0
"""A turn that has not come by then is asked for anew, over a new line."""

TELL_AGAIN = 0.1
"""A name that is surer by this is told again."""

NAME_WAIT_S = 5.0
"""A motion that is held until it has a name is told without one after this long: who is not recognised may be
anybody."""

NEAR_NS = 700_000_000
"""Motion within this of a picture's time is where something is in it."""

NewestMain = Callable[[], "tuple[RunStart, list[Packet]] | None"]
MakeDecoder = Callable[[StreamInfo], DecoderLike]


@dataclass(frozen=True, slots=True)
class Offer:
    """A picture that was looked at, and where something moves in it."""

    picture: PictureLike
    areas: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the detector was shown: the part ``region`` of ``picture``, as pixels."""

    picture: PictureLike
    region: Box
    pixels: NDArray[np.uint8]
    moving: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class _Order:
    """From the analysis: this visit ``begins``; None: the one that goes on is over, with the path of its motion."""

    mono_ns: int
    begins: Visit | None
    path: EndedTrack | None


@dataclass(slots=True)
class ObjectCounters:
    """Since the thread began. ``replaced``: pictures whose place a newer one took; ``unanswered``: looks in vain;
    ``failures``: looks that ended in a bug; ``unwanted``: visits nobody was told of, as no zone wants their kind."""

    looks: int = 0
    replaced: int = 0
    unanswered: int = 0
    from_main: int = 0
    failures: int = 0
    unwanted: int = 0


class ObjectWatcher:
    """``run`` belongs to one thread; ``offer``, ``begin``, ``end`` and ``holds`` to that of the analysis: they never
    wait. ``zones`` say where what counts; they may be set on any thread. ``newest_main`` gives the newest pictures of
    the main stream, None for a camera whose main stream is analysed.
    """

    def __init__(
        self,
        camera_id: str,
        run_dir: Path,
        facts: FactSender,
        bus: Publisher,
        recorder: Recorder,
        file_store: FileStore,
        clock: Clock,
        make_decoder: MakeDecoder,
        newest_main: NewestMain | None,
    ) -> None:
        self.counters = ObjectCounters()
        self._camera_id = camera_id
        self._client = DetectorClient(run_dir)
        self._facts, self._bus, self._recorder, self._file_store = facts, bus, recorder, file_store
        self._clock = clock
        self._make_decoder = make_decoder
        self._newest_main = newest_main
        self._errors = Tally(logger, "what moves was not looked at", every_s=60.0)
        self._bell = Bell()
        self._lock = threading.Lock()
        self._offer: Offer | None = None
        self._recent: deque[tuple[int, tuple[Box, ...]]] = deque(maxlen=60)
        self._orders: deque[_Order] = deque()
        self._holding = False
        # Of this thread alone:
        self.zones = NO_ZONES
        self._tracker = Tracker()
        self._people = PeopleSeen()
        self._ratio = 1.0
        self._visit: Visit | None = None
        self._began_mono_ns = 0
        self._looked_mono_ns = 0
        self._shown: Shown | None = None
        self._missed_mono_ns = 0
        self._newest_mono_ns = 0

    # On the thread of the analysis

    def offer(self, picture: PictureLike, areas: Sequence[MovingArea]) -> None:
        """Here is a picture. Only during a visit is it kept."""
        boxes = tuple(Box(one.left, one.top, one.right, one.bottom) for one in areas)
        with self._lock:
            self._recent.append((picture.mono_ns, boxes))
            self.counters.replaced += self._offer is not None
            self._offer = Offer(picture, boxes)
        self._bell.ring()

    def begin(self, motion_id: str, *, is_held: bool = False) -> None:
        """A motion has begun, under this id. ``is_held``: the sender of facts holds it until it is known whether it
        counts."""
        self._order(_Order(self._clock.mono_ns(), Visit(motion_id, is_held=is_held), None))

    def end(self, path: EndedTrack | None) -> None:
        """It is over: what is known of it is told, and its tracks are stored; ``path``, where something moved, if there
        are none."""
        self._order(_Order(self._clock.mono_ns(), None, path))

    @property
    def holds(self) -> bool:
        """Whether somebody who came is still seen, so that the visit goes on although nothing moves."""
        return self._holding

    def _order(self, order: _Order) -> None:
        with self._lock:
            self._orders.append(order)
            if order.begins is None:
                self._holding = False
        self._bell.ring()

    # On its own thread

    def run(self, stop: Stop) -> None:
        """Look until ``stop``; then what is known of a visit that goes on is told."""
        while not stop.is_set():
            self._bell.wait(1.0)
            try:
                self.run_once(stop)
            except Exception as error:
                # One odd picture must not end this for good: orders would pile up that nobody takes.
                self._fail(error)
        self._take_orders()
        if self._visit is not None:
            self._end_visit(self._visit, None)
        self._client.close()

    def _fail(self, error: Exception) -> None:
        self.counters.failures += 1
        self._errors.add(error, traceback=True)
        self._missed_mono_ns = self._clock.mono_ns()
        self._holding = False
        self._client.close()  # it may be amid a turn

    def wake(self) -> None:
        """Make ``run`` look at its ``stop`` now."""
        self._bell.ring()

    def run_once(self, stop: Stop) -> None:
        """Take what was ordered, and look once if it is time."""
        self._take_orders()
        visit = self._visit
        if visit is None:
            with self._lock:
                self._offer = None
            self._client.close()  # the detector need not keep a line for who has nothing to show
            return
        self._decide(visit)
        while not stop.is_set() and self._visit is visit and self._is_due(visit):
            self._look(visit, stop)
            self._decide(visit)
            self._take_orders()

    def _decide(self, visit: Visit) -> None:
        """Have a motion told that is held until it has a name: it has one that counts, or waited for long enough."""
        if not visit.is_held or (visit.told is None and (self._is_unwanted(visit) or self._name_wait_s > 0.0)):
            return
        visit.is_held = False
        self._facts.release(visit.motion_id)

    def _is_unwanted(self, visit: Visit) -> bool:
        """Whether nobody is to hear of what came. Nobody knows that once the detector is not there: who came since then
        may be anybody."""
        return not self._is_blind and visit.is_unwanted(self._tracker, self.zones)

    @property
    def _is_blind(self) -> bool:
        """Whether the last look of this visit was in vain."""
        return self._missed_mono_ns > max(self._began_mono_ns, self._looked_mono_ns)

    @property
    def _name_wait_s(self) -> float:
        """How long a name may still take; 0 when none is to be waited for."""
        since_s = (self._clock.mono_ns() - self._began_mono_ns) / 1e9
        return 0.0 if self._is_blind else max(0.0, NAME_WAIT_S - since_s)

    def _take_orders(self) -> None:
        while True:
            with self._lock:
                if not self._orders:
                    return
                order = self._orders.popleft()
            if self._visit is not None:
                self._end_visit(self._visit, order.path)
            self._visit = order.begins
            self._began_mono_ns = order.mono_ns  # it may have waited for the end of a look

    def _is_due(self, visit: Visit) -> bool:
        now_ns = self._clock.mono_ns()
        with self._lock:
            has_offer = self._offer is not None
        if not has_offer or now_ns - self._missed_mono_ns < RETRY_S * 1e9:
            return False
        since_s = (now_ns - self._began_mono_ns) / 1e9
        return visit.looks == 0 or now_ns - self._looked_mono_ns >= look_gap_s(since_s) * 1e9

    def _look(self, visit: Visit, stop: Stop) -> None:
        self._shown = None
        patience_s = (self._name_wait_s or NAME_WAIT_S) if visit.is_held else PATIENCE_S
        answer = self._client.ask(self._make_picture, stop, patience_s, self._is_waited_for)
        now_ns = self._clock.mono_ns()
        shown = self._shown
        if answer is None or shown is None:
            if not self._client.is_connected:
                self.counters.unanswered += 1
                self._missed_mono_ns = now_ns
                self._holding = False
            return
        self._looked_mono_ns = now_ns
        visit.looks += 1
        self._take_answer(visit, shown, answer)
        self.counters.looks += 1  # last: who reads it finds all that came of the look

    def _is_waited_for(self) -> bool:
        """Whether a motion that is held has waited behind this look for as long as it may."""
        by_ns = self._clock.mono_ns() - NAME_WAIT_S * 1e9
        with self._lock:
            return any(one.begins is not None and one.begins.is_held and one.mono_ns <= by_ns for one in self._orders)

    def _make_picture(self, width: int, height: int) -> NDArray[np.uint8] | None:
        """The newest picture, or the newest of the main stream where what moves is small."""
        with self._lock:
            offer, self._offer = self._offer, None
            recent = list(self._recent)
        if offer is None:
            return None
        picture, moving = offer.picture, offer.areas or _near(recent, offer.picture.mono_ns)
        if is_small(moving, picture.shown[1]) and (larger := self._find_larger(picture)) is not None:
            picture, moving = larger, _near(recent, larger.mono_ns) or moving
            self.counters.from_main += 1
        kept = self._tracker.tracks if not moving else []
        around = moving or tuple(track.box for track in kept if track.has_moved)
        region = choose_region(around, picture.shown, (width, height), self.counters.looks)
        pixels = picture.crop_bgr((region.left, region.top, region.right, region.bottom), (width, height))
        self._shown = Shown(picture, region, pixels, moving)
        return pixels

    def _find_larger(self, picture: PictureLike) -> PictureLike | None:
        """The newest keyframe of the main stream, decoded, unless it was looked at or is much older."""
        found = self._newest_main() if self._newest_main is not None else None
        if found is None or not found[1]:
            return None
        run, packets = found
        newest = self._last_seen_ns()
        if packets[0].mono_ns <= newest or run.video.width <= picture.shown[0]:
            return None
        pictures = self._make_decoder(run.video).decode(packets[0])
        return pictures[-1] if pictures else None

    def _last_seen_ns(self) -> int:
        """The time of the newest picture in a track, or of the visit's beginning: looks never go back in time."""
        return max(self._began_mono_ns - 2_000_000_000, self._newest_mono_ns)

    def _take_answer(self, visit: Visit, shown: Shown, answer: Answer) -> None:
        self._newest_mono_ns = shown.picture.mono_ns
        found = [replace(one, box=one.box.within(shown.region)) for one in answer.found]
        at_ms = shown.picture.utc_ns // 1_000_000
        tracks = self._tracker.add(found, at_ms, shown.moving, shown.region)
        self._ratio = shown.picture.shown[0] / shown.picture.shown[1]
        visit.shape.add(at_ms, shown.moving, found, self._ratio)
        visit.model = answer.model
        self._holding = is_still_there(self._tracker, at_ms)
        self._offer_still(visit, shown, found, tracks)
        self._publish(visit, at_ms, tracks)
        self._tell(visit, at_ms)

    def _offer_still(self, visit: Visit, shown: Shown, found: list[Detection], tracks: list[Track]) -> None:
        best = best_of(found, tracks)
        if best is None and shown.moving:
            best = unknown(max(shown.moving, key=lambda one: one.area))
        if best is not None:
            worth = still_worth(best, shown.pixels, _in_part(best.box, shown.region))
            visit.offer_still(worth, partial(_still_picture, shown.picture, best))

    def _publish(self, visit: Visit, at_ms: int, tracks: list[Track]) -> None:
        """For who watches just now; nobody is told twice, and nothing is lost when the bus is away."""
        seen = ObjectSeen(new_id(), at_ms, self._camera_id, visit.motion_id, visit.model, objects_of(tracks))
        try:
            self._bus.publish(Topics.camera_object(self._camera_id), seen.dump(), qos=0)
        except BusError:
            logger.debug("boxes of a picture were not told: the bus is away")

    def _label(self, visit: Visit) -> Label | None:
        """What came, as it is recognised or else by its shape."""
        known = visit.label(self._tracker, self.zones)
        return known or visit.label_by_shape(self._tracker, self._people, self.zones)

    def _tell(self, visit: Visit, at_ms: int) -> None:
        label = self._label(visit)
        told = visit.told
        if label is None or (told is not None and told.kind is label.kind and label.score < told.score + TELL_AGAIN):
            return
        visit.told = label
        make_still, look = self._make_still(visit)
        self._facts.visit_seen(visit.motion_id, at_ms, label.kind.value, label.score, make_still, look)

    def _end_visit(self, visit: Visit, path: EndedTrack | None) -> None:
        """Tell what is known, store its tracks, and put them into the recording."""
        self._visit = None
        self._holding = False
        is_unwanted = visit.is_held and self._is_unwanted(visit)
        now_ms = self._clock.utc_ns() // 1_000_000
        label = self._label(visit)
        make_still, look = self._make_still(visit)
        if label is not None or make_still is not None:
            kind, score = (label.kind.value, label.score) if label is not None else ("motion", None)
            self._facts.visit_seen(visit.motion_id, now_ms, kind, score, make_still, look)
        tracks = self._end_tracks(visit, path)
        for track in tracks:
            self._facts.track_ended(visit.motion_id, track)
        if tracks:
            self._recorder.note_seen(seen_json(visit.model, tracks))
        self._tracker.take_ended(now_ms)
        if is_unwanted:
            self.counters.unwanted += 1
            self._facts.drop(visit.motion_id)
        elif visit.is_held:
            self._facts.release(visit.motion_id)

    def _end_tracks(self, visit: Visit, path: EndedTrack | None) -> list[EndedTrack]:
        """What is stored of a visit that is over: who moved, or else where something did."""
        shape = visit.label_by_shape(self._tracker, self._people, self.zones)
        moved = self._tracker.end_moved()
        self._people.learn(moved, self._ratio)
        if moved or path is None:
            return [ended(one, self.zones, shape) for one in moved]
        return [path if shape is None else replace(path, kind=shape.kind.value, score=shape.score)]

    def _make_still(self, visit: Visit) -> tuple[Callable[[], Still] | None, bytes]:
        """What seals the best picture, if there is a better one by now, and how the cat or dog on it looks."""
        still = visit.take_still()
        if still is None:
            return None, b""
        size = {"width": still.width, "height": still.height}
        times = {"utc_ns": still.utc_ns, "mono_ns": still.mono_ns}
        return partial(begin_still, self._file_store, still.jpeg, **size, **times), still.look


def seen_json(model: str, tracks: Sequence[EndedTrack]) -> bytes:
    """The payload of META: what was seen, with its boxes by frame time."""
    listed: list[dict[str, Any]] = [
        {
            "kind": track.kind,
            "score": round(track.score, 3),
            "start_ts": track.start_ms,
            "path": base64.b64encode(track.path).decode(),
        }
        for track in tracks
    ]
    return json.dumps({"v": 1, "model": model, "tracks": listed}, separators=(",", ":")).encode()


def _near(recent: list[tuple[int, tuple[Box, ...]]], mono_ns: int) -> tuple[Box, ...]:
    """Where something moved around that time: the areas of the look nearest to it."""
    near = [(abs(at - mono_ns), boxes) for at, boxes in recent if boxes and abs(at - mono_ns) <= NEAR_NS]
    return min(near, key=lambda one: one[0])[1] if near else ()


def _in_part(box: Box, part: Box) -> Box:
    """``box``, given in fractions of the picture, in fractions of ``part`` of it, cut to that."""
    left, right = ((side - part.left) / part.width for side in (box.left, box.right))
    top, bottom = ((side - part.top) / part.height for side in (box.top, box.bottom))
    return Box(max(left, 0.0), max(top, 0.0), min(right, 1.0), min(bottom, 1.0))


def _still_picture(picture: PictureLike, best: Detection) -> StillPicture:
    size, times = still_size(picture), (picture.utc_ns, picture.mono_ns)
    return StillPicture(picture.to_jpeg(STILL_WIDTH), *size, *times, look_at(picture, best))
