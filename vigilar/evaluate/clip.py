"""The packets of a clip as a camera would send them, as fast as they can be read, over and over if wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from vigilar.media.file_source import FileSource
from vigilar.media.packets import Kind, Packet, StreamInfo

BASE_NS = 1_000_000_000_000
"""Both clocks at the first packet: no stamp is ever 0 or below."""


@dataclass(frozen=True, slots=True)
class Clip:
    """The video of one file. ``length_s`` is that of one round."""

    info: StreamInfo
    packets: tuple[Packet, ...]
    length_s: float

    def rounds(self, count: int) -> Iterator[Packet]:
        """The clip ``count`` times, its stamps going on over the seam as those of a camera that plays it in a loop."""
        base = self.info.time_base
        ticks = round(self.length_s / base)
        for number in range(count):
            shift_ns = int(number * ticks * base * 1_000_000_000)
            for one in self.packets:
                at_ns = one.mono_ns + shift_ns
                pts, dts = one.pts + number * ticks, one.dts + number * ticks
                yield Packet(one.kind, one.data, pts, dts, one.duration, base, one.is_keyframe, 1, at_ns, at_ns)


def read_clip(path: Path, length_s: float = 0.0) -> Clip:
    """The whole clip in memory; ``length_s`` as labelled, made longer if its packets are. Raises CameraError."""
    with closing(FileSource(f"file:{path}", lambda _seconds: False, loops=False)) as source:
        info = source.streams[0]
        base = info.time_base
        step = round(1 / (info.frame_rate or 25) / base)
        packets: list[Packet] = []
        for raw in source:
            if raw is None or raw.kind is not Kind.VIDEO or raw.pts is None or raw.dts is None:
                continue
            at_ns = BASE_NS + int(raw.pts * base * 1_000_000_000)
            length = raw.duration or step
            packets.append(Packet(raw.kind, raw.data, raw.pts, raw.dts, length, base, raw.is_keyframe, 1, at_ns, at_ns))
    last = max(packets, key=lambda one: one.pts)
    return Clip(info, tuple(packets), max(length_s, float((last.pts + last.duration) * base)))


def seconds_of(mono_ns: int) -> float:
    """A packet's or picture's time in seconds since the first picture."""
    return (mono_ns - BASE_NS) / 1e9
