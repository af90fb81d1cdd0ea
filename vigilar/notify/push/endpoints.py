"""Which addresses a browser may give us to ask: the push services of the browsers' makers, and those the owner names.

An endpoint comes from whoever is signed in, and this box asks it from inside of the house: without this, any member,
or any page that acts as one, could make it knock at other machines (server-side request forgery).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from vigilar.notify.push import base64url
from vigilar.notify.push.seal import AUTH_BYTES, parse_point

KNOWN_HOSTS = (
    "fcm.googleapis.com",  # Chrome, Edge and Samsung Internet on Android, Chrome and Brave elsewhere
    "*.push.services.mozilla.com",  # Firefox
    "*.push.apple.com",  # Safari, and every browser of an iPhone
    "*.notify.windows.com",  # Edge on Windows
)
"""Where browsers send their subscriptions; nobody else can make a subscription there for a foreign host."""

MAX_ENDPOINT_CHARS = 1024
"""Real ones have 150 to 500."""

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_PATH = re.compile(r"[!-~]*", re.ASCII)


class BadSubscription(ValueError):
    """Says in a sentence for people what is wrong with it, without echoing it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A checked endpoint. ``is_owners``: its host is one the owner named, which may lie in the house."""

    host: str
    port: int
    path: str
    is_owners: bool

    @property
    def origin(self) -> str:
        """As RFC 8292 wants it for ``aud``."""
        return f"https://{self.host}" if self.port == 443 else f"https://{self.host}:{self.port}"


def parse_endpoint(text: str, own_hosts: Collection[str] = ()) -> Endpoint:
    """Raises BadSubscription. ``own_hosts`` are those of the settings: a name, or ``name:port``; a service of the
    makers is asked at 443 only."""
    if len(text) > MAX_ENDPOINT_CHARS or not _PATH.fullmatch(text):
        raise BadSubscription("The address of the push service is too long, or has characters that no address has.")
    try:
        parts = urlsplit(text)
        port = parts.port or 443
    except ValueError:
        raise BadSubscription("The address of the push service cannot be read.") from None
    if parts.scheme != "https":
        raise BadSubscription("The address of the push service must begin with https://.")
    host = (parts.hostname or "").lower()
    if parts.username is not None or parts.fragment or not _HOST.fullmatch(host):
        raise BadSubscription("The address of the push service cannot be read.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if f"{host}:{port}" in own_hosts or (port == 443 and host in own_hosts):
        return Endpoint(host, port, path, is_owners=True)
    if port != 443 or not any(_matches(pattern, host) for pattern in KNOWN_HOSTS):
        raise BadSubscription(
            "This browser uses a push service that Vigilar does not know. "
            "The owner can allow it: hosts in [notify.push]."
        )
    return Endpoint(host, port, path, is_owners=False)


def parse_keys(p256dh: str, auth: str) -> tuple[bytes, bytes]:
    """The two keys of a subscription, of base64url. Raises BadSubscription."""
    try:
        point, secret = base64url.decode(p256dh), base64url.decode(auth)
        parse_point(point)
    except ValueError:
        raise BadSubscription("The key of this browser's subscription is not one that can be used.") from None
    if len(secret) != AUTH_BYTES:
        raise BadSubscription("The secret of this browser's subscription is not 16 bytes.")
    return point, secret


def _matches(pattern: str, host: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
