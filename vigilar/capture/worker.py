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
from vigilar.capture.rtsp.sentences import TOO_MUCH, NotThere
from vigilar.capture.timestamps import StampGate
from vigilar.media.bitstream import first_sps, has_whole_setup, parameter_sets, with_sets
from vigilar.media.packets import VIDEO, Kind, Packet, RunStart, StreamInfo, StreamRole
from vigilar.media.sps import BadBitstream

logger = logging.getLogger(__name__)

BATCH_GAP_NS = 90_000_000
"""``on_batch`` is called no more often: who watches live has each packet handed on by itself..."""

NEW_RUN_NS = 1_000_000_000
"""...but for so long from the first picture on: what is recorded first then waits for nothing."""

USELESS_S = 10.0
"""Without a picture for this long the connection is given up, whatever else the camera sends..."""

PAUSE_S = 120.0
SHORT_S = 30.0
ANSWER_S = 12.0
"""...but for one that sends pictures only when something happens: none yet, or for less than SHORT_S after the pause
before, no sound, and it answered within ANSWER_S. That one has PAUSE_S."""

WAIT_NOTE_S = 4.0
"""So long without a whole picture, and the camera's page says what is waited for."""

RETRY_CAP_S = 6.0
"""A camera that has its cable back is to be live within 10 s; the try itself takes some of them."""

NOT_THERE_S = 0.5
"""Between tries where nothing takes the connection: a camera that starts is not kept waiting, and none is there yet
that could mind."""

JUST_GONE_S = 0.1
JUST_GONE_FOR_S = 120.0
"""The same for so long after it was last there, and from our own start on: most that go are back after they started
again, or the whole house did. A try takes 65 us (measured)."""

SAY_AGAIN_S = 600.0
"""The same failure is a line of the log no more often."""

LOOK_S = 0.2
"""How soon a pause ends when somebody asks for the next try."""

LOGIN_RETRY_S = 60.0
"""Cameras lock after a few wrong passwords: one try a minute."""

