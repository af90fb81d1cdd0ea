"""Takes secrets out of what is to be given to somebody: by what they are called, by where they stand in addresses, and
by their very text, wherever it turns up.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from vigilar.base.redact import redact

REMOVED = "(removed)"

SECRET_KEYS = re.compile(
    r"pass|secret|token|login|key|user|pin|topic|cookie|auth|credential|endpoint|mail", re.IGNORECASE
)
"""Names of settings whose values are nobody's business. More is taken than must be."""

MIN_LENGTH = 4
"""A shorter text would be found in half of all words."""

MAX_SECRET_BYTES = 64 * 1024
_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s\"'<>\\]+")


_NAMED = re.compile(
    r"(?P<name>\b(?:login|user|user_?name|member)\b[\"']?\s*[=:]\s*)(?P<value>\"[^\"]*\"|[^\s,;&}]+)", re.IGNORECASE
)
"""Beside what ``base.redact`` knows: in a log of our own a name may stand, here it may not."""


class Scrubber:
    """Knows the secrets of a box. Holds them in memory for as long as it lives."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # The longest first, so that no part of one is left behind.
        known = {written for one in secrets if len(one) >= MIN_LENGTH for written in _ways_to_write(one)}
        found = sorted(known, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, found))) if found else None

    def text(self, text: str) -> str:
        """``text`` without secrets; of each address only kind and host."""
        text = redact(_ADDRESS.sub(lambda found: _host_only(found[0]), text))
        return self.known(_NAMED.sub(_without_value, text))

    def known(self, text: str) -> str:
        """``text`` without the very texts of secrets; JSON stays JSON."""
        return self._known.sub(REMOVED, text) if self._known else text

    def plain(self, value: Any, key: str = "") -> Any:
        """The same for JSON-able values; what a secret-like key holds goes whole."""
        if isinstance(value, dict):
            return {str(name): self.plain(inner, str(name)) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(inner, key) for inner in value]
        if isinstance(value, str):
            return REMOVED if SECRET_KEYS.search(key) and value else self.text(value)
        return value


def _ways_to_write(secret: str) -> Iterator[str]:
    """As it stands, in an address, and in JSON or a ``repr``: a log has all of them."""
    yield from (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1])


def list_secrets(folder: Path) -> Iterator[str]:
    """The texts of all files below ``folder``: values of JSON objects, lines, and for keys in bytes their usual
    spellings. A file that cannot be read gives nothing: nobody who cannot read it can have copied it."""
    for path in sorted(folder.rglob("*")):
        try:
            data = path.read_bytes()[:MAX_SECRET_BYTES] if path.is_file() else b""
        except OSError:
            continue
        yield from _spellings(data)


def _spellings(data: bytes) -> Iterator[str]:
    if not data:
        return
    yield data.hex()
    yield base64.b64encode(data).decode()
    yield base64.urlsafe_b64encode(data).decode().rstrip("=")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return
    try:
        yield from _texts(json.loads(text))
    except ValueError:
        yield from (line.strip() for line in text.splitlines() if not line.startswith("-----"))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def _without_value(found: re.Match[str]) -> str:
    """Quotes stay, so that JSON stays JSON."""
    quote = '"' if found["value"].startswith('"') else ""
    return f"{found['name']}{quote}{REMOVED}{quote}"


def _host_only(address: str) -> str:
    """``rtsp://192.168.1.21:554/…``: whatever stands around the host may hold a login."""
    kind, _, rest = address.partition("://")
    behind = rest.rpartition("@")[2]
    host = re.split(r"[/?#]", behind, maxsplit=1)[0]
    is_clear = re.fullmatch(r"(?:\[[0-9a-fA-F:.]+\]|[0-9A-Za-z._-]+)(?::\d+)?", host) is not None
    return f"{kind}://{host if is_clear else REMOVED}{'/…' if len(behind) > len(host) else ''}"
