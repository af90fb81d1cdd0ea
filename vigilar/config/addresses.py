"""Addresses of cameras: what is allowed, taking a login out of one, putting it back in.

A sentence from here never repeats the address: there may be a password in it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

DEMO_SCENES = ("street", "garden", "hall", "feeder")
"""The made-up cameras of ``vigilar/demo``; a test holds the two lists equal."""

MAX_ADDRESS_CHARS = 500

_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]*))?")
_HOST = re.compile(r"[^\W_]([\w-]*[^\W_])?(\.[^\W_]([\w-]*[^\W_])?)*\.?")
_LOGIN_IN_PATH = re.compile(r"\b(?:password|passwd|pass|pwd)=(?!\{password\})[^&/\s]", re.IGNORECASE)
_KINDS = 'must begin with "rtsp://", "file:/" or "demo:"'


@dataclass(frozen=True, slots=True)
class SplitAddress:
    """An address without its login, and the login that was in it, decoded. None: there was none."""

    address: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def split_login(address: str) -> SplitAddress:
    """Take ``user:password@`` out of an ``rtsp://`` address; others come back as they are.

    People paste passwords with ``/`` or ``@`` in them as they are. So when what stands before the first ``/`` is no
    host, all up to the last ``@`` is the login.
    """
    scheme, found, rest = address.partition("://")
    if not found or scheme.lower() not in ("rtsp", "rtsps") or "@" not in rest:
        return SplitAddress(address)
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        at = authority.rindex("@")
    elif _authority_problem(authority):
        at = rest.rindex("@")
    else:
        return SplitAddress(address)
    user, has_password, password = rest[:at].partition(":")
    return SplitAddress(f"{scheme}://{rest[at + 1 :]}", unquote(user), unquote(password) if has_password else None)


def with_login(address: str, user: str, password: str) -> str:
    """The address to open: with the login, percent-encoded, where the camera wants it.

    Some cameras want it in the path; ``{user}`` and ``{password}`` in the address mark the places.
    """
    safe_user, safe_password = quote(user, safe=""), quote(password, safe="")
    if "{password}" in address or "{user}" in address:
        return address.replace("{user}", safe_user).replace("{password}", safe_password)
    scheme, found, rest = address.partition("://")
    return f"{scheme}://{safe_user}:{safe_password}@{rest}" if found else address


def address_problem(address: str) -> str | None:
    """Why ``address`` cannot be a camera's, as the end of a sentence; None when it can."""
    if not address:
        return "is empty"
    if len(address) > MAX_ADDRESS_CHARS:
        return f"is longer than {MAX_ADDRESS_CHARS} characters"
    if any(c.isspace() or not c.isprintable() for c in address):
        return "holds a space or a character that cannot be seen"
    kind, _, rest = address.partition(":")
    if kind == "demo":
        return None if rest in DEMO_SCENES else f"names no demo scene; there are {', '.join(DEMO_SCENES)}"
    if kind == "file":
        return None if rest.startswith("/") and rest.strip("/") else 'must name a file from the root, "file:/..."'
    if kind != "rtsp" or not rest.startswith("//"):
        return f'{_KINDS}, for example "rtsp://192.168.1.21/stream1"'
    return _rtsp_problem(address, rest[2:])


def _rtsp_problem(address: str, rest: str) -> str | None:
    if split_login(address).user is not None:
        return 'must not hold a login; keep the login in a secret and write login = "secret:NAME"'
    if _LOGIN_IN_PATH.search(rest):
        return 'must not hold a password; write {password} in its place and login = "secret:NAME"'
    return _authority_problem(re.split(r"[/?#]", rest, maxsplit=1)[0])


def _authority_problem(authority: str) -> str | None:
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        return 'must name a host and maybe a port, "rtsp://host:554/..."'
    if not parts["host"]:
        return "names no host"
    if not _is_host(parts["host"]):
        return "names a host that cannot be one"
    if parts["port"] is not None and not _is_port(parts["port"]):
        return "has a port that is not 1 to 65535"
    return None


def _is_host(host: str) -> bool:
    if not host.startswith("["):
        return len(host) <= 253 and bool(_HOST.fullmatch(host))
    try:
        ipaddress.IPv6Address(host[1:-1])
    except ValueError:
        return False
    return True


def _is_port(text: str) -> bool:
    return text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535
