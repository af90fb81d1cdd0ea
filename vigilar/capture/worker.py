"""Reads one stream of one camera for as long as it is wanted: runs, watchdog, reconnect."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from vigilar.base.clock import Clock
from vigilar.base.errors import CameraError, ErrorKind
from vigilar.base.retry import Backoff
from vigilar.base.stop import Stop
from vigilar.capture.opener import OpenSource, open_source
from vigilar.capture.timestamps import StampGate, StampJump
from vigilar.media.bitstream import annex_b, first_sps, has_whole_setup, parameter_sets
from vigilar.media.packets import Kind, Packet, RunStart, StreamInfo, StreamRole
from vigilar.media.sps import BadBitstream

logger = logging.getLogger(__name__)

BATCH_GAP_NS = 90_000_000
"""``on_batch`` is called no more often: who watches live has each packet handed on by itself."""

USELESS_S = 10.0
"""Without a usable video packet for this long the connection is given up, whatever else the camera sends."""

JUMP_PAUSE_S = 0.2
"""Between a run that ended by its stamps and the next, so that a broken camera cannot make the loop spin."""

RETRY_CAP_S = 6.0
"""A camera that has its cable back is to be live within 10 s; the try itself takes some of them."""

LOOK_S = 0.2
"""How soon a pause ends when somebody asks for the next try."""

LOGIN_RETRY_S = 60.0
"""Cameras lock after a few wrong passwords: one try a minute."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How the connection is: ``error`` says why there is none, ``next_try_s`` when the next try begins."""

    role: StreamRole
    is_open: bool
    run: int
    error: CameraError | None = None
    next_try_s: float = 0.0


