"""Who may ask at all: host names, request origin, body size, and the headers of every answer."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from flask import Flask, Response, request

from vigilar.base.page_headers import SECURITY_HEADERS
from vigilar.web.problems import Problem

MAX_BODY_BYTES = 1024 * 1024

STATIC = "static"
"""The endpoint of our own styles, scripts and icons."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def install_security(app: Flask, names: Iterable[str]) -> None:
    """Check each request before anything else sees it, and put the headers on each answer, errors included."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = 64 * 1024
    known = frozenset(name.lower().rstrip(".") for name in (*names, socket.gethostname(), "localhost"))

    def check_request() -> None:
        if request.endpoint != STATIC:  # the page that refuses a name needs its style; these files are no secret
            _check_host(known)
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


def _check_host(known: frozenset[str]) -> None:
    if not is_known_host(request.headers.get("Host", ""), known):
        raise Problem(421)


def _check_origin() -> None:
    """A browser says where a request comes from; a changing request from elsewhere is refused (CSRF).

    Programs send neither header and need a session or a login in the body, which a foreign page cannot add.
    """
    if request.method in _SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    foreign = Problem(403, "request.origin", "This request did not come from Vigilar's own page.")
    if site is not None and site not in ("same-origin", "none"):
        raise foreign
    if origin is not None:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or parts.netloc.lower() != request.headers.get("Host", "").lower():
            raise foreign


def _add_headers(response: Response) -> Response:
    response.headers.update(SECURITY_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
