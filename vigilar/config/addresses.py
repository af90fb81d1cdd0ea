"""Addresses of cameras: what is allowed, taking a login out of one, putting it back in.

A sentence from here never repeats the address: there may be a password in it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from vigilar.base.redact import redact
from vigilar.base.url_login import (
    cut_login,
    find_password,
    find_user,
    hides_password,
    is_authority,
    is_host,
    is_port,
    read_pasted,
    read_zone,
)

DEMO_SCENES = ("street", "garden", "hall", "feeder")
"""The made-up cameras of ``vigilar/demo``; a test holds the two lists equal."""

MAX_ADDRESS_CHARS = 500

_BETWEEN = re.compile(r",(?=(?:rtsps?|http|file|demo):)")

_RTSP_SCHEMES = ("rtsp", "rtsps")
NETWORK_SCHEMES = (*_RTSP_SCHEMES, "http")
_TYPED_KIND = re.compile(r"(rtsps?|http)(?::/{1,2}|//)(?!/)", re.IGNORECASE)
"""How people and phones write the begin of an address: in capitals, with a colon or a slash too few."""

_AROUND = " \t\r\n\"'<>\u201c\u201d\u201e\u00ab\u00bb"
"""What stands around an address that is copied out of a manual, and never at its ends."""

_KINDS = 'must begin with "rtsp://", "rtsps://", "http://", "file:/" or "demo:"'

_VERBATIM = "!\"$%&'()*+,-./:;<=>?@[\\]^_`{|}~#"
"""What a camera that wants its login in the path, parted by ``_``, takes as it is: all but blanks. It decodes nothing
(XMEye), and the request ends at a blank only."""

_QUERY_SAFE = "!$'()*,-./:;@[]^_`{|}~"
"""What needs no escape between the ``&`` of a query: cameras that decode it and those that do not read the same."""

_USER_INFO_SAFE = "!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class SplitAddress:
    """An address without its login, and the login that was in it, decoded. None: there was none."""

    address: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def split_streams(text: str) -> list[str]:
    """``main`` or ``main,small``: the addresses of a camera's streams. A comma inside of an address is left alone."""
    return [part.strip() for part in _BETWEEN.split(text.strip(), maxsplit=1)]


def is_network(address: str) -> bool:
    """Whether it is a camera in the network, which may have a login."""
    return address.partition(":")[0] in NETWORK_SCHEMES


def with_scheme(text: str) -> str:
    """``192.168.1.21``, ``admin@camera.home:554/x``, ``RTSP:/host/x`` and the like as the address that is meant; what
    has another kind, or cannot be a host, comes back as it is."""
    text = text.strip(_AROUND)
    if typed := _TYPED_KIND.match(text):
        return f"{typed[1].lower()}://{text[typed.end() :]}"
    if "://" in text or text.partition(":")[0] in ("demo", "file") or not text or "/" in text[:1]:
        return text
    try:
        return f"rtsp://[{ipaddress.IPv6Address(text)}]"
    except ValueError:
        pass
    _, bare = cut_login(text)
    return f"rtsp://{text}" if is_authority(re.split(r"[/?#]", bare, maxsplit=1)[0]) else text


def bare_host(address: str) -> tuple[str, int | None, bool] | None:
    """Host, port and whether it is under TLS of a bare ``rtsp://host``, whose path is not known; None for others."""
    scheme, found, rest = address.partition("://")
    if not found or scheme.lower() not in _RTSP_SCHEMES or rest.strip("/") != rest.partition("/")[0]:
        return None
    host, _, port = _host_and_port(rest.strip("/"))
    if not host or any(mark in rest for mark in "?#@"):
        return None
    return read_zone(host.strip("[]")), int(port) if port else None, scheme.lower() == "rtsps"


def split_login(address: str) -> SplitAddress:
    """Take the login out of the address of a camera in the network, wherever it is; others come back as they are.

    One before the host goes (``base.url_login.cut_login``); of one in path or query the placeholders ``{user}`` and
    ``{password}`` stay.
    """
    scheme, found, rest = address.partition("://")
    if not found or scheme.lower() not in NETWORK_SCHEMES:
        return SplitAddress(address)
    login, rest = cut_login(rest)
    bare, user, password = _without_path_login(rest)
    if login is not None:
        user = read_pasted(login.user)
        password = password if login.password is None else read_pasted(login.password)
    return SplitAddress(f"{scheme}://{bare}", user, password)


def without_login(typed: str) -> str:
    """What may be shown again of an address, right or wrong, that somebody typed: as it is, or without the login in it;
    empty where a password may be left."""
    whole = with_scheme(typed)
    bare = split_login(whole).address
    if "@" in unquote(bare) or redact(bare) != bare or hides_password(bare):
        return ""
    return typed if bare == whole else bare