class CaptureWorker:
    """One thread runs ``run``; it hands each RunStart and Packet to ``sink``, which must not wait.

    ``on_batch`` hears when all that had come is handed on, and for now nothing more: the time to look at it, as it is
    still in the processor's caches.

    ``beat`` is the monotonic time (ns) of the last sign of life of the loop itself, offline or not.
    """

    def __init__(
        self,
        role: StreamRole,
        url: str,
        sink: Callable[[RunStart | Packet], None],
        on_connection: Callable[[Connection], None],
        stop: Stop,
        clock: Clock,
        opener: Callable[[str, Callable[[float], bool]], OpenSource] = open_source,
        backoff: Backoff | None = None,
        on_batch: Callable[[], None] = lambda: None,
    ) -> None:
        self._role, self._url, self._sink, self._on_connection = role, url, sink, on_connection
        self._stop, self._clock, self._opener = stop, clock, opener
        self._backoff = backoff or Backoff(cap_s=RETRY_CAP_S)
        self._on_batch = on_batch
        self._batch_ns = 0
        self._run = 0
        self._video: StreamInfo
        self._is_started = False
        self._source: OpenSource | None = None
        self._is_hurried = False
        self._is_retry_asked = False
        self.beat_mono_ns = clock.mono_ns()
        self.dropped = 0

    def run(self) -> None:
        """Until stopped. Bugs leave; errors of the camera are retried with growing pauses."""
        while not self._stop.is_set():
            began_ns = self._clock.mono_ns()
            try:
                self.run_once()
                continue
            except CameraError as error:
                if self._stop.is_set():
                    return
                self._pause(error, (self._clock.mono_ns() - began_ns) / 1e9)
            except StampJump as jump:
                logger.info("%s run %d ended: %s", self._role.value, self._run, jump)
                self._stop.wait(JUMP_PAUSE_S)

    def hurry(self, is_watched: bool) -> None:
        """True while somebody watches live: packets are handed on as they come. False, at first: five times a second.

        Any thread; holds for the connection at hand and for later ones.
        """
        self._is_hurried = is_watched
        source = self._source
        if source is not None:
            source.hurry(is_watched)

    def retry_now(self) -> None:
        """End the pause before the next try, if there is one: somebody has seen to the camera. Any thread."""
        self._is_retry_asked = True

    def _pause(self, error: CameraError, ran_s: float) -> None:
        delay_s = LOGIN_RETRY_S if error.kind is ErrorKind.DENIED else self._backoff.next_delay_s(ran_s)
        logger.warning("%s stream: %s (%s), next try in %.1f s", self._role.value, error, error.code, delay_s)
        self._on_connection(Connection(self._role, False, self._run, error, delay_s))
        self._is_retry_asked = False  # what was asked for during the try that failed is done
        left_s = delay_s
        while left_s > 0 and not self._is_retry_asked and not self._stop.wait(min(left_s, LOOK_S)):
            self.beat_mono_ns = self._clock.mono_ns()
            left_s -= LOOK_S

    def run_once(self) -> None:
        """One connection from open to its end. Raises CameraError or StampJump."""
        self.beat_mono_ns = self._clock.mono_ns()
        source = self._opener(self._url, self._stop.wait)
        self._run += 1
        self._source = source  # before its first look at the wish, so that none falls between
        source.hurry(self._is_hurried)
        try:
            self._read(source)
        except BadBitstream as error:
            sentence = f"The camera's picture set-up cannot be read: {error}."
            raise CameraError(sentence, kind=ErrorKind.TRANSIENT, code="V-CAM-14") from error
        finally:
            self._source = None
            source.close()

    def _read(self, source: OpenSource) -> None:
        video = source.streams[0]
        gate = StampGate(self._run, video.frame_rate)
        self._video, self._is_started = video, False
        useful_ns = self._clock.mono_ns()
        try:
            for raw in source:
                now_ns = self._clock.mono_ns()
                self.beat_mono_ns = now_ns
                if self._stop.is_set():
                    return
                if raw is None:
                    self._end_batch(now_ns)
                else:
                    for packet in gate.pass_on(raw, self._clock.utc_ns(), now_ns):
                        if self._hand_on(packet, source.streams) and packet.kind is Kind.VIDEO:
                            useful_ns = now_ns
                    self.dropped = gate.dropped
                if now_ns - useful_ns > USELESS_S * 1e9:
                    raise CameraError(
                        f"Connected, but no usable picture for {USELESS_S:.0f} seconds.",
                        kind=ErrorKind.TRANSIENT,
                        code="V-CAM-16",
                    )
        finally:
            if self._is_started:
                for packet in gate.flush():
                    self._sink(packet)

    def _end_batch(self, now_ns: int) -> None:
        if now_ns - self._batch_ns >= BATCH_GAP_NS:
            self._batch_ns = now_ns
            self._on_batch()

    def _hand_on(self, packet: Packet, streams: list[StreamInfo]) -> bool:
        """Give the packet to the sink; False while the run waits for a keyframe with parameter sets.

        Raises StampJump when the camera changed its picture format: the run's init segment does not fit any more.
        """
        is_key = packet.kind is Kind.VIDEO and packet.is_keyframe
        if is_key:
            known = self._video.setup
            sets = parameter_sets(self._video.codec, packet.data)
            if self._is_started and any(nal not in known for nal in sets):
                self._is_started = False  # what still waits in the gate is of the new format
                raise StampJump("the picture format changed")
        if not self._is_started:
            if not is_key:
                return False
            video = _with_setup(self._video, sets)
            if not has_whole_setup(video.codec, video.setup):
                return False
            self._video, self._is_started = video, True
            self._start((video, *streams[1:]), packet)
        self._sink(packet)
        return True

    def _start(self, streams: tuple[StreamInfo, ...], first: Packet) -> None:
        logger.info("%s stream open, run %d, %s", self._role.value, self._run, streams[0].codec)
        self._sink(RunStart(self._role, self._run, streams, first.utc_ns, first.mono_ns))
        self._on_connection(Connection(self._role, True, self._run))


def _with_setup(video: StreamInfo, sets: list[bytes]) -> StreamInfo:
    """``video`` as its first keyframe describes it: what comes in band is what the slices refer to.

    The session description stands in where the camera sends no sets in band. Raises BadBitstream.
    """
    in_band = annex_b(sets)
    if has_whole_setup(video.codec, in_band):
        video = replace(video, setup=in_band)
    if not has_whole_setup(video.codec, video.setup):
        return video
    facts = first_sps(video.codec, video.setup)
    return replace(video, width=facts.width, height=facts.height)
