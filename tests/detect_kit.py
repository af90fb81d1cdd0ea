"""Scenes drawn in memory and a decoder that needs no codec, for the tests of detect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vigilar.base.clock import SimulatedClock
from vigilar.detect.analyser import Analyser
from vigilar.detect.motion import MotionSettings
from vigilar.detect.pictures import MotionEnded, MotionStarted
from vigilar.media.packets import Kind, Packet, RunStart, StreamInfo, StreamRole

Grey = NDArray[np.uint8]
Scene = Callable[[float], Grey]

WIDTH, HEIGHT = 320, 180
TICKS = Fraction(1, 90000)
START_NS = 5_000_000_000_000
UTC_NS = 1_770_000_000_000_000_000


_NOISE = [np.random.default_rng(seed).normal(0, 2, (HEIGHT, WIDTH)) for seed in range(12)]
"""Drawn once: drawing noise costs more than looking at it."""


def wall(seed: int = 1) -> Grey:
    """A textured background: what a yard or a room looks like when small and soft."""
    coarse = np.random.default_rng(seed).integers(50, 170, (HEIGHT // 12, WIDTH // 16))
    return np.kron(coarse, np.ones((12, 16))).astype(np.uint8)


_WALL = wall()


def noisy(picture: NDArray[np.floating] | Grey, at_s: float) -> Grey:
    """``picture`` with sensor noise of two grey levels, the same each time ``at_s`` is."""
    return np.clip(picture + _NOISE[int(at_s * 1000) * 7 % 12], 0, 255).astype(np.uint8)


def still(at_s: float) -> Grey:
    return noisy(_WALL, at_s)


def put_person(picture: Grey, left_frac: float) -> Grey:
    """``picture`` with a person 18 x 50 pixels (1.6 %), whose left edge is at ``left_frac`` of the width."""
    picture = picture.copy()
    x = int(left_frac * WIDTH)
    rng = np.random.default_rng(9)
    body = np.kron(rng.integers(0, 255, (10, 6)), np.ones((5, 3))).astype(np.uint8)
    from_x, to_x = max(0, x), min(WIDTH, x + 18)
    if to_x > from_x:
        picture[90:140, from_x:to_x] = body[:, from_x - x : to_x - x]
    return picture


def walk_by(first_s: float, last_s: float) -> Scene:
    """Somebody crosses the picture between ``first_s`` and ``last_s``; noise alone before and after."""

    def scene(at_s: float) -> Grey:
        picture = still(at_s)
        if first_s <= at_s <= last_s:
            return put_person(picture, -0.03 + 1.03 * (at_s - first_s) / (last_s - first_s))
        return picture

    return scene


def bird(first_s: float, last_s: float) -> Scene:
    """A spot of 11 x 11 pixels (0.2 %) hops on all the time."""

    def scene(at_s: float) -> Grey:
        picture = still(at_s)
        if first_s <= at_s <= last_s:
            x = 20 + int((at_s - first_s) * 60) % 260
            picture[60:71, x : x + 11] = 250
        return picture

    return scene


@dataclass(frozen=True, slots=True)
class DrawnPicture:
    luma: Grey
    utc_ns: int
    mono_ns: int

    @property
    def shown(self) -> tuple[int, int]:
        return self.luma.shape[1], self.luma.shape[0]

    def crop_bgr(self, part: tuple[float, float, float, float], most: tuple[int, int]) -> Grey:
        """All of it in three channels: nothing here looks for objects."""
        return np.repeat(self.luma[..., None], 3, axis=2)

    def to_jpeg(self, max_width: int = 1280) -> bytes:
        return b"\xff\xd8" + bytes(str(max_width), "ascii")

    def to_tile(self, width: int) -> bytes:
        return self.to_jpeg(width)


@dataclass(slots=True)
class DrawingDecoder:
    """Draws the scene at each packet's time; refuses a P-frame that does not follow the packet before it."""

    scene: Scene
    next_dts: int | None = None
    broken: int = 0

    def decode(self, packet: Packet) -> Sequence[DrawnPicture]:
        if not packet.is_keyframe and packet.dts != self.next_dts:
            self.broken += 1
            return []
        self.next_dts = packet.dts + packet.duration
        at_s = (packet.mono_ns - START_NS) / 1e9
        return [DrawnPicture(self.scene(at_s), packet.utc_ns, packet.mono_ns)]


def packets(
    seconds: float, fps: int, gop: int, *, first_s: float = 0.0, run: int = 1, size: Callable[[int], int] | None = None
) -> Iterator[Packet]:
    """Packets of a camera of ``fps``, a keyframe every ``gop``; ``size`` gives the bytes of P-frame number n."""
    step = 90000 // fps
    for n in range(round(seconds * fps)):
        at_ns = round((first_s + n / fps) * 1e9)
        is_keyframe = n % gop == 0
        length = 4000 if is_keyframe else (size(n) if size is not None else 500)
        ticks = round(first_s * 90000) + n * step
        yield Packet(
            Kind.VIDEO, bytes(length), ticks, ticks, step, TICKS, is_keyframe, run, UTC_NS + at_ns, START_NS + at_ns
        )


@dataclass(slots=True)
class Watch:
    """An analyser with a drawn camera in front, and what it told; times in seconds since the camera's first frame."""

    scene: Scene
    role: StreamRole = StreamRole.SUB
    width: int = 640
    height: int = 360
    fps: int = 10
    sensitivity: float = 0.5
    started: list[MotionStarted] = field(default_factory=list)
    ended: list[MotionEnded] = field(default_factory=list)
    decoders: list[DrawingDecoder] = field(default_factory=list)
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    analyser: Analyser = field(init=False)

    def __post_init__(self) -> None:
        self.analyser = Analyser(
            MotionSettings(self.sensitivity), self._decoder, self.started.append, self.ended.append, self.clock
        )
        self.start_run(1)

    def _decoder(self, info: StreamInfo, *, skip_loop_filter: bool) -> DrawingDecoder:
        assert info.codec == "h264"
        assert skip_loop_filter
        self.decoders.append(DrawingDecoder(self.scene))
        return self.decoders[-1]

    def start_run(self, run: int) -> None:
        info = StreamInfo(Kind.VIDEO, "h264", TICKS, b"", self.width, self.height, Fraction(self.fps))
        self.analyser.start_run(RunStart(self.role, run, (info,), UTC_NS, START_NS))

    def play(self, seconds: float, gop: int, *, first_s: float = 0.0, size: Callable[[int], int] | None = None) -> None:
        for packet in packets(seconds, self.fps, gop, first_s=first_s, size=size):
            self.analyser.feed(packet)
        assert all(decoder.broken == 0 for decoder in self.decoders)

    @property
    def starts_s(self) -> list[float]:
        return [round((motion.mono_ns - START_NS) / 1e9, 2) for motion in self.started]

    @property
    def delays_s(self) -> list[float]:
        """From the first moving frame until the motion was found."""
        return [round((motion.found_mono_ns - motion.mono_ns) / 1e9, 2) for motion in self.started]

    @property
    def ends_s(self) -> list[float]:
        return [round((motion.last_mono_ns - START_NS) / 1e9, 2) for motion in self.ended]