TOO_MUCH_RETRY_S = 60.0
"""After a flood: what fills the window of ``rate_cap`` once a minute is no more than a usual camera sends."""


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
    still in the processor's caches. ``on_early`` gets a picture before ``sink`` does, while somebody watches live: its
    duration is a guess, and it comes to ``sink`` all the same.

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
        self.on_early: Callable[[Packet], None] | None = None
        self._batch_ns = self._began_ns = 0
        self._there_ns = clock.mono_ns()
        self._run = 0
        self._streams: tuple[StreamInfo, ...] = ()
        self._gate = StampGate(0, None)
        self._is_started = False
        self._has_noted_wait = False
        self._source: OpenSource | None = None
        self._is_hurried = False
        self._is_retry_asked = False
        self._said, self._said_ns, self._failures = "", 0, 0
        self.beat_mono_ns = clock.mono_ns()
        self.odd_stamps = 0
        """Stamps of pictures that were put right, on all connections."""
        self.silent_units = 0
        """Units of sound that were missing."""

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
        delay_s = self._delay_s(error, ran_s)
        self._say(error, delay_s)
        self._on_connection(Connection(self._role, False, self._run, error, delay_s))
        self._is_retry_asked = False  # what was asked for during the try that failed is done
        left_s = delay_s
        while left_s > 0 and not self._is_retry_asked and not self._stop.wait(min(left_s, LOOK_S)):
            self.beat_mono_ns = self._clock.mono_ns()
            left_s -= LOOK_S

    def _delay_s(self, error: CameraError, ran_s: float) -> float:
        if error.code == TOO_MUCH:
            return TOO_MUCH_RETRY_S
        if error.kind is ErrorKind.DENIED:
            return LOGIN_RETRY_S
        delay_s = self._backoff.next_delay_s(ran_s)
        if not isinstance(error, NotThere):
            return delay_s
        is_just_gone = self._clock.mono_ns() - self._there_ns < JUST_GONE_FOR_S * 1e9
        return min(delay_s, JUST_GONE_S if is_just_gone and not error.is_by_name else NOT_THERE_S)

    def _say(self, error: CameraError, delay_s: float) -> None:
        """A line in the log, if it is news; else it is counted."""
        now_ns, text = self._clock.mono_ns(), str(error)
        self._failures += 1
        if text == self._said and now_ns - self._said_ns < SAY_AGAIN_S * 1e9:
            return
        self._said, self._said_ns = text, now_ns
        logger.warning(
            "%s stream: %s (%s), next try in %.1f s, %d failed so far",
            *(self._role.value, error, error.code, delay_s, self._failures),
        )

    def run_once(self) -> None:
        """One connection from open to its end. Raises CameraError."""
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
            self._there_ns = self._clock.mono_ns()
            source.close()

    def _read(self, source: OpenSource) -> None:
        self._streams = tuple(source.streams)
        sound = self._streams[1] if len(self._streams) > 1 else None
        gate = self._gate = StampGate(self._run, self._streams[0].frame_rate, sound)
        self._is_started = self._has_noted_wait = False
        silence = _Silence(self._clock.mono_ns())
        odd, silent = self.odd_stamps, self.silent_units
        mono_ns, utc_ns, is_stopped, pass_on = self._clock.mono_ns, self._clock.utc_ns, self._stop.is_set, gate.pass_on
        try:
            for raw in source:
                self.beat_mono_ns = now_ns = mono_ns()
                if is_stopped():
                    return
                if raw is None:
                    self._hand_all_on(gate.release(now_ns))
                    self.odd_stamps = odd + source.odd_stamps + gate.odd_stamps
                    self.silent_units = silent + gate.silent_units
                    self._end_batch(now_ns)
                else:
                    silence.note(raw.kind, now_ns)
                    for packet in pass_on(raw, utc_ns(), now_ns):
                        self._hand_on(packet)
                    if raw.kind is VIDEO:
                        if self._is_hurried:
                            self._show_early(gate.newest())
                        if not self._is_started and silence.pictures_ns > WAIT_NOTE_S * 1e9:
                            self._note_wait()
                        continue
                if silence.is_end(now_ns, source):
                    raise CameraError(
                        f"Connected, but no usable picture for {USELESS_S:.0f} seconds.",
                        kind=ErrorKind.TRANSIENT,
                        code="V-CAM-16",
                    )
        finally:
            self.odd_stamps = odd + source.odd_stamps + gate.odd_stamps
            self.silent_units = silent + gate.silent_units
            if self._is_started:
                self._hand_all_on(gate.flush())

    def _note_wait(self) -> None:
        """Once a connection: pictures come, but none that stands alone."""
        if self._has_noted_wait:
            return
        self._has_noted_wait = True
        logger.info("%s stream: waiting for a whole picture", self._role.value)
        error = CameraError(
            "The camera sends pictures, but no whole one yet.",
            kind=ErrorKind.TRANSIENT,
            next_step="Set its I-frame interval to 2 to 4 seconds, and switch off H.264+ or H.265+.",
            code="V-CAM-16",
        )
        self._on_connection(Connection(self._role, False, self._run, error))

    def _hand_all_on(self, packets: list[Packet]) -> None:
        for packet in packets:
            self._hand_on(packet)

    def _show_early(self, packet: Packet | None) -> None:
        """Somebody watches: the newest picture is shown before its duration is known, unless it may begin a run."""
        if self.on_early is None or packet is None or not self._is_started:
            return
        video = self._streams[0]
        if packet.is_keyframe and any(nal not in video.setup for nal in parameter_sets(video.codec, packet.data)):
            return
        self.on_early(packet)

    def _end_batch(self, now_ns: int) -> None:
        if now_ns - self._batch_ns >= BATCH_GAP_NS or now_ns - self._began_ns < NEW_RUN_NS:
            self._batch_ns = now_ns
            self._on_batch()

    def _hand_on(self, packet: Packet) -> None:
        """Give the packet to the sink; nothing while a run waits for a keyframe with parameter sets."""
        if packet.is_keyframe and packet.kind is VIDEO:
            video = self._streams[0]
            sets = parameter_sets(video.codec, packet.data)
            if not self._is_started:
                packet = self._begin_run(_with_setup(video, sets), packet)
            elif sets and any(nal not in video.setup for nal in sets):
                packet = self._change(video, sets, packet)
        if self._is_started:
            self._sink(packet)

    def _change(self, video: StreamInfo, sets: list[bytes], packet: Packet) -> Packet:
        """Other parameter sets came with a keyframe: it begins a run on the same connection.

        If only what rate control writes into them has changed, this camera may do so with each keyframe. Then the run
        has its sets in band, and the next such change is just a picture.
        """
        try:
            changed = _with_setup(video, sets)
            is_small = first_sps(video.codec, changed.setup).is_like(first_sps(video.codec, video.setup))
        except BadBitstream as error:
            logger.warning("%s stream: parameter sets that cannot be read are left out: %s", self._role.value, error)
            return packet
        if is_small and video.has_sets_in_band:
            return packet
        self._run += 1
        self._is_started = False
        return self._begin_run(replace(changed, has_sets_in_band=is_small or video.has_sets_in_band), packet)

    def _begin_run(self, video: StreamInfo, first: Packet) -> Packet:
        """Tell of the run if ``video`` has what decoding needs. The packet, as one of this run."""
        if not has_whole_setup(video.codec, video.setup):
            return first
        is_new = first.run == self._run
        self._streams = (video, *self._streams[1:])
        self._is_started, self._gate.run = True, self._run
        self._began_ns = self._clock.mono_ns()
        self._said, self._failures = "", 0
        logger.info("%s stream open, run %d, %s", self._role.value, self._run, video.codec)
        self._sink(RunStart(self._role, self._run, self._streams, first.utc_ns, first.mono_ns, is_new))
        self._on_connection(Connection(self._role, True, self._run))
        return first if is_new else replace(first, run=self._run)


