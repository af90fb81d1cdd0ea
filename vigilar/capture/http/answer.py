"""HTTP requests and the head of an answer as text (RFC 9112), sizes bounded. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from vigilar.base.errors import CameraError, ErrorKind
from vigilar.capture.rtsp import sentences
from vigilar.capture.rtsp.address import Address
from vigilar.capture.rtsp.messages import USER_AGENT, BadMessage

MAX_HEAD_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """``fields`` holds the values of each header by its lower-case name, in their order."""

    status: int
    fields: dict[str, list[str]] = field(default_factory=dict)

    def find(self, name: str) -> str:
        """The first value of a header; empty without one."""
        return (self.fields.get(name) or [""])[0]

    @property
    def content(self) -> str:
        """The media type in small letters, without its parameters."""
        return self.find("content-type").partition(";")[0].strip().lower()

    @property
    def is_chunked(self) -> bool:
        return "chunked" in self.find("transfer-encoding").lower()


def dump_request(address: Address, fields: Iterable[tuple[str, str]]) -> bytes:
    """A GET of what ``address`` names. ``HTTP/1.1``, as some cameras give older clients single pictures."""
    head = [
        f"GET {target_of(address)} HTTP/1.1",
        f"Host: {address.root.partition('://')[2]}",
        f"User-Agent: {USER_AGENT}",
        "Accept: multipart/x-mixed-replace, image/jpeg, */*;q=0.1",
        "Connection: close",
    ]
    head += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(head) + "\r\n\r\n").encode()


def target_of(address: Address) -> str:
    """Path and query, which is also what Digest signs (RFC 7616 3.4)."""
    rest = address.url[len(address.root) :].partition("#")[0]
    return rest if rest.startswith("/") else f"/{rest}"


def parse_answer(head: bytes) -> Answer:
    """Raises BadMessage. Some cameras answer ``ICY 200 OK`` or without a reason behind the status."""
    lines = head.decode("latin-1").replace("\r\n", "\n").split("\n")
    version, _, rest = lines[0].partition(" ")
    code = rest.strip()[:3]
    if not version.startswith(("HTTP/", "ICY")) or len(code) != 3 or not (code.isascii() and code.isdigit()):
        raise BadMessage("that is no HTTP")
    fields: dict[str, list[str]] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), []).append(value.strip())
    return Answer(int(code), fields)


_ALONE = "try its address alone, without http://: its streams are looked for then."


def not_http() -> CameraError:
    return CameraError(
        "Something answers at that address, but not over HTTP.",
        kind=ErrorKind.TRANSIENT,
        next_step="Is it the right port? Many cameras also have an rtsp:// address.",
        code="V-CAM-02",
    )


def refused(status: int) -> CameraError:
    """For the status of an answer that is no success."""
    if 300 <= status < 400:
        return sentences.redirected()
    if status in {401, 403}:
        return sentences.login_refused()
    if status in {400, 404, 405, 406, 410}:
        return CameraError(
            "The camera answers, but has no stream at that path.",
            next_step=f"Look up its MJPEG address, or {_ALONE}",
            code="V-CAM-05",
        )
    if status in {429, 503}:
        return sentences.no_viewer()
    return CameraError(
        f"The camera answers, but refuses its pictures (status {status}).",
        kind=ErrorKind.TRANSIENT,
        next_step="Try another stream of the camera, or restart it.",
        code="V-CAM-02",
    )


def not_a_stream(answer: Answer) -> CameraError:
    """It is there, and what it sends is no stream of pictures."""
    if answer.content in {"image/jpeg", "image/jpg"}:
        return CameraError(
            "That address gives one single picture, not a stream of them.",
            next_step="Look up the camera's MJPEG or video address.",
            code="V-CAM-05",
        )
    what = "a web page" if "html" in answer.content else answer.content[:40] or "something without a type"
    return CameraError(
        f"That address gives {what}, not a stream of pictures.",
        next_step=f"Look up the camera's MJPEG address, or {_ALONE}",
        code="V-CAM-05",
    )
