"""Tries a camera once, step by step, and names the step that fails. One login attempt, a second where the password can
be read or protected in two ways: cameras lock after a few. Each step, and the first picture, is told as it comes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from email.utils import parsedate_to_datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import urlsplit

from vigilar.base.errors import CameraError
from vigilar.base.stop import Stop
from vigilar.capture.address_gate import STRICT, AddressGate
from vigilar.capture.opener import OpenSource, open_source
from vigilar.capture.report_card import Note, ReportCard, StreamCard
from vigilar.capture.rtsp import sentences
from vigilar.capture.rtsp.address import BadAddress, parse_address
from vigilar.capture.rtsp.intake import Intake, LoginMemory, StreamMemory
from vigilar.capture.rtsp.source import RtspSource
from vigilar.capture.rtsp.wire import connect
from vigilar.capture.stream_finder import FoundStreams, Login, StreamFinder
from vigilar.media.bitstream import LAYOUTS, annex_b, first_sps, parameter_sets
from vigilar.media.packets import Kind, Packet, RawPacket, StreamInfo
from vigilar.media.sps import BadBitstream

if TYPE_CHECKING:
    from vigilar.media.decode import Decoder

CONNECT_S = 5.0
PICTURE_S = 12.0
WHOLE_PICTURE_S = 120.0
"""Smart codecs and restreamers send a whole picture each minute or so: as long as others come, it is waited for."""

MEASURE_S = 6.0
"""So long the next whole picture is waited for, to tell how far apart they are."""

LEAST_MEASURE_S = 2.0
"""So long at least, to tell the rates."""

PICTURE_WIDTH = 960
_CLOCK_YEARS_S = 10 * 366 * 86_400
"""A camera's clock that is off by more tells how long it runs, not what time it is."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step: ``ms`` is how long it took, ``detail`` what was found or failed."""

    name: str
    ok: bool
    ms: int
    detail: str


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be tried. ``main`` and ``small`` are addresses with an encoded login in them, as they are opened;
    ``small`` empty: there is none. ``find_at``: in place of ``main`` a host of which no more is known, its port."""

    main: str = field(default="", repr=False)
    small: str = field(default="", repr=False)
    find_at: tuple[str, int | None, bool] | None = None
    login: Login = field(default_factory=Login)
    transport: Literal["tcp", "udp"] = "tcp"


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What came of it. ``sentence`` is for a person and holds no secret; ``code`` is empty when all is well.

    ``address`` and ``small`` are what was found for a host, without a login; empty when they were given.
    ``refused_logins``: how many the camera refused, and may count.
    """

    ok: bool
    code: str
    sentence: str
    next_step: str
    stages: tuple[Stage, ...]
    notes: tuple[Note, ...] = ()
    card: ReportCard | None = None
    address: str = ""
    small: str = ""
    refused_logins: int = 0

    def dump(self) -> dict[str, Any]:
        """For JSON."""
        found = asdict(self)
        return {**found, "card": None if self.card is None else self.card.dump()}


class Listener(Protocol):
    """Hears of a probe as it goes on, on its thread."""

    def doing(self, words: str) -> None:
        """What is being done now, for a person."""

    def stage(self, stage: Stage) -> None:
        """A step is over."""

    def picture(self, jpeg: bytes) -> None:
        """The first picture."""


class Nobody:
    """Listens to nothing."""

    def doing(self, words: str) -> None: ...

    def stage(self, stage: Stage) -> None: ...

    def picture(self, jpeg: bytes) -> None: ...


AddLogin = Callable[[str], str]
"""An address without a login -> as it is opened, with the login in it."""


def probe(
    target: Target,
    *,
    notes_dir: Path | None = None,
    gate: AddressGate = STRICT,
    listener: Listener | None = None,
    add_login: AddLogin = str,
) -> ProbeReport:
    """Reach the camera, log in, read and show a whole picture, measure.

    Blocks up to about 80 s for a camera that answers but is slow, 25 s for others, two minutes more where the camera
    sends a whole picture only now and then, and 50 s more where its paths have to be found. ``notes_dir``: where
    certificates and logins are remembered; none is written. ``add_login`` is for addresses that are found.
    """
    return _Probe(target, notes_dir, gate, listener or Nobody(), add_login).run()


