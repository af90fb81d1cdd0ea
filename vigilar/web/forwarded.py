"""Who really asks: the address and the protocol of a request that came through a door or a proxy.

Our own door (HAProxy) reaches us by a Unix socket that nobody else can open, so its word stands. A proxy of the owner's
counts when its address is in ``[web] proxies``. What anybody else writes into such headers is taken for nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any

from vigilar.web.parts import Parts

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

IS_LOCAL = "vigilar.is_local"
"""In the environ: whether who asks sits at the box itself."""

_DOOR_CLIENT, _DOOR_TLS = "HTTP_X_VIGILAR_CLIENT", "HTTP_X_VIGILAR_TLS"
_FOR, _PROTO = "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO"
_PROXY_MARKS = (_FOR, _PROTO, "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")
"""A request with one of these went through a proxy: it may begin at this machine and still be a stranger's."""

MAX_HOPS = 10


class Forwarded:
    """Sets ``REMOTE_ADDR``, ``wsgi.url_scheme`` and IS_LOCAL before the app sees a request."""

    def __init__(self, app: Application, parts: Parts) -> None:
        self._app = app
        self._parts = parts

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        client, tls = environ.pop(_DOOR_CLIENT, ""), environ.pop(_DOOR_TLS, "")
        if self._parts.cfg.has_door:
            environ["REMOTE_ADDR"] = client or environ.get("REMOTE_ADDR", "")
            environ["wsgi.url_scheme"] = "https" if tls == "1" else "http"
        is_proxied = any(mark in environ for mark in _PROXY_MARKS)
        if _plain(environ.get("REMOTE_ADDR", "")) in self._parts.cfg.proxies:
            self._believe_proxy(environ)
        environ["REMOTE_ADDR"] = _plain(environ.get("REMOTE_ADDR", ""))
        environ[IS_LOCAL] = not is_proxied and is_loopback(environ["REMOTE_ADDR"]) and _is_named_local(environ)
        return self._app(environ, start_response)

    def _believe_proxy(self, environ: Environ) -> None:
        """The nearest address that is no proxy of the owner's; what stands before it anybody may have written."""
        proxies = self._parts.cfg.proxies
        for hop in reversed(str(environ.get(_FOR, "")).split(",")[-MAX_HOPS:]):
            address = _plain(hop.strip())
            if not address:
                break
            environ["REMOTE_ADDR"] = address
            if address not in proxies:
                break
        protocol = str(environ.get(_PROTO, "")).rpartition(",")[2].strip().lower()
        if protocol in ("http", "https"):
            environ["wsgi.url_scheme"] = protocol


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _plain(address: str) -> str:
    """One spelling of each address: without zone, and IPv4 as such. Empty for what is none."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0].strip("[]"))
    except ValueError:
        return ""
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def _is_named_local(environ: Environ) -> bool:
    """A proxy on this machine passes the name on by which it was asked; a person here asks for localhost."""
    host = str(environ.get("HTTP_HOST", "")).lower()
    name = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    return name == "localhost" or is_loopback(name)
