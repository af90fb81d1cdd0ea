"""Logins: Basic (RFC 7617) and Digest (RFC 7616, and RFC 2069 for old cameras) with all of its algorithms. No I/O."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Sequence

from vigilar.capture.rtsp.intake import LoginMemory
from vigilar.capture.rtsp.messages import BadMessage

_HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}

_BASIC = "basic"
_WITH_BODY = "auth-int"

QUOTED_ALGORITHM = "algorithm in quotes"
"""A key beside the parameters of a challenge, which no parameter can have."""


class InTheClear(Exception):
    """The password is asked for unprotected by a camera that wanted it protected before."""


class Login:
    """User and password, and what the camera last asked for. ``answer`` gives the header of each request.

    Digest comes before Basic, which shows the password to the network; among several Digests the camera's order
    counts, which is its preference (RFC 7616 3.7), but for one that has let us in before. Where the camera offers
    another algorithm, or the password can be read in two ways, ``try_otherwise`` moves on: cameras offer SHA-256 that
    only take MD5.
    """

    def __init__(
        self,
        user: str,
        password: str,
        make_nonce: Callable[[], str] = lambda: secrets.token_hex(8),
        other_password: str | None = None,
        memory: LoginMemory | None = None,
    ) -> None:
        self._user, self._make_nonce = user, make_nonce
        self._memory = memory or LoginMemory()
        self._other = other_password
        self._passwords = [password] if other_password is None else [password, other_password]
        if self._memory.reads_other:
            self._passwords.reverse()
        self._password = self._passwords[0]
        self._sent = ("", "")
        self._refused: set[tuple[str, str]] = set()
        self._offered: list[dict[str, str]] = []
        self._scheme = ""
        self._asked: dict[str, str] = {}
        self._count = 0

    def challenge(self, headers: Sequence[str]) -> bool:
        """Take in the WWW-Authenticate headers; True when a nonce was only too old. Raises BadMessage if none fits,
        InTheClear for Basic from a camera that took Digest before, or offered it on this connection."""
        offered = [one for header in headers for one in parse_challenges(header)]
        self._offered = [parameters for scheme, parameters in offered if scheme == "digest" and _is_usable(parameters)]
        if self._offered:
            liked = [one for one in self._offered if _kind(one) == self._memory.algorithm]
            self._scheme, self._asked, self._count = "digest", (liked or self._offered)[0], 0
            return self._asked.get("stale", "").lower() == "true"
        if all(scheme != "basic" for scheme, _ in offered):
            raise BadMessage("the camera asks for a login that is not understood")
        if self._memory.took_digest or self._scheme == "digest":
            raise InTheClear("the camera asks for the password in the clear")
        self._scheme, self._asked = "basic", {}
        return False

    def try_otherwise(self) -> bool:
        """After a refusal: whether there is another algorithm or reading of the password to try, which then counts.

        Each is tried once; when none helped, none is tried again while the memory lasts.
        """
        if self._memory.has_tried_all:
            return False
        self._refused.add(self._sent)
        ways = self._offered or [{}]
        # All algorithms with the first reading, the last one alone with the second: cameras lock after a few attempts.
        candidates = [(self._passwords[0], asked) for asked in ways] + [(one, ways[-1]) for one in self._passwords[1:]]
        for password, asked in candidates:
            if (password, _kind(asked) if asked else _BASIC) not in self._refused:
                self._password, self._asked, self._count = password, asked, 0
                return True
        self._memory.has_tried_all = len(self._refused) > 1
        return False

    def note_success(self) -> None:
        """A request with this login was answered well."""
        memory = self._memory
        memory.has_tried_all, memory.reads_other = False, self._password == self._other
        if self._scheme == "digest":
            memory.took_digest, memory.algorithm = True, _kind(self._asked)

    def answer(self, method: str, url: str) -> str | None:
        """The Authorization header, None while nobody has asked for one."""
        if self._scheme:
            self._sent = (self._password, _kind(self._asked) if self._scheme == "digest" else _BASIC)
        if self._scheme == "basic":
            return "Basic " + base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        return self._digest(method, url) if self._scheme == "digest" else None

    def _digest(self, method: str, url: str) -> str:
        asked = self._asked
        algorithm = asked.get("algorithm", "MD5")
        kind = _kind(asked)
        is_session = algorithm.upper().endswith("-SESS")
        realm, nonce = asked.get("realm", ""), asked["nonce"]
        qop = _qop(asked)
        self._count += 1
        count, own = f"{self._count:08x}", self._make_nonce()

        def digest(text: str) -> str:
            return hashlib.new(_HASHES[kind], text.encode(), usedforsecurity=False).hexdigest()

        secret = digest(f"{self._user}:{realm}:{self._password}")
        if is_session:
            secret = digest(f"{secret}:{nonce}:{own}")
        # Our requests have no body, and of nothing there is a hash too (RFC 7616 3.4.3).
        request = digest(f"{method}:{url}:{digest('')}" if qop == _WITH_BODY else f"{method}:{url}")
        middle = f"{nonce}:{count}:{own}:{qop}" if qop else nonce
        given = [("username", self._user), ("realm", realm), ("nonce", nonce), ("uri", url)]
        given.append(("response", digest(f"{secret}:{middle}:{request}")))
        if "opaque" in asked:
            given.append(("opaque", asked["opaque"]))
        text = ", ".join(f'{name}="{_quoted(value)}"' for name, value in given)
        if "algorithm" in asked:
            # As the camera wrote it: some refuse the form that it did not use.
            text += f', algorithm="{algorithm}"' if QUOTED_ALGORITHM in asked else f", algorithm={algorithm}"
        if qop:
            text += f', qop={qop}, nc={count}, cnonce="{own}"'
        elif is_session:
            text += f', cnonce="{own}"'
        return "Digest " + text


def _kind(parameters: dict[str, str]) -> str:
    """The hash that a challenge wants: a key of ``_HASHES``, if it is known."""
    return parameters.get("algorithm", "MD5").strip().upper().removesuffix("-SESS")


def _is_usable(parameters: dict[str, str]) -> bool:
    is_met = bool(_qop(parameters)) or not parameters.get("qop")
    return _kind(parameters) in _HASHES and bool(parameters.get("nonce")) and is_met


def _qop(parameters: dict[str, str]) -> str:
    """The quality of protection to answer with: the plain one where it is offered; empty where none is that we know."""
    offered = _words(parameters.get("qop", ""))
    return next((one for one in ("auth", _WITH_BODY) if one in offered), "")


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
            is_quoted = header[at + 1 :].lstrip(" \t").startswith('"')
            value, at = _value(header, at + 1)
            found[-1][1].setdefault(word.lower(), value)
            if is_quoted and word.lower() == "algorithm":
                found[-1][1].setdefault(QUOTED_ALGORITHM, "")
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