class _Probe:
    """One try. One thread."""

    def __init__(
        self, target: Target, notes_dir: Path | None, gate: AddressGate, listener: Listener, add_login: AddLogin
    ) -> None:
        self._target, self._notes_dir, self._gate = target, notes_dir, gate
        self._listener, self._add_login = listener, add_login
        self._login = LoginMemory()
        self._stages: list[Stage] = []
        self._began_s = time.monotonic()
        self._step = "reached"
        self._found: FoundStreams | None = None
        self._clock_off_s: float | None = None

    def run(self) -> ProbeReport:
        try:
            main, small = self._find_streams()
            card = ReportCard(self._try_stream(main, small=False), make=self._found.make if self._found else "")
            if small:
                card = replace(card, small=self._try_stream(small, small=True))
            return self._well(replace(card, clock_off_s=self._clock_off_s))
        except CameraError as error:
            self._end_stage(ok=False, detail=str(error))
            return self._report(ok=False, code=error.code, sentence=str(error), next_step=error.next_step)

    def _well(self, card: ReportCard) -> ProbeReport:
        notes = tuple(card.notes())
        sentence = f"The camera works: {_stream_words(card.main)}."
        first = notes[0] if notes else Note("", "")
        step = " ".join(filter(None, (first.sentence, first.next_step)))
        return self._report(ok=True, code=first.code, sentence=sentence, next_step=step, notes=notes, card=card)

    def _report(self, *, ok: bool, code: str, sentence: str, next_step: str, **more: Any) -> ProbeReport:
        found = self._found or FoundStreams("")
        return ProbeReport(
            ok,
            code,
            sentence,
            next_step,
            tuple(self._stages),
            address=found.main,
            small=found.small,
            refused_logins=self._login.refused,
            **more,
        )

    def _begin_stage(self, name: str, words: str) -> None:
        self._step = name
        self._listener.doing(words)

    def _end_stage(self, *, ok: bool, detail: str) -> None:
        now_s = time.monotonic()
        stage = Stage(self._step, ok, round((now_s - self._began_s) * 1000), detail)
        self._began_s = now_s
        self._stages.append(stage)
        self._listener.stage(stage)

    def _find_streams(self) -> tuple[str, str]:
        """The addresses to open. Raises CameraError."""
        target = self._target
        self._begin_stage("reached", "Looking for the camera")
        if target.find_at is None:
            if not target.main.startswith("file:"):
                self._reach(target.main)
                self._end_stage(ok=True, detail="answers")
            return target.main, target.small
        host, port, is_tls = target.find_at
        finder = StreamFinder(host, target.login, self._gate, self._notes_dir, self._listener.doing, self._login)
        port, is_tls = finder.reach(port, is_tls=is_tls)
        self._end_stage(ok=True, detail=f"answers at port {port}{', encrypted' if is_tls else ''}")
        self._begin_stage("found", "Trying the usual addresses")
        self._found = found = finder.find()
        what = "both streams" if found.small else "one stream"
        self._end_stage(ok=True, detail=f"{what} found{f', as {found.make} has them' if found.make else ''}")
        return self._add_login(found.main), self._add_login(found.small) if found.small else ""

    def _reach(self, url: str) -> None:
        try:
            address = parse_address(url)
        except BadAddress as error:
            raise sentences.unreadable_address() from error
        deadline_s = time.monotonic() + CONNECT_S
        try:
            connect(address.host, address.port, deadline_s, lambda: False, self._gate.resolve).close()
        except CameraError as error:
            if isinstance(error, sentences.UnknownName):
                raise sentences.unknown_name(address.host) from error
            if error.code != sentences.UNREACHABLE:
                raise
            raise sentences.nobody_at(address.host, _told_port(url)) from error

    def _try_stream(self, url: str, *, small: bool) -> StreamCard:
        """Open one stream, look at a whole picture of it; over TCP where UDP does not arrive. Raises CameraError."""
        memory = StreamMemory(login=self._login, is_slow=True)  # there is no second try
        try:
            return self._look_at(url, memory, small=small)
        except CameraError as error:
            if not memory.has_no_udp:
                raise
            self._end_stage(ok=False, detail=str(error))
            return self._look_at(url, memory, small=small)

    def _look_at(self, url: str, memory: StreamMemory, *, small: bool) -> StreamCard:
        self._begin_stage("small stream" if small else "stream", "Asking for the stream")
        intake = Intake(
            transport=self._target.transport,
            pins_dir=self._notes_dir,
            may_pin=False,
            gate=self._gate,
            memory=memory,
        )
        source = open_source(url, Stop().wait, intake)
        try:
            video = source.streams[0]
            sound = source.streams[1].codec if len(source.streams) > 1 else ""
            card = StreamCard(
                video.codec,
                video.width,
                video.height,
                sound=sound,
                sound_note="" if sound else memory.sound_note,
                how=_how(url, source),
                source_codec=video.source_codec,
            )
            self._end_stage(ok=True, detail=_stream_words(card))
            self._begin_stage("small picture" if small else "first picture", "Waiting for a whole picture")
            eye = _Eye(video, self._listener.picture if not small else lambda _jpeg: None, self._seen)
            seen = eye.look(source, is_brief=small)
            if not small:
                self._clock_off_s = clock_off_s(source)
            return replace(
                card,
                width=eye.video.width,
                height=eye.video.height,
                fps=seen.fps,
                kbps=seen.kbps,
                keyframe_gap_s=seen.gap_s,
                is_gap_open=seen.is_gap_open,
                is_sound_missing=bool(sound) and not small and not eye.has_heard,
            )
        finally:
            source.close()

    def _seen(self) -> None:
        self._end_stage(ok=True, detail="received")
        self._listener.doing("Measuring for a moment")


