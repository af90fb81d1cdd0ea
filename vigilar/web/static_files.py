"""Our own and others' styles, scripts and icons: served from memory, packed, and kept by browsers for a year.

Their address holds a hash over all of them, so that a new build is seen at once, and scripts may import one another
by relative address. Fonts and pictures of other hosts: none.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, request

from vigilar.web.problems import Problem
from vigilar.web.rights import public

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".mjs": "text/javascript",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A served file: its type, and its bytes plain and packed."""

    mimetype: str
    data: bytes
    packed: bytes


@functools.cache
def load_files(folder: Path = _FOLDER) -> dict[str, StaticFile]:
    """All files of ``folder`` by relative path, about 0.9 MB with the player. Read once at the start."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name == "built":
            continue
        data = path.read_bytes()
        mimetype = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        files[path.relative_to(folder).as_posix()] = StaticFile(mimetype, data, gzip.compress(data, 9, mtime=0))
    return files


@functools.cache
def static_version() -> str:
    """Changes with any of the files."""
    digest = hashlib.sha256()
    for name, file in load_files().items():
        digest.update(f"{name}\0{len(file.data)}\0".encode() + file.data)
    return digest.hexdigest()[:12]


def asset_address(name: str) -> str:
    """The address of a static file, for templates too."""
    return f"/static/{static_version()}/{name}"


def install_static(app: Flask) -> None:
    files, current = load_files(), static_version()

    @public
    def static(version: str, name: str) -> Response:
        file = files.get(name)
        if file is None:
            raise Problem(404)
        takes_packed = request.accept_encodings["gzip"] > 0
        response = Response(file.packed if takes_packed else file.data, mimetype=file.mimetype)
        if takes_packed:
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = _YEAR if version == current else "no-cache"
        return response

    app.add_url_rule("/static/<version>/<path:name>", "static", static)

    app.jinja_env.globals["asset"] = asset_address
