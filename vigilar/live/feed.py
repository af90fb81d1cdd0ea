"""The packet feed's server: a Unix socket of each camera process, used only while somebody watches.

One thread that waits for viewers, one more a viewer. Decoding happens only for MJPEG and stills, here in
the camera's own process, so that a malformed picture takes no one else with it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vigilar.base.errors import RecordingError
from vigilar.base.stop import Stop
from vigilar.base.tally import Tally
from vigilar.live import wire
from vigilar.live.address import socket_address, socket_name
from vigilar.live.even_line import EvenLine
from vigilar.live.gop import LiveStream, Viewer
from vigilar.live.narrow import MakeEncoder, NarrowStream
from vigilar.live.wire import FeedProblem, Request, RunHeader, Skipped
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.media.packets import Kind, Packet, RunStart, StreamInfo, StreamRole

logger = logging.getLogger(__name__)

SEND_TIMEOUT_S = 5.0
"""A viewer that takes nothing for this long is cut off."""

QUIET_S = 12.0
"""So long without a packet, and the viewer is told that there is no picture."""

MANY_WAITING = 250
"""With more to decode than this before the newest picture, as of a camera with a keyframe a minute, the keyframe is
shown first."""

PATIENCE_S = 1.5
"""A picture that has waited so long for a viewer who watches now is too late: the viewer skips to the next keyframe."""

LIVE_BUFFER_BYTES = 64 * 1024
"""Of the socket to such a viewer. What lies in there is late as well, and cannot be skipped."""

LONG_GAP_S = 6.0
"""A small stream with rarer keyframes is no narrow one: who must begin at one, as HLS must, would wait for it."""

MAX_VIEWERS = 24

ACCEPT_AGAIN_S = 0.5

BACKLOG = 128
"""Above MAX_VIEWERS: a socket with a time-out is refused at once when this is full (unix(7), EAGAIN)."""


class FeedPicture(Protocol):
    """A decoded frame; ``media.decode.Picture`` is one. Clocks as in Packet."""

    @property
    def utc_ns(self) -> int: ...
    @property
    def mono_ns(self) -> int: ...
    def to_jpeg(self, max_width: int = ...) -> bytes: ...
    def to_tile(self, width: int) -> bytes: ...


class FeedDecoder(Protocol):
    """Packets of one run in, pictures out; ``media.decode.Decoder`` is one."""

    def decode(self, packet: Packet) -> Sequence[FeedPicture]: ...


MakeDecoder = Callable[[StreamInfo], FeedDecoder]
"""Handed in, because libav behind it is to be loaded by the first viewer who needs it, not with this module."""


@dataclass(frozen=True, slots=True)
class Covering:
    """While ``is_needed`` parts of the picture are private: then no picture of the camera's own leaves this process,
    only what is decoded, blackened and encoded again. ``make_encoder`` makes that in place of the full one."""

    is_needed: Callable[[], bool]
    make_encoder: MakeEncoder


class FeedServer:
    """Serves the streams of one camera; ``streams`` has ``main`` and perhaps ``sub``. What its encoders and decoders
    make is black where an area is private."""

    def __init__(
        self,
        run_dir: Path,
        camera_id: str,
        streams: dict[StreamRole, LiveStream],
        make_decoder: MakeDecoder,
        make_encoder: MakeEncoder,
        covering: Covering | None = None,
    ) -> None:
        self._run_dir, self._camera_id, self._streams = run_dir, camera_id, streams
        self._make_decoder = make_decoder
        self._covering = covering
        self._narrow = {role: NarrowStream(one, make_encoder, camera_id) for role, one in streams.items()}
        self._covered = (
            NarrowStream(streams[StreamRole.MAIN], covering.make_encoder, camera_id) if covering is not None else None
        )
        self._served: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stop = Stop()
        self._viewers = threading.BoundedSemaphore(MAX_VIEWERS)
        self._refused = Tally(logger, "a viewer could not be let in", every_s=10.0)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._accept, name=f"feed {camera_id}", daemon=True)

    def start(self) -> None:
        """Raises OSError when the socket cannot be made."""
        with socket_address(self._run_dir, self._camera_id) as path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            self._listener.bind(path)
            os.chmod(path, 0o600)
        self._listener.listen(BACKLOG)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(2.0)
        with contextlib.suppress(FileNotFoundError):
            (self._run_dir / socket_name(self._camera_id)).unlink()

    def end_viewers(self) -> None:
        """Everybody who watches is cut off and asks again. For when ``Covering.is_needed`` has changed. Any thread."""
        with self._lock:
            for sock in self._served:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                viewer, _ = self._listener.accept()
            except OSError as error:  # at the stop, or the machine is out of descriptors or memory for a moment
                if not self._stop.wait(ACCEPT_AGAIN_S):
                    self._refused.add(error)
                continue
            if not self._viewers.acquire(blocking=False):
                viewer.close()
                continue
            name = f"viewer {self._camera_id}"
            try:
                threading.Thread(target=self._serve_one, args=(viewer,), name=name, daemon=True).start()
            except RuntimeError as error:  # no thread can be started now
                self._refused.add(error)
                self._viewers.release()
                viewer.close()

    def _serve_one(self, sock: socket.socket) -> None:
        try:
            with self._known(sock):
                sock.settimeout(SEND_TIMEOUT_S)
                self._answer(sock)
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.debug("viewer left: %s", error)
        except Exception:
            logger.exception("a viewer's thread failed")
        finally:
            self._viewers.release()

    @contextlib.contextmanager
    def _known(self, sock: socket.socket) -> Iterator[None]:
        """It can be cut off from before the first look at what is private until it is closed."""
        with self._lock:
            self._served.add(sock)
        try:
            yield
        finally:
            with self._lock:
                self._served.discard(sock)
                sock.close()

    def _answer(self, sock: socket.socket) -> None:
        request = Request.parse(_line(sock))
        role = self._role(request)
        stream = self._streams[role]
        if request.want in ("still", "tile"):
            sock.sendall(self._still(stream, request))
        elif request.want == "mjpeg":
            self._watch(stream, stream.join(newest_only=True), lambda one: self._send_jpegs(sock, one, request))
        elif request.want == "fragments" and request.stream != "narrow" and not self._is_encoded(stream):
            self._watch(stream, stream.join(), lambda one: self._send_fragments(sock, one, role.value, request))
        else:
            self._send_live(sock, request, role)

    def _send_live(self, sock: socket.socket, request: Request, role: StreamRole) -> None:
        stream, narrow = self._streams[role], self._narrow[role]
        if request.want == "live":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LIVE_BUFFER_BYTES)
        if self._is_encoded(stream):
            self._send_encoded(sock, request, role)
            return
        is_fit = role is StreamRole.SUB and stream.codec == "h264" and stream.keyframe_gap_s < LONG_GAP_S
        if request.stream == "narrow" and not is_fit:
            viewer = narrow.join(patience_s=PATIENCE_S)
            self._watch(narrow, viewer, lambda one: self._send_fragments(sock, one, "narrow", request))
        else:
            viewer = stream.join(newest_only=True, with_sound=request.sound, patience_s=PATIENCE_S)
            self._watch(stream, viewer, lambda one: self._send_fragments(sock, one, role.value, request))

    def _is_private(self) -> bool:
        return self._covering is not None and self._covering.is_needed()

    def _is_encoded(self, stream: LiveStream) -> bool:
        """Whether nobody is shown what the camera sends: parts of it are private, or no browser can begin with it."""
        return self._is_private() or not stream.begins_whole

    def _send_encoded(self, sock: socket.socket, request: Request, role: StreamRole) -> None:
        """The full picture is as large as encoding allows, all others are narrow."""
        encoded, name = self._narrow[role], "narrow"
        if request.stream == StreamRole.MAIN.value and self._covered is not None:
            encoded, name = self._covered, "covered" if self._is_private() else "narrow"
        viewer = encoded.join(with_sound=request.sound, patience_s=PATIENCE_S)
        self._watch(encoded, viewer, lambda one: self._send_fragments(sock, one, name, request))

    def _role(self, request: Request) -> StreamRole:
        """The stream to answer out of: a small one is used only when the camera has it."""
        wants_small = request.stream != StreamRole.MAIN.value
        return StreamRole.SUB if wants_small and StreamRole.SUB in self._streams else StreamRole.MAIN

    @staticmethod
    def _watch(stream: LiveStream | NarrowStream, viewer: Viewer, send: Callable[[Viewer], None]) -> None:
        try:
            send(viewer)
        finally:
            stream.leave(viewer)

    def _items(self, sock: socket.socket, viewer: Viewer) -> Iterator[RunStart | Packet]:
        quiet_since = time.monotonic()
        while not self._stop.is_set():
            item = viewer.take(1.0)
            if item is not None:
                if not isinstance(item, Packet) or item.kind is Kind.VIDEO:
                    quiet_since = time.monotonic()
                yield item
            elif viewer.is_over:
                sock.sendall(wire.dump_problem(FeedProblem("This box cannot encode the camera's picture.")))
                return
            if time.monotonic() - quiet_since > QUIET_S:
                sock.sendall(wire.dump_problem(FeedProblem("The camera sends no picture.", "V-CAM-16")))
                return

    def _send_fragments(self, sock: socket.socket, viewer: Viewer, name: str, request: Request) -> None:
        muxer: FragmentMuxer | None = None
        may_leave_hole = request.want == "live"
        line = EvenLine(may_leave_hole=may_leave_hole)
        told = 0
        for item in self._items(sock, viewer):
            if isinstance(item, RunStart):
                try:
                    muxer = FragmentMuxer(item.streams, per_frame=True)
                except RecordingError as error:
                    sock.sendall(wire.dump_problem(FeedProblem(str(error))))
                    return
                video = item.video
                scale = float(1 / video.time_base)
                header = RunHeader(muxer.codecs, video.width, video.height, item.run, name, scale)
                sock.sendall(wire.dump_header(header) + wire.dump_init(muxer.init_segment))
                line = EvenLine(may_leave_hole=may_leave_hole)
            elif muxer is not None:
                if viewer.dropped > told and item.is_keyframe and item.kind is Kind.VIDEO:
                    sock.sendall(wire.dump_skipped(Skipped(viewer.dropped - told)))
                    told = viewer.dropped
                for fragment in muxer.mux(line.place(item)):
                    sock.sendall(wire.dump_fragment(fragment))

    def _send_jpegs(self, sock: socket.socket, viewer: Viewer, request: Request) -> None:
        decoder: FeedDecoder | None = None
        last_ns = 0
        for item in self._items(sock, viewer):
            if isinstance(item, RunStart):
                decoder = self._make_decoder(item.video)
            elif decoder is not None:
                pictures = decoder.decode(item)
                waiting = viewer.backlog()
                if not pictures or (waiting > 0 and (last_ns or waiting < MANY_WAITING)):
                    continue  # catch up first: only the newest picture is worth a JPEG
                if pictures[-1].mono_ns - last_ns >= 0.9e9 / request.max_fps:
                    last_ns = pictures[-1].mono_ns
                    sock.sendall(wire.dump_jpeg(pictures[-1].utc_ns, pictures[-1].to_jpeg(request.max_width)))

    def _still(self, stream: LiveStream, request: Request) -> bytes:
        gop = stream.newest_gop()
        if gop is None:
            return wire.dump_problem(FeedProblem("The camera has sent no picture yet.", "V-CAM-16"))
        run, packets = gop
        decoder = self._make_decoder(run.video)
        # A tile must come fast, and the video that follows it is newer anyway: its keyframe is enough.
        is_small = run.video.width * run.video.height <= 640 * 480 and request.want == "still"
        pictures: Sequence[FeedPicture] = []
        for packet in packets:
            if pictures and not is_small:
                break
            pictures = decoder.decode(packet) or pictures
        if not pictures:
            return wire.dump_problem(FeedProblem("The picture cannot be decoded.", "V-CAM-14"))
        newest = pictures[-1]
        jpeg = newest.to_tile(request.max_width) if request.want == "tile" else newest.to_jpeg(request.max_width)
        return wire.dump_jpeg(newest.utc_ns, jpeg)


def _line(sock: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        if len(line) > wire.MAX_REQUEST_BYTES:
            raise ValueError("request too long")
        more = sock.recv(256)
        if not more:
            raise ValueError("request cut short")
        line += more
    return line
