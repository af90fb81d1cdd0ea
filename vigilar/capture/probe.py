"""Tries a camera once, step by step, and names the step that fails. One login attempt, a second
where the password can be read or protected in two ways: cameras lock after a few."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from pathlib import Path

from vigilar.base.errors import CameraError
from vigilar.base.stop import Stop
from vigilar.capture.address_gate import STRICT, AddressGate
from vigilar.capture.opener import OpenSource, open_source
from vigilar.capture.rtsp import sentences
from vigilar.capture.rtsp.address import BadAddress, parse_address
from vigilar.capture.rtsp.intake import Intake, StreamMemory
from vigilar.capture.rtsp.wire import connect
from vigilar.media.bitstream import annex_b, first_sps, parameter_sets
from vigilar.media.packets import Kind, StreamInfo
from vigilar.media.sps import BadBitstream

CONNECT_S = 5.0
PICTURE_S = 12.0
WHOLE_PICTURE_S = 120.0
"""Smart codecs and restreamers send a whole picture each minute or so: as long as others come, it is waited for."""

MEASURE_S = 6.0
"""So long the next whole picture is waited for, to tell how far apart they are."""

LONG_GAP_S = 5.0


@dataclass(frozen=True, slots=True)
class Stage:
    """One step: ``ms`` is how long it took, ``detail`` what was found or failed."""

    name: str
    ok: bool
    ms: int
    detail: str


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What came of it. ``sentence`` is for a person and holds no secret; ``code`` is empty when all is well."""

    ok: bool
    code: str
    sentence: str
    next_step: str
    stages: tuple[Stage, ...]


def probe(url: str, pins_dir: Path | None = None, gate: AddressGate = STRICT) -> ProbeReport:
    """Reach the camera, log in, read one keyframe. ``url`` may hold an encoded login.

    Blocks up to about 80 s for a camera that answers but is slow, 25 s for others, and two minutes more where the
    camera sends a whole picture only now and then. ``pins_dir``: where certificates are remembered; none is written.
    """
    stages: list[Stage] = []
    began = time.monotonic()

    def passed(name: str, detail: str) -> None:
        nonlocal began
        now = time.monotonic()
        stages.append(Stage(name, True, round((now - began) * 1000), detail))
        began = now

    memory = StreamMemory(is_slow=True)  # there is no second try
    step = "reached"
    try:
        if not url.startswith("file:"):
            _reach(url, gate)
            passed(step, "answers")
        step = "stream"
        source = open_source(url, Stop().wait, Intake(pins_dir=pins_dir, may_pin=False, gate=gate, memory=memory))
        try:
            passed(step, _describe(source.streams, memory))
            step = "first picture"
            video, gap_s = _look_at_keyframes(source)
            passed(step, "received")
        finally:
            source.close()
    except CameraError as error:
        stages.append(Stage(step, False, round((time.monotonic() - began) * 1000), str(error)))
        return ProbeReport(False, error.code, str(error), error.next_step, tuple(stages))
    sentence = f"The camera works: {_describe([video, *source.streams[1:]], memory)}."
    if gap_s > LONG_GAP_S:
        note = (
            f"This camera sends a whole picture every {gap_s:.0f} s or more: set its I-frame interval to 2-4 s, and "
            "switch off H.264+ or H.265+. Until then live pictures and recordings of motion begin late."
        )
        return ProbeReport(True, "V-CAM-06" if video.codec == "hevc" else "", sentence, note, tuple(stages))
    if video.codec == "hevc":
        note = "It records fine; browsers that cannot show H.265 use the small stream or stills."
        return ProbeReport(True, "V-CAM-06", sentence, note, tuple(stages))
    if video.source_codec:
        note = "Converting takes up to half a core of this box. If the camera can send H.264 or H.265, set it to that."
        return ProbeReport(True, "", sentence, note, tuple(stages))
    return ProbeReport(True, "", sentence, "", tuple(stages))


def _describe(streams: list[StreamInfo], memory: StreamMemory) -> str:
    """What the camera sends; the size as far as it is known before the first picture."""
    video, *sounds = streams
    size = f"{video.width}x{video.height} " if video.width else ""
    sound = f", sound {sounds[0].codec}" if sounds else f", no sound: {memory.sound_note}" if memory.sound_note else ""
    picture = "MJPEG, converted to H.264 here" if video.source_codec else video.codec
    return f"{size}{picture}{sound}"


def _reach(url: str, gate: AddressGate) -> None:
    try:
        address = parse_address(url)
    except BadAddress as error:
        raise sentences.unreadable_address() from error
    try:
        connect(address.host, address.port, time.monotonic() + CONNECT_S, lambda: False, gate.resolve).close()
    except CameraError as error:
        if error.code != sentences.UNREACHABLE:
            raise
        raise CameraError(
            f"Nothing answers at {address.host}.", next_step="Is it on, and on the same network?", code="V-CAM-01"
        ) from error


def _look_at_keyframes(source: OpenSource) -> tuple[StreamInfo, float]:
    """The picture as its first keyframe says it is, which the session description may not do, and the seconds to the
    next one, or as long as was waited. Waits for a whole picture as long as others come, and a little for the next.
    Raises CameraError when there is none."""
    video = source.streams[0]
    began_s = seen_s = time.monotonic()
    whole_s: float | None = None
    for raw in source:
        now_s = time.monotonic()
        if raw is not None and raw.kind is Kind.VIDEO:
            if raw.is_keyframe and whole_s is not None:
                return video, now_s - whole_s
            if raw.is_keyframe:
                whole_s = now_s
                with contextlib.suppress(BadBitstream):
                    sps = first_sps(video.codec, annex_b(parameter_sets(video.codec, raw.data)) or video.setup)
                    video = replace(video, width=sps.width, height=sps.height)
            seen_s = now_s
        if whole_s is not None and now_s - whole_s > MEASURE_S:
            break
        if whole_s is None and (now_s - seen_s > PICTURE_S or now_s - began_s > WHOLE_PICTURE_S):
            break
    if whole_s is None:
        raise CameraError("Connected, but no usable picture came.", code="V-CAM-16")
    return video, max(whole_s - began_s, time.monotonic() - whole_s)
