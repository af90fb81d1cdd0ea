"""The clips all benchmarks read: a still scene with sensor noise, as a main and a sub stream, made once by ffmpeg."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vigilar.demo import places

LENGTH_S = 20


@dataclass(frozen=True, slots=True)
class BenchClips:
    """``main``: 1920x1080, 20 frames a second, a keyframe every 2 s, 4 Mb/s. ``sub``: 640x360, 10, 2 s, 0.5 Mb/s."""

    main: Path
    sub: Path


def make_clips(folder: Path) -> BenchClips:
    """The two clips; made on the first call, kept for the next."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = BenchClips(folder / "bench-main.mp4", folder / "bench-sub.mp4")
    raw = folder / "scene.bgr"
    if not (clips.main.exists() and clips.sub.exists()):
        raw.write_bytes(places.street(np.random.default_rng(3)).tobytes())
        _encode(raw, clips.main, "1920:1080", 20, "4M")
        _encode(raw, clips.sub, "640:360", 10, "500k")
        raw.unlink()
    return clips


def _encode(raw: Path, path: Path, size: str, rate: int, bits: str) -> None:
    temporary = path.with_suffix(".new.mp4")
    subprocess.run(
        [
            "ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24",
            "-s", f"{places.WIDTH}x{places.HEIGHT}", "-r", str(rate), "-i", str(raw),
            "-vf", f"loop=loop=-1:size=1,scale={size},noise=alls=9:allf=t", "-t", str(LENGTH_S), "-r", str(rate),
            "-c:v", "libx264", "-preset", "faster", "-profile:v", "main", "-bf", "0", "-g", str(2 * rate),
            "-keyint_min", str(2 * rate), "-sc_threshold", "0", "-pix_fmt", "yuv420p",
            "-b:v", bits, "-maxrate", bits, "-bufsize", bits, "-an", str(temporary),
        ],
        check=True,
    )  # fmt: skip
    temporary.rename(path)
