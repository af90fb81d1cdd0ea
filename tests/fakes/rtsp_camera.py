"""A camera that misbehaves on demand: RTSP over TCP, made of PyAV and the standard library.

A clip is packetised once, by libav's own RTP muxer writing into a Python object (one write is one RTP packet); while
serving only sequence numbers, stamps and SSRC are rewritten. As a program:

    python -m tests.fakes.rtsp_camera PORT name=FILE[?option=value&option=value] ...

with the fields of ``Fault`` as options.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import hashlib
import io
import random
import re
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import av

from tests.ports import free_port
from vigilar.media.bitstream import LAYOUTS, parameter_sets, setup_of_extradata

_RTP_SENDER_REPORT = 200
_NTP_EPOCH_S = 2_208_988_800
SOURCE = "127.0.0.7"
"""Another address of the camera."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a mount does wrong. Seconds count from the first packet sent; None or empty: it behaves.

    ``status`` answers DESCRIBE; ``lose`` is per cent of RTP packets; ``only`` is ``audio`` or ``video``;
    ``bare`` has the parameter sets in band instead of in the session description; ``mid_gop`` begins between keyframes;
    ``video_stall_s`` stops the picture while the sound goes on; ``sound_late_s`` sends the sound later than its stamps
    say; ``redirect`` answers DESCRIBE with 302 to itself; ``no_marker`` never sets the marker bit; ``garbage_s`` sends
    nonsense from then on. ``udp`` is ``refused``, ``silent``, which agrees and sends nothing, ``moves``, which sends
    from another port than it says, and from a third after 2 s, or ``transport`` or ``description``, which say that the
    packets come from SOURCE, as they do; ``swap`` is per cent of packets over UDP that come after the next;
    ``report_s`` ends the session when no receiver report came for so long, whatever requests come; ``bad_sound`` is the
    status that answers SETUP of the sound. ``latm`` sends AAC in LATM with its set-up in band. ``length`` tells the
    lengths of interleaved frames: ``swapped``, low byte first; ``long``, each seventh as large as can be; ``short``,
    each seventh by half; of none that is larger than all before it.
    """

    user: str = ""
    password: str = ""
    basic: bool = False
    status: int = 0
    describe_delay_s: float = 0.0
    stall_s: float | None = None
    video_stall_s: float | None = None
    drop_s: float | None = None
    jump_s: float | None = None
    lose: float = 0.0
    only: str = ""
    bare: bool = False
    mid_gop: bool = False
    sound_late_s: float = 0.0
    redirect: bool = False
    no_marker: bool = False
    garbage_s: float | None = None
    udp: str = ""
    swap: float = 0.0
    report_s: float | None = None
    bad_sound: int = 0
    latm: bool = False
    length: str = ""

    @classmethod
    def parse(cls, query: str) -> Fault:
        """From ``user=admin&stall_s=3``."""
        given: dict[str, Any] = {}
        kinds = {f.name: str(f.type) for f in fields(cls)}
        for name, value in urllib.parse.parse_qsl(query):
            kind = kinds[name]
            given[name] = value == "1" if kind == "bool" else value if kind == "str" else float(value)
        if "status" in given:
            given["status"] = int(given["status"])
        return cls(**given)


class _Sink(io.RawIOBase):
    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.writes.append(bytes(data))
        return len(data)


@dataclass(frozen=True, slots=True)
class Track:
    clock: int
    is_video: bool
    description: str


@dataclass(frozen=True, slots=True)
class Piece:
    """One RTP packet: when it is due (seconds of the clip), its track, its stamp in ticks since the clip began."""

    at_s: float
    track: int
    ticks: int
    starts_keyframe: bool
    raw: bytes


class Clip:
    """A file as a loop of timed RTP packets."""

    def __init__(self, path: Path, fault: Fault) -> None:
        self._fault = fault
        self.tracks: list[Track] = []
        self.pieces: list[Piece] = []
        self.length_s = 0.0
        with av.open(str(path)) as source:
            wanted = [s for s in source.streams if s.type in ("video", "audio") and fault.only in ("", s.type)]
            for number, stream in enumerate(wanted):
                self.tracks.append(_describe(stream.codec_context, number, fault))
                self._packetise(source, stream, number, _in_band(stream.codec_context) if fault.bare else b"")
        self.pieces.sort(key=lambda piece: piece.at_s)

    @classmethod
    def of(cls, length_s: float, streams: Sequence[tuple[Track, list[Piece]]]) -> Clip:
        """Made of packets instead of a file."""
        clip = cls.__new__(cls)
        clip._fault, clip.length_s = Fault(), length_s
        clip.tracks = [track for track, _ in streams]
        clip.pieces = sorted((piece for _, pieces in streams for piece in pieces), key=lambda piece: piece.at_s)
        return clip

    def _packetise(self, source: Any, stream: Any, number: int, before_keyframe: bytes) -> None:
        if self._fault.latm and stream.type == "audio":
            self._packetise_latm(source, stream, number)
            return
        sink = _Sink()
        out: Any = av.open(sink, "w", format="rtp", container_options={"packetsize": "1400"})
        copy = out.add_stream_from_template(stream)
        clock, base = self.tracks[number].clock, None
        source.seek(0)
        for packet in source.demux(stream):
            # Sound before 0 is what the encoder needs to begin. A picture decoded before 0 is shown later.
            if packet.dts is None or packet.pts < 0:
                continue
            at_s, pts_s = float(packet.dts * packet.time_base), float(packet.pts * packet.time_base)
            starts_keyframe = stream.type == "video" and packet.is_keyframe
            self.length_s = max(self.length_s, pts_s + float(packet.duration * packet.time_base))
            if before_keyframe and starts_keyframe:
                packet = _prefixed(packet, before_keyframe)
            packet.stream = copy
            out.mux(packet)
            for raw in sink.writes:
                if raw[1] == _RTP_SENDER_REPORT:
                    continue
                stamp = struct.unpack_from(">I", raw, 4)[0]
                base = stamp - round(pts_s * clock) if base is None else base
                if self._fault.no_marker and stream.type == "video":
                    raw = raw[:1] + bytes((raw[1] & 0x7F,)) + raw[2:]
                due_s = at_s + (self._fault.sound_late_s if stream.type == "audio" else 0.0)
                self.pieces.append(Piece(due_s, number, (stamp - base) & 0xFFFFFFFF, starts_keyframe, raw))
                starts_keyframe = False
            sink.writes.clear()
        out.close()

    def _packetise_latm(self, source: Any, stream: Any, number: int) -> None:
        """Each unit as an AudioMuxElement of libav's LATM muxer, without its sync word, in two packets."""
        sink = _Sink()
        out: Any = av.open(sink, "w", format="latm")
        copy = out.add_stream_from_template(stream)
        source.seek(0)
        for packet in source.demux(stream):
            if packet.dts is None or packet.dts < 0:
                continue
            at_s = float(packet.pts * packet.time_base)
            self.length_s = max(self.length_s, at_s + float(packet.duration * packet.time_base))
            packet.stream = copy
            out.mux(packet)
            element = b"".join(sink.writes)[3:]
            sink.writes.clear()
            ticks = round(at_s * self.tracks[number].clock)
            for part, marker in ((element[:60], 0), (element[60:], 0x80)):
                raw = struct.pack(">BBHII", 0x80, 97 | marker, 0, 0, 0) + part
                self.pieces.append(Piece(at_s, number, ticks, False, raw))
        out.close()

    def description(self, fault: Fault) -> str:
        head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=fake camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n"
        if fault.udp == "description":
            head += f"a=source-filter: incl IN IP4 * {SOURCE}\r\n"
        return head + "".join(track.description for track in self.tracks)


