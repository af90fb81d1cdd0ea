"""Cameras with several oddities at once, through the process's own capture: every picture comes, with its time."""

from __future__ import annotations

import base64
import contextlib
import io
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from tests.conftest import PATIENCE_S, wait_until
from tests.fakes.clips import make_b_frame_clip, make_clip, make_encoded_clip, needs_h265, raw_packets
from tests.fakes.rtp import fragments, fragments_h265, interleaved, rtp
from tests.fakes.scripted_camera import ScriptedCamera
from vigilar.base.clock import SystemClock
from vigilar.base.stop import Stop
from vigilar.capture.worker import CaptureWorker, Connection
from vigilar.media.bitstream import LAYOUTS, first_sps, nal_spans, parameter_sets
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.media.packets import Kind, Packet, RunStart, StreamRole

RATE = 25
PICTURES = 50
HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\na=control:*\r\n"
VIDEO = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 {name}/{clock}\r\n{more}a=control:trackID=0\r\n"


@dataclass(frozen=True)
class Picture:
    """Its units, parameter sets left out, and what the encoder calls its place."""

    nals: list[bytes]
    sets: list[bytes]
    is_key: bool
    shown: int


def pictures_of(path: Path, codec: str) -> list[Picture]:
    source, raws = raw_packets(path)
    setup = parameter_sets(codec, source.streams[0].setup)
    step = float(1 / (source.streams[0].frame_rate or 10))
    source.close()
    found, last = [], setup
    videos = [raw for raw in raws if raw.kind is Kind.VIDEO]
    first_s = min(float((raw.pts or 0) * raw.time_base) for raw in videos)
    for raw in videos:
        nals = [raw.data[begin:end] for begin, end in nal_spans(raw.data)]
        last = parameter_sets(codec, raw.data) or last
        found.append(
            Picture(
                [nal for nal in nals if nal not in last],
                last,
                raw.is_keyframe,
                round((float((raw.pts or 0) * raw.time_base) - first_s) / step),
            )
        )
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def plain(folder: Path) -> list[Picture]:
    return pictures_of(make_clip(folder / "h264.mp4", pictures=PICTURES), "h264")


@pytest.fixture(scope="module")
def reordered(folder: Path) -> list[Picture]:
    return pictures_of(make_b_frame_clip(folder / "b.mp4", pictures=PICTURES), "h264")


@pytest.fixture(scope="module")
def h265(folder: Path) -> list[Picture]:
    return pictures_of(make_clip(folder / "h265.mp4", pictures=PICTURES, h265=True), "hevc")


@dataclass
class Out:
    """What one camera sends: packets with the time they are due."""

    sequence: int = 0
    ssrc: int = 7
    channel: int = 0
    packets: list[tuple[float, int, bytes]] = field(default_factory=list)

    def send(self, at_s: float, stamp: int, *payloads: bytes, marker: bool = True, head: Any = None) -> None:
        for number, payload in enumerate(payloads):
            is_last = marker and number == len(payloads) - 1
            raw = rtp(payload, self.sequence, stamp, marker=is_last, ssrc=self.ssrc)
            self.packets.append((at_s, self.channel, head(raw) if head else raw))
            self.sequence += 1


@dataclass
class Made:
    """What capture made of it. ``sent_ns``: when the packets of each moment were sent."""

    items: list[RunStart | Packet]
    sent_ns: list[int]
    camera: ScriptedCamera

    @property
    def video(self) -> list[Packet]:
        return [one for one in self.items if isinstance(one, Packet) and one.kind is Kind.VIDEO]

    @property
    def runs(self) -> list[RunStart]:
        return [one for one in self.items if isinstance(one, RunStart)]