def with_login(address: str, user: str, password: str) -> str:
    """The address to open: with the login, percent-encoded, where the camera wants it.

    Some cameras want it in the path; ``{user}`` and ``{password}`` in the address mark the places. In a query only what
    would end the value is encoded; where ``_`` parts the names nothing is.
    """
    if "{password}" in address or "{user}" in address:
        is_verbatim = (
            "{password}" in address
            and bool(re.search(r"[/_]\w+=\{password\}", address))
            and ("&" not in address.partition("{password}")[0].rpartition("/")[2])
        )
        safe = _VERBATIM if is_verbatim else _QUERY_SAFE
        return address.replace("{user}", quote(user, safe=safe)).replace("{password}", quote(password, safe=safe))
    return before_host(address, user, password)


def before_host(address: str, user: str, password: str) -> str:
    """The address with the login before its host, percent-encoded; placeholders for it stay."""
    scheme, found, rest = address.partition("://")
    login = f"{quote(user, safe=_USER_INFO_SAFE)}:{quote(password, safe=_USER_INFO_SAFE)}"
    return f"{scheme}://{login}@{rest}" if found else address


def address_problem(address: str) -> str | None:
    """Why ``address`` cannot be a camera's, as the end of a sentence; None when it can."""
    if not address:
        return "is empty"
    if len(address) > MAX_ADDRESS_CHARS:
        return f"is longer than {MAX_ADDRESS_CHARS} characters"
    if any(c.isspace() or not c.isprintable() for c in address):
        return "holds a space or a character that cannot be seen; a space in a path is written %20"
    kind, _, rest = address.partition(":")
    if kind == "demo":
        return None if rest in DEMO_SCENES else f"names no demo scene; there are {', '.join(DEMO_SCENES)}"
    if kind == "file":
        return None if rest.startswith("/") and rest.strip("/") else 'must name a file from the root, "file:/..."'
    if kind not in NETWORK_SCHEMES or not rest.startswith("//"):
        return f'{_KINDS}, for example "rtsp://192.168.1.21/stream1"'
    return _network_problem(rest[2:])


def _network_problem(rest: str) -> str | None:
    login, _ = cut_login(rest)
    if login is not None:
        return 'must not hold a login; keep the login in a secret and write login = "secret:NAME"'
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if find_password(rest[len(authority) :]) is not None:
        return 'must not hold a password; write {password} in its place and login = "secret:NAME"'
    if hides_password(rest[len(authority) :]):
        return "holds a password whose name is written with escapes; write it plainly, and {password} for its value"
    return _authority_problem(authority)


def _without_path_login(rest: str) -> tuple[str, str | None, str | None]:
    """``rest`` with placeholders for a login in its path, and that login; None where there is none."""
    begin = len(re.split(r"[/?#]", rest, maxsplit=1)[0])
    head, path = rest[:begin], rest[begin:]
    secret = find_password(path)
    if secret is None:
        return rest, None, None
    password = read_pasted(path[secret.begin : secret.end])
    path = f"{path[: secret.begin]}{{password}}{path[secret.end :]}"
    name = find_user(path)
    if name is None:
        return head + path, "", password
    user = read_pasted(path[name.begin : name.end])
    return f"{head}{path[: name.begin]}{{user}}{path[name.end :]}", user, password


def _authority_problem(authority: str) -> str | None:
    host, colon, port = _host_and_port(authority)
    if host is None and authority.count(":") > 1 and not authority.strip("0123456789abcdefABCDEF:."):
        return 'names an IPv6 address, which must stand in brackets: "rtsp://[fd00::7]:554/..."'
    if host is None:
        return 'must name a host and maybe a port, "rtsp://host:554/..."'
    if not host:
        return "names no host"
    if _is_off(host):
        return "names a host that cannot be one: the four numbers of an address are 0 to 255 each"
    if not is_host(host):
        return "names a host that cannot be one"
    if colon and not is_port(port):
        return "has a port that is not 1 to 65535"
    return None


def _is_off(host: str) -> bool:
    """Four numbers, one of which is too large. One with a zero before it is octal, for the resolver to judge."""
    numbers = host.split(".")
    is_four = len(numbers) == 4 and all(re.fullmatch("0|[1-9][0-9]*", one) for one in numbers)
    return is_four and any(int(one[:4]) > 255 for one in numbers)


def _host_and_port(authority: str) -> tuple[str | None, bool, str]:
    parts = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(?:(:)([0-9]*))?", authority)
    return (parts[1], parts[2] is not None, parts[3] or "") if parts else (None, False, "")