def _in_band(codec: Any) -> bytes:
    """The parameter sets of a video track as length-prefixed NAL units, as MP4 holds them."""
    if codec.name not in LAYOUTS:
        return b""
    sets = parameter_sets(codec.name, setup_of_extradata(codec.name, bytes(codec.extradata)))
    return b"".join(len(nal).to_bytes(4, "big") + nal for nal in sets)


def _prefixed(packet: Any, before: bytes) -> Any:
    longer = av.Packet(before + bytes(packet))
    longer.pts, longer.dts, longer.duration = packet.pts, packet.dts, packet.duration
    longer.time_base, longer.is_keyframe = packet.time_base, True
    return longer


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _describe(codec: Any, number: int, fault: Fault) -> Track:
    extra = bytes(codec.extradata or b"")
    if codec.name in LAYOUTS:
        clock, text = 90_000, "m=video 0 RTP/AVP 96\r\n" + _video_lines(codec.name, extra, fault)
    elif codec.name == "mjpeg":
        clock, text = 90_000, "m=video 0 RTP/AVP 26\r\n"
    elif codec.name == "aac" and fault.latm:
        clock, text = 90_000, "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MP4A-LATM/90000\r\na=fmtp:97 cpresent=1\r\n"
    elif codec.name in ("opus", "pcm_s16be"):
        clock = codec.sample_rate
        name = "opus" if codec.name == "opus" else "L16"
        kind = {(44_100, 2): 10, (44_100, 1): 11}.get((clock, codec.layout.nb_channels), 97) if name == "L16" else 97
        text = f"m=audio 0 RTP/AVP {kind}\r\na=rtpmap:{kind} {name}/{clock}/{codec.layout.nb_channels}\r\n"
    elif codec.name == "aac":
        clock = codec.sample_rate
        text = (
            f"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/{clock}/{codec.layout.nb_channels}\r\n"
            "a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;"
            f"config={extra.hex()}\r\n"
        )
    else:
        kind, name = (8, "PCMA") if codec.name == "pcm_alaw" else (0, "PCMU")
        clock, text = 8000, f"m=audio 0 RTP/AVP {kind}\r\na=rtpmap:{kind} {name}/8000\r\n"
    return Track(clock, codec.type == "video", text + f"a=control:trackID={number}\r\n")


