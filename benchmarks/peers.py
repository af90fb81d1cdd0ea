"""The peers: ffmpeg as a plain recorder and Debian's motion as a recorder with detection."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def _running(commands: list[list[str]], log: Path) -> Iterator[list[int]]:
    with log.open("wb") as sink:
        processes = [
            subprocess.Popen(c, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT) for c in commands
        ]
        try:
            yield [p.pid for p in processes]
            ended = [p.args for p in processes if p.poll() is not None]
            assert not ended, f"a peer ended early, see {log}: {ended}"
        finally:
            for process in processes:
                process.kill()
            for process in processes:
                process.wait()


def ffmpeg_recorders(urls: list[str], folder: Path) -> contextlib.AbstractContextManager[list[int]]:
    """One ``ffmpeg -c copy`` a camera, segmented plain MP4."""
    folder.mkdir(parents=True, exist_ok=True)
    commands = [
        [
            "ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-c", "copy",
            "-f", "segment", "-segment_format", "mp4", "-segment_time", "60", "-y", str(folder / f"{n}-%03d.mp4"),
        ]
        for n, url in enumerate(urls)
    ]  # fmt: skip
    return _running(commands, folder / "ffmpeg.log")


def motion_recorder(mains: list[str], subs: list[str], folder: Path) -> contextlib.AbstractContextManager[list[int]]:
    """Debian's motion: detection on ``subs`` (or on ``mains`` if there are none), passthrough of the main stream.

    Continuous recording is ``emulate_motion`` off and ``movie_output`` on motion only, its ordinary use; its packet
    ring and its connection to the main stream are there all the time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    main_conf = [
        "daemon off",
        "log_level 4",
        f"target_dir {folder}",
        "webcontrol_port 0",
        "stream_port 0",
        "picture_output off",
        "movie_output on",
        "movie_passthrough on",
        "movie_max_time 60",
        "pre_capture 5",
        "event_gap 5",
    ]
    for n, url in enumerate(mains):
        size = ("width 640", "height 360", "framerate 10") if subs else ("width 1920", "height 1080", "framerate 20")
        lines = [f"camera_id {n + 1}", *size]
        lines += [f"netcam_url {subs[n]}", f"netcam_high_url {url}"] if subs else [f"netcam_url {url}"]
        camera = folder / f"camera{n}.conf"
        camera.write_text("\n".join(lines) + "\n", encoding="ascii")
        main_conf.append(f"camera {camera}")
    conf = folder / "motion.conf"
    conf.write_text("\n".join(main_conf) + "\n", encoding="ascii")
    return _running([["motion", "-n", "-c", str(conf)]], folder / "motion.log")
