"""What a person reads when a camera cannot be opened or read. No sentence holds an address or a password."""

from __future__ import annotations

from vigilar.base.errors import CameraError, ErrorKind

UNREACHABLE = "V-CAM-01"
TOO_MUCH = "V-CAM-17"

_NOT_FOR_US = frozenset({405, 406, 415, 461})
"""Method, description or transport that the camera does not have; all other refusals of 4xx are of too many viewers,
in cameras that count them: 453, but 454 and 455 were seen too."""


_PICTURES = {
    "H264": "H.264",
    "H265": "H.265",
    "HEVC": "H.265",
    "JPEG": "MJPEG",
    "MP4V-ES": "MPEG-4 Visual",
    "MPV": "MPEG-2",
    "H261": "H.261",
    "H263": "H.263",
    "H263-1998": "H.263",
    "H266": "H.266",
    "MP2T": "an MPEG transport stream",
}
"""Encodings of RFC 6184, RFC 7798 and others as a camera's own pages call them."""

_STEPS = {"DESCRIBE": "to describe its stream", "SETUP": "to send its picture", "PLAY": "to begin the stream"}


class NotThere(CameraError):
    """Nothing took the connection, so that the next try costs the camera nothing. ``is_by_name``: but the network's
    name server a question."""

    is_by_name = False


class UnknownName(CameraError):
    """The resolver knows no machine of that name. No ``NotThere``: each try costs the network's name server some
    questions, and one that counts them (Pi-hole: 1000 a minute) would soon answer this box nothing at all."""


def unknown_name(host: str = "") -> CameraError:
    """``host`` for who tries a camera and has just typed it."""
    return UnknownName(
        f"Nothing answers at {host or 'that address'}: its name is not known.",
        kind=ErrorKind.TRANSIENT,
        next_step="Check how the name is written, or use the camera's address in digits, such as 192.168.1.21.",
        code=UNREACHABLE,
    )


def nobody_at(host: str, port: int | None) -> CameraError:
    """For who tries a camera and has just typed ``host``; ``port`` as far as it was told."""
    return CameraError(
        f"Nothing answers at {host}{f', port {port}' if port else ''}.",
        kind=ErrorKind.TRANSIENT,
        next_step="Is it on, and on the same network?" + (" Most cameras need no port here." if port else ""),
        code=UNREACHABLE,
    )


def unreachable(why: str, *, is_by_name: bool = False) -> CameraError:
    error = NotThere(
        f"Nothing answers at that address: {why}.",
        kind=ErrorKind.TRANSIENT,
        next_step="Is it on, and on the same network?",
        code=UNREACHABLE,
    )
    error.is_by_name = is_by_name
    return error


def unreadable_address() -> CameraError:
    return CameraError(
        "That is not the address of a camera.", next_step="It looks like rtsp://192.168.1.20/path.", code="V-CAM-01"
    )


def outside_of_the_house() -> CameraError:
    return CameraError(
        "That address is not in your home network, and nobody has allowed it for this camera.",
        kind=ErrorKind.DENIED,
        next_step="If the camera really is elsewhere, allow it: allow_public = true in its settings.",
        code="V-CAM-13",
    )


def no_place_for_a_camera() -> CameraError:
    return CameraError(
        "That address cannot be a camera's: it means everybody, nobody, or a service of a data centre.",
        kind=ErrorKind.DENIED,
        next_step="Look up the camera's own address in its app or in your router.",
        code="V-CAM-13",
    )


def points_at_us() -> CameraError:
    return CameraError(
        "That address points back at this box's own services.",
        kind=ErrorKind.DENIED,
        next_step="Enter the camera's own address.",
        code="V-CAM-13",
    )


def other_service(port: int) -> CameraError:
    return CameraError(
        f"Port {port} belongs to another kind of service; no camera sends its picture there.",
        kind=ErrorKind.DENIED,
        next_step="Most cameras use port 554; leave the port out.",
        code="V-CAM-13",
    )


def too_much(limit_mbps: float) -> CameraError:
    return CameraError(
        f"The camera sends more than {limit_mbps:g} Mbit/s, which is the most that it may, so it is left alone for a "
        "minute.",
        kind=ErrorKind.TRANSIENT,
        next_step="Lower its bit rate; if its picture needs that much, raise max_rate in its settings.",
        code=TOO_MUCH,
    )


def slow(waited_s: float) -> CameraError:
    """It takes the connection; what it does not do is answer. The next try gives it more time."""
    return CameraError(
        f"The camera takes the connection, but does not answer within {waited_s:.0f} seconds.",
        kind=ErrorKind.TRANSIENT,
        next_step="It may have to start its source first; the next try waits longer. Else restart the camera.",
        code="V-CAM-01",
    )


def leftovers() -> CameraError:
    return CameraError(
        "The camera still sends packets of an earlier connection, which cannot be told from new ones.",
        kind=ErrorKind.TRANSIENT,
        next_step="It is left alone until it has ended that one, about a minute.",
        code="V-CAM-16",
    )


