"""The sentence above the live pictures. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from vigilar.health.lines import CameraLine


def live_sentence(cameras: Sequence[CameraLine]) -> str:
    """``4 of 6 cameras live. No picture: Shed, Drive. Not recording: Hall.``; "Not known" is who does not report."""
    if not cameras:
        return "No camera yet."
    live = sum(one.state == "live" for one in cameras)
    untold = [one.name for one in cameras if one.state == "unknown"]
    down = [one.name for one in cameras if not (one.has_picture or one.is_coming or one.state == "unknown")]
    coming = [one.name for one in cameras if one.is_coming]
    silent = [one.name for one in cameras if one.state == "live" and one.not_recording]
    noun = "camera" if len(cameras) == 1 else "cameras"
    head = f"{live} {noun} live" if live == len(cameras) else f"{live} of {len(cameras)} {noun} live"
    words = [f"{head}."]
    if coming:
        words.append(f"Starting: {_names(coming)}.")
    if down:
        words.append(f"No picture: {_names(down)}.")
    if untold:
        words.append(f"Not known: {_names(untold)}.")
    if silent:
        words.append(f"Not recording: {_names(silent)}.")
    return " ".join(words)


def _names(names: Sequence[str]) -> str:
    return f"{', '.join(names[:3])}{' and others' if len(names) > 3 else ''}"
