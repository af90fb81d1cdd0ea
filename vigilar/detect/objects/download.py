"""Fetching a model once, by the owner's command: from the address of its manifest and nowhere else.

What has come stays under the name ``part_of`` and is gone on with (RFC 9110, 14: ranges); nothing is opened before all
of it is there and its SHA-256 is right. No redirect is followed, so no other host hears of it.
"""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from vigilar.base.atomic import make_private_folder
from vigilar.base.errors import ErrorKind, ExitCode
from vigilar.detect.objects.manifest import ModelError, ModelManifest
from vigilar.detect.objects.model_folder import InstalledModel, ModelFolder

TIMEOUT_S = 20.0
_PIECE_BYTES = 64 * 1024

Progress = Callable[[int, int], None]
"""Is told how many bytes are there, of how many."""


def download_model(folder: ModelFolder, manifest: ModelManifest, progress: Progress) -> InstalledModel:
    """Fetch what is still missing of a model and install it. Takes as long as the network does.

    Raises ModelError: TRANSIENT when the network failed, and the next try goes on where this one ended; CORRUPT when
    what came is not the model, which is then thrown away.
    """
    if not manifest.source:
        raise ModelError(
            f"the model {manifest.name} cannot be downloaded, as no lasting address of it is known",
            next_step=f"Give its file: vigilar models install {manifest.name} --from FILE",
            exit_code=ExitCode.NOT_FOUND,
        )
    part = folder.part_of(manifest)
    try:
        make_private_folder(part.parent)
        _fetch(part, manifest, progress)
    except (urllib.error.URLError, HTTPException, TimeoutError, OSError) as error:
        raise ModelError(
            f"the model {manifest.name} could not be fetched: {_reason(error)}",
            kind=ErrorKind.TRANSIENT,
            next_step="Run the command again; it goes on where it ended. Without a network: give the file with --from.",
        ) from error
    return folder.finish(manifest)


def _fetch(part: Path, manifest: ModelManifest, progress: Progress) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have >= manifest.size_bytes:
        return
    request = urllib.request.Request(manifest.source, headers={"User-Agent": "vigilar"})  # noqa: S310 -- https, see manifest
    if have:
        request.add_header("Range", f"bytes={have}-")
    with _opener().open(request, timeout=TIMEOUT_S) as answer:
        if have and not _goes_on(answer, have):
            have = 0
        with part.open("ab" if have else "wb") as taken:
            while have < manifest.size_bytes and (piece := answer.read(_PIECE_BYTES)):
                taken.write(piece[: manifest.size_bytes - have])
                have += len(piece)
                progress(min(have, manifest.size_bytes), manifest.size_bytes)
    if have < manifest.size_bytes:
        raise HTTPException(f"it ended after {have} of {manifest.size_bytes} bytes")


def _goes_on(answer: HTTPResponse, have: int) -> bool:
    """Whether the server gives what was asked for, and not all of it from the beginning."""
    return answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


def _opener() -> urllib.request.OpenerDirector:
    secure = urllib.request.HTTPSHandler(context=ssl.create_default_context())
    return urllib.request.build_opener(secure, _NoRedirect())


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
