"""Under which address other devices of the network reach this house."""

from __future__ import annotations

import ipaddress

from flask import request

from vigilar.door.authority import is_private
from vigilar.door.certificates import own_addresses
from vigilar.web.parts import parts
from vigilar.web.transport import is_local


def lan_base(*, secure: bool) -> str:
    """``https://192.168.1.20:49735``: by the name it was asked, or, at the box itself, by its address in the network.

    Behind a proxy of the owner's, or at any other port, it is what the browser has in its address line.
    """
    scheme = "https" if secure else "http"
    if not is_local():
        if secure and request.is_secure:
            return f"https://{request.host}"
        return f"{scheme}://{_without_port(request.host)}:{parts().cfg.port}"
    return f"{scheme}://{_own_address() or _without_port(request.host)}:{parts().cfg.port}"


def lan_host() -> str:
    """This box as other machines name it: its own address at the box itself, else the name it was asked by."""
    return (_own_address() if is_local() else "") or _without_port(request.host)


def _own_address() -> str:
    lan = sorted(
        (one for one in own_addresses() if is_private(one) and not one.is_loopback and not one.is_link_local),
        key=lambda one: (one.version, int(one)),
    )
    if not lan:
        return ""
    return f"[{lan[0]}]" if isinstance(lan[0], ipaddress.IPv6Address) else str(lan[0])


def _without_port(host: str) -> str:
    return host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
