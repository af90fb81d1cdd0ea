"""A camera whose packets are well and whose stamps, sound or pace are not: the fake camera with another hand in it."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.fakes.rtsp_camera import FakeCamera, Fault, Piece, Play

Twist = Callable[[Piece, float, int], tuple[float, float] | None]
"""(packet, seconds of the clip that went before in earlier loops, number of its picture or sound) -> (seconds to add to
its stamp, how much slower than real time it comes), None to leave it out. Called once a picture or sound."""


def odd_camera(
    clip: Path,
    *,
    video: Twist | None = None,
    sound: Twist | None = None,
    pace: float = 1.0,
    gather_s: float = 0.0,
    fault: Fault | None = None,
) -> OddCamera:
    """Sends ``clip`` in a loop with what ``video`` and ``sound`` do to it; ``pace`` 2.0 takes twice as long. Sound is
    gathered for ``gather_s`` and sent at once."""
    return OddCamera(clip, {True: video, False: sound}, pace, gather_s, fault or Fault())


class OddCamera(FakeCamera):
    """Its one mount is ``main``."""

    def __init__(
        self, clip: Path, twists: dict[bool, Twist | None], pace: float, gather_s: float, fault: Fault
    ) -> None:
        super().__init__({"main": (clip, fault)})
        self.pictures = 0
        """Sent, on all connections."""
        camera = self

        class OddPlay(Play):
            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments)
                self._numbers: dict[int, int] = {}
                self._stamps: dict[int, tuple[float, int]] = {}
                self._moved: dict[int, tuple[float, float] | None] = {}
                self._gathered: list[list[tuple[float, Piece]]] = [[]]

            def _pieces(self) -> Iterator[tuple[float, float, Piece]]:
                began_s: float | None = None
                for due_s, loop_s, piece in super()._pieces():
                    began_s = due_s if began_s is None else began_s
                    due_s = time.monotonic() if pace <= 0 else self._began_s + (due_s - began_s) * pace
                    if gather_s:
                        yield from self._gather(due_s, loop_s, piece)
                    else:
                        yield due_s, loop_s, piece

            def _gather(self, due_s: float, loop_s: float, piece: Piece) -> Iterator[tuple[float, float, Piece]]:
                sends_s = self._began_s + len(self._gathered) * gather_s
                if due_s >= sends_s:
                    yield from ((sends_s, *one) for one in self._gathered[-1])
                    self._gathered.append([])
                if self._mount.clip.tracks[piece.track].is_video:
                    yield due_s, loop_s, piece
                else:
                    self._gathered[-1].append((loop_s, piece))

            def _send(self, piece: Piece, loop_s: float, leap_s: float) -> None:
                track = self._mount.clip.tracks[piece.track]
                if self._stamps.get(piece.track) != (loop_s, piece.ticks):
                    self._stamps[piece.track] = (loop_s, piece.ticks)
                    number = self._numbers[piece.track] = self._numbers.get(piece.track, -1) + 1
                    twist = twists[track.is_video]
                    self._moved[piece.track] = twist(piece, loop_s, number) if twist else (0.0, 0.0)
                    camera.pictures += track.is_video
                moved = self._moved[piece.track]
                if moved is None:
                    return
                ticks = piece.ticks + round(moved[0] * track.clock)
                super()._send(dataclasses.replace(piece, ticks=ticks), loop_s, leap_s)

            def _report(self, track: int, leap_s: float) -> None:
                """None: what it would say of stamps like these is no help to anybody."""

        self.player = OddPlay

    def __exit__(self, *details: object) -> None:
        with contextlib.suppress(RuntimeError):
            super().__exit__(*details)
