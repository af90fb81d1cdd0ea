"""Whether a file is, byte for byte, the model that a manifest names. Loads no heavy library."""

from __future__ import annotations

import hashlib
from pathlib import Path

from vigilar.base.errors import ErrorKind
from vigilar.detect.objects.manifest import ModelError, ModelManifest

_READ_BYTES = 1 << 20


def check_file(file: Path, manifest: ModelManifest) -> None:
    """Raises ModelError unless ``file`` is, byte for byte, what ``manifest`` names."""
    try:
        size = file.stat().st_size
        is_right = size == manifest.size_bytes and sha256_of(file) == manifest.sha256
    except OSError as error:
        raise ModelError(f"the file {file} cannot be read: {error.strerror}") from error
    if not is_right:
        raise ModelError(
            f"the file {file} is not the model {manifest.name}: its size or SHA-256 is another",
            kind=ErrorKind.CORRUPT,
            next_step=f"Get it again: vigilar models install {manifest.name}",
        )


def sha256_of(file: Path) -> str:
    """Hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while piece := source.read(_READ_BYTES):
            digest.update(piece)
    return digest.hexdigest()