def watch(camera: ScriptedCamera, packets: list[tuple[float, int, bytes]], count: int) -> Made:
    """Send ``packets`` once it plays, and take what capture makes of them until there are ``count`` pictures."""
    items: list[RunStart | Packet] = []
    sent_ns: list[int] = []
    stop, clock = Stop(), SystemClock()
    with camera:
        worker = CaptureWorker(StreamRole.MAIN, camera.url("u:p"), items.append, lambda _: None, stop, clock)
        capture = threading.Thread(target=worker.run, daemon=True)
        capture.start()
        try:
            camera.wait_asked("PLAY")
            began_s, last_s = time.monotonic(), -1.0
            for at_s, channel, packet in packets:
                time.sleep(max(0.0, began_s + at_s - time.monotonic()))
                if at_s != last_s:
                    sent_ns.append(time.monotonic_ns())
                last_s = at_s
                camera.send(interleaved(packet, channel))

            def is_all() -> bool:
                return sum(isinstance(one, Packet) and one.kind is Kind.VIDEO for one in items) >= count - 1

            with contextlib.suppress(AssertionError):  # what is missing is told by ``check``
                wait_until(is_all, 6.0)
        finally:
            stop.set()
            capture.join(PATIENCE_S)
    return Made(items, sent_ns, camera)