@dataclass(frozen=True, slots=True)
class _Seen:
    fps: float
    kbps: float
    gap_s: float
    is_gap_open: bool


class _Eye:
    """Reads one stream until it has seen enough of it. One thread."""

    def __init__(self, video: StreamInfo, show: Callable[[bytes], None], seen: Callable[[], None]) -> None:
        self.video = video
        """As its first keyframe says it is, which the session description may not do."""
        self._show, self._seen = show, seen
        self._decoder: Decoder | None = None
        self._has_shown = False
        self.has_heard = False
        self._whole_s: list[float] = []
        self._bytes = self._pictures = 0
        self._stamps: list[float] = []

    def look(self, source: OpenSource, *, is_brief: bool) -> _Seen:
        """Waits for a whole picture as long as others come, and unless it is to be brief a little for the next one, and
        for the rates. Raises CameraError when there is none."""
        began_s = seen_s = now_s = time.monotonic()
        for raw in source:
            now_s = time.monotonic()
            if raw is not None:
                self._count(raw, now_s)
                seen_s = now_s if raw.kind is Kind.VIDEO else seen_s
            if self._is_enough(now_s, is_brief=is_brief):
                break
            if not self._whole_s and (now_s - seen_s > PICTURE_S or now_s - began_s > WHOLE_PICTURE_S):
                break
        if not self._whole_s:
            raise CameraError(
                "Connected, but no usable picture came.",
                next_step="Try another stream of the camera, or restart it.",
                code="V-CAM-16",
            )
        return self._figures(began_s, now_s)

    def _is_enough(self, now_s: float, *, is_brief: bool) -> bool:
        if not self._whole_s:
            return False
        if is_brief:
            return True
        since_s = now_s - self._whole_s[0]
        return since_s > MEASURE_S or (len(self._whole_s) > 1 and since_s > LEAST_MEASURE_S)

    def _count(self, raw: RawPacket, now_s: float) -> None:
        self.has_heard = self.has_heard or raw.kind is not Kind.VIDEO
        if raw.kind is Kind.VIDEO and raw.is_keyframe:
            if not self._whole_s:
                self._begin(raw)
            self._whole_s.append(now_s)
        if not self._whole_s:
            return
        self._bytes += len(raw.data)
        if raw.kind is Kind.VIDEO:
            self._pictures += 1
            if raw.pts is not None:
                self._stamps.append(float(raw.pts * raw.time_base))
            self._try_to_show(raw)

    def _begin(self, raw: RawPacket) -> None:
        video = self.video
        if video.codec in LAYOUTS:
            with contextlib.suppress(BadBitstream):
                sps = first_sps(video.codec, annex_b(parameter_sets(video.codec, raw.data)) or video.setup)
                self.video = replace(video, width=sps.width, height=sps.height)
        # Not at the top: libav is for who looks at a picture, not for who only reads a camera.
        from vigilar.media.decode import Decoder

        self._decoder = Decoder(self.video)
        self._seen()

    def _try_to_show(self, raw: RawPacket) -> None:
        """A decoder may hold the first picture until it has seen the second."""
        if self._has_shown or self._decoder is None:
            return
        pictures = self._decoder.decode(_as_packet(raw, self._pictures))
        if pictures:
            self._has_shown = True
            self._show(pictures[0].to_jpeg(PICTURE_WIDTH))

    def _figures(self, began_s: float, now_s: float) -> _Seen:
        """Over the time between arrivals, or between stamps where a server sends what it has kept at once."""
        whole_s = self._whole_s
        media_s = max(self._stamps) - min(self._stamps) if len(self._stamps) > 1 else 0.0
        span_s = max(now_s - whole_s[0], media_s if media_s < 60 else 0.0)
        is_open = len(whole_s) < 2
        # One that came late is as far from the one before it, which nobody has seen, as it was waited for.
        gap_s = max(whole_s[0] - began_s, now_s - whole_s[0]) if is_open else whole_s[1] - whole_s[0]
        if span_s < 1.0:
            return _Seen(0.0, 0.0, 0.0, is_gap_open=True)
        fps = round((self._pictures - 1) / span_s, 1)
        return _Seen(fps, round(self._bytes * 8 / 1000 / span_s, 1), round(gap_s, 2), is_open)


