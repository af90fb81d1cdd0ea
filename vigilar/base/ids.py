"""Ids of messages and of things that have no row yet."""

from __future__ import annotations

import re
import secrets
import unicodedata

SENSOR_PREFIX = "sensor/"
"""Before a sensor's id: as the source of its events, and of its problems."""

_NOT_SLUG = re.compile(r"[^a-z0-9]+")


def new_id() -> str:
    """A random id of 128 bits, as 32 hex digits."""
    return secrets.token_hex(16)


def slug(name: str) -> str:
    """A short id out of a name: ASCII letters, digits and hyphens, at most 40; ``camera`` if nothing is left.

    >>> slug("Front door!")
    'front-door'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").lower()
    return _NOT_SLUG.sub("-", plain).strip("-")[:40].strip("-") or "camera"