def check(
    made: Made,
    pictures: list[Picture],
    codec: str = "h264",
    *,
    decodes: bool = True,
    each: int = 1,
    late_s: float = 1.0,
) -> None:
    """All of them, whole, in one connection and run, each with the time at which it was sent, to ``late_s``. ``each``
    are so many pictures that were sent at once."""
    assert made.camera.methods.count("PLAY") == 1
    assert len(made.runs) == 1
    layout, video = LAYOUTS[codec], made.video

    def slices(nals: list[bytes]) -> list[bytes]:
        return [nal for nal in nals if (nal[0] >> layout.shift) & layout.mask in layout.slices]

    got = [slices([packet.data[begin:end] for begin, end in nal_spans(packet.data)]) for packet in video]
    assert got == [slices(picture.nals) for picture in pictures]
    late = [made.sent_ns[number // each] - packet.mono_ns for number, packet in enumerate(video)]
    assert max(map(abs, late)) < late_s * 1e9
    if decodes:
        context: Any = av.CodecContext.create(codec, "r")
        packets = [
            av.Packet(made.runs[0].streams[0].setup + video[0].data),
            *(av.Packet(one.data) for one in video[1:]),
        ]
        assert sum(len(context.decode(packet)) for packet in [*packets, None]) == len(pictures)


def sdp(name: str = "H264", clock: int = 90_000, more: str = "", before: str = "", after: str = "") -> str:
    return HEAD + before + VIDEO.format(name=name, clock=clock, more=more) + after


def cut(nals: list[bytes], size: int = 300, h265: bool = False) -> list[bytes]:
    """Payloads: small units as they are, others in fragments."""
    made: list[bytes] = []
    for nal in nals:
        made += [nal] if len(nal) <= size else (fragments_h265 if h265 else fragments)(nal, size)
    return made


def whole(picture: Picture) -> list[bytes]:
    return [*picture.sets, *picture.nals] if picture.is_key else picture.nals


def stap(nals: list[bytes], kind: int = 24, don: bytes = b"") -> bytes:
    return bytes((0x60 | kind,)) + don + b"".join(struct.pack(">H", len(n)) + n for n in nals)


Sends = Callable[[Out, list[Picture]], None]


@dataclass(frozen=True)
class Case:
    """``times`` is how often the clip is sent, ``first`` how many of its pictures; the last ``unended`` never end."""

    sends: Sends
    description: str
    times: int = 1
    first: int = PICTURES
    unended: int = 0
    each: int = 1
    late_s: float = 1.0


CASES: dict[str, Case] = {}


def case(name: str, description: str = "", **more: Any) -> Callable[[Sends], Sends]:
    def note(sends: Sends) -> Sends:
        CASES[name] = Case(sends, description or sdp(), **more)
        return sends

    return note


@case("stamps begin at the wrap, numbers too, and jump with new sets")
def _(out: Out, pictures: list[Picture]) -> None:
    out.sequence, stamp = 65_530, 0xFFFFFFFF - 20_000
    for n, picture in enumerate(pictures):
        if picture.is_key and n:
            stamp += 97 * 90_000
        out.send(n / RATE, stamp, *cut(whole(picture)))
        stamp += 3600


@case("clock of 8000", sdp(clock=8000))
def _(out: Out, pictures: list[Picture]) -> None:
    for n, picture in enumerate(pictures):
        out.send(n / RATE, 5 + n * 320, *cut(whole(picture)))


@case("clock of 1000, sets in a STAP-A that has the stamp of the picture before", sdp(clock=1000))
def _(out: Out, pictures: list[Picture]) -> None:
    for n, picture in enumerate(pictures):
        if picture.is_key:
            out.send(n / RATE, (n - 1) * 40, stap(picture.sets), marker=True)
        out.send(n / RATE, n * 40, *cut(picture.nals))


@case("says 90 kHz and counts milliseconds from near the wrap")
def _(out: Out, pictures: list[Picture]) -> None:
    for n, picture in enumerate(pictures):
        out.send(n / RATE, 0xFFFFFFFF - 500 + n * 40, *cut(whole(picture)))


# For two seconds it may be leftovers of another connection; then all that came meanwhile is taken, as of that moment.
@case("sequence, stamps and SSRC begin anew with a keyframe", times=3, late_s=3.0)
def _(out: Out, pictures: list[Picture]) -> None:
    for n, picture in enumerate(pictures):
        if n == 30:
            out.sequence, out.ssrc = 40_000, 99
        out.send(n / RATE, n * 3600 + (n >= 30) * 123_456_789, *cut(whole(picture)))


def laden(raw: bytes) -> bytes:
    """Two contributing sources, an extension of 3 words, 5 bytes of padding."""
    extension = struct.pack(">HH", 0xABAC, 3) + b"x" * 12
    return bytes((raw[0] | 0x30 | 2,)) + raw[1:12] + b"csrccsrc" + extension + raw[12:] + b"\0\0\0\0\5"


@case("extension, sources and padding on each packet")
def _(out: Out, pictures: list[Picture]) -> None:
    for n, picture in enumerate(pictures):
        out.send(n / RATE, n * 3600, *cut(whole(picture), 90), head=laden)


def sometimes_laden() -> Callable[[bytes], bytes]:
    count = iter(range(1_000_000))
    return lambda raw: laden(raw) if next(count) % 3 else raw


@case("extension on two of three packets, fragments without begin and end")
def _(out: Out, pictures: list[Picture]) -> None:
    head = sometimes_laden()
    for n, picture in enumerate(pictures):
        payloads = [
            payload if payload[0] & 31 != 28 else bytes((payload[0], payload[1] & 0x1F)) + payload[2:]
            for payload in cut([nal for nal in whole(picture) if nal[0] & 31 != 6], 120)
        ]
        out.send(n / RATE, n * 3600, *payloads, head=head)


@case("fragments with a begin and no end, no marker, units of SEI alone between", unended=1)
def _(out: Out, pictures: list[Picture]) -> None:
    for n, picture in enumerate(pictures):
        out.send(n / RATE, n * 3600, b"\x06\x05\x03abc\x80", marker=False)
        payloads = [
            payload if payload[0] & 31 != 28 else bytes((payload[0], payload[1] & 0xBF)) + payload[2:]
            for payload in cut(whole(picture), 120)
        ]
        out.send(n / RATE, n * 3600, *payloads, marker=False)


@case("STAP-B of sets and picture")
def _(out: Out, pictures: list[Picture]) -> None:
    for n, picture in enumerate(pictures):
        out.send(n / RATE, n * 3600, stap(whole(picture), 25, struct.pack(">H", n)))


@case("MTAP16 of two pictures each, no marker", unended=1, each=2)
def _(out: Out, pictures: list[Picture]) -> None:
    for n in range(0, len(pictures), 2):
        units = b""
        for later, picture in ((0, pictures[n]), (3600, pictures[n + 1])):
            for nal in whole(picture):
                units += struct.pack(">HBH", len(nal), 0, later) + nal
        out.send(n / RATE, n * 3600, b"\x7a\0\0" + units, marker=False)


@case("sets with each picture, each with a packet and a marker of its own")
def _(out: Out, pictures: list[Picture]) -> None:
    for n, picture in enumerate(pictures):
        for one in picture.sets:
            out.send(n / RATE, n * 3600 - 1, one)
        out.send(n / RATE, n * 3600, *cut(picture.nals))


@case("delimiters before and end of sequence and filler behind the marker")
def _(out: Out, pictures: list[Picture]) -> None:
    for n, picture in enumerate(pictures):
        out.send(n / RATE, n * 3600, b"\x09\xf0", *cut(whole(picture)))
        out.send(n / RATE, n * 3600, b"\x0c\xff\xff\xff\x80", marker=True)
        if n % 10 == 9:
            out.send(n / RATE, n * 3600, b"\x0a", marker=False)


@case("a picture a second, stamps of 25 a second", first=8)
def _(out: Out, pictures: list[Picture]) -> None:
    for n, picture in enumerate(pictures):
        out.send(float(n), n * 3600, *cut(whole(picture)))


@case("120 pictures a second", times=4)
def _(out: Out, pictures: list[Picture]) -> None:
    for n, picture in enumerate(pictures):
        out.send(n / 120, n * 750, *cut(whole(picture)))


@case("30 pictures a second by day, 1 at night, always stamped as 30")
def _(out: Out, pictures: list[Picture]) -> None:
    at_s = 0.0
    for n, picture in enumerate(pictures):
        out.send(at_s, n * 3000, *cut(whole(picture)))
        at_s += 1 / 30 if not 30 <= n < 36 else 1.0


@case("stamps stand still for each group, markers on each fragment")
def _(out: Out, pictures: list[Picture]) -> None:
    for n, picture in enumerate(pictures):
        for payload in cut(whole(picture), 200):
            out.send(n / RATE, (n // 10) * 36_000, payload, marker=True)


@case("blank payloads, one byte of rubbish, and packets of another type between")
def _(out: Out, pictures: list[Picture]) -> None:
    for n, picture in enumerate(pictures):
        out.packets.append((n / RATE, 0, rtp(b"", out.sequence, n * 3600)))
        out.sequence += 1
        for payload in cut(whole(picture)):
            out.packets.append((n / RATE, 0, rtp(b"meta", 1000 + n, 5, payload_type=107, ssrc=9)))
            out.send(n / RATE, n * 3600, payload, marker=False)
        out.packets[-1] = (n / RATE, 0, rtp(payload, out.sequence - 1, n * 3600, marker=True))


@case("Annex B with four zeros, cut by size, low bytes first in the stamp")
def _(out: Out, pictures: list[Picture]) -> None:
    for n, picture in enumerate(pictures):
        data = b"".join(b"\0\0\0\1" + nal for nal in whole(picture))
        stamp = int.from_bytes(struct.pack("<I", n * 3600), "big")
        out.send(n / RATE, stamp, *[data[at : at + 500] for at in range(0, len(data), 500)])


@case("each packet stamped anew, by its own moment")
def _(out: Out, pictures: list[Picture]) -> None:
    for n, picture in enumerate(pictures):
        payloads = cut(whole(picture), 150)
        for number, payload in enumerate(payloads):
            out.send(n / RATE, n * 3600 + number, payload, marker=number == len(payloads) - 1)


@pytest.mark.parametrize("name", CASES)
def test_every_picture_of_a_camera_with_several_oddities_comes(plain: list[Picture], name: str) -> None:
    one, out = CASES[name], Out()
    pictures = plain[: one.first] * one.times
    one.sends(out, pictures)
    pictures = pictures[: len(pictures) - one.unended]
    made = watch(ScriptedCamera(sdp=one.description), out.packets, len(pictures))
    check(made, pictures, each=one.each, late_s=one.late_s)


@pytest.mark.parametrize("rate", [1.0, 2.0, 0.5])
def test_pictures_out_of_order_with_stamps_at_a_wrong_rate_come_whole(reordered: list[Picture], rate: float) -> None:
    out = Out(sequence=65_500)
    for n, picture in enumerate(reordered):
        out.send(n / RATE, round(0xFFFF0000 + picture.shown * 3600 * rate), *cut(whole(picture)))
    made = watch(ScriptedCamera(sdp=sdp()), out.packets, len(reordered))
    check(made, reordered)


@needs_h265()
@pytest.mark.parametrize("kind", ["aggregate with order numbers", "sets apart", "CRA"])
def test_every_picture_of_an_odd_h265_camera_comes(h265: list[Picture], kind: str) -> None:
    out = Out()
    more = "a=fmtp:96 sprop-max-don-diff=2\r\n" if "order" in kind else ""
    pictures = h265
    if kind == "CRA":
        pictures = [
            Picture(
                [bytes((21 << 1, n[1])) + n[2:] if p.is_key and n[0] >> 1 in (19, 20) else n for n in p.nals],
                p.sets,
                p.is_key,
                p.shown,
            )
            for p in h265
        ]
    for n, picture in enumerate(pictures):
        don = struct.pack(">H", n * 8)
        if "order" in kind:
            nals = whole(picture)
            small = [nal for nal in nals if len(nal) <= 300]
            large = [nal for nal in nals if len(nal) > 300]
            payloads = []
            if len(small) > 1:
                payloads.append(
                    b"\x60\x01"
                    + don
                    + b"".join((b"\0" if k else b"") + struct.pack(">H", len(x)) + x for k, x in enumerate(small))
                )
            else:
                payloads += [nal[:2] + don + nal[2:] for nal in small]
            for nal in large:
                for k, piece in enumerate(fragments_h265(nal, 250)):
                    payloads.append(piece if k else piece[:3] + don + piece[3:])
            out.send(n / RATE, n * 3600, *payloads)
        else:
            if picture.is_key:
                out.send(n / RATE, n * 3600, *picture.sets)
            out.send(n / RATE, n * 3600, *cut(picture.nals, h265=True))
    made = watch(ScriptedCamera(sdp=sdp("H265", more=more)), out.packets, len(pictures))
    check(made, pictures, "hevc", decodes=kind != "CRA")


ENCODINGS: dict[str, dict[str, Any]] = {
    "interlaced, by macroblock": {"params": "tff=1:keyint=25:bframes=0", "flags": "+ildct+ilme"},
    "open groups, pyramid of eight B pictures": {
        "params": "keyint=25:bframes=8:b-adapt=0:b-pyramid=strict:open-gop=1:scenecut=0",
        "preset": "veryfast",
    },
    "filler and buffer messages": {
        "params": "nal-hrd=cbr:filler=1:keyint=25:bframes=0",
        "b": "500k",
        "maxrate": "500k",
        "bufsize": "500k",
    },
    "parameter sets with a number of their own, slices, delimiters": {
        "params": "sps-id=30:slices=6:aud=1:keyint=25:bframes=0"
    },
    "ten bits": {"params": "keyint=25:bframes=0", "pix_fmt": "yuv420p10le"},
    "all colours": {"params": "keyint=25:bframes=0", "pix_fmt": "yuv444p"},
    "no colour": {"params": "keyint=25:bframes=0", "pix_fmt": "gray"},
    "whole pictures only": {"params": "keyint=1"},
}
ENCODINGS_H265: dict[str, dict[str, Any]] = {
    "fields": {"params": "keyint=25:interlace=tff:bframes=0"},
    "open groups, B pictures in three layers": {"params": "keyint=25:bframes=3:temporal-layers=3:open-gop=1"},
    "ten bits, hashes and colour messages": {"params": "keyint=25:bframes=0:hash=1:hdr10=1", "pix_fmt": "yuv420p10le"},
    "slices, delimiters": {"params": "keyint=25:bframes=0:slices=4:aud=1"},
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_picture_of_an_odd_encoder_comes(tmp_path: Path, name: str) -> None:
    pictures = pictures_of(make_encoded_clip(tmp_path / "odd.mp4", pictures=PICTURES, **ENCODINGS[name]), "h264")
    check_shown(pictures, "h264", sdp())


@needs_h265()
@pytest.mark.parametrize("name", ENCODINGS_H265)
def test_every_picture_of_an_odd_h265_encoder_comes(tmp_path: Path, name: str) -> None:
    options = ENCODINGS_H265[name]
    pictures = pictures_of(make_encoded_clip(tmp_path / "odd.mp4", pictures=PICTURES, h265=True, **options), "hevc")
    check_shown(pictures, "hevc", sdp("H265"))


def check_shown(pictures: list[Picture], codec: str, description: str) -> None:
    """Sent in the order of coding with the stamps of showing, all come whole."""
    out = Out()
    for n, picture in enumerate(pictures):
        out.send(n / RATE, 90_000 + picture.shown * 3600, *cut(whole(picture), h265=codec == "hevc"))
    check(watch(ScriptedCamera(sdp=description), out.packets, len(pictures)), pictures, codec)


@pytest.mark.parametrize("order", ["bframes=0", "bframes=3:b-adapt=0"])
@pytest.mark.parametrize("told", ["60", "5", "100000", "1/1000"])
def test_rate_that_the_parameter_sets_tell_wrongly_changes_nothing(tmp_path: Path, told: str, order: str) -> None:
    clip = make_encoded_clip(tmp_path / "told.mp4", f"fps={told}:force-cfr=1:keyint=25:{order}", pictures=PICTURES)
    pictures = pictures_of(clip, "h264")
    sets = ",".join(base64.b64encode(one).decode() for one in pictures[0].sets)
    out = Out()
    for n, picture in enumerate(pictures):
        out.send(n / RATE, 90_000 + picture.shown * 3600, *cut(whole(picture)))
    more = f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\n"
    made = watch(ScriptedCamera(sdp=sdp(more=more)), out.packets, len(pictures))
    check(made, pictures)
    assert first_sps("h264", made.runs[0].streams[0].setup).frame_rate != RATE
    muxer = FragmentMuxer(made.runs[0].streams)
    fragments = [fragment for packet in made.video for fragment in muxer.mux(packet)] + muxer.flush()
    data = b"".join([muxer.init_segment or b"", *(piece for one in fragments for piece in one.pieces)])
    recording: Any
    with av.open(io.BytesIO(data)) as recording:
        shown_s = sorted(float(frame.time) for frame in recording.decode(video=0))
    assert len(shown_s) == len(pictures)
    assert [two - one for one, two in pairwise(shown_s)] == pytest.approx([1 / RATE] * (PICTURES - 1), abs=0.001)


def test_mpeg_4_visual_is_refused_by_its_name() -> None:
    more = "a=fmtp:96 profile-level-id=3;config=000001b003000001b50900000100000001200\r\n"
    said: list[Connection] = []
    stop = Stop()
    with ScriptedCamera(sdp=sdp("MP4V-ES", more=more)) as camera:
        worker = CaptureWorker(StreamRole.MAIN, camera.url("u:p"), lambda _: None, said.append, stop, SystemClock())
        capture = threading.Thread(target=worker.run, daemon=True)
        capture.start()
        wait_until(lambda: bool(said), PATIENCE_S)
        stop.set()
        capture.join(PATIENCE_S)
    assert camera.methods == ["DESCRIBE"]
    error = said[0].error
    assert error is not None
    assert str(error) == "The camera sends MPEG-4 Visual, which this box cannot record."
    assert error.next_step == "Set the camera to H.264 or H.265."
