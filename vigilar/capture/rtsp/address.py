"""Addresses of cameras: ``rtsp://user:password@host:port/path``, ``rtsps://`` with TLS, ``http://``; the login
percent-encoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from vigilar.base.url_login import cut_login, read_pasted, read_zone

PORTS = {"rtsp": 554, "rtsps": 322, "http": 80}
"""By scheme; 322 is that of RTSP over TLS (RFC 7826 22.2)."""


class BadAddress(ValueError):
    """Not an address of a camera. The text holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Address:
    """``url`` is what requests name: without the login, otherwise as it was given.

    ``other_password`` is the second reading of the password where two are possible: whether ``%40`` means itself or
    ``@`` can only be tried. None where there is one reading.
    """

    host: str
    port: int
    url: str = field(repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    is_tls: bool = False
    other_password: str | None = field(default=None, repr=False)

    @property
    def root(self) -> str:
        """Scheme, host and port as ``url`` has them."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def parse_address(url: str) -> Address:
    """Raises BadAddress, also for characters that could begin a header of their own in a request."""
    scheme, found, rest = url.partition("://")
    scheme = scheme.lower()
    if not found or scheme not in PORTS:
        raise BadAddress("it does not begin with rtsp://, rtsps:// or http://")
    login, bare = cut_login(rest)
    if any(character <= " " or character == "\x7f" for character in bare):
        raise BadAddress("it holds a space or a control character")
    try:
        parts = urlsplit(f"{scheme}://{bare}")
        host, port = read_zone(parts.hostname or ""), parts.port
    except ValueError as error:
        raise BadAddress("its host or port cannot be read") from error
    if not host or port == 0 or "@" in parts.netloc:
        raise BadAddress("it names no host or no port")
    url = f"{scheme}://{bare}"
    is_tls = scheme == "rtsps"
    if login is None:
        return Address(host, port or PORTS[scheme], url, is_tls=is_tls)
    given = login.password or ""
    password = read_pasted(given)
    user = read_pasted(login.user)
    return Address(host, port or PORTS[scheme], url, user, password, is_tls, _other(given, password))


def _other(given: str, password: str) -> str | None:
    """What else a password may mean: as it stands in the address; or, if it was typed with escapes and comes here
    encoded once more, decoded twice."""
    decoded = read_pasted(password)
    if decoded != password:
        return decoded
    return given if given != password else None
