"""A picture encoded for viewers, in the camera's own process, only while it is watched: a narrow one of a camera that
has none, or one in which private areas are black. Its sound is the camera's own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from vigilar.base.stop import Stop
from vigilar.live.gop import LiveStream, Viewer
from vigilar.media.packets import Kind, Packet, RunStart, StreamInfo, TranscodeRefused

logger = logging.getLogger(__name__)

PATIENCE_S = 1.0
"""The encoder that is further behind than this skips to the next keyframe."""


class NarrowEncoder(Protocol):
    """Packets of one run in, a smaller stream out; ``media.transcode.Transcoder`` is one."""

    @property
    def info(self) -> StreamInfo | None: ...
    def transcode(self, packet: Packet, *, is_newest: bool) -> Sequence[Packet]: ...
    def close(self) -> None: ...


MakeEncoder = Callable[[StreamInfo], NarrowEncoder]


@dataclass(slots=True)
class _Work:
    """One stretch of time in which somebody watches."""

    stream: LiveStream
    stop: Stop
    viewers: int = 0


class NarrowStream:
    """Made out of ``source`` by one thread, shared by all who watch. ``join`` and ``leave``: any thread.

    Each stretch of watching has a stream of its own, so that nobody is shown what an earlier one left behind.
    """

    def __init__(self, source: LiveStream, make_encoder: MakeEncoder, camera_id: str) -> None:
        self._source, self._make_encoder, self._camera_id = source, make_encoder, camera_id
        self._lock = threading.Lock()
        self._work: _Work | None = None
        self._of: dict[Viewer, _Work] = {}
        self._has_told = False

    def join(self, *, with_sound: bool = False, patience_s: float | None = None) -> Viewer:
        with self._lock:
            work = self._work
            if work is None:
                work = self._work = _Work(LiveStream(), Stop())
                name = f"narrow {self._camera_id}"
                threading.Thread(target=self._run, args=(work,), name=name, daemon=True).start()
            work.viewers += 1
            viewer = work.stream.join(newest_only=True, with_sound=with_sound, patience_s=patience_s)
            self._of[viewer] = work
            return viewer

    def leave(self, viewer: Viewer) -> None:
        with self._lock:
            work = self._of.pop(viewer)
            work.stream.leave(viewer)
            work.viewers -= 1
            if work.viewers == 0:
                work.stop.set()
                if work is self._work:
                    self._work = None

    def _run(self, work: _Work) -> None:
        source = self._source.join(newest_only=True, with_sound=True, patience_s=PATIENCE_S)
        encoder: NarrowEncoder | None = None
        said: StreamInfo | None = None
        run: RunStart | None = None
        try:
            while not work.stop.is_set():
                item = source.take(0.5)
                if isinstance(item, RunStart):
                    if encoder is not None:
                        encoder.close()
                    run, encoder, said = item, self._make_encoder(item.video), None
                elif item is not None and item.kind is Kind.AUDIO:
                    if said is not None:
                        work.stream.add(item)
                elif item is not None and encoder is not None and run is not None:
                    for packet in encoder.transcode(item, is_newest=source.pictures_waiting() == 0):
                        if encoder.info is not None and encoder.info is not said:
                            said = encoder.info
                            streams = (said, *run.streams[1:])
                            work.stream.add(RunStart(run.role, run.run, streams, packet.utc_ns, packet.mono_ns))
                        work.stream.add(packet)
        except TranscodeRefused as error:
            # Once: pages ask again every few seconds, and nothing is new then.
            logger.log(logging.DEBUG if self._has_told else logging.WARNING, "no picture is encoded: %s", error)
            self._has_told = True
        except Exception:
            logger.exception("the narrow picture failed")
        finally:
            self._source.leave(source)
            if encoder is not None:
                encoder.close()
            with self._lock:
                if work is self._work:  # it failed: who comes next tries anew
                    self._work = None
                for viewer in [one for one, of in self._of.items() if of is work]:
                    viewer.close()
