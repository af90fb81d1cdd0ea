"""Logins: Basic (RFC 7617) and Digest with MD5 or SHA-256 (RFC 7616, and RFC 2069 for old cameras). No I/O."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Sequence

from vigilar.capture.rtsp.messages import BadMessage

_HASHES = {"MD5": "md5", "SHA-256": "sha256"}


class Login:
    """User and password, and what the camera last asked for. ``answer`` gives the header of each request.

    Digest comes before Basic, which shows the password to the network; among several Digests the camera's order
    counts, which is its preference (RFC 7616 3.7).
    """

    def __init__(self, user: str, password: str, make_nonce: Callable[[], str] = lambda: secrets.token_hex(8)) -> None:
        self._user, self._password, self._make_nonce = user, password, make_nonce
        self._scheme = ""
        self._asked: dict[str, str] = {}
        self._count = 0

    def challenge(self, headers: Sequence[str]) -> bool:
        """Take in the WWW-Authenticate headers; True when a nonce was only too old. Raises BadMessage if none fits."""
        basic = False
        for header in headers:
            for scheme, parameters in parse_challenges(header):
                if scheme == "digest" and _is_usable(parameters):
                    self._scheme, self._asked, self._count = "digest", parameters, 0
                    return parameters.get("stale", "").lower() == "true"
                basic = basic or scheme == "basic"
        if not basic:
            raise BadMessage("the camera asks for a login that is not understood")
        self._scheme, self._asked = "basic", {}
        return False

    def answer(self, method: str, url: str) -> str | None:
        """The Authorization header, None while nobody has asked for one."""
        if self._scheme == "basic":
            return "Basic " + base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        return self._digest(method, url) if self._scheme == "digest" else None

    def _digest(self, method: str, url: str) -> str:
        asked = self._asked
        algorithm = asked.get("algorithm", "MD5")
        kind = algorithm.upper().removesuffix("-SESS")
        is_session = algorithm.upper().endswith("-SESS")
        realm, nonce = asked.get("realm", ""), asked["nonce"]
        has_qop = "auth" in _words(asked.get("qop", ""))
        self._count += 1
        count, own = f"{self._count:08x}", self._make_nonce()

        def digest(text: str) -> str:
            return hashlib.new(_HASHES[kind], text.encode(), usedforsecurity=False).hexdigest()

        secret = digest(f"{self._user}:{realm}:{self._password}")
        if is_session:
            secret = digest(f"{secret}:{nonce}:{own}")
        request = digest(f"{method}:{url}")
        middle = f"{nonce}:{count}:{own}:auth" if has_qop else nonce
        given = [("username", self._user), ("realm", realm), ("nonce", nonce), ("uri", url)]
        given.append(("response", digest(f"{secret}:{middle}:{request}")))
        if "opaque" in asked:
            given.append(("opaque", asked["opaque"]))
        text = ", ".join(f'{name}="{_quoted(value)}"' for name, value in given)
        if "algorithm" in asked:
            text += f", algorithm={algorithm}"
        if has_qop:
            text += f', qop=auth, nc={count}, cnonce="{own}"'
        elif is_session:
            text += f', cnonce="{own}"'
        return "Digest " + text


def _is_usable(parameters: dict[str, str]) -> bool:
    algorithm = parameters.get("algorithm", "MD5").upper().removesuffix("-SESS")
    qop = parameters.get("qop", "")
    return algorithm in _HASHES and bool(parameters.get("nonce")) and (not qop or "auth" in _words(qop))


def _words(text: str) -> list[str]:
    return [word.strip().lower() for word in text.split(",")]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def parse_challenges(header: str) -> list[tuple[str, dict[str, str]]]:
    """Each challenge of one header: lower-case scheme and parameters. Never fails: what makes no sense is left out."""
    found: list[tuple[str, dict[str, str]]] = []
    at = 0
    while at < len(header):
        word, at = _token(header, at)
        if at < len(header) and header[at] == "=" and word and found:
            value, at = _value(header, at + 1)
            found[-1][1].setdefault(word.lower(), value)
        elif word:
            found.append((word.lower(), {}))
        else:
            at += 1
    return found


def _token(text: str, at: int) -> tuple[str, int]:
    while at < len(text) and text[at] in " \t,":
        at += 1
    begin = at
    while at < len(text) and text[at] not in ' \t,="':
        at += 1
    word = text[begin:at]
    following = at
    while following < len(text) and text[following] in " \t":
        following += 1
    return word, following if following < len(text) and text[following] == "=" else at


def _value(text: str, at: int) -> tuple[str, int]:
    while at < len(text) and text[at] in " \t":
        at += 1
    if at >= len(text) or text[at] != '"':
        begin = at
        while at < len(text) and text[at] not in " \t,":
            at += 1
        return text[begin:at], at
    pieces = []
    at += 1
    while at < len(text) and text[at] != '"':
        at += text[at] == "\\" and at + 1 < len(text)
        pieces.append(text[at])
        at += 1
    return "".join(pieces), at + 1