class _Silence:
    """Since when no picture has come, and whether that is the end of the connection."""

    def __init__(self, now_ns: int) -> None:
        self._picture_ns = self._began_ns = now_ns
        self._has_pictures = self._has_sound = False

    def note(self, kind: Kind, now_ns: int) -> None:
        if kind is not VIDEO:
            self._has_sound = True
            return
        if not self._has_pictures or now_ns - self._picture_ns > USELESS_S * 5e8:
            self._began_ns = now_ns
        self._picture_ns, self._has_pictures, self._has_sound = now_ns, True, False

    @property
    def pictures_ns(self) -> int:
        """How long pictures have come since the last pause."""
        return self._picture_ns - self._began_ns

    def is_end(self, now_ns: int, source: OpenSource) -> bool:
        silent_ns = now_ns - self._picture_ns
        if silent_ns <= USELESS_S * 1e9:
            return False
        was_short = not self._has_pictures or self.pictures_ns < SHORT_S * 1e9
        return not (was_short and not self._has_sound and source.quiet_s < ANSWER_S and silent_ns < PAUSE_S * 1e9)


def _with_setup(video: StreamInfo, sets: list[bytes]) -> StreamInfo:
    """``video`` as its keyframe describes it: what comes in band is what the slices refer to.

    What the camera does not send in band stays as it was, at first as the session description has it. Raises
    BadBitstream.
    """
    video = replace(video, setup=with_sets(video.codec, video.setup, sets)) if sets else video
    if not has_whole_setup(video.codec, video.setup):
        return video
    facts = first_sps(video.codec, video.setup)
    return replace(video, width=facts.width, height=facts.height, pixel_aspect=facts.pixel_aspect)
