"""Logins inside of a camera's address, as people paste them. Pure, and below all who must notice one."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]*))?")
_HOST = re.compile(r"[^\W_]([\w-]*[^\W_])?(\.[^\W_]([\w-]*[^\W_])?)*\.?")

_HIDDEN_NAMES = (
    "(?:login|user|usr)?_?(?:pass|pas)|(?:admin|video|cam|camera|stream|view)_?pass|pw"
    "|[a-z]*[_-]?(?:password|passwd|passwrd|psswd|passwort|passw|passphrase|passcode|pwd|psw|token|secret|key)"
    "|auth(?:orization|basic)?|credentials?|cred|bearer|jwt|psk|pin|sig|signature|session(?:_?id)?|sid"
)
"""What a parameter is called whose value lets somebody in."""

_USER_NAMES = "(?:login)?_?(?:username|user|usr|use|account|login)|u"
# A name begins the path or follows a separator; XMEye cameras separate by "_", so a word character may stand before it.
_BEFORE = "(?:^|(?<=[/?&#;,_])|(?<=%26))"
_IN_PATH = re.compile(rf"{_BEFORE}(?P<name>{_HIDDEN_NAMES})(?:=|%3D)(?P<value>[^&/?#;\s]*)", re.IGNORECASE)
_USER_IN_PATH = re.compile(rf"(?P<before>^|[/?&#;,_])(?P<name>{_USER_NAMES})=(?P<value>[^&/?#;:\s]*)", re.IGNORECASE)
_SHORT = re.compile(r"[/?&]u=[^&/?#]*&p=(?P<value>(?!\{password\}|\*\*\*)[^&/?#\s]+)", re.IGNORECASE)
_PAIR = re.compile(
    r"(?:[/?&;,](?:user(?:name)?|usr|login|account)=[^&/?#:;\s]+"
    r"|/(?:admin|root|user|viewer|guest|operator|service|ubnt)):(?P<value>(?!\{password\}|\*\*\*)[^&/?#\s]+)",
    re.IGNORECASE,
)
"""Both behind one name, or as a step of the path: ``login=admin:secret``, ``/admin:secret/stream``."""
_NEXT_NAME = re.compile(r"_(?=[a-zA-Z]+=)")


@dataclass(frozen=True, slots=True)
class UrlLogin:
    """What stands before the ``@``, as it was written."""

    user: str
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """Where in a path something stands: ``path[begin:end]`` is its value."""

    begin: int
    end: int


def cut_login(rest: str) -> tuple[UrlLogin | None, str]:
    """The login of what follows ``rtsp://``, and what is left of that without it.

    People paste passwords with ``/`` or ``@`` in them as they are. So when what stands before the first ``/`` is no
    host, all up to the last ``@`` is the login; also when it only looks like one (``admin:12/34@192.168.1.9/x``: the
    user and the begin of a password), but what follows the ``@`` is a host for certain.
    """
    if "@" not in rest:
        return None, rest
    authority = _authority(rest)
    last = rest.rindex("@")
    if "@" in authority and is_authority(authority[authority.rindex("@") + 1 :]):
        at = authority.rindex("@")
        if at != last and not _is_clear(authority[at + 1 :]) and _is_clear(_authority(rest[last + 1 :])):
            at = last
    elif not is_authority(authority) or _is_user_and_digits(authority, _authority(rest[last + 1 :])):
        at = last
    else:
        return None, rest
    user, has_password, password = rest[:at].partition(":")
    return UrlLogin(user, password if has_password else None), rest[at + 1 :]


def read_pasted(text: str) -> str:
    """What a part of a pasted login means: percent-decoded, or as it stands when it cannot have been encoded.

    That is so when a ``%`` begins no escape (``50%off``), or what the escapes give is no UTF-8 (``p%edge1``).
    """
    if text.count("%") != len(_ESCAPE.findall(text)):
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


def is_authority(text: str) -> bool:
    """Whether ``text`` is a host and maybe a port."""
    parts = _AUTHORITY.fullmatch(text)
    return parts is not None and is_host(parts["host"]) and (parts["port"] is None or is_port(parts["port"]))


def is_host(host: str) -> bool:
    if not host.startswith("["):
        return len(host) <= 253 and bool(_HOST.fullmatch(host))
    try:
        ipaddress.IPv6Address(host[1:-1])
    except ValueError:
        return False
    return True


def read_zone(host: str) -> str:
    """An IPv6 address as the system takes it: in a URL the ``%`` before the name of a link is written ``%25`` (RFC
    6874)."""
    return host.replace("%25", "%", 1) if ":" in host else host


def is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535


def find_password(path: str) -> Found | None:
    """Where a password or token stands in the path or query of an address: ``user=admin_password=x_channel=1``,
    ``&password=x``, ``?loginpas=x``, ``?token=x``. Not one that is empty, or a placeholder: ``{password}``, ``***``."""
    for match in _IN_PATH.finditer(path):
        found = _value(match)
        if found.end > found.begin and not path.startswith(("{password}", "***"), found.begin):
            return found
    found_pair = _SHORT.search(path) or _PAIR.search(path)
    return Found(*found_pair.span("value")) if found_pair else None


def hides_password(path: str) -> bool:
    """Whether there is a password that can only be seen when escapes are read: ``pass%77ord=x``. Nobody writes that
    by accident, and it cannot be taken out."""
    return find_password(path) is None and find_password(unquote(path)) is not None


def without_passwords(path: str) -> str:
    """``path`` with ``***`` for each password in it."""
    while (found := find_password(path)) is not None:
        path = f"{path[: found.begin]}***{path[found.end :]}"
    return path


def find_user(path: str) -> Found | None:
    """Where the user name stands that belongs to such a password."""
    for match in _USER_IN_PATH.finditer(path):
        found = _value(match)
        if found.end > found.begin and not path.startswith("{user}", found.begin):
            return found
    return None


def _value(match: re.Match[str]) -> Found:
    """The value goes on to the next separator; ``_`` is one where a name and ``=`` follow."""
    value = match["value"]
    following = _NEXT_NAME.search(value)
    begin = match.start("value")
    return Found(begin, begin + (following.start() if following else len(value)))


def _authority(rest: str) -> str:
    return re.split(r"[/?#]", rest, maxsplit=1)[0]


def _is_clear(authority: str) -> bool:
    """A host that is one for certain: an address, or a name with a dot."""
    return is_authority(authority) and ("." in authority or authority.startswith("["))


def _is_user_and_digits(authority: str, after: str) -> bool:
    return ":" in authority and not _is_clear(authority) and _is_clear(after)
