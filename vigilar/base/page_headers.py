"""The headers of every answer of a page of ours, whoever serves it, and the page of a request that reaches none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from http import HTTPStatus

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""``blob:`` is for Media Source players (media) and pictures made by script; ``data:`` for Bootstrap's small SVGs."""

SECURITY_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

STRICT = ("Strict-Transport-Security", "max-age=31536000")
"""Where plain HTTP is closed: a browser comes back to this name by HTTPS only, for a year (RFC 6797); for names, not
for addresses. Not for ``localhost``, which is other programs' name too."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a person is told who gets no page: what is so and why, and what to do next."""

    sentence: str
    next_step: str


def bare_answer(status: int, refusal: Refusal, more: Mapping[str, str] | None = None) -> bytes:
    """A whole answer in HTTP/1.1, which ends its connection. It needs no other file: nobody may be there who has one.
    ``more`` are headers."""
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="dark">'
        f'<meta name="viewport" content="width=device-width"><title>Vigilar</title><h1>{escape(refusal.sentence)}</h1>'
        f"<p>{escape(refusal.next_step)}</p>\n"
    ).encode()
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Connection": "close",
        **(more or {}),
        **SECURITY_HEADERS,
    }
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