def clock_off_s(source: OpenSource) -> float | None:
    """How far the camera's clock is ahead of ours, by its sender report or the header Date; None when neither is of
    this time."""
    if not isinstance(source, RtspSource):
        return None
    told: list[tuple[float, float]] = []
    if (utc_s := source.camera_utc_s) is not None:
        told.append((utc_s, time.time() - (time.monotonic() - source.reported_mono_s)))
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        told.append((parsedate_to_datetime(source.date_header).timestamp(), source.opened_utc_s))
    return next((theirs - ours for theirs, ours in told if abs(theirs - ours) < _CLOCK_YEARS_S), None)


def _told_port(url: str) -> int | None:
    """The port, where one stands in the address."""
    try:
        return urlsplit(url).port
    except ValueError:
        return None


def _as_packet(raw: RawPacket, number: int) -> Packet:
    pts = number if raw.pts is None else raw.pts
    dts = pts if raw.dts is None else raw.dts
    base: Fraction = raw.time_base
    return Packet(raw.kind, raw.data, pts, dts, max(1, raw.duration), base, raw.is_keyframe, 1, 0, 0)


def _stream_words(card: StreamCard) -> str:
    """What the camera sends; the size as far as it is known before the first picture."""
    return ", ".join(filter(None, (card.picture, card.sound_words)))


def _how(url: str, source: OpenSource) -> str:
    if url.startswith("file:"):
        return "a file"
    if url.startswith("rtsps:"):
        return "TCP, encrypted (TLS)"
    if url.startswith("http:"):
        return "HTTP, unencrypted"
    transport = "UDP" if isinstance(source, RtspSource) and source.is_udp else "TCP"
    return f"{transport}, unencrypted, as with most cameras"
