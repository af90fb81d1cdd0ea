"""Addresses of cameras: ``rtsp://user:password@host:port/path``, the login percent-encoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

RTSP_PORT = 554
_SCHEME = "rtsp://"


class BadAddress(ValueError):
    """Not an address of a camera. The text holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Address:
    """``url`` is what requests name: without the login, otherwise as it was given."""

    host: str
    port: int
    url: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def authority(self) -> str:
        """Host and port as ``url`` has them."""
        return urlsplit(self.url).netloc


def parse_address(url: str) -> Address:
    """Raises BadAddress, also for characters that could begin a header of their own in a request."""
    if any(character <= " " or character == "\x7f" for character in url):
        raise BadAddress("it holds a space or a control character")
    if not url[: len(_SCHEME)].lower() == _SCHEME:
        raise BadAddress("it does not begin with rtsp://")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadAddress("its host or port cannot be read") from error
    if not host or port == 0:
        raise BadAddress("it names no host or no port")
    login, _, authority = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    rest = url[len(_SCHEME) + len(parts.netloc) :]
    return Address(host, port or RTSP_PORT, f"{_SCHEME}{authority}{rest}", unquote(user), unquote(password))
