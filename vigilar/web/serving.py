"""Answers that carry media: playlists, segments, and byte ranges of clips."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo

from flask import Response, request

from vigilar.base.errors import RecordingError
from vigilar.web.footage.clip import Clip
from vigilar.web.problems import Problem
from vigilar.web.times import house_time

logger = logging.getLogger(__name__)

PLAYLIST = "application/vnd.apple.mpegurl"


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes [start, stop) of a body."""

    start: int
    stop: int


def playlist_response(text: str) -> Response:
    return Response(text, mimetype=PLAYLIST)


def media_response(data: bytes) -> Response:
    """A segment or its set-up. Private, but the same for ever, so a player that seeks back need not ask again."""
    return Response(data, mimetype="video/mp4", headers={"Cache-Control": "private, max-age=600, immutable"})


def clip_response(clip: Clip, camera_id: str, zone: tzinfo) -> Response:
    """The clip, or the byte range of it that was asked for (RFC 9110, 14). One range only."""
    wanted = parse_byte_range(request.headers.get("Range"), clip.size_bytes)
    if wanted is not None and request.headers.get("If-Range", f'"{clip.etag}"') != f'"{clip.etag}"':
        wanted = None  # the recording has grown since: start over
    whole = ByteRange(0, clip.size_bytes)
    sent = wanted or whole
    body = iter(()) if request.method == "HEAD" else _checked(clip, sent)
    response = Response(body, 206 if wanted else 200, mimetype="video/mp4", direct_passthrough=False)
    response.headers["Content-Length"] = str(sent.stop - sent.start)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["ETag"] = f'"{clip.etag}"'
    name = f"{camera_id}_{house_time(clip.start_ms, zone).strftime('%Y-%m-%d_%H-%M-%S')}.mp4"
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    if wanted:
        response.headers["Content-Range"] = f"bytes {sent.start}-{sent.stop - 1}/{clip.size_bytes}"
    if clip.is_cut_short:
        response.headers["X-Vigilar-Cut-Short"] = "the picture's format changed"
    return response


def parse_byte_range(header: str | None, size: int) -> ByteRange | None:
    """The range asked for; None for the whole. Raises Problem 416 with the size for what cannot be served."""
    if header is None:
        return None
    unit, equals, spec = header.partition("=")
    if unit.strip().lower() != "bytes" or not equals:
        return None  # a unit we do not know is to be ignored (RFC 9110, 14.2)
    first, dash, last = spec.strip().partition("-")
    unsatisfiable = Problem(
        416, "range.invalid", f"The file has {size} bytes; ask for one range inside of it.",
        headers={"Content-Range": f"bytes */{size}"},
    )  # fmt: skip
    if not dash or not all(
        not part or (part.isascii() and part.isdigit() and len(part) < 19) for part in (first, last)
    ):
        raise unsatisfiable
    if first:
        start, stop = int(first), min(size, int(last) + 1 if last else size)
    elif last:
        start, stop = max(0, size - int(last)), size
    else:
        raise unsatisfiable
    if start >= stop:
        raise unsatisfiable
    return ByteRange(start, stop)


def _checked(clip: Clip, wanted: ByteRange) -> Iterator[bytes]:
    """The bytes; the first piece is read here, so that damage there is still a proper answer."""
    pieces = clip.read(wanted.start, wanted.stop)
    first = next(pieces, b"")

    def rest() -> Iterator[bytes]:
        yield first
        try:
            yield from pieces
        except RecordingError as error:
            # The head is sent, the length promised: ending early is the only honest answer left.
            logger.warning("a clip ends early: %s", error)
            raise

    return rest()
