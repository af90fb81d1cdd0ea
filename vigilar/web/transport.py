"""Whether a request came by a way on which nobody else can listen."""

from __future__ import annotations

import ipaddress

from flask import request


def is_secure() -> bool:
    """Whether the asker is this machine itself, or came over TLS as the door in front of us told."""
    if request.is_secure:
        return True
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
