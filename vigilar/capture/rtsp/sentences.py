"""What a person reads when a camera cannot be opened or read. No sentence holds an address or a password."""

from __future__ import annotations

from vigilar.base.errors import CameraError, ErrorKind

_NO_VIEWER = frozenset({453})
_NOT_FOR_US = frozenset({405, 406, 415, 461})
"""Method, description or transport that the camera does not have; all other refusals of 4xx are of too many viewers,
in cameras that count them: 453, but 454 and 455 were seen too."""


def unreachable(why: str) -> CameraError:
    return CameraError(
        f"Nothing answers at that address: {why}.",
        kind=ErrorKind.TRANSIENT,
        next_step="Is it on, and on the same network?",
        code="V-CAM-01",
    )


def unreadable_address() -> CameraError:
    return CameraError(
        "That is not the address of a camera.", next_step="It looks like rtsp://192.168.1.20/path.", code="V-CAM-01"
    )


def stopped() -> CameraError:
    """Said to nobody: whoever stops does not wait for the camera."""
    return CameraError("The camera is not wanted any more.", kind=ErrorKind.TRANSIENT, code="V-CAM-01")


def not_rtsp() -> CameraError:
    return CameraError(
        "Something answers at that address, but not with video over RTSP.",
        kind=ErrorKind.TRANSIENT,
        next_step="Turn on RTSP in the camera's own page.",
        code="V-CAM-02",
    )


def redirected() -> CameraError:
    """Never followed: a hacked camera could send us anywhere, or in circles."""
    return CameraError(
        "The camera sends us on to another address, which is refused.",
        next_step="Enter the new address of the camera, if that is where it is now.",
        code="V-CAM-02",
    )


def login_refused() -> CameraError:
    next_step = "Check capitals; some makes need a separate user for video."
    return CameraError("The camera refuses the login.", kind=ErrorKind.DENIED, next_step=next_step, code="V-CAM-03")


def no_such_path() -> CameraError:
    return CameraError(
        "The camera answers, but has no stream at that path.",
        next_step="Look up the path of its video stream.",
        code="V-CAM-05",
    )


def no_viewer() -> CameraError:
    return CameraError(
        "The camera takes no further viewer.",
        kind=ErrorKind.TRANSIENT,
        next_step="Close its own app; each viewer takes one of its connections.",
        code="V-CAM-10",
    )


def no_picture(codecs: list[str]) -> CameraError:
    """``codecs`` are those of the picture streams that the camera has."""
    if codecs:
        sentence = f"The camera sends {', '.join(sorted(set(codecs)))}, which this box cannot record."
        return CameraError(sentence, next_step="Set the camera to H.264 or H.265.", code="V-CAM-14")
    return CameraError(
        "The camera sends sound but no picture.", next_step="Choose another stream of the camera.", code="V-CAM-14"
    )


def ended() -> CameraError:
    return CameraError("The camera ended the stream.", kind=ErrorKind.TRANSIENT, code="V-CAM-16")


def garbled() -> CameraError:
    return CameraError("The camera's stream makes no sense any more.", kind=ErrorKind.TRANSIENT, code="V-CAM-16")


def refused(status: int) -> CameraError:
    """For the status of an answer that is no success."""
    if 300 <= status < 400:
        return redirected()
    if status in {401, 403}:
        return login_refused()
    if status in {400, 404}:
        return no_such_path()
    if 400 <= status < 500 and status not in _NOT_FOR_US:
        return no_viewer()
    return not_rtsp()
