"""Addresses of SFTP servers as people write them, without a password."""

from __future__ import annotations

import re
from dataclasses import dataclass

SCHEME = "sftp://"
_FORM = re.compile(
    r"sftp://(?P<user>[A-Za-z0-9._-]{1,64})@(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>\d{1,5}))?(?P<path>/[^\0\n\r?#]{0,1000})"
)


@dataclass(frozen=True, slots=True)
class SftpAddress:
    """``path`` is absolute on the server; ``/~/x`` and ``/./x`` are below the folder in which its user begins."""

    user: str
    host: str
    port: int
    path: str

    @property
    def folder(self) -> str:
        """As it is asked of the server, without a slash at its end."""
        path = self.path.rstrip("/") or "/"
        return path[1:].removeprefix("~/") if path.startswith(("/~/", "/./")) else path


def target_words(target: str) -> str:
    """A target as sentences name it: the folder, or server and folder without the user."""
    found = find_sftp_address(target)
    return target if found is None else f"{found.host}:{found.path}"


def find_sftp_address(text: str) -> SftpAddress | None:
    """``sftp://user@host:port/path``; None for anything else."""
    parts = _FORM.fullmatch(text)
    if parts is None:
        return None
    port = int(parts["port"] or 22)
    if not 0 < port < 65536:
        return None
    return SftpAddress(parts["user"], parts["host"].strip("[]"), port, parts["path"])
