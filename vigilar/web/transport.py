"""Whether a request can be read on the network, and what may not be asked where it can.

Over plain HTTP from another machine a person may make the first login, set up trust, and look. What changes something,
disarms, or carries recordings away needs HTTPS, or the box itself. An owner whose devices all trust the house closes
plain HTTP (``[web] https_only``): what is left of it is the way to trust.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request

from vigilar.door.haproxy import HOW_TO_INSTALL
from vigilar.web.forwarded import IS_LOCAL
from vigilar.web.parts import parts
from vigilar.web.problems import Problem


def is_local() -> bool:
    """Whether who asks sits at the box itself."""
    return bool(request.environ.get(IS_LOCAL, False))


TRUST = "trust"
"""The blueprint whose pages are over plain HTTP whatever the owner decided."""


def is_secure() -> bool:
    """Whether nobody on the network can read this request and its answer: it is encrypted, or never left the box."""
    return request.is_secure or is_local()


def require_secure() -> None:
    """Raises Problem 403 ``transport.insecure``, with the address to go to, unless ``is_secure``."""
    if is_secure():
        return
    path = request.full_path.rstrip("?") if request.method == "GET" else "/"
    address = secure_address(path)
    if request.headers.get("X-Forwarded-Proto", "").lower() == "https":
        step = (
            f"It came through a proxy that Vigilar does not know. Write its address into the settings: [web] proxies = "
            f'["{request.remote_addr}"].'
        )
    elif address:
        step = f"Open {address} instead. The first time, /trust shows this device the way."
    else:
        step = f"Do it on the machine Vigilar runs on, or let that speak HTTPS: {HOW_TO_INSTALL}."
    sentence = "This needs a connection that nobody else in the network can read."
    raise Problem(403, "transport.insecure", sentence, next_step=step, link=address)


def is_refused() -> bool:
    """Whether this request may not be answered as it came: the owner closed plain HTTP for other machines."""
    return parts().cfg.https_only and not is_secure()


def secure_address(path: str = "/") -> str:
    """Where this page is over HTTPS, under the name it was asked by; empty where nothing answers that."""
    cfg = parts().cfg
    if not cfg.has_door:
        return ""
    try:
        name = urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return ""
    host = f"[{name}]" if ":" in name else name
    return f"https://{host}:{cfg.port}{path}" if name else ""