def _video_lines(codec: str, extra: bytes, fault: Fault) -> str:
    layout = LAYOUTS[codec]
    sets = {(n[0] >> layout.shift) & layout.mask: n for n in parameter_sets(codec, setup_of_extradata(codec, extra))}
    name = "H264" if codec == "h264" else "H265"
    line = f"a=rtpmap:96 {name}/90000\r\na=fmtp:96 "
    if fault.bare:
        return line + "packetization-mode=1\r\n"
    if codec == "h264":
        both = f"{_b64(sets[layout.sps])},{_b64(sets[layout.pps])}"
        return line + f"packetization-mode=1;sprop-parameter-sets={both}\r\n"
    three = zip(("vps", "sps", "pps"), (layout.vps, layout.sps, layout.pps), strict=True)
    return line + ";".join(f"sprop-{name}={_b64(sets[kind])}" for name, kind in three) + "\r\n"


class Mount:
    def __init__(self, clip: Path | Clip, fault: Fault) -> None:
        self.fault = fault
        self.clip = clip if isinstance(clip, Clip) else Clip(clip, fault)
        self.epoch_s = time.monotonic()


class _Connection:
    """One client. Runs on the server's loop."""

    def __init__(self, camera: FakeCamera, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._camera, self._reader, self._writer = camera, reader, writer
        self._channels: dict[int, int] = {}
        self._playing: asyncio.Task[None] | None = None
        self._udp: dict[int, socket.socket] = {}
        self._over_udp: _OverUdp | None = None
        self._nonce = f"{random.getrandbits(128):032x}"

    async def run(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ValueError, asyncio.CancelledError):
            while await self._serve_one():
                await self._writer.drain()
        if self._playing:
            self._playing.cancel()
        if self._over_udp is not None:
            self._over_udp.close()
        if not self._writer.get_extra_info("ssl_object"):
            self._writer.close()
        for sock in self._udp.values():
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()

    async def _serve_one(self) -> bool:
        first = await self._reader.readexactly(1)
        if first == b"$":  # RTCP of the client
            channel, size = struct.unpack(">BH", await self._reader.readexactly(3))
            self._camera.note_report(channel, await self._reader.readexactly(size))
            return True
        head = (first + await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip()
        method, uri, _ = head.split("\r\n")[0].split(" ", 2)
        pairs = (line.partition(":") for line in head.split("\r\n")[1:])
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        await self._reader.readexactly(int(headers.get("content-length", "0")))
        self._camera.requests.append(method)
        await self._answer(method, uri, headers)
        return method != "TEARDOWN"

    def _reply(self, headers: dict[str, str], code: int, *lines: str, body: str = "") -> None:
        words = {200: "OK", 401: "Unauthorized", 404: "Not Found"}.get(code, "Made Up")
        out = [f"RTSP/1.0 {code} {words}", f"CSeq: {headers.get('cseq', '0')}", *lines]
        if body:
            out += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
        self._writer.write(("\r\n".join(out) + "\r\n\r\n" + body).encode())

    async def _answer(self, method: str, uri: str, headers: dict[str, str]) -> None:
        mount = self._camera.mounts.get(urllib.parse.urlsplit(uri).path.strip("/").split("/")[0])
        session = "Session: 1234;timeout=60"
        if method == "OPTIONS":
            self._reply(headers, 200, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN")
        elif mount is None:
            self._reply(headers, 404)
        elif not self._is_allowed(mount.fault, method, headers.get("authorization", "")):
            digest = f'Digest realm="fake", nonce="{self._nonce}"'
            challenge = 'Basic realm="fake"' if mount.fault.basic else digest
            self._camera.refused_logins += "authorization" in headers
            self._reply(headers, 401, f"WWW-Authenticate: {challenge}")
        elif method == "DESCRIBE":
            await asyncio.sleep(mount.fault.describe_delay_s)
            if mount.fault.status:
                self._reply(headers, mount.fault.status)
            elif mount.fault.redirect:
                self._reply(headers, 302, f"Location: {uri}")
            else:
                self._reply(headers, 200, f"Content-Base: {uri.rstrip('/')}/", body=mount.clip.description(mount.fault))
        elif method == "SETUP":
            self._set_up(uri, headers, session, mount)
        else:
            self._reply(headers, 200, session)
            if method == "PLAY" and self._playing is None:
                self._camera.note_report(0, b"")
                if self._udp:
                    self._over_udp = _OverUdp(self._writer, self._udp, mount.fault)
                writer: Any = self._over_udp or self._writer
                play = self._camera.player(mount, writer, self._channels)
                play.last_report_s = lambda: self._camera.last_report_s
                self._playing = asyncio.create_task(play.run())

    def _set_up(self, uri: str, headers: dict[str, str], session: str, mount: Mount) -> None:
        track = int(uri.rsplit("trackID=", 1)[1])
        if mount.fault.bad_sound and not mount.clip.tracks[track].is_video:
            self._reply(headers, mount.fault.bad_sound)
            return
        ports = re.search(r"RTP/AVP;unicast;client_port=(\d+)-(\d+)", headers.get("transport", ""))
        if ports and mount.fault.udp != "refused":
            self._camera.transports.add("UDP")
            own = self._open_udp(track, (int(ports[1]), int(ports[2])), mount.fault)
            told = f"Transport: {headers['transport']};server_port={own[0]}-{own[1]}"
            if mount.fault.udp == "transport":
                told += f";source={SOURCE}"
            self._reply(headers, 200, told, session)
            return
        found = re.search(r"RTP/AVP/TCP.*interleaved=(\d+)-(\d+)", headers.get("transport", ""))
        if not found:
            self._reply(headers, 461)
            return
        self._channels[track] = int(found[1])
        self._reply(headers, 200, f"Transport: RTP/AVP/TCP;unicast;interleaved={found[1]}-{found[2]}", session)

    def _open_udp(self, track: int, ports: tuple[int, int], fault: Fault) -> list[int]:
        """Sockets of our own for a stream, known by the channels that it would have over TCP; their ports."""
        host = self._writer.get_extra_info("peername")[0]
        own = SOURCE if fault.udp in ("transport", "description") else host
        for channel, port in zip((2 * track, 2 * track + 1), ports, strict=True):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((own, 0))
            sock.connect((host, port))
            sock.setblocking(False)
            self._udp[channel] = sock
            asyncio.get_running_loop().add_reader(sock, self._take_datagram, channel)
        self._channels[track] = 2 * track
        return [self._udp[channel].getsockname()[1] for channel in (2 * track, 2 * track + 1)]

    def _take_datagram(self, channel: int) -> None:
        with contextlib.suppress(OSError):
            self._camera.note_report(channel, self._udp[channel].recv(2048))

    def _is_allowed(self, fault: Fault, method: str, given: str) -> bool:
        if not fault.user:
            return True
        if fault.basic:
            return given == "Basic " + _b64(f"{fault.user}:{fault.password}".encode())
        words = dict(re.findall(r'(\w+)="([^"]*)"', given))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        login = md5(f"{fault.user}:fake:{fault.password}")
        want = md5(f"{login}:{self._nonce}:{md5(method + ':' + words.get('uri', ''))}")
        return words.get("nonce") == self._nonce and words.get("response") == want


class _OverUdp:
    """In place of the writer: sends interleaved frames over UDP, some in the wrong order."""

    def __init__(self, writer: asyncio.StreamWriter, sockets: dict[int, socket.socket], fault: Fault) -> None:
        self.transport, self._drain = writer.transport, writer.drain
        self._sockets, self._fault = sockets, fault
        self._rand = random.Random(2)
        self._behind: dict[int, bytes] = {}
        self._moved: dict[int, tuple[int, socket.socket]] = {}
        self._began_s = time.monotonic()

    def close(self) -> None:
        for _, sock in self._moved.values():
            sock.close()

    def _sender(self, channel: int) -> socket.socket:
        if self._fault.udp != "moves":
            return self._sockets[channel]
        place = int(time.monotonic() - self._began_s > 2.0)
        number, sock = self._moved.get(channel, (-1, None))
        if sock is None or number != place:
            if sock is not None:
                sock.close()
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.connect(self._sockets[channel].getpeername())
            self._moved[channel] = (place, sock)
        return sock

    async def drain(self) -> None:
        await self._drain()

    def write(self, frame: bytes) -> None:
        channel, packet = frame[1], frame[4:]
        if self._fault.udp == "silent":
            return
        if channel % 2 == 0 and channel not in self._behind and self._rand.random() * 100 < self._fault.swap:
            self._behind[channel] = packet
            return
        for one in (packet, self._behind.pop(channel, b"")):
            if one:
                with contextlib.suppress(OSError):
                    self._sender(channel).send(one)


class Play:
    """Sends a clip in a loop to one client, in real time, with the mount's faults."""

    def __init__(self, mount: Mount, writer: asyncio.StreamWriter, channels: dict[int, int]) -> None:
        self._mount, self._writer, self._channels = mount, writer, channels
        self._sequence = {track: random.getrandbits(16) for track in channels}
        self._sent = dict.fromkeys(channels, 0)
        self._largest = 0
        self._ssrc = {track: random.getrandbits(32) for track in channels}
        self._offset = {track: random.getrandbits(32) for track in channels}
        self._rand = random.Random(1)
        self._began_s = time.monotonic()
        self._next_report_s = 0.0
        self.last_report_s: Callable[[], float] = time.monotonic

    async def run(self) -> None:
        fault, writer = self._mount.fault, self._writer
        first_s: float | None = None
        with contextlib.suppress(ConnectionError):
            for due_s, loop_s, piece in self._pieces():
                await writer.drain()
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                first_s = first_s or time.monotonic()
                played_s = time.monotonic() - first_s
                if fault.drop_s is not None and played_s > fault.drop_s:
                    writer.transport.abort()
                    return
                if fault.report_s is not None and time.monotonic() - self.last_report_s() > fault.report_s:
                    writer.transport.abort()
                    return
                if fault.stall_s is not None and played_s > fault.stall_s:
                    await asyncio.sleep(3600)
                if fault.garbage_s is not None and played_s > fault.garbage_s:
                    writer.write(random.randbytes(8192).replace(b"$", b"%"))
                    continue
                is_video = self._mount.clip.tracks[piece.track].is_video
                if is_video and fault.video_stall_s is not None and played_s > fault.video_stall_s:
                    continue
                leap_s = 3600 if fault.jump_s is not None and played_s > fault.jump_s else 0
                self._send(piece, loop_s, leap_s)

    def _pieces(self) -> Iterator[tuple[float, float, Piece]]:
        """Due time (monotonic), seconds of earlier loops, packet; begins with a keyframe unless told otherwise."""
        clip, epoch_s = self._mount.clip, self._mount.epoch_s
        has_video = any(track.is_video for track in clip.tracks)
        is_waiting = has_video and not self._mount.fault.mid_gop
        loops, position_s = divmod(self._began_s - epoch_s, clip.length_s)
        first = next((n for n, piece in enumerate(clip.pieces) if piece.at_s >= position_s), 0)
        while True:
            for piece in clip.pieces[first:]:
                is_waiting = is_waiting and not piece.starts_keyframe
                if piece.track in self._channels and not is_waiting:
                    loop_s = loops * clip.length_s
                    yield epoch_s + loop_s + piece.at_s, loop_s, piece
            first, loops = 0, loops + 1

    def _send(self, piece: Piece, loop_s: float, leap_s: float) -> None:
        track, clock = piece.track, self._mount.clip.tracks[piece.track].clock
        if time.monotonic() >= self._next_report_s:
            self._next_report_s = time.monotonic() + 5
            for number in self._channels:
                self._report(number, leap_s)
        self._sequence[track] = (self._sequence[track] + 1) & 0xFFFF
        if self._rand.random() * 100 < self._mount.fault.lose:
            return
        stamp = (self._offset[track] + piece.ticks + round((loop_s + leap_s) * clock)) & 0xFFFFFFFF
        size = len(piece.raw)
        self._sent[track] += 1
        # Half the length of a packet larger than all before it nobody could see through.
        is_seventh = self._sent[track] % 7 == 0 and size <= self._largest
        self._largest = max(self._largest, size)
        if self._mount.fault.length == "swapped":
            size = size >> 8 | (size & 0xFF) << 8
        elif self._mount.fault.length and is_seventh:
            size = 0xFFFF if self._mount.fault.length == "long" else size // 2
        head = struct.pack(">BBH", 36, self._channels[track], size)
        rtp = struct.pack(">HII", self._sequence[track], stamp, self._ssrc[track])
        self._writer.write(head + piece.raw[:2] + rtp + piece.raw[12:])

    def _report(self, track: int, leap_s: float) -> None:
        now_s = time.time() + _NTP_EPOCH_S
        media_s = time.monotonic() - self._mount.epoch_s + leap_s
        stamp = (self._offset[track] + round(media_s * self._mount.clip.tracks[track].clock)) & 0xFFFFFFFF
        ntp = (int(now_s), int(now_s % 1 * 2**32))
        report = struct.pack(">BBHIIIIII", 0x80, _RTP_SENDER_REPORT, 6, self._ssrc[track], *ntp, stamp, 0, 0)
        self._writer.write(struct.pack(">BBH", 36, self._channels[track] + 1, len(report)) + report)


class FakeCamera:
    """The camera, on a thread of its own. ``requests`` are the methods asked for, ``refused_logins`` the wrong ones,
    ``reports`` the receiver reports by channel, ``transports`` what streams were set up over beside TCP."""

    player: type[Play] = Play
    """What sends the packets; benchmarks put one that takes notes in its place."""

    def __init__(
        self, mounts: Mapping[str, tuple[Path | Clip, Fault]], port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.mounts = {name: Mount(clip, fault) for name, (clip, fault) in mounts.items()}
        self.requests: list[str] = []
        self.refused_logins = 0
        self.reports: list[tuple[int, bytes]] = []
        self.last_report_s = 0.0
        self.transports: set[str] = set()
        # One that the kernel gives may be that of another test's camera which has gone, and is still asked for.
        self.port = port or free_port()
        self._tls = tls
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="fake camera", daemon=True)

    def url(self, name: str, login: str = "") -> str:
        scheme = "rtsps" if self._tls else "rtsp"
        return f"{scheme}://{login + '@' if login else ''}127.0.0.1:{self.port}/{name}"

    def note_report(self, channel: int, packet: bytes) -> None:
        """What a client sent over RTCP, or to open the way for UDP."""
        if packet[1:2] == bytes([201]):
            self.reports.append((channel, packet))
        self.last_report_s = time.monotonic()

    def __enter__(self) -> FakeCamera:
        self._thread.start()
        if not self._is_ready.wait(60.0):
            raise TimeoutError("the fake camera did not come up")
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(60.0)
        if self._tls:  # asyncio's server keeps no hold of a connection refused in its handshake, and warns of it later
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        connections: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(_Connection(self, reader, writer).run())
            connections.add(task)
            try:
                await task
            finally:
                if self._tls:
                    writer.transport.abort()  # also one that ended before it was served; a good-bye outlives the loop

        server = await asyncio.start_server(serve, "127.0.0.1", self.port, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._is_ready.set()
        await self._end.wait()
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        if self._tls:
            await asyncio.sleep(0.1)  # those accepted last get their transport
            # asyncio names no connection whose handshake goes on; each ends in the turn after its transport is aborted.
            for transport in list(getattr(self._loop, "_transports").values()):  # noqa: B009
                transport.abort()
            for _ in range(5):
                await asyncio.sleep(0)


def main() -> None:
    """Serve the mounts named on the command line until interrupted."""
    mounts: dict[str, tuple[Path, Fault]] = {}
    for argument in sys.argv[2:]:
        name, _, rest = argument.partition("=")
        path, _, query = rest.partition("?")
        mounts[name] = (Path(path), Fault.parse(query))
    with FakeCamera(mounts, int(sys.argv[1])) as camera, contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write("".join(f"{camera.url(name)}\n" for name in mounts))
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
