"""Who may ask at all: host names, request origin, body size, and the headers of every answer."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from flask import Flask, Response, request

from vigilar.base.page_headers import SECURITY_HEADERS, STRICT
from vigilar.door.certificates import house_names
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.transport import TRUST, is_local, is_refused, require_secure

MAX_BODY_BYTES = 1024 * 1024

MAX_NAME = 253
"""Characters of a host name (RFC 1035, 2.3.4)."""

STATIC = "static"
"""The endpoint of our own styles, scripts and icons."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def install_security(app: Flask) -> None:
    """Check each request before anything else sees it, and put the headers on each answer, errors included."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = 64 * 1024

    def check_request() -> None:
        if request.endpoint != STATIC:  # the page that refuses a name needs its style; these files are no secret
            _check_host()
            if request.blueprint != TRUST and is_refused():
                require_secure()
        _check_origin()
        if (request.content_length or 0) > MAX_BODY_BYTES:
            raise Problem(413)

    app.before_request(check_request)
    app.after_request(_add_headers)


def is_known_host(host: str, known: Iterable[str]) -> bool:
    """Whether a Host header (with or without port) is one of ours: an address, ``localhost``, ``*.local`` or a name.

    A page of somebody else that points its own name at this box (DNS rebinding) fails here.
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if name in known or name.endswith(".local"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _check_host() -> None:
    host = request.headers.get("Host", "")
    if not is_known_host(host, house_names(parts().cfg.names)):
        raise Problem(421, next_step=_name_step(host))


def _name_step(host: str) -> str:
    """How the owner allows the name; empty for what is none."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""
    if not re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", name) or len(name) > MAX_NAME:
        return ""
    return f'If the name is yours, add it to the configuration file: [web] names = ["{name}"].'


def _check_origin() -> None:
    """A browser says where a request comes from; a changing request from elsewhere is refused (CSRF), and so is the
    handshake of a WebSocket: browsers open one for any page and send our cookie along.

    ``Sec-Fetch-Site`` is the browser's own word, which no page can set, and stands alone: a proxy in front may have
    changed the Host. Without it (plain HTTP, old browsers) the Origin must be the Host, port included, because another
    port of this machine is somebody else, and encrypted where we are. Programs send neither header and need a session
    or a login in the body, which a foreign page cannot add.
    """
    if request.method in _SAFE_METHODS and request.headers.get("Upgrade", "").lower() != "websocket":
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site == "same-origin":
        return
    if site not in (None, "none"):
        raise Problem(403, "request.origin", "This request did not come from Vigilar's own page.")
    origin = request.headers.get("Origin")
    if origin is not None and not _is_own(origin, request.headers.get("Host", "")):
        raise _foreign(origin, request.headers.get("Host", ""))


def _is_own(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if parts.scheme == "http" and request.is_secure:
        return False  # a page that anybody on the network may have written, and no browser takes it for ours
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


def _foreign(origin: str, host: str) -> Problem:
    """Says what came, and the line that mends the one innocent cause: a proxy that passes another Host on."""
    return Problem(
        403,
        "request.origin",
        f"This request came from a page of {_shown(origin)}, but reached Vigilar as {_shown(host)}. "
        "If that page is Vigilar's own behind a proxy, let the proxy pass the name and port on "
        "(nginx: proxy_set_header Host $http_host;).",
    )


def _shown(header: str) -> str:
    """What a request says of itself, fit for a sentence."""
    return "".join(char if char.isprintable() else "?" for char in header[:100]) or "no name"


def _add_headers(response: Response) -> Response:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)  # one page has a policy of its own (``shares.verify``)
    response.headers.setdefault("Cache-Control", "no-store")
    if parts().cfg.https_only and request.is_secure and not is_local():
        response.headers.set(*STRICT)
    return response
