"""Answers that carry media: playlists, segments, and byte ranges of clips."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from urllib.parse import quote

from flask import Flask, Response, request

from vigilar.base.errors import RecordingError
from vigilar.playback.clip import Clip
from vigilar.playback.export.make import ExportFile
from vigilar.playback.export.names import ascii_name
from vigilar.playback.library import FootageGone
from vigilar.web.problems import Problem, problem_response
from vigilar.web.saved_clips import SavedClip
from vigilar.web.times import file_time

logger = logging.getLogger(__name__)

_FOR_EVER = "private, max-age=600, immutable"
PLAYLIST = "application/vnd.apple.mpegurl"


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes [start, stop) of a body."""

    start: int
    stop: int


def playlist_response(text: str) -> Response:
    return Response(text, mimetype=PLAYLIST)


def install_footage_errors(app: Flask) -> None:
    """A recording that was deleted is not there, whoever asks for it and in whatever form."""
    app.register_error_handler(FootageGone, _on_gone)


def _on_gone(error: FootageGone) -> Response:
    return problem_response(Problem(404, error.code, str(error)))


def media_response(data: bytes) -> Response:
    """A segment or its set-up. Private, but the same for ever, so a player that seeks back need not ask again."""
    return Response(data, mimetype="video/mp4", headers={"Cache-Control": _FOR_EVER})


def records_response(pieces: Iterator[bytes], size_bytes: int) -> Response:
    """The same of ``size_bytes`` that are read while they are sent."""
    response = Response(_begun(pieces), mimetype="video/mp4", headers={"Cache-Control": _FOR_EVER})
    response.headers["Content-Length"] = str(size_bytes)
    return response


def clip_response(clip: Clip, camera_id: str, zone: tzinfo) -> Response:
    """The clip, or the byte range of it that was asked for (RFC 9110, 14). One range only."""
    wanted = parse_byte_range(request.headers.get("Range"), clip.size_bytes)
    if wanted is not None and request.headers.get("If-Range", f'"{clip.etag}"') != f'"{clip.etag}"':
        wanted = None  # the recording has grown since: start over
    whole = ByteRange(0, clip.size_bytes)
    sent = wanted or whole
    body = iter(()) if request.method == "HEAD" else _begun(clip.read(sent.start, sent.stop))
    response = Response(body, 206 if wanted else 200, mimetype="video/mp4", direct_passthrough=False)
    response.headers["Content-Length"] = str(sent.stop - sent.start)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["ETag"] = f'"{clip.etag}"'
    name = f"{camera_id}_{file_time(clip.start_ms, zone)}.mp4"
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    if wanted:
        response.headers["Content-Range"] = f"bytes {sent.start}-{sent.stop - 1}/{clip.size_bytes}"
    if clip.is_cut_short:
        response.headers["X-Vigilar-Cut-Short"] = "the picture's format changed"
    return response


def file_response(file: ExportFile, *, is_shown: bool = False) -> Response:
    """An exported file, or the byte range of it that was asked for. ``is_shown``: in the page, not to be saved."""
    wanted = parse_byte_range(request.headers.get("Range"), file.size_bytes)
    if wanted is not None and request.headers.get("If-Range", f'"{file.etag}"') != f'"{file.etag}"':
        wanted = None
    sent = wanted or ByteRange(0, file.size_bytes)
    body = iter(()) if request.method == "HEAD" else _begun(file.read(sent.start, sent.stop))
    response = Response(body, 206 if wanted else 200, mimetype=file.mimetype, direct_passthrough=False)
    response.headers["Content-Length"] = str(sent.stop - sent.start)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["ETag"] = f'"{file.etag}"'
    how = "inline" if is_shown else "attachment"
    # Both forms: the second is the true name, the first for who does not know the second (RFC 6266, 4.3).
    names = f"filename=\"{ascii_name(file.name)}\"; filename*=UTF-8''{quote(file.name, safe='')}"
    response.headers["Content-Disposition"] = f"{how}; {names}"
    if wanted:
        response.headers["Content-Range"] = f"bytes {sent.start}-{sent.stop - 1}/{file.size_bytes}"
    return response


def saved_response(clip: SavedClip) -> Response:
    """A clip that plays in the page and can be saved from it under its name."""
    response = file_response(clip.file, is_shown=True)
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


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same; the first piece is read here, so that damage there is still a proper answer."""
    first = next(pieces, b"")

    def rest() -> Iterator[bytes]:
        yield first
        try:
            yield from pieces
        except RecordingError as error:
            # The head is sent, the length promised: ending early is the only honest answer left.
            logger.warning("an answer ends early: %s", error)
            raise

    return rest()
