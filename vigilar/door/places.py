"""Where the door's certificates and sockets lie. Names only, so that whoever asks for one loads nothing else."""

from __future__ import annotations

from pathlib import Path

WEB_SOCKET = "web.sock"
"""In the door's folder: where the web process takes requests from the door."""

ADMIN_SOCKET = "admin.sock"
"""In the door's folder: where HAProxy takes a new certificate without a restart."""


def certificates_dir(secrets_dir: Path) -> Path:
    return secrets_dir / "certificates"


def serving_file(secrets_dir: Path) -> Path:
    """Key, certificate and chain that are shown to browsers now, in the one file that HAProxy reads."""
    return certificates_dir(secrets_dir) / "serving.pem"