def no_udp(waited_s: float) -> CameraError:
    return CameraError(
        f"The camera agreed to UDP, but no packet came within {waited_s:.0f} seconds; TCP is taken.",
        kind=ErrorKind.TRANSIENT,
        next_step='If it stays so, write transport = "tcp" for this camera.',
        code="V-CAM-16",
    )


def only_multicast() -> CameraError:
    """The camera sends to whoever listens in the network, whatever it is asked."""
    return CameraError(
        "The camera sends this stream by multicast only, which this box does not take.",
        next_step="Switch multicast off in the camera's settings, or choose another stream.",
        code="V-CAM-16",
    )


def certificate_changed() -> CameraError:
    return CameraError(
        "The camera shows another certificate than before, so it may be another machine; the login is not given to it.",
        kind=ErrorKind.DENIED,
        next_step="If you have reset or updated the camera: vigilar camera trust ID, and it is taken as the new one.",
        code="V-CAM-03",
    )


def certificate_refused(why: str) -> CameraError:
    return CameraError(
        f"The camera's certificate is refused: {why}.",
        kind=ErrorKind.DENIED,
        next_step="Renew the certificate in the camera, or use the name that it is made out to.",
        code="V-CAM-03",
    )


def no_tls() -> CameraError:
    return CameraError(
        "Something answers at that address, but not with encryption (TLS).",
        kind=ErrorKind.TRANSIENT,
        next_step="Turn on RTSPS in the camera's own page, or use its rtsp:// address.",
        code="V-CAM-02",
    )


def silent_about_tls() -> CameraError:
    """It takes the connection: to try again at once, as where nothing is there, would cost it one each time."""
    return CameraError(
        "Something takes the connection at that address, but says nothing when asked for encryption (TLS).",
        kind=ErrorKind.TRANSIENT,
        next_step="Turn on RTSPS in the camera's own page, or use its rtsp:// address; restart it if it worked before.",
        code="V-CAM-02",
    )


def login_in_the_clear() -> CameraError:
    return CameraError(
        "The camera asks for the password unprotected, though it wanted it protected before; it is not given.",
        kind=ErrorKind.DENIED,
        next_step="Has another device taken the camera's address? If you changed it yourself: vigilar camera trust ID.",
        code="V-CAM-03",
    )


def stopped() -> CameraError:
    """Said to nobody: whoever stops does not wait for the camera."""
    return CameraError("The camera is not wanted any more.", kind=ErrorKind.TRANSIENT, code="V-CAM-01")


def not_rtsp(*, is_web: bool = False) -> CameraError:
    """``is_web``: it is the port of the camera's own page, or of another one's."""
    if is_web:
        return CameraError(
            "A web page answers at that address, not video over RTSP.",
            kind=ErrorKind.TRANSIENT,
            next_step="Leave the port out: RTSP has one of its own, mostly 554. Or turn on RTSP in the camera's page.",
            code="V-CAM-02",
        )
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
        next_step="Look up the path of its video stream, or try its address alone: its streams are looked for then.",
        code="V-CAM-05",
    )


def no_viewer() -> CameraError:
    return CameraError(
        "The camera takes no further viewer.",
        kind=ErrorKind.TRANSIENT,
        next_step="Close its own app; each viewer takes one of its connections.",
        code="V-CAM-10",
    )


def no_picture(encodings: list[str], *, has_sound: bool) -> CameraError:
    """``encodings`` are those of the picture streams that the camera has, empty for one that it does not name."""
    if encodings:
        named = ", ".join(sorted({_PICTURES.get(one, one) for one in encodings if one}))
        sends = (
            f"sends {named}, which this box cannot record" if named else "does not say what kind of picture it sends"
        )
        return CameraError(f"The camera {sends}.", next_step="Set the camera to H.264 or H.265.", code="V-CAM-14")
    sentence = "The camera sends sound but no picture." if has_sound else "The camera has no picture at that address."
    return CameraError(sentence, next_step="Choose another stream of the camera.", code="V-CAM-14")


def ended() -> CameraError:
    return CameraError("The camera ended the stream.", kind=ErrorKind.TRANSIENT, code="V-CAM-16")


def is_ended(error: CameraError) -> bool:
    """Whether the camera has hung up."""
    return str(error) == str(ended())


def garbled() -> CameraError:
    return CameraError("The camera's stream makes no sense any more.", kind=ErrorKind.TRANSIENT, code="V-CAM-16")


def refused(status: int, method: str = "DESCRIBE") -> CameraError:
    """For the status of an answer that is no success; ``method`` is what was asked for."""
    if 300 <= status < 400:
        return redirected()
    if status in {401, 403}:
        return login_refused()
    if status in {400, 404}:
        return no_such_path() if method == "DESCRIBE" else refused_step(status, method, "V-CAM-05")
    if 400 <= status < 500 and status not in _NOT_FOR_US:
        return no_viewer()
    return refused_step(status, method, "V-CAM-02")


def refused_step(status: int, method: str, code: str) -> CameraError:
    """It speaks RTSP, but says no at one step of the opening."""
    what = _STEPS.get(method, "the connection")
    return CameraError(
        f"The camera answers, but refuses {what} (status {status}).",
        kind=ErrorKind.TRANSIENT,
        next_step="Try another stream of the camera, or restart it.",
        code=code,
    )
