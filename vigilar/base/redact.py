"""Takes secrets out of whatever a person, a log or a page may see."""

from __future__ import annotations

import re

from vigilar.base.url_login import without_passwords

_URL_USER = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s@]*@(?=[^/\s])")
_URL_USER_ODD = re.compile(r"(?P<scheme>(?:rtsps?|http)://)[^\s]*@")
_URL = re.compile(r"(?:rtsps?|https?)://[^\s\"'<>]+")
# Not the two things that our own sentences say after such a name.
_NAMED = re.compile(
    r"(?P<name>(?:\b|_)(?:(?:login|user|usr)?_?(?:pass(?:word|wd|w)?|passwort|pas|pwd|psw|psswd)|pw|(?:access|auth)?_?token|authbasic"
    r"|secret|pin|authorization|cookie|(?:api|auth|access)[_-]?key)\b[\"']?\s*[=:]\s*)"
    r"(?!\{password\}|is unknown\b|(?-i:NAME\"))"
    r"(?P<value>(?:Basic|Bearer|Digest)\s+[^\"'\n]*|\"[^\"]*\"|'[^']*'|[^\s,;&}]+)",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """``text`` without user names and passwords in addresses and without values of secret-like names.

    A password that itself holds ``@`` or ``/`` is covered for cameras: all up to the last ``@`` goes.

    >>> redact("open rtsp://admin:p@ss:w/rd@10.0.0.7:554/live")
    'open rtsp://***@10.0.0.7:554/live'
    """
    text = _URL_USER_ODD.sub(r"\g<scheme>***@", text)
    text = _URL_USER.sub(r"\g<scheme>***@", text)
    text = _URL.sub(lambda found: without_passwords(found[0]), text)
    return _NAMED.sub(r"\g<name>***", text)
